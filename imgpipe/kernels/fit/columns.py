"""Columns of the model and its derivatives, from the values and derivatives of the shapes.

Everything a background does is linear in the terms, so terms that share a background are first added up, with their
amplitudes, and the background of the sum is made once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from imgpipe.kernels.fit.backgrounds import convolve, loss_function, running_integral
from imgpipe.kernels.fit.elementary import CORE
from imgpipe.kernels.fit.plan import NO_BACKGROUND, SHIRLEY
from imgpipe.kernels.fit.vectors import add, clear

Floats = NDArray[np.float64]


class Work(NamedTuple):
    """Scratch of the engine.

    p : (np,) parameters of the shapes; own : parameters of one term
    value, derivative : of all terms, one after the other
    rows : (L + Q, P) columns, then derivatives of the model with respect to q
    weighted : the same, times the weights
    strength : (T,) amplitude of each term
    bare, carried, kernel : (longest segment,)
    """

    p: Floats
    own: Floats
    value: Floats
    derivative: Floats
    rows: Floats
    weighted: Floats
    strength: Floats
    bare: Floats
    carried: Floats
    kernel: Floats


@njit(**CORE)
def new_work(plan):  # type: ignore[no-untyped-def]
    """Return fresh scratch."""
    rows = plan.column_kind.size + plan.prior_row.shape[1]
    points, longest = plan.x.size, plan.sizes[2]
    return Work(
        np.zeros(plan.link_offset.size),
        np.zeros(plan.sizes[3]),
        np.zeros(plan.sizes[0]),
        np.zeros(plan.sizes[1]),
        np.zeros((rows, points)),
        np.zeros((rows, points)),
        np.zeros(plan.term.shape[0]),
        np.zeros(longest),
        np.zeros(longest),
        np.zeros(longest),
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
    b, c, d, t0 = plan.group[g, 2], plan.group[g, 3], plan.group[g, 4], plan.group[g, 5]
    p = work.p
    loss_function(step, p[b], p[c], p[d], p[t0], place, work.kernel[: end - start])
    return step


@njit(**CORE)
def add_with_background(plan, work, g, out, bare, step):  # type: ignore[no-untyped-def]
    """Add a bare sum of terms and the background of group g that follows from it."""
    add(out, bare, 1.0)
    kind = plan.group[g, 1]
    if kind == NO_BACKGROUND:
        return
    s = plan.group[g, 0]
    carried = work.carried[: bare.size]
    if kind == SHIRLEY:
        running_integral(plan.half[plan.segment[s, 0] : plan.segment[s, 2]], bare, carried)
        add(out, carried, work.p[plan.group[g, 2]])
    else:
        convolve(work.kernel[: bare.size], bare, step, carried)
        add(out, carried, 1.0)


@njit(**CORE)
def fill_columns(plan, work, backgrounds):  # type: ignore[no-untyped-def]
    """Fill rows 0..L-1; backgrounds False: only the bare terms."""
    step, prepared = 0.0, -1
    for k in range(plan.cell.shape[0]):
        g, c = plan.cell[k, 0], plan.cell[k, 1]
        s = plan.group[g, 0]
        start, stop = plan.segment[s, 0], plan.segment[s, 2]
        out = work.rows[c, start:stop]
        if plan.cell[k, 4]:
            clear(out)
        plain = plan.group[g, 1] == NO_BACKGROUND or not backgrounds
        target = out if plain else work.bare[: stop - start]
        if not plain:
            clear(target)
            if plan.group[g, 1] != SHIRLEY and prepared != g:
                step, prepared = prepare_kernel(plan, work, g, -1), g
        for m in range(plan.cell[k, 2], plan.cell[k, 3]):
            i = plan.cell_share[m]
            v = plan.term[plan.share[i, 0], 4]
            add(target, work.value[v : v + stop - start], share_factor(plan, work, i))
        if not plain:
            add_with_background(plan, work, g, out, target, step)


@njit(**CORE)
def fill_strengths(plan, work, amplitude):  # type: ignore[no-untyped-def]
    """Fill the amplitude with which each term enters the model."""
    work.strength[:] = 0.0
    for i in range(plan.share.shape[0]):
        work.strength[plan.share[i, 0]] += amplitude[plan.share[i, 1]] * share_factor(plan, work, i)


@njit(**CORE)
def fill_slopes(plan, work, amplitude):  # type: ignore[no-untyped-def]
    """Fill rows L.. with the derivatives of the model with respect to q, through the shapes and weights."""
    columns, step, prepared = plan.column_kind.size, 0.0, -1
    for k in range(plan.slope.shape[0]):
        g = plan.slope[k, 0]
        s = plan.group[g, 0]
        start, stop = plan.segment[s, 0], plan.segment[s, 2]
        n = stop - start
        out = work.rows[columns + plan.slope[k, 1], start:stop]
        if plan.slope[k, 4]:
            clear(out)
        plain = plan.group[g, 1] == NO_BACKGROUND
        target = out if plain else work.bare[:n]
        if not plain:
            clear(target)
            if plan.group[g, 1] != SHIRLEY and prepared != g:
                step, prepared = prepare_kernel(plan, work, g, -1), g
        for m in range(plan.slope[k, 2], plan.slope[k, 3]):
            first, owner = plan.slope_source[m, 0], plan.slope_source[m, 2]
            if plan.slope_source[m, 1] == 0:
                add(target, work.derivative[first : first + n], plan.slope_scale[m] * work.strength[owner])
            else:
                add(target, work.value[first : first + n], plan.slope_scale[m] * amplitude[plan.share[owner, 1]])
        if not plain:
            add_with_background(plan, work, g, out, target, step)


@njit(**CORE)
def fill_drifts(plan, work):  # type: ignore[no-untyped-def]
    """Add to rows L.. the derivatives of the model through the parameters of the backgrounds."""
    columns = plan.column_kind.size
    for k in range(plan.drift.shape[0]):
        g = plan.drift[k, 0]
        s = plan.group[g, 0]
        start, stop = plan.segment[s, 0], plan.segment[s, 2]
        n = stop - start
        out = work.rows[columns + plan.drift[k, 2], start:stop]
        if plan.drift[k, 3]:
            clear(out)
        bare, carried = work.bare[:n], work.carried[:n]
        clear(bare)
        for t in range(plan.term.shape[0]):
            if plan.term_group[t] == g:
                add(bare, work.value[plan.term[t, 4] : plan.term[t, 4] + n], work.strength[t])
        if plan.group[g, 1] == SHIRLEY:
            running_integral(plan.half[start:stop], bare, carried)
        else:
            step = prepare_kernel(plan, work, g, plan.drift[k, 1])
            convolve(work.kernel[:n], bare, step, carried)
        add(out, carried, plan.drift_scale[k])
