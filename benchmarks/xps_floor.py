"""How fast a fit could be: the shapes and the sums of products alone, without anything that ties them together."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from benchmarks.xps_engine import SHAPE
from benchmarks.xps_models import START, Lineshape
from imgpipe.kernels.fit import SHAPES
from imgpipe.kernels.fit.elementary import CORE, exponential

Floats = NDArray[np.float64]
PARAMETERS = 10
REPEATS = 20_000


@dataclass(frozen=True)
class Floor:
    """Measured rates of one core.

    exponential : ns per exponential, in a vector loop
    shape : microseconds for the six peaks of a spectrum with their derivatives
    products : microseconds for the sums of products of ten derivatives over all points (the normal equations)
    """

    exponential: float
    shape: float
    products: float


@njit(fastmath=True, error_model="numpy")
def _exponentials(values, out, repeats):  # type: ignore[no-untyped-def]
    for r in range(repeats):
        for i in range(values.size):
            out[i] += exponential(values[i] - 1e-9 * r)


@njit(**{**CORE, "cache": False})
def _shapes(function, x, p, value, derivative, repeats):  # type: ignore[no-untyped-def]
    for _ in range(repeats):
        for _peak in range(6):
            function(x, p, value, derivative)


@njit(fastmath=True, error_model="numpy")
def _products(rows, out, repeats):  # type: ignore[no-untyped-def]
    for _ in range(repeats):
        for i in range(rows.shape[0]):
            for j in range(i + 1):
                total = 0.0
                for k in range(rows.shape[1]):
                    total += rows[i, k] * rows[j, k]
                out[i, j] += total


def measure(x: Floats, lineshape: Lineshape) -> Floor:
    """Measure the floor on this machine."""
    padded = np.resize(x, -(-x.size // 8) * 8)
    p = np.array([START[lineshape][0], *START[lineshape][3:5]])
    value, derivative = np.zeros(padded.size), np.zeros((3, padded.size))
    rows = np.random.default_rng(0).normal(size=(PARAMETERS, padded.size))
    values = np.linspace(-8.0, 0.0, padded.size)
    shape = SHAPES[SHAPE[lineshape]].compiled
    return Floor(
        exponential=1e9 * _timed(_exponentials, values, value) / padded.size,
        shape=1e6 * _timed(_shapes, shape, padded, p, value, derivative),
        products=1e6 * _timed(_products, rows, np.zeros((PARAMETERS, PARAMETERS))),
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
