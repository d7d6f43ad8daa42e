"""One run per output folder: a lock file that names host and process."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imgpipe.errors import LockedError
from imgpipe.store import disk_errors

NAME = ".lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder for this process; a stale lock of a dead process on this host is taken over.

    Raises
    ------
    LockedError
        naming host and process of the other run.
    """
    path = folder / NAME
    _acquire(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _acquire(path: Path) -> None:
    import psutil

    text = json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "born": psutil.Process().create_time()})
    for _ in range(2):
        try:
            with disk_errors(path):
                descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        except FileExistsError:
            refuse_if_held(path.parent)
            path.unlink(missing_ok=True)  # of a dead process
            continue
        with os.fdopen(descriptor, "w") as stream:
            stream.write(text)
        return
    raise LockedError("another run has just taken this folder.", file=str(path.parent))


def refuse_if_held(folder: Path) -> None:
    """Raise `LockedError` when another run that may be alive holds the folder."""
    text = _content(folder / NAME)
    if text is None:
        return
    try:
        holder = json.loads(text)
        pid, host, born = int(holder["pid"]), str(holder["host"]), float(holder["born"])
    except (ValueError, KeyError, TypeError):
        pid, host, born = -1, "an unknown host", 0.0
    if host == socket.gethostname() and not _alive(pid, born):
        return
    raise LockedError(
        f"in use by process {pid} on {host}.",
        file=str(folder),
        remedy=f"wait for it, or delete {NAME} in this folder when that process is gone.",
    )


def _content(path: Path) -> str | None:
    with disk_errors(path.parent):
        try:
            return path.read_text(encoding="utf-8") if path.parent.is_dir() else None
        except FileNotFoundError:
            return None


def _alive(pid: int, born: float) -> bool:
    """Tell whether the process that was started then still runs; its number may be another's by now."""
    import psutil

    try:
        return pid > 0 and abs(psutil.Process(pid).create_time() - born) < 2.0
    except psutil.NoSuchProcess:
        return False
