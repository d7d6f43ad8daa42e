"""Specimens and conditions of the stored line scans, each with its true interfaces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgpipe.phantoms.edxs.slabs import Layer

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scan:
    """One stored line scan.

    Parameters
    ----------
    layers : from left to right; the first interface lies at 0
    lines : labels
    beam_energy : eV
    span : first and last position, nm
    points : positions, evenly spaced
    electrons : per position
    seed : of the Monte Carlo
    sigma : true standard deviation of the mixing at the interfaces, nm
    settings : of the geometry: incidence, tilt_azimuth, take_off, azimuth
    remark : what is true about the composition
    intensity_contrast : of the layer with a gradient: change of the intensity that thick specimens of its two
        compositions emit, percent of their mean
    """

    layers: tuple[Layer, ...]
    lines: tuple[str, ...]
    beam_energy: float
    span: tuple[float, float]
    seed: int
    points: int = 201
    electrons: int = 8000
    sigma: tuple[float, ...] | float = 0.0
    settings: Mapping[str, Any] = field(default_factory=dict)
    remark: str = "uniform layers"
    intensity_contrast: float = 0.0

    @property
    def positions(self) -> Floats:
        """Where the beam lands, nm."""
        return np.linspace(*self.span, self.points)


ELECTROLYTE = Layer("SE", "Li6PS5Cl", 1.86)
COPPER = Layer("Cu", "Cu", 8.96)
CAP = Layer("Pt", "Pt", 21.45)
LINES = ("P Ka", "S Ka", "Cl Ka", "Mg Ka", "W Ma", "Cu La")
ALLOY_DENSITY = 1.0 / (0.8 / 1.738 + 0.2 / 0.534)
"""80 % Mg, 20 % Li by mass, volumes adding up, g/cm3."""
ALLOY = "Mg0.53327Li0.46673"
"""80 % Mg, 20 % Li by mass."""


def magnesium(thickness: float, **far: Any) -> Layer:
    """Return a layer of magnesium."""
    return Layer("Mg", "Mg", 1.738, thickness, **far)


def tungsten(thickness: float) -> Layer:
    """Return a layer of tungsten."""
    return Layer("W", "W", 19.25, thickness)


_PLATED = (ELECTROLYTE, magnesium(3000.0), tungsten(260.0), COPPER)

_UNIFORM = Scan(_PLATED, LINES, 5000.0, (-1500.0, 4500.0), 43)

SCANS: dict[str, Scan] = {
    "plated": _UNIFORM,
    "plated_lithium": Scan(
        (ELECTROLYTE, Layer("Mg", "Mg0.3Li0.7", 0.87, 3000.0), tungsten(260.0), COPPER),
        LINES,
        5000.0,
        (-1800.0, 4500.0),
        42,
        remark="the layer is Mg0.3Li0.7 (atoms), 0.87 g/cm3, uniform",
    ),
    "uniform_5kV": _UNIFORM,
    "uniform_10kV": Scan(
        (ELECTROLYTE, magnesium(8000.0), tungsten(260.0), COPPER), LINES, 10000.0, (-3000.0, 11000.0), 44
    ),
    "uniform_absorbed": Scan(
        _PLATED,
        LINES,
        5000.0,
        (-1500.0, 4500.0),
        45,
        settings={"azimuth": 0.0, "take_off": 35.0},
        remark="uniform layers; the detector stands on the W side, so that Mg K passes W and Cu",
    ),
    "oblique": Scan(
        _PLATED,
        LINES,
        5000.0,
        (-1500.0, 4500.0),
        46,
        settings={"incidence": 52.0, "tilt_azimuth": 0.0},
        remark="uniform layers; the beam meets the face at 52 deg and points along the scan",
    ),
    "depleted": Scan(
        (ELECTROLYTE, magnesium(3000.0, far_formula=ALLOY, far_density=ALLOY_DENSITY), tungsten(260.0), COPPER),
        LINES,
        5000.0,
        (-1500.0, 4500.0),
        47,
        remark="mass fraction of Mg falls linearly from 1.0 at SE to 0.8 at W, Li making up the rest (47 at.% at W)",
        intensity_contrast=-25.4,  # k-ratio of the alloy 0.7746 +- 0.0014 by this Monte Carlo, 0.7733 by XPP
    ),
    "sharp": Scan(
        (ELECTROLYTE, Layer("Mg", "Mg", 1.738)),
        ("P Ka", "S Ka", "Cl Ka", "Mg Ka"),
        14000.0,
        (-4000.0, 4000.0),
        48,
        electrons=5000,
        sigma=20.0,
        remark="one interface mixed with a standard deviation of 20 nm",
    ),
    "thin": Scan(
        (CAP, magnesium(140.0), tungsten(30.0), COPPER),
        ("Pt Ma", "Mg Ka", "W Ma", "Cu La"),
        5000.0,
        (-600.0, 800.0),
        49,
        remark="140 nm Mg on 30 nm W: thinner than the response",
    ),
}
"""The stored scans by name."""
