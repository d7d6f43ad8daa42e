"""From a HyperSpy signal to a leaf."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from imgpipe.errors import DataError
from imgpipe.exchange import notes
from imgpipe.exchange.axes import coordinate_of, dims_of
from imgpipe.exchange.microscope import numbers
from imgpipe.model import quantity

SPECTRA = ("EDS_SEM", "EDS_TEM")


def from_hyperspy(signal: Any, *, variable: str | None = None, unit: str | None = None) -> xr.Dataset:
    """Return a HyperSpy signal as a leaf, without copying its data.

    A signal that came from `to_hyperspy` gets its names, numbers, attrs and provenance back; what was changed in
    HyperSpy wins. Any other signal is taken by what it is: EDS spectra as ``counts`` along energy, a line of them
    along position, a map along y and x; images as ``image``. Energies become eV, lengths nm; a length axis without
    unit stays in px. Numbers that eXSpy fills in by itself (elevation 35 deg, resolution 130 eV ...) are left out
    where the signal came from a leaf that did not know them.

    Parameters
    ----------
    signal : HyperSpy or eXSpy signal, lazy or not
    variable : name of the variable; as it was, else ``counts`` (EDS), ``image`` (2-D) or ``intensity``
    unit : unit of the numbers, such as ``percent`` for a composition; as it was, else ``counts``

    Returns
    -------
    Dataset : one variable with coordinates, 0-d variables of the microscope, attrs

    Raises
    ------
    DataError
        when this is no HyperSpy signal, or one that has no place in imgpipe (ragged, more than four axes).
    UnitError
        when an axis has an unknown unit, or an energy axis none.
    """
    _require_signal(signal)
    noted = notes.read(signal.metadata)
    kind = str(signal.metadata.get_item("Signal.signal_type", ""))
    axes = _axes(signal)
    names = {name: str(one["dim"]) for name, one in noted["dims"].items()}
    dims = dims_of(axes, names, spectra=kind in SPECTRA)
    labels = [noted["dims"].get(str(axis.name), {}) for axis in axes]
    coords = {dim: coordinate_of(axis, dim, label) for axis, dim, label in zip(axes, dims, labels, strict=True)}
    name = variable or noted.get("variable") or _usual_name(kind, dims)
    array = xr.DataArray(_data(signal, dims), dims=dims, coords=coords, attrs=_array_attrs(noted, name, unit))
    leaf = xr.Dataset({name: array}, attrs=_attrs(signal, noted, kind))
    return leaf.assign(_scalars(signal, noted, kind))


def _require_signal(signal: Any) -> None:
    import hyperspy.api as hs

    if not isinstance(signal, hs.signals.BaseSignal):
        raise DataError(f"expected a HyperSpy signal, found {type(signal).__name__}.")
    if signal.ragged:
        raise DataError("a ragged signal has no place in imgpipe.", remedy="cut its parts to one length.")


def _axes(signal: Any) -> list[Any]:
    """Return all axes in the order of the data."""
    manager = signal.axes_manager
    return sorted((*manager.navigation_axes, *manager.signal_axes), key=lambda axis: int(axis.index_in_array))


def _data(signal: Any, dims: list[str]) -> Any:
    """Return the array; HyperSpy keeps a single number as one point without an axis."""
    data = signal.data
    return data.reshape(()) if not dims else data.reshape(data.shape[: len(dims)]) if data.ndim > len(dims) else data


def _usual_name(kind: str, dims: list[str]) -> str:
    if kind in SPECTRA:
        return "counts"
    return "image" if dims[-2:] == ["y", "x"] else "intensity"


def _array_attrs(noted: Mapping[str, Any], name: str, unit: str | None) -> dict[str, Any]:
    usual = quantity(0.0, unit or "counts", "counts" if name == "counts" else "grey value" if name == "image" else name)
    return dict(usual.attrs) | dict(noted["variable_attrs"]) | ({"units": usual.attrs["units"]} if unit else {})


def _attrs(signal: Any, noted: Mapping[str, Any], kind: str) -> dict[str, Any]:
    metadata = signal.metadata
    made: dict[str, Any] = dict(noted["attrs"])
    made["title"] = str(metadata.get_item("General.title", "") or made.get("title", ""))
    if kind in SPECTRA:
        elements = metadata.get_item("Sample.elements", None)
        made |= {"technique": "edxs", "elements": " ".join(map(str, elements if elements is not None else []))}
        made |= {"microscope": kind.removeprefix("EDS_")}
    vendor = signal.original_metadata.as_dictionary()
    return made | ({"vendor_metadata": json.dumps(_plain(vendor), sort_keys=True)} if vendor else {})


def _scalars(signal: Any, noted: Mapping[str, Any], kind: str) -> dict[str, xr.DataArray]:
    made = notes.unplaced(noted)
    instruments = signal.metadata.get_item("Acquisition_instrument", None)
    if instruments is None:
        return made
    known = instruments.as_dictionary()
    instrument = known.get(kind.removeprefix("EDS_")) or known.get("SEM") or known.get("TEM") or {}
    found = numbers(instrument, noted["assumed"])
    return made | {name: notes.as_noted(one, noted["scalars"].get(name)) for name, one in found.items()}


def _plain(value: Any) -> Any:
    """Return metadata as JSON holds them; what it can't hold becomes text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, np.ndarray):
        return [_plain(one) for one in value.tolist()] if value.ndim else _plain(value.item())
    if isinstance(value, np.generic):
        return _plain(value.item())
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
