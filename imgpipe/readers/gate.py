"""The one gate in front of every pipeline: what the numbers of an image say about themselves (numpy only).

`PixelStatistics` is filled block by block while a file streams through the reading child, so the gate costs no pass
of its own; `judge` turns the statistics into flags, or refuses the image.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from imgpipe.errors import DataError

SATURATED_FLAG = 0.001
"""Share of saturated pixels from which an image is flagged."""
SATURATED_MOST = 0.05
"""Share of saturated pixels from which an image is refused (a setting)."""
SMALLEST = 8
"""Fewest pixels along y and x that make an image."""
CELL = 512
"""Length in pixels of the pieces in which runs of zeros are looked for."""
ZERO_RUN = 4096
"""Length in pixels from which a run of zeros is reported (a lost block of a disk)."""
BIT_DEPTHS = (8, 10, 12, 14, 16)


@dataclass
class PixelStatistics:
    """What one pass over the pixels tells.

    Parameters
    ----------
    count : pixels seen
    lowest, highest : extreme finite grey values, None before the first
    at_lowest, at_highest : pixels that have them
    not_a_number, infinite : pixels that are no finite number
    used_bits : bitwise or of all values (unsigned integers)
    zero_tail : length of the run of zeros at the end, pixels
    longest_zeros : longest run of zeros before the end, pixels
    stored_bits : bits per pixel in the file
    """

    count: int = 0
    lowest: float | None = None
    highest: float | None = None
    at_lowest: int = 0
    at_highest: int = 0
    not_a_number: int = 0
    infinite: int = 0
    used_bits: int = 0
    zero_tail: int = 0
    longest_zeros: int = 0
    stored_bits: int = 16

    def add(self, values: np.ndarray[Any, Any]) -> None:
        """Take in a block of image pixels."""
        self.count += values.size
        self.stored_bits = 8 * values.dtype.itemsize
        finite = values
        if values.dtype.kind == "f":
            self.not_a_number += int(np.isnan(values).sum())
            self.infinite += int(np.isinf(values).sum())
            finite = values[np.isfinite(values)]
        elif values.dtype.kind == "u":
            self.used_bits |= int(np.bitwise_or.reduce(values, axis=None)) if values.size else 0
        if finite.size:
            self._extremes(finite)

    def _extremes(self, values: np.ndarray[Any, Any]) -> None:
        low, high = float(values.min()), float(values.max())
        if self.highest is None or high > self.highest:
            self.highest, self.at_highest = high, 0
        if self.lowest is None or low < self.lowest:
            self.lowest, self.at_lowest = low, 0
        self.at_highest += int(np.count_nonzero(values == high)) if high == self.highest else 0
        self.at_lowest += int(np.count_nonzero(values == low)) if low == self.lowest else 0

    def add_run_lengths(self, values: np.ndarray[Any, Any]) -> None:
        """Look for runs of zeros in the rows of an image, in file order."""
        flat = values.reshape(-1)
        whole = flat.size // CELL * CELL
        filled = flat[:whole].reshape(-1, CELL).any(axis=1)
        ends = np.flatnonzero(filled)
        if ends.size:
            first, last = int(ends[0]), int(ends[-1])
            inner = int(np.diff(ends).max(initial=1)) - 1
            self.longest_zeros = max(self.longest_zeros, self.zero_tail + first * CELL, inner * CELL)
            self.zero_tail = (filled.size - 1 - last) * CELL
        else:
            self.zero_tail += whole
        if flat[whole:].any():
            self.longest_zeros, self.zero_tail = max(self.longest_zeros, self.zero_tail), 0

    @property
    def bits(self) -> int:
        """Return how many bits the grey values use: 8, 10, 12, 14, 16, or as stored."""
        span = self.used_bits
        if not span:
            return self.stored_bits
        if span >> (self.stored_bits - 1):  # the top bit is used: 12 bits may lie in the upper part of 16
            while not span & 0xF:
                span >>= 4
        return next((depth for depth in BIT_DEPTHS if span < 1 << depth), self.stored_bits)

    @property
    def saturated(self) -> float:
        """Return the share of pixels at the highest value that the detector can give."""
        if not self.used_bits or self.highest is None or not self.count:
            return 0.0
        return self.at_highest / self.count if int(self.highest) in _tops() else 0.0

    def as_json(self) -> str:
        """Return the statistics as one JSON string (kept in the attribute ``pixel_statistics``)."""
        return json.dumps(dataclasses.asdict(self))


def _tops() -> frozenset[int]:
    plain = {(1 << depth) - 1 for depth in BIT_DEPTHS}
    return frozenset(plain | {((1 << depth) - 1) << (16 - depth) for depth in BIT_DEPTHS})


def from_json(text: str) -> PixelStatistics:
    """Return statistics from what `PixelStatistics.as_json` gave."""
    return PixelStatistics(**json.loads(text))


def measure(images: Iterable[np.ndarray[Any, Any]]) -> PixelStatistics:
    """Return the statistics of arrays in memory (a test, or data that did not come through a reader)."""
    statistics = PixelStatistics()
    for image in images:
        statistics.add_run_lengths(image)
        statistics.add(image)
    return statistics


def flags(statistics: PixelStatistics) -> list[str]:
    """Return what a reader of the results must know about the pixels; nothing is refused here."""
    found = []
    if statistics.not_a_number or statistics.infinite:
        found.append(f"{statistics.not_a_number} NaN and {statistics.infinite} infinite pixels")
    if statistics.lowest is not None and statistics.lowest == statistics.highest:
        found.append("constant image")
    elif statistics.saturated > SATURATED_FLAG:
        found.append(f"saturated {100 * statistics.saturated:.2g} %")
    elif statistics.lowest == 0 and statistics.at_lowest > SATURATED_FLAG * statistics.count:
        found.append(f"black clipped {100 * statistics.at_lowest / statistics.count:.2g} %")
    if statistics.lowest is not None and statistics.lowest < 0:
        found.append("negative grey values")
    return found + _zero_flags(statistics)


def _zero_flags(statistics: PixelStatistics) -> list[str]:
    if statistics.lowest == statistics.highest:
        return []
    found = []
    if statistics.zero_tail >= CELL:
        found.append(f"ends with {statistics.zero_tail} zero pixels (interrupted copy?)")
    if statistics.longest_zeros >= ZERO_RUN:
        found.append(f"holds a run of {statistics.longest_zeros} zero pixels (lost block, or black)")
    return found


def judge(
    statistics: PixelStatistics, shape: tuple[int, ...], dtype: str, *, max_saturated: float = SATURATED_MOST
) -> list[str]:
    """Return the flags of an image, or refuse it.

    Parameters
    ----------
    statistics : of the pixels
    shape : (..., y, x)
    dtype : of the pixels
    max_saturated : share of saturated pixels, 0 to 1, above which the image is refused

    Raises
    ------
    DataError
        too small, not real grey values, NaN or Inf, constant, or saturated.
    """
    require_image(shape, np.dtype(dtype))
    if statistics.not_a_number or statistics.infinite:
        raise DataError(
            f"the image holds {statistics.not_a_number} NaN and {statistics.infinite} infinite pixels.",
            remedy="export it again; grey values must be finite.",
        )
    if statistics.lowest == statistics.highest:
        raise DataError(
            f"the image is constant: every pixel is {statistics.lowest:g}.",
            remedy="check brightness and contrast, or whether the right detector was saved.",
        )
    if statistics.saturated > max_saturated:
        raise DataError(
            f"{100 * statistics.saturated:.2g} % of the pixels are saturated at {statistics.highest:g}, "
            f"more than the {100 * max_saturated:g} % allowed: edges beside them are displaced.",
            remedy="take the image again with less contrast, or raise max_saturated.",
        )
    return flags(statistics)


def require_image(shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Raise `DataError` when an array is too small for an image, or holds no grey values."""
    if len(shape) < 2 or min(shape[-2:], default=0) < SMALLEST or 0 in shape:
        size = " x ".join(map(str, shape))
        raise DataError(f"the image has {size} pixels; at least {SMALLEST} x {SMALLEST} are needed.")
    if dtype.kind == "b":
        raise DataError("the image is a black and white mask.", remedy="give the grey image it was made from.")
    if dtype.kind not in "uif":
        raise DataError(f"pixels of type {dtype} are no grey values.", remedy="give a real image (not an FFT or RGB).")
