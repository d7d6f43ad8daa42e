"""Rows of the table of elements: find them by name, add columns and flags to them."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from imgpipe.errors import DataError, StepError
from imgpipe.spelling import nearest

FLAGS = ("element_flag", "flag")
"""Variables that hold the flags of elements: the first one there, else the first."""


def row_names(leaf: xr.Dataset) -> list[str]:
    """Return the names of the rows: element symbols, or symbol and line ("Cu Ka") where an element has two."""
    if "element" not in leaf.coords:
        raise DataError("this leaf has no line intensities.", remedy="put line_intensities before this step.")
    return [str(name) for name in leaf["element"].values]


def rows_of(leaf: xr.Dataset, wanted: Sequence[str]) -> list[int]:
    """Return the places of rows by name.

    Raises
    ------
    DataError
        when a name is not there, or two are lines of one element.
    """
    names = row_names(leaf)
    for name in wanted:
        if name not in names:
            raise DataError(
                f"there is no intensity of {name!r}{nearest(name, names)}.", remedy="name it in line_intensities."
            )
    symbols = [name.split()[0] for name in wanted]
    twice = next((symbol for symbol in symbols if symbols.count(symbol) > 1), None)
    if twice is not None:
        raise DataError(f"{twice} is given with two lines.", remedy="choose one of its lines.")
    return [names.index(name) for name in wanted]


def line_of(leaf: xr.Dataset, row: int) -> tuple[str, str]:
    """Return element and line of a row: ("Fe", "Ka")."""
    name = row_names(leaf)[row]
    text = str(leaf["xray_line"].values[row]) if "xray_line" in leaf else name
    symbol, _, line = text.replace("_", " ").partition(" ")
    return symbol or name.split()[0], line or "Ka"


def spread(values: np.ndarray, rows: Sequence[int], count: int) -> np.ndarray:
    """Return values of some rows (first axis) on all rows, NaN elsewhere."""
    whole = np.full((count, *values.shape[1:]), np.nan)
    whole[list(rows)] = values
    return whole


def with_columns(
    leaf: xr.Dataset, columns: Mapping[str, xr.DataArray], flags: Mapping[int, Sequence[str]]
) -> xr.Dataset:
    """Return the leaf with new columns, and with these texts added to the flags of these rows.

    Raises
    ------
    StepError
        when a column is there already.
    """
    if clash := sorted(name for name in columns if name in leaf):
        raise StepError(f"{', '.join(clash)} exist(s) already.", remedy="leave the step out, or run it once.")
    name = next((one for one in FLAGS if one in leaf and leaf[one].dims == ("element",)), FLAGS[0])
    texts = [str(text) for text in leaf[name].values] if name in leaf else [""] * leaf.sizes["element"]
    joined = ["; ".join(dict.fromkeys(t for t in (text, *flags.get(i, ())) if t)) for i, text in enumerate(texts)]
    flag = xr.DataArray(np.array(joined, dtype=object), dims=("element",), attrs={"long_name": "flag"})
    return leaf.assign({**columns, name: flag})


def lithium_declared(leaf: xr.Dataset, said: bool) -> bool:
    """Tell whether the specimen holds lithium.

    The setting says so, or line_intensities was told (attribute `lithium` of the leaf), or it is among the elements of
    the file or the table.
    """
    declared = str(leaf.attrs.get("elements", "")).split()
    return said or bool(leaf.attrs.get("lithium")) or "Li" in declared or "Li" in row_names(leaf)
