"""Standards of k-ratios: numbers in the recipe, or another leaf measured on a standard."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import xarray as xr
from pydantic import AfterValidator

from imgpipe.errors import DataError, UnitError
from imgpipe.model import unit_of
from imgpipe.spelling import nearest
from imgpipe.steps.edxs.element_rows import rows_of
from imgpipe.units import convert, parse_quantity

UNITS = {"counts": "counts", "u": "counts", "live_time": "s", "beam_current": "A", "beam_energy": "eV"}
"""What a standard may say, and its unit where it says none."""


def read_standards(given: dict[str, dict[str, float | str]]) -> dict[str, dict[str, float | str]]:
    """Check what a recipe says of standards and return it in s, A, eV.

    Raises
    ------
    ValueError
        naming the standard, what is wrong and what may stand there.
    """
    return {element: _read(element, dict(said)) for element, said in given.items()}


Standards = Annotated[dict[str, dict[str, float | int | str]], AfterValidator(read_standards)]


def _read(element: str, said: dict[str, float | str]) -> dict[str, float | str]:
    for key in said:
        if key not in (*UNITS, "leaf"):
            raise ValueError(f"standard {element}: unknown {key!r}{nearest(key, (*UNITS, 'leaf'))}")
    if ("counts" in said) == ("leaf" in said):
        raise ValueError(f"standard {element}: give either `counts` or `leaf`")
    if "u" in said and "leaf" in said:
        raise ValueError(f"standard {element}: the u of a leaf comes from the leaf")
    return {key: str(value) if key == "leaf" else _number(element, key, value) for key, value in said.items()}


def _number(element: str, key: str, value: float | str) -> float:
    try:
        number = float(value) if UNITS[key] == "counts" else parse_quantity(value, UNITS[key])
    except (UnitError, ValueError) as error:
        raise ValueError(f"standard {element}: {key}: {error}") from None
    if not (math.isfinite(number) and (number > 0.0 or (key == "u" and number == 0.0))):
        raise ValueError(f"standard {element}: {key} = {number:g} is not above zero")
    return number


SPACE = ("line", "y", "x", "position")


@dataclass(frozen=True)
class Measured:
    """Counts of a line, their standard uncertainty, and the dose and energy they were measured with (NaN: unknown).

    Parameters
    ----------
    counts, u : counts
    live_time : s
    beam_current : A
    beam_energy : eV
    """

    counts: float
    u: float
    live_time: float
    beam_current: float
    beam_energy: float


def conditions(leaf: xr.Dataset) -> dict[str, float]:
    """Return live time of all spectra together (s), beam current (A) and energy (eV) of a leaf, NaN where unknown."""
    found = {name: _scalar(leaf, name, UNITS[name]) for name in ("live_time", "beam_current", "beam_energy")}
    return found | {"live_time": found["live_time"] * _points(leaf)}


def standard(name: str, said: Mapping[str, float | str], leaves: Mapping[str, xr.Dataset]) -> Measured:
    """Return one standard.

    Parameters
    ----------
    name : row of the table of elements
    said : as `read_standards` returns it; what it says wins over the leaf
    leaves : all leaves, by name

    Raises
    ------
    DataError
        when the leaf is not there, has no such element, or its counts are not above zero.
    """
    numbers = {key: float(value) for key, value in said.items() if key != "leaf"}
    unknown = dict.fromkeys(("live_time", "beam_current", "beam_energy"), math.nan)
    if "leaf" not in said:
        given = unknown | {"u": math.sqrt(numbers["counts"])} | numbers
        return Measured(**given)
    where = str(said["leaf"])
    if where not in leaves:
        raise DataError(f"standard {name}: there is no leaf {where!r}{nearest(where, leaves)} with line intensities.")
    leaf = leaves[where]
    (row,) = rows_of(leaf, [name])
    counts, u = (float(leaf[key].isel(element=row)) for key in ("total_intensity", "u_total_intensity"))
    if not counts > 0.0:
        raise DataError(f"standard {name}: leaf {where} holds {counts:g} counts of it.")
    return Measured(**(conditions(leaf) | {"counts": counts, "u": u} | numbers))


def _scalar(leaf: xr.Dataset, name: str, unit: str) -> float:
    if name not in leaf or leaf[name].ndim:
        return math.nan
    return float(convert(np.float64(leaf[name]), unit_of(leaf[name]), unit))


def _points(leaf: xr.Dataset) -> int:
    """Return the number of spectra: the total intensity is that of all of them, the live time of a leaf that of one."""
    return math.prod(size for dim, size in leaf.sizes.items() if dim in SPACE)


def check_standards(settings: Any) -> None:
    """Refuse a recipe without standards."""
    if not settings.standards:
        raise DataError("standards: give at least one element.", remedy="standards: {Mg: {counts: 12000, ...}}")
