"""Leaves as fit_components leaves them, with areas that a test knows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from imgpipe.model import quantity, texts


def fitted_leaf(
    region: str,
    areas: Mapping[str, Any],
    u_areas: Mapping[str, Any] | None = None,
    *,
    positions: Mapping[str, float] | None = None,
    main: str = "",
    minor: str = "",
    kinds: Mapping[str, str] | None = None,
    u_percent: Mapping[str, Any] | None = None,
    dwell_time: float = 0.2,
    sweeps: float = 10.0,
    transmission: float = 1.0,
    sample: str = "",
    **numbers: tuple[float, str],
) -> xr.Dataset:
    """Return a leaf with the variables of fit_components.

    Parameters
    ----------
    areas, u_areas, u_percent : component -> number, or (cycle,) numbers
    main, minor : halves of the doublet, "2p3/2" and "2p1/2"; a single line has none
    numbers : further 0-d variables, name -> (value, unit)
    """
    names, (element, _, level) = list(areas), region.partition(" ")
    main = main or level
    area = np.stack([np.asarray(areas[n], dtype=np.float64) for n in names], axis=-1)
    u = np.stack([np.asarray((u_areas or {}).get(n, np.zeros_like(area[..., 0]))) for n in names], axis=-1)
    total = np.maximum(area.sum(axis=-1, keepdims=True), 1e-9)
    percent = 100.0 * area / total
    by_area = 100.0 * u / total
    u_share = by_area if u_percent is None else np.stack([np.asarray(u_percent[n]) for n in names], axis=-1)
    dims = ("cycle", "component")[-area.ndim :]
    energy = xr.DataArray(np.linspace(0.0, 1400.0, 29), dims="energy", attrs={"units": "eV", "energy_type": "binding"})
    place = [(positions or {}).get(n, 160.0) for n in names]
    leaf = xr.Dataset(
        {
            "counts": quantity(np.ones(29), "counts", "counts", "energy"),
            "transmission": quantity(np.full(29, transmission), "1", "transmission", "energy"),
            "dwell_time": quantity(dwell_time, "s", "dwell time"),
            "sweeps": quantity(sweeps, "1", "sweeps"),
            "photon_energy": quantity(1486.6, "eV", "photon energy"),
            "area": quantity(area, "counts*eV", "area", dims),
            "u_area": quantity(u, "counts*eV", "u of the area", dims),
            "area_percent": quantity(percent, "percent", "share", dims),
            "u_area_percent": quantity(u_share, "percent", "u of the share", dims),
            "position": quantity(np.broadcast_to(place, area.shape), "eV", "position", dims),
            "line": texts([f"{element} {main}"] * len(names), "line", "component"),
            "denominator": texts([f"{region} area of {' + '.join(names)}"] * len(names), "of", "component"),
            "flag": xr.DataArray(np.full(area.shape, "", dtype=object), dims=dims),
            **{name: quantity(value, unit, name) for name, (value, unit) in numbers.items()},
        },
        coords={"energy": energy, "component": texts(names, "component", "component")},
        attrs={"technique": "xps", "region": region, "element": element, "line": level, "sample": sample},
    )
    if area.ndim == 2:
        leaf = leaf.assign_coords(cycle=quantity(np.arange(1.0, len(area) + 1.0), "1", "cycle", "cycle"))
    halves = [main, minor] if minor else [main]
    described = [
        {"name": n, "line": region, "peaks": [f"{n} {h}" for h in halves], "kind": (kinds or {}).get(n, "chemical")}
        for n in names
    ]
    return leaf.assign_attrs(fit_model=json.dumps({"components": described}))
