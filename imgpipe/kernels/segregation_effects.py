"""What physics alone does to a line inside a layer of uniform composition, beside its interfaces: sizes and reaches.

Each effect is a cusp at an interface with an amplitude relative to the plateau that has a prior: it widens the interval
of a contrast, and only data well beyond the prior can move it.

References
----------
W. Reuter, Proc. 6th Int. Conf. X-ray Optics and Microanalysis, Tokyo (1972), p. 121 (backscatter coefficient)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfc
from scipy.stats import gamma

Floats = NDArray[np.float64]

SHAPE_OF_EDGE = 0.2
"""The real response is no normal distribution: u of the cusp of one sigma, relative to the plateau."""
SHAPE_OF_TAIL = 0.1
"""The same at two sigma."""
U_PUSH = 0.3
"""Relative u of the push down the face beside an interface, where the neighbour turns electrons around."""
PUSHED = 0.2
"""Change of the cusp of one sigma per push of one sigma: the response leans, too."""
U_ABSORPTION = 0.3
"""Relative u of the loss on the way through a neighbour: depth, shape and absorption coefficients."""
STRETCH, U_REACH = 1.5, 0.25
"""The reach of absorption is as uncertain as the response: a wider cusp, and its u relative to the loss."""
TAIL_SCALE = 2.0
LEAST, NOTICED = 1e-3, 0.1
"""Losses that are left out, and those that count for how far an interface reaches."""
WITHIN_99 = 2.576
DEPTH_SHAPE = 2.5
"""Shape parameter of the gamma distribution that stands for the depths of generation."""


@dataclass(frozen=True)
class Beside:
    """What is known of the neighbour at one interface of the layer.

    Attributes
    ----------
    sigma : lateral spread of the line in the neighbour, nm
    backscatter : its backscatter coefficient less that of the layer
    attenuation : of the line in the neighbour, 1/nm
    towards : how much of the detector stands on this side: 1 towards it, 0 across or on the other side
    u_towards : u of that
    """

    sigma: float
    backscatter: float
    attenuation: float
    towards: float = 0.5
    u_towards: float = 0.5


@dataclass(frozen=True)
class Inside:
    """What is known of the line in the layer.

    Attributes
    ----------
    sigma, reach : lateral spread, and the distance within which 99 % is generated, nm
    push : mean push along the scan, nm, above 0 towards rising position; `u_push` its standard uncertainty
    depth : mean depth of generation, nm
    attenuation : 1/nm
    take_off : angle between face and detector, radians
    """

    sigma: float
    reach: float
    push: float
    u_push: float
    depth: float
    attenuation: float
    take_off: float


@dataclass(frozen=True)
class Cusp:
    """One effect: `scale` in sigmas of the layer, amplitude with mean and sd relative to the plateau."""

    interface: int
    scale: float
    mean: float
    sd: float
    cause: str


def backscatter_coefficient(atomic_numbers: Sequence[int], mass_fractions: Sequence[float]) -> float:
    """Return the backscatter coefficient at normal incidence, by mass fraction (Reuter 1972)."""
    z = np.asarray(atomic_numbers, dtype=np.float64)
    each = -0.0254 + 0.016 * z - 1.86e-4 * z**2 + 8.31e-7 * z**3
    return float(np.maximum(each, 0.0) @ np.asarray(mass_fractions, dtype=np.float64))


def absorption_loss(inside: Inside, attenuation: float, push: float = 0.0) -> tuple[float, float]:
    """Return amplitude and scale (nm) of the loss of X-rays that leave through the neighbour.

    The detector stands behind the neighbour. X-rays from depth z leave the face z / tan(take-off) farther along; the
    part of their way in the neighbour costs the difference of the two attenuations. The loss at distance d from the
    interface, averaged over depths, is matched by ``amplitude * erfc(d / (sqrt 2 scale))``.

    Parameters
    ----------
    attenuation : of the line in the neighbour, 1/nm
    push : of the electrons towards the neighbour, nm

    Returns
    -------
    amplitude below 0 where the neighbour absorbs less than the layer
    """
    depth = np.asarray(gamma.ppf((np.arange(60) + 0.5) / 60, DEPTH_SHAPE)) * inside.depth / DEPTH_SHAPE
    out = depth / math.tan(inside.take_off)
    distance = np.linspace(0.0, 2.0 * float(out[-1]), 80)
    way = np.clip(out + push - distance[:, None], 0.0, out) / math.cos(inside.take_off)
    loss = 1.0 - np.exp(-(attenuation - inside.attenuation) * way).mean(axis=1)
    scales = np.geomspace(0.1, 2.0, 60) * float(out.mean())
    shapes = erfc(distance / (math.sqrt(2.0) * scales[:, None]))
    amplitudes = (shapes @ loss) / np.sum(shapes**2, axis=1)
    misfit = np.sum((loss - amplitudes[:, None] * shapes) ** 2, axis=1)
    best = int(np.argmin(misfit))
    return float(amplitudes[best]), float(scales[best])


def effects(inside: Inside, sides: tuple[Beside, Beside]) -> list[Cusp]:
    """Return the effects at both interfaces of a layer.

    Parameters
    ----------
    inside : the line in the layer
    sides : the neighbours below and above it in position
    """
    found = []
    lean = PUSHED * math.hypot(inside.push, inside.u_push) / inside.sigma
    for interface, side in enumerate(sides):
        edge = math.hypot(SHAPE_OF_EDGE, side.backscatter, lean)
        found.append(Cusp(interface, 1.0, 0.0, edge, "response and backscatter"))
        found.append(Cusp(interface, TAIL_SCALE, 0.0, math.hypot(SHAPE_OF_TAIL, 0.5 * lean), "tail of the response"))
        amplitude, scale = absorption_loss(inside, side.attenuation, inside.push if interface else -inside.push)
        sd = abs(amplitude) * math.hypot(side.u_towards, U_ABSORPTION * max(side.towards, side.u_towards))
        if sd > LEAST:
            wide = math.hypot(scale, inside.sigma) / inside.sigma
            found.append(Cusp(interface, wide, -amplitude * side.towards, sd, "absorption in the neighbour"))
            most = min(side.towards + side.u_towards, 1.0)
            far = U_REACH * abs(amplitude) * most
            found.append(Cusp(interface, STRETCH * wide, 0.0, far, "reach of absorption"))
    return found


def free_thickness(thickness: float, inside: Inside, cusps: Sequence[Cusp]) -> float:
    """Return how much of a layer (nm) neither interface reaches: 99 % of each effect ends there; below 0 for none."""
    reach = [inside.reach, inside.reach]
    for cusp in cusps:
        if cusp.cause.startswith("absorption") and abs(cusp.mean) + cusp.sd > NOTICED:
            reach[cusp.interface] = max(reach[cusp.interface], WITHIN_99 * cusp.scale * inside.sigma)
    return thickness - sum(reach)
