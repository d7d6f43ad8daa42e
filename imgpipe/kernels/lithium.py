"""Thickness of dense lithium from the charge that plated it (Faraday's law)."""

from __future__ import annotations

MOLAR_MASS = 6.941
"""Of lithium, g/mol."""
DENSITY = 0.534
"""Of lithium at room temperature, g/cm3."""
FARADAY = 96485.33212
"""C/mol (CODATA 2018, exact to the digits given)."""


def plated_lithium(charge: float) -> float:
    """Return the thickness of dense lithium in nm for a charge in mAh/cm2: ``Q M / (rho F)``, 4849.8 nm per mAh/cm2."""
    coulombs = charge * 3.6
    centimetres = coulombs * MOLAR_MASS / (DENSITY * FARADAY)
    return centimetres * 1e7
