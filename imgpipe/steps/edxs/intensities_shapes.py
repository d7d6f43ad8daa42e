"""Shapes that a spectrum is made of: one per element and shell, sum peaks, bremsstrahlung."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imgpipe.kernels.spectrum_model import background_shapes, channel_edges, line_shapes
from imgpipe.kernels.spectrum_model_calibration import Calibration
from imgpipe.kernels.spectrum_model_pile_up import shifted
from imgpipe.steps.edxs.intensities_lines import Row
from imgpipe.xrays.detector import efficiency
from imgpipe.xrays.lines import SHELL_OF, Line
from imgpipe.xrays.materials import mass_absorption
from imgpipe.xrays.resolution import fwhm

CARBON, U_CARBON = 3e-5, 0.5
"""Carbon before the crystal, g/cm2 (that of a polymer window of 300 nm), and its relative u: windows differ, and carbon
grows on them. It makes the jump of the background at the edge of carbon, under C K."""
KEPT = 8
"""Calibrations whose line shapes are kept while a spectrum is refined."""
NUDGE = 1e-3
"""Relative step of the derivative with a ratio of lines."""


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


@dataclass(frozen=True)
class Shapes:
    """What a sum spectrum may hold, behind one window of a detector; `bremsstrahlung` tells whether there is any."""

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
        """Energies of the channels of the fit, eV."""
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
        for group, factor in zip(self.seen, calibration.ratios or (1.0,) * len(self.seen), strict=False):
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
    def _background(self) -> tuple[np.ndarray, np.ndarray]:
        """Background shapes (K, n), and the optical depth (K, 1) of the carbon that is doubtful."""
        if not self.bremsstrahlung:
            return np.zeros((self.axis.size, 0)), np.zeros((self.axis.size, 1))
        shapes = background_shapes(self.axis, self.beam_energy, efficiency(self.axis, self.window))
        return shapes, CARBON * mass_absorption("C", self.axis)[:, None]

    def backgrounds(self, calibration: Calibration) -> np.ndarray:
        """Return background shapes (K, n), with as much carbon before the crystal as a calibration says."""
        shapes, depth = self._background
        carbon = calibration.ratios[-1] if calibration.ratios else 1.0
        return np.asarray(shapes * np.exp((1.0 - carbon) * depth))

    def design(self, calibration: Calibration) -> np.ndarray:
        """Return all shapes (K, p): of the families, of sum peaks, of the background."""
        return np.hstack([self.lines(calibration), self.sums(calibration), self.backgrounds(calibration)])
