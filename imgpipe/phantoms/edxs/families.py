"""All lines of an element that come with its main line, at ratios of a thick target."""

from __future__ import annotations

import functools

import numpy as np

from imgpipe.phantoms.edxs.atoms import atomic_number, atomic_weight, stopping_power
from imgpipe.phantoms.edxs.lines import Line, line

_FAMILIES = {"Ka": ("Ka", "Kb"), "La": ("La", "Lb1", "Ll", "Ln", "Lb3", "Lb2"), "Ma": ("Ma", "Mb", "Mz")}


@functools.cache
def family(label: str, beam_energy: float) -> tuple[tuple[Line, float], ...]:
    """Return the lines of a family with their photons per photon of the main line.

    Ratios are those of generation by electrons that slow down in the pure element; that minor lines are absorbed
    slightly differently is left out.

    Parameters
    ----------
    label : the main line, "W Ma"
    beam_energy : eV
    """
    main = line(label)
    energy = np.geomspace(0.9 * main.edge, beam_energy, 400) * 1e-3
    number = atomic_number(main.symbol)
    slowing = 1.0 / stopping_power(number, atomic_weight(main.symbol), energy)
    whole = float(np.trapezoid(main.production(energy) * slowing, energy))
    found = []
    for name in _FAMILIES[main.name]:
        one = _known(f"{main.symbol} {name}")
        if one is not None and one.edge < beam_energy:
            found.append((one, float(np.trapezoid(one.production(energy) * slowing, energy)) / whole))
    return tuple(found)


def _known(label: str) -> Line | None:
    try:
        return line(label)
    except ValueError:  # the element has no such line: no free electrons for it, or no edge in the tables
        return None
