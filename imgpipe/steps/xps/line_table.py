"""Lines that may stand in a survey: photoelectrons of all elements from xraylib, and the main Auger lines."""

import functools
from dataclasses import dataclass

import numpy as np

from imgpipe.kernels.survey_lines import Lines
from imgpipe.steps.xps.photoelectrons import SHELLS, cross_section, edge_energy, sublevels

WEAKEST = 0.02
"""Least cross-section of a line that is looked for, C 1s = 1; and of the strongest line of its element."""
SHALLOWEST = 12.0
"""Binding energy in eV below which a line is part of the valence band."""
RESOLVED = 4.0
"""Halves of a doublet nearer than this (eV) are one peak of a survey."""
TOLERANCE = 1.8
"""Standard deviation in eV of chemical shifts and of what is left of charging, in a survey."""
AUGER_TOLERANCE = 3.5
"""The same for Auger lines: they are broad and shift more."""
ABUNDANT = {"C": 3.0, "O": 3.0}
USUAL = (
    "Li", "N", "F", "Na", "Mg", "Al", "Si", "P", "S", "Cl", "K", "Ca", "Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni",
    "Cu", "Zn", "Zr", "Nb", "Mo", "Ag", "In", "Sn", "La", "Ce", "Ta", "W", "Pt", "Au", "Pb", "Bi",
)  # fmt: skip
NEVER = ("H", "He", "Ne", "Kr", "Xe", "Tc", "Pm", "Po", "At", "Rn", "Fr", "Ra", "Ac", "Pa")
ASSUMED = -4.5
"""Log odds of an element that nothing is known of, one in ninety; usual ones are a little likelier, others less so."""

AUGER = {
    "C KLL": 265.0, "N KLL": 382.0, "O KLL": 510.0, "O KL1L23": 489.0, "F KLL": 654.0, "Na KLL": 990.0,
    "Mg KLL": 1183.0, "Mg KL1L23": 1136.0, "Mg KL1L1": 1103.0, "S LVV": 150.0, "Cl LVV": 181.0, "Ti LMM": 418.0,
    "V LMM": 472.0, "Cr LMM": 527.0, "Cr L3M23M45": 489.0, "Mn LMM": 637.0, "Mn L3M23M45": 587.0, "Fe LMM": 702.0,
    "Fe L3M23M45": 649.0, "Fe L3M23M23": 594.0, "Co LMM": 773.0, "Co L3M23M45": 713.0, "Co L3M23M23": 655.0,
    "Ni LMM": 845.5, "Ni L3M23M45": 776.0, "Ni L3M23M23": 711.0, "Cu LMM": 918.0, "Cu L2MM": 937.0,
    "Cu L3M23M45": 838.0, "Cu L3M23M23": 768.0, "Zn LMM": 990.0, "Zn L2MM": 1013.0, "Zn L3M23M45": 904.0,
    "Ga LMM": 1066.0, "Ge LMM": 1143.0, "As LMM": 1224.0, "Ag MNN": 353.0, "In MNN": 404.0, "Sn MNN": 428.0,
    "Sb MNN": 456.0, "Te MNN": 486.0, "La MNN": 626.0,
}  # fmt: skip
"""Kinetic energy in eV of main Auger lines. None is verified against its source: they are rounded values in common use
(C, N, O, F, Na, Mg KLL agree within 7 eV with Takahashi et al., Surf. Interface Anal. 31, 118 (2001), second hand),
good for naming a peak, not for an Auger parameter."""


@dataclass(frozen=True)
class LineTable:
    """Lines with their names ("O 1s", "Cu LMM"), and elements with the log odds of each."""

    lines: Lines
    names: tuple[str, ...]
    elements: tuple[str, ...]
    prior: np.ndarray


def line_table(photon_energy: float, low: float, high: float, only: list[str] | None, expected: list[str]) -> LineTable:
    """Return all lines between two binding energies.

    Parameters
    ----------
    photon_energy : eV
    low, high : ends of the survey, eV
    only : elements that are tried; without it all from Li to U
    expected : elements known to be in the sample
    """
    elements = tuple(only if only is not None else known_elements())
    rows = [(e, *row) for e, name in enumerate(elements) for row in _rows(name, photon_energy) if low < row[1] < high]
    columns = list(zip(*rows, strict=True)) if rows else [(), (), (), (), ()]
    lines = Lines(np.array(columns[0], dtype=int), *(np.array(c, dtype=float) for c in columns[2:]))
    prior = np.array([_prior(name) + (4.0 if name in expected else 0.0) for name in elements])
    return LineTable(lines, tuple(columns[1]), elements, prior)


@functools.cache
def known_elements() -> tuple[str, ...]:
    """Return the symbols of the elements that are tried, by rising atomic number."""
    import xraylib

    return tuple(name for z in range(3, 93) if (name := xraylib.AtomicNumberToSymbol(z)) not in NEVER)


def _prior(element: str) -> float:
    return ASSUMED + ABUNDANT.get(element, 1.0 if element in USUAL else -1.0)


@functools.cache
def _rows(element: str, photon_energy: float) -> tuple[tuple[str, float, float, float], ...]:
    """Return name, binding energy, tolerance and cross-section (C 1s = 1) of the lines of an element."""
    photo = [row for level in SHELLS for row in _level(element, level, photon_energy)]
    strongest = max((row[3] for row in photo), default=0.0)
    kept = [row for row in photo if row[3] >= max(WEAKEST, 0.04 * strongest)]
    auger = [
        (name, photon_energy - kinetic, AUGER_TOLERANCE, float("nan"))
        for name, kinetic in AUGER.items()
        if name.split()[0] == element
    ]
    return (*kept, *auger)


def _level(element: str, level: str, photon_energy: float) -> list[tuple[str, float, float, float]]:
    """Return the lines of a level: both halves of a doublet, or one where they are too near to be told apart."""
    names = [f"{element} {one.name}" for one in sublevels(f"{element} {level}")[1]]
    found = [(name, energy) for name in names if (energy := _edge(name)) is not None]
    found = [(name, energy) for name, energy in found if SHALLOWEST < energy < photon_energy - 50.0]
    strengths = [cross_section(name, photon_energy) / cross_section("C 1s", photon_energy) for name, _ in found]
    if len(found) == 2 and abs(found[0][1] - found[1][1]) < RESOLVED:
        total = sum(strengths)
        centre = sum(energy * size for (_, energy), size in zip(found, strengths, strict=True)) / total
        return [(f"{element} {level}", centre, TOLERANCE, total)]
    return [(name, energy, TOLERANCE, size) for (name, energy), size in zip(found, strengths, strict=True)]


def _edge(name: str) -> float | None:
    """Return the binding energy of a sublevel; none where the element has no such shell."""
    try:
        return edge_energy(name)
    except ValueError:
        return None
