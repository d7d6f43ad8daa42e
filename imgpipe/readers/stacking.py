"""Put files that belong together into one leaf: detectors of one field, slices of one volume, times of one place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from imgpipe.errors import DataError
from imgpipe.model import ARRAY_DIMS, axis

MERGED = ("source_file", "detector", "acquired", "flags")
"""Attributes that differ between files and are joined."""
TOLERANCE = 1e-6
"""Relative difference from which coordinates of two files differ."""


SETTINGS_MAY_DIFFER = ("sample", "cycle")
"""Dimensions along which the settings of the instrument may differ: they become one number per file."""


def stack_leaves(
    trees: Sequence[xr.DataTree],
    dim: str,
    labels: Sequence[str] | Sequence[float],
    *,
    unit: str | None = None,
) -> xr.DataTree:
    """Join the leaves of several files along a new dimension.

    Parameters
    ----------
    trees : one per file, with the same leaves
    dim : ``signal`` (labels are names), ``z``, ``time`` or another array dimension (labels are numbers, rising)
    labels : one per file
    unit : of the numbers; the canonical unit of the dimension when None

    Raises
    ------
    DataError
        when leaves, shapes, types, coordinates or numbers of the metadata differ: the message names the files.
    """
    if dim not in ARRAY_DIMS:
        raise DataError(f"can't stack files along {dim!r}.", remedy=f"use one of {', '.join(ARRAY_DIMS)}.")
    if not trees or len(trees) != len(labels):
        raise DataError(f"{len(trees)} files and {len(labels)} labels to stack along {dim}: give one label per file.")
    names = _leaf_names(trees)
    joined = {name: _join([tree[name].to_dataset() for tree in trees], dim, labels, unit) for name in names}
    return xr.DataTree.from_dict(joined)


def _leaf_names(trees: Sequence[xr.DataTree]) -> list[str]:
    names = [leaf.path.lstrip("/") for leaf in trees[0].leaves]
    for tree in trees[1:]:
        other = [leaf.path.lstrip("/") for leaf in tree.leaves]
        if other != names:
            one, two = (_file(next(iter(some.leaves)).to_dataset()) for some in (trees[0], tree))
            raise DataError(
                f"files with different content can't be stacked: {one} holds {', '.join(names)}, "
                f"{two} holds {', '.join(other)}.",
                remedy="stack only files with the same content; without `stack:` each file is worked on by itself.",
            )
    return names


def _join(parts: list[xr.Dataset], dim: str, labels: Sequence[str] | Sequence[float], unit: str | None) -> xr.Dataset:
    for part in parts[1:]:
        _require_equal(parts[0], part)
    if dim in parts[0].dims:
        raise DataError(f"{_file(parts[0])} already has the dimension {dim}: it can't be stacked along it.")
    coordinate = _labels(dim, labels, unit)
    arrays = {name: _array(parts, str(name), dim) for name, array in parts[0].data_vars.items() if array.ndim}
    numbers = {name: _number(parts, str(name), dim) for name, array in parts[0].data_vars.items() if not array.ndim}
    return xr.Dataset({**arrays, **numbers}, {dim: coordinate, **parts[0].coords}, attrs=_attrs(parts))


def _array(parts: list[xr.Dataset], name: str, dim: str) -> xr.DataArray:
    arrays = [part[name] for part in parts]
    joined = xr.concat(arrays, dim=dim, join="exact", coords="minimal", compat="override")
    bits = [array.attrs["bits"] for array in arrays if "bits" in array.attrs]
    joined.attrs = {**arrays[0].attrs, **({"bits": max(bits)} if bits else {})}
    return joined


def _number(parts: list[xr.Dataset], name: str, dim: str) -> xr.DataArray:
    """Return a number of the metadata: as it is where all files agree, else one per file; absent ones are NaN."""
    found = [part[name] if name in part else xr.full_like(parts[0][name], np.nan) for part in parts]
    if dim not in SETTINGS_MAY_DIFFER or found[0].dtype.kind != "f" or all(one.identical(found[0]) for one in found):
        return found[0]
    return xr.concat(found, dim=dim, coords="minimal", compat="override").assign_attrs(found[0].attrs)


def _labels(dim: str, labels: Sequence[str] | Sequence[float], unit: str | None) -> xr.DataArray:
    if len(set(labels)) != len(labels):
        twice = next(label for label in labels if list(labels).count(label) > 1)
        raise DataError(
            f"labels along {dim} must differ, found {list(labels)}: several files say {twice}.",
            remedy=f"rename one of these files, or add a field to the pattern, so that each group has one {twice}.",
        )
    if ARRAY_DIMS[dim] == "":
        return xr.DataArray(np.array([str(label) for label in labels], object), dims=(dim,), attrs={"long_name": dim})
    values = np.asarray(labels, np.float64)
    if not np.all(np.diff(values) > 0):
        raise DataError(f"labels along {dim} must rise, found {list(labels)}.", remedy="sort the files.")
    regular = axis(dim, values.size, 1.0, unit or ARRAY_DIMS[dim])
    return regular.copy(data=values)


def _require_equal(first: xr.Dataset, other: xr.Dataset) -> None:
    pair = f"{_file(first)} and {_file(other)}"
    arrays = {str(name) for name, array in first.data_vars.items() if array.ndim}
    if arrays != {str(name) for name, array in other.data_vars.items() if array.ndim}:
        raise DataError(f"{pair} hold different variables.")
    _require_equal_energies(first, other, pair)
    for name in sorted(arrays):
        one, two = first[name], other[name]
        if one.shape != two.shape or one.dtype != two.dtype or one.dims != two.dims:
            raise DataError(
                f"{pair} don't fit together: {name} is {dict(one.sizes)} {one.dtype} "
                f"and {dict(two.sizes)} {two.dtype}.",
                remedy="stack only images of one field, taken with the same settings.",
            )
    for dim in first.coords:
        if not _same(first.coords[dim], other.coords[dim]):
            raise DataError(f"{pair} have different coordinates {dim}.", remedy="check their pixel sizes.")
    _require_equal_numbers(first, other, pair)


def _require_equal_energies(first: xr.Dataset, other: xr.Dataset, pair: str) -> None:
    if "energy" not in first.coords or "energy" not in other.coords:
        return
    if not _same(first.coords["energy"], other.coords["energy"]):
        one, two = (_range(part.coords["energy"]) for part in (first, other))
        region = str(first.attrs.get("region", "spectra"))
        raise DataError(
            f"{pair} have different energy axes: {region} goes {one} and {two}.",
            remedy="stack only spectra over the same energies; without `stack:` each file is fitted by itself.",
        )


def _range(axis: xr.DataArray) -> str:
    return f"from {float(axis[0]):.8g} to {float(axis[-1]):.8g} {axis.attrs.get('units', '')} in {axis.size} points"


def _require_equal_numbers(first: xr.Dataset, other: xr.Dataset, pair: str) -> None:
    for name in ("beam_energy", "stage_tilt", "pixel_size_x", "pixel_size_y"):
        if name in first and name in other and not _same(first[name], other[name], 0.005):
            raise DataError(f"{pair} were taken with different {name}: {float(first[name])} and {float(other[name])}.")


def _same(one: xr.DataArray, two: xr.DataArray, tolerance: float = TOLERANCE) -> bool:
    if one.shape != two.shape or one.attrs.get("units") != two.attrs.get("units"):
        return False
    if one.dtype.kind not in "fiu":
        return bool((one.values == two.values).all())
    return bool(np.allclose(one.values, two.values, rtol=tolerance, atol=0.0))


def _attrs(parts: list[xr.Dataset]) -> dict[str, Any]:
    attrs = dict(parts[0].attrs)
    attrs.pop("pixel_statistics", None)
    for name in MERGED:
        texts = [str(part.attrs[name]) for part in parts if part.attrs.get(name)]
        if texts:
            attrs[name] = "; ".join(dict.fromkeys(texts))
    return attrs


def _file(part: xr.Dataset) -> str:
    return str(part.attrs.get("source_file", "a file without name"))
