"""The model of a spectrum: one shape per element and shell, sum peaks, bremsstrahlung; its fit to a sum."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from imgpipe.errors import DataError
from imgpipe.kernels.spectrum_model import background_shapes, channel_edges, line_shapes
from imgpipe.kernels.spectrum_model_calibration import Calibration, refine
from imgpipe.kernels.spectrum_model_fit import Estimator, SpectrumFit, fit_spectrum
from imgpipe.kernels.spectrum_model_pile_up import shifted
from imgpipe.steps.edxs.intensities_lines import LOWEST, Row
from imgpipe.xrays.detector import efficiency
from imgpipe.xrays.lines import SHELL_OF, Line
from imgpipe.xrays.resolution import fwhm

DETECTORS = ("polymer", "none")
"""Windows of detectors that are tried; the one that fits the sum spectrum better is taken."""
KEPT = 8
"""Calibrations whose line shapes are kept while a spectrum is refined."""
NUDGE = 1e-3
"""Relative step of the derivative with a ratio of lines."""
LEAST_CHANNELS = 20


@dataclass(frozen=True)
class Family:
    """Lines of one element and shell; the shape holds 1 count of `unit`, the line that a row measures."""

    lines: tuple[Line, ...]
    unit: Line

    def doubtful(self, resolution: float) -> tuple[tuple[tuple[int, ...], bool], ...]:
        """Return groups of lines (places) whose ratio to the alpha line is uncertain in common, and whether it is seen.

        A group holds lines of one sub-shell and source. Its ratio is seen where its strongest line stands at least one
        FWHM from the unit; nearer lines only shift and widen the peak, as an energy scale does that is not straight.

        Parameters
        ----------
        resolution : FWHM at Mn Ka, eV
        """
        groups: dict[tuple[str, float], list[int]] = {}
        for n, line in enumerate(self.lines):
            if line.u_weight > 0.0:
                groups.setdefault((SHELL_OF[line.name], line.u_weight), []).append(n)
        return tuple((tuple(group), self._apart(group, resolution)) for group in groups.values())

    def _apart(self, group: Sequence[int], resolution: float) -> bool:
        strongest = max((self.lines[n] for n in group), key=lambda line: line.weight)
        return bool(abs(strongest.energy - self.unit.energy) >= fwhm(strongest.energy, resolution))


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


def families_of(present: Sequence[Line], rows: Sequence[Row]) -> tuple[Family, ...]:
    """Group lines by element and shell; the unit is the line that a row measures, else the strongest."""
    measured = {row.line for row in rows if row.line is not None}
    groups: dict[tuple[str, str], list[Line]] = {}
    for line in present:
        groups.setdefault((line.element, line.family), []).append(line)
    return tuple(_family(group, measured) for group in groups.values())


def _family(group: Sequence[Line], measured: set[Line]) -> Family:
    wanted = [line for line in group if line in measured]
    return Family(tuple(group), max(wanted or group, key=lambda line: line.weight))


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
        _Shapes(energy, pairs, tuple(families), first, last, resolution, beam_energy, window, background)
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


@dataclass(frozen=True)
class _Shapes:
    energy: np.ndarray
    pairs: np.ndarray
    families: tuple[Family, ...]
    first: int
    last: int
    resolution: float
    beam_energy: float
    window: str
    bremsstrahlung: bool

    @property
    def axis(self) -> np.ndarray:
        return self.energy[self.first : self.last]

    @functools.cached_property
    def _energies(self) -> np.ndarray:
        return np.array([line.energy for family in self.families for line in family.lines])

    def _groups(self, seen: bool) -> list[list[int]]:
        """Return places, among the lines of all families, of those whose ratio is uncertain in common."""
        starts = np.cumsum([0, *(len(family.lines) for family in self.families)])
        each = [
            (start, *one)
            for start, f in zip(starts, self.families, strict=False)
            for one in f.doubtful(self.resolution)
        ]
        return [[int(start) + n for n in group] for start, group, apart in each if apart == seen]

    @functools.cached_property
    def seen(self) -> list[list[int]]:
        """Groups of lines whose ratio the spectrum itself tells."""
        return self._groups(True)

    @functools.cached_property
    def unseen(self) -> list[list[int]]:
        """Groups of lines whose ratio is taken as it is."""
        return self._groups(False)

    def doubts(self, groups: Sequence[Sequence[int]]) -> np.ndarray:
        """Return the relative uncertainty of the ratio of each group."""
        lines = [line for family in self.families for line in family.lines]
        return np.array([lines[group[0]].u_weight for group in groups])

    @functools.cached_property
    def _weights(self) -> np.ndarray:
        """Photons of each line that are counted, relative to the alpha line."""
        weights = np.array([line.weight for family in self.families for line in family.lines])
        return np.asarray(weights * efficiency(self._energies, self.window))

    def lines(self, calibration: Calibration) -> np.ndarray:
        """Return the line shapes (K, families) of a calibration."""
        return np.asarray(self._each(calibration) @ self._mixed(self._counted(calibration)))

    def _counted(self, calibration: Calibration) -> np.ndarray:
        weights = self._weights.copy()
        for group, factor in zip(self.seen, calibration.ratios or (1.0,) * len(self.seen), strict=True):
            weights[group] *= factor
        return weights

    def slopes(self, calibration: Calibration, amplitudes: np.ndarray) -> np.ndarray:
        """Return the change of the expected counts (K, groups) with the logarithm of each ratio that is not seen."""
        each, weights = self._each(calibration), self._counted(calibration)
        now = self._mixed(weights)
        found = np.zeros((each.shape[0], len(self.unseen)))
        for n, group in enumerate(self.unseen):
            nudged = weights.copy()
            nudged[group] *= 1.0 + NUDGE
            found[:, n] = each @ ((self._mixed(nudged) - now) @ amplitudes[: now.shape[1]]) / NUDGE
        return found

    def _mixed(self, weights: np.ndarray) -> np.ndarray:
        """Return counts of each line per count of the unit of each family, (lines, families)."""
        mixed = np.zeros((weights.size, len(self.families)))
        start = 0
        for n, family in enumerate(self.families):
            own = weights[start : start + len(family.lines)]
            mixed[start : start + own.size, n] = own / own[family.lines.index(family.unit)]
            start += own.size
        return mixed

    @functools.cached_property
    def _known(self) -> dict[tuple[float, float, float], np.ndarray]:
        return {}

    def _each(self, calibration: Calibration) -> np.ndarray:
        """Return the shape of each line (K, lines) at an offset, gain and width; those in use are kept."""
        place = (calibration.offset, calibration.gain, calibration.width)
        if place not in self._known:
            if len(self._known) > KEPT:
                self._known.clear()
            offset, gain, width = place
            widths = fwhm(self._energies, width * self.resolution)
            self._known[place] = line_shapes(channel_edges(self.axis), offset + gain * self._energies, widths)
        return self._known[place]

    def sums(self, calibration: Calibration) -> np.ndarray:
        """Return the shape of sum peaks (K, 1), about 1 count, on the zero of a calibration; none without pairs."""
        step = (self.energy[-1] - self.energy[0]) / (self.energy.size - 1)
        shape = shifted(self.pairs, -calibration.offset / step)[self.first : self.last, None]
        return shape[:, : int(self.paired > 0.0)] / max(self.paired, 1.0)

    @property
    def paired(self) -> float:
        """Counts of sum peaks in the channels of the fit if all photons came in pairs."""
        return float(self.pairs[self.first : self.last].sum())

    @functools.cached_property
    def backgrounds(self) -> np.ndarray:
        """Background shapes (K, n)."""
        if not self.bremsstrahlung:
            return np.zeros((self.axis.size, 0))
        return background_shapes(self.axis, self.beam_energy, efficiency(self.axis, self.window))

    def design(self, calibration: Calibration) -> np.ndarray:
        """Return all shapes (K, p): of the families, of sum peaks, of the background."""
        return np.hstack([self.lines(calibration), self.sums(calibration), self.backgrounds])


def _fitted(shapes: _Shapes, counts: np.ndarray) -> SumModel:
    refined = refine(shapes.design, counts, shapes.doubts(shapes.seen))
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
