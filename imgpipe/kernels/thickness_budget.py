"""Uncertainty budget of a thickness after the GUM: terms, their sum, and a 95 % interval."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from scipy.stats import t as student

NOMINAL_LIMIT = 0.05
"""A pixel size without certificate is good to 5 %, as a limit."""
NOMINAL_U = NOMINAL_LIMIT / 3**0.5
"""Its relative standard uncertainty: rectangular distribution, 2.9 %."""


@dataclass(frozen=True)
class RandomTerms:
    """Terms that differ from image to image; same unit as the thickness, NaN where unknown, 0 where absent.

    localisation : noise of the edges
    sampling : a finite length of a rough layer
    edge_model : half the spread of the mean thickness by the three edge models
    curtain : change of the thickness when the removed curtains are put back
    fields : standard deviation over fields (z pages) over the square root of their number
    obliquity : section not normal to the layer
    """

    localisation: float
    sampling: float
    edge_model: float
    curtain: float = 0.0
    fields: float = 0.0
    obliquity: float = 0.0

    @property
    def total(self) -> float:
        """Root of the sum of squares; unknown (NaN) terms of an absent effect count as 0."""
        return float(np.sqrt(sum(np.nan_to_num(getattr(self, f.name)) ** 2 for f in fields(self))))


@dataclass(frozen=True)
class SharedTerms:
    """Terms that all images of a session have in common: they never average down."""

    pixel_scale: float
    tilt: float = 0.0

    @property
    def total(self) -> float:
        """Root of the sum of squares."""
        return float(np.hypot(np.nan_to_num(self.pixel_scale), np.nan_to_num(self.tilt)))


def interval(thickness: float, random: RandomTerms, shared: SharedTerms, n_eff: float) -> tuple[float, float, float]:
    """Return u, low and high of a 95 % interval.

    The sampling term has ``n_eff - 1`` degrees of freedom, all other terms count as known; the effective
    number follows Welch and Satterthwaite (GUM G.4.1).
    """
    u = float(np.hypot(random.total, shared.total))
    if not np.isfinite(thickness) or not np.isfinite(u):
        return float("nan"), float("nan"), float("nan")
    half = coverage_factor(u, random.sampling, n_eff) * u
    return u, thickness - half, thickness + half


def coverage_factor(u: float, u_sampling: float, n_eff: float) -> float:
    """Return k for 95 % by Student's t with the effective degrees of freedom (at least 1)."""
    if not u_sampling > 0.0 or not np.isfinite(n_eff):
        return 1.959964
    freedom = max(n_eff - 1.0, 1.0) * (u / u_sampling) ** 4
    return float(student.ppf(0.975, min(max(freedom, 1.0), 1e9)))


def obliquity_term(thickness: float, max_obliquity: float) -> float:
    """Return u of a section up to `max_obliquity` (radians) off the layer's normal.

    The apparent thickness is ``t / cos(alpha)``: never too small. No correction is made; with the error
    spread evenly from 0 to its limit, its root mean square is ``limit / sqrt(3)``.
    """
    return abs(thickness) * (1.0 - float(np.cos(max_obliquity))) / 3**0.5


def tilt_term(thickness: float, angle: float, face_angle: float, u_face_angle: float) -> float:
    """Return ``t cos(phi)**2 cot(theta) u(theta)``; all angles in radians, phi the slope of the layer."""
    return float(abs(thickness * np.cos(angle) ** 2 / np.tan(face_angle) * u_face_angle))
