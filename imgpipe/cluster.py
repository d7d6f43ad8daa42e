"""Send groups to dask.distributed: a cluster on this machine, a scheduler by address, or a batch system."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgpipe.errors import ClusterError, ImgpipeError, OutputError, RecipeError
from imgpipe.one_group import Job, Outcome, Runner, run_group
from imgpipe.processes import one_thread_each

if TYPE_CHECKING:
    from distributed import Client


BATCH_SYSTEMS = {"slurm": "SLURMCluster", "pbs": "PBSCluster", "lsf": "LSFCluster"}


@contextmanager
def connect(where: str, workers: int = 2) -> Iterator[Client]:
    """Give a dask client.

    Parameters
    ----------
    where : "local" (processes on this machine, loopback only), a scheduler's address, the path of a scheduler
        file, or "slurm", "pbs", "lsf" (through dask-jobqueue, configured in its own file)
    workers : number of workers to start where we start them

    Raises
    ------
    RecipeError
        when nothing answers there.
    """
    from distributed import Client, LocalCluster

    if where == "local":
        with (
            one_thread_each(),
            LocalCluster(
                n_workers=workers, threads_per_worker=1, host="127.0.0.1", dashboard_address=":0", silence_logs=40
            ) as cluster,
            Client(cluster) as client,
        ):
            yield client
    elif where in BATCH_SYSTEMS:
        with _batch_system(where, workers) as cluster, Client(cluster) as client:
            yield client
    else:
        with _by_address(where) as client:
            yield client


@contextmanager
def cluster_runner(where: str, workers: int) -> Iterator[Runner]:
    """Give a runner that sends each group to the cluster as one task."""
    with connect(where, max(workers, 2) if where == "local" else workers) as client:

        def work(jobs: Sequence[Job]) -> Iterator[Outcome]:
            from distributed import as_completed

            futures = {client.submit(run_on_worker, job, pure=False, retries=0): job for job in jobs}
            for future in as_completed(list(futures)):
                yield _outcome(future, futures[future])

        yield work


def run_on_worker(job: Job) -> Outcome:
    """Run one group inside a worker: dask computes with threads of this process only."""
    import dask

    missing = [file.path for file in job.group.files if not Path(file.path).exists()]
    if missing or not Path(job.out).is_dir():
        import socket

        seen = missing[0] if missing else job.out
        raise OutputError(
            f"worker on {socket.gethostname()} can't see {seen}.", remedy="use a folder that all workers share."
        )
    with dask.config.set(scheduler="threads"):
        return run_group(job)


def _outcome(future: Any, job: Job) -> Outcome:
    from distributed import KilledWorker
    from distributed.client import FutureCancelledError

    try:
        outcome: Outcome = future.result()
    except FutureCancelledError as error:
        raise ClusterError(
            f"the scheduler is gone ({error}).", remedy="start it again, then run with --resume."
        ) from None
    except KilledWorker:
        files = ", ".join(file.shown for file in job.group.files)
        cause = "the worker died on this group, again and again (crash or out of memory)."
        told = {"type": "StepError", "file": files, "cause": cause, "remedy": "run it alone with --jobs 1."}
        return Outcome(job.group.name, "failed", error=told)
    return outcome


def _by_address(where: str) -> Client:
    from distributed import Client

    address = where
    if Path(where).is_file():
        address = str(json.loads(Path(where).read_text())["address"])
    try:
        return Client(address, timeout=10)
    except (OSError, ValueError, TimeoutError) as error:
        raise RecipeError(f"--cluster {where}: no dask scheduler answers there ({error}).") from None


def _batch_system(where: str, workers: int) -> Any:
    try:
        import dask_jobqueue
    except ModuleNotFoundError:
        raise ImgpipeError(
            f"--cluster {where} needs dask-jobqueue.", remedy="pip install 'imgpipe[cluster]'."
        ) from None
    cluster = getattr(dask_jobqueue, BATCH_SYSTEMS[where])()
    cluster.scale(workers)
    return cluster
