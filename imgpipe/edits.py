"""Edges that a person has moved: a small YAML file beside the result, replayed by the next run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import xarray as xr
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from imgpipe.errors import DataError, RecipeError, UnitError
from imgpipe.located_yaml import load_located
from imgpipe.model import texts
from imgpipe.units import parse_quantity

Length = Annotated[str, Field(pattern=r"^\s*[-+]?\d[^ ]*\s*[a-zA-Zµμ]+\s*$")]


class Anchor(BaseModel):
    """One point that an edge must pass through; x and y are lengths with a unit ("120 nm", "85 px")."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    interface: str
    x: Length
    y: Length


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    imgpipe_edits: Literal[1]
    groups: dict[str, list[Anchor]]


@dataclass(frozen=True)
class Edits:
    """Anchors of moved edges, per group."""

    groups: Mapping[str, tuple[Anchor, ...]] = field(default_factory=dict)

    def dump(self) -> str:
        """Return the YAML text of an edits file."""
        groups = {group: [a.model_dump() for a in anchors] for group, anchors in sorted(self.groups.items())}
        return yaml.safe_dump({"imgpipe_edits": 1, "groups": groups}, sort_keys=False, allow_unicode=True)


def load_edits(path: Path) -> Edits:
    """Read an edits file; `RecipeError` names the fault."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise RecipeError(f"can't read the edits: {reason}.", file=str(path)) from None
    value: Any = load_located(text, str(path)).value
    try:
        found = _File.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise RecipeError(f"edits: {where}: {first['msg']}.", file=str(path)) from None
    return Edits({group: tuple(anchors) for group, anchors in found.groups.items()})


def with_edits(leaf: xr.Dataset, anchors: tuple[Anchor, ...]) -> xr.Dataset:
    """Return the leaf with its anchors as variables on dimension ``edit``.

    Raises
    ------
    DataError
        when an anchor's unit is not that of the image (px on a calibrated image, nm on one without scale).
    """
    if not anchors:
        return leaf
    columns: dict[str, xr.DataArray] = {"edited_interface": texts((a.interface for a in anchors), "interface", "edit")}
    for dim in ("x", "y"):
        unit = str(leaf[dim].attrs["units"])
        try:
            values = [parse_quantity(getattr(a, dim), unit) for a in anchors]
        except UnitError as error:
            raise DataError(f"edits: {dim}: {error.message}") from None
        columns[f"edited_{dim}"] = xr.DataArray(
            np.array(values), dims=("edit",), attrs={"units": unit, "long_name": f"{dim} of a moved edge"}
        )
    return leaf.assign(columns)
