"""Intensity ratios of the lines of one shell, as electrons make them: rates and yields of xraylib, Gryzinski's law.

A vacancy in a sub-shell comes from ionisation by electrons that slow down in the specimen, and from vacancies of
deeper sub-shells that move up (Coster-Kronig). It ends in a line with the fluorescence yield times the radiative rate.
eXSpy's weights are kept where xraylib knows no rate: for 3d metals they give L beta 1 a share of 0.03 of L alpha.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
TRANSITIONS: dict[str, tuple[str, ...]] = {
    "Ka": ("KL2", "KL3"), "Kb": ("KM2", "KM3", "KN2", "KN3"),
    "La": ("L3M4", "L3M5"), "Lb2": ("L3N4", "L3N5"), "Ll": ("L3M1",),
    "Lb1": ("L2M4",), "Ln": ("L2M1",), "Lg1": ("L2N4",),
    "Lb3": ("L1M3",), "Lb4": ("L1M2",), "Lg3": ("L1N2", "L1N3"),
    "Ma": ("M5N6", "M5N7"), "Mz": ("M5N3",), "Mb": ("M4N6",), "Mg": ("M3N5",),
    "M3O4": ("M3O4",), "M3O5": ("M3O5",), "M2N4": ("M2N4",),
}  # fmt: skip
"""Transitions that each line sums (Jenkins et al., X-Ray Spectrom. 20, 149 (1991)); neighbours that no such detector
separates are added to the stronger."""
ELECTRONS = {"K": 2, "L1": 2, "L2": 2, "L3": 4, "M1": 2, "M2": 2, "M3": 4, "M4": 4, "M5": 6}
THIN = 45_000.0
"""Beam energy in eV from which on the specimen is taken as a foil, in which electrons keep their energy."""


@dataclass(frozen=True)
class _Atom:
    number: int
    beam_energy: float

    def edge(self, shell: str) -> float:
        import xraylib

        return 1000.0 * _known(xraylib.EdgeEnergy, self.number, f"{shell}_SHELL")

    def ionised(self, shell: str) -> float:
        """Return what an electron ionises of a sub-shell, in arbitrary units; 0 where it can't."""
        edge = self.edge(shell)
        if not 0.0 < edge < self.beam_energy:
            return 0.0
        if self.beam_energy >= THIN:
            return ELECTRONS[shell] * float(gryzinski(np.array(self.beam_energy), edge))
        energy = np.geomspace(edge, self.beam_energy, 200)
        made = gryzinski(energy, edge) / stopping(energy, self.number)
        return ELECTRONS[shell] * float(np.trapezoid(made, energy))

    def vacancies(self, shell: str) -> float:
        """Return the vacancies of a sub-shell, those included that move up from deeper ones."""
        import xraylib

        number = int(shell[1:] or 1)
        total = self.ionised(shell)
        for deeper in range(1, number):
            moved = _known(xraylib.CosKronTransProb, self.number, f"F{shell[0]}{deeper}{number}_TRANS")
            total += moved * self.vacancies(f"{shell[0]}{deeper}") if moved > 0.0 else 0.0
        return total

    def photons(self, name: str) -> float:
        """Return photons of a line in the units of `ionised`; 0 where xraylib knows no rate."""
        import xraylib

        transitions = TRANSITIONS.get(name, ())
        rate = sum(_known(xraylib.RadRate, self.number, f"{one}_LINE") for one in transitions)
        if rate <= 0.0:
            return 0.0
        shell = transitions[0][:1] if transitions[0][0] == "K" else transitions[0][:2]
        return rate * _known(xraylib.FluorYield, self.number, f"{shell}_SHELL") * self.vacancies(shell)


def gryzinski(energy: Floats, edge: float) -> Floats:
    """Return the cross-section for ionisation by electrons, per electron of the shell, in units of 6.56e-14 cm2 eV2.

    Parameters
    ----------
    energy, edge : eV; 0 below the edge

    References
    ----------
    M. Gryzinski, Phys. Rev. 138, A336 (1965)
    """
    u = np.maximum(np.asarray(energy, dtype=np.float64) / edge, 1.0)
    logarithm = np.log(2.7 + np.sqrt(u - 1.0))
    return np.asarray(((u - 1.0) / (u + 1.0)) ** 1.5 * (1.0 + 2.0 / 3.0 * (1.0 - 0.5 / u) * logarithm) / (u * edge**2))


def stopping(energy: Floats, number: int) -> Floats:
    """Return the energy loss of electrons (eV) in an element, in arbitrary units.

    References
    ----------
    D. C. Joy, S. Luo, Scanning 11, 176 (1989)
    """
    mean = 9.76 * number + 58.5 * number**-0.19 if number >= 13 else 11.5 * number
    return np.asarray(np.log(1.166 * (energy + 0.85 * mean) / mean) / energy)


@functools.cache
def generated(element_number: int, names: Iterable[str], beam_energy: float) -> dict[str, float]:
    """Return photons of lines in one arbitrary unit, 0 where a line is not excited or xraylib knows no rate.

    Parameters
    ----------
    element_number : Z
    names : lines, Siegbahn ("La", "Lb1")
    beam_energy : eV
    """
    atom = _Atom(element_number, beam_energy)
    return {name: atom.photons(name) for name in names}


def _known(ask: Callable[[int, int], float], number: int, name: str) -> float:
    """Return a number of xraylib; 0 where it has none."""
    import xraylib

    try:
        return float(ask(number, getattr(xraylib, name)))
    except ValueError:  # its way to say that the element has no such line or shell
        return 0.0
