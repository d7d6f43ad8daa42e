"""Small leaves made by hand: a map with a slanting interface, a table of line intensities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from imgpipe.binding import Call, apply
from imgpipe.model import axis, quantity, texts
from imgpipe.step import Step

CHANNELS = 40


def two_halves(
    shape: tuple[int, int] = (60, 80), angle: float = 0.0, at: tuple[float, float] = (400.0, 300.0), *,
    size: tuple[float, float] = (10.0, 10.0), unit: str = "nm", seed: int = 0, rates: tuple[float, float] = (6.0, 1.0),
) -> xr.Dataset:  # fmt: skip
    """Return a map whose counts per channel change at a straight border through `at`.

    Parameters
    ----------
    shape : rows, columns
    angle : of the normal of the border against x, deg
    at : (x, y) a point of the border
    size : of a pixel along (x, y)
    rates : mean counts per channel and pixel before and behind the border
    """
    x, y = np.arange(shape[1]) * size[0], np.arange(shape[0]) * size[1]
    along = (x[None, :] - at[0]) * np.cos(np.radians(angle)) + (y[:, None] - at[1]) * np.sin(np.radians(angle))
    mean = np.where(along < 0.0, *rates)
    counts = np.random.default_rng(seed).poisson(mean[:, :, None], (*shape, CHANNELS)).astype(np.uint16)
    coords = {
        "y": axis("y", shape[0], size[1], unit),
        "x": axis("x", shape[1], size[0], unit),
        "energy": axis("energy", CHANNELS, 10.0, "eV"),
    }
    leaf = xr.Dataset({"counts": quantity(counts, "counts", "X-ray counts", "y x energy", coords)})
    numbers = {"live_time": (0.2, "s"), "beam_energy": (5000.0, "eV"), "detector_resolution": (129.0, "eV")}
    leaf = leaf.assign({n: quantity(v, u, n.replace("_", " ")) for n, (v, u) in numbers.items()})
    return leaf.assign_attrs(technique="edxs", elements="Mg W")


def intensities(
    rows: Mapping[str, tuple[float, float]], lines: Sequence[str], **numbers: tuple[float, str]
) -> xr.Dataset:
    """Return a table of line intensities: element -> (counts, u), with the numbers of the leaf."""
    counts, u = np.array(list(rows.values()), dtype=float).T
    leaf = xr.Dataset(
        {
            "total_intensity": quantity(counts, "counts", "intensity", "element"),
            "u_total_intensity": quantity(u, "counts", "u of the intensity", "element"),
            "xray_line": texts(lines, "line", "element"),
        },
        coords={"element": texts(rows, "element", "element")},
        attrs={"technique": "edxs", "elements": " ".join(name.split()[0] for name in rows)},
    )
    return leaf.assign({name: quantity(value, unit, name) for name, (value, unit) in numbers.items()})


def run(
    step: Step[Any, Any],
    tree: Mapping[str, xr.Dataset],
    result: str | None = None,
    /,
    **settings: Any,
) -> xr.DataTree:
    """Run a step on a tree as a recipe does."""
    nodes = xr.DataTree.from_dict({f"/{name}": leaf for name, leaf in tree.items()})
    return apply(Call(step, step.settings(**settings), result=result), nodes)
