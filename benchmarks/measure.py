"""CPU time and peak memory of a call, in a fresh process after one warm-up call."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True)
class Measurement:
    """CPU seconds (user + system, median of the repeats), peak memory beyond the start in MiB, result."""

    seconds: float
    mebibytes: float
    result: Any


def measured(
    function: Callable[..., Any], *arguments: Any, warm: tuple[Any, ...] = (), repeats: int = 3
) -> Measurement:
    """Measure ``function(*arguments)`` in a spawned process that uses one thread.

    Parameters
    ----------
    function : a module-level function
    warm : arguments of a first call that is not counted (compilation, imports)
    repeats : number of counted calls
    """
    os.environ.update(dict.fromkeys(THREADS, "1"))
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_child, args=(sender, function, arguments, warm or arguments, repeats))
    child.start()
    sender.close()
    try:
        answer: Measurement = receiver.recv()
    except EOFError:
        raise RuntimeError(f"{function.__name__} died without an answer") from None
    finally:
        child.join()
    return answer


def _child(sender: Any, function: Callable[..., Any], arguments: Any, warm: Any, repeats: int) -> None:
    import cv2

    cv2.setNumThreads(1)
    function(*warm)
    before = _forget_peak()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        result = function(*arguments)
        times.append(time.process_time() - start)
    sender.send(Measurement(sorted(times)[len(times) // 2], (_memory("VmHWM") - before) / 1024, result))
    sender.close()


def _forget_peak() -> int:
    """Make the kernel forget the peak so far (Linux); return the memory in use now, KiB."""
    Path("/proc/self/clear_refs").write_text("5")
    return _memory("VmRSS")


def _memory(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def markdown(header: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
