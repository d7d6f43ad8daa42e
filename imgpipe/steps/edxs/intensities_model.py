"""The model of a spectrum: one shape per element and shell, and bremsstrahlung; its fit to the sum of all spectra."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from imgpipe.errors import DataError
from imgpipe.kernels.spectrum_model import background_shapes, channel_edges, line_shapes
from imgpipe.kernels.spectrum_model_calibration import Calibration, refine
from imgpipe.kernels.spectrum_model_fit import Estimator, SpectrumFit, fit_spectrum
from imgpipe.steps.edxs.intensities_lines import LOWEST, Row
from imgpipe.xrays.detector import efficiency
from imgpipe.xrays.lines import Line
from imgpipe.xrays.resolution import fwhm

DETECTORS = ("polymer", "none")
"""Windows of detectors that are tried; the one that fits the sum spectrum better is taken."""
FREE_RATIO = ("Mz",)
"""Lines with a shape of their own: the ratio of M zeta to M alpha is poorly known, and it stands beside Mg K."""
LARGEST_RATIO = 0.2
"""Of such a line to the main line of its shell."""
LEAST_CHANNELS = 20


@dataclass(frozen=True)
class Family:
    """Lines of one element and shell, in fixed ratios; the shape holds 1 count of `unit`.

    `free` ones have a ratio to their shell that is taken from the sum spectrum.
    """

    lines: tuple[Line, ...]
    unit: Line
    free: bool = False

    @property
    def name(self) -> str:
        """Element and shell: ``W M``; with the line where it is one alone: ``W Mz``."""
        single = self.unit.name if self.unit.name in FREE_RATIO else self.unit.family
        return f"{self.unit.element} {single}"


@dataclass(frozen=True)
class SumModel:
    """A fitted sum spectrum.

    Attributes
    ----------
    families : one per line shape; the background shapes follow them
    first, last : channels of the fit, last exclusive
    fit : of the sum spectrum
    pixel : estimator for single spectra: lines with a free ratio are tied at the ratio of the sum
    dispersion : deviance per degree of freedom
    from_calibration : (shapes,) variance of each amplitude of the sum from what is left uncertain of the calibration
    calibration, window : as refined; detector window that fits better
    """

    families: tuple[Family, ...]
    first: int
    last: int
    fit: SpectrumFit
    pixel: Estimator
    dispersion: float
    from_calibration: np.ndarray
    calibration: Calibration
    window: str

    def column(self, line: Line) -> int:
        """Return the shape that holds a line."""
        return next(n for n, family in enumerate(self.families) if line in family.lines)

    @property
    def background(self) -> np.ndarray:
        """Expected background of the sum spectrum in the channels of the fit."""
        n = len(self.families)
        return np.asarray(self.fit.estimator.design[:, n:] @ self.fit.amplitudes[n:])


def families_of(present: Sequence[Line], rows: Sequence[Row]) -> tuple[Family, ...]:
    """Group lines by element and shell; the unit is the line that a row measures, else the strongest."""
    measured = {row.line for row in rows if row.line is not None}
    groups: dict[tuple[str, str], list[Line]] = {}
    for line in present:
        own = line.name if line.name in FREE_RATIO else line.family
        groups.setdefault((line.element, own), []).append(line)
    tied = [(key, group) for key, group in groups.items() if key[1] not in FREE_RATIO]
    free = [(key, group) for key, group in groups.items() if key[1] in FREE_RATIO]
    return tuple(_family(group, measured) for _, group in (*tied, *free))


def _family(group: Sequence[Line], measured: set[Line]) -> Family:
    wanted = [line for line in group if line in measured]
    unit = max(wanted or group, key=lambda line: line.weight)
    return Family(tuple(group), unit, free=unit.name in FREE_RATIO and not wanted)


def fit_sum(
    energy: np.ndarray,
    counts: np.ndarray,
    families: Sequence[Family],
    beam_energy: float,
    resolution: float,
    *,
    background: bool,
) -> SumModel:
    """Fit the sum spectrum, its calibration refined once.

    Parameters
    ----------
    energy, counts : (K,) eV and counts
    beam_energy, resolution : eV
    background : whether there is bremsstrahlung
    """
    first = int(np.searchsorted(energy, LOWEST))
    last = int(np.searchsorted(energy, beam_energy))
    if last - first < LEAST_CHANNELS:
        raise DataError(
            f"{last - first} channels between {LOWEST:g} eV and the beam energy {beam_energy:g} eV; "
            f"at least {LEAST_CHANNELS} are needed.",
            remedy="check that the energy axis and the beam energy are in the same unit.",
        )
    shaped = [_Shapes(energy, families, first, last, resolution, beam_energy, window) for window in DETECTORS]
    tried = [_fitted(one, counts[first:last]) for one in (shaped if background else [replace(shaped[0], window="")])]
    return min(tried, key=lambda one: one.dispersion)


@dataclass(frozen=True)
class _Shapes:
    energy: np.ndarray
    families: Sequence[Family]
    first: int
    last: int
    resolution: float
    beam_energy: float
    window: str

    def lines(self, calibration: Calibration) -> np.ndarray:
        """Return the line shapes (K, families) of a calibration."""
        inside = slice(self.first, self.last)
        edges = channel_edges(self.energy[inside])
        columns = [_shape(family, edges, self.resolution, calibration) for family in self.families]
        return np.stack(columns, axis=1)

    def backgrounds(self) -> np.ndarray:
        """Return the background shapes (K, n); none without a window."""
        energy = self.energy[self.first : self.last]
        if not self.window:
            return np.zeros((energy.size, 0))
        return background_shapes(energy, self.beam_energy, efficiency(energy, self.window))


def _shape(family: Family, edges: np.ndarray, resolution: float, calibration: Calibration) -> np.ndarray:
    energies = np.array([line.energy for line in family.lines])
    weights = np.array([line.weight for line in family.lines]) / family.unit.weight
    widths = calibration.width * fwhm(energies, resolution)
    return np.asarray(line_shapes(edges, calibration.offset + calibration.gain * energies, widths) @ weights)


def _fitted(shapes: _Shapes, counts: np.ndarray) -> SumModel:
    background = shapes.backgrounds()

    def design(calibration: Calibration) -> np.ndarray:
        return np.hstack([shapes.lines(calibration), background])

    refined = refine(design, counts)
    matrix = design(refined.calibration)
    fit = fit_spectrum(matrix, counts)
    freedom = max(1, counts.size - int((fit.amplitudes > 0).sum()))
    pixel = Estimator.of(_tied(matrix, shapes.families, fit), fit.fitted)
    pull = fit.estimator.gain().T @ refined.slopes
    return SumModel(
        tuple(shapes.families), shapes.first, shapes.last, fit, pixel, fit.deviance / freedom,
        np.einsum("pi,ij,pj->p", pull, refined.covariance, pull), refined.calibration, shapes.window,
    )  # fmt: skip


def _tied(matrix: np.ndarray, families: Sequence[Family], fit: SpectrumFit) -> np.ndarray:
    """Return the shapes with each free line added to its shell at the ratio of the fit, and empty in its own place."""
    tied = matrix.copy()
    for n, family in enumerate(families):
        if not family.free:
            continue
        shell = [m for m, other in enumerate(families) if other.name == f"{family.unit.element} {family.unit.family}"]
        if shell and fit.amplitudes[shell[0]] > 0:
            ratio = min(fit.amplitudes[n] / fit.amplitudes[shell[0]], LARGEST_RATIO)
            tied[:, shell[0]] += ratio * matrix[:, n]
            tied[:, n] = 0.0
    return tied
