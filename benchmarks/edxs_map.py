"""The element map of the EDXS benchmark: photons drawn one by one, so that no estimator's model is the truth.

Four layers with wavy boundaries (Li6PS5Cl | Mg | W | Cu), Ga, C and O everywhere: Ga L and W Mz stand on both sides of
Mg K, Cu L beside Ga L. Energies are those of eXSpy's data base, which all methods use. How the photons of a family are
shared between its lines follows xraylib's rates and ionisation at 10 kV, which imgpipe uses too (with its uncertainty);
eXSpy's models use the weights of its data base.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Floats = NDArray[np.float64]
CHANNELS, CHANNEL = 2048, 5.0
"""Number and width of the channels, eV; the first starts at 0, so that its middle is at 2.5 eV."""
BEAM_ENERGY, RESOLUTION, MN_KA = 10_000.0, 130.0, 5898.7
"""eV; resolution is the FWHM at Mn Ka."""
LINES = {
    "C": "Ka", "O": "Ka", "Cu": "La", "Ga": "La", "Mg": "Ka", "W": "Ma", "P": "Ka", "S": "Ka", "Cl": "Ka",
}  # fmt: skip
"""The line that stands for each element."""
WEAK = {"Cu": ("Ka", 0.05)}
"""A second family that the beam barely excites, and its photons for one of the first family."""
LAYERS: dict[str, dict[str, float]] = {
    "SE": {"C": 6.0, "O": 10.0, "Ga": 6.0, "P": 20.0, "S": 90.0, "Cl": 18.0},
    "Mg": {"C": 6.0, "O": 12.0, "Ga": 8.0, "Mg": 120.0},
    "W": {"C": 6.0, "O": 4.0, "Ga": 12.0, "W": 60.0},
    "Cu": {"C": 6.0, "O": 4.0, "Ga": 5.0, "Cu": 70.0},
}
"""Expected photons of the first family for each pixel."""
BREMSSTRAHLUNG = {"SE": 50.0, "Mg": 40.0, "W": 110.0, "Cu": 80.0}
BOUNDARIES = (0.35, 0.7, 0.8)
"""Of the layers, in parts of the width."""


@dataclass(frozen=True)
class ElementMap:
    """A map and what it was drawn from.

    counts : (y, x, energy), uint8
    photons : (element, y, x), expected photons of the family of each element's line
    alpha : (element,), share of the line itself in its family
    """

    counts: NDArray[np.uint8]
    photons: Floats
    alpha: Floats


def element_map(side: int, *, seed: int = 5) -> ElementMap:
    """Draw a map of side x side pixels."""
    rng = np.random.default_rng(seed)
    share = _layer_shares(side)
    photons = np.stack([_expected(element, share) for element in LINES])
    background = np.einsum("lyx,l->yx", share, np.array(list(BREMSSTRAHLUNG.values())))
    families = {element: family(element, line) for element, line in LINES.items()}
    weak = {element: family(element, line) for element, (line, _) in WEAK.items()}
    counts = np.empty((side, side, CHANNELS), np.uint8)
    for first in range(0, side, 16):
        rows = slice(first, first + 16)
        total = _bremsstrahlung(rng, background[rows])
        for number, (element, lines) in enumerate(families.items()):
            total += _lines(rng, photons[number, rows], *lines)
            if element in weak:
                total += _lines(rng, WEAK[element][1] * photons[number, rows], *weak[element])
        counts[rows] = total
    alpha = np.array([weights[0] / weights.sum() for _, weights in families.values()])
    return ElementMap(counts, photons, alpha)


def family(element: str, line: str) -> tuple[Floats, Floats]:
    """Return energies (eV) and weights of the family of a line, the line itself first."""
    from imgpipe.xrays.lines import excited_lines

    lines = [one for one in excited_lines(element, BEAM_ENERGY) if one.family == line[0]]
    lines.sort(key=lambda one: one.name != line)
    return np.array([one.energy for one in lines]), np.array([one.weight for one in lines])


def _layer_shares(side: int) -> Floats:
    """Return the share of each layer in each pixel (layer, y, x): wavy boundaries, blurred over 2 px."""
    y, x = np.arange(side), np.arange(side)
    waves = [3.0 * np.sin(2.0 * np.pi * y / side * (k + 2) + k) for k in range(len(BOUNDARIES))]
    passed = np.stack(
        [ndtr((x - (side * at + wave[:, None])) / 2.0) for at, wave in zip(BOUNDARIES, waves, strict=True)]
    )
    full = np.concatenate([np.ones((1, side, side)), passed, np.zeros((1, side, side))])
    return np.asarray(np.maximum(full[:-1] - full[1:], 0.0))


def _expected(element: str, share: Floats) -> Floats:
    amount = np.array([layer.get(element, 0.0) for layer in LAYERS.values()])
    return np.asarray(np.einsum("lyx,l->yx", share, amount))


def _lines(rng: np.random.Generator, photons: Floats, energy: Floats, weights: Floats) -> NDArray[Any]:
    """Draw photons of a family, each with the detector's own error in energy; return counts (y, x, energy)."""
    number = rng.poisson(photons)
    which = rng.choice(len(energy), number.sum(), p=weights / weights.sum())
    sigma = np.sqrt(2.5 * (energy - MN_KA) + RESOLUTION**2) / np.sqrt(8.0 * np.log(2.0))
    return _counted(number, energy[which] + sigma[which] * rng.standard_normal(which.size))


def _bremsstrahlung(rng: np.random.Generator, photons: Floats) -> NDArray[Any]:
    """Draw photons of Kramers' law, less what the detector's window stops."""
    number = rng.poisson(photons)
    energy = np.linspace(30.0, BEAM_ENERGY, 20_000)
    density = (BEAM_ENERGY - energy) / energy * np.exp(-((600.0 / energy) ** 2.5))
    cumulated = np.cumsum(density)
    return _counted(number, np.interp(rng.uniform(0.0, cumulated[-1], number.sum()), cumulated, energy))


def _counted(number: NDArray[Any], energy: Floats) -> NDArray[Any]:
    """Sort photons into channels; `number` (y, x) says how many belong to each pixel, one after the other."""
    pixel = np.repeat(np.arange(number.size), number.ravel())
    channel = np.floor(energy / CHANNEL).astype(np.int64)
    inside = (channel >= 0) & (channel < CHANNELS)
    flat = np.bincount(pixel[inside] * CHANNELS + channel[inside], minlength=number.size * CHANNELS)
    return flat.reshape(*number.shape, CHANNELS)


def axis() -> Floats:
    """Return the middles of the channels (energy,), eV."""
    return np.asarray(CHANNEL * (np.arange(CHANNELS) + 0.5), dtype=np.float64)
