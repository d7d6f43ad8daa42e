"""Where the X-rays of a line are generated along a scan: lateral spread and push, from moments of electron transport.

No Monte Carlo and no fit: the first and second moments of the position of an electron after a path s in an endless
medium are known exactly (Lewis 1950) once the first two transport coefficients are. Slowing down is continuous. The
distribution after each path is taken as a Gaussian ellipsoid about the beam, of which the part below the surface
counts; the sum over the path, weighted by the ionisation cross-section, gives the spread of X-ray generation.

Validity: beam energies of 2 to 30 keV, overvoltages above 1.5, angles between beam and face of 30 to 90 deg, flat face.
Absorption of the X-rays inside the same material is left out: it hardly depends on the place along the scan.

Two published laws of elastic scattering (a fit to Mott cross-sections, and screened Rutherford) are both evaluated:
the result is their mean, and half their difference is part of the uncertainty: 1 % for Mg, 14 % for W at 5 kV. A Monte
Carlo with another law of stopping (that of the phantoms) gives spreads that are 0 to 15 % larger for Mg K, W M, Cu L
and S K at 5 and 10 kV.

References
----------
H. W. Lewis, Phys. Rev. 78, 526 (1950), eqs. 22 and 25 (moments)
R. Browning et al., J. Appl. Phys. 76, 2016 (1994) (elastic cross-sections, 0.1 to 30 keV)
D. E. Newbury, R. L. Myklebust, in Analytical Electron Microscopy, San Francisco Press (1981), p. 91 (Rutherford)
D. C. Joy, S. Luo, Scanning 11, 176 (1989) (stopping power)
J.-L. Pouchou, F. Pichoir, in Electron Probe Quantitation, Plenum (1991), p. 31 (ionisation, Q ~ ln U / (U^m E^2))
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_ndtr, ndtr

Floats = NDArray[np.float64]

AVOGADRO = 6.02214076e23
LEAST_OVERVOLTAGE = 1.5
"""Below it the range is a small difference of large numbers."""
STEPS = 400
THIN = 8
"""Every so many steps of the path are enough for the reach."""


@dataclass(frozen=True)
class Medium:
    """A homogeneous solid.

    Attributes
    ----------
    z, a : atomic numbers and masses (g/mol) of its elements
    mass_fraction : of each element, sum 1
    density : g/cm3
    """

    z: tuple[int, ...]
    a: tuple[float, ...]
    mass_fraction: tuple[float, ...]
    density: float

    def __post_init__(self) -> None:
        """Refuse what can't be a solid."""
        if not (len(self.z) == len(self.a) == len(self.mass_fraction) > 0):
            raise ValueError("a medium wants as many masses and fractions as elements")
        if not 0.0 < self.density < 30.0:
            raise ValueError(f"density {self.density} g/cm3 is not between 0 and 30")


@dataclass(frozen=True)
class Response:
    """Spread of X-ray generation of one line in one material, nm.

    Attributes
    ----------
    sigma : standard deviation along the scan
    shift : mean push along the scan, towards the side that the beam leans to; 0 at normal incidence
    depth : mean depth below the face
    reach : distance from the point of impact within which 99 % of the generation lies, along the scan
    overvoltage : beam energy over edge energy
    disagreement : half the difference of sigma between the two laws of elastic scattering, relative
    """

    sigma: float
    shift: float
    depth: float
    reach: float
    overvoltage: float
    disagreement: float


def response(
    medium: Medium, beam_energy: float, edge_energy: float, incidence: float = 90.0, lean: float = 1.0
) -> Response:
    """Return the spread of generation along the scan of one line in one material.

    Parameters
    ----------
    medium : the material, endless on both sides
    beam_energy, edge_energy : keV
    incidence : deg between beam and face, 90 is normal
    lean : cosine of the angle between the scan and the beam's projection on the face: 1, the electrons go on towards
        rising position; -1, towards falling position; 0, the beam leans across the scan

    Returns
    -------
    NaN throughout, with the overvoltage, where the beam does not reach the edge
    """
    if not 0.0 < incidence <= 90.0:
        raise ValueError(f"incidence {incidence} deg: the angle between beam and face is above 0 and at most 90")
    if not -1.0 <= lean <= 1.0:
        raise ValueError(f"lean {lean} is no cosine")
    overvoltage = beam_energy / edge_energy
    if not overvoltage > 1.01:
        return Response(np.nan, np.nan, np.nan, np.nan, overvoltage, np.nan)
    path, energy = slowing_down(medium, beam_energy, edge_energy)
    weight = ionisation(energy / edge_energy) * np.gradient(path)
    found = np.array(
        [_spread(path, weight, law(medium, energy), np.radians(incidence), lean) for law in (browning, rutherford)]
    )
    sigma, shift, depth, reach = (float(v) for v in found.mean(axis=0))
    return Response(sigma, shift, depth, reach, overvoltage, float(abs(np.diff(found[:, 0])[0]) / 2.0 / sigma))


def _spread(
    path: Floats, weight: Floats, coefficients: tuple[Floats, Floats], angle: float, lean: float
) -> tuple[float, ...]:
    """Return standard deviation, push, depth and reach of generation along the scan, nm."""
    moments = path_moments(path, *coefficients)
    alive, forward, spread, z = _below_surface(*moments, angle)
    x, xx = lean * forward, lean**2 * spread + (1.0 - lean**2) * moments[2]
    share = weight * alive / (weight @ alive)
    shift = float(share @ x)
    sigma = float(np.sqrt(share @ (xx + (x - shift) ** 2)))
    return sigma, shift, float(share @ z), _reach(share, x, np.sqrt(xx))


def stopping_power(medium: Medium, energy: ArrayLike) -> Floats:
    """Return the energy loss per path in keV/nm (Bethe with the ionisation potential of Joy and Luo).

    Parameters
    ----------
    energy : keV
    """
    e = np.asarray(energy, dtype=np.float64)
    total = np.zeros_like(e)
    for z, a, share in zip(medium.z, medium.a, medium.mass_fraction, strict=True):
        potential = (11.5 * z if z < 13 else 9.76 * z + 58.5 * z**-0.19) * 1e-3
        lowered = potential / (1.0 + 0.85 * potential / e)
        total = total + 78500.0 * z * share / (a * e) * np.log(1.166 * e / lowered)
    return np.asarray(total * medium.density * 1e-7)


def ionisation(overvoltage: ArrayLike, power: float = 0.9) -> Floats:
    """Return the ionisation cross-section in arbitrary units: ln U / U^power."""
    u = np.maximum(np.asarray(overvoltage, dtype=np.float64), 1.0)
    return np.asarray(np.log(u) / u**power)


def slowing_down(medium: Medium, beam_energy: float, edge_energy: float) -> tuple[Floats, Floats]:
    """Return path (nm) and energy (keV) of an electron from the beam energy down to the edge, (STEPS,) each."""
    energy = np.linspace(beam_energy, edge_energy, STEPS)
    inverse = 1.0 / stopping_power(medium, energy)
    return _running(inverse, -energy), energy


def browning(medium: Medium, energy: Floats) -> tuple[Floats, Floats]:
    """Return the first and second inverse transport length in 1/nm at each energy in keV, from fits to Mott's law.

    A share of the collisions is isotropic, the others are screened Rutherford with alpha = 0.007 / E.
    """
    first, second = np.zeros_like(energy), np.zeros_like(energy)
    one, two = _losses(0.007 / energy)
    for z, atoms in _atoms(medium):
        power = z**1.7
        root = np.sqrt(energy)
        section = 3.0e-18 * power / (energy + 0.005 * power * root + 0.0007 * z**2 / root)
        ratio = 300.0 * energy ** (1.0 - z / 2000.0) / z + z**3 / (3.0e5 * energy)
        peaked = ratio / (1.0 + ratio)
        first = first + atoms * section * (peaked * one + 1.0 - peaked)
        second = second + atoms * section * (peaked * two + 1.0 - peaked)
    return first, second


def rutherford(medium: Medium, energy: Floats) -> tuple[Floats, Floats]:
    """Return the same from screened Rutherford scattering with alpha = 0.0034 Z^0.67 / E."""
    first, second = np.zeros_like(energy), np.zeros_like(energy)
    relativity = ((energy + 511.0) / (energy + 1024.0)) ** 2
    for z, atoms in _atoms(medium):
        alpha = 3.4e-3 * z**0.67 / energy
        section = 5.21e-21 * (z / energy) ** 2 * 4.0 * np.pi / (alpha * (1.0 + alpha)) * relativity
        one, two = _losses(alpha)
        first = first + atoms * section * one
        second = second + atoms * section * two
    return first, second


def _atoms(medium: Medium) -> list[tuple[int, float]]:
    """Return atomic number and atoms per cm2 and nm of each element."""
    per_gram = AVOGADRO * medium.density * 1e-7
    return [(z, per_gram * w / a) for z, a, w in zip(medium.z, medium.a, medium.mass_fraction, strict=True)]


def _losses(alpha: Floats) -> tuple[Floats, Floats]:
    """Return the mean of 1 - cos and of 1 - P2(cos) in screened Rutherford scattering.

    With t = (1 - cos) / 2 the density of t is alpha (1 + alpha) / (t + alpha)^2 on 0 to 1: both are elementary.
    """
    log = np.log1p(1.0 / alpha)
    one = 2.0 * alpha * ((1.0 + alpha) * log - 1.0)
    square = alpha * (1.0 + alpha) * (1.0 - 2.0 * alpha * log + alpha / (1.0 + alpha))
    return one, np.asarray(3.0 * one - 6.0 * square)


def path_moments(path: Floats, first: Floats, second: Floats) -> tuple[Floats, Floats, Floats]:
    """Return mean distance along the beam, variance along it and variance across it (per axis) at each path, nm."""
    k1 = np.exp(-_running(first, path))
    k2 = np.exp(-_running(second, path))
    along = _running(k1, path)
    across = 2.0 / 3.0 * _running(k1 * _running((1.0 - k2) / k1, path), path)
    square = 2.0 / 3.0 * _running(k1 * _running((1.0 + 2.0 * k2) / k1, path), path)
    return along, np.maximum(square - along**2, 0.0), across


def _running(values: Floats, path: Floats) -> Floats:
    """Return the integral of values over path up to each point (trapezia)."""
    steps = 0.5 * (values[1:] + values[:-1]) * np.diff(path)
    return np.concatenate([[0.0], np.cumsum(steps)])


def _below_surface(along: Floats, var_along: Floats, var_across: Floats, angle: float) -> tuple[Floats, ...]:
    """Return the share below the surface; of that share mean and variance down the face, and mean depth."""
    sine, cosine = np.sin(angle), np.cos(angle) if angle < 0.5 * np.pi else 0.0
    zz = var_along * sine**2 + var_across * cosine**2
    xx = var_along * cosine**2 + var_across * sine**2
    xz = (var_along - var_across) * sine * cosine
    deep = np.sqrt(np.maximum(zz, 1e-12))
    level = along * sine / deep
    hazard = np.exp(-0.5 * level**2 - 0.5 * np.log(2.0 * np.pi) - log_ndtr(level))
    tilt = xz / deep
    mean = along * cosine + tilt * hazard
    variance = np.maximum(xx - tilt**2 * hazard * (hazard + level), 0.0)
    return ndtr(level), mean, variance, along * sine + deep * hazard


def _reach(weight: Floats, mean: Floats, sigma: Floats) -> float:
    """Return the distance from the point of impact that 99 % of the generation stays within."""
    far = float(np.max(np.abs(mean) + 6.0 * sigma))
    distance = np.linspace(0.0, far, 100)[:, None]
    some = slice(THIN // 2, None, THIN)
    share, middle, width = weight[some] / weight[some].sum(), mean[some], np.maximum(sigma[some], 1e-6)
    inside = (ndtr((distance - middle) / width) - ndtr((-distance - middle) / width)) @ share
    return float(np.interp(0.99, inside, distance[:, 0]))
