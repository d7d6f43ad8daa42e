"""Ridges that are edges, and ridges of grains, noise and leftovers; fits that stay with the trace."""

from __future__ import annotations

import numpy as np

from imgpipe.kernels.edge_significance import significant
from imgpipe.kernels.fit_agreement import off_trace
from imgpipe.kernels.ridge_linking import Ridge

STRIPS = 80


def ridge(level, contrast, where, polarity=1, quality=0.95):
    there = np.zeros(STRIPS, dtype=bool)
    there[where] = True
    height = np.where(there, float(contrast), np.nan)
    score = quality * float(np.nansum(np.log1p(height)))
    return Ridge(np.where(there, float(level), np.nan), height, polarity, score)


def levels(ridges):
    return [r.level for r in significant(ridges, noise=1.0)]


def test_a_faint_ridge_must_cover_half():
    strong = ridge(100, 80, slice(0, 80))
    assert levels([strong, ridge(200, 6, slice(0, 30))]) == [100]
    assert levels([strong, ridge(200, 10, slice(0, 60))]) == [100, 200]


def test_a_short_ridge_must_be_strong_and_steady():
    strong = ridge(100, 80, slice(0, 80))
    assert levels([strong, ridge(200, 25, slice(0, 30), quality=0.6)]) == [100]
    assert levels([strong, ridge(200, 25, slice(0, 30))]) == [100, 200]


def test_a_leftover_of_a_rough_edge_is_dropped():
    strong = ridge(100, 80, slice(0, 56))
    assert levels([strong, ridge(112, 60, slice(50, 80))]) == [100]
    assert levels([strong, ridge(112, 60, slice(50, 80), polarity=-1)]) == [100, 112]
    assert levels([strong, ridge(112, 60, slice(10, 50))]) == [100, 112]


def test_background_is_measured_against_the_strongest_edge():
    assert levels([ridge(100, 400, slice(0, 80)), ridge(200, 15, slice(0, 80))]) == [100]


def test_no_ridges_no_edges():
    assert levels([]) == []


def test_a_fit_with_another_sign_or_at_its_reach_is_off():
    start = np.zeros((2, 3))
    position = np.array([[0.5, 6.0, np.nan], [0.5, 6.0, 0.0]])
    step = np.array([[30.0, 30.0, np.nan], [-30.0, 30.0, np.nan]])
    reach = np.full(2, 6.0)
    off = off_trace(position, step, start, np.array([1, 1]), reach)
    assert off.tolist() == [[False, True, False], [True, True, False]]
    assert not off_trace(position, step, start, np.array([0, 0]), reach).any()
