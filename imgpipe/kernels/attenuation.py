"""How far photoelectrons come: the inelastic mean free path after TPP-2M, and the power law of one material."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

POWER = 0.75
"""Exponent of the kinetic energy in a power law; 0.7 to 0.8 for most solids between 500 and 1500 eV."""
AVOGADRO = 602.214076
"""Per mole and per nm3 when densities are in g/cm3."""


@dataclass(frozen=True)
class Solid:
    """What TPP-2M wants to know of a material.

    Attributes
    ----------
    density : g/cm3
    molar_mass : g/mol of the formula unit
    valence_electrons : per formula unit (d electrons of transition metals count, filled 4f and 4d shells don't)
    gap : band gap, eV; 0 for metals
    metal_atoms : atoms of the metal (or of the element that XPS looks at) per formula unit
    """

    density: float
    molar_mass: float
    valence_electrons: float
    gap: float = 0.0
    metal_atoms: float = 1.0

    @property
    def atoms_per_volume(self) -> float:
        """Metal atoms per nm3."""
        return self.density / self.molar_mass * AVOGADRO * self.metal_atoms


SOLIDS: dict[str, Solid] = {
    "Li": Solid(0.534, 6.94, 1),
    "Li2O": Solid(2.013, 29.88, 8, 8.0, 2),
    "Li2CO3": Solid(2.11, 73.89, 24, 7.0, 2),
    "Li2S": Solid(1.66, 45.95, 8, 3.6, 2),
    "Li6PS5Cl": Solid(1.86, 268.4, 48, 3.3, 1),
    "C": Solid(2.0, 12.011, 4),
    "hydrocarbon": Solid(0.93, 14.027, 6, 6.0),
    "Mg": Solid(1.738, 24.305, 2),
    "MgO": Solid(3.58, 40.304, 8, 7.8),
    "Al": Solid(2.70, 26.982, 3),
    "Al2O3": Solid(3.97, 101.96, 24, 8.8, 2),
    "Si": Solid(2.33, 28.086, 4, 1.1),
    "SiO2": Solid(2.19, 60.084, 16, 9.0),
    "Fe": Solid(7.87, 55.845, 8),
    "Ni": Solid(8.91, 58.693, 10),
    "NiO": Solid(6.67, 74.69, 16, 4.0),
    "Cu": Solid(8.96, 63.546, 11),
    "Cu2O": Solid(6.0, 143.09, 28, 2.1, 2),
    "CuO": Solid(6.31, 79.545, 17, 1.4),
    "Zr": Solid(6.52, 91.224, 4),
    "ZrO2": Solid(5.68, 123.22, 16, 5.4),
    "Ag": Solid(10.49, 107.87, 11),
    "Ta": Solid(16.65, 180.95, 5),
    "Ta2O5": Solid(8.2, 441.89, 40, 4.0, 2),
    "W": Solid(19.25, 183.84, 6),
    "WO3": Solid(7.16, 231.84, 24, 2.8),
    "Au": Solid(19.3, 196.97, 11),
}
"""Handbook values of bulk solids; native films are often less dense."""


def mean_free_path(solid: Solid, kinetic_energy: Any) -> Floats:
    """Return the inelastic mean free path in nm after TPP-2M.

    lambda = E / (Ep^2 (beta ln(gamma E) - C/E + D/E^2)) in Angstrom, Ep = 28.8 sqrt(Nv rho / M) eV. Good to about
    10 % for most solids and 20 % for some. It leaves elastic scattering out: the attenuation length of an overlayer
    is some 10 % shorter.

    Parameters
    ----------
    solid : the material the electrons cross
    kinetic_energy : eV, 50 to 2000

    References
    ----------
    S. Tanuma, C. J. Powell, D. R. Penn, Surf. Interface Anal. 21, 165 (1994), eqs. 3 and 4
    """
    energy = np.asarray(kinetic_energy, dtype=np.float64)
    density = solid.valence_electrons * solid.density / solid.molar_mass
    plasmon = 28.8 * np.sqrt(density)
    beta = -0.10 + 0.944 / np.hypot(plasmon, solid.gap) + 0.069 * solid.density**0.1
    gamma = 0.191 / np.sqrt(solid.density)
    c, d = 1.97 - 0.91 * density, 53.4 - 20.8 * density
    angstroms = energy / (plasmon**2 * (beta * np.log(gamma * energy) - c / energy + d / energy**2))
    return np.asarray(0.1 * angstroms)


def relative_length(kinetic_energy: Any, power: float = POWER) -> Floats:
    """Return (kinetic energy / 1000 eV) ** power: the length within one material, up to a constant."""
    return np.asarray((np.asarray(kinetic_energy, dtype=np.float64) / 1000.0) ** power)
