"""Work in a thread: the window stays alive, tells how far it is, can be asked to stop between steps."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QCoreApplication, QThread, Signal

from imgpipe.errors import ImgpipeError
from imgpipe.one_group import UNEXPECTED, Tell

log = logging.getLogger(__name__)
PATIENCE_MS = 30_000
READ = "read"
"""What a `Tell` calls the stage in which a file is read, by another process."""

_running: set[Task] = set()


class Cancelled(BaseException):
    """The user has asked to stop: no error, so it passes where errors of a group of files are caught."""


class Task(QThread):
    """One piece of work; exactly one of `succeeded`, `failed` and `cancelled` is sent at its end.

    Parameters
    ----------
    work : takes a `Tell` and calls it now and then; what it returns is sent with `succeeded`
    """

    told = Signal(str, int, int)
    succeeded = Signal(object)
    failed = Signal(str)
    cancelled = Signal()

    def __init__(self, work: Callable[[Tell], Any]) -> None:
        super().__init__()
        self.work = work
        self.stage = READ
        self.wish = threading.Event()
        self.finished.connect(lambda: _running.discard(self))
        application = QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.end)

    def begin(self) -> None:
        """Start; the thread keeps itself alive until it has ended."""
        _running.add(self)
        self.start()

    def cancel(self) -> None:
        """Ask the work to stop before its next step."""
        self.wish.set()

    def end(self) -> None:
        """Cancel and wait, so that a window that closes does not take a running thread with it."""
        self.cancel()
        self.wait(PATIENCE_MS)

    def run(self) -> None:
        """Do the work; the text of an error is that of the command line."""
        try:
            result = self.work(self._tell)
        except Cancelled:
            self.cancelled.emit()
        except ImgpipeError as error:
            self.failed.emit(str(error))
        except UNEXPECTED as error:
            log.exception("unexpected")
            self.failed.emit(f"unexpected {type(error).__name__}: {error}")
        else:
            self.succeeded.emit(result)

    def _tell(self, what: str, done: float, total: int) -> None:
        if self.wish.is_set():
            raise Cancelled
        self.stage = what
        self.told.emit(what, int(done), total)
