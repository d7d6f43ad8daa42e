"""Photoionisation cross-sections and binding energies of photoelectron lines, from xraylib."""

import functools
import re
from dataclasses import dataclass

from imgpipe.errors import DataError

HYDROGENIC = {"s": (0.5,), "p": (0.5, 1.5), "d": (1.5, 2.5), "f": (2.5, 3.5)}
SHELLS = {
    "1s": ("K",), "2s": ("L1",), "2p": ("L2", "L3"), "3s": ("M1",), "3p": ("M2", "M3"), "3d": ("M4", "M5"),
    "4s": ("N1",), "4p": ("N2", "N3"), "4d": ("N4", "N5"), "4f": ("N6", "N7"),
    "5s": ("O1",), "5p": ("O2", "O3"), "5d": ("O4", "O5"), "6s": ("P1",), "6p": ("P2", "P3"),
}  # fmt: skip
"""Names of the subshells in xraylib, in the order of rising j."""
MAGIC_ANGLE = 54.7356
"""Angle between photons and electrons, in degrees, at which the asymmetry parameter has no effect."""
_LINE = re.compile(r"^([A-Z][a-z]?) ([1-6][spdf])(?:([1357])/2)?$")


@dataclass(frozen=True)
class Sublevel:
    """One sublevel: name in xraylib, j, "2p3/2"."""

    shell: str
    j: float
    name: str


def sublevels(line: str) -> tuple[str, tuple[Sublevel, ...]]:
    """Return element and sublevels of a line: "S 2p" has two, "S 2p3/2" and "C 1s" one.

    Raises
    ------
    DataError
        when the text names no photoelectron line.
    """
    match = _LINE.match(line)
    if match is None or match[2] not in SHELLS:
        raise DataError(
            f"{line!r} is no photoelectron line.", remedy="write element and level: C 1s, S 2p, Cu 2p3/2, W 4f."
        )
    element, level, twice = match[1], match[2], match[3]
    spins = HYDROGENIC[level[1]]
    all_of_it = [
        Sublevel(shell, j, level if len(spins) == 1 else f"{level}{round(2 * j)}/2")
        for shell, j in zip(SHELLS[level], spins, strict=True)
    ]
    chosen = tuple(one for one in all_of_it if twice is None or round(2 * one.j) == int(twice))
    if not chosen:
        raise DataError(f"{line!r}: a {level} level has no j = {twice}/2.")
    return element, chosen


@functools.cache
def cross_section(line: str, photon_energy: float = 1486.6) -> float:
    """Return the photoionisation cross-section (Scofield) of a line in barn per atom.

    xraylib's value of a sublevel is multiplied by (2j + 1) / 2. "S 2p" is the whole doublet, "S 2p3/2" one half.

    Parameters
    ----------
    line : "C 1s", "S 2p", "W 4f7/2"
    photon_energy : eV
    """
    import xraylib

    element, levels = sublevels(line)
    try:
        number = xraylib.SymbolToAtomicNumber(element)
        return sum(
            float(xraylib.CSb_Photo_Partial(number, getattr(xraylib, f"{one.shell}_SHELL"), 1e-3 * photon_energy))
            * (2.0 * one.j + 1.0)
            / 2.0
            for one in levels
        )
    except ValueError as error:
        raise DataError(f"{line} has no cross-section at {photon_energy:g} eV: {error}.") from None


def relative_sensitivity(line: str, photon_energy: float = 1486.6) -> float:
    """Return the cross-section of a line over that of C 1s at the same photon energy."""
    return cross_section(line, photon_energy) / cross_section("C 1s", photon_energy)


@functools.cache
def edge_energy(line: str) -> float:
    """Return the tabulated binding energy of a sublevel in eV (elements; chemical shifts are not in it)."""
    import xraylib

    element, levels = sublevels(line)
    number = xraylib.SymbolToAtomicNumber(element)
    return 1e3 * float(xraylib.EdgeEnergy(number, getattr(xraylib, f"{levels[-1].shell}_SHELL")))


def angular_factor(asymmetry: float, angle: float) -> float:
    """Return 1 + beta/2 (3/2 sin^2(angle) - 1) for unpolarised photons, as in ISO 18118; 1 at the magic angle.

    Parameters
    ----------
    asymmetry : parameter beta of the line, -1 to 2
    angle : between incoming photons and electrons, deg
    """
    import math

    return 1.0 + 0.5 * asymmetry * (1.5 * math.sin(math.radians(angle)) ** 2 - 1.0)
