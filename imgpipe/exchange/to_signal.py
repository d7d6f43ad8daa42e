"""From a leaf to a HyperSpy signal."""

from __future__ import annotations

import json
from typing import Any

import xarray as xr

from imgpipe.blocks import is_lazy
from imgpipe.errors import DataError
from imgpipe.exchange import notes
from imgpipe.exchange.axes import axis_of, signal_dims
from imgpipe.exchange.microscope import assumed, entries, in_microscope, microscope
from imgpipe.spelling import nearest


def to_hyperspy(leaf: xr.Dataset, variable: str = "counts") -> Any:
    """Return a variable of a leaf as a HyperSpy signal, without copying its data.

    Spectra of ``technique: edxs`` become eXSpy's ``EDS_SEM`` or ``EDS_TEM`` (as ``attrs["microscope"]`` says, else TEM
    above 45 kV), with the energy in keV and beam energy, current, times, angles, resolution and elements where eXSpy
    looks for them; other spectra and profiles become ``Signal1D``, images ``Signal2D``. Dask arrays give lazy signals
    on the same graph. Even axes become scale and offset, uneven ones `DataAxis`. What HyperSpy has no place for
    (provenance, other numbers, attrs) stands in ``metadata.imgpipe`` and comes back with `from_hyperspy`; the other
    variables of the leaf stay where they are.

    Parameters
    ----------
    leaf : one acquisition, e.g. ``read("map.bcf")["map"].to_dataset()``
    variable : name of the variable: ``counts``, ``image`` ...

    Returns
    -------
    hyperspy.api.signals.BaseSignal
        navigation axes in the order of the variable's dimensions, signal axes last

    Raises
    ------
    DataError
        when there is no such variable, it holds no numbers, or an axis is not monotonic.
    """
    array = _chosen(leaf, variable)
    inner = signal_dims([str(dim) for dim in array.dims])
    ordered = array.transpose(..., *inner)
    spectra = inner == ("energy",) and leaf.attrs.get("technique") == "edxs"
    axes = [axis_of(ordered, str(d), navigate=d not in inner, kilo=spectra) for d in ordered.dims]
    names = {str(dim): str(axis["name"]) for dim, axis in zip(ordered.dims, axes, strict=True)}
    signal = _class(leaf, inner, spectra=spectra)(
        ordered.data, axes=axes, metadata=_metadata(leaf, spectra=spectra), original_metadata=_vendor(leaf)
    )
    filled = assumed(_instrument(signal, leaf), entries(leaf)) if spectra else {}
    signal.metadata.set_item(notes.WHERE, notes.write(leaf, ordered, names, filled))
    return signal.as_lazy() if is_lazy(array) else signal


def _chosen(leaf: xr.Dataset, variable: str) -> xr.DataArray:
    if variable not in leaf.data_vars:
        raise DataError(
            f"there is no variable {variable!r}{nearest(variable, map(str, leaf.data_vars))}.",
            remedy="name one that the leaf has: to_hyperspy(leaf, 'image').",
        )
    array = leaf[variable]
    if array.dtype.kind not in "biufc" or array.ndim == 0:
        raise DataError(f"{variable} is no array of numbers; HyperSpy can't hold it.")
    return array


def _class(leaf: xr.Dataset, inner: tuple[str, ...], *, spectra: bool) -> Any:
    import hyperspy.api as hs

    if not spectra:
        return hs.signals.Signal2D if len(inner) == 2 else hs.signals.Signal1D
    import exspy

    return exspy.signals.EDSTEMSpectrum if microscope(leaf) == "TEM" else exspy.signals.EDSSEMSpectrum


def _metadata(leaf: xr.Dataset, *, spectra: bool) -> dict[str, Any]:
    made: dict[str, Any] = {"General": {"title": str(leaf.attrs.get("title", ""))}}
    if not in_microscope(leaf):
        return made
    if elements := str(leaf.attrs.get("elements", "")).split():
        made["Sample"] = {"elements": elements}
    tree: dict[str, Any] = {"Detector": {"EDS": {}}} if spectra else {}
    for path, value in entries(leaf).items():
        *folders, name = path.split(".")
        place = tree
        for folder in folders:
            place = place.setdefault(folder, {})
        place[name] = value
    return made | {"Acquisition_instrument": {microscope(leaf): tree}}


def _instrument(signal: Any, leaf: xr.Dataset) -> dict[str, Any]:
    return dict(signal.metadata.Acquisition_instrument[microscope(leaf)].as_dictionary())


def _vendor(leaf: xr.Dataset) -> dict[str, Any]:
    """Return the vendor's metadata as HyperSpy shows them."""
    found = json.loads(str(leaf.attrs.get("vendor_metadata") or "{}"))
    return found if isinstance(found, dict) else {"vendor_metadata": found}
