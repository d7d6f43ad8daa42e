"""Find a data bar that is burnt into the bottom of an image (numpy only)."""

from __future__ import annotations

from collections.abc import Callable
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
    near = _height(rows, lambda row: bool((row == ground).mean() >= GROUND))
    bar = rows[rows.shape[0] - near :]
    writing = _common(bar[bar != ground], 2)  # two: programs write in white and in a light grey
    if not writing.size or not _stands_out(rows, ground, writing[0]):
        return 0
    levels = np.array([ground, *writing])
    height = _height(rows, lambda row: bool(_share(row, levels) >= SHARE))
    if not 0.01 * total <= height <= TALLEST * total or height >= rows.shape[0]:
        return 0
    top = rows.shape[0] - height
    above = max(_share(row, levels) for row in rows[max(0, top - 8) : top])
    written = float((rows[top:] == writing[0]).mean())
    return height if above < PLAIN and written > 0.002 else 0


def _height(rows: np.ndarray[Any, Any], is_bar: Callable[[np.ndarray[Any, Any]], bool]) -> int:
    """Return the number of rows at the bottom that are bar or border (most images: none, at once)."""
    for height, row in enumerate(rows[::-1]):
        if not is_bar(row) and not _is_border(row):
            return height
    return int(rows.shape[0])


def _is_border(row: np.ndarray[Any, Any]) -> bool:
    return bool((row == np.partition(row, row.size // 2)[row.size // 2]).mean() >= EVEN)


def _share(row: np.ndarray[Any, Any], levels: np.ndarray[Any, Any]) -> float:
    return float(np.isin(row, levels).mean())


def _common(rows: np.ndarray[Any, Any], count: int) -> np.ndarray[Any, Any]:
    """Return the most common grey values."""
    values, counts = np.unique(rows, return_counts=True)
    return values[np.argsort(counts)[::-1][:count]]


def _stands_out(rows: np.ndarray[Any, Any], ground: Any, writing: Any) -> bool:
    """Tell whether ground and writing are far apart: a drawing, not a dark region of the image."""
    span = float(rows.max()) - float(rows.min())
    return abs(float(ground) - float(writing)) > CONTRAST * span
