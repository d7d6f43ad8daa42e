"""From header and rows of pixels to the leaf `image`: what all SEM formats share (runs in the child)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from imgpipe.errors import ReadError
from imgpipe.readers import data_bar, gate, grey
from imgpipe.readers.leaf import Axis, Block, Leaf, Limits, Scalar, Source, Stream
from imgpipe.readers.sem_header import AGREEMENT, SemHeader, agree, unit_and_name

Pixels = np.ndarray[Any, Any]
TILE = 4096
"""Rows and columns of a chunk at most; larger images are cut into tiles of at most this size."""


@dataclass(frozen=True)
class Plane:
    """One page of a file: its size and how to get its rows.

    Parameters
    ----------
    shape : (rows, columns)
    dtype : numpy name, native
    piece_rows : rows that the file stores together
    rows : called with (start, stop), returns grey values
    damage : called when all rows were read, returns flags
    """

    shape: tuple[int, int]
    dtype: str
    piece_rows: int
    rows: Callable[[int, int], Pixels]
    damage: Callable[[], list[str]] = list


def require_modest(pixels: int, decoded: int, stored: int, limits: Limits) -> None:
    """Refuse a file before decoding when it claims too many pixels, or is compressed too well.

    Raises
    ------
    ReadError
        with the option that lifts the limit.
    """
    if pixels > limits.max_pixels:
        raise ReadError(
            f"it claims {pixels} pixels, more than the limit of {limits.max_pixels}.",
            remedy="if the file is sound, raise max_pixels.",
        )
    if stored and decoded / stored > limits.max_ratio:
        raise ReadError(
            f"it would grow {decoded / stored:.0f}-fold when decompressed (to {decoded / 2**20:.0f} MiB), "
            f"more than the limit of {limits.max_ratio:g}: no microscope image does.",
            remedy="if the file is sound, raise max_ratio.",
        )


def leaf(source: Source, planes: Sequence[Plane], header: SemHeader, *, slice_nm: float | None = None) -> Leaf:
    """Return the leaf `image` of one file.

    Parameters
    ----------
    planes : pages of equal shape; several make the dimension z
    header : metadata
    slice_nm : distance of the pages in nm, when known
    """
    first = planes[0]
    rows = _image_rows(source, first, header)
    columns = first.shape[1] // header.fields
    attrs: dict[str, Any] = {"technique": "sem", "tilt_corrected": "unknown", **header.attrs}
    attrs |= {"data_bar_rows": first.shape[0] - rows, "vendor_metadata": header.raw_json()}
    size = _pixel_size(source, header)
    if size is not None:
        attrs["pixel_size_source"] = "given by the user" if source.pixel_size else header.pixel_size_source
    unit, step = ("px", (1.0, 1.0)) if size is None else ("nm", size)
    made = Leaf("image", {}, {"y": Axis(rows, step[1], unit), "x": Axis(columns, step[0], unit)}, attrs=attrs)
    made.flags += header.flags + ([] if size else ["uncalibrated: no pixel size in the file"])
    made.scalars |= {name: Scalar(value, *unit_and_name(name)) for name, value in header.quantities.items()}
    if size is not None:
        for letter, value in zip("xy", size, strict=True):
            made.scalars[f"pixel_size_{letter}"] = Scalar(value, "nm", f"pixel size along {letter}")
    _leading_axis(made, len(planes), header, slice_nm)
    made.arrays["image"] = _stream(made, planes, rows, columns, header.fields)
    return made


def _leading_axis(made: Leaf, pages: int, header: SemHeader, slice_nm: float | None) -> None:
    if header.fields > 1 and pages > 1:
        raise ReadError("several pages, each with several detector images side by side, can't be read.")
    if header.fields > 1:
        names = header.detectors if len(set(header.detectors)) == header.fields else None
        values = names or tuple(f"detector {index + 1}" for index in range(header.fields))
        made.axes = {"signal": Axis(header.fields, values=values), **made.axes}
    elif pages > 1:
        made.axes = {"z": Axis(pages, slice_nm or 1.0, "nm" if slice_nm else "px"), **made.axes}


def _image_rows(source: Source, first: Plane, header: SemHeader) -> int:
    total = first.shape[0]
    if source.data_bar == "none":
        return total
    if isinstance(source.data_bar, int):
        if source.data_bar >= total:
            raise ReadError(
                f"data_bar takes off {source.data_bar} rows, the image has {total}.", remedy="give fewer rows."
            )
        return total - source.data_bar
    if header.image_rows is not None:
        return header.image_rows
    looked_at = max(int(total * (data_bar.TALLEST + 0.05)), 1)
    return total - data_bar.detect(first.rows(total - looked_at, total), total)


def _pixel_size(source: Source, header: SemHeader) -> tuple[float, float] | None:
    found, given = header.pixel_size, source.pixel_size
    if given and found and not (agree(given[0], found[0]) and agree(given[1], found[1])):
        header.flags.append(f"pixel size given as {given[0]:.6g} nm, the file says {found[0]:.6g} nm")
    size = given or found
    if size and not agree(size[0], size[1], AGREEMENT):
        header.flags.append(f"anisotropic pixels: {size[0]:.6g} nm along x, {size[1]:.6g} nm along y")
    return size


def _stream(made: Leaf, planes: Sequence[Plane], rows: int, columns: int, fields: int) -> Stream:
    first = planes[0]
    band = _band_rows(first, rows)
    width = columns if columns <= TILE else TILE // 2
    leading = fields if fields > 1 else len(planes)
    flat = leading == 1
    shape, chunks = (rows, columns), (band, width)

    def blocks() -> Iterator[Block]:
        statistics = gate.PixelStatistics()
        for index, plane in enumerate(planes):
            for top in range(0, rows, band):
                image = grey.native(plane.rows(top, min(top + band, rows)))
                statistics.add_run_lengths(image)
                statistics.add(image)
                yield from _placed(image, top, index, columns, fields, flat=flat)
            made.flags += _bar_flags(plane, rows) + plane.damage()
        made.attrs |= {"pixel_statistics": statistics.as_json()}
        made.flags += gate.flags(statistics)
        made.arrays["image"].attrs["bits"] = statistics.bits

    names = ("signal",) if fields > 1 else ("z",)
    return Stream(
        dims=("y", "x") if flat else (*names, "y", "x"),
        shape=shape if flat else (leading, *shape),
        dtype=first.dtype,
        chunks=chunks if flat else (1, *chunks),
        attrs={"units": "counts", "long_name": "grey value"},
        blocks=blocks,
    )


def _bar_flags(plane: Plane, rows: int) -> list[str]:
    """Return a flag when the rows below the image are empty: no data bar is, an interrupted copy is."""
    if rows == plane.shape[0] or plane.rows(rows, plane.shape[0]).any():
        return []
    return ["the data bar holds only zeros (interrupted copy?)"]


def _placed(image: Pixels, top: int, index: int, columns: int, fields: int, *, flat: bool) -> Iterator[Block]:
    place = (slice(top, top + image.shape[0]), slice(0, columns))
    if flat:
        yield place, image
    elif fields == 1:
        yield (slice(index, index + 1), *place), image[None]
    else:
        for field in range(fields):
            part = image[:, field * columns : (field + 1) * columns]
            yield (slice(field, field + 1), *place), part[None]


def _band_rows(plane: Plane, rows: int) -> int:
    if rows <= TILE:
        return max(1, rows)
    pieces = max(1, (TILE // 2) // plane.piece_rows)
    return min(rows, pieces * plane.piece_rows)
