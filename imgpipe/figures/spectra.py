"""What a fitted leaf shows: measured counts, envelope, background, components, one spectrum after the other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from imgpipe.model import SERIES_DIMS

MEASURED = ("counts", "intensity")
"""Variables that hold what was measured, the better one first."""
ALONG = ("charge", "depth", "etch_depth", "etch_time", "time", "potential", "temperature")
"""Coordinates against which a series is drawn, the first that is there."""
_SUB, _SUPER = str.maketrans("0123456789x", "₀₁₂₃₄₅₆₇₈₉ₓ"), str.maketrans("0123456789+-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻")
_FORMULA = re.compile(r"(?P<body>(?:[A-Z][a-z]?|\(|\))(?:[A-Z][a-z]?|\(|\)|\d|x)*?)(?P<charge>\d?[+-])?")


@dataclass(frozen=True)
class Spectrum:
    """One spectrum of a leaf, on its fitted window.

    Attributes
    ----------
    label : what tells it from the others of its series
    energy : (n,) eV, rising
    measured : (n,) in `unit`
    envelope, background, residual : (n,), or None where nothing was fitted; the residual in standard deviations
    curves : component -> (n,) without background
    """

    label: str
    energy: np.ndarray
    measured: np.ndarray
    unit: str
    envelope: np.ndarray | None
    background: np.ndarray | None
    residual: np.ndarray | None
    curves: dict[str, np.ndarray]


def is_spectrum(leaf: xr.Dataset) -> bool:
    """Tell whether a leaf holds something measured over an energy axis."""
    return "energy" in leaf.dims and measured_name(leaf) is not None


def is_fitted(leaf: xr.Dataset) -> bool:
    """Tell whether a leaf holds the results of a fit of its spectra."""
    return is_spectrum(leaf) and "component" in leaf.coords and "area" in leaf


def has_curves(leaf: xr.Dataset) -> bool:
    """Tell whether a leaf holds the curves of its fit too; very long series keep the numbers only."""
    return is_fitted(leaf) and {"envelope", "background", "component_curve"} <= set(leaf.data_vars)


def measured_name(leaf: xr.Dataset) -> str | None:
    """Return the variable that holds what was measured."""
    return next((name for name in MEASURED if name in leaf and "energy" in leaf[name].dims), None)


def series_dim(leaf: xr.Dataset) -> str | None:
    """Return the dimension along which the spectra of a leaf stand, None for a single one (or more than one)."""
    name = measured_name(leaf)
    found = [str(dim) for dim in leaf[name].dims if dim in SERIES_DIMS] if name else []
    return found[0] if len(found) == 1 else None


def series_coordinate(leaf: xr.Dataset) -> xr.DataArray | None:
    """Return numbers against which a series is drawn: charge, depth, time ... or its running number."""
    dim = series_dim(leaf)
    if dim is None or dim == "sample":
        return None
    known = [name for name in (*ALONG, dim) if name in leaf.coords and leaf[name].dims == (dim,)]
    usable = (leaf[name] for name in known if leaf[name].dtype.kind in "fiu" and np.isfinite(leaf[name]).all())
    return next((found for found in usable if np.unique(found.values).size > 1), None)


def places(leaf: xr.Dataset) -> list[str]:
    """Return a label for each spectrum of a leaf; one empty label for a single spectrum."""
    dim = series_dim(leaf)
    if dim is None:
        return [""]
    along = series_coordinate(leaf)
    if along is not None:
        return [quantity_text(float(value), along) for value in along.values]
    return (
        [str(value) for value in leaf[dim].values] if dim in leaf.coords else [str(n) for n in range(leaf.sizes[dim])]
    )


def quantity_text(value: float, array: xr.DataArray) -> str:
    """Return a number with the name and unit of an array: ``charge 0.5 mAh/cm²``."""
    unit = shown_unit(str(array.attrs.get("units", "1")))
    return f"{array.attrs.get('long_name', array.name)} {value:.4g}{' ' if unit else ''}{unit}"


def shown_unit(unit: str) -> str:
    """Return a unit as it is printed: ``mAh/cm**2`` -> ``mAh/cm²``; nothing for a pure number."""
    return "" if unit == "1" else unit.replace("**2", "²").replace("**3", "³").replace("*", " ").replace("percent", "%")


def drawn_places(leaf: xr.Dataset, most: int) -> list[int]:
    """Return the spectra to draw one by one: all of a few, else evenly chosen ones with both ends."""
    count = len(places(leaf))
    return sorted(set(np.linspace(0, count - 1, min(count, most)).round().astype(int).tolist()))


def spectra(leaf: xr.Dataset, chosen: list[int]) -> Iterator[Spectrum]:
    """Yield the chosen spectra of a leaf."""
    labels = places(leaf)
    for number in chosen:
        yield _spectrum(one_place(leaf, number), labels[number])


def one_place(leaf: xr.Dataset, number: int) -> xr.Dataset:
    """Return a leaf at one place of its series, without further dimensions of a series."""
    dim = series_dim(leaf)
    if dim is not None:
        return leaf.isel({dim: number})
    return leaf.isel({d: 0 for d in leaf.dims if d in SERIES_DIMS})


def _spectrum(leaf: xr.Dataset, label: str) -> Spectrum:
    name = measured_name(leaf)
    measured = leaf[name]
    energy = np.asarray(leaf["energy"].values, dtype=float)
    fitted = has_curves(leaf)
    shown = np.isfinite(leaf["envelope"].values) if fitted else np.ones(energy.shape, dtype=bool)

    def take(array: xr.DataArray) -> np.ndarray:
        values: np.ndarray = np.asarray(array.values, dtype=float)[shown]
        return values

    curves = {
        str(n): take(leaf["component_curve"].isel(component=i))
        for i, n in enumerate(components(leaf) if fitted else [])
    }
    return Spectrum(
        label=label,
        energy=energy[shown],
        measured=take(measured),
        unit=str(measured.attrs.get("units", "counts")),
        envelope=take(leaf["envelope"]) if fitted else None,
        background=take(leaf["background"]) if fitted else None,
        residual=take(leaf["residual"]) if fitted and "residual" in leaf else None,
        curves=curves,
    )


def components(leaf: xr.Dataset) -> list[str]:
    """Return the names of the components of a fitted leaf."""
    return [str(name) for name in leaf["component"].values] if is_fitted(leaf) else []


def number_of(leaf: xr.Dataset, variable: str, component: str) -> float:
    """Return a number of one component of a single spectrum; NaN where there is none."""
    if variable not in leaf or set(leaf[variable].dims) != {"component"}:
        return float("nan")
    return float(leaf[variable].values[components(leaf).index(component)])


def is_kinetic(leaf: xr.Dataset) -> bool:
    """Tell whether the energy axis is one of kinetic energy, which is drawn rising to the right."""
    return str(leaf["energy"].attrs.get("energy_type", "binding")) == "kinetic"


def energy_label(leaf: xr.Dataset) -> str:
    """Return the label of the energy axis."""
    kind = "kinetic" if is_kinetic(leaf) else "binding"
    return f"{kind} energy ({leaf['energy'].attrs.get('units', 'eV')})"


def curve_table(spectrum: Spectrum, kind: str) -> pd.DataFrame:
    """Return all curves of one spectrum, one row per point; the series' label in front where there is one."""
    columns: dict[str, object] = {"spectrum": spectrum.label} if spectrum.label else {}
    columns |= {f"{kind}_energy_eV": spectrum.energy, "measured": spectrum.measured}
    rest = {"envelope": spectrum.envelope, "background": spectrum.background, "residual": spectrum.residual}
    columns |= {name: values for name, values in rest.items() if values is not None}
    return pd.DataFrame(columns | {f"component {name}": curve for name, curve in spectrum.curves.items()})


def formula(name: str) -> str:
    """Return a chemical formula with its indices and charge: ``Li6PS5Cl`` -> ``Li₆PS₅Cl``; other names as they are."""
    match = _FORMULA.fullmatch(name)
    if match is None:
        return name
    return match["body"].translate(_SUB) + (match["charge"] or "").translate(_SUPER)
