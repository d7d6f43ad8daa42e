"""What comes out of a stack of layers: Beer-Lambert attenuation, summed explicitly over thin slices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_SLICES = 400
_DEEP = 20.0  # substrate thickness in attenuation lengths


@dataclass(frozen=True)
class Layer:
    """A homogeneous layer, named by the species that it holds.

    Attributes
    ----------
    species : name
    thickness : nm; infinite for the substrate; a number or one value per spectrum
    density : emitting atoms per nm^3
    attenuation_length : of the electrons seen, nm
    """

    species: str
    thickness: Any
    density: float
    attenuation_length: float


def emission(layers: tuple[Layer, ...], angle: float) -> dict[str, Floats]:
    """Return emitted atoms per nm^2 of each species, as seen through everything above it.

    Parameters
    ----------
    layers : top first, substrate last
    angle : of emission, from the surface normal, deg
    """
    cosine = float(np.cos(np.radians(angle)))
    above: Any = np.zeros(1)  # path length of the layers above, in attenuation lengths
    seen: dict[str, Floats] = {}
    for layer in layers:
        reach = layer.attenuation_length * cosine
        thickness = np.minimum(np.atleast_1d(layer.thickness), _DEEP * reach)[:, None]
        middles = (np.arange(_SLICES) + 0.5) / _SLICES
        slices = thickness / _SLICES * np.exp(-middles * thickness / reach)
        seen[layer.species] = layer.density * slices.sum(axis=-1) * np.exp(-above)
        above = above + thickness[:, 0] / reach
    return seen
