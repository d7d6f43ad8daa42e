"""Layers of a specimen as the electrons see them: thin vertical slabs of uniform composition, side by side along x."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgpipe.phantoms.edxs.atoms import mass_fractions

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Layer:
    """One layer, its normal along x.

    Parameters
    ----------
    name : of the layer
    formula : of its composition
    density : g/cm3
    thickness : nm; infinite for the first and the last layer
    far_formula, far_density : composition at the far side; between the sides mass fractions and specific volume change
        linearly with x
    """

    name: str
    formula: str
    density: float
    thickness: float = math.inf
    far_formula: str = ""
    far_density: float = 0.0


@dataclass(frozen=True)
class Slabs:
    """Slabs between `edges` (slab + 1; nm, from -inf to inf) with partial densities (slab, element), g/cm3."""

    edges: Floats
    symbols: tuple[str, ...]
    densities: Floats


def interfaces(layers: Sequence[Layer]) -> Floats:
    """Return the positions of the interfaces, nm: the first at 0."""
    return np.concatenate(([0.0], np.cumsum([layer.thickness for layer in layers[1:-1]])))


def composition(layer: Layer, fraction: float) -> dict[str, float]:
    """Return partial densities (g/cm3) at a fraction (0 to 1) of the way through a layer."""
    near = mass_fractions(layer.formula)
    if not layer.far_formula:
        return {symbol: share * layer.density for symbol, share in near.items()}
    far = mass_fractions(layer.far_formula)
    density = 1.0 / ((1.0 - fraction) / layer.density + fraction / layer.far_density)
    shares = {s: (1.0 - fraction) * near.get(s, 0.0) + fraction * far.get(s, 0.0) for s in {**near, **far}}
    return {symbol: share * density for symbol, share in shares.items()}


def slabs(layers: Sequence[Layer], sigma: Sequence[float] | float = 0.0, steps: int = 40) -> Slabs:
    """Cut layers into slabs.

    Parameters
    ----------
    layers : from left to right
    sigma : standard deviation of each interface, nm: volumes of the two sides mix with a Gaussian's integral
    steps : slabs per gradient, and per mixed interface (which spans 3.5 sigma to each side)
    """
    borders = interfaces(layers)
    widths = np.broadcast_to(np.asarray(sigma, dtype=np.float64), borders.shape)
    cuts = [
        border + width * edge for border, width in zip(borders, widths, strict=True) for edge in _mixing(width, steps)
    ]
    for index, layer in enumerate(layers):
        if layer.far_formula:
            cuts += list(np.linspace(borders[index - 1], borders[index], steps + 1))
    inner = np.unique(np.round(cuts, 6))
    edges = np.concatenate(([-np.inf], inner, [np.inf]))
    middles = np.concatenate(([inner[0] - 1.0], 0.5 * (inner[1:] + inner[:-1]), [inner[-1] + 1.0]))
    parts = [_mixture(layers, borders, widths, x) for x in middles]
    symbols = tuple(sorted({symbol for part in parts for symbol in part}))
    return Slabs(edges, symbols, np.array([[part.get(symbol, 0.0) for symbol in symbols] for part in parts]))


def _mixing(width: float, steps: int) -> Floats:
    return np.linspace(-3.5, 3.5, steps + 1) if width > 0.0 else np.zeros(1)


def _mixture(layers: Sequence[Layer], borders: Floats, widths: Floats, x: float) -> dict[str, float]:
    """Return partial densities at x: each layer's, by its share of volume there."""
    passed = np.concatenate(([1.0], [_passed(x - b, w) for b, w in zip(borders, widths, strict=True)], [0.0]))
    total: dict[str, float] = {}
    for index, layer in enumerate(layers):
        share = passed[index] - passed[index + 1]
        if share > 0.0:
            start = borders[max(index - 1, 0)]
            fraction = min(max((x - start) / layer.thickness, 0.0), 1.0) if layer.far_formula else 0.0
            for symbol, density in composition(layer, fraction).items():
                total[symbol] = total.get(symbol, 0.0) + share * density
    return total


def _passed(distance: float, width: float) -> float:
    if width <= 0.0:
        return float(distance > 0.0)
    return 0.5 * (1.0 + math.erf(distance / (width * math.sqrt(2.0))))
