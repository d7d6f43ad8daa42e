"""How the engine's speed depends on the size of a call, on threads, and on dask."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.xps_data import Spectra
from benchmarks.xps_engine import in_order, problem, start
from benchmarks.xps_models import Lineshape
from imgpipe.kernels.fit import Problem, fit

Floats = NDArray[np.float64]


def in_chunks(x: Floats, counts: Floats, lineshape: Lineshape, size: int) -> Floats:
    """Fit `size` spectra per call, one call after the other."""
    compiled, begin = problem(x, lineshape), start(lineshape)
    parts = [fit(compiled, counts[i : i + size], start=begin).q for i in range(0, len(counts), size)]
    return np.concatenate(parts)


def wall_seconds(x: Floats, counts: Floats, lineshape: Lineshape, threads: int) -> float:
    """Return the wall time of the fit with as many Python threads, each with its share of the spectra."""
    compiled, begin = problem(x, lineshape), start(lineshape)

    def part(share: Floats) -> Floats:
        return fit(compiled, share, start=begin).q

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(part, [counts[:2]] * threads))
        begun = time.perf_counter()
        list(pool.map(part, np.array_split(counts, 4 * threads)))
        return time.perf_counter() - begun


def dask_job(spectra: Spectra, count: int, chunk: int, threads: int) -> tuple[float, int, Floats]:
    """Draw and fit `count` spectra chunk by chunk; return wall seconds, number of progress reports, mean parameters.

    The counts never exist as a whole: each task draws its chunk from the mean of a few spectra and fits it.
    """
    import dask
    import dask.array as da
    from dask.callbacks import Callback

    compiled, begin = problem(spectra.energy, "gl"), start("gl")
    chunks = [chunk] * (count // chunk) + ([count % chunk] if count % chunk else [])
    expected = spectra.counts.mean(axis=0)

    def drawn_and_fitted(block_info: Any = None) -> Floats:
        (first, stop), _ = block_info[None]["array-location"]
        return _fit_drawn(compiled, begin, expected, stop - first, first)

    fitted = da.map_blocks(drawn_and_fitted, chunks=(tuple(chunks), (11,)), dtype=np.float64, meta=np.zeros((0, 0)))
    reports = []

    def report(*state: Any) -> None:
        done = len(state[2]["finished"])
        reports.append(done)
        if done % 10 == 0:
            print(f"\r{done} tasks done", end="", file=sys.stderr)

    begun = time.perf_counter()
    with Callback(posttask=lambda key, result, graph, state, worker: report(key, graph, state)):
        total = fitted.sum(axis=0)
        (found,) = dask.compute(total, scheduler="threads", num_workers=threads)
    return time.perf_counter() - begun, len(reports), found / count


def _fit_drawn(compiled: Problem, begin: Floats, expected: Floats, size: int, seed: int) -> Floats:
    counts = np.random.default_rng(seed).poisson(expected, (size, expected.size)).astype(np.float64)
    parameters, deviance = in_order(fit(compiled, counts, start=begin))
    return np.concatenate([parameters, deviance[:, None]], axis=1)
