"""Read HyperSpy's own files (.hspy) with rosettasciio, after a look at what they hold; runs in the child."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import h5py

from imgpipe.errors import ReadError
from imgpipe.readers.edxs_end import beyond, flagged, hdf5_end
from imgpipe.readers.edxs_images import image_leaf
from imgpipe.readers.edxs_leaves import leaves
from imgpipe.readers.edxs_signals import Signal, acquisition, is_image, is_spectral
from imgpipe.readers.leaf import Leaf, Source
from imgpipe.readers.nexus_guard import looked_over, opened


def read(source: Source) -> list[Leaf]:
    """Return one leaf per signal: spectra, lines, maps and images.

    Maps are read tile by tile from HDF5, so memory stays bounded.

    Raises
    ------
    ReadError, DataError
        no HDF5, links to other files, objects instead of numbers, damaged, an energy axis without a unit.
    """
    from rsciio.hspy._api import _close_tracked_handles

    said, lazy = _looked_over(source)
    with ExitStack() as stack:
        stack.callback(_close_tracked_handles, str(source.path))
        made = _leaves(_signals(source, lazy=lazy), source)
        made[-1].close = stack.pop_all().close  # after the last leaf is written
    end = hdf5_end(source.path)
    return flagged(made, [*said, *(beyond(source.path, end) if end is not None else [])])


def _leaves(signals: list[Signal], source: Source) -> list[Leaf]:
    spectral = [acquisition(signal) for signal in signals if is_spectral(signal)]
    images = [signal for signal in signals if is_image(signal)]
    if not spectral and images:
        raise ReadError("it holds images only, no spectra.", remedy="export the images as TIFF.")
    pictures: list[Leaf] = []
    for signal in images:
        pictures.append(image_leaf(signal, source, pictures, "HyperSpy"))
    return [*pictures, *leaves(spectral, source)]


def _looked_over(source: Source) -> tuple[list[str], bool]:
    """Check every link and field; return what is to be said, and whether the data can be read tile by tile."""
    with opened(source.path) as file:
        said = looked_over(file, source.limits)
        found = list(_data(file))
        for name, field in found:
            if not isinstance(field, h5py.Dataset) or field.dtype.kind not in "uif":
                kind = getattr(field, "dtype", "a group")
                raise ReadError(
                    f"{name} holds objects ({kind}) instead of numbers; objects are not read.",
                    remedy="save the signal again with HyperSpy as an array of numbers.",
                )
        if not found:
            raise ReadError(
                "it is HDF5, but holds no signal of HyperSpy (no group Experiments).",
                remedy="write it with HyperSpy's save(), or give the instrument's own file.",
            )
        return said, all(field.chunks is not None for _, field in found)


def _data(file: h5py.File) -> Iterator[tuple[str, Any]]:
    experiments = file.get("Experiments")
    if isinstance(experiments, h5py.Group):
        for name, group in experiments.items():
            if isinstance(group, h5py.Group) and "data" in group:
                yield f"{name}/data", group["data"]


def _signals(source: Source, *, lazy: bool) -> list[Signal]:
    from rsciio.hspy import file_reader

    found = file_reader(str(source.path), lazy=lazy)
    return [signal for signal in found if "data" in signal]
