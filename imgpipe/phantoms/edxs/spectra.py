"""From a table of photons to what a detector counts on average: lines, bremsstrahlung, window, sum peaks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from imgpipe.phantoms.edxs.detector import Detector
from imgpipe.phantoms.edxs.families import family

Floats = NDArray[np.float64]

CHARGE = 1.602176634e-19
"""Elementary charge, C."""


@dataclass(frozen=True)
class Exposure:
    """How a scan was counted.

    Parameters
    ----------
    counts : of the line `reference` on its plateau, per position
    reference : label of that line; empty for the table's brightest line
    surface : counts per position of what lies on the whole face, by main line, as a share of `counts`: carbon, oxide,
        gallium of the ion beam
    bremsstrahlung : factor on the bremsstrahlung
    pile_up : share of all counts that come as one of two photons: each takes two counts away
    current : of the beam, A
    """

    counts: float = 120.0
    reference: str = "Mg Ka"
    surface: tuple[tuple[str, float], ...] = (("C Ka", 0.25), ("O Ka", 0.15), ("Ga La", 0.06))
    bremsstrahlung: float = 1.0
    pile_up: float = 0.0
    current: float = 4e-10


def plateau(intensity: Floats) -> float:
    """Return the intensity on the plateau: median of the brightest fifth of the positions."""
    return float(np.median(np.sort(intensity)[-max(intensity.size // 5, 1) :]))


def dose(table: xr.Dataset, detector: Detector, exposure: Exposure) -> float:
    """Return electrons per position times the detector's solid angle."""
    lines = [str(label) for label in table["xray_line"].values]
    seen = table["intensity"].values * detector.efficiency(table["line_energy"].values)[:, None]
    levels = [plateau(row) for row in seen]
    row = lines.index(exposure.reference) if exposure.reference in lines else int(np.argmax(levels))
    return exposure.counts / levels[row]


def line_counts(table: xr.Dataset, detector: Detector, exposure: Exposure) -> dict[str, Floats]:
    """Return the mean counts of each main line at each position, what lies on the face included."""
    scale = dose(table, detector, exposure) * detector.efficiency(table["line_energy"].values)
    found = {
        str(label): table["intensity"].values[index] * scale[index]
        for index, label in enumerate(table["xray_line"].values)
    }
    size = table.sizes["position"]
    return found | {label: np.full(size, share * exposure.counts) for label, share in exposure.surface}


def expected(table: xr.Dataset, detector: Detector, exposure: Exposure) -> Floats:
    """Return the mean counts (position, channel)."""
    total = _continuum(table, detector, exposure)
    beam_energy = float(table["beam_energy"])
    for label, counts in line_counts(table, detector, exposure).items():
        total = total + counts[:, None] * _family_shape(label, beam_energy, detector)
    return _piled_up(np.asarray(total), exposure.pile_up) if exposure.pile_up > 0.0 else np.asarray(total)


def _family_shape(label: str, beam_energy: float, detector: Detector) -> Floats:
    """Return the spectrum of a family per count of its main line."""
    lines = family(label, beam_energy)
    main = float(detector.efficiency(lines[0][0].energy)[0])
    shapes = [
        ratio * float(detector.efficiency(one.energy)[0]) / main * detector.shape(one.energy) for one, ratio in lines
    ]
    return np.asarray(np.sum(shapes, axis=0))


def _continuum(table: xr.Dataset, detector: Detector, exposure: Exposure) -> Floats:
    """Return the bremsstrahlung (position, channel): interpolated over photon energy, 0 above the beam's."""
    beam_energy = float(table["beam_energy"])
    quanta = table["quantum"].values
    weights = quanta / (beam_energy - quanta)  # what varies slowly with energy is interpolated
    smooth = table["bremsstrahlung"].values * weights[:, None]
    energy = detector.energy
    inside = (energy >= 50.0) & (energy < beam_energy)
    result = np.zeros((table.sizes["position"], energy.size))
    here = energy[inside]
    counted = detector.efficiency(here) * (beam_energy - here) / here
    for index in range(result.shape[0]):
        result[index, inside] = np.interp(here, quanta, smooth[:, index]) * counted
    return result * (dose(table, detector, exposure) * detector.channel * exposure.bremsstrahlung)


def _piled_up(counts: Floats, share: float) -> Floats:
    """Return the spectra in which a share of the counts comes as two photons counted as one, at the sum of both."""
    pairs = np.maximum(fftconvolve(counts, counts, axes=1)[:, : counts.shape[1]], 0.0)
    return np.asarray((1.0 - 2.0 * share) * counts + share * pairs / counts.sum(axis=1, keepdims=True))


def live_time(table: xr.Dataset, detector: Detector, exposure: Exposure) -> float:
    """Return the live time per position, s."""
    return dose(table, detector, exposure) / detector.solid_angle * CHARGE / exposure.current
