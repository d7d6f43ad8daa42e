"""Run groups in several processes of this machine; a process that dies takes only its own group along."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import TYPE_CHECKING

from imgpipe.one_group import Job, Outcome, run_group

if TYPE_CHECKING:
    from imgpipe.batch import Runner


THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@contextmanager
def process_runner(processes: int) -> Iterator[Runner]:
    """Give a runner over `processes` fresh interpreters (never forks)."""

    def work(jobs: Sequence[Job]) -> Iterator[Outcome]:
        orphans: list[Job] = []
        with _pool(processes) as pool:
            futures: dict[Future[Outcome], Job] = {pool.submit(run_group, job): job for job in jobs}
            for future in as_completed(futures):
                try:
                    yield future.result()
                except BrokenProcessPool:
                    orphans.append(futures[future])
        for job in orphans:
            yield _alone(job)

    yield work


def _alone(job: Job) -> Outcome:
    """Run a group whose process died, in a process of its own, so that the guilty one is known."""
    with _pool(1) as pool:
        try:
            return pool.submit(run_group, job).result()
        except BrokenProcessPool:
            files = ", ".join(file.shown for file in job.group.files)
            told = {
                "type": "StepError",
                "file": files,
                "cause": "the process that worked on this group died (crash or out of memory).",
                "remedy": "run it alone with --jobs 1 and look at log.txt.",
            }
            return Outcome(job.group.name, "failed", error=told)


@contextmanager
def _pool(processes: int) -> Iterator[ProcessPoolExecutor]:
    others = set(multiprocessing.active_children())
    with one_thread_each(), ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            yield pool
        except BaseException:  # Ctrl-C, a signal, the first failure with --fail-fast: what still runs is not wanted
            pool.shutdown(wait=False, cancel_futures=True)
            for process in set(multiprocessing.active_children()) - others:
                process.terminate()
            raise


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
