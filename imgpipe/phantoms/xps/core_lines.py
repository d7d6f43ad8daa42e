"""Core lines: sublevels, spin-orbit splitting, natural widths and photoionisation cross-sections."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class Line:
    """A core level; energies in eV.

    Attributes
    ----------
    element, number : symbol and atomic number
    sublines : from low to high binding energy
    shells : their names in xraylib, the level's own j for each
    splitting : of the spin-orbit doublet; 0 for a single line
    natural_width : lifetime FWHM of each subline
    """

    element: str
    number: int
    sublines: tuple[str, ...]
    shells: tuple[tuple[str, float], ...]
    splitting: float
    natural_width: tuple[float, ...]

    @property
    def second_share(self) -> float:
        """Statistical share of the second subline in the area: by the number of electrons 2j + 1."""
        if len(self.shells) == 1:
            return 0.0
        (_, first), (_, second) = self.shells
        return (2 * second + 1) / (2 * first + 2 * second + 2)


def _p(element: str, number: int, shell: int, splitting: float, width: float) -> Line:
    letter = {2: "L", 3: "M"}[shell]
    shells = ((f"{letter}3", 1.5), (f"{letter}2", 0.5))
    return Line(element, number, (f"{shell}p3/2", f"{shell}p1/2"), shells, splitting, (width, width))


def _s(element: str, number: int, shell: int, width: float) -> Line:
    letter = {1: "K", 2: "L1"}[shell]
    return Line(element, number, (f"{shell}s",), ((letter, 0.5),), 0.0, (width,))


LINES: dict[str, Line] = {
    "Li 1s": _s("Li", 3, 1, 0.036),
    "C 1s": _s("C", 6, 1, 0.087),
    "O 1s": _s("O", 8, 1, 0.156),
    "P 2s": _s("P", 15, 2, 1.5),
    "S 2s": _s("S", 16, 2, 1.6),
    "Cl 2s": _s("Cl", 17, 2, 1.7),
    "Mg 2p": _p("Mg", 12, 2, 0.28, 0.03),
    "P 2p": _p("P", 15, 2, 0.87, 0.033),
    "S 2p": _p("S", 16, 2, 1.18, 0.054),
    "Cl 2p": _p("Cl", 17, 2, 1.60, 0.087),
    "Cu 2p": Line("Cu", 29, ("2p3/2", "2p1/2"), (("L3", 1.5), ("L2", 0.5)), 19.8, (0.56, 0.9)),
    "W 4f": Line("W", 74, ("4f7/2", "4f5/2"), (("N7", 3.5), ("N6", 2.5)), 2.18, (0.064, 0.064)),
    "W 5p": Line("W", 74, ("5p3/2",), (("O3", 1.5),), 0.0, (1.8,)),
}
"""Splittings of S 2p, W 4f, P 2p, Cl 2p, Cu 2p, Mg 2p as measured; lifetime widths as tabulated in xraydb (Campbell and
Papp 2001); those of 2s and 5p levels are rounded."""


@cache
def cross_section(line: str, photon_energy: float) -> float:
    """Return the photoionisation cross-section of all sublines, barn per atom.

    xraylib gives Scofield's value per electron pair: it is multiplied by (2j + 1) / 2.

    Parameters
    ----------
    line : key of `LINES`
    photon_energy : eV
    """
    import xraylib

    known = LINES[line]
    return sum(
        float(xraylib.CSb_Photo_Partial(known.number, getattr(xraylib, f"{shell}_SHELL"), 1e-3 * photon_energy))
        * (2.0 * j + 1.0)
        / 2.0
        for shell, j in known.shells
    )
