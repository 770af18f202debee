"""Text in pictures, by the Tesseract program: one thread, bounded time and memory, no files."""

import contextlib
import ctypes
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from typing import IO, TYPE_CHECKING

from vecstream_cli.errors import DocumentError, UsageError
from vecstream_cli.readers.source import Progress

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

PROGRAM = "tesseract"
MAX_PIXELS = 16 << 20
"""A larger picture is made smaller: an A4 page at 300 dpi has 8.7 million."""

_PICTURE_SECONDS = 120.0
_BEAT_SECONDS = 0.5
_MAX_DATA_BYTES = 512 << 20
_MAX_TEXT_BYTES = 4 << 20
_PR_SET_PDEATHSIG = 1

_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def must_be_installed(languages: str) -> None:
    """Raise UsageError where Tesseract, or its data for one of the languages, is not here."""
    program = shutil.which(PROGRAM)
    if program is None:
        raise UsageError(
            "--ocr needs the program tesseract, which is not installed.",
            hint="Install it (`apt install tesseract-ocr`, `brew install tesseract`), or leave "
            "--ocr out.",
        )
    try:
        done = subprocess.run(
            [program, "--list-langs"], stdin=subprocess.DEVNULL, capture_output=True, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"The program {program}, which --ocr needs, does not run.") from error
    known = done.stdout.decode("utf-8", "replace").split("\n")[1:]
    missing = [each for each in languages.split("+") if each not in known]
    if missing:
        name = missing[0].replace("script/", "script-").replace("_", "-").lower()
        raise UsageError(
            f"Tesseract has no data for {missing[0]}, which --ocr names.",
            hint=f"Install it (`apt install tesseract-ocr-{name}`); it has "
            f"{', '.join(filter(None, known)) or 'no language at all'}.",
        )


def recognised(image: "Picture", languages: str, progress: Progress) -> str:
    """The text in a picture; empty where there is none.

    A picture of more than `MAX_PIXELS` is made smaller first. `progress` is called about twice a
    second. Raises DocumentError ``ocr-failed`` where Tesseract fails or takes too long.
    """
    if image.has_transparency_data:
        from PIL import Image

        below = Image.new("RGBA", image.size, "white")
        below.alpha_composite(image.convert("RGBA"))
        image = below
    grey = image.convert("L")
    pixels = grey.width * grey.height
    if pixels > MAX_PIXELS:
        scale = (MAX_PIXELS / pixels) ** 0.5
        grey = grey.resize((max(1, int(grey.width * scale)), max(1, int(grey.height * scale))))
    return recognised_grey(grey.width, grey.height, grey.tobytes(), languages, progress)


def recognised_grey(
    width: int, height: int, pixels: bytes, languages: str, progress: Progress, *, dpi: int = 0
) -> str:
    """The same of a byte for each pixel, row by row; `dpi` where it is known."""
    if not pixels or pixels.count(pixels[:1]) == len(pixels):
        return ""  # one even colour
    command = [PROGRAM, "stdin", "stdout", "-l", languages]
    if dpi:
        command += ["--dpi", str(dpi)]
    header = b"P5 %d %d 255\n" % (width, height)
    return _run(command, header + pixels, progress)


def _run(command: list[str], picture: bytes, progress: Progress) -> str:
    # Not a pipe: `communicate` forgets the rest of its input when it is called again.
    with _in_memory(picture) as file:
        try:
            process = subprocess.Popen(
                command,
                stdin=file,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**os.environ, "OMP_THREAD_LIMIT": "1"},
                # The only other thread of a parser waits in a read, and holds no lock at the fork.
                preexec_fn=_in_bounds,
            )
        except (OSError, subprocess.SubprocessError) as error:
            why = getattr(error, "strerror", None) or type(error).__name__
            raise DocumentError("ocr-failed", f"tesseract cannot be run: {why}.") from error
    with process:
        try:
            out, told = _wait(process, progress)
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        last = told.decode("utf-8", "replace").strip().rpartition("\n")[2][:120].rstrip(".")
        why = last or f"it ended with {process.returncode}"
        raise DocumentError("ocr-failed", f"tesseract failed: {why}.")
    return out[:_MAX_TEXT_BYTES].decode("utf-8", "replace").replace("\x0c", "\n").strip()


def _in_memory(data: bytes) -> IO[bytes]:
    """A file that holds `data`, has no name and stands at its start."""
    if hasattr(os, "memfd_create"):
        file: IO[bytes] = os.fdopen(os.memfd_create("picture"), "w+b")
    else:
        from tempfile import TemporaryFile

        file = TemporaryFile()  # noqa: SIM115  the caller closes it
    file.write(data)
    file.seek(0)
    return file


def _wait(process: "subprocess.Popen[bytes]", progress: Progress) -> tuple[bytes, bytes]:
    deadline = time.monotonic() + _PICTURE_SECONDS
    while True:
        progress()
        try:
            return process.communicate(timeout=_BEAT_SECONDS)
        except subprocess.TimeoutExpired:
            if time.monotonic() > deadline:
                raise DocumentError(
                    "ocr-failed", f"tesseract took more than {_PICTURE_SECONDS:.0f} s."
                ) from None


def _in_bounds() -> None:
    """In the child: it ends with the parser, and has only so much memory and CPU."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    _limit(resource.RLIMIT_CPU, int(_PICTURE_SECONDS))
    _limit(resource.RLIMIT_DATA, _MAX_DATA_BYTES)


def _limit(kind: int, wanted: int) -> None:
    _, hard = resource.getrlimit(kind)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(kind, (most, most))
