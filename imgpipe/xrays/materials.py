"""Chemical formulae, densities and mass absorption (xraylib)."""

from __future__ import annotations

import functools
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgpipe.errors import DataError
from imgpipe.xrays.lines import atomic_number

Floats = NDArray[np.float64]
LIGHTEST, DENSEST = 0.01, 25.0
"""Densities of solids, g/cm3; values outside are slips of unit."""
_PART = re.compile(r"([A-Z][a-z]?)(\d+\.?\d*|\.\d+)?|(\()|\)(\d+\.?\d*|\.\d+)?")


@functools.cache
def parse_formula(formula: str) -> dict[str, float]:
    """Return the number of atoms of each element: ``Li6PS5Cl`` -> Li 6, P 1, S 5, Cl 1; brackets are understood.

    Raises
    ------
    DataError
        when the text is no formula, or names no element.
    """
    stack: list[dict[str, float]] = [{}]
    place = 0
    while place < len(formula):
        part = _PART.match(formula, place)
        if part is None or (part[0].startswith(")") and len(stack) < 2):
            raise DataError(f"{formula!r} is no chemical formula.", remedy="write it as Li6PS5Cl, Mg, Ca(OH)2.")
        place = part.end()
        _take(stack, part)
    if len(stack) > 1 or not stack[0] or not all(n > 0 for n in stack[0].values()):
        raise DataError(f"{formula!r} is no chemical formula.", remedy="write it as Li6PS5Cl, Mg, Ca(OH)2.")
    for element in stack[0]:
        atomic_number(element)
    return stack[0]


def _take(stack: list[dict[str, float]], part: re.Match[str]) -> None:
    element, number, opens, after = part.groups()
    if opens:
        stack.append({})
        return
    inside = {element: float(number or 1.0)} if element else stack.pop()
    times = 1.0 if element else float(after or 1.0)
    for name, n in inside.items():
        stack[-1][name] = stack[-1].get(name, 0.0) + n * times


def atomic_mass(element: str) -> float:
    """Return the atomic mass in g/mol."""
    import xraylib

    return float(xraylib.AtomicWeight(atomic_number(element)))


def molar_mass(formula: str) -> float:
    """Return the molar mass of a formula unit in g/mol."""
    return sum(n * atomic_mass(element) for element, n in parse_formula(formula).items())


def mass_fractions(formula: str) -> dict[str, float]:
    """Return the mass fraction of each element of a formula."""
    total = molar_mass(formula)
    return {element: n * atomic_mass(element) / total for element, n in parse_formula(formula).items()}


def element_density(element: str) -> float:
    """Return the density of a pure element in g/cm3 (xraylib)."""
    import xraylib

    return float(xraylib.ElementDensity(atomic_number(element)))


def checked_density(formula: str, density: float) -> float:
    """Return a density in g/cm3; `DataError` when no solid has it."""
    if not LIGHTEST <= density <= DENSEST:
        raise DataError(f"{formula}: a density of {density:g} g/cm3 is that of no solid.", remedy="give g/cm3.")
    return density


def mass_absorption(formula: str, energy: Any) -> Floats:
    """Return mass attenuation coefficients in cm2/g.

    Parameters
    ----------
    formula : material
    energy : eV, 100 to 800 000; any shape

    References
    ----------
    xraylib: T. Schoonjans et al., Spectrochim. Acta B 66, 776 (2011); below 1 keV tables differ by 10 % and more
    """
    import xraylib

    energies = np.maximum(np.asarray(energy, dtype=np.float64), 100.0)
    total = np.zeros(energies.shape)
    for element, fraction in mass_fractions(formula).items():
        z = atomic_number(element)
        each = [float(xraylib.CS_Total(z, one / 1000.0)) for one in energies.ravel()]
        total += fraction * np.array(each).reshape(energies.shape)
    return total
