"""Axes of a leaf as HyperSpy keeps them, and back: scale, offset, unit, or every value where they are irregular."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from imgpipe.errors import DataError, UnitError
from imgpipe.model import ARRAY_DIMS, UNCALIBRATED
from imgpipe.units import convert, factor, spelling

EVENNESS = 1e-6
"""Largest distance of a coordinate from an even grid, in steps."""
SAME = 1e-9
"""Largest distance of an axis from the one that left, in steps, if it was not changed."""
ENERGY_NAME = "Energy"
NAMES = {
    "energy": "energy", "x": "x", "y": "y", "z": "z", "width": "x", "height": "y", "depth": "z", "time": "time",
    "position": "position", "distance": "position", "cycle": "cycle",
}  # fmt: skip
"""Dimension of an axis that HyperSpy or a vendor named so (small letters)."""
POINTS = ("", "points", "point", "pixel", "pixels", "px", "1")
"""What axes without a length scale carry as unit."""
_LONG_NAMES = {"energy": "X-ray energy"}


def signal_dims(dims: Sequence[str]) -> tuple[str, ...]:
    """Return the dimensions that become HyperSpy's signal axes: energy, else an image, else the last one."""
    if "energy" in dims:
        return ("energy",)
    return ("y", "x") if {"y", "x"} <= set(dims) else tuple(dims[-1:])


def axis_of(array: xr.DataArray, dim: str, *, navigate: bool, kilo: bool) -> dict[str, Any]:
    """Return a dimension as HyperSpy describes an axis.

    Parameters
    ----------
    array : with the coordinate; names (elements) become their index
    dim : dimension
    navigate : it is a navigation axis
    kilo : energies in keV, as eXSpy wants them

    Raises
    ------
    DataError
        when the coordinate neither rises nor falls throughout.
    """
    size = array.sizes[dim]
    made: dict[str, Any] = {"name": ENERGY_NAME if dim == "energy" and kilo else dim, "navigate": navigate}
    if dim not in array.coords or array[dim].dtype.kind not in "fiu":
        return made | {"size": size, "scale": 1.0, "offset": 0.0}
    unit = str(array[dim].attrs.get("units", ""))
    values = np.asarray(array[dim].values, dtype=np.float64)
    if dim == "energy" and kilo:
        values, unit = values * factor(unit, "keV"), "keV"
    return made | {"units": unit} | _places(dim, values)


def _places(dim: str, values: np.ndarray) -> dict[str, Any]:
    if values.size < 2:
        return {"size": values.size, "scale": 1.0, "offset": float(values[0]) if values.size else 0.0}
    step = (values[-1] - values[0]) / (values.size - 1)
    even = values[0] + step * np.arange(values.size)
    if step != 0.0 and np.abs(values - even).max() <= EVENNESS * abs(step):
        return {"size": values.size, "scale": float(step), "offset": float(values[0])}
    steps = np.diff(values)
    if not (np.all(steps > 0) or np.all(steps < 0)):
        raise DataError(
            f"axis {dim} neither rises nor falls throughout; HyperSpy has no such axis.",
            remedy="sort the leaf along it first: `leaf.sortby(...)`.",
        )
    return {"axis": values}


def dims_of(axes: Sequence[Any], names: Mapping[str, str], *, spectra: bool) -> list[str]:
    """Return the dimension of each axis, in the order of the data.

    Parameters
    ----------
    axes : HyperSpy axes
    names : axis name -> dimension, as noted when the signal left
    spectra : the signal axis is an X-ray energy
    """
    guessed = [names.get(str(axis.name)) or NAMES.get(str(axis.name).lower()) for axis in axes]
    default = _by_role(axes, spectra=spectra)
    dims = guessed if None not in guessed and len(set(guessed)) == len(guessed) else default
    return [str(dim) for dim in dims]


def _by_role(axes: Sequence[Any], *, spectra: bool) -> list[str]:
    """Return dimensions by what the axes are there for."""
    outer = [axis for axis in axes if axis.navigate]
    inner = len(axes) - len(outer)
    if inner > 2 or len(axes) > 4:
        raise DataError(f"a signal with {len(axes)} axes, {inner} of them signal axes, has no place in imgpipe.")
    if inner == 2:
        return [*("time", "z")[2 - len(outer) :], "y", "x"]
    free = [["position"], ["y", "x"], ["z", "y", "x"]]
    last = ["energy"] if spectra or inner == 0 or _is_energy(axes[-1]) else ["distance"]
    return (free[len(outer) - 1] if outer else []) + last[:inner]


def _is_energy(axis: Any) -> bool:
    return str(axis.units) in ("eV", "keV")


def coordinate_of(axis: Any, dim: str, label: Mapping[str, Any]) -> xr.DataArray:
    """Return the coordinate of an axis, in the unit that imgpipe uses.

    Parameters
    ----------
    axis : HyperSpy axis
    dim : its dimension
    label : what was noted when the signal left: `attrs` of the coordinate, `values` (names), `grid` (numbers); the
        numbers come back to the last digit where the axis was not changed
    """
    attrs = {"long_name": _LONG_NAMES.get(dim, dim), **label.get("attrs", {})}
    names = label.get("values")
    if names is not None and len(names) == axis.size:
        return xr.DataArray(np.array(names, dtype=object), dims=(dim,), attrs=attrs)
    values, unit = _in_own_unit(np.array(axis.axis, dtype=np.float64), spelling(_unit(axis, dim)), dim)
    grid = label.get("grid")
    if grid is not None and _unchanged(values, unit, dim, grid["values"], str(attrs.get("units", ""))):
        return xr.DataArray(np.array(grid["values"], dtype=grid["dtype"]), dims=(dim,), attrs=label["attrs"])
    return xr.DataArray(values, dims=(dim,), attrs={**attrs, "units": unit})


def _in_own_unit(values: np.ndarray, unit: str, dim: str) -> tuple[np.ndarray, str]:
    """Return an axis in the unit that imgpipe uses for a dimension, or in px."""
    wanted = ARRAY_DIMS.get(dim, "1") or "1"
    try:
        return np.asarray(convert(values, unit, wanted)), wanted
    except UnitError:
        if unit != UNCALIBRATED:
            raise
        return values, unit


def _unchanged(values: np.ndarray, unit: str, dim: str, left: Sequence[float], left_unit: str) -> bool:
    """Tell whether an axis is still the one that left: as HyperSpy was given it, to `SAME` of a step or to rounding."""
    if len(left) != values.size:
        return False
    given = _places(dim, np.asarray(left, dtype=np.float64))
    sent = given["axis"] if "axis" in given else given["offset"] + given["scale"] * np.arange(values.size)
    if not left_unit:  # HyperSpy has no name for it
        left_unit = unit
    sent, left_unit = _in_own_unit(sent, spelling(left_unit), dim)
    if left_unit != unit:
        return False
    step = float(np.abs(np.diff(sent)).min()) if sent.size > 1 else 1.0
    rounding = 8 * np.finfo(np.float64).eps * float(np.abs(sent).max(initial=0.0))
    return bool(np.abs(values - sent).max(initial=0.0) <= max(SAME * step, rounding))


def _unit(axis: Any, dim: str) -> str:
    """Return the unit of an axis as written; a length without one is in px."""
    written = str(axis.units).strip()
    if written.lower() in (*POINTS, "<undefined>", "none"):
        if dim == "energy":
            raise UnitError(
                f"the energy axis {axis.name} has no unit.", remedy="set `signal.axes_manager[-1].units = 'keV'`."
            )
        return UNCALIBRATED if ARRAY_DIMS.get(dim) == "nm" else ARRAY_DIMS.get(dim, "1") or "1"
    return written
