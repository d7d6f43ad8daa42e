"""Tables of constraints and of what the shares owe to each of them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from imgpipe.model import quantity, texts
from imgpipe.species.constraints import Constraint
from imgpipe.species.selection import Candidate

if TYPE_CHECKING:
    from imgpipe.steps.xps.fit_result import Leaf


def constraint_tables(leaf: "Leaf") -> xr.Dataset:
    """Return the variables on `constraint` and `sensitivity` of a leaf."""
    region = leaf.spectra.region.region
    held = [c for c in leaf.fitted.fitter.built.constraints if region in c.regions]
    names = [c.component.name for c in leaf.columns]
    changes = {c.name: _changes(leaf, c) for c in held}
    largest = {name: _largest(values, names) for name, values in changes.items() if values is not None}
    table = xr.Dataset(
        {
            "kind": texts([c.kind for c in held], "kind", "constraint"),
            "applies_to": texts([c.applies_to for c in held], "applies to", "constraint"),
            "value": quantity([c.value for c in held], "1", "value, in its own unit", "constraint"),
            "u": quantity([c.u for c in held], "1", "u, in its own unit", "constraint"),
            "unit": texts([c.unit for c in held], "unit", "constraint"),
            "source": texts([c.source for c in held], "source", "constraint"),
            "verified": xr.DataArray(np.array([c.verified for c in held], dtype=bool), dims=("constraint",)),
            "fitted_value": quantity(
                [c.fitted_value(leaf.fitted.parameters) for c in held],
                "1",
                "fitted value, in its own unit",
                "constraint",
            ),
            "preferred_value": quantity(
                [_preferred(leaf, c) for c in held], "1", "where the data want a held constant", "constraint"
            ),
            "largest_effect": quantity(
                [largest.get(c.name, (np.nan, ""))[0] for c in held],
                "percent",
                "largest change of a share",
                "constraint",
            ),
            "most_affected": texts([largest.get(c.name, (0.0, ""))[1] for c in held], "most affected", "constraint"),
        },
        coords={"constraint": texts([c.name for c in held], "constraint", "constraint")},
    )
    return xr.merge([table, _sensitivity({n: v for n, v in changes.items() if v is not None}, names)], join="exact")


def _preferred(leaf: "Leaf", one: Constraint) -> float:
    """Return the value of a held constant where it is fitted with its u as a prior; NaN for what was not held."""
    asked = leaf.fitted.doubts
    return float("nan") if asked is None else asked.preferred.get(one.name, float("nan"))


def _changes(leaf: "Leaf", one: Constraint) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the changes (b, sample, c) of the shares when a constraint moves up and down; none if it was not moved."""
    asked = leaf.fitted.doubts
    if asked is None or one.name not in asked.effects:
        return None
    plus, minus = asked.effects[one.name]
    return (
        np.stack([plus[:, own] for own in leaf.places], axis=1),
        np.stack([minus[:, own] for own in leaf.places], axis=1),
    )


def _largest(changes: tuple[np.ndarray, np.ndarray], names: list[str]) -> tuple[float, str]:
    size = np.nan_to_num(np.maximum(*(np.abs(part) for part in changes))).max(axis=(0, 1))
    return float(size.max()), names[int(size.argmax())]


def _sensitivity(changes: dict[str, tuple[np.ndarray, np.ndarray]], names: list[str]) -> xr.Dataset:
    rows = [(constraint, place, name) for constraint in changes for place, name in enumerate(names)]
    if not rows:
        return xr.Dataset()
    mean = {name: [part.reshape(-1, part.shape[-1]).mean(axis=0) for part in both] for name, both in changes.items()}
    return xr.Dataset(
        {
            "of_constraint": texts([r[0] for r in rows], "constraint", "sensitivity"),
            "of_component": texts([r[2] for r in rows], "component", "sensitivity"),
            "change_plus": quantity(
                [mean[r[0]][0][r[1]] for r in rows],
                "percent",
                "mean change of the share, constraint + u",
                "sensitivity",
            ),
            "change_minus": quantity(
                [mean[r[0]][1][r[1]] for r in rows],
                "percent",
                "mean change of the share, constraint - u",
                "sensitivity",
            ),
        },
        coords={"sensitivity": texts([f"{r[0]} | {r[2]}" for r in rows], "sensitivity", "sensitivity")},
    )


def model_table(tried: Sequence[Candidate]) -> xr.Dataset:
    """Return the models tried as variables on `model`."""
    names = [f"{n}: {'+ ' + c.added if c.added else 'required components'}" for n, c in enumerate(tried)]
    return xr.Dataset(
        {
            "model_components": texts([", ".join(c.components) for c in tried], "components", "model"),
            "added": texts([c.added for c in tried], "added component", "model"),
            "model_bic": quantity([c.bic for c in tried], "1", "BIC", "model"),
            "gain": quantity([c.gain for c in tried], "1", "fall of BIC", "model"),
            "model_reduced": quantity([c.reduced for c in tried], "1", "reduced chi-square", "model"),
            "model_n_free": quantity([float(c.n_free) for c in tried], "1", "free parameters and areas", "model"),
            "accepted": xr.DataArray(np.array([c.accepted for c in tried], dtype=bool), dims=("model",)),
        },
        coords={"model": texts(names, "model", "model")},
    )
