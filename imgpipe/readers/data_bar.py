"""Find a data bar that is burnt into the bottom of an image (numpy only)."""

from __future__ import annotations

from typing import Any

import numpy as np

TALLEST = 0.25
"""Largest share of the rows that a data bar may take."""
SHARE = 0.75
"""Least share of a bar's row that has the bar's two grey levels."""
PLAIN = 0.35
"""Largest share of the row above that may have them."""


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
    levels = _levels(rows[-max(rows.shape[0] // 12, 8) :])
    if len(levels) < 2:
        return 0
    drawn = np.isin(rows, levels).mean(axis=1)
    height = _run_from_bottom(drawn >= SHARE)
    if not 0.01 * total <= height <= TALLEST * total or height >= rows.shape[0]:
        return 0
    above = drawn[max(0, rows.shape[0] - height - 8) : rows.shape[0] - height]
    bar = rows[rows.shape[0] - height :]
    return height if above.max() < PLAIN and _written(bar, levels) else 0


def _levels(rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the two most common grey levels."""
    values, counts = np.unique(rows, return_counts=True)
    return values[np.argsort(counts)[::-1][:2]]


def _run_from_bottom(is_bar: np.ndarray[Any, Any]) -> int:
    other = np.flatnonzero(~is_bar[::-1])
    return int(other[0]) if other.size else int(is_bar.size)


def _written(bar: np.ndarray[Any, Any], levels: np.ndarray[Any, Any]) -> bool:
    """Tell whether both levels are there and far apart: a ground with writing, not a dark region of the image."""
    shares = [(bar == level).mean() for level in levels]
    contrast = abs(float(levels[0]) - float(levels[1]))
    return min(shares) > 0.002 and contrast > 0.2 * float(max(abs(float(levels.max())), 1.0))
