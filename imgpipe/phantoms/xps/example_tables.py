"""The truth of the example spectra as rows of tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from imgpipe.phantoms.xps.making import of_region

_DECIMALS = {"position": 3, "fwhm": 3, "area": 0, "area_percent": 2, "splitting": 3}
_COLUMNS = {
    "position": "recorded_position_eV",
    "fwhm": "fwhm_eV",
    "area": "area_counts_eV",
    "area_percent": "area_percent",
    "splitting": "splitting_eV",
}


def component_rows(files: list[str], truth: xr.Dataset) -> list[dict[str, str]]:
    """Return one row per file, region and component; positions are on the recorded axis, charging included."""
    rows = []
    for index, file in enumerate(files):
        sample = truth.isel(sample=index)
        for region in truth["region"].values:
            found = of_region(sample, str(region))
            rows += [_component(file, str(region), found.isel(component=i)) for i in range(found.sizes["component"])]
    return rows


def _component(file: str, region: str, truth: xr.Dataset) -> dict[str, str]:
    row = {
        "file": file,
        "sample": str(truth["sample"].item()),
        "region": region,
        "component": str(truth["component"].item()),
        "lines": str(truth["lines"].item()),
    }
    numbers = {_COLUMNS[name]: f"{float(truth[name]):.{digits}f}" for name, digits in _DECIMALS.items()}
    shift = float(truth["energy_shift"]) if "energy_shift" in truth else 0.0
    return {**row, **numbers, "position_minus_shift_eV": f"{float(truth['position']) - shift:.3f}"}


def sample_rows(files: list[str], truth: xr.Dataset) -> list[dict[str, str]]:
    """Return one row per file and fact: name, value, unit."""
    rows = []
    for index, file in enumerate(files):
        sample = truth.isel(sample=index)
        for name, fact in sample.data_vars.items():
            if "component" in fact.dims or fact.dtype.kind != "f":
                continue
            rows += [
                {"file": file, "sample": str(sample["sample"].item()), "fact": label, "value": f"{value:.5g}",
                 "unit": str(fact.attrs["units"]), "meaning": str(fact.attrs["long_name"])}
                for label, value in _values(str(name), fact) if np.isfinite(value)
            ]  # fmt: skip
    return rows


def _values(name: str, fact: xr.DataArray) -> list[tuple[str, float]]:
    if fact.dims == ("element",):
        return [(f"{name} {element}", float(fact.sel(element=element))) for element in fact["element"].values]
    return [(name, float(fact))]


def series_rows(file: str, truth: xr.Dataset) -> list[dict[str, Any]]:
    """Return one row per spectrum of a series."""
    shares = of_region(truth, str(truth["region"].values[0]))["area_percent"]
    return [
        {
            "file": file,
            "cycle": f"{float(truth['cycle'][index]):.0f}",
            "time_s": f"{float(truth['time'][index]):.0f}",
            "charge_mAh_per_cm2": f"{float(truth['charge'][index]):.2f}",
            "excess_sulfide_percent": f"{float(truth['excess_sulfide'][index]):.2f}",
            **{
                f"area_percent_{name}": f"{float(shares.sel(component=name)[index]):.2f}"
                for name in shares.component.values
            },
        }
        for index in range(truth.sizes["cycle"])
    ]
