"""X-ray lines of the elements: energies and weights from eXSpy's database, absorption edges from xraylib.

The database is read once per process, on first use (importing eXSpy costs 3 s). Its energies are those of Chantler et
al. (2005), its weights, relative to the alpha line of the family, come from the EPQ library. For a beam they are
replaced by what `ratios` computes, where that is known.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from imgpipe.errors import DataError
from imgpipe.spelling import nearest
from imgpipe.xrays.ratios import generated

SHELL_OF = {
    "Ka": "K", "Kb": "K", "La": "L3", "Lb2": "L3", "Ll": "L3", "Lb1": "L2", "Ln": "L2", "Lg1": "L2", "Lb3": "L1",
    "Lb4": "L1", "Lg3": "L1", "Ma": "M5", "Mz": "M5", "Mb": "M4", "Mg": "M3", "M3O4": "M3", "M3O5": "M3",
    "M2N4": "M2",
}  # fmt: skip
"""Shell whose vacancy makes the line (Siegbahn against IUPAC names: Jenkins et al., X-Ray Spectrom. 20, 149 (1991))."""
ALPHA = ("Ka", "La", "Ma")
"""Main line of each family."""
SAME_SHELL, OTHER_SHELL, OTHER_M_SHELL, GUESSED, DISPUTED = 0.10, 0.25, 0.5, 1.0, 0.7
"""Relative u of a line's ratio to the alpha line: rates of one sub-shell, chemical bonds of light elements included;
yields, Coster-Kronig and absorption between sub-shells of L (Krause (1979): 20 to 25 % for 3d metals) and of M (eXSpy's
weight of W M beta is twice what xraylib gives); weights that only eXSpy has, while xraylib knows no such line; M zeta,
for which both differ sixfold.

M. O. Krause, J. Phys. Chem. Ref. Data 8, 307 (1979).
"""


@dataclass(frozen=True)
class Line:
    """One X-ray line.

    Attributes
    ----------
    element, name : "Mg", "Ka" (Siegbahn)
    energy : eV
    weight : photons relative to the alpha line of its family
    edge : energy that ionises its shell, eV
    u_weight : relative standard uncertainty of the weight
    """

    element: str
    name: str
    energy: float
    weight: float = field(compare=False)
    edge: float
    u_weight: float = field(default=0.0, compare=False)

    @property
    def family(self) -> str:
        """Shell: K, L or M."""
        return self.name[0]

    @property
    def label(self) -> str:
        """Name with its element: ``Mg Ka``."""
        return f"{self.element} {self.name}"


@functools.cache
def element_lines(element: str) -> tuple[Line, ...]:
    """Return all lines of an element by rising energy; none for H, He and Li.

    Raises
    ------
    DataError
        when there is no such element, with the nearest symbol.
    """
    table = _database()
    if element not in table:
        raise DataError(f"{element!r} is no element with X-ray lines here{nearest(element, table)}.")
    found = [
        Line(element, name, round(1000.0 * energy, 4), weight, edge_energy(element, SHELL_OF[name]))
        for name, (energy, weight) in table[element].items()
    ]
    return tuple(sorted(found, key=lambda line: line.energy))


def find_line(label: str) -> Line:
    """Return a line by its label, ``Mg Ka`` or ``Mg_Ka``; `DataError` with the lines of the element when unknown."""
    element, _, name = label.replace("_", " ").partition(" ")
    lines = {line.name: line for line in element_lines(element)}
    if name not in lines:
        known = ", ".join(lines) or "none"
        raise DataError(f"{element} has no line {name!r}; known are {known}.")
    return lines[name]


@functools.cache
def excited_lines(element: str, beam_energy: float) -> tuple[Line, ...]:
    """Return the lines of an element whose shell a beam (eV) can ionise, with weights as that beam makes them."""
    excited = [line for line in element_lines(element) if line.edge < beam_energy]
    if not excited:
        return ()
    photons = generated(atomic_number(element), tuple(line.name for line in excited), beam_energy)
    return tuple(_weighted(line, photons) for line in excited)


def _weighted(line: Line, photons: Mapping[str, float]) -> Line:
    """Return a line with its weight from these photons; with eXSpy's where they or those of the alpha line are 0."""
    alpha = f"{line.family}a"
    if line.name == alpha:
        return replace(line, weight=1.0, u_weight=0.0)
    mine, main = photons[line.name], photons.get(alpha, 0.0)
    if mine <= 0.0 or main <= 0.0:
        return replace(line, u_weight=GUESSED)
    return replace(line, weight=mine / main, u_weight=_doubt(line, alpha))


def _doubt(line: Line, alpha: str) -> float:
    if line.name == "Mz":
        return DISPUTED
    if SHELL_OF[line.name] == SHELL_OF[alpha]:
        return SAME_SHELL
    return OTHER_M_SHELL if line.family == "M" else OTHER_SHELL


def main_line(element: str, beam_energy: float, low: float, high: float) -> Line | None:
    """Return the line an element is best measured by; none where there is none.

    That is the alpha line of highest energy between `low` and `high` whose overvoltage is at least 2 (line energy below
    half the beam energy, as eXSpy chooses), else the one of lowest energy that is excited at all.

    Parameters
    ----------
    beam_energy, low, high : eV; low and high are the ends of the spectrum
    """
    alpha = [line for line in excited_lines(element, beam_energy) if line.name in ALPHA and low < line.energy < high]
    strong = [line for line in alpha if line.energy < 0.5 * beam_energy]
    return strong[-1] if strong else alpha[0] if alpha else None


def edge_energy(element: str, shell: str) -> float:
    """Return the energy of an absorption edge in eV (xraylib); 0 where the element has no such edge."""
    import xraylib

    try:
        return 1000.0 * float(xraylib.EdgeEnergy(atomic_number(element), getattr(xraylib, f"{shell}_SHELL")))
    except ValueError:
        return 0.0


def edges_between(elements: Iterable[str], low: float, high: float) -> list[tuple[str, str, float]]:
    """Return element, shell and energy (eV) of the absorption edges between two energies, by rising energy."""
    shells = ("K", "L1", "L2", "L3", "M1", "M2", "M3", "M4", "M5")
    found = [(element, shell, edge_energy(element, shell)) for element in elements for shell in shells]
    return sorted((one for one in found if low < one[2] < high), key=lambda one: one[2])


@functools.cache
def atomic_number(element: str) -> int:
    """Return Z of a symbol; `DataError` when there is no such element."""
    import xraylib

    try:
        return int(xraylib.SymbolToAtomicNumber(element))
    except ValueError:
        raise DataError(f"{element!r} is no chemical element.", remedy="give symbols: Mg, Cu, W.") from None


def known_elements() -> tuple[str, ...]:
    """Return all symbols of the line database, those without lines (H, He, Li) included."""
    return tuple(_database())


@functools.cache
def _database() -> dict[str, dict[str, tuple[float, float]]]:
    """Return energy (keV) and weight of each line of each element."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations inside HyperSpy, which a user can do nothing about
        from exspy.material import elements
    table: dict[str, dict[str, tuple[float, float]]] = {}
    for symbol, entry in elements.as_dictionary().items():
        if isinstance(entry, Mapping) and "General_properties" in entry:
            lines = entry.get("Atomic_properties", {}).get("Xray_lines", {})
            table[symbol] = {name: (one["energy (keV)"], one["weight"]) for name, one in lines.items()}
    return table
