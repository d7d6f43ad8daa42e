"""Which line stands for each element that is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from imgpipe.errors import DataError
from imgpipe.xrays.lines import Line, atomic_number, element_lines, excited_lines, find_line, main_line

LIGHTEST = 4
"""Atomic number of the lightest element with an X-ray line that a detector may show."""
LOWEST = 150.0
"""Energy in eV below which noise of the electronics stands, not X-rays."""


@dataclass(frozen=True)
class Row:
    """One row of the table of elements: its name, the line measured, or why none is."""

    name: str
    element: str
    line: Line | None
    reason: str = ""


def check_names(elements: Sequence[str], lines: Mapping[str, str]) -> None:
    """Refuse names that are no elements or lines, and lithium, before any file is opened.

    Raises
    ------
    DataError
        naming the element or line.
    """
    labels = [name.replace("_", " ") for name in elements] + [f"{name} {line}" for name, line in lines.items()]
    for label in labels:
        element, _, line = label.partition(" ")
        if atomic_number(element) < LIGHTEST:
            raise DataError(f"{element} has no line that EDXS sees.", remedy="for lithium say `lithium: true`.")
        if line:
            find_line(label)


def choose_rows(
    elements: Sequence[str],
    lines: Mapping[str, str],
    always: Sequence[str],
    beam_energy: float,
    ends: tuple[float, float],
) -> list[Row]:
    """Return one row per line wanted.

    Parameters
    ----------
    elements : symbols, or lines ("Cu Ka") where a certain one, or a second one, is wanted
    lines : line to use for an element: ``{Cu: Ka}``
    always : elements added at the end where they are missing and can be seen
    beam_energy, ends : eV

    Raises
    ------
    DataError
        for names that are no elements or lines, and when no line is left.
    """
    unused = sorted(set(lines) - {name.partition(" ")[0] for name in elements} - set(always))
    if unused:
        raise DataError(f"lines: {unused[0]!r} is not among the elements {', '.join(elements)}.")
    rows: list[Row] = []
    wanted = [name.replace("_", " ") for name in elements]
    for name in dict.fromkeys(wanted):
        rows.append(_row(name, rows, lines, beam_energy, ends))
    here = {row.element for row in rows}
    extra = [_row(name, rows, lines, beam_energy, ends) for name in dict.fromkeys(always) if name not in here]
    rows += [row for row in extra if row.line is not None]
    if not any(row.line for row in rows):
        told = "; ".join(f"{row.name}: {row.reason}" for row in rows) or "no element is named"
        raise DataError(f"no line can be measured ({told}).", remedy="name elements: `elements: [Mg, W, Cu]`.")
    return rows


def _row(
    name: str, before: Sequence[Row], lines: Mapping[str, str], beam_energy: float, ends: tuple[float, float]
) -> Row:
    element, _, wanted = name.partition(" ")
    second = any(row.element == element for row in before)
    wanted = wanted or lines.get(element, "")
    if not element_lines(element):
        return Row(name, element, None, "no X-ray line in range of EDXS")
    line = find_line(f"{element} {wanted}") if wanted else main_line(element, beam_energy, LOWEST, ends[1])
    label = line.label if second and line is not None else element
    if line is None:
        return Row(label, element, None, f"no line is excited at {beam_energy / 1000:g} keV")
    if line.edge >= beam_energy:
        return Row(label, element, None, f"{line.label} not excited (edge {line.edge / 1000:.2f} keV)")
    if not max(LOWEST, ends[0]) < line.energy < ends[1]:
        return Row(label, element, None, f"{line.label} outside the spectrum")
    return Row(label, element, line)


def lines_present(elements: Sequence[str], beam_energy: float, ends: tuple[float, float]) -> list[Line]:
    """Return every line of some elements that is excited and inside the spectrum."""
    inside = max(LOWEST, ends[0]), min(ends[1], beam_energy)
    every = (line for element in dict.fromkeys(elements) for line in excited_lines(element, beam_energy))
    return [line for line in every if inside[0] < line.energy < inside[1]]
