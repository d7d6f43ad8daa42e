"""Know a file again, and look at it before any decoder does."""

from __future__ import annotations

import difflib
import errno
import hashlib
import os
import stat
from pathlib import Path

from imgpipe.errors import ReadError

_CAUSES = {
    errno.ENOENT: ("no such file.", "check the name and the folder"),
    errno.ENOTDIR: ("no such file: a part of the path is not a folder.", "check the name and the folder"),
    errno.EACCES: ("you have no permission to read it.", "ask its owner for read access (chmod a+r FILE)"),
    errno.EPERM: ("the system forbids reading it.", "ask its owner for read access"),
    errno.ELOOP: ("it is a symbolic link that leads back to itself.", "remove the link and copy the file itself"),
    errno.ENAMETOOLONG: ("its name is longer than this system allows.", "give it a shorter name"),
    errno.EISDIR: ("it is a folder, a file was expected.", "name the files in it"),
    errno.EIO: ("the disk reports an input/output error.", "copy the file again from the instrument"),
}

Stamp = tuple[int, int, int, int]
"""Device and inode, size, time of the last change of content, and of the last change at all."""


def refusal(path: Path, error: OSError) -> ReadError:
    """Return the `ReadError` that says in plain words why the system refused a file."""
    code = error.errno or 0
    cause, remedy = _CAUSES.get(code, (f"the system refused it: {error.strerror or error}.", "check the disk"))
    near = _neighbours(path) if code == errno.ENOENT else ""
    return ReadError(cause, file=str(path), remedy=f"{remedy}{near}.")


def _neighbours(path: Path) -> str:
    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return ""
    close = difflib.get_close_matches(path.name, names, n=3)
    return f"; similar names there: {', '.join(close)}" if close else ""


def stamp(path: Path) -> Stamp:
    """Return what changes when a file changes (no content is read)."""
    found = os.stat(path)
    return (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def look(path: Path, length: int) -> tuple[Stamp, bytes]:
    """Return the stamp and the first `length` bytes of a regular file with content.

    Raises
    ------
    ReadError
        missing, empty, a folder, a device, a link loop, no permission.
    """
    if "\0" in str(path):
        raise ReadError("the name holds a zero byte.", file=repr(str(path)), remedy="rename the file.")
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISREG(mode):
            with open(path, "rb") as handle:
                return stamp(path), _filled(path, handle.read(length))
    except OSError as error:
        raise refusal(path, error) from None
    what = "a folder" if stat.S_ISDIR(mode) else "a device or pipe"
    raise ReadError(f"it is {what}, a file was expected.", file=str(path), remedy="name the image file itself.")


def _filled(path: Path, head: bytes) -> bytes:
    if head:
        return head
    raise ReadError("the file is empty (0 bytes).", file=str(path), remedy="copy it again from the instrument.")


def require_unchanged(path: Path, before: Stamp) -> None:
    """Raise `ReadError` when a file is not what it was when its `stamp` was taken."""
    try:
        now = stamp(path)
    except OSError as error:
        raise refusal(path, error) from None
    if now != before:
        raise ReadError(
            f"the file changed while it was read ({before[1]} bytes before, {now[1]} bytes now).",
            file=str(path),
            remedy="wait until the copy or the acquisition has ended, then run again.",
        )


def fingerprint(path: Path) -> str:
    """Return the SHA-256 of the content, as hexadecimal text; of a folder, of the names and contents in it."""
    try:
        if path.is_dir():
            return _folder_fingerprint(path)
        with open(path, "rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
    except OSError as error:
        raise refusal(path, error) from None


def _folder_fingerprint(path: Path) -> str:
    digest = hashlib.sha256()
    for place in sorted(place for place in path.rglob("*") if place.is_file()):
        with open(place, "rb") as handle:
            content = hashlib.file_digest(handle, "sha256").digest()
        digest.update(os.fsencode(place.relative_to(path).as_posix()) + b"\0" + content)
    return digest.hexdigest()
