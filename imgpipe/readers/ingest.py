"""The parent's side of ingesting: children that read files and may be killed.

A child is a fresh interpreter (never a fork), started on first use, kept warm for the next file, and killed when it
takes too long or too much memory. Children end when this process ends, because their stdin closes.
"""

from __future__ import annotations

import atexit
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, Any

import psutil

import imgpipe
from imgpipe.errors import ReadError

START_LIMIT = 120.0
"""Seconds a fresh child may take to start (a busy or networked disk is slow)."""
WATCH_EVERY = 0.02
"""Seconds between two looks at the child's memory."""
ENDING = 5.0
"""Seconds a child that no longer answers gets to end by itself, so that its own cause is seen."""
KEPT = 4
"""Warm children kept at most."""
STALE_BYTES = 1 << 30
"""A child that has grown beyond this is not used again."""


class Child:
    """One reading process."""

    def __init__(self) -> None:
        self._stderr: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the child
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "imgpipe.readers.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=_environment(),
        )
        self._requests, answers = _pipes(self._process)
        self._answers: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=self._collect, args=(answers,), daemon=True).start()
        self._usage = psutil.Process(self._process.pid)
        self._wait(START_LIMIT, 0)

    def _collect(self, answers: IO[bytes]) -> None:
        with answers:
            for line in answers:
                self._answers.put(line)
        self._answers.put(b"")

    def ask(self, request: dict[str, Any], *, timeout_s: float, memory_limit: int) -> dict[str, Any]:
        """Send a request and return the answer; the child is dead after a `ReadError`."""
        try:
            self._requests.write(json.dumps({**request, "timeout": timeout_s}).encode() + b"\n")
            self._requests.flush()
        except OSError:
            raise self._crash() from None
        return self._wait(timeout_s, memory_limit)

    def _wait(self, timeout_s: float, memory_limit: int) -> dict[str, Any]:
        deadline = time.monotonic() + timeout_s
        peak = 0
        while True:
            try:
                line = self._answers.get(timeout=WATCH_EVERY)
            except queue.Empty:
                peak = max(peak, self.resident_bytes())
                self._enforce(deadline, timeout_s, peak, memory_limit)
                continue
            if not line:
                raise self._crash()
            return dict(json.loads(line))

    def _enforce(self, deadline: float, timeout_s: float, used: int, memory_limit: int) -> None:
        if 0 < memory_limit < used:
            self.kill()
            raise ReadError(
                f"the reader used {_gib(used)} of memory, more than the limit of {_gib(memory_limit)}.",
                remedy="if the file is sound, raise memory_limit.",
            )
        if time.monotonic() > deadline:
            self.kill()
            raise ReadError(
                f"the reader gave no answer within {timeout_s:g} s and was stopped.",
                remedy="if the file is sound (large, or on a slow disk), raise timeout_s.",
            )

    def resident_bytes(self) -> int:
        """Return the memory that the process occupies now, 0 when it has ended."""
        try:
            return int(self._usage.memory_info().rss)
        except psutil.Error:
            return 0

    def _crash(self) -> ReadError:
        code = self._ended()
        ending = _signal_name(code)
        if ending:
            return ReadError(f"reader crashed ({ending}).", remedy=_DAMAGED)
        self._stderr.seek(0)
        said = self._stderr.read()[-4000:].decode("utf-8", "replace").strip().splitlines()
        return ReadError(f"reader ended with exit code {code}: {said[-1] if said else 'no message'}.", remedy=_DAMAGED)

    def _ended(self) -> int:
        """Return the exit code of a process that has closed its answers (it may still be ending)."""
        try:
            return self._process.wait(ENDING)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    @property
    def usable(self) -> bool:
        """Tell whether the process lives and is not bloated."""
        return self._process.poll() is None and self.resident_bytes() < STALE_BYTES

    def kill(self) -> None:
        """End the process at once."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._requests, self._stderr):
            _close(pipe)


class Pool:
    """Warm children, shared by the threads of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[Child] = []
        self._owner = os.getpid()

    def ask(self, request: dict[str, Any], *, timeout_s: float, memory_limit: int) -> dict[str, Any]:
        """Let a child answer a request; see `Child.ask`."""
        child, reply = self._take(), None
        try:
            reply = child.ask(request, timeout_s=timeout_s, memory_limit=memory_limit)
            return reply
        finally:
            if reply is None:  # Ctrl-C too: a child in the middle of a job is of no use to the next file
                child.kill()
            else:
                self._give_back(child)

    def _take(self) -> Child:
        with self._lock:
            if os.getpid() != self._owner:  # this process is a fork: the children are another's
                self._idle, self._owner = [], os.getpid()
            while self._idle:
                child = self._idle.pop()
                if child.usable:
                    return child
                child.kill()
        return Child()

    def _give_back(self, child: Child) -> None:
        with self._lock:
            if child.usable and len(self._idle) < KEPT:
                self._idle.append(child)
                return
        child.kill()

    def close(self) -> None:
        """End all idle children; the next request starts a new one."""
        with self._lock:
            idle, self._idle = self._idle, []
        if os.getpid() == self._owner:
            for child in idle:
                child.kill()


POOL = Pool()
atexit.register(POOL.close)
_DAMAGED = "the file is probably damaged: copy it again from the instrument; if it opens elsewhere, report it."


def _environment() -> dict[str, str]:
    root = str(Path(imgpipe.__file__).resolve().parent.parent)
    paths = [os.path.abspath(entry) for entry in sys.path if entry]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    joined = os.pathsep.join(paths if root in paths else [*paths, root])
    return {**os.environ, **threads, "PYTHONPATH": joined, "PYTHONUTF8": "1"}


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    if process.stdin is None or process.stdout is None:
        raise ReadError("the reading process has no pipes.")
    return process.stdin, process.stdout


def _signal_name(code: int) -> str:
    if code >= 0:
        return "access violation" if code == 0xC0000005 else ""
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def _gib(size: int) -> str:
    return f"{size / 2**30:.2f} GiB"


def _close(pipe: IO[bytes]) -> None:
    try:
        pipe.close()
    except OSError:  # a dead child's pipe may still hold unsent bytes
        return
