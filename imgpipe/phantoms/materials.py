"""What a low-voltage electron image and an ion beam see of each material.

Sources: Kanaya and Okayama, J. Phys. D 5 (1972) 43, for the electron range. Grey levels and milling rates are
ordered as seen in cryo-FIB-SEM sections of coated Li cells (Pt > W > Cu > Mg > Li); they are not calibrated yields.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Material:
    """One material of a cross-section.

    Attributes
    ----------
    grey : signal of a flat, thick region, 8-bit grey
    mass : relative atomic mass (mean per atom for compounds)
    number : atomic number (mass-weighted mean for compounds)
    density : g/cm3
    milling_rate : volume removed per charge by 30 kV Ga, relative to Cu
    """

    grey: float
    mass: float
    number: float
    density: float
    milling_rate: float


MATERIALS = {
    "Pt": Material(grey=182.0, mass=195.08, number=78.0, density=21.45, milling_rate=0.9),
    "W": Material(grey=164.0, mass=183.84, number=74.0, density=19.25, milling_rate=0.45),
    "Cu": Material(grey=128.0, mass=63.55, number=29.0, density=8.96, milling_rate=1.0),
    "CuS": Material(grey=88.0, mass=47.8, number=24.4, density=4.7, milling_rate=1.3),
    "Mg": Material(grey=64.0, mass=24.31, number=12.0, density=1.74, milling_rate=1.6),
    "LPSCl": Material(grey=50.0, mass=20.6, number=14.6, density=1.86, milling_rate=2.0),
    "C": Material(grey=42.0, mass=12.01, number=6.0, density=2.0, milling_rate=0.8),
    "Li": Material(grey=33.0, mass=6.94, number=3.0, density=0.534, milling_rate=2.6),
}
"""Materials by the name they carry in a stack."""

ICE_GREY = 150.0
"""Grey of a frost crystal: it charges and shines."""


def electron_range(material: Material, beam_energy: float) -> float:
    """Return the Kanaya-Okayama range of the beam electrons.

    Parameters
    ----------
    beam_energy : eV, 500 to 30000

    Returns
    -------
    range in nm: 27.6 A E**1.67 / (Z**0.889 rho), E in keV
    """
    energy = beam_energy / 1000.0
    return float(27.6 * material.mass * energy**1.67 / (material.number**0.889 * material.density))
