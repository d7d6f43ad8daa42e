"""From acquisitions to leaves: maps, lines and spectra, streamed tile by tile (runs in the child)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from imgpipe.errors import ReadError
from imgpipe.readers.edxs_axes import length_axis
from imgpipe.readers.edxs_header import SCALARS, EdxsHeader
from imgpipe.readers.edxs_tally import CountStatistics, empty_end
from imgpipe.readers.leaf import Axis, Block, Leaf, Limits, Scalar, Source, Stream

CHUNK = 1 << 25
"""Bytes of a tile of a map at most; it holds the whole energy axis."""
KINDS = {1: ("sum", ("energy",)), 2: ("line", ("position", "energy")), 3: ("map", ("y", "x", "energy"))}
UNCALIBRATED = "uncalibrated: no length scale in the file"


@dataclass
class Acquisition:
    """One spectrum, line or map.

    Parameters
    ----------
    data : (energy,), (position, energy) or (y, x, energy): numpy, dask or anything that gives arrays when sliced
    energy : axis in eV
    lengths : (step, unit) of each axis before energy, as the file states them
    header : metadata
    turned : energies fall in `data`, it has to be turned round
    note : what the flag of an axis without a scale says
    """

    data: Any
    energy: Axis
    lengths: Sequence[tuple[object, object]] = ()
    header: EdxsHeader = field(default_factory=EdxsHeader)
    turned: bool = False
    note: str = UNCALIBRATED


def leaves(acquisitions: Sequence[Acquisition], source: Source) -> list[Leaf]:
    """Return one leaf per acquisition: ``map``, ``line``, ``sum``, and ``map 2`` ... where there are more of a kind.

    Parameters
    ----------
    acquisitions : in the order of the file
    source : the file, with what the user said
    """
    if not acquisitions:
        raise ReadError("it holds no X-ray spectra.", remedy="give a file with a spectrum, a line or a map.")
    spatial = [one for one in acquisitions if len(one.data.shape) > 1]
    made: list[Leaf] = []
    for one in acquisitions:
        name = free_name(KINDS[_depth(one)][0], made)
        given = source.pixel_size if len(spatial) == 1 else None
        made.append(_leaf(name, one, given, source.limits))
    if source.pixel_size is not None and len(spatial) != 1:
        told = f"pixel_size was not used: {len(spatial)} lines or maps in the file, each with its own scale"
        for leaf in made:
            leaf.flags.append(told)
    return made


def free_name(kind: str, made: Sequence[Leaf]) -> str:
    """Return the name of the next leaf of a kind: ``map``, ``map 2`` ..."""
    taken = {leaf.name for leaf in made}
    return next(name for name in (kind, *(f"{kind} {n}" for n in range(2, 100_000))) if name not in taken)


def _depth(one: Acquisition) -> int:
    depth = len(one.data.shape)
    if depth not in KINDS or 0 in one.data.shape:
        size = " x ".join(map(str, one.data.shape))
        raise ReadError(f"an array of {size or 'no'} values is no spectrum, line or map.")
    if one.data.dtype.kind not in "uif":
        raise ReadError(f"values of the type {one.data.dtype} are no counts.", remedy="give the original spectra.")
    return depth


def _leaf(name: str, one: Acquisition, given: tuple[float, float] | None, limits: Limits) -> Leaf:
    header, dims = one.header, KINDS[_depth(one)][1]
    require_modest(math.prod(one.data.shape), limits)
    axes, known = _lengths(one, dims, given)
    attrs = {"technique": "eels" if header.signal.upper() in ("EELS", "ELS") else "edxs"}
    attrs |= {"elements": " ".join(header.elements), **header.attrs, "vendor_metadata": header.raw_json()}
    made = Leaf(name, {}, {**axes, "energy": one.energy}, attrs=attrs)
    made.flags += [*header.flags, *([] if known else [one.note])]
    made.flags += ["energies fell in the file: turned round"] if one.turned else []
    if attrs["technique"] == "eels":
        made.flags.append("energy losses of electrons, not X-rays")
    made.scalars |= {key: Scalar(value, *SCALARS[key]) for key, value in header.numbers.items()}
    made.arrays["counts"] = _stream(made, one, dims)
    return made


def require_modest(values: int, limits: Limits) -> None:
    """Refuse a file before decoding when it claims too many values."""
    if values > limits.max_pixels:
        raise ReadError(
            f"it claims {values} values, more than the limit of {limits.max_pixels}.",
            remedy="if the file is sound, raise max_pixels.",
        )


def _lengths(one: Acquisition, dims: Sequence[str], given: tuple[float, float] | None) -> tuple[dict[str, Axis], bool]:
    """Return the axes before energy; all of them are in px where one has no scale."""
    spatial = dims[:-1]
    wanted = {"y": given[1], "x": given[0], "position": given[0]} if given else {}
    found = {dim: length_axis(one.data.shape[n], *one.lengths[n], wanted.get(dim)) for n, dim in enumerate(spatial)}
    steps = [step for _, step in found.values()]
    if None in steps:
        return {dim: Axis(one.data.shape[n]) for n, dim in enumerate(spatial)}, False
    if given:
        own = length_axis(one.data.shape[0], *one.lengths[0])[1]
        if own is not None and steps[0] is not None and abs(own - steps[0]) > 0.005 * own:
            one.header.flags.append(f"pixel size given as {steps[0]:.6g} nm, the file says {own:.6g} nm")
    if len(steps) == 2 and steps[0] and steps[1] and abs(steps[0] - steps[1]) > 0.005 * max(steps[0], steps[1]):
        one.header.flags.append(f"anisotropic pixels: {steps[1]:.6g} nm along x, {steps[0]:.6g} nm along y")
    return {dim: axis for dim, (axis, _) in found.items()}, True


def _stream(made: Leaf, one: Acquisition, dims: tuple[str, ...]) -> Stream:
    shape = tuple(int(size) for size in one.data.shape)
    kind = one.data.dtype
    dtype = np.dtype("f8") if kind.kind == "f" else kind.newbyteorder("=")
    chunks = tiles(shape, dtype.itemsize)

    def blocks() -> Iterator[Block]:
        statistics, rows = CountStatistics(), np.zeros(shape[0])
        for region in regions(shape, chunks):
            values = taken(one.data, region).astype(dtype, copy=False)
            values = values[..., ::-1] if one.turned else values
            sums = values.reshape(values.shape[0], -1).sum(axis=1)  # integers stay exact in 64 bits
            statistics.add(values, float(sums.sum()))
            rows[region[0]] += sums
            yield region, values
        made.attrs["count_statistics"] = statistics.as_json()
        made.flags += [*_damage(rows, len(shape)), *statistics.flags()]

    return Stream(dims, shape, dtype.name, chunks, {"units": "counts", "long_name": "X-ray counts"}, blocks)


def _damage(rows: np.ndarray[Any, Any], depth: int) -> list[str]:
    empty = empty_end(rows) if depth > 1 else 0
    what = "rows" if depth == 3 else "points"
    return [f"ends with {empty} {what} without counts (interrupted copy or scan?)"] if empty else []


def tiles(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """Return chunk sizes: square tiles of pixels (or runs of points) with the whole energy axis."""
    pixels = max(1, CHUNK // (shape[-1] * itemsize))
    if len(shape) == 1:
        return shape
    if len(shape) == 2:
        return min(shape[0], pixels), shape[1]
    side = max(1, math.isqrt(pixels))
    side = 2 ** int(math.log2(side))
    across = min(shape[1], side)
    return min(shape[0], max(side, pixels // across)), across, shape[2]


def regions(shape: tuple[int, ...], chunks: tuple[int, ...]) -> Iterator[tuple[slice, ...]]:
    """Yield the regions of all chunks, in file order."""
    starts = [range(0, size, chunk) for size, chunk in zip(shape, chunks, strict=True)]
    for place in np.ndindex(*(len(one) for one in starts)):
        corner = [one[n] for one, n in zip(starts, place, strict=True)]
        yield tuple(slice(c, min(c + k, s)) for c, k, s in zip(corner, chunks, shape, strict=True))


def taken(data: Any, region: tuple[slice, ...]) -> np.ndarray[Any, Any]:
    """Return a region of an array as numpy, whatever holds it."""
    part = data[region]
    if hasattr(part, "compute"):
        part = part.compute(scheduler="synchronous")
    return np.ascontiguousarray(part)
