"""Columns of the model and its derivatives, from the values and derivatives of the shapes.

Everything a background does is linear in the terms, so terms that share a background are first added up, with their
amplitudes, and the background of the sum is made once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from imgpipe.kernels.fit.backgrounds import BARE, add_convolved, add_with_integral, fill_loss_function
from imgpipe.kernels.fit.elementary import ALLOCATING, CORE
from imgpipe.kernels.fit.plan import NO_BACKGROUND, SHIRLEY
from imgpipe.kernels.fit.vectors import add, add_row, clear

Floats = NDArray[np.float64]


class Work(NamedTuple):
    """Scratch of the engine.

    p : (np,) parameters of the shapes; own : parameters of one term
    value, derivative : of all terms, one after the other
    rows : (L + Q, P) columns, then derivatives of the model with respect to q
    weighted : the same, times the weights
    strength : (T,) amplitude of each term
    scratch : (3, P) see `imgpipe.kernels.fit.backgrounds`
    """

    p: Floats
    own: Floats
    value: Floats
    derivative: Floats
    rows: Floats
    weighted: Floats
    strength: Floats
    scratch: Floats


@njit(**ALLOCATING)
def new_work(plan):  # type: ignore[no-untyped-def]
    """Return fresh scratch."""
    rows = plan.column_kind.size + plan.prior_row.shape[1]
    points = plan.x.size
    return Work(
        np.zeros(plan.link_offset.size),
        np.zeros(plan.sizes[3]),
        np.zeros(plan.sizes[0]),
        np.zeros(plan.sizes[1]),
        np.zeros((rows, points)),
        np.zeros((rows, points)),
        np.zeros(plan.term.shape[0]),
        np.zeros((3, points)),
    )


@njit(**CORE)
def set_parameters(plan, q, p):  # type: ignore[no-untyped-def]
    """Write p = M q + c."""
    for i in range(p.size):
        total = plan.link_offset[i]
        for k in range(plan.link_start[i], plan.link_start[i + 1]):
            total += plan.link_scale[k] * q[plan.link_free[k]]
        p[i] = total


@njit(**CORE)
def evaluate_shapes(shapes, plan, work):  # type: ignore[no-untyped-def]
    """Fill the values and derivatives of all terms for the parameters in `work.p`."""
    for t in range(plan.term.shape[0]):
        s, first, count = plan.term[t, 1], plan.term[t, 2], plan.term[t, 3]
        start, stop = plan.segment[s, 0], plan.segment[s, 2]
        n = stop - start
        for j in range(count):
            work.own[j] = work.p[plan.term_parameter[first + j]]
        v, d = plan.term[t, 4], plan.term[t, 5]
        derivative = work.derivative[d : d + n * count].reshape((count, n))
        shapes[plan.term[t, 0]](plan.x[start:stop], work.own, work.value[v : v + n], derivative)


@njit(**CORE)
def share_factor(plan, work, i):  # type: ignore[no-untyped-def]
    """Return by what a term is multiplied in share i."""
    w = plan.share[i, 2]
    return plan.share_factor[i] * (work.p[w] if w >= 0 else 1.0)


@njit(**CORE)
def prepare_kernel(plan, work, g, place):  # type: ignore[no-untyped-def]
    """Make the loss function of group g (or its derivative by a background parameter); return the step."""
    s = plan.group[g, 0]
    start, stop, end = plan.segment[s, 0], plan.segment[s, 1], plan.segment[s, 2]
    step = (plan.x[stop - 1] - plan.x[start]) / max(1, stop - start - 1)
    p, own = work.p, plan.group[g]
    fill_loss_function(work.scratch, end - start, step, p[own[2]], p[own[3]], p[own[4]], p[own[5]], place)
    return step


@njit(**CORE)
def add_group(plan, work, g, row, start, stop, factor, place):  # type: ignore[no-untyped-def]
    """Add the bare sum of terms in the scratch, and the background of group g that follows from it, to a row.

    place -1: both; otherwise only factor * the derivative of the background by its parameter `place`.
    """
    if plan.group[g, 1] == SHIRLEY:
        slope = work.p[plan.group[g, 2]] if place < 0 else factor
        bare = 1.0 if place < 0 else 0.0
        add_with_integral(work.rows, row, start, stop, plan.half, work.scratch, bare, slope)
        return
    if place < 0:
        add_row(work.rows, row, start, stop, work.scratch, BARE, 1.0)
    step = prepare_kernel(plan, work, g, place)
    add_convolved(work.rows, row, start, stop, work.scratch, step, factor)


@njit(**CORE)
def fill_columns(plan, work, backgrounds):  # type: ignore[no-untyped-def]
    """Fill rows 0..L-1; backgrounds False: only the bare terms."""
    for k in range(plan.cell.shape[0]):
        g, row = plan.cell[k, 0], plan.cell[k, 1]
        start, stop = plan.segment[plan.group[g, 0], 0], plan.segment[plan.group[g, 0], 2]
        if plan.cell[k, 4]:
            clear(work.rows, row, start, stop)
        plain = plan.group[g, 1] == NO_BACKGROUND or not backgrounds
        if not plain:
            clear(work.scratch, BARE, start, stop)
        for m in range(plan.cell[k, 2], plan.cell[k, 3]):
            i = plan.cell_share[m]
            place, factor = plan.term[plan.share[i, 0], 4], share_factor(plan, work, i)
            if plain:
                add(work.rows, row, start, stop, work.value, place, factor)
            else:
                add(work.scratch, BARE, start, stop, work.value, place, factor)
        if not plain:
            add_group(plan, work, g, row, start, stop, 1.0, -1)


@njit(**CORE)
def fill_strengths(plan, work, amplitude):  # type: ignore[no-untyped-def]
    """Fill the amplitude with which each term enters the model."""
    work.strength[:] = 0.0
    for i in range(plan.share.shape[0]):
        work.strength[plan.share[i, 0]] += amplitude[plan.share[i, 1]] * share_factor(plan, work, i)


@njit(**CORE)
def add_slopes(plan, work, amplitude, k, out, row, start, stop):  # type: ignore[no-untyped-def]
    """Add the derivatives of the terms that make up slope k to a row of `out`."""
    for m in range(plan.slope[k, 2], plan.slope[k, 3]):
        first, owner, scale = plan.slope_source[m, 0], plan.slope_source[m, 2], plan.slope_scale[m]
        if plan.slope_source[m, 1] == 0:
            add(out, row, start, stop, work.derivative, first, scale * work.strength[owner])
        else:
            add(out, row, start, stop, work.value, first, scale * amplitude[plan.share[owner, 1]])


@njit(**CORE)
def fill_slopes(plan, work, amplitude):  # type: ignore[no-untyped-def]
    """Fill rows L.. with the derivatives of the model with respect to q, through the shapes and weights."""
    columns = plan.column_kind.size
    for k in range(plan.slope.shape[0]):
        g, row = plan.slope[k, 0], columns + plan.slope[k, 1]
        start, stop = plan.segment[plan.group[g, 0], 0], plan.segment[plan.group[g, 0], 2]
        if plan.slope[k, 4]:
            clear(work.rows, row, start, stop)
        if plan.group[g, 1] == NO_BACKGROUND:
            add_slopes(plan, work, amplitude, k, work.rows, row, start, stop)
            continue
        clear(work.scratch, BARE, start, stop)
        add_slopes(plan, work, amplitude, k, work.scratch, BARE, start, stop)
        add_group(plan, work, g, row, start, stop, 1.0, -1)


@njit(**CORE)
def fill_drifts(plan, work):  # type: ignore[no-untyped-def]
    """Add to rows L.. the derivatives of the model through the parameters of the backgrounds."""
    columns = plan.column_kind.size
    for k in range(plan.drift.shape[0]):
        g, row = plan.drift[k, 0], columns + plan.drift[k, 2]
        start, stop = plan.segment[plan.group[g, 0], 0], plan.segment[plan.group[g, 0], 2]
        if plan.drift[k, 3]:
            clear(work.rows, row, start, stop)
        clear(work.scratch, BARE, start, stop)
        for t in range(plan.term.shape[0]):
            if plan.term_group[t] == g:
                add(work.scratch, BARE, start, stop, work.value, plan.term[t, 4], work.strength[t])
        add_group(plan, work, g, row, start, stop, plan.drift_scale[k], plan.drift[k, 1])
