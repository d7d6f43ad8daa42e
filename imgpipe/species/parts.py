"""What a model is built from and into: spots, columns, and the parameters that samples share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from imgpipe.kernels.fit import Model
from imgpipe.kernels.fit.model import Column as ColumnHandle
from imgpipe.kernels.fit.model import Parameter
from imgpipe.species.constraints import Constraint, ConstraintBook
from imgpipe.species.plan import ComponentPlan, RegionPlan


@dataclass(frozen=True)
class Spot:
    """One spectrum of a joint fit: a region of a sample.

    Attributes
    ----------
    x : (n,) eV, rising, within the window
    u_charge : eV, prior of the charge shift that is left in it
    gauss, u_gauss : eV, Gaussian FWHM of the instrument, 0 where it was not measured; nothing is narrower
    """

    sample: str
    region: RegionPlan
    x: np.ndarray
    u_charge: float = 1.0
    gauss: float = 0.0
    u_gauss: float = 0.0

    @property
    def least_gauss(self) -> float:
        """Smallest Gaussian FWHM that a Voigt may have, eV."""
        return max(self.gauss - 3.0 * self.u_gauss, 0.0)

    @property
    def label(self) -> str:
        """Name for messages and parameters."""
        return f"{self.region.region} of {self.sample}" if self.sample else self.region.region


@dataclass(frozen=True)
class Column:
    """One component in one spot: which column of the fit, and which parameters make its peaks."""

    spot: int
    component: ComponentPlan
    column: ColumnHandle
    shape: str
    main: tuple[Parameter, ...]
    minor: tuple[Parameter, ...] = ()
    fraction: float = 0.0


@dataclass
class Built:
    """A compiled problem and what its parts mean.

    Attributes
    ----------
    start : handle of a free parameter -> start value
    shifts : per spot, the handle of its charge shift
    backgrounds : per spot, its background columns
    shared : what a parameter stands for -> its handle, so that samples can share it
    """

    model: Model
    spots: tuple[Spot, ...]
    book: ConstraintBook
    columns: list[Column] = field(default_factory=list)
    start: dict[Parameter, float] = field(default_factory=dict)
    shifts: list[Parameter] = field(default_factory=list)
    backgrounds: list[list[ColumnHandle]] = field(default_factory=list)
    shared: dict[tuple[str, ...], Parameter] = field(default_factory=dict)

    @property
    def low(self) -> np.ndarray:
        """Lower bounds of the free parameters."""
        return np.array([entry.low for entry in self.model.free])

    @property
    def high(self) -> np.ndarray:
        """Upper bounds of the free parameters."""
        return np.array([entry.high for entry in self.model.free])

    @property
    def constraints(self) -> list[Constraint]:
        """All constraints in the order of building."""
        return list(self.book.entries.values())

    def of_spot(self, spot: int) -> list[Column]:
        """Return the component columns of a spot."""
        return [one for one in self.columns if one.spot == spot]

    def free(
        self, name: str, start: float, low: float, high: float, prior: tuple[float, float] | None = None
    ) -> Parameter:
        """Add a free parameter with a start value."""
        handle = self.model.parameter(name, low=low, high=high, prior=prior)
        self.start[handle] = float(np.clip(start, low, high))
        return handle

    def note(
        self, spot: Spot, name: str, kind: str, applies_to: str, value: float = np.nan, u: float = 0.0,
        unit: str = "eV", **more: Any,
    ) -> float:  # fmt: skip
        """Enter a constraint of a spot; return its value, moved if this model was asked to move it."""
        entry = Constraint(name, kind, applies_to, value, u, unit, regions=(spot.region.region,), **more)
        return self.book.value(entry)
