"""The arrays that describe a compiled model to the engine, and their numba types.

Points are padded to a multiple of `LANES` per segment, with weight 0, so that vector loops have no rest. Sizes: P
padded points, S segments, T terms, G groups (terms of one segment with the same background), L columns, Q free
parameters.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
LANES = 8
NO_BACKGROUND, SHIRLEY, TOUGAARD = 0, 1, 2
FREE, NONNEGATIVE, FIXED = 0, 1, 2
"""Kinds of columns."""


class Plan(NamedTuple):
    """A compiled model.

    x : (P,) abscissa; half : (P,) half the distance to the point before, 0 where there is none
    segment : (S, 3) first point, end of the real points, end with padding
    term : (T, 6) shape, segment, first of its parameters in `term_parameter`, their number, first number of its
        values and of its derivatives in the work arrays
    link_start, link_free, link_scale, link_offset : p = M q + c, rows of M in compressed form
    share : (., 3) term, column, weight parameter or -1; share_factor : (.,) what a term gives to a column
    term_group : (T,) group of each term
    group : (G, 6) segment, kind of background, its parameters
    cell : (., 5) group, column, first and end in `cell_share`, first of this column in this segment
    slope : (., 5) group, free parameter, first and end in `slope_source`, first of this row in this segment
    slope_source : (., 3) first number of the vector, 0 derivative or 1 value, term or share that is its coefficient
    drift : (., 4) group, place of a background parameter, free parameter, first of this row in this segment
    active_start, active : rows of the Jacobian (columns 0..L-1, then L + q) that a segment touches
    column_kind, column_fixed : (L,)
    prior_row : (., Q), prior_offset, prior_weight, prior_column (-1: not on an amplitude)
    sizes : (4,) numbers in the value and derivative work arrays, longest segment, most parameters of a term
    """

    x: Floats
    half: Floats
    segment: Integers
    term: Integers
    term_parameter: Integers
    link_start: Integers
    link_free: Integers
    link_scale: Floats
    link_offset: Floats
    share: Integers
    share_factor: Floats
    term_group: Integers
    group: Integers
    cell: Integers
    cell_share: Integers
    slope: Integers
    slope_source: Integers
    slope_scale: Floats
    drift: Integers
    drift_scale: Floats
    active_start: Integers
    active: Integers
    column_kind: Integers
    column_fixed: Floats
    prior_row: Floats
    prior_offset: Floats
    prior_weight: Floats
    prior_column: Integers
    sizes: Integers


_MATRICES = {"segment", "term", "share", "group", "cell", "slope", "slope_source", "drift", "prior_row"}
_FLOATS = {
    "x", "half", "link_scale", "link_offset", "share_factor", "slope_scale", "drift_scale", "column_fixed", "prior_row",
    "prior_offset", "prior_weight",
}  # fmt: skip
PLAN_TYPE = types.NamedTuple(  # type: ignore[no-untyped-call]
    [
        types.Array(types.float64 if name in _FLOATS else types.int64, 2 if name in _MATRICES else 1, "C")
        for name in Plan._fields
    ],
    Plan,
)
"""The numba type of `Plan`."""
