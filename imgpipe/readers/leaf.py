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
    """A regular coordinate (``start + step * index``) or a list of names (`values`)."""

    size: int
    step: float = 1.0
    unit: str = "px"
    start: float = 0.0
    values: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Scalar:
    """A number of the metadata that calculations use: value, unit, name."""

    value: float
    unit: str
    long_name: str


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
