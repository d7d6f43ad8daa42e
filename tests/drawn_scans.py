"""Line scans drawn from the Monte Carlo's tables, each with its own draw of every systematic term of the budget."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import xarray as xr

from imgpipe.kernels.segregation_effects import backscatter_coefficient
from imgpipe.kernels.segregation_scan import UNKNOWN_SIDE, Assessment, Known, Share, assess
from imgpipe.kernels.xray_response import Medium, response
from imgpipe.phantoms.edxs.tables import table
from imgpipe.xrays.lines import atomic_number, find_line
from imgpipe.xrays.materials import atomic_mass, mass_absorption, mass_fractions

U_BEAM, U_DENSITY, U_INCIDENCE, U_TAKE_OFF, U_RESPONSE, U_DRIFT = 0.01, 0.03, 1.0, 2.0, 0.15, 0.02
"""Relative, or deg: the same that the estimator states."""


@dataclass(frozen=True)
class Scene:
    """A table of the Monte Carlo, the place of Mg in its stack, and what the estimator is told of the detector."""

    name: str
    known_side: bool = True

    @property
    def scan(self) -> xr.Dataset:
        return table(self.name)

    @property
    def sides(self) -> tuple[Share, Share]:
        behind = abs(float(self.scan["azimuth_angle"])) < 1.0
        return ((0.0, 0.05), (1.0 if behind else 0.0, 0.05)) if self.known_side else (UNKNOWN_SIDE, UNKNOWN_SIDE)


def medium_of(formula: str, density: float) -> Medium:
    shares = mass_fractions(formula)
    z, a = (tuple(f(e) for e in shares) for f in (atomic_number, atomic_mass))
    return Medium(z, a, tuple(shares.values()), density)


@functools.cache
def mass_attenuation(formula: str, energy: float) -> float:
    return float(mass_absorption(formula, energy))


def drawn_knowledge(scene: Scene, rng: np.random.Generator, label: str = "Mg Ka") -> Known:
    """Return what the estimator would believe: beam, densities, angles and spread are off by a draw of their u."""
    scan, line = scene.scan, find_line(label)
    beam = float(scan["beam_energy"]) * (1.0 + U_BEAM * rng.normal())
    angle = float(scan["face_angle"])
    angle = min(90.0, angle + U_INCIDENCE * rng.normal()) if angle < 89.0 else 90.0
    place = list(scan["layer"].values).index("Mg")
    formulas = [str(f) for f in scan["formula"].values[place - 1 : place + 2]]
    densities = scan["density"].values[place - 1 : place + 2] * (1.0 + U_DENSITY * rng.normal(size=3))
    media = [medium_of(f, float(d)) for f, d in zip(formulas, densities, strict=True)]
    found = [response(m, beam / 1000.0, line.edge / 1000.0, angle) for m in media]
    spread = max(1.0 + U_RESPONSE * rng.normal(), 0.4)
    sigma, shift, reach, depth, off = (
        np.array([getattr(r, n) for r in found]) for n in ("sigma", "shift", "reach", "depth", "disagreement")
    )
    return Known(
        sigma * spread,
        shift * spread,
        reach * spread,
        depth * spread,
        np.hypot(U_RESPONSE, off),
        np.array([mass_attenuation(f, line.energy) * d * 1e-7 for f, d in zip(formulas, densities, strict=True)]),
        np.array([backscatter_coefficient(m.z, m.mass_fraction) for m in media]),
        tuple(str(n) for n in scan["layer"].values[place - 1 : place + 2]),
        float(np.radians(float(scan["take_off_angle"]) + U_TAKE_OFF * rng.normal())),
        scene.sides,
    )


def drawn_counts(scene: Scene, rng: np.random.Generator, counts: float) -> tuple[np.ndarray, np.ndarray]:
    """Return positions and Poisson counts of Mg: `counts` a point in the middle of the layer, one of background."""
    scan = scene.scan
    x = np.asarray(scan["position"].values, dtype=np.float64)
    row = list(scan["xray_line"].values).index("Mg Ka")
    shape = np.asarray(scan["intensity"].values[row], dtype=np.float64)
    place = list(scan["layer"].values).index("Mg")
    first, last = (float(v) for v in scan["interface_position"].values[place - 1 : place + 1])
    t = (x - first) / (last - first)
    middle = shape[np.abs(t - 0.5) < 0.15].mean()
    drift = 1.0 + U_DRIFT * rng.normal() * (t - 0.5)
    return x, rng.poisson(shape / middle * counts * np.clip(drift, 0.5, 1.5) + 1.0).astype(np.float64)


def assessed(scene: Scene, seeds: int, counts: float, first: int = 0) -> list[Assessment]:
    """Return what the estimator says of so many drawn scans."""
    found = []
    for seed in range(first, first + seeds):
        rng = np.random.default_rng([seed, 7])
        x, y = drawn_counts(scene, rng, counts)
        found.append(assess(x, y, None, drawn_knowledge(scene, rng)))
    return found


def share(found: list[Assessment], claim: str) -> float:
    """Return the share of assessments whose claim begins so."""
    return float(np.mean([one.claim.startswith(claim) for one in found]))


def covered(found: list[Assessment], truth: float) -> float:
    """Return the share of intervals (percent) that hold the truth."""
    return float(np.mean([one.low <= truth <= one.high for one in found]))
