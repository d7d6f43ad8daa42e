"""Element maps with eXSpy: sums over windows, with and without background windows, and fits of a model."""

from __future__ import annotations

import functools
import logging
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.edxs_map import BEAM_ENERGY, CHANNEL, LINES, RESOLUTION

Floats = NDArray[np.float64]
Counts = NDArray[Any]


def silent(method: Callable[[Counts], Floats]) -> Callable[[Counts], Floats]:
    """Keep a peer's deprecation warnings from being taken for ours."""

    @functools.wraps(method)
    def quiet(counts: Counts) -> Floats:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return method(counts)

    return quiet


@silent
def windows(counts: Counts) -> Floats:
    """Return the counts in the window of each line (element, y, x), with all that lies under it."""
    maps = _signal(counts).get_lines_intensity(_names())
    return np.stack([one.data for one in maps])


@silent
def background_windows(counts: Counts) -> Floats:
    """Return the counts less the mean of two background windows, the usual map."""
    signal = _signal(counts)
    signal.set_lines(_names())
    maps = signal.get_lines_intensity(_names(), background_windows=signal.estimate_background_windows())
    return np.stack([one.data for one in maps])


@silent
def model_least_squares(counts: Counts) -> Floats:
    """Fit eXSpy's model, all spectra at once by linear least squares without weights: its fastest way."""
    return _model(counts, optimizer="lstsq")


@silent
def model_weighted(counts: Counts) -> Floats:
    """Fit eXSpy's model spectrum by spectrum with variances from the counts, at least 1."""
    return _model(counts, weighted=True, optimizer="lstsq")


def _model(counts: Counts, *, weighted: bool = False, **how: Any) -> Floats:
    signal = _signal(counts.astype(np.float64))
    if weighted:
        signal.set_noise_variance(_signal(np.maximum(counts, 1.0)))
    model = signal.create_model()
    model.multifit(show_progressbar=False, **how)
    return np.stack([model[name].A.map["values"] for name in _names()])


def _signal(counts: Counts) -> Any:
    import exspy
    import hyperspy.api as hs

    hs.set_log_level(logging.ERROR)
    signal = exspy.signals.EDSSEMSpectrum(counts)
    energy = signal.axes_manager.signal_axes[0]
    energy.name, energy.units, energy.scale, energy.offset = "Energy", "keV", CHANNEL / 1e3, 0.5 * CHANNEL / 1e3
    signal.set_microscope_parameters(beam_energy=BEAM_ENERGY / 1e3, energy_resolution_MnKa=RESOLUTION)
    signal.set_elements(list(LINES))
    return signal


def _names() -> list[str]:
    return [f"{element}_{line}" for element, line in LINES.items()]
