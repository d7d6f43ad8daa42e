"""What people fit line scans with today: scipy's curve_fit and HyperSpy's multifit, one scan after the other."""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import curve_fit
from scipy.special import erf

from benchmarks.edxs_scans import PLACES, WIDTH, start_levels

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ScanFits:
    """What every method gives back; NaN where it gave none.

    interface, u_interface : (scan, 3), points
    level : (scan, 4), counts
    converged : (scan,), what the method itself says
    """

    interface: Floats
    u_interface: Floats
    level: Floats
    converged: NDArray[np.bool_]


def curve(
    x: Floats, a: float, b: float, c: float, d: float, m1: float, m2: float, m3: float, s1: float, s2: float, s3: float
) -> Floats:
    """Return four plateaus joined by three error functions, as one writes it by hand."""
    first, second, third = (0.5 * (1.0 + erf((x - m) / (np.sqrt(2.0) * s))) for m, s in ((m1, s1), (m2, s2), (m3, s3)))
    return np.asarray(a + (b - a) * first + (c - b) * second + (d - c) * third)


def scipy_usual(x: Floats, counts: Floats) -> ScanFits:
    """Fit with curve_fit and sigma = sqrt(counts): the usual script."""
    return _by_scipy(x, counts, passes=1)


def scipy_two_pass(x: Floats, counts: Floats) -> ScanFits:
    """Fit once more with sigma from the first fit: the careful script, which knows that sqrt(counts) is biased."""
    return _by_scipy(x, counts, passes=2)


def _by_scipy(x: Floats, counts: Floats, passes: int) -> ScanFits:
    best, covariance = np.full((len(counts), 10), np.nan), np.full((len(counts), 10), np.nan)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for number, y in enumerate(counts):
            start, expected = np.array([*start_levels(y), *PLACES, WIDTH, WIDTH, WIDTH]), y
            try:
                for _ in range(passes):
                    sigma = np.sqrt(np.maximum(expected, 1.0 if expected is y else 0.1))
                    start, matrix = curve_fit(curve, x, y, start, sigma=sigma, absolute_sigma=True)
                    expected = curve(x, *start)
            except RuntimeError:  # curve_fit gave up: the row stays NaN and counts as not converged
                continue
            best[number], covariance[number] = start, np.diag(matrix)
        u = np.sqrt(covariance[:, 4:7])
    return ScanFits(best[:, 4:7], u, best[:, :4], np.isfinite(u).all(axis=1))


def hyperspy_multifit(x: Floats, counts: Floats) -> ScanFits:
    """Fit an Offset and three Erf components with multifit, each scan from its own start."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _multifit(x, counts)


def _multifit(x: Floats, counts: Floats) -> ScanFits:
    import hyperspy.api as hs

    hs.set_log_level(logging.CRITICAL)
    signal = hs.signals.Signal1D(counts)
    signal.axes_manager.signal_axes[0].offset = float(x[0])
    signal.axes_manager.signal_axes[0].scale = float(x[1] - x[0])
    signal.set_noise_variance(hs.signals.Signal1D(np.maximum(counts, 1.0)))
    model = signal.create_model()
    offset, edges = hs.model.components1D.Offset(), [hs.model.components1D.Erf() for _ in PLACES]
    model.extend([offset, *edges])
    levels = start_levels(counts)
    _start(offset.offset, 0.5 * (levels[:, 0] + levels[:, -1]))
    for number, edge in enumerate(edges):
        _start(edge.A, levels[:, number + 1] - levels[:, number])
        _start(edge.origin, np.full(len(counts), PLACES[number]))
        _start(edge.sigma, np.full(len(counts), WIDTH))
    model.fetch_stored_values()
    model.multifit(show_progressbar=False)
    position = np.stack([edge.origin.map["values"] for edge in edges], axis=1)
    u = np.stack([edge.origin.map["std"] for edge in edges], axis=1)
    steps = np.stack([edge.A.map["values"] for edge in edges], axis=1)
    lowest = offset.offset.map["values"] - 0.5 * steps.sum(axis=1)
    level = lowest[:, None] + np.concatenate([np.zeros((len(counts), 1)), np.cumsum(steps, axis=1)], axis=1)
    return ScanFits(position, u, level, np.isfinite(u).all(axis=1) & (u > 0.0).all(axis=1))


def _start(parameter: Any, values: Floats) -> None:
    """Give a parameter of a HyperSpy model its start at every scan."""
    parameter.map["values"], parameter.map["is_set"] = values, True
