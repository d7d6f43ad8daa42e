"""Assess one line scan across one layer: is its contrast more than physics? See `imgpipe.kernels.segregation`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgpipe.kernels.layer_ends import ends_of_plateau
from imgpipe.kernels.segregation import Setting, apparent_contrast, fit_contrast, uniform_curve
from imgpipe.kernels.segregation_effects import U_PUSH, Beside, Inside, effects, free_thickness

Floats = NDArray[np.float64]
Share = tuple[float, float]
UNKNOWN_SIDE: Share = (0.5, 0.75)
"""Share of the detector on a side, and its u, where nobody says where it stands."""
FEWEST_POINTS = 8
U_MATRIX = 0.15
"""Relative u of a change in intensity taken as one in mass fraction: stopping and backscatter change with what
replaces the element; 20 % of Mg (mass) replaced by Li lower Mg K by
22.5 %, as Li stops electrons more per mass."""
WIDEST = 0.33
"""A contrast of larger u says nothing."""


@dataclass(frozen=True)
class Known:
    """What is known of a line in the layer (1) and its neighbours (0 and 2).

    Attributes
    ----------
    sigma, shift, reach, depth : (3,) nm, of the response
    u : (3,) relative standard uncertainty of sigma
    attenuation : (3,) 1/nm
    backscatter : (3,) coefficients
    names : of the layers
    take_off : radians
    sides : share of the detector behind each neighbour, and its u
    """

    sigma: Floats
    shift: Floats
    reach: Floats
    depth: Floats
    u: Floats
    attenuation: Floats
    backscatter: Floats
    names: tuple[str, str, str]
    take_off: float
    sides: tuple[Share, Share] = (UNKNOWN_SIDE, UNKNOWN_SIDE)


@dataclass(frozen=True)
class Assessment:
    """Result of one scan, percent of the mean of both sides; curves (3, n): uniform model, ends of its band."""

    contrast: float
    u: float
    low: float
    high: float
    apparent: float
    claim: str
    flag: str
    curves: Floats


def assess(
    x: Floats,
    y: Floats,
    variance: Floats | None,
    known: Known,
    ends: tuple[float, float] | None = None,
    u_drift: float = 0.02,
    u_matrix: float = U_MATRIX,
    calibrated: bool = True,
) -> Assessment:
    """Assess one scan.

    Parameters
    ----------
    x : (n,) nm, rising; y : (n,) counts, NaN where missing
    variance : (n,) of y; None for Poisson counts
    ends : positions of the two interfaces, when they are known
    u_drift : relative u of the change of the instrument along the layer
    u_matrix : relative u of a change in intensity taken as one in mass fraction
    calibrated : x is in nm
    """
    ends = ends or ends_of_plateau(x, y)
    nothing = np.full((3, x.size), np.nan)
    if ends is None or np.sum((x > ends[0]) & (x < ends[1]) & np.isfinite(y)) < FEWEST_POINTS:
        return _refused("not assessable: no plateau of the layer", np.nan, nothing)
    apparent = 100.0 * float(apparent_contrast(x, y, ends)[0])
    if not calibrated:
        return _refused("not assessable: uncalibrated", apparent, nothing)
    if not np.isfinite(known.sigma).all():
        return _refused("not assessable: line not excited", apparent, nothing)
    inside, setting = setting_of(known, ends)
    if free_thickness(ends[1] - ends[0], inside, setting.cusps) <= 0:
        return _refused("not assessable: layer thinner than the response", apparent, nothing)
    used = used_points(x, known, ends)
    spread = None if variance is None else variance[used]
    found = fit_contrast(x[used], y[used], setting, spread, u_drift, u_matrix)
    value, u, low, high = (100.0 * float(v[0]) for v in (found.contrast, found.u, found.low, found.high))
    curves = nothing
    curves[:, used] = uniform_curve(x[used], y[used], setting, spread)
    if not found.sound[0] or u > 100.0 * WIDEST:
        return Assessment(value, u, low, high, apparent, "not assessable: too few counts", "", curves)
    flag = "fit worse than its noise" if found.reduced[0] > 2.0 else ""
    return Assessment(value, u, low, high, apparent, claim_of(value, low, high, known.names), flag, curves)


def _refused(claim: str, apparent: float, curves: Floats) -> Assessment:
    return Assessment(np.nan, np.nan, np.nan, np.nan, apparent, claim, "", curves)


def used_points(x: Floats, known: Known, ends: tuple[float, float]) -> NDArray[np.bool_]:
    """Return which points are fitted: the layer, and four reaches (at least five steps) on both sides."""
    reach = np.maximum(4.0 * known.reach[[0, 2]], 5.0 * float(np.median(np.diff(x))))
    return np.asarray((x > ends[0] - reach[0]) & (x < ends[1] + reach[1]))


def setting_of(known: Known, ends: tuple[float, float]) -> tuple[Inside, Setting]:
    """Return what is known of the line in the layer, and all that the fit takes as known."""
    push, sigma = float(known.shift[1]), float(known.sigma[1])
    inside = Inside(
        sigma=sigma,
        reach=float(known.reach[1]),
        push=push,
        u_push=U_PUSH * abs(push),
        depth=float(known.depth[1]),
        attenuation=float(known.attenuation[1]),
        take_off=known.take_off,
    )
    below, above = (_beside(known, place, side) for place, side in zip((0, 2), known.sides, strict=True))
    wide = float(known.sigma.max()) + abs(push)
    u = known.u * known.sigma
    setting = Setting(
        position=ends,
        u_position=(2.0 * wide, 2.0 * wide),
        sigma=(below.sigma, sigma, above.sigma),
        u_sigma=(float(u[0]), float(u[1]), float(u[2])),
        shift=-push / sigma,
        u_shift=inside.u_push / sigma if abs(push) > 1e-6 * sigma else 0.0,
        cusps=tuple(effects(inside, (below, above))),
    )
    return inside, setting


def _beside(known: Known, place: int, side: Share) -> Beside:
    difference = float(known.backscatter[place] - known.backscatter[1])
    return Beside(float(known.sigma[place]), difference, float(known.attenuation[place]), *side)


def claim_of(contrast: float, low: float, high: float, names: tuple[str, str, str]) -> str:
    """Return the claim in words: how much less there is on the poorer side, percent of the mean of both."""
    if low <= 0.0 <= high:
        return "none beyond physics"
    poorer, ends = (names[2], (-high, -low)) if contrast < 0.0 else (names[0], (low, high))
    return f"depleted towards {poorer}: {abs(contrast):.0f} % [{ends[0]:.0f}, {ends[1]:.0f}]"
