"""What one pass over X-ray counts tells, taken while they stream through the child (numpy only)."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

import numpy as np

FEWEST = 20.0
"""Mean counts of a filled row of a map from which rows without any at its end are flagged."""


@dataclass
class CountStatistics:
    """Statistics of the counts of one acquisition.

    Parameters
    ----------
    count : values seen
    total : their sum (exact for whole numbers below 2**53)
    lowest, highest : extreme finite values
    negative, fractional, not_a_number, infinite : values that are no counts
    """

    count: int = 0
    total: float = 0.0
    lowest: float = 0.0
    highest: float = 0.0
    negative: int = 0
    fractional: int = 0
    not_a_number: int = 0
    infinite: int = 0

    def add(self, values: np.ndarray[Any, Any], total: float | None = None) -> None:
        """Take in a block; `total` is its sum, where it is known already (whole numbers)."""
        if not values.size:
            return
        first = self.count == 0
        self.count += values.size
        if values.dtype.kind == "f":
            values = self._finite(values)
        if not values.size:
            return
        low, high = float(values.min()), float(values.max())
        self.lowest, self.highest = (low, high) if first else (min(self.lowest, low), max(self.highest, high))
        known = total is not None and values.dtype.kind in "ui"
        self.total += total if known and total is not None else float(values.sum())
        self.negative += int(np.count_nonzero(values < 0)) if low < 0 else 0

    def _finite(self, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        missing, infinite = np.isnan(values), np.isinf(values)
        self.not_a_number += int(missing.sum())
        self.infinite += int(infinite.sum())
        found: np.ndarray[Any, Any] = values[~(missing | infinite)]
        self.fractional += int(np.count_nonzero(found != np.rint(found)))
        return found

    def flags(self) -> list[str]:
        """Return what a reader of the data must know; the gate refuses most of it."""
        found = [f"{self.negative} negative counts (down to {self.lowest:g})"] if self.negative else []
        missing = self.not_a_number + self.infinite
        found += [f"{missing} counts are NaN or infinite"] if missing else []
        return found + (["no counts at all"] if not missing and self.highest == 0 == self.lowest else [])

    def as_json(self) -> str:
        """Return the statistics as one JSON string."""
        return json.dumps(dataclasses.asdict(self))


def from_json(text: str) -> CountStatistics:
    """Return statistics from a leaf's attribute."""
    return CountStatistics(**json.loads(text))


def empty_end(rows: np.ndarray[Any, Any]) -> int:
    """Return how many rows at the end hold no counts although the others do (an interrupted copy or scan).

    Parameters
    ----------
    rows : (y,) counts of each row of a map, or of each point of a line
    """
    filled = np.flatnonzero(rows)
    if not filled.size or float(rows.sum()) / filled.size < FEWEST:
        return 0
    return int(rows.size - 1 - filled[-1])
