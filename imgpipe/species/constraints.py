"""What holds a fit: every constant, link, prior, bound and sharing by name, so that each can be moved and reported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from imgpipe.kernels.fit.model import Parameter

Combination = dict[Parameter, float]
"""Parameters (handles of the engine) with their weights; what is left over is a constant."""


@dataclass(frozen=True)
class Constraint:
    """One constraint.

    Attributes
    ----------
    kind : fixed, linked, prior, bound or shared
    value, u : of the constant or the prior, in `unit`; u is 0 where nothing is known to vary
    fitted : combinations of parameters (one per sample) that give its fitted value; none for constants
    over : combinations to divide them by (ratios); none for all others
    offset : added to each of them
    regions : where it holds
    """

    name: str
    kind: str
    applies_to: str
    value: float = np.nan
    u: float = 0.0
    unit: str = "eV"
    source: str = ""
    verified: bool = True
    fitted: tuple[Combination, ...] = ()
    over: tuple[Combination, ...] = ()
    offset: float = 0.0
    regions: tuple[str, ...] = ()

    def fitted_value(self, p: np.ndarray) -> float:
        """Return the mean over spectra and samples of what was fitted; NaN for what was not.

        Parameters
        ----------
        p : (b, parameters)
        """
        if not self.fitted:
            return float("nan")
        values = [_combined(part, p) for part in self.fitted]
        under = [_combined(part, p) for part in self.over] or [np.ones(len(p))] * len(values)
        return float(np.mean([v / u for v, u in zip(values, under, strict=True)]) + self.offset)

    @property
    def movable(self) -> bool:
        """Tell whether the sensitivity table moves it."""
        return self.u > 0 and self.kind in ("fixed", "linked", "prior")

    @property
    def held(self) -> bool:
        """Tell whether it is a constant whose doubt no prior carries into the covariance."""
        return self.movable and self.kind != "prior"


def _combined(part: Combination, p: np.ndarray) -> np.ndarray:
    return np.asarray(sum(weight * p[:, handle] for handle, weight in part.items()))


@dataclass
class ConstraintBook:
    """Collects constraints while a model is built; `moved` shifts the value of some of them."""

    moved: Mapping[str, float] = field(default_factory=dict)
    entries: dict[str, Constraint] = field(default_factory=dict)

    def value(self, new: Constraint) -> float:
        """Enter a constraint (once per name; later places join it) and return its value, moved if so asked."""
        old = self.entries.get(new.name)
        self.entries[new.name] = new if old is None else _joined(old, new)
        return new.value + self.moved.get(new.name, 0.0)


def _joined(old: Constraint, new: Constraint) -> Constraint:
    places = dict.fromkeys((*old.applies_to.split(", "), *new.applies_to.split(", ")))
    return replace(
        old,
        applies_to=", ".join(places),
        regions=tuple(dict.fromkeys((*old.regions, *new.regions))),
        fitted=(*old.fitted, *new.fitted),
        over=(*old.over, *new.over),
    )
