"""Everything that held a fit, in words: what a reader needs to judge it and to repeat it.

Asked for by Major et al., J. Vac. Sci. Technol. A 38, 061203 (2020) and Fairley et al., ibid. 41, 013203 (2023).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import xarray as xr

from imgpipe.methods.words import different
from imgpipe.rounding import with_uncertainty

KINDS = {
    "fixed": "Held constant",
    "linked": "Linked",
    "prior": "Held by Gaussian priors",
    "bound": "Bounded",
    "shared": "Shared by several spectra",
}
"""Kind of a constraint -> how its list begins, in the order of the paragraph."""


@dataclass(frozen=True)
class Held:
    """One constraint of one fit."""

    kind: str
    text: str
    unverified: bool


def constraint_paragraph(leaves: Sequence[xr.Dataset]) -> str:
    """Return every constraint of the fits, by kind; equal ones of several regions once."""
    held = different(one for leaf in leaves for one in _constraints(leaf))
    if not held:
        return ""
    kinds = [*KINDS, *(one.kind for one in held if one.kind not in KINDS)]
    parts = [f"{KINDS.get(kind, kind)}: {'; '.join(texts)}." for kind in different(kinds) if (texts := _of(held, kind))]
    largest = _largest(leaves)
    if largest:
        parts.append(
            f"{largest} Effects of all constraints are in tables/constraints.csv and tables/sensitivities.csv."
        )
    if any(one.unverified for one in held):
        parts.append("Values marked * were not checked against a source.")
    return " ".join(parts)


def _of(held: Sequence[Held], kind: str) -> list[str]:
    return [one.text for one in held if one.kind == kind]


def _constraints(leaf: xr.Dataset) -> Iterator[Held]:
    if "constraint" not in leaf.dims or "kind" not in leaf:
        return
    region = str(leaf.attrs.get("region", ""))
    for number in range(leaf.sizes["constraint"]):
        one = leaf.isel(constraint=number)
        yield Held(_text(one, "kind"), _told(one, region), "verified" in one and not bool(one["verified"]))


def _told(one: xr.Dataset, region: str) -> str:
    """Return a constraint: name, what it holds, value with u, unit, source."""
    value, u = _number(one, "value"), _number(one, "u")
    text, spread = with_uncertainty(value, u)
    number = "" if not math.isfinite(value) else f" {value:.5g}" if spread == "–" else f" {text} ± {spread}"
    unit = _text(one, "unit")
    name, places, source = str(one["constraint"].values), _text(one, "applies_to"), _text(one, "source")
    where = "" if not region or region in name or region in places else f"{region} "
    star = "*" if "verified" in one and not bool(one["verified"]) else ""
    return "".join([
        f"{where}{name}", number, f" {unit}" if number and unit not in ("", "1") else "", star,
        f" for {places}" if places and places != name else "", f" [{source}]" if source else "",
    ])  # fmt: skip


def _largest(leaves: Sequence[xr.Dataset]) -> str:
    """Return which constraint the shares owe most to."""
    found = [
        (abs(_number(one, "largest_effect")), str(one["constraint"].values), _text(one, "most_affected"))
        for leaf in leaves
        if "largest_effect" in leaf
        for one in (leaf.isel(constraint=number) for number in range(leaf.sizes["constraint"]))
        if math.isfinite(_number(one, "largest_effect"))
    ]
    if not found or max(found)[0] == 0:
        return ""
    size, name, most = max(found)
    return f"Moved by its own uncertainty, {name} changes a share most (by {size:.1f} points, {most})."


def _number(one: xr.Dataset, name: str) -> float:
    return float(one[name]) if name in one and one[name].ndim == 0 else math.nan


def _text(one: xr.Dataset, name: str) -> str:
    return str(one[name].values) if name in one else ""
