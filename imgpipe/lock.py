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
    text = json.dumps({"pid": os.getpid(), "host": socket.gethostname()})
    for _ in range(2):
        try:
            with disk_errors(path):
                descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        except FileExistsError:
            _remove_if_stale(path)
            continue
        with os.fdopen(descriptor, "w") as stream:
            stream.write(text)
        return
    raise LockedError("another run has just taken this folder.", file=str(path.parent))


def _remove_if_stale(path: Path) -> None:
    try:
        holder = json.loads(path.read_text())
        pid, host = int(holder["pid"]), str(holder["host"])
    except FileNotFoundError:
        return
    except (ValueError, KeyError, TypeError):
        pid, host = -1, "an unknown host"
    if host == socket.gethostname() and not _alive(pid):
        path.unlink(missing_ok=True)
        return
    raise LockedError(
        f"in use by process {pid} on {host}.",
        file=str(path.parent),
        remedy=f"wait for it, or delete {path.name} in this folder when that process is gone.",
    )


def _alive(pid: int) -> bool:
    import psutil

    return pid > 0 and psutil.pid_exists(pid)
