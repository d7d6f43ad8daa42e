"""Look an HDF5 file over before anything is decoded: no foreign bytes, no bombs, no endless structures (child)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np

from imgpipe.errors import DataError, ReadError
from imgpipe.readers.edxs_end import AGAIN, hdf5_end
from imgpipe.readers.leaf import Limits

MOST_OBJECTS = 100_000
DEEPEST = 32
SPARE = 1 << 26
"""Bytes that any field may decode to, whatever its ratio."""


def opened(path: Path) -> h5py.File:
    """Open an HDF5 file for reading; `ReadError` when it is none or is damaged."""
    try:
        return h5py.File(path, "r")
    except OSError as error:
        end, size = hdf5_end(path), path.stat().st_size
        if end is not None and size < end:
            told = f"the file is cut: it states {end} bytes, it has {size} ({100 * size / end:.3g} %)."
            raise ReadError(f"it can't be opened as HDF5: {told}", remedy=AGAIN) from None
        raise ReadError(f"it can't be opened as HDF5: {str(error)[:200]}.") from None


def looked_over(file: h5py.File, limits: Limits) -> list[str]:
    """Check every link and field of a file; return what is to be said of it.

    Raises
    ------
    ReadError
        for links to other files, external storage, virtual fields, and structures without end.
    DataError
        for fields larger than the limits allow.
    """
    total, holes = 0, 0
    for count, (path, field) in enumerate(fields(file)):
        if count >= MOST_OBJECTS:
            raise ReadError(f"it holds more than {MOST_OBJECTS} objects.", remedy="give a file with one measurement.")
        _refuse_foreign(path, field)
        total += int(field.size or 0)
        _refuse_bomb(path, field, total, limits)
        holes += _unwritten(field)
    return [f"{holes} unwritten block(s) of data"] if holes else []


def fields(file: h5py.File) -> Iterator[tuple[str, h5py.Dataset]]:
    """Yield path and field of everything in a file, each once; links to other files are refused."""
    seen: set[int] = set()
    waiting: list[tuple[str, h5py.Group, int]] = [("", file, 0)]
    while waiting:
        path, group, depth = waiting.pop()
        if depth > DEEPEST:
            raise ReadError(f"its groups are nested deeper than {DEEPEST} levels.", remedy="export the data again.")
        for name in group:
            here = f"{path}/{name}"
            _refuse_link(here, group.get(name, getlink=True))
            found = group.get(name)
            if found is None:
                continue  # a soft link that leads nowhere
            key = h5py.h5o.get_info(found.id).addr
            if key in seen:
                continue
            seen.add(key)
            if isinstance(found, h5py.Group):
                waiting.append((here, found, depth + 1))
            elif isinstance(found, h5py.Dataset):
                yield here, found


def _refuse_link(path: str, link: object) -> None:
    if isinstance(link, h5py.ExternalLink):
        raise ReadError(
            f"{path} is a link to another file ({link.filename}); such links are not followed.",
            remedy="copy the data into one file (h5repack, or export again).",
        )


def _refuse_foreign(path: str, field: h5py.Dataset) -> None:
    if field.external:
        raise ReadError(
            f"{path} keeps its values in another file ({field.external[0][0]}); such files are not opened.",
            remedy="copy the data into one file (h5repack, or export again).",
        )
    if field.is_virtual:
        sources = sorted({str(source.file_name) for source in field.virtual_sources()})
        raise ReadError(
            f"{path} is a virtual field made of {', '.join(sources)}; parts that are missing would read as zeros.",
            remedy="copy the data into one file (h5repack, or export again).",
        )


def _refuse_bomb(path: str, field: h5py.Dataset, total: int, limits: Limits) -> None:
    if total > limits.max_pixels:
        raise DataError(
            f"{path}: the file promises {total} values or more, {limits.max_pixels} are allowed.",
            remedy="raise max_pixels under inputs if the file is meant to be so large.",
        )
    decoded, stored = int(field.nbytes), int(field.id.get_storage_size())
    if decoded > SPARE and decoded > limits.max_ratio * max(stored, 1):
        raise DataError(
            f"{path} unpacks to {decoded / 2**20:.0f} MiB from {stored / 2**20:.3g} MiB;"
            f" at most {limits.max_ratio:g} times are allowed.",
            remedy="the file is damaged or hostile; export the data again without such compression.",
        )


def _unwritten(field: h5py.Dataset) -> int:
    """Return how many blocks of a field were never written and read as a fill value."""
    if not field.size:
        return 0
    if field.chunks is None:
        compact = field.id.get_create_plist().get_layout() == h5py.h5d.COMPACT
        return int(field.id.get_storage_size() == 0 and not compact)
    expected = int(np.prod([-(-size // chunk) for size, chunk in zip(field.shape, field.chunks, strict=True)]))
    return max(0, expected - int(field.id.get_num_chunks()))
