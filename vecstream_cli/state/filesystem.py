"""Which kind of file system a path lies on."""

import os
import re
from pathlib import Path

_NETWORK = frozenset(
    {"9p", "afs", "beegfs", "ceph", "cifs", "gfs2", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs"}
    | {"nfs4", "ocfs2", "smb3", "smbfs"}
    | {"fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs", "fuse.ceph", "fuse.gcsfuse"}
)


def network_file_system(path: Path, mounts: Path = Path("/proc/self/mountinfo")) -> str | None:
    """The kind of network file system that `path` lies on; None where it is local or unknown."""
    try:
        lines = mounts.read_bytes().splitlines()
    except OSError:  # not Linux
        return None
    target = os.path.realpath(os.fsencode(path))
    longest, kind = -1, ""
    for line in lines:
        # proc(5): the fifth field is the mount point, the first after " - " the type.
        left, _, right = line.partition(b" - ")
        point = re.sub(rb"\\([0-7]{3})", _unescaped, left.split(b" ")[4])
        inside = target == point or target.startswith(point.rstrip(b"/") + b"/")
        # Of two mounts on one point, the later hides the earlier.
        if inside and len(point) >= longest:
            longest, kind = len(point), right.split(b" ")[0].decode()
    return kind if kind in _NETWORK else None


def _unescaped(octal: re.Match[bytes]) -> bytes:
    return bytes([int(octal[1], 8)])
