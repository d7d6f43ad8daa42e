"""Describe a fit: segments, parameters with links and priors, amplitudes, and the terms that make up each column.

The model of a spectrum is ``f(x) = sum_c amplitude_c * column_c(x)``, each column being a sum of terms (shapes) with
weights and, where asked for, the background that the terms drag behind them. Parameters p of the shapes are a linear
function ``p = M q + c`` of the free ones, q: equal, shifted and scaled parameters are links, not penalties.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imgpipe.kernels.fit.compiled import Problem, compile_problem
from imgpipe.kernels.fit.shape import Shape
from imgpipe.kernels.fit.shapes import SHAPES

Floats = NDArray[np.float64]
Prior = tuple[float, float]


class Parameter(int):
    """Handle of a parameter: its index in p."""


class Column(int):
    """Handle of a column: its index among the amplitudes."""


class Segment(int):
    """Handle of a segment: its index."""


Weight = float | Parameter


@dataclass(frozen=True)
class Background:
    """A background made by the terms themselves; made by `Model.shirley` and `Model.tougaard`."""

    kind: str
    parameters: tuple[Parameter, ...]


@dataclass(frozen=True)
class ParameterEntry:
    """One parameter: ``sum(scale * free parameter) + offset``."""

    name: str
    scales: dict[int, float]
    offset: float


@dataclass(frozen=True)
class FreeEntry:
    """Bounds of one free parameter."""

    name: str
    handle: Parameter
    low: float
    high: float


@dataclass(frozen=True)
class ColumnEntry:
    """One amplitude."""

    name: str
    nonnegative: bool
    fixed: float | None


@dataclass(frozen=True)
class TermEntry:
    """One shape on one segment."""

    shape: str
    segment: Segment
    columns: tuple[tuple[Column, float, Parameter | None], ...]
    parameters: tuple[Parameter, ...]
    background: Background | None


@dataclass(frozen=True)
class PriorEntry:
    """A Gaussian prior on a linear combination of parameters, or on one amplitude."""

    name: str
    weights: dict[Parameter, float]
    column: Column | None
    mean: float
    sd: float


class Model:
    """Collects the parts of a fit; `compile` checks them and returns what the engine wants.

    Parameters
    ----------
    shapes : table of shapes by name; the default is `SHAPES`
    """

    def __init__(self, shapes: Mapping[str, Shape] | None = None) -> None:
        self.shapes = dict(SHAPES if shapes is None else shapes)
        self.segments: list[Floats] = []
        self.parameters: list[ParameterEntry] = []
        self.free: list[FreeEntry] = []
        self.columns: list[ColumnEntry] = []
        self.terms: list[TermEntry] = []
        self.priors: list[PriorEntry] = []

    def segment(self, x: ArrayLike) -> Segment:
        """Add a segment, the abscissa of one region of one sample: (point,), rising."""
        values = np.array(x, dtype=np.float64)
        if values.ndim != 1 or values.size == 0 or not np.isfinite(values).all() or (np.diff(values) <= 0).any():
            raise ValueError(f"segment {len(self.segments)}: x must be one-dimensional, finite and strictly rising")
        self.segments.append(values)
        return Segment(len(self.segments) - 1)

    def parameter(
        self, name: str, low: float = -math.inf, high: float = math.inf, prior: Prior | None = None
    ) -> Parameter:
        """Add a free parameter with bounds and an optional Gaussian prior (mean, standard deviation)."""
        if not low < high:
            raise ValueError(f"parameter {name}: low = {low} is not below high = {high}")
        handle = self._add(ParameterEntry(name, {len(self.free): 1.0}, 0.0))
        self.free.append(FreeEntry(name, handle, float(low), float(high)))
        if prior is not None:
            self.prior({handle: 1.0}, *prior, name=name)
        return handle

    def linked(self, name: str, scales: Mapping[Parameter, float], offset: float = 0.0) -> Parameter:
        """Add a parameter that is ``sum(scale * parameter) + offset`` of others, linked ones included."""
        combined: dict[int, float] = {}
        total = float(offset)
        for handle, scale in scales.items():
            entry = self.parameters[self._known(handle, name)]
            total += scale * entry.offset
            for q, inner in entry.scales.items():
                combined[q] = combined.get(q, 0.0) + scale * inner
        return self._add(ParameterEntry(name, {q: s for q, s in combined.items() if s != 0.0}, total))

    def fixed(self, value: float, name: str = "") -> Parameter:
        """Add a parameter that is held."""
        if not math.isfinite(value):
            raise ValueError(f"fixed parameter {name or value}: not a finite number")
        return self._add(ParameterEntry(name or f"fixed {value:g}", {}, float(value)))

    def prior(self, weights: Mapping[Parameter, float], mean: float, sd: float, name: str = "") -> int:
        """Add a Gaussian prior on ``sum(weight * parameter)``; return its place in `prior_mean` of `fit`."""
        for handle in weights:
            self._known(handle, f"prior {name}")
        label = name or " + ".join(f"{w:g} {self.parameters[h].name}" for h, w in weights.items())
        return self._add_prior(PriorEntry(label, dict(weights), None, float(mean), float(sd)))

    def column(
        self, name: str = "", nonnegative: bool = True, prior: Prior | None = None, fixed: float | None = None
    ) -> Column:
        """Add a linear amplitude, or with `fixed` a column of that known amplitude (and then no sign constraint)."""
        if fixed is not None and (prior is not None or not math.isfinite(fixed)):
            raise ValueError(f"column {name}: a fixed amplitude is a finite number and has no prior")
        self.columns.append(ColumnEntry(name, nonnegative and fixed is None, fixed))
        handle = Column(len(self.columns) - 1)
        if prior is not None:
            self._add_prior(PriorEntry(name, {}, handle, float(prior[0]), float(prior[1])))
        return handle

    def term(
        self,
        shape: str,
        segment: Segment,
        column: Column | Sequence[tuple[Column, Weight]],
        parameters: Sequence[Parameter | float] = (),
        weight: Weight = 1.0,
        background: Background | None = None,
    ) -> None:
        """Add a shape to one or several columns.

        Parameters
        ----------
        shape : name in the table of shapes
        segment : where it is
        column : column, or pairs of a column and its own weight; the shape is evaluated once
        parameters : handles in the order of the shape; plain numbers are constants
        weight : number or parameter by which the shape is multiplied
        background : what it drags behind it, from `shirley` or `tougaard`
        """
        if shape not in self.shapes:
            raise ValueError(f"there is no shape {shape!r}; known: {', '.join(self.shapes)}")
        names = self.shapes[shape].parameters
        if len(parameters) != len(names):
            raise ValueError(f"{shape} wants {len(names)} parameters ({', '.join(names)}), got {len(parameters)}")
        if not isinstance(segment, Segment) or segment >= len(self.segments):
            raise ValueError(f"{shape}: {segment!r} is not a segment of this model")
        pairs = [(column, 1.0)] if isinstance(column, Column) else list(column)
        columns = tuple(self._weighted(shape, c, own, weight) for c, own in pairs)
        handles = tuple(self._parameter(value, shape) for value in parameters)
        self.terms.append(TermEntry(shape, segment, columns, handles, background))

    def shirley(self, k: Weight) -> Background:
        """Return an active Shirley background: k times the integral of the term up to x; k in 1/x."""
        return Background("shirley", (self._parameter(k, "shirley"),))

    def tougaard(self, b: Weight, c: Weight, d: Weight = 0.0, t0: float = 0.0) -> Background:
        """Return the background of the loss function ``b T / ((c - T^2)^2 + d T^2)`` for T > t0, else 0.

        The universal cross-section U2 (c' = 1643 eV^2) is ``c = -1643, d = 0``; U3 has c > 0 and d > 0; with a gap
        t0 it is U4. `t0` is a number. b in x^2, c in x^2, d in x^2.
        """
        return Background("tougaard", tuple(self._parameter(v, "tougaard") for v in (b, c, d, t0)))

    def compile(self) -> Problem:
        """Check the model and return it in the form of arrays; ValueError says what is wrong."""
        return compile_problem(self)

    def _add(self, entry: ParameterEntry) -> Parameter:
        self.parameters.append(entry)
        return Parameter(len(self.parameters) - 1)

    def _add_prior(self, entry: PriorEntry) -> int:
        if not (math.isfinite(entry.mean) and math.isfinite(entry.sd) and entry.sd > 0.0):
            raise ValueError(f"prior {entry.name}: mean {entry.mean}, standard deviation {entry.sd}: want sd > 0")
        self.priors.append(entry)
        return len(self.priors) - 1

    def _known(self, handle: Parameter, where: str) -> int:
        if not isinstance(handle, Parameter) or handle >= len(self.parameters):
            raise ValueError(f"{where}: {handle!r} is not a parameter of this model")
        return int(handle)

    def _parameter(self, value: Weight, where: str) -> Parameter:
        """Return a handle; a plain number becomes a fixed parameter."""
        if isinstance(value, Parameter):
            return Parameter(self._known(value, where))
        return self.fixed(float(value))

    def _weighted(
        self, shape: str, column: Column, own: Weight, weight: Weight
    ) -> tuple[Column, float, Parameter | None]:
        if not isinstance(column, Column) or column >= len(self.columns):
            raise ValueError(f"{shape}: {column!r} is not a column of this model")
        handles = [w for w in (own, weight) if isinstance(w, Parameter)]
        if len(handles) > 1:
            raise ValueError(f"{shape}: only one of its two weights may be a parameter")
        factor = math.prod(float(w) for w in (own, weight) if not isinstance(w, Parameter))
        return column, factor, Parameter(self._known(handles[0], shape)) if handles else None
