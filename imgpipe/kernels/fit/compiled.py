"""Turn a `Model` into the arrays of a `Plan`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imgpipe.kernels.fit.plan import FIXED, FREE, LANES, NO_BACKGROUND, NONNEGATIVE, SHIRLEY, TOUGAARD, Plan
from imgpipe.kernels.fit.shape import Shape

if TYPE_CHECKING:
    from imgpipe.kernels.fit.model import Model

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
KINDS = {"shirley": SHIRLEY, "tougaard": TOUGAARD}
UNIFORM = 1e-4
"""Largest relative departure from a uniform step in a segment with a Tougaard background."""


@dataclass(frozen=True)
class Problem:
    """A compiled model.

    free_names, parameter_names, column_names, prior_names : in the order of q, p, the amplitudes and `prior_mean`
    x : (n,) abscissae of all segments, one after the other
    segment_slices : of each segment in x
    low, high : (Q,) bounds of the model
    matrix, offset : p = matrix q + offset
    prior_means : of the model
    places : (n,) where the points stand among the padded ones
    """

    plan: Plan
    shapes: tuple[Shape, ...]
    free_names: tuple[str, ...]
    parameter_names: tuple[str, ...]
    column_names: tuple[str, ...]
    prior_names: tuple[str, ...]
    x: Floats
    segment_slices: tuple[slice, ...]
    low: Floats
    high: Floats
    matrix: Floats
    offset: Floats
    prior_means: Floats
    prior_sds: Floats
    places: Integers

    @property
    def n_points(self) -> int:
        """Number of points of one spectrum."""
        return self.x.size

    def parameters(self, q: ArrayLike) -> Floats:
        """Return p (..., np) = matrix q + offset."""
        return np.asarray(q, dtype=np.float64) @ self.matrix.T + self.offset


def compile_problem(model: Model) -> Problem:
    """Check a model and lay it out; ValueError says what is wrong."""
    _check(model)
    names = tuple(dict.fromkeys(term.shape for term in model.terms))
    matrix, offset = _links(model)
    segments, x, half, places = _points(model)
    terms, term_parameters, sizes = _terms(model, names, segments)
    layout = _Layout(model, matrix, terms)
    rows, prior_offset = _prior_rows(model, matrix, offset)
    starts, free, scales = _compressed(matrix)
    ends = np.cumsum([s.size for s in model.segments])
    plan = Plan(
        x=x,
        half=half,
        segment=segments,
        term=terms,
        term_parameter=term_parameters,
        link_start=starts,
        link_free=free,
        link_scale=scales,
        link_offset=offset,
        **layout.arrays(),
        column_kind=_integers([FIXED if c.fixed is not None else NONNEGATIVE if c.nonnegative else FREE
                               for c in model.columns]),
        column_fixed=np.array([0.0 if c.fixed is None else c.fixed for c in model.columns], dtype=np.float64),
        prior_row=rows,
        prior_offset=prior_offset,
        prior_weight=np.array([p.sd**-2.0 for p in model.priors], dtype=np.float64),
        prior_column=_integers([-1 if p.column is None else p.column for p in model.priors]),
        sizes=sizes,
    )  # fmt: skip
    return Problem(
        plan=plan,
        shapes=tuple(model.shapes[name] for name in names),
        free_names=tuple(f.name for f in model.free),
        parameter_names=tuple(p.name for p in model.parameters),
        column_names=tuple(c.name for c in model.columns),
        prior_names=tuple(p.name for p in model.priors),
        x=np.concatenate(model.segments),
        segment_slices=tuple(slice(int(e - s.size), int(e)) for e, s in zip(ends, model.segments, strict=True)),
        low=np.array([f.low for f in model.free], dtype=np.float64),
        high=np.array([f.high for f in model.free], dtype=np.float64),
        matrix=matrix,
        offset=offset,
        prior_means=np.array([p.mean for p in model.priors], dtype=np.float64),
        prior_sds=np.array([p.sd for p in model.priors], dtype=np.float64),
        places=places,
    )


def _integers(values: Iterable[object], columns: int = 0) -> Integers:
    array = np.array(list(values), dtype=np.int64)
    return np.ascontiguousarray(array.reshape(-1, columns)) if columns else array


def _check(model: Model) -> None:
    """Raise ValueError with all faults of the model."""
    faults = [] if model.terms else ["the model has no terms"]
    used = {column for term in model.terms for column, _, _ in term.columns}
    faults += [f"column {c.name or i} has no terms" for i, c in enumerate(model.columns) if i not in used]
    reached: set[int] = set()
    for term in model.terms:
        weights = [w for _, _, w in term.columns if w is not None]
        background = term.background.parameters if term.background else ()
        for handle in (*term.parameters, *weights, *background):
            reached |= set(model.parameters[handle].scales)
        faults += _background_faults(model, term.background, term.segment)
    faults += [f"parameter {f.name} is not used by any term" for i, f in enumerate(model.free) if i not in reached]
    if faults:
        raise ValueError("; ".join(faults))


def _background_faults(model: Model, background: object, segment: int) -> list[str]:
    if getattr(background, "kind", None) != "tougaard":
        return []
    gap = model.parameters[background.parameters[3]]  # type: ignore[attr-defined]
    faults = ["the gap t0 of a Tougaard background must be a number"] if gap.scales else []
    steps = np.diff(model.segments[segment])
    if steps.size and np.ptp(steps) > UNIFORM * steps.mean() + 1e-9 * np.abs(model.segments[segment]).max():
        faults.append(f"segment {segment}: a Tougaard background wants a uniform step; resample x first")
    return faults


def _links(model: Model) -> tuple[Floats, Floats]:
    matrix = np.zeros((len(model.parameters), len(model.free)))
    for i, entry in enumerate(model.parameters):
        for q, scale in entry.scales.items():
            matrix[i, q] = scale
    return matrix, np.array([entry.offset for entry in model.parameters], dtype=np.float64)


def _compressed(matrix: Floats) -> tuple[Integers, Integers, Floats]:
    rows, columns = np.nonzero(matrix)
    starts = np.searchsorted(rows, np.arange(matrix.shape[0] + 1))
    return starts.astype(np.int64), columns.astype(np.int64), matrix[rows, columns].copy()


def _points(model: Model) -> tuple[Integers, Floats, Floats, Integers]:
    """Return the segment table, padded x, half steps, and the places of the real points."""
    table, xs, halves, places, start = [], [], [], [], 0
    for x in model.segments:
        padded = -(-x.size // LANES) * LANES
        table.append((start, start + x.size, start + padded))
        xs.append(np.concatenate([x, np.full(padded - x.size, x[-1])]))
        halves.append(np.concatenate([[0.0], 0.5 * np.diff(xs[-1])]))
        places.append(start + np.arange(x.size))
        start += padded
    return _integers(table, 3), np.concatenate(xs), np.concatenate(halves), np.concatenate(places).astype(np.int64)


def _terms(model: Model, names: tuple[str, ...], segments: Integers) -> tuple[Integers, Integers, Integers]:
    rows: list[tuple[int, ...]] = []
    parameters: list[int] = []
    values, derivatives = 0, 0
    for term in model.terms:
        size, count = int(segments[term.segment, 2] - segments[term.segment, 0]), len(term.parameters)
        rows.append((names.index(term.shape), term.segment, len(parameters), count, values, derivatives))
        parameters += term.parameters
        values, derivatives = values + size, derivatives + size * count
    longest = int((segments[:, 2] - segments[:, 0]).max())
    most = max(len(term.parameters) for term in model.terms)
    return _integers(rows, 6), _integers(parameters), _integers([values, derivatives, longest, most])


def _prior_rows(model: Model, matrix: Floats, offset: Floats) -> tuple[Floats, Floats]:
    rows, offsets = np.zeros((len(model.priors), len(model.free))), np.zeros(len(model.priors))
    for i, prior in enumerate(model.priors):
        for handle, weight in prior.weights.items():
            rows[i] += weight * matrix[handle]
            offsets[i] += weight * offset[handle]
    return rows, offsets


class _Layout:
    """Who adds to which row of the Jacobian, on which segment."""

    def __init__(self, model: Model, matrix: Floats, terms: Integers) -> None:
        self.model, self.matrix, self.terms = model, matrix, terms
        self.lengths = [-(-x.size // LANES) * LANES for x in model.segments]
        keys = [(t.segment, t.background) for t in model.terms]
        self.groups = list(dict.fromkeys(keys))
        self.group_of = [self.groups.index(key) for key in keys]
        self.shares = [(t, *share) for t, term in enumerate(model.terms) for share in term.columns]
        self.seen: set[tuple[int, int]] = set()

    def arrays(self) -> dict[str, Any]:
        """Return the fields of the plan from `share` to `active`."""
        cells, cell_shares = self._cells()
        slopes, sources, scales = self._slopes()
        drifts, drift_scales = self._drifts()
        starts, active = self._active()
        return {
            "share": _integers([(t, c, -1 if w is None else w) for t, c, _, w in self.shares], 3),
            "share_factor": np.array([factor for _, _, factor, _ in self.shares], dtype=np.float64),
            "term_group": _integers(self.group_of),
            "group": _integers([self._group(*key) for key in self.groups], 6),
            "cell": _integers(cells, 5),
            "cell_share": _integers(cell_shares),
            "slope": _integers(slopes, 5),
            "slope_source": _integers(sources, 3),
            "slope_scale": np.array(scales, dtype=np.float64),
            "drift": _integers(drifts, 4),
            "drift_scale": np.array(drift_scales, dtype=np.float64),
            "active_start": _integers(starts),
            "active": _integers(active),
        }  # fmt: skip

    @staticmethod
    def _group(segment: int, background: object) -> tuple[int, ...]:
        if background is None:
            return segment, NO_BACKGROUND, 0, 0, 0, 0
        parameters = (*background.parameters, 0, 0, 0)[:4]  # type: ignore[attr-defined]
        return segment, KINDS[background.kind], *parameters  # type: ignore[attr-defined]

    def _first(self, group: int, row: int) -> int:
        """Whether this is the first that adds to a row on this segment."""
        key = (self.groups[group][0], row)
        new = key not in self.seen
        self.seen.add(key)
        return int(new)

    def _cells(self) -> tuple[list[tuple[int, ...]], list[int]]:
        members: dict[tuple[int, int], list[int]] = {}
        for i, (t, column, _, _) in enumerate(self.shares):
            members.setdefault((self.group_of[t], int(column)), []).append(i)
        cells: list[tuple[int, ...]] = []
        flat: list[int] = []
        for (group, row), shares in sorted(members.items()):
            cells.append((group, row, len(flat), len(flat) + len(shares), self._first(group, row)))
            flat += shares
        return cells, flat

    def _slopes(self) -> tuple[list[tuple[int, ...]], list[tuple[int, int, int]], list[float]]:
        members: dict[tuple[int, int], list[tuple[int, int, int, float]]] = {}
        for t, term in enumerate(self.model.terms):
            length = self.lengths[term.segment]
            for j, handle in enumerate(term.parameters):
                for q in np.flatnonzero(self.matrix[handle]).tolist():
                    source = (int(self.terms[t, 5]) + j * length, 0, t, float(self.matrix[handle, q]))
                    members.setdefault((self.group_of[t], q), []).append(source)
        for i, (t, _, factor, weight) in enumerate(self.shares):
            if weight is None:
                continue
            for q in np.flatnonzero(self.matrix[weight]).tolist():
                source = (int(self.terms[t, 4]), 1, i, factor * float(self.matrix[weight, q]))
                members.setdefault((self.group_of[t], q), []).append(source)
        slopes: list[tuple[int, ...]] = []
        flat: list[tuple[int, int, int]] = []
        scales: list[float] = []
        row = len(self.model.columns)
        for (group, q), sources in sorted(members.items()):
            slopes.append((group, q, len(flat), len(flat) + len(sources), self._first(group, row + q)))
            flat += [(first, kind, owner) for first, kind, owner, _ in sources]
            scales += [source[3] for source in sources]
        return slopes, flat, scales

    def _drifts(self) -> tuple[list[tuple[int, ...]], list[float]]:
        drifts: list[tuple[int, ...]] = []
        scales: list[float] = []
        row = len(self.model.columns)
        for group, (_, background) in enumerate(self.groups):
            for place, handle in enumerate(background.parameters if background else ()):
                for q in np.flatnonzero(self.matrix[handle]).tolist():
                    drifts.append((group, place, q, self._first(group, row + q)))
                    scales.append(float(self.matrix[handle, q]))
        return drifts, scales

    def _active(self) -> tuple[list[int], list[int]]:
        """Return the rows that each segment touches, without columns of fixed amplitude."""
        held = {i for i, column in enumerate(self.model.columns) if column.fixed is not None}
        starts, active = [0], []
        for segment in range(len(self.model.segments)):
            active += sorted(row for s, row in self.seen if s == segment and row not in held)
            starts.append(len(active))
        return starts, active
