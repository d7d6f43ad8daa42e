"""X-rays per path length: ionisation of K, L and M shells, yields, and the lines that follow.

K: E. Casnati, A. Tartari, C. Baraldi, J. Phys. B 15 (1982) 155. L and M: the energy dependence of J.-L. Pouchou and
F. Pichoir (in Electron Probe Quantitation, Plenum 1991, p. 31), scaled as in Bethe's equation with the constants of
C. J. Powell, Rev. Mod. Phys. 48 (1976) 33. Edges, yields, Coster-Kronig and radiative rates: xraylib.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgpipe.phantoms.edxs.atoms import REST_ENERGY, atomic_number

Floats = NDArray[np.float64]

RYDBERG = 0.01360569
"""Rydberg energy, keV."""
BOHR_AREA = 2.8002852e-17
"""Bohr radius squared, cm2."""
BETHE = 6.513e-20
"""pi e^4 in cm2 keV2."""
_SHAPE = {"L": (0.82, 0.6), "M": (0.78, 0.6)}
"""Exponent of the overvoltage (Pouchou and Pichoir), and constant b (Powell)."""


@dataclass(frozen=True)
class Shell:
    """One sub-shell: its name in xraylib, electrons, and edge (keV)."""

    name: str
    electrons: int
    edge: float


def casnati(edge: float, energy: Floats) -> Floats:
    """Return the cross-section of a K shell, cm2; 0 below the edge (keV)."""
    above = energy > edge
    e = np.where(above, energy, 2.0 * edge)
    u = e / edge
    psi = (edge / RYDBERG) ** (-0.0318 + 0.3160 / u - 0.1135 / u**2)
    phi = 10.57 * np.exp(-1.736 / u + 0.317 / u**2)
    i, t = edge / REST_ENERGY, e / REST_ENERGY
    spread = ((i + t) * (2 + t) * (1 + i) ** 2 / (t * (2 + t) * (1 + i) ** 2 + i * (2 + i))) ** 1.5
    relativistic = (2 + i) / (2 + t) * ((1 + t) / (1 + i)) ** 2 * spread
    section = 2.0 * BOHR_AREA * (RYDBERG / edge) ** 2 * relativistic * psi * phi * np.log(u) / u
    return np.where(above, section, 0.0)


def pouchou(shell: Shell, energy: Floats) -> Floats:
    """Return the cross-section of an L or M sub-shell, cm2; 0 below the edge."""
    exponent, bethe = _SHAPE[shell.name[0]]
    above = energy > shell.edge
    u = np.where(above, energy / shell.edge, 1.0)
    return np.asarray(BETHE * shell.electrons * bethe * np.log(u) / (u**exponent * shell.edge**2))


def shell_of(symbol: str, name: str) -> Shell:
    """Return a sub-shell ("K", "L3", "M5") of an element."""
    import xraylib

    z = atomic_number(symbol)
    electrons = {"K": 2, "L1": 2, "L2": 2, "L3": 4, "M1": 2, "M2": 2, "M3": 4, "M4": 4, "M5": 6}[name]
    return Shell(name, electrons, float(xraylib.EdgeEnergy(z, getattr(xraylib, f"{name}_SHELL"))))


def ionisation(symbol: str, name: str, energy: Floats) -> Floats:
    """Return the cross-section of a sub-shell, cm2, at energies in keV."""
    shell = shell_of(symbol, name)
    return casnati(shell.edge, energy) if name == "K" else pouchou(shell, energy)


_FEEDS = {
    "K": (),
    "L1": (),
    "L2": (("L1", ("FL12",)),),
    "L3": (("L1", ("FL13",)), ("L1", ("FL12", "FL23")), ("L2", ("FL23",))),
    "M4": (("M3", ("FM34",)),),
    "M5": (("M3", ("FM35",)), ("M3", ("FM34", "FM45")), ("M4", ("FM45",))),
}
"""Coster-Kronig ways into a sub-shell: from where, through which steps."""


def vacancies(symbol: str, name: str, energy: Floats) -> Floats:
    """Return the cross-section of making a vacancy in a sub-shell, Coster-Kronig transitions included, cm2."""
    total = ionisation(symbol, name, energy)
    for origin, steps in _FEEDS[name]:
        total = total + ionisation(symbol, origin, energy) * np.prod([_transfer(symbol, step) for step in steps])
    return np.asarray(total)


def _transfer(symbol: str, step: str) -> float:
    import xraylib

    try:
        return float(xraylib.CosKronTransProb(atomic_number(symbol), getattr(xraylib, f"{step}_TRANS")))
    except ValueError:  # xraylib's way to say that it knows of none: light elements have no such transition
        return 0.0


def fluorescence_yield(symbol: str, name: str) -> float:
    """Return the fluorescence yield of a sub-shell."""
    import xraylib

    return float(xraylib.FluorYield(atomic_number(symbol), getattr(xraylib, f"{name}_SHELL")))
