"""The X-ray lines of an element: shell, energy, share of the shell's radiation; mass absorption coefficients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgpipe.phantoms.edxs.atoms import atomic_number
from imgpipe.phantoms.edxs.ionisation import fluorescence_yield, shell_of, vacancies

Floats = NDArray[np.float64]

TRANSITIONS = {
    "Ka": ("K", ("KL3", "KL2")),
    "Kb": ("K", ("KM3", "KM2")),
    "La": ("L3", ("L3M5", "L3M4")),
    "Lb1": ("L2", ("L2M4",)),
    "Ll": ("L3", ("L3M1",)),
    "Ln": ("L2", ("L2M1",)),
    "Lb3": ("L1", ("L1M3",)),
    "Lb2": ("L3", ("L3N5",)),
    "Ma": ("M5", ("M5N7", "M5N6")),
    "Mb": ("M4", ("M4N6",)),
    "Mz": ("M5", ("M5N3",)),
}
"""Lines by Siegbahn name: sub-shell of the vacancy, and the transitions (IUPAC) that one line sums."""


@dataclass(frozen=True)
class Line:
    """One line ("Mg Ka"): sub-shell, energy (eV), edge (eV), and its share of the sub-shell's radiation."""

    symbol: str
    name: str
    shell: str
    energy: float
    edge: float
    share: float

    @property
    def label(self) -> str:
        """The name as tables show it."""
        return f"{self.symbol} {self.name}"

    def production(self, energy: Floats) -> Floats:
        """Return photons per electron, path length and atom density: cm2, at electron energies in keV."""
        made = vacancies(self.symbol, self.shell, energy)
        return np.asarray(made * fluorescence_yield(self.symbol, self.shell) * self.share)


def line(label: str) -> Line:
    """Return a line by its label, "Mg Ka"; `ValueError` where xraylib knows no such line."""
    symbol, name = label.split()
    shell, transitions = TRANSITIONS[name]
    known = [_rate(symbol, transition) for transition in transitions]
    share = sum(rate for rate, _ in known)
    if share <= 0.0:
        raise ValueError(f"no line {label}")
    energy = sum(rate * at for rate, at in known) / share
    return Line(symbol, name, shell, 1e3 * energy, 1e3 * shell_of(symbol, shell).edge, share)


def _rate(symbol: str, transition: str) -> tuple[float, float]:
    """Return the radiative rate and energy (keV) of a transition; (0, 0) where there is none."""
    import xraylib

    code = getattr(xraylib, f"{transition}_LINE")
    try:
        return (
            float(xraylib.RadRate(atomic_number(symbol), code)),
            float(xraylib.LineEnergy(atomic_number(symbol), code)),
        )
    except ValueError:  # xraylib's way to say that the element has no such line
        return 0.0, 0.0


def mass_absorption(symbol: str, energy: Floats | float) -> Floats:
    """Return the mass absorption coefficient, cm2/g, at photon energies in eV (Chantler's FFAST tables, by eXSpy)."""
    from exspy import material

    wanted = np.atleast_1d(np.asarray(energy, dtype=np.float64)) * 1e-3
    return np.asarray(material.mass_absorption_coefficient(symbol, list(wanted)), dtype=np.float64)
