"""Open zarr folders in place: our own layout, and plain groups with counts and their coordinates.

Nothing is copied: the arrays stay on disk and are read chunk by chunk when a step asks for them, so a map may be larger
than memory. Chunks are joined to tiles of about 32 MB with the whole energy axis.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgpipe.errors import DataError, ReadError
from imgpipe.readers.child import DECODER_FAULTS
from imgpipe.readers.edxs_axes import energy_factor, length_factor
from imgpipe.readers.leaf import Source

if TYPE_CHECKING:
    import xarray as xr
    import zarr

TILE = 1 << 25
"""Bytes of a dask chunk at most, unless a single chunk on disk is larger."""
HOLDS = ("counts", "intensity", "image")
"""Variables that make a group a leaf."""
_PLAIN = {1: ("energy",), 2: ("position", "energy"), 3: ("y", "x", "energy")}
_UNSAFE = "pickle"
_MOST_GROUPS = 10_000


def open_folder(source: Source) -> dict[str, xr.Dataset]:
    """Return the leaves of a zarr folder by name; nothing but coordinates and numbers is read.

    Raises
    ------
    ReadError, DataError
        no group with counts, objects instead of numbers, no coordinate of energies, a unit that is none.
    """
    path = source.path
    try:
        import zarr

        root = zarr.open(path, mode="r")
        if not isinstance(root, zarr.Group):
            raise ReadError(
                f"it is one array of the shape {root.shape}, without coordinates.",
                remedy="write a group with the arrays counts (y, x, energy), energy (eV), y and x (nm).",
            )
        found = {name: _leaf(path, name, group) for name, group in _groups(root) if _is_leaf(group)}
    except DECODER_FAULTS as error:
        raise ReadError(f"it can't be read as zarr ({type(error).__name__}: {str(error)[:200]}).") from None
    if not found:
        raise ReadError(
            f"no group in it holds {', '.join(HOLDS)}.",
            remedy="write a group with the arrays counts (y, x, energy), energy (eV), y and x (nm).",
        )
    return {_named(name, leaf): leaf for name, leaf in found.items()}


def _groups(root: zarr.Group) -> Iterator[tuple[str, zarr.Group]]:
    import zarr

    yield "", root
    for number, (name, group) in enumerate(sorted(root.members(max_depth=None), key=lambda item: item[0])):
        if number > _MOST_GROUPS:
            raise ReadError(f"it holds more than {_MOST_GROUPS} objects.", remedy="give a store with one measurement.")
        if isinstance(group, zarr.Group):
            yield name, group


def _is_leaf(group: zarr.Group) -> bool:
    return any(name in HOLDS for name, _ in group.arrays())


def _named(name: str, leaf: xr.Dataset) -> str:
    if name:
        return name
    if "image" in leaf:
        return "image"
    dims = leaf["counts"].dims if "counts" in leaf else ("position",)
    return "map" if "y" in dims else "line" if "position" in dims else "sum"


def _leaf(path: Path, name: str, group: zarr.Group) -> xr.Dataset:
    arrays = dict(group.arrays())
    for label, array in arrays.items():
        _require_plain(f"{name}/{label}".lstrip("/"), array)
    dims = {label: _dims(array) for label, array in arrays.items()}
    named = all(found is not None for found in dims.values())
    leaf, said = _as_stored(_by_names(path, name, arrays, dims) if named else _by_shape(arrays, dict(group.attrs)))
    holes = sum(array.nchunks - array.nchunks_initialized for label, array in arrays.items() if label in HOLDS)
    flags = [str(leaf.attrs.get("flags", ""))] if leaf.attrs.get("flags") else []
    flags += said
    flags += [f"{holes} unwritten block(s) of data, read as the fill value"] if holes else []
    return _in_our_units(leaf).assign_attrs(flags="; ".join(flags))


def _require_plain(name: str, array: zarr.Array[Any]) -> None:
    """Refuse codecs that run code from the file, and objects."""
    told = json.dumps(array.metadata.to_dict(), default=str).lower()
    text = array.dtype.kind in "UT" or (array.dtype.kind == "O" and "string" in told)
    if _UNSAFE in told or not (array.dtype.kind in "uifb" or text):
        raise ReadError(
            f"{name} holds objects ({array.dtype}) instead of numbers; objects are not read.",
            remedy="write it again as an array of numbers.",
        )


def _dims(array: zarr.Array[Any]) -> tuple[str, ...] | None:
    named = getattr(array.metadata, "dimension_names", None) or array.attrs.get("_ARRAY_DIMENSIONS")
    if named is None:
        return () if array.ndim == 0 else None
    return tuple(str(one) for one in named)  # type: ignore[union-attr]


def _by_names(path: Path, name: str, arrays: dict[str, Any], dims: dict[str, Any]) -> xr.Dataset:
    import xarray as xr

    chunks: dict[str, int] = {}
    for label in HOLDS:
        if label in arrays:
            chunks |= dict(zip(dims[label], _tiles(arrays[label], dims[label]), strict=True))
    options: dict[str, Any] = {"consolidated": False, "mask_and_scale": False, "decode_times": False}
    leaf: xr.Dataset = xr.open_zarr(path, group=name or None, chunks=chunks, **options)
    small = [label for label, found in leaf.variables.items() if label not in HOLDS and found.ndim < 2]
    leaf = leaf.assign({label: leaf[label].load() for label in small if label in leaf.data_vars})
    texts = [label for label, found in leaf.variables.items() if found.dtype.kind in "TU"]  # ours are objects
    return leaf.assign({n: leaf[n].astype(object) for n in texts if n in leaf.data_vars}).assign_coords(
        {n: leaf[n].astype(object) for n in texts if n in leaf.coords}
    )


def _as_stored(leaf: xr.Dataset) -> tuple[xr.Dataset, list[str]]:
    """Return a leaf whose attributes can be written again (fill values become NaN, values are scaled), and flags.

    Other software says with attributes (CF conventions) which value stands for a missing one (``_FillValue``,
    ``missing_value``) and how numbers were packed (``scale_factor``, ``add_offset``). Packed floats are unpacked;
    packed counts are refused, whole numbers would be lost.
    """
    said: list[str] = []
    for label in list(leaf.variables):
        attrs = dict(leaf[label].attrs)
        packed = [key for key in ("scale_factor", "add_offset") if key in attrs]
        if packed and label in HOLDS:
            raise ReadError(
                f"{label} is packed ({', '.join(f'{key} = {attrs[key]}' for key in packed)}); counts must stay counts.",
                remedy="write it without scale_factor and add_offset (xarray: clear the encoding of the variable).",
            )
        fills = [attrs.pop(key) for key in ("_FillValue", "missing_value") if key in attrs]
        scale, offset = attrs.pop("scale_factor", 1.0), attrs.pop("add_offset", 0.0)
        changed = leaf[label].copy()
        for fill in fills:
            if changed.dtype.kind == "f" or packed:
                changed = changed.where(changed != fill) if fill == fill else changed
            elif label in HOLDS and changed.dtype.kind in "ui" and fill:
                said.append(f"{label}: its value {fill} for missing values is taken as a count")
        changed = changed * scale + offset if packed else changed
        changed.attrs, changed.encoding = attrs, {}
        leaf = leaf.assign_coords({label: changed}) if label in leaf.coords else leaf.assign({label: changed})
    return leaf, said


def _tiles(array: zarr.Array[Any], dims: tuple[str, ...]) -> list[int]:
    """Return sizes of tiles: whole chunks of the disk, the energy axis whole, about `TILE` bytes."""
    sizes = [int(chunk) for chunk in array.chunks]
    if "energy" in dims:
        sizes[dims.index("energy")] = int(array.shape[dims.index("energy")])
    for at in reversed([n for n, dim in enumerate(dims) if dim != "energy"]):
        room = max(1, TILE // (math.prod(sizes) * array.dtype.itemsize))
        wide = math.isqrt(room) if at else room
        sizes[at] = min(int(array.shape[at]), sizes[at] * max(1, wide))
    return sizes


def _by_shape(arrays: dict[str, Any], attrs: dict[str, Any]) -> xr.Dataset:
    """Return a group whose arrays name no dimensions: counts end with energy, coordinates are named after theirs."""
    import dask.array as da
    import xarray as xr

    counts = arrays.get("counts")
    if counts is None or counts.ndim not in _PLAIN:
        raise ReadError("its arrays name no dimensions, and counts is no spectrum, line or map.")
    dims = _PLAIN[counts.ndim]
    data = da.from_zarr(counts, chunks=tuple(_tiles(counts, dims)))
    variables: dict[str, Any] = {"counts": (dims, data, dict(counts.attrs))}
    for name, array in arrays.items():
        if name in dims and array.ndim == 1:
            if array.shape[0] != counts.shape[dims.index(name)]:
                raise DataError(
                    f"{name} has {array.shape[0]} values, counts {counts.shape[dims.index(name)]} along it."
                )
            variables[name] = ((name,), array[:], dict(array.attrs))
        elif array.ndim == 0:
            variables[name] = ((), array[()], dict(array.attrs))
    return xr.Dataset(variables, attrs=attrs)


def _in_our_units(leaf: xr.Dataset) -> xr.Dataset:
    """Return the leaf with energies in eV and lengths in nm; without a scale they count pixels."""
    attrs = {"technique": "edxs", "elements": "", "vendor_metadata": "{}"} if "image" not in leaf else {}
    leaf = leaf.assign_attrs({**attrs, **leaf.attrs})
    for name in HOLDS:
        if name in leaf:
            leaf[name].attrs.setdefault("units", "counts")
    if "energy" in leaf.dims:
        leaf = _energies(leaf)
    for dim in ("y", "x", "position"):
        if dim in leaf.dims:
            leaf = _lengths(leaf, dim)
    return leaf


def _energies(leaf: xr.Dataset) -> xr.Dataset:
    if "energy" not in leaf.coords:
        raise DataError(
            "there is no coordinate energy.", remedy="write an array energy with attrs units = eV beside counts."
        )
    factor = energy_factor(leaf["energy"].attrs.get("units"))
    if factor is None:
        first, last = float(leaf["energy"][0]), float(leaf["energy"][-1])
        raise DataError(
            f"the energy axis has no unit (or an unknown one); it runs from {first:g} to {last:g}.",
            remedy="give the array energy the attribute units = eV or keV.",
        )
    attrs = {"long_name": "X-ray energy", **leaf["energy"].attrs, "units": "eV"}
    turned = leaf.assign_coords(energy=("energy", leaf["energy"].values.astype(float) * factor, attrs))
    return turned if turned.energy.size < 2 or turned.energy[1] > turned.energy[0] else turned.isel(energy=_BACKWARDS)


_BACKWARDS = slice(None, None, -1)


def _lengths(leaf: xr.Dataset, dim: str) -> xr.Dataset:
    size = leaf.sizes[dim]
    factor = length_factor(leaf[dim].attrs.get("units")) if dim in leaf.coords else None
    if factor is not None:
        attrs = {"long_name": dim, **leaf[dim].attrs, "units": "nm"}
        return leaf.assign_coords({dim: (dim, leaf[dim].values.astype(float) * factor, attrs)})
    if dim in leaf.coords and leaf[dim].attrs.get("units") == "px":
        return leaf
    return leaf.assign_coords({dim: (dim, [float(n) for n in range(size)], {"units": "px", "long_name": dim})})
