"""The ingesting child: opens vendor files where a crash, a hang or a flood of memory can't hurt.

Started as ``python -P -m imgpipe.readers.child``. Reads one JSON request per line from stdin, answers with one JSON
line on stdout, ends when stdin closes, also in the middle of a job (the parent is gone then).
"""

from __future__ import annotations

import faulthandler
import importlib
import json
import logging
import os
import queue
import signal
import struct
import sys
import threading
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from imgpipe.errors import ImgpipeError

DECODER_FAULTS = (
    ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, MemoryError, NameError,
    OSError, RuntimeError, StopIteration, SyntaxError, TypeError, ValueError, struct.error, zlib.error,
)  # fmt: skip
"""What decoders are seen to raise on damaged files. Anything else ends the child, which the parent reports."""

GRACE = 10.0
"""Seconds after the parent's time limit when a child kills itself, should the parent be gone."""


class _Notes(logging.Handler):
    """Collect warnings that decoders only log."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one line, without the decoder's object names."""
        self.lines.append(record.getMessage()[:200])


def run(request: dict[str, Any]) -> dict[str, Any]:
    """Read one file into the scratch directory and return what to build from it."""
    from imgpipe.readers.leaf import Limits, Source
    from imgpipe.readers.store import write

    module, _, function = request["reader"].partition(":")
    read = getattr(importlib.import_module(module), function)
    size = request["pixel_size"]
    source = Source(
        Path(request["path"]), tuple(size) if size else None, request["data_bar"], Limits(**request["limits"])
    )
    return {"leaves": [write(leaf, Path(request["scratch"])) for leaf in read(source)]}


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Run a request; a fault of the file becomes a description of the fault."""
    notes = _Notes()
    logging.getLogger().addHandler(notes)
    faulthandler.dump_traceback_later(request["timeout"] + GRACE, exit=True)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for unconcerning in (ResourceWarning, DeprecationWarning, PendingDeprecationWarning, ImportWarning):
                warnings.simplefilter("ignore", unconcerning)
            result = run(request)
        return {**result, "notes": _distinct(notes.lines + [str(one.message)[:200] for one in caught])}
    except ImgpipeError as error:
        return {"error": type(error).__name__, "message": error.message, "file": error.file, "remedy": error.remedy}
    except ImportError as error:
        remedy = "install what is missing (pip install imgpipe brings all readers)."
        return {
            "error": "ReadError",
            "message": f"its reader can't be loaded: {error}.",
            "file": None,
            "remedy": remedy,
        }
    except DECODER_FAULTS as error:
        return {"fault": f"{_kind(error)}: {str(error)[:300]}", "notes": _distinct(notes.lines)}
    finally:
        faulthandler.cancel_dump_traceback_later()
        logging.getLogger().removeHandler(notes)


def _kind(error: Exception) -> str:
    name = type(error).__name__
    return f"{type(error).__module__} error" if name == "error" else name


def _distinct(lines: list[str]) -> list[str]:
    return [f"decoder: {line.replace('; ', ', ')}" for line in dict.fromkeys(lines)][:5]


def _listen(requests: queue.SimpleQueue[dict[str, Any] | None], stop: Callable[[int], Any]) -> None:
    for line in sys.stdin:
        requests.put(json.loads(line))
    requests.put(None)
    stop(0)


def _private_stdout() -> IO[str]:
    """Return the answer channel, and send everything else that is printed to stderr."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return channel


def main() -> None:
    """Serve requests until stdin closes."""
    channel = _private_stdout()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle: it closes stdin
    faulthandler.enable()
    requests: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(requests, os._exit), daemon=True).start()
    channel.write(json.dumps({"ready": os.getpid()}) + "\n")
    channel.flush()
    while (request := requests.get()) is not None:
        channel.write(json.dumps(answer(request)) + "\n")
        channel.flush()


if __name__ == "__main__":
    main()
