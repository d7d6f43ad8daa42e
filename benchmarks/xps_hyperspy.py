"""HyperSpy's multifit with three doublets that carry an active Shirley background, one spectrum after the other.

eXSpy's PESVoigt (David's approximation of the Voigt profile) has doublet and Shirley inside. For the Gauss-Lorentz sum
HyperSpy has no such component: the one here is what a user writes, in vectorised numpy. Both want a kinetic axis, so
the energy runs as minus the binding energy.
"""

from __future__ import annotations

import warnings
from typing import Any

import hyperspy.api as hs
import numpy as np
from exspy.components import PESVoigt
from hyperspy.component import Component
from numpy.typing import NDArray

from benchmarks.xps_models import HIGH, LOW, SECOND, SPLITTING, START, Lineshape, gl, weights_variance

Floats = NDArray[np.float64]
Fits = tuple[Floats, Floats]


class GaussLorentzDoublet(Component):
    """A doublet of Gauss-Lorentz sums with its active Shirley background, on a kinetic axis."""

    def __init__(self) -> None:
        Component.__init__(self, ("area", "centre", "FWHM", "gamma", "shirley_background"))
        self._position = self.centre

    def function(self, x: Floats) -> Floats:
        """Return the doublet at x; `gamma` is the Lorentz share, `area` that of the first line."""
        distance = x - self.centre.value
        width, share = self.FWHM.value, self.gamma.value
        peak = gl(distance, width, share) + SECOND * gl(distance + SPLITTING, width, share)
        peak = peak * self.area.value
        summed = np.cumsum(peak)
        return np.asarray(peak + self.shirley_background.value * (summed[-1] - summed))


def multifit(x: Floats, counts: Floats, lineshape: Lineshape) -> Fits:
    """Fit with the optimizer that multifit takes by default ("lm", unbounded); each start is the last result."""
    return _multifit(x, counts, lineshape, optimizer="lm", bounded=False)


def multifit_bounded(x: Floats, counts: Floats, lineshape: Lineshape) -> Fits:
    """Fit with the trust region and bounds."""
    return _multifit(x, counts, lineshape, optimizer="trf", bounded=True)


def _multifit(x: Floats, counts: Floats, lineshape: Lineshape, **how: Any) -> Fits:
    warnings.simplefilter("ignore")
    step = float(x[1] - x[0])
    signal = _signal(x, counts, step)
    signal.set_noise_variance(_signal(x, weights_variance(counts), step))
    model = signal.create_model()
    doublets = [_doublet(number, lineshape, step) for number in range(3)]
    offset = hs.model.components1D.Offset()
    offset.offset.value, offset.offset.bmin = START[lineshape][8], 0.0
    model.extend([*doublets, offset])
    for one in doublets[1:]:
        one.FWHM.twin, one.gamma.twin = doublets[0].FWHM, doublets[0].gamma
        one.shirley_background.twin = doublets[0].shirley_background
    model.multifit(show_progressbar=False, **how)
    return _results(model, doublets, offset, counts, step)


def _signal(x: Floats, values: Floats, step: float) -> Any:
    signal = hs.signals.Signal1D(np.ascontiguousarray(values[:, ::-1]))
    axis = signal.axes_manager.signal_axes[0]
    axis.offset, axis.scale = -float(x[-1]), step
    return signal


def _doublet(number: int, lineshape: Lineshape, step: float) -> Any:
    """Return one doublet at its start, within its bounds."""
    start, low, high = START[lineshape], LOW[lineshape], HIGH[lineshape]
    one = GaussLorentzDoublet() if lineshape == "gl" else PESVoigt()
    half = 1.0 if lineshape == "gl" else 0.5  # PESVoigt's gamma is half the Lorentzian FWHM
    if lineshape == "voigt":
        one.spin_orbit_splitting = True
        one.spin_orbit_branching_ratio, one.spin_orbit_splitting_energy = SECOND, SPLITTING
        one.shirley_background.active = True
    one.name = f"doublet {number}"
    _set(one.centre, -start[number], -high[number], -low[number])
    _set(one.FWHM, start[3], low[3], high[3])
    _set(one.gamma, half * start[4], half * low[4], half * high[4])
    _set(one.area, start[5 + number] / (1.0 + SECOND), 0.0, None)
    _set(one.shirley_background, start[9] * step, 0.0, high[9] * step)
    return one


def _set(parameter: Any, value: float, low: float, high: float | None) -> None:
    parameter.value, parameter.bmin, parameter.bmax, parameter.free = value, low, high, True


def _results(model: Any, doublets: list[Any], offset: Any, counts: Floats, step: float) -> Fits:
    lorentz = 1.0 if isinstance(doublets[0], GaussLorentzDoublet) else 2.0
    columns = [
        *[-one.centre.map["values"] for one in doublets],
        doublets[0].FWHM.map["values"],
        lorentz * doublets[0].gamma.map["values"],
        *[one.area.map["values"] * (1.0 + SECOND) for one in doublets],
        offset.offset.map["values"],
        doublets[0].shirley_background.map["values"] / step,
    ]
    return np.stack(columns, axis=1), np.asarray(model.chisq.data)
