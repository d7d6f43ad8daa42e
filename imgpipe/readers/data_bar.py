"""Find a data bar that is burnt into the bottom of an image (numpy only)."""

from __future__ import annotations

from typing import Any

import numpy as np

TALLEST = 0.25
"""Largest share of the rows that a data bar may take."""
SHARE = 0.75
"""Least share of a bar's row that has the bar's two grey levels."""
GROUND = 0.4
"""Least share of a bar's row that has the level of the ground."""
EVEN = 0.95
"""Least share of one grey level in a row that is a border."""
PLAIN = 0.35
"""Largest share of the rows above that may have the two levels."""
CONTRAST = 0.25
"""Least difference of ground and writing, as a share of the range of grey values."""


def detect(rows: np.ndarray[Any, Any], total: int) -> int:
    """Return the number of data bar rows at the bottom, 0 when there is none or it is not certain.

    A bar is drawn: its rows have two grey levels (ground and writing; some anti-aliasing), both are present, it
    begins at one row over the full width, and the image above it looks different.

    Parameters
    ----------
    rows : (rows, columns) lowest rows of the image, at least a quarter of it
    total : rows of the whole image
    """
    if rows.shape[0] < 16 or rows.shape[1] < 16:
        return 0
    ground = _common(rows[-8:], 1)[0]
    even = _shares_of_the_commonest(rows) >= EVEN
    near = _run_from_bottom(((rows == ground).mean(axis=1) >= GROUND) | even)
    bar = rows[rows.shape[0] - near :]
    writing = _common(bar[bar != ground], 2)  # two: programs write in white and in a light grey
    if not writing.size or not _stands_out(rows, ground, writing[0]):
        return 0
    drawn = np.isin(rows, (ground, *writing)).mean(axis=1)
    height = _run_from_bottom((drawn >= SHARE) | even)
    if not 0.01 * total <= height <= TALLEST * total or height >= rows.shape[0]:
        return 0
    top = rows.shape[0] - height
    above = drawn[max(0, top - 8) : top]
    written = float((rows[top:] == writing[0]).mean())
    return height if above.max() < PLAIN and written > 0.002 else 0


def _common(rows: np.ndarray[Any, Any], count: int) -> np.ndarray[Any, Any]:
    """Return the most common grey values."""
    values, counts = np.unique(rows, return_counts=True)
    return values[np.argsort(counts)[::-1][:count]]


def _shares_of_the_commonest(rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return for each row the share of pixels that equal the row's median: near 1 in a border."""
    median = np.sort(rows, axis=1)[:, rows.shape[1] // 2]
    return (rows == median[:, None]).mean(axis=1)


def _run_from_bottom(is_bar: np.ndarray[Any, Any]) -> int:
    other = np.flatnonzero(~is_bar[::-1])
    return int(other[0]) if other.size else int(is_bar.size)


def _stands_out(rows: np.ndarray[Any, Any], ground: Any, writing: Any) -> bool:
    """Tell whether ground and writing are far apart: a drawing, not a dark region of the image."""
    span = float(rows.max()) - float(rows.min())
    return abs(float(ground) - float(writing)) > CONTRAST * span
