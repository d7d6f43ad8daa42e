"""Write what a reader describes into the scratch directory (runs in the child)."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import zarr
from zarr.codecs import Crc32cCodec

from imgpipe.errors import OutputError
from imgpipe.readers.leaf import Leaf, Stream


def write(leaf: Leaf, scratch: Path) -> dict[str, Any]:
    """Write the arrays of a leaf chunk by chunk; return a JSON-safe description of the leaf."""
    try:
        arrays = {name: _write_array(stream, scratch) for name, stream in leaf.arrays.items()}
    finally:
        if leaf.close is not None:
            leaf.close()
    return {
        "name": leaf.name,
        "arrays": arrays,
        "axes": {name: dataclasses.asdict(axis) for name, axis in leaf.axes.items()},
        "coords": {name: dataclasses.asdict(found) for name, found in leaf.coords.items()},
        "scalars": {name: dataclasses.asdict(scalar) for name, scalar in leaf.scalars.items()},
        "texts": {name: dataclasses.asdict(found) for name, found in leaf.texts.items()},
        "attrs": leaf.attrs,
        "flags": leaf.flags,
    }


@contextmanager
def _disk_errors(scratch: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"can't write the copy of the pixels: {error.strerror or error}.",
            file=str(scratch),
            remedy="free some space there, or choose another place.",
        ) from None


def _write_array(stream: Stream, scratch: Path) -> dict[str, Any]:
    path = scratch / f"{uuid.uuid4().hex}.zarr"
    with _disk_errors(scratch):
        array = zarr.create_array(
            store=path,
            shape=stream.shape,
            chunks=stream.chunks,
            dtype=stream.dtype,
            compressors=[Crc32cCodec()],
            fill_value=0,
        )
    for region, values in stream.blocks():
        with _disk_errors(scratch):
            array[region] = values
    return {
        "file": path.name,
        "dims": stream.dims,
        "shape": stream.shape,
        "dtype": stream.dtype,
        "chunks": stream.chunks,
        "attrs": stream.attrs,
    }
