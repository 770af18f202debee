"""What a parser gives up before it reads a stranger's bytes: the network, and every new file.

No root is needed. Two locks of the Linux kernel are used, each as far as it is there: a seccomp
filter refuses the system calls that make sockets, and names in a file system; Landlock refuses to
write to any file but /dev/null. What is open already stays open, and everything can be read.
"""

import contextlib
import errno
import os
import resource
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seccompy import Filter

_OF_OTHERS = ("ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd")
_NAMES = (
    "creat", "mkdir", "mkdirat", "mknod", "mknodat", "link", "linkat", "symlink", "symlinkat",
    "rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir", "truncate",
    "chmod", "fchmodat", "fchmodat2", "chown", "lchown", "fchownat", "setxattr", "lsetxattr",
)  # fmt: skip
_ROOTS_ALONE = ("mount", "umount2", "pivot_root", "chroot", "bpf", "keyctl", "add_key")
# A filter cannot look into what they are given; whoever uses them can do without.
_UNSEEN = ("openat2", "io_uring_setup")


def confine() -> str:
    """Confine this process, and all that it will start, for good. Raises nothing.

    What the system lacks is left out; the answer is what is in force, such as ``landlock 7,
    seccomp, rlimits``.
    """
    landlock = _landlock()
    seccomp = _seccomp(files=landlock is None)
    in_force = [lock for lock in (landlock, seccomp) if lock is not None]
    with contextlib.suppress(OSError, ValueError):
        _none_of(resource.RLIMIT_CORE)
        if not in_force:
            # Files can still be made, but stay empty: Python hears of it as EFBIG.
            _none_of(resource.RLIMIT_FSIZE)
    return ", ".join([*in_force, "rlimits"])


def _none_of(limit: int) -> None:
    resource.setrlimit(limit, (0, resource.getrlimit(limit)[1]))


def _landlock() -> str | None:
    """No writing to files, and no signals to other processes, from this thread and new ones."""
    with contextlib.suppress(ImportError, OSError):
        from landlockpy import AccessFS, Ruleset, Scope, fs_for_abi
        from landlockpy.flags import LATEST_ABI

        reading = AccessFS.EXECUTE | AccessFS.READ_FILE | AccessFS.READ_DIR | AccessFS.IOCTL_DEV
        with Ruleset(handled_fs=fs_for_abi(LATEST_ABI) & ~reading, scoped=Scope.SIGNAL) as rules:
            rules.allow_path(os.devnull, AccessFS.WRITE_FILE | AccessFS.TRUNCATE)
            rules.restrict()
            return f"landlock {rules.abi_version}"
    return None


def _seccomp(*, files: bool) -> str | None:
    """No sockets and no new names, in every thread; `files`: no file either, where nothing else
    sees to that: then `> /dev/null` is refused as well."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        from seccompy import Filter, FilterFlag, flag_supported, supported

        if not supported():
            return None
        flags = FilterFlag.TSYNC
        if flag_supported(FilterFlag.SPEC_ALLOW):
            # Without it kernels before 5.16 make the whole process slower.
            flags |= FilterFlag.SPEC_ALLOW
        rules = Filter(flags=flags)
        _refuse(rules, files=files)
        rules.load()
        return "seccomp"
    return None


def _refuse(rules: "Filter", *, files: bool) -> None:
    from seccompy import ArgCmp, CmpOp

    refused = dict.fromkeys(("socket", *_OF_OTHERS, *_NAMES, *_ROOTS_ALONE), errno.EACCES)
    for name, number in (refused | dict.fromkeys(_UNSEEN, errno.ENOSYS)).items():
        with contextlib.suppress(ValueError):  # machines differ in the names they have
            rules.errno(name, number)
    making = [os.O_TMPFILE & ~os.O_DIRECTORY, *([os.O_CREAT] if files else [])]
    for name, flags in (("open", 1), ("openat", 2)):
        for flag in making:
            with contextlib.suppress(ValueError):
                asked = ArgCmp(flags, CmpOp.MASKED_EQ, flag, flag)
                rules.errno(name, errno.EACCES, args=[asked])
