"""Read back a NeXus file that imgpipe wrote: every variable of every leaf as it was (runs in the child)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from imgpipe.errors import ReadError
from imgpipe.readers.leaf import Axis, Block, Coordinate, Leaf, Scalar, Stream, Texts
from imgpipe.readers.nexus_guard import fields
from imgpipe.readers.nexus_names import ATTRIBUTES, ATTRS, DIMS, KIND, LEAF, PLACE, SLICED, VARIABLE

CHUNK = 1 << 20
"""Values of a chunk at most."""


@dataclass(frozen=True)
class Stored:
    """One variable in the file: the fields that make it up, by their place along the components."""

    name: str
    kind: str
    dims: tuple[str, ...]
    attrs: dict[str, Any]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    paths: tuple[str, ...]
    axis: int | None

    @property
    def is_text(self) -> bool:
        """Tell whether it holds strings."""
        return self.dtype.kind == "O"


def is_own(file: h5py.File) -> bool:
    """Tell whether imgpipe wrote a file."""
    return any(LEAF in entry.attrs for entry in file.values() if isinstance(entry, h5py.Group))


def own_leaves(file: h5py.File, path: Path) -> list[Leaf]:
    """Return the leaves of a file of imgpipe."""
    entries = [entry for entry in file.values() if isinstance(entry, h5py.Group) and LEAF in entry.attrs]
    return [_leaf(entry, path) for entry in entries]


def _leaf(entry: h5py.Group, path: Path) -> Leaf:
    attrs = {name: json.loads(field.asstr()[()]) for name, field in _attributes(entry)}
    flags = [flag for flag in str(attrs.get("flags", "")).split("; ") if flag]
    leaf = Leaf(str(entry.attrs[LEAF]), {}, {}, attrs=attrs, flags=flags)
    for stored in _variables(entry):
        _add(leaf, stored, entry.file, path)
    _require_axes(leaf)
    return leaf


def _attributes(entry: h5py.Group) -> Iterator[tuple[str, h5py.Dataset]]:
    if ATTRIBUTES in entry:
        yield from entry[ATTRIBUTES].items()


def _variables(entry: h5py.Group) -> Iterator[Stored]:
    found: dict[str, list[h5py.Dataset]] = {}
    for _, field in fields(entry):
        if VARIABLE in field.attrs:
            found.setdefault(str(field.attrs[VARIABLE]), []).append(field)
    for name, parts in sorted(found.items()):
        yield _stored(name, parts)


def _stored(name: str, parts: list[h5py.Dataset]) -> Stored:
    first = parts[0]
    dims = tuple(str(first.attrs[DIMS]).split())
    attrs = dict(json.loads(first.attrs[ATTRS]))
    kind = str(first.attrs[KIND])
    if PLACE not in first.attrs:
        if len(parts) > 1:
            raise ReadError(f"{name} stands in several fields: {', '.join(part.name for part in parts)}.")
        return Stored(name, kind, dims, attrs, first.shape, first.dtype, (first.name,), None)
    parts = sorted(parts, key=lambda part: int(part.attrs[PLACE]))
    if [int(part.attrs[PLACE]) for part in parts] != list(range(len(parts))) or len({p.shape for p in parts}) > 1:
        raise ReadError(f"{name}: the fields of its components don't fit together.", remedy="export the group again.")
    axis = dims.index(SLICED)
    shape = (*first.shape[:axis], len(parts), *first.shape[axis:])
    return Stored(name, kind, dims, attrs, shape, first.dtype, tuple(part.name for part in parts), axis)


def _add(leaf: Leaf, stored: Stored, file: h5py.File, path: Path) -> None:
    """Put a variable where a leaf keeps its kind: axes, further coordinates, numbers, texts, arrays."""
    attrs = stored.attrs
    if len(stored.dims) != len(stored.shape):
        raise ReadError(f"{stored.name} has {len(stored.shape)} dimensions; its description names {len(stored.dims)}.")
    if stored.kind == "coordinate" and stored.dims == (stored.name,):
        leaf.axes[stored.name] = _axis(stored, _all(stored, file))
    elif stored.is_text:
        texts = tuple(str(text) for text in np.ravel(_all(stored, file)))
        leaf.texts[stored.name] = Texts(stored.dims, stored.shape, texts, attrs, stored.kind == "coordinate")
    elif stored.kind == "coordinate" and len(stored.dims) == 1:
        numbers = tuple(float(value) for value in _all(stored, file))
        units = str(attrs.get("units", "1"))
        leaf.coords[stored.name] = Coordinate(stored.dims[0], numbers, units, str(attrs.get("long_name", stored.name)))
    elif not stored.dims and "units" in attrs:
        value = float(_all(stored, file))
        leaf.scalars[stored.name] = Scalar(value, str(attrs["units"]), str(attrs.get("long_name", stored.name)))
    else:
        leaf.arrays[stored.name] = _stream(stored, path)


def _axis(stored: Stored, values: np.ndarray[Any, Any]) -> Axis:
    attrs = {name: str(value) for name, value in stored.attrs.items() if name != "units"}
    if stored.is_text:
        return Axis(values.size, values=tuple(str(text) for text in values), attrs=attrs)
    numbers = tuple(float(value) for value in values)
    return Axis(values.size, unit=str(stored.attrs.get("units", "1")), numbers=numbers, attrs=attrs)


def _all(stored: Stored, file: h5py.File, region: tuple[slice, ...] = ()) -> Any:
    """Return the values of a variable, or those of a region along its first dimension."""
    if stored.axis is None:
        return _read(file[stored.paths[0]], region)
    if stored.axis == 0:
        paths = stored.paths[region[0]] if region else stored.paths
        return np.stack([_read(file[path], ()) for path in paths])
    return np.stack([_read(file[path], region) for path in stored.paths], axis=stored.axis)


def _read(field: h5py.Dataset, region: tuple[slice, ...]) -> Any:
    if field.dtype.kind == "O":
        return np.asarray(field.asstr()[region], dtype=object)
    return field[region]


def _stream(stored: Stored, path: Path) -> Stream:
    shape = stored.shape
    row = max(1, int(np.prod(shape[1:])))
    step = max(1, min(shape[0], CHUNK // row)) if shape else 1
    chunks = (step, *shape[1:]) if shape else ()

    def blocks() -> Iterator[Block]:
        with h5py.File(path, "r") as file:
            if not shape:
                yield (), np.asarray(_all(stored, file))
                return
            for start in range(0, shape[0], step):
                region = slice(start, min(start + step, shape[0]))
                yield (region, *(slice(0, size) for size in shape[1:])), _all(stored, file, (region,))

    return Stream(stored.dims, shape, stored.dtype.name, chunks, stored.attrs, blocks)


def _require_axes(leaf: Leaf) -> None:
    """Refuse a leaf whose arrays don't fit its axes: the file was changed or cut."""
    for name, stream in leaf.arrays.items():
        for dim, size in zip(stream.dims, stream.shape, strict=True):
            if dim in leaf.axes and leaf.axes[dim].size != size:
                raise ReadError(f"{leaf.name}: {name} has {size} places along {dim}, its axis {leaf.axes[dim].size}.")
