"""What the sum spectrum says: totals with their limits, and how each single spectrum is measured."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from imgpipe.kernels.currie import critical_level, detection_limit
from imgpipe.kernels.spectrum_model_maps import ModelPlan, Windows, by_model, by_windows
from imgpipe.kernels.spectrum_model_pile_up import pair_sums
from imgpipe.steps.edxs.intensities_doubts import unexplained
from imgpipe.steps.edxs.intensities_lines import Row
from imgpipe.steps.edxs.intensities_model import SumModel, fit_sum
from imgpipe.steps.edxs.intensities_shapes import families_of
from imgpipe.steps.edxs.intensities_windows import intruders, place_windows
from imgpipe.xrays.lines import Line

CERTAIN = 2.0
"""Share of sum peaks over its u from which on single spectra are corrected for them."""
POOR = 1.5
"""Deviance per degree of freedom of the sum spectrum above which its model is said not to fit."""


@dataclass(frozen=True)
class Wish:
    """How intensities are to be measured: the settings of the step."""

    method: str
    background: str
    width: float
    distance: tuple[float, float]
    confidence: float

    @property
    def beside(self) -> tuple[float, float] | None:
        """Distance of the background windows, in FWHM; none where no windows are used."""
        return self.distance if self.background == "windows" else None


@dataclass(frozen=True)
class Totals:
    """Numbers of each row (n,) for the sum spectrum, in counts; NaN where no line is measured."""

    intensity: np.ndarray
    u: np.ndarray
    critical: np.ndarray
    limit: np.ndarray


@dataclass(frozen=True)
class Found:
    """The fitted sum spectrum, the windows and who spoils them, the totals, and the way to measure one spectrum."""

    model: SumModel
    windows: Windows
    spoiled: tuple[tuple[str, ...], ...]
    columns: np.ndarray
    totals: Totals
    work: Callable[[np.ndarray], np.ndarray]
    notes: tuple[str, ...]


def measure_sum(
    energy: np.ndarray,
    spectrum: np.ndarray,
    pairs: np.ndarray,
    rows: Sequence[Row],
    present: Sequence[Line],
    beam_energy: float,
    resolution: float,
    wish: Wish,
) -> Found:
    """Fit the sum spectrum (K,), in which photons pair as in `pairs` (K,), and prepare the measurement of its parts."""
    model = fit_sum(
        energy,
        spectrum,
        pairs,
        families_of(present, rows),
        beam_energy,
        resolution,
        background=wish.method == "window" or wish.background != "none",
    )
    columns = np.array([model.column(row.line) if row.line is not None else -1 for row in rows])
    whole = bool(np.all(spectrum == np.rint(spectrum)))
    dispersion = 1.0 if whole else model.dispersion
    windows = place_windows(energy, rows, wish.width, resolution, wish.beside)
    spoiled = _spoiled(spectrum, rows, present, model, windows, resolution, wish)
    windows = _without(windows, spoiled)
    notes = (*_notes(model, whole), *unexplained(energy, spectrum, model, resolution))
    if wish.method == "window":
        totals = _window_totals(spectrum, windows, wish.confidence)
        return Found(model, windows, spoiled, columns, totals, functools.partial(by_windows, windows=windows), notes)
    plan = ModelPlan(
        model.pixel, model.first, model.last, columns, len(model.families), windows, dispersion, _piled(energy, model)
    )
    totals = _model_totals(model, columns, wish.confidence)
    return Found(model, windows, spoiled, columns, totals, functools.partial(by_model, plan=plan), notes)


def _piled(energy: np.ndarray, model: SumModel) -> np.ndarray | None:
    """Return counts that pairs of shapes add to right-hand sides; none where the sum shows no sum peaks."""
    if model.pile_up <= CERTAIN * model.u_pile_up:
        return None
    step = (energy[-1] - energy[0]) / (energy.size - 1)
    return model.pile_up * pair_sums(model.pixel.design, model.pixel.weighted, energy[model.first] / step)


def _notes(model: SumModel, whole: bool) -> tuple[str, ...]:
    notes = []
    if not whole:
        notes.append("counts are not whole numbers: noise taken as Gaussian, from the misfit of the sum spectrum")
    if model.dispersion > POOR:
        notes.append(f"sum spectrum: misfit {model.dispersion:.1f} times counting noise")
    return tuple(notes)


def _spoiled(
    spectrum: np.ndarray,
    rows: Sequence[Row],
    present: Sequence[Line],
    model: SumModel,
    windows: Windows,
    resolution: float,
    wish: Wish,
) -> tuple[tuple[str, ...], ...]:
    sizes = {line: _size(model, line) for line in present}
    found = []
    for row, (low, high) in zip(rows, windows.inside, strict=True):
        gross = max(float(spectrum[max(low, 0) : max(high, 0)].sum()), 1.0)
        shares = {line: size / gross for line, size in sizes.items()}
        found.append(tuple(intruders(row, present, shares, wish.width, resolution, wish.beside)))
    return tuple(found)


def _size(model: SumModel, line: Line) -> float:
    column = model.column(line)
    return float(model.fit.amplitudes[column]) * line.weight / model.families[column].unit.weight


def _without(windows: Windows, spoiled: Sequence[Sequence[str]]) -> Windows:
    clean = np.array([not names for names in spoiled])
    return Windows(windows.inside, windows.left, windows.right, windows.valid & clean)


def _model_totals(model: SumModel, columns: np.ndarray, confidence: float) -> Totals:
    """Return totals by the model; where it fits worse than counting allows, u grows with the misfit (Birge)."""
    amplitudes, estimator = model.fit.amplitudes[None, :], model.fit.estimator
    worse = max(1.0, model.dispersion)
    variance = estimator.variances(amplitudes)[0] * worse + model.from_calibration
    absent = estimator.variances_absent(amplitudes)[0] * worse
    own = np.diag(estimator.spread) * worse
    each = (
        amplitudes[0], np.sqrt(variance), critical_level(absent, confidence),
        detection_limit(absent, confidence, own),
    )  # fmt: skip
    return Totals(*(np.where(columns >= 0, values[columns], np.nan) for values in each))


def _window_totals(spectrum: np.ndarray, windows: Windows, confidence: float) -> Totals:
    intensity, u, gross, background = by_windows(spectrum[None, :], windows)[:, :, 0]
    absent = np.maximum(u**2 - gross + background, 0.0)
    return Totals(intensity, u, critical_level(absent, confidence), detection_limit(absent, confidence))
