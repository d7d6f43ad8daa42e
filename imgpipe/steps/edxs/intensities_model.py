"""The model of a spectrum: one shape per element and shell, sum peaks, bremsstrahlung; its fit to a sum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from imgpipe.errors import DataError
from imgpipe.kernels.spectrum_model_calibration import Calibration, refine
from imgpipe.kernels.spectrum_model_fit import Estimator, SpectrumFit, fit_spectrum
from imgpipe.steps.edxs.intensities_lines import LOWEST
from imgpipe.steps.edxs.intensities_shapes import U_CARBON, Family, Shapes
from imgpipe.xrays.lines import Line

DETECTORS = ("polymer", "none")
"""Windows of detectors that are tried; the one that fits the sum spectrum better is taken."""
LEAST_CHANNELS = 20


@dataclass(frozen=True)
class SumModel:
    """A fitted sum spectrum.

    Attributes
    ----------
    families : one per line shape; sum peaks (one shape, if any) and the background shapes follow them
    sums : whether there is a shape of sum peaks
    first, last : channels of the fit, last exclusive
    fit : of the sum spectrum
    pixel : estimator for single spectra, without the shape of sum peaks
    dispersion : deviance per degree of freedom
    from_calibration : (shapes,) variance of each amplitude of the sum from what is left uncertain of the calibration
        of ratios between lines, and of the detector's window
    calibration, window : as refined; detector window that fits better
    pile_up, u_pile_up : share of all counts that are two photons at once, 0 to 1
    """

    families: tuple[Family, ...]
    sums: bool
    first: int
    last: int
    fit: SpectrumFit
    pixel: Estimator
    dispersion: float
    from_calibration: np.ndarray
    calibration: Calibration
    window: str
    pile_up: float
    u_pile_up: float

    @property
    def lines(self) -> int:
        """Number of shapes that are lines or sum peaks: the first ones."""
        return len(self.families) + self.sums

    def column(self, line: Line) -> int:
        """Return the shape that holds a line."""
        return next(n for n, family in enumerate(self.families) if line in family.lines)

    @property
    def background(self) -> np.ndarray:
        """Expected bremsstrahlung of the sum spectrum in the channels of the fit."""
        n = self.lines
        return np.asarray(self.fit.estimator.design[:, n:] @ self.fit.amplitudes[n:])

    @property
    def sum_peaks(self) -> np.ndarray:
        """Expected counts of two photons at once in the channels of the fit."""
        part = slice(len(self.families), self.lines)
        return np.asarray(self.fit.estimator.design[:, part] @ self.fit.amplitudes[part])


def fit_sum(
    energy: np.ndarray,
    counts: np.ndarray,
    pairs: np.ndarray,
    families: Sequence[Family],
    beam_energy: float,
    resolution: float,
    *,
    background: bool,
) -> SumModel:
    """Fit the sum spectrum, its calibration and the ratios of lines refined once.

    Parameters
    ----------
    energy, counts : (K,) eV and counts
    pairs : (K,) spectrum that pairs of photons make (`pair_spectrum`)
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
    shaped = [
        Shapes(energy, pairs, tuple(families), first, last, resolution, beam_energy, window, background)
        for window in (DETECTORS if background else DETECTORS[:1])
    ]
    return _best([_fitted(one, counts[first:last]) for one in shaped])


def _best(models: Sequence[SumModel]) -> SumModel:
    """Return the most likely model, what less likely ones say otherwise added to its variances.

    References
    ----------
    K. P. Burnham, D. R. Anderson, Model Selection and Multimodel Inference (2002), eq. 4.9
    """
    best = min(models, key=lambda one: one.fit.deviance)
    excess = np.array([one.fit.deviance - best.fit.deviance for one in models]) / max(1.0, best.dispersion)
    weights = np.exp(-0.5 * excess) / np.exp(-0.5 * excess).sum()
    apart = [(one.fit.amplitudes[: best.lines] - best.fit.amplitudes[: best.lines]) ** 2 for one in models]
    variance = best.from_calibration.copy()
    variance[: best.lines] += weights @ np.array(apart)
    return replace(best, from_calibration=variance)


def _fitted(shapes: Shapes, counts: np.ndarray) -> SumModel:
    refined = refine(shapes.design, counts, np.append(shapes.doubts(shapes.seen), U_CARBON))
    matrix = shapes.design(refined.calibration)
    fit = fit_spectrum(matrix, counts)
    freedom = max(1, counts.size - int((fit.amplitudes > 0).sum()))
    n = len(shapes.families)
    sums = shapes.paired > 0.0
    gain = fit.estimator.gain().T
    pull, guess = gain @ refined.slopes, gain @ shapes.slopes(refined.calibration, fit.amplitudes)
    doubt = np.einsum("pi,ij,pj->p", pull, refined.covariance, pull) + guess**2 @ shapes.doubts(shapes.unseen) ** 2
    u = np.sqrt(fit.estimator.variances(fit.amplitudes[None, :])[0] + doubt)
    pixel = Estimator.of(np.delete(matrix, [n] * sums, axis=1), fit.fitted)
    return SumModel(
        shapes.families, sums, shapes.first, shapes.last, fit, pixel,
        fit.deviance / freedom, doubt, refined.calibration, shapes.window,
        float(fit.amplitudes[n]) / shapes.paired if sums else 0.0, float(u[n]) / shapes.paired if sums else 0.0,
    )  # fmt: skip
