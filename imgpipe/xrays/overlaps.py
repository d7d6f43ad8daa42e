"""Lines that can't be told apart by eye: the field's table of known pairs, and pairs found from the resolution."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from imgpipe.located_yaml import load_located
from imgpipe.xrays.lines import Line, find_line
from imgpipe.xrays.resolution import fwhm

WEAKEST = 0.02
"""Lines weaker than this, relative to the alpha line of their family, are no overlap worth a warning."""
FIT_THEM = "fit all lines together; a window holds both"


@dataclass(frozen=True)
class Overlap:
    """One pair of lines that share channels.

    Attributes
    ----------
    of, other : labels ("Mg Ka"; a sum peak is "2 x Mg Ka")
    separation : eV, of `other` above `of`
    fwhm : eV, of the detector between them
    remedy : what to do
    known : the pair stands in the field's table
    """

    of: str
    other: str
    separation: float
    fwhm: float
    remedy: str
    known: bool


@functools.cache
def known_pairs() -> dict[frozenset[str], str]:
    """Return the remedy of each pair of the field's table."""
    return {frozenset((one["of"], one["with"])): str(one["remedy"]) for one in _table()["pairs"]}


@functools.cache
def known_sums() -> dict[tuple[str, str], str]:
    """Return the remedy of each line (first) that the sum peak of another (second) is known to disturb."""
    return {(str(line), str(one["of"])): str(one["remedy"]) for one in _table()["sums"] for line in one["between"]}


@functools.cache
def _table() -> dict[str, Any]:
    file = files("imgpipe.xrays") / "data" / "overlaps.yaml"
    table: dict[str, Any] = load_located(file.read_text(encoding="utf-8"), "overlaps.yaml").value
    for one in table["pairs"]:
        find_line(one["of"]), find_line(one["with"])
    return table


def find_overlaps(measured: Sequence[Line], present: Iterable[Line], resolution: float) -> list[Overlap]:
    """Return the overlaps of measured lines with lines of other elements, and with sum peaks.

    A pair overlaps when it stands in the field's table, or is nearer than the resolution between the two.

    Parameters
    ----------
    measured : lines whose intensity is wanted
    present : lines that may be in the spectrum
    resolution : FWHM at Mn Ka, eV
    """
    others = [line for line in present if line.weight >= WEAKEST]
    named = {line.label: line for line in present}
    special = [named[label] for pair in known_pairs() for label in pair if label in named]
    candidates = list(dict.fromkeys([*others, *special]))
    found = [o for a in measured for b in candidates if a.element != b.element and (o := _pair(a, b, resolution))]
    return [*found, *(o for a in measured for b in measured if (o := _sum_peak(a, b, resolution)))]


def _pair(line: Line, other: Line, resolution: float) -> Overlap | None:
    width = float(fwhm(0.5 * (line.energy + other.energy), resolution))
    separation = other.energy - line.energy
    remedy = known_pairs().get(frozenset((line.label, other.label)))
    if remedy is None and (abs(separation) >= width or other.weight < WEAKEST):
        return None
    return Overlap(line.label, other.label, separation, width, remedy or FIT_THEM, remedy is not None)


def _sum_peak(line: Line, source: Line, resolution: float) -> Overlap | None:
    separation = 2.0 * source.energy - line.energy
    width = float(fwhm(2.0 * source.energy, resolution))
    known = known_sums().get((line.label, source.label))
    if line.element == source.element or (known is None and abs(separation) >= width):
        return None
    remedy = known or "lower the count rate; two photons at once count as one"
    return Overlap(line.label, f"2 x {source.label}", separation, width, remedy, known is not None)
