"""The NXfit of a leaf: one NXpeak per component, the background, figures of merit, and links to the data."""

from __future__ import annotations

import json
from typing import Any

import h5py
import numpy as np
import xarray as xr

from imgpipe.nexus.fields import group_at, put_text
from imgpipe.nexus.places import METRICS, PER_PEAK

NOISE = {"poisson": "deviance of Poisson counts", "gaussian": "sum of squared residuals over their variance"}


def fit_place(variable: str, number: int) -> str:
    """Return the field of one component's place of a variable."""
    return f"fit/peak{number}/{PER_PEAK.get(variable, variable)}"


def write_fit(entry: h5py.Group, leaf: xr.Dataset) -> None:
    """Complete the fit of an entry, whose variables are written already, for programs that know NXfit."""
    model = dict(json.loads(leaf.attrs.get("fit_model") or "{}"))
    fit = group_at(entry, "fit")
    put_text(entry, "fit/label", str(leaf.attrs.get("region", "")))
    put_text(entry, "fit/global_fit_function/description", str(model.get("title") or model.get("model") or ""))
    noise = str(model.get("noise", ""))
    put_text(entry, "fit/error_function/description", NOISE.get(noise, noise))
    for name, metric in METRICS.items():
        if (field := f"figure_of_merit_{name}") in fit:
            fit[field].attrs["metric"] = metric
    known = {str(one["name"]): one for one in model.get("components", [])}
    for number, component in enumerate(str(name) for name in leaf["component"].values):
        _describe_peak(entry, leaf, number, component, known.get(component, {}))
    if "background" in fit:
        put_text(entry, "fit/background/label", "background")
        put_text(entry, "fit/background/function/description", str(model.get("background", "")))
    _link_data(entry, leaf)


def _describe_peak(entry: h5py.Group, leaf: xr.Dataset, number: int, component: str, known: dict[str, Any]) -> None:
    """Write label, line shape, doublet, and the part of the atoms that a component stands for."""
    peak = f"fit/peak{number}"
    put_text(entry, f"{peak}/label", component)
    put_text(entry, f"{peak}/function/description", str(known.get("shape", "")))
    parameters = group_at(entry, f"{peak}/function/fit_parameters")
    if "position" in parameters:  # never a number of one scale beside limits on the other
        parameters["position"].attrs["type"] = str(leaf["energy"].attrs.get("energy_type", "binding"))
    for name, unit in (("splitting", "eV"), ("ratio", "")):
        if known.get(name) is not None and name not in parameters:
            field = parameters.create_dataset(name, data=float(known[name]))
            field.attrs.update({"units": unit} if unit else {})
    if "area_percent" in leaf:
        share = leaf["area_percent"].isel(component=number)
        field = group_at(entry, peak).create_dataset(
            "relative_atomic_concentration", data=np.asarray(share.values) / 100.0
        )
        if "denominator" in leaf:  # among which components: never the whole surface
            field.attrs["of"] = str(leaf["denominator"].values[number])


def _link_data(entry: h5py.Group, leaf: xr.Dataset) -> None:
    """Link the measured spectrum into the fit, and the energy beside each curve."""
    if "data/data" not in entry or "envelope" not in leaf:
        return
    fit, data = entry["fit"], group_at(entry, "fit/data")
    axes = [name if name in entry["data"] else "." for name in map(str, leaf["envelope"].dims)]
    data["input_dependent"], data["input_independent"] = entry["data/data"], entry["data/energy"]
    auxiliary = [name for name in ("fit_sum",) if name in data]
    for name in sorted(fit):
        curve = fit[name].get("data") if isinstance(fit[name], h5py.Group) and name != "data" else None
        if curve is None or "intensity" not in curve:
            continue
        curve["position"] = entry["data/energy"]
        curve.attrs["signal"], curve.attrs["axes"] = "intensity", [*axes[:-1], "position"]
        data[f"{name}_intensity"] = curve["intensity"]
        auxiliary.append(f"{name}_intensity")
    data.attrs["signal"], data.attrs["axes"] = "input_dependent", [*axes[:-1], "input_independent"]
    data.attrs["auxiliary_signals"] = auxiliary
    fit.attrs["default"], entry.attrs["default"] = "data", "fit"
