"""Lay the results of a batch side by side in one array, so that a chunk of a large series gives one block."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from imgpipe.species.measuring import Measured, sample_pairs
from imgpipe.species.parts import Built

COMPONENT = (
    "area", "u_area", "percent", "u_percent", "at_zero", "position", "u_position", "fwhm", "u_fwhm", "height",
    "minor_fwhm",
)  # fmt: skip
SPOT = ("reduced", "residual_sd", "abbe", "sum", "missing")
SCALAR = ("status", "iterations", "statistic", "largest_correlation")


def sizes(built: Built, free: int, columns: int) -> dict[str, int]:
    """Return how many numbers each result takes per spectrum, in their order in the block."""
    pairs = len(sample_pairs(built))
    return {
        "q": free,
        "amplitude": columns,
        "at_low": free,
        "at_high": free,
        "difference": pairs,
        "u_difference": pairs,
        **dict.fromkeys(COMPONENT, len(built.columns)),
        **dict.fromkeys(SPOT, len(built.spots)),
        **dict.fromkeys(SCALAR, 1),
    }


def pack(found: Measured, sizes: Mapping[str, int]) -> np.ndarray:
    """Return one block (b, k)."""
    return np.concatenate([found[name].reshape(len(found["q"]), size) for name, size in sizes.items()], axis=1)


def unpack(block: np.ndarray, sizes: Mapping[str, int]) -> Measured:
    """Return the results of a block, each (b, size)."""
    ends = np.cumsum(list(sizes.values()))
    return {name: block[:, end - size : end] for (name, size), end in zip(sizes.items(), ends.tolist(), strict=True)}
