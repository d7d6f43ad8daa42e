"""What a reader hands over: plain descriptions of arrays, axes and numbers (numpy only).

A reader is a function ``read(source: Source) -> list[Leaf]`` that runs in the ingesting child. It
describes each acquisition at once and gives its pixels block by block, so that memory stays bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

Region = tuple[slice, ...]
Block = tuple[Region, np.ndarray[Any, Any]]


@dataclass(frozen=True)
class Limits:
    """What a file may ask for before it is refused, checked before anything is decoded.

    Parameters
    ----------
    max_pixels : most pixels of one file, all pages together
    max_ratio : highest ratio of decoded to compressed bytes
    """

    max_pixels: int = 4_000_000_000
    max_ratio: float = 250.0


@dataclass(frozen=True)
class Source:
    """One file to read, with what the user said about it.

    Parameters
    ----------
    path : the file
    pixel_size : (x, y) in nm as given by the user, or None
    data_bar : ``auto``, ``none``, or the number of rows to take off the bottom
    limits : see `Limits`
    """

    path: Path
    pixel_size: tuple[float, float] | None = None
    data_bar: str | int = "auto"
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Axis:
    """A coordinate: regular (``start + step * index``), a list of names (`values`), or numbers as they are (`numbers`).

    Parameters
    ----------
    size : points
    step, start, unit : of a regular coordinate; `unit` of `numbers` too
    values : names, no unit
    numbers : values of an irregular coordinate, rising
    attrs : further attributes of the coordinate (long_name, energy_type ...)
    """

    size: int
    step: float = 1.0
    unit: str = "px"
    start: float = 0.0
    values: tuple[str, ...] | None = None
    numbers: tuple[float, ...] | None = None
    attrs: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Coordinate:
    """A further coordinate along a dimension that has an axis: etch_time along cycle."""

    dim: str
    numbers: tuple[float, ...]
    unit: str
    long_name: str


@dataclass(frozen=True)
class Scalar:
    """A number of the metadata that calculations use: value, unit, name."""

    value: float
    unit: str
    long_name: str


@dataclass(frozen=True)
class Texts:
    """Strings on dimensions: flags, kinds, sources; of a coordinate where `coordinate` says so."""

    dims: tuple[str, ...]
    shape: tuple[int, ...]
    values: tuple[str, ...]
    attrs: dict[str, Any]
    coordinate: bool = False


@dataclass(frozen=True)
class Stream:
    """An array that arrives block by block.

    Parameters
    ----------
    dims : names of the dimensions, slowest first
    shape : size along each
    dtype : as stored, native byte order
    chunks : chunk size along each dimension; each block covers whole chunks
    attrs : units, long_name ...
    blocks : called once; yields (region, values)
    """

    dims: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str
    chunks: tuple[int, ...]
    attrs: dict[str, Any]
    blocks: Callable[[], Iterator[Block]]


@dataclass
class Leaf:
    """One acquisition.

    `name` may hold one slash: a sample with several regions in one file gives the leaves ``SAMPLE/S 2p`` ...
    `flags` and `attrs` are read after all blocks were written, so a reader may add to them while it streams.
    `close` is called when everything is written.
    """

    name: str
    arrays: dict[str, Stream]
    axes: dict[str, Axis]
    scalars: dict[str, Scalar] = field(default_factory=dict)
    attrs: dict[str, Any] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)
    close: Callable[[], None] | None = None
    coords: dict[str, Coordinate] = field(default_factory=dict)
    texts: dict[str, Texts] = field(default_factory=dict)
