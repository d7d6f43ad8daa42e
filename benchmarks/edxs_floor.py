"""How fast a fit of a line scan could be: the three edges with their derivatives and the sums of products alone."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from benchmarks.edxs_engine import fitted
from benchmarks.edxs_scans import PLACES, WIDTH, Scans
from imgpipe.kernels.fit import SHAPES
from imgpipe.kernels.fit.elementary import CORE

Floats = NDArray[np.float64]
PARAMETERS = 10
REPEATS = 5000


@njit(**{**CORE, "cache": False})
def _edges(function, x, p, value, derivative, repeats):  # type: ignore[no-untyped-def]
    for _ in range(repeats):
        for edge in range(3):
            function(x, p[edge], value, derivative)


@njit(fastmath=True, error_model="numpy")
def _products(rows, out, repeats):  # type: ignore[no-untyped-def]
    for _ in range(repeats):
        for i in range(rows.shape[0]):
            for j in range(i + 1):
                total = 0.0
                for k in range(rows.shape[1]):
                    total += rows[i, k] * rows[j, k]
                out[i, j] += total


def floor_text(data: Scans, seconds: float) -> str:
    """Say how far a fit of all scans, which took so many CPU seconds, is from its arithmetic."""
    x = data.position
    p = np.array([[place, WIDTH] for place in PLACES])
    rows = np.random.default_rng(0).normal(size=(PARAMETERS, x.size))
    shape = SHAPES["edge_erf"].compiled
    edges = 1e6 * _timed(_edges, shape, x, p, np.zeros(x.size), np.zeros((2, x.size)))
    products = 1e6 * _timed(_products, rows, np.zeros((PARAMETERS, PARAMETERS)))
    evaluations = 1.0 + float(fitted(x, data.counts[:500]).raw.iterations.mean())
    least, taken = evaluations * (edges + products), 1e6 * seconds / len(data.counts)
    return (
        f"Floor: {evaluations:.1f} evaluations of 3 edges with derivatives ({edges:.2f} us) and of 55 sums of products "
        f"({products:.2f} us) are {least:.0f} us; a fit takes {taken:.0f} us, {taken / least:.1f} times as long."
    )


def _timed(function: Any, *arguments: Any) -> float:
    """Return the CPU seconds of one repeat, the best of three."""
    function(*arguments, 1)
    taken = []
    for _ in range(3):
        begin = time.process_time()
        function(*arguments, REPEATS)
        taken.append((time.process_time() - begin) / REPEATS)
    return min(taken)
