"""The model of element profiles across a stack: plateaus as amplitudes, interfaces shared by all elements.

Free are the first position and the thicknesses (not below zero), a width for each interface (and element), and, where
a response is given, factors of the response and of the shift with priors. An element that has no step at an interface
has one plateau on both sides of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from imgpipe.kernels.fit import SHAPES, Model, Problem, stack_shapes
from imgpipe.kernels.fit.model import Column, Parameter, Segment

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
IN_STACK = {"erf": "erf in stack", "logistic": "logistic in stack", "exponential": "exponential in stack",
            "erfc": "erfc in stack", "step": "erf in stack"}  # fmt: skip
TAILED = {"erf": "tailed erf in stack", "logistic": "tailed logistic in stack", "step": "tailed erf in stack"}
"""Under the response of electrons; the shapes with a sign know the normal one only."""
MOST = 5.0
"""Shifts are sought within this many standard uncertainties."""
GRADIENT = 0.2
"""Standard deviation of the relative change of an element's counts across a layer, where it need not be uniform."""
SIGNED = ("exponential", "erfc")
"""Models whose width is a length with a sign."""
BIN = 1.0 / np.sqrt(12.0)
"""Standard deviation of a bin, in its widths: the least blur of a profile that is a sum over bins."""
LEAST = 0.3
"""Least observed width, in steps of the profile: about that of a bin. Below, points no longer tell where an edge is."""


@dataclass(frozen=True)
class Response:
    """What the instrument does to a sharp edge.

    sigma : (layer, element) standard deviation, in units of x
    shift : (layer, element) how much too high interfaces are seen, in units of x
    u : (layer, element) relative standard uncertainty of sigma; its mean is that of the shift
    tailed : with the tails of electrons, not those of a normal distribution
    common, own : (n, 2) mean and u of a further shift that all elements share, (n, element) u of that of each; in units
        of the response (`imgpipe.kernels.profile_physics`); None: none
    """

    sigma: Floats
    shift: Floats
    u: Floats
    tailed: bool = False
    common: Floats | None = None
    own: Floats | None = None

    def of(self, elements: slice | NDArray[np.intp]) -> Response:
        """Return the response for some elements."""
        return replace(
            self, sigma=self.sigma[:, elements], shift=self.shift[:, elements], u=self.u[:, elements],
            own=None if self.own is None else self.own[:, elements],
        )  # fmt: skip


@dataclass(frozen=True)
class Layout:
    """A compiled model and where things stand in it.

    n, m : interfaces and elements
    position : (n,) handle of each position among the parameters, -1 where the model does not have it
    ordered : free are the first position and the thicknesses, the first n of q; otherwise the positions themselves
    width : (n, m) place of each width in q, -1 where there is none
    column : (n + 1, m) amplitude of each layer and element
    problem : for the engine
    start : (Q,) of what the data need not tell: factors of the response and of the shift
    """

    n: int
    m: int
    position: NDArray[np.int64]
    ordered: bool
    width: NDArray[np.int64]
    column: NDArray[np.int64]
    problem: Problem
    start: Floats


def build(
    x: Floats,
    steps: Bools,
    shape: str,
    response: Response | None,
    shared_widths: bool,
    ordered: bool = True,
    graded: Bools | None = None,
) -> Layout:
    """Return the model.

    Parameters
    ----------
    x : (point,) the same for all elements
    steps : (n, m) which element has a step at which interface
    shape : a key of `IN_STACK`
    response : None: the width is all that is seen
    shared_widths : one width for each interface, not one for each element too
    ordered : interfaces may meet but not change places; otherwise each is free, and those without a step can be held
    graded : (n + 1, m) where the counts may change linearly through a layer, within `GRADIENT`
    """
    n, m = steps.shape
    step, span = float(np.median(np.diff(x))), float(x[-1] - x[0])
    model = Model({**SHAPES, **stack_shapes(n)})
    plain = response is None and shape == "erf"
    positions = _positions(model, x, np.asarray(steps.any(axis=1) | (not plain)), ordered)
    width = np.full((n, m), -1, dtype=np.int64)
    column = np.zeros((n + 1, m), dtype=np.int64)
    low = LEAST * step if plain else -span if shape in SIGNED else 0.0
    widths: dict[tuple[int, int], Parameter] = {}
    shifts = _Shifts.of(model, response, steps)
    names = TAILED if response is not None and response.tailed and shape in TAILED else IN_STACK
    least = 0.0 if names is TAILED else BIN * step  # the tailed shapes sum over bins themselves
    for e in range(m):
        segment = model.segment(x)
        columns = _columns(model, segment, steps[:, e], e)
        column[:, e] = columns
        if not steps[:, e].any():
            continue  # a constant alone: no response is needed
        stack = _responses(model, response, e, n, least)
        for k in np.flatnonzero(steps[:, e]):
            key = (int(k), 0 if shared_widths else e)
            if shape != "step" and key not in widths:
                widths[key] = model.parameter(f"width {k} {e}", low, span)
            own: Parameter | float = widths.get(key, 0.0)
            width[k, e] = _free_index(model, own)
            shares = [(columns[k], -1.0), (columns[k + 1], 1.0)]
            if plain:
                model.term("edge_erf", segment, shares, [positions[k], own])
            else:
                shift = _shift(model, response, shifts, e, int(k))
                model.term(names[shape], segment, shares, [float(k), own, shift, *positions, *stack])
        for layer in np.flatnonzero(graded[:, e]) if graded is not None else ():
            change = model.parameter(f"gradient {layer} {e}", -1.0, 1.0, prior=(0.0, GRADIENT))
            ends = [float(layer - 1), 0.0, 0.0, *positions, *stack]
            model.term("ramp in stack", segment, columns[layer], ends, weight=change)
    problem = model.compile()
    start = np.array([1.0 if "factor" in name else shifts.start.get(name, 0.0) for name in problem.free_names])
    return Layout(n, m, np.array(positions, dtype=np.int64), ordered, width, column, problem, start)


def _free_index(model: Model, handle: Parameter | float) -> int:
    """Return the place in q of a free parameter, -1 for a constant."""
    return next(iter(model.parameters[handle].scales)) if isinstance(handle, Parameter) else -1


def _positions(model: Model, x: Floats, used: Bools, ordered: bool) -> list[Parameter | int]:
    first, last = float(x[0]), float(x[-1])
    if not ordered:
        return [model.parameter(f"position {k}", first, last) if use else -1 for k, use in enumerate(used)]
    lowest = model.parameter("position 0", first, last)
    scales: dict[Parameter, float] = {lowest: 1.0}
    positions: list[Parameter | int] = [lowest]
    for k in range(1, used.size):
        scales = {**scales, model.parameter(f"thickness {k}", 0.0, last - first): 1.0}
        positions.append(model.linked(f"position {k}", scales))
    return positions


def _columns(model: Model, segment: Segment, steps: Bools, element: int) -> list[Column]:
    """Add the plateaus of one element and the constant under them; return the column of each layer."""
    columns = [model.column(f"plateau 0 {element}")]
    model.term("constant", segment, columns[0])
    for k, step in enumerate(steps):
        columns.append(model.column(f"plateau {k + 1} {element}") if step else columns[-1])
    return columns


def _responses(model: Model, response: Response | None, element: int, n: int, least: float) -> list[Parameter | float]:
    """Return the response in each layer, at least that of a bin: a factor about 1 times the expected one."""
    if response is None:
        return [least] * (n + 1)
    out: list[Parameter | float] = []
    for layer in range(n + 1):
        sigma, u = float(np.hypot(response.sigma[layer, element], least)), float(response.u[layer, element])
        if u <= 0.0:
            out.append(sigma)
            continue
        factor = model.parameter(f"factor {layer} {element}", 0.2, 3.0, prior=(1.0, u))
        out.append(model.linked(f"response {layer} {element}", {factor: sigma}))
    return out


@dataclass(frozen=True)
class _Shifts:
    """Parameters of shifts: a factor of the given one, and one that the elements share at each interface."""

    factor: Parameter | None
    common: dict[int, Parameter]
    start: dict[str, float]

    @classmethod
    def of(cls, model: Model, response: Response | None, steps: Bools) -> _Shifts:
        factor, common, start = None, {}, {}
        if response is not None and np.any(response.shift) and np.any(response.u > 0):
            factor = model.parameter("shift factor", -1.0, 3.0, prior=(1.0, float(response.u[response.u > 0].mean())))
        if response is not None and response.common is not None:
            for k in np.flatnonzero(steps.any(axis=1)):
                mean, u = (float(v) for v in response.common[k])
                start[f"common {k}"] = mean
                common[int(k)] = model.parameter(f"common {k}", mean - MOST * u, mean + MOST * u, prior=(mean, u))
        return cls(factor, common, start)


def _shift(model: Model, response: Response | None, known: _Shifts, e: int, k: int) -> Parameter | float:
    """Return the shift of one edge in units of the response: of what is given, the mean of both layers beside it."""
    if response is None:
        return 0.0
    beside = slice(k, k + 2)
    units = float(np.mean(response.shift[beside, e] / response.sigma[beside, e]))
    scales: dict[Parameter, float] = {} if known.factor is None else {known.factor: units}
    if k in known.common:
        scales[known.common[k]] = 1.0
    if response.own is not None:
        u = float(response.own[k, e])
        scales[model.parameter(f"own {k} {e}", -MOST * u, MOST * u, prior=(0.0, u))] = 1.0
    offset = units if known.factor is None else 0.0
    return model.linked(f"shift {k} {e}", scales, offset) if scales else offset
