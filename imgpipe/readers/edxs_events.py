"""Maps stored as a stream of single X-rays: kept as sorted events, made dense only where they are looked at (numpy)."""

from __future__ import annotations

from typing import Any

import numpy as np

from imgpipe.errors import ReadError
from imgpipe.readers.leaf import Limits

Words = np.ndarray[Any, Any]
GATE = 65535
"""Word of a Velox stream that says: next pixel."""
PIECE = 1 << 24
"""Words of a stream looked at together."""


class EventCube:
    """A map (y, x, energy) of which only the X-rays are stored; slicing gives a dense array.

    Parameters
    ----------
    keys : place of each X-ray, ``(y * columns + x) * channels + channel``; any order
    shape : (rows, columns, channels)
    """

    ndim = 3

    def __init__(self, keys: Words, shape: tuple[int, int, int]) -> None:
        self.shape = shape
        ordered = np.sort(keys)
        starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if ordered.size else np.zeros(0, np.int64)
        self._keys = ordered[starts]
        self._counts = np.diff(np.r_[starts, ordered.size])
        highest = int(self._counts.max()) if starts.size else 0
        self.dtype = np.min_scalar_type(max(highest, 1))

    def __getitem__(self, region: tuple[slice, ...]) -> np.ndarray[Any, Any]:
        """Return a dense block; the energy axis is taken whole."""
        (top, bottom, _), (left, right, _) = (
            one.indices(size) for one, size in zip(region[:2], self.shape[:2], strict=True)
        )
        columns, channels = self.shape[1:]
        dense = np.zeros((bottom - top, right - left, channels), self.dtype)
        flat = dense.reshape(bottom - top, -1)
        for row in range(top, bottom):
            first = (row * columns + left) * channels
            low, high = np.searchsorted(self._keys, [first, (row * columns + right) * channels])
            flat[row - top, self._keys[low:high] - first] = self._counts[low:high]
        return dense[..., region[2]] if len(region) > 2 else dense


def require_events(words: int, limits: Limits) -> None:
    """Refuse a stream whose events would not fit: 8 bytes each, sorted once."""
    if words > limits.max_pixels:
        raise ReadError(
            f"its stream has {words} words, more than the limit of {limits.max_pixels}.",
            remedy="if the file is sound, raise max_pixels.",
        )


def velox_keys(words: Any, shape: tuple[int, int, int], frames: int | None) -> tuple[Words, int]:
    """Return the places of the X-rays of a Velox stream, and the number of pixels that were visited.

    Parameters
    ----------
    words : (n,) 16-bit: a channel for each X-ray, 65535 after each pixel; sliced piece by piece
    shape : (rows, columns, channels)
    frames : frames of the acquisition, None where unknown; further ones are left out
    """
    pixels, channels = shape[0] * shape[1], shape[2]
    found: list[Words] = []
    visited = 0
    for start in range(0, words.shape[0], PIECE):
        piece = np.asarray(words[start : start + PIECE]).reshape(-1)
        gates = piece == GATE
        place = visited + np.cumsum(gates)
        inside = ~gates & (piece < channels)
        if frames:
            inside &= place < frames * pixels
        if np.count_nonzero(~gates & (piece >= channels)):
            raise ReadError(f"its stream holds channels beyond the {channels} of the spectrum: it is damaged.")
        found.append((place[inside] % pixels) * channels + piece[inside])
        visited += int(np.count_nonzero(gates))
    return (np.concatenate(found) if found else np.zeros(0, np.int64)), visited


def jeol_keys(words: Words, shape: tuple[int, int, int]) -> tuple[Words, int, bool]:
    """Return the places of the X-rays of a JEOL stream, its complete frames, and whether a partial one was left out.

    Parameters
    ----------
    words : (n,) 16-bit: 0x8000 + x, 0x9000 + y (both of 4096), 0xA000 + grey value, 0xB000 + channel
    shape : (rows, columns, 4096)
    """
    kind, value = words & 0xF000, (words & 0x0FFF).astype(np.int64)
    order = np.arange(words.size)
    lines = np.flatnonzero(kind == 0x9000)
    if not lines.size:
        raise ReadError("its stream holds no scan line.")
    back = np.flatnonzero(np.diff(value[lines]) < 0)
    borders = np.r_[0, lines[back + 1], words.size]
    step = 4096 // shape[0], 4096 // shape[1]
    last_line = value[lines[-1]]
    columns_seen = np.flatnonzero(kind == 0x8000)
    with_image = bool(np.any(kind == 0xA000))
    far = columns_seen.size and value[columns_seen[-1]] >= 4096 - step[1]
    complete = last_line >= 4096 - step[0] and (bool(far) or not with_image)
    end = borders[-1] if complete else borders[-2]
    if end == 0:
        raise ReadError("the stream ends before the first frame is complete.")
    y = _latest(value, kind == 0x9000, order)
    x = _latest(value, kind == 0x8000, order)
    rays = (kind == 0xB000) & (order < end) & (y >= 0) & (x >= 0)
    rows, columns = y[rays] // step[0], x[rays] // step[1]
    inside = (rows < shape[0]) & (columns < shape[1])
    keys = (rows * shape[1] + columns) * shape[2] + value[rays]
    return keys[inside], borders.size - 1 - int(not complete), not complete


def _latest(value: Words, marks: Words, order: Words) -> Words:
    """Return at each word the value of the last marked one before it, -1 where there is none."""
    at = np.maximum.accumulate(np.where(marks, order, -1))
    return np.where(at >= 0, value[at], -1)
