"""The data bar that SEM programs burn into the bottom of an image: writing and a scale bar on a plain ground."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

_NICE = (1.0, 2.0, 5.0)


def nice_length(longest: float) -> float:
    """Return the largest of 1, 2, 5 times a power of ten that is not above `longest`."""
    decade = 10.0 ** np.floor(np.log10(longest))
    return float(max(step * decade for step in _NICE if step * decade <= longest * (1 + 1e-9)))


def length_text(length: float) -> str:
    """Return a length in nm as ``200 nm`` or ``5 um``."""
    return f"{length:g} nm" if length < 1000 else f"{length / 1000:g} um"


def data_bar(
    rows: int, columns: int, texts: tuple[str, ...], pixel_size: float, *, white: int, dtype: Any
) -> NDArray[Any]:
    """Draw a data bar.

    Parameters
    ----------
    rows, columns : size, px; at least 16 rows
    texts : fields written from left to right
    pixel_size : nm, for the scale bar at the right
    white : grey level of the writing; the ground is 0

    Returns
    -------
    (rows, columns) with two grey levels only
    """
    bar = np.zeros((rows, columns), dtype=np.uint8)
    size = rows / 75.0
    baseline = int(0.62 * rows)
    length = nice_length(0.18 * columns * pixel_size)
    pixels = round(length / pixel_size)
    left = columns - pixels - 12
    cv2.line(bar, (left, int(0.75 * rows)), (left + pixels, int(0.75 * rows)), 255, 2, cv2.LINE_8)
    for end in (left, left + pixels):
        cv2.line(bar, (end, int(0.6 * rows)), (end, int(0.9 * rows)), 255, 1, cv2.LINE_8)
    _write(bar, length_text(length), left + 4, int(0.45 * rows), size)
    free = max(left - 16, 1)
    for index, text in enumerate(texts):
        _write(bar, text, 8 + index * free // max(len(texts), 1), baseline, size)
    cv2.rectangle(bar, (0, 0), (columns - 1, rows - 1), 255, 1, cv2.LINE_8)
    return np.where(bar > 127, white, 0).astype(dtype)


def _write(bar: NDArray[np.uint8], text: str, left: int, baseline: int, size: float) -> None:
    cv2.putText(bar, text, (left, baseline), cv2.FONT_HERSHEY_SIMPLEX, size, 255, 1, cv2.LINE_8)
