"""Where on a map: places and lengths of settings in nm, or in px for a map without a length scale."""

from typing import Annotated, Any, Literal

import numpy as np
import xarray as xr
from pydantic import BeforeValidator, Field

from imgpipe.errors import DataError, UnitError
from imgpipe.model import UNCALIBRATED, unit_of
from imgpipe.units import Unit, parse_quantity


def _read_lengths(value: Any) -> Any:
    """Read each text of a list ("1.2 um") as nm."""
    if not isinstance(value, list):
        return value
    try:
        return [parse_quantity(one, "nm") if isinstance(one, str) else _real(one) for one in value]
    except UnitError as error:
        raise ValueError(str(error)) from None


def _real(value: Any) -> Any:
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


Point = Annotated[list[float], Field(min_length=2, max_length=2), BeforeValidator(_read_lengths), Unit("nm|px")]
"""Two lengths: [x, y], or [from, to]."""
Length = Annotated[float, Field(gt=0), Unit("nm|px")]
LengthUnit = Literal["nm", "px"]


def require_point(value: Any, name: str) -> None:
    """Refuse what a recipe would refuse too: a Python caller gets no validation of settings.

    Raises
    ------
    DataError
        when `value` is not two finite numbers.
    """
    flat = isinstance(value, list | tuple | np.ndarray)
    if not flat or len(value) != 2 or not all(_is_length(one) for one in value):
        raise DataError(f"{name} = {value!r} is not two finite numbers.", remedy=_NUMBERS)


def require_length(value: Any, name: str) -> None:
    """Refuse what is no length: text, zero, NaN.

    Raises
    ------
    DataError
        when `value` is no finite number above zero.
    """
    if not _is_length(value) or value <= 0:
        raise DataError(f"{name} = {value!r} is no length: expected a finite number above zero.", remedy=_NUMBERS)


def _is_length(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool) and bool(np.isfinite(value))


_NUMBERS = 'give numbers in nm (px for a map without a length scale); texts such as "1.2 um" are read in recipes alone.'


def require_unit(array: xr.DataArray, unit: LengthUnit, dims: tuple[str, ...]) -> None:
    """Refuse lengths in nm on axes in px, and the other way round.

    Raises
    ------
    DataError
        with what to set.
    """
    for dim in dims:
        found = unit_of(array[dim])
        if found == unit:
            continue
        if found == UNCALIBRATED:
            remedy = "give `pixel_size` under inputs, or the settings in px with `unit: px`."
            raise DataError(f"axis {dim} has no length scale, but the settings are in nm.", remedy=remedy)
        raise DataError(
            f"axis {dim} is in {found}, but the settings are in {unit}.", remedy=f"give them in nm ({dim} is in nm)."
        )


def bounds(coordinate: xr.DataArray) -> tuple[float, float]:
    """Return the outer borders of the first and last pixel of a regular axis."""
    values = np.asarray(coordinate.values, dtype=np.float64)
    half = 0.5 * pixel(coordinate)
    return float(values.min() - half), float(values.max() + half)


def pixel(coordinate: xr.DataArray) -> float:
    """Return the size of a pixel along a regular axis that rises or falls; 1 for a single pixel.

    Raises
    ------
    DataError
        when the axis is not even.
    """
    values = np.asarray(coordinate.values, dtype=np.float64)
    if values.size < 2:
        return 1.0
    steps = np.abs(np.diff(values))
    mean = abs(values[-1] - values[0]) / (values.size - 1)
    if mean == 0.0 or np.abs(steps - mean).max() > 1e-6 * mean * values.size:
        raise DataError(f"axis {coordinate.name} is not evenly spaced.")
    return float(mean)


def times_of(leaf: xr.Dataset, points: float) -> dict[str, xr.DataArray]:
    """Return live and real time of sums of `points` spectra; those of a leaf are of one spectrum."""
    return {
        name: leaf[name].copy(data=np.asarray(float(leaf[name]) * points))
        for name in ("live_time", "real_time")
        if name in leaf and leaf[name].ndim == 0
    }


def numbers_of(leaf: xr.Dataset) -> dict[str, xr.DataArray]:
    """Return the numbers of a leaf (0-d variables), which hold for its parts too."""
    return {str(name): array for name, array in leaf.data_vars.items() if array.ndim == 0}
