"""Run groups in several processes of this machine; a process that dies takes only its own group along."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

from imgpipe.one_group import Job, Outcome, Runner, run_group

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@contextmanager
def process_runner(processes: int) -> Iterator[Runner]:
    """Give a runner over `processes` fresh interpreters (never forks)."""

    def work(jobs: Sequence[Job]) -> Iterator[Outcome]:
        waiting = list(reversed(jobs))
        busy: dict[Future[Outcome], tuple[ProcessPoolExecutor, Job]] = {}
        with one_thread_each(), _ended_with_us():
            for _ in range(min(processes, len(jobs))):
                _give(_lane(), waiting.pop(), busy)
            while busy:
                for future in wait(busy, return_when=FIRST_COMPLETED).done:
                    lane, job = busy.pop(future)
                    outcome, usable = _outcome(future, job)
                    if waiting:
                        _give(lane if usable else _lane(), waiting.pop(), busy)
                    yield outcome

    yield work


def _lane() -> ProcessPoolExecutor:
    """Return a pool of one process, so that a death is that of one known group."""
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(1, context, signal.signal, (signal.SIGINT, signal.SIG_IGN))  # Ctrl-C is ours to handle


def _give(lane: ProcessPoolExecutor, job: Job, busy: dict[Future[Outcome], tuple[ProcessPoolExecutor, Job]]) -> None:
    busy[lane.submit(run_group, job)] = (lane, job)


def _outcome(future: Future[Outcome], job: Job) -> tuple[Outcome, bool]:
    """Return what became of a group, and whether its process is still alive."""
    try:
        return future.result(), True
    except BrokenProcessPool:
        files = ", ".join(file.shown for file in job.group.files)
        told = {
            "type": "StepError",
            "file": files,
            "cause": "the process that worked on this group died (crash or out of memory).",
            "remedy": "run it alone with --jobs 1 and look at log.txt.",
        }
        return Outcome(job.group.name, "failed", error=told), False


@contextmanager
def _ended_with_us() -> Iterator[None]:
    """End the processes started meanwhile when we leave: what Ctrl-C or a first failure finds running is not wanted."""
    others = set(multiprocessing.active_children())
    try:
        yield
    finally:
        for process in set(multiprocessing.active_children()) - others:
            process.terminate()


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Let processes started meanwhile use one thread in numba and BLAS: they share the cores already."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
