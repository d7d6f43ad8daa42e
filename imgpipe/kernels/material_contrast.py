"""Which way the grey level is expected to change at an interface: brighter with atomic number.

A soft hint for naming edges, never a requirement: the backscattered yield rises with the mean atomic
number, and secondary electrons mostly follow it. Unknown names give no hint.
"""

from __future__ import annotations

import re

ATOMIC_NUMBER = {
    "H": 1, "Li": 3, "Be": 4, "B": 5, "C": 6, "N": 7, "O": 8, "F": 9, "Na": 11, "Mg": 12, "Al": 13, "Si": 14,
    "P": 15, "S": 16, "Cl": 17, "K": 19, "Ca": 20, "Ti": 22, "V": 23, "Cr": 24, "Mn": 25, "Fe": 26, "Co": 27,
    "Ni": 28, "Cu": 29, "Zn": 30, "Ga": 31, "Ge": 32, "Se": 34, "Br": 35, "Zr": 40, "Nb": 41, "Mo": 42, "Ag": 47,
    "In": 49, "Sn": 50, "Sb": 51, "I": 53, "La": 57, "Ta": 73, "W": 74, "Ir": 77, "Pt": 78, "Au": 79, "Pb": 82,
    "Bi": 83,
}  # fmt: skip
MASS = {3: 6.94, 12: 24.3, 1: 1.0}
LEAST_CHANGE = 0.05
"""Atomic numbers that differ by less than this part (Pt and Au) give no contrast to rely on."""
SPOKEN = {"vacuum": "", "void": "", "resin": "C", "carbon": "C", "se": "Li6PS5Cl", "argyrodite": "Li6PS5Cl"}
_TOKEN = re.compile(r"([A-Z][a-z]?)(\d*\.?\d*)")


def mean_atomic_number(name: str) -> float | None:
    """Return the mass-averaged atomic number of a formula such as ``Li6PS5Cl``; None when unreadable."""
    formula = SPOKEN.get(name.lower(), name)
    if formula == "":
        return 0.0
    parts = _TOKEN.findall(formula)
    if "".join(symbol + number for symbol, number in parts) != formula:
        return None
    if any(symbol not in ATOMIC_NUMBER for symbol, _ in parts):
        return None
    atoms = [(ATOMIC_NUMBER[symbol], float(number or 1)) for symbol, number in parts]
    masses = [n * MASS.get(z, 2.1 * z) for z, n in atoms]
    return sum(m * z for m, (z, _) in zip(masses, atoms, strict=True)) / sum(masses)


def expected_polarity(upper: str, lower: str) -> int:
    """Return +1 where grey should rise from the upper to the lower layer, -1 where it should fall, 0 if unknown."""
    above, below = mean_atomic_number(upper), mean_atomic_number(lower)
    if above is None or below is None or abs(above - below) < max(1.0, LEAST_CHANGE * max(above, below)):
        return 0
    return 1 if below > above else -1
