"""Means and medians that leave unknown values out, without a warning where nothing is known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def finite_mean(values: Floats) -> Floats:
    """Return the mean over the first axis of the finite values; NaN where there is none."""
    known = np.isfinite(values)
    count = known.sum(axis=0)
    total = np.where(known, values, 0.0).sum(axis=0)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))


def finite_median(values: Floats) -> Floats:
    """Return the median over the last axis of the finite values; NaN where there is none."""
    flat = values.reshape(-1, values.shape[-1])
    medians = [np.median(row[np.isfinite(row)]) if np.isfinite(row).any() else np.nan for row in flat]
    return np.array(medians, dtype=np.float64).reshape(values.shape[:-1])
