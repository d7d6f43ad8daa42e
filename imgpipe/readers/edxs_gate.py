"""Let X-ray counts into a pipeline, or say why not: counts and energy axis, in front of every step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from imgpipe.errors import DataError
from imgpipe.readers.edxs_axes import HIGHEST_END, LOWEST_END
from imgpipe.readers.edxs_tally import CountStatistics, from_json

if TYPE_CHECKING:
    import xarray as xr

FEWEST = 5
"""Fewest channels of a spectrum."""
LOOKED_AT = 1 << 28
"""Bytes up to which every value of data without statistics is looked at; of larger data a few chunks are."""
CHUNKS = 8
NOT_WHOLE = "counts are not whole numbers: their noise is taken as Gaussian"
NO_BEAM = "beam energy unknown"


def admit_edxs(dataset: xr.Dataset) -> list[str]:
    """Return the flags of a spectrum, line or map of X-rays, or refuse it.

    The statistics that the reader took while streaming are used, so nothing is read again.

    Parameters
    ----------
    dataset : with `counts` (..., energy), or `intensity` (element, position) of a table

    Raises
    ------
    DataError
        negative, missing (NaN) or infinite counts, nothing but zeros, energy not in eV, not rising or out of range,
        energy losses instead of X-rays.
    """
    name = next((name for name in ("counts", "intensity") if name in dataset), None)
    if name is None and "image" in dataset:
        return []  # a picture beside the spectra: its reader has flagged it, and nothing is measured in it
    try:
        if name is None:
            raise DataError(f"there is no variable counts or intensity, only {', '.join(map(str, dataset.data_vars))}.")
        if dataset.attrs.get("technique") == "eels":
            raise DataError(
                "it holds energy losses of electrons, not X-rays.", remedy="leave it out, or give an EDXS file."
            )
        if "energy" in dataset[name].dims:
            _require_axis(dataset, dataset[name])
        statistics, told = _statistics(dataset, dataset[name])
        _require_counts(statistics)
        beam = [] if "beam_energy" in dataset else [NO_BEAM]
        return told + ([NOT_WHOLE] if statistics.fractional else []) + beam
    except DataError as error:
        raise DataError(error.message, file=dataset.attrs.get("source_file"), remedy=error.remedy) from None


def _require_axis(dataset: xr.Dataset, array: xr.DataArray) -> None:
    if array.dims[-1] != "energy" or "energy" not in dataset.coords:
        raise DataError(f"counts need energy as their last dimension; found {', '.join(map(str, array.dims))}.")
    energy = dataset.coords["energy"]
    values = np.asarray(energy.values, np.float64)
    if values.size < FEWEST:
        raise DataError(f"the spectrum has {values.size} channels; at least {FEWEST} are needed.")
    if energy.attrs.get("units") != "eV":
        raise DataError(
            f"the energy is in {energy.attrs.get('units')!r}; eV is expected.", remedy="convert the axis to eV."
        )
    if not np.isfinite(values).all() or not np.all(np.diff(values) > 0):
        raise DataError("the energy must be finite and rise from channel to channel.", remedy="export it again.")
    if not LOWEST_END <= values[-1] <= HIGHEST_END:
        raise DataError(
            f"the energy axis ends at {values[-1]:g} eV: it looks like {'keV' if values[-1] < LOWEST_END else 'meV'}.",
            remedy="correct the unit of the energy axis.",
        )


def _statistics(dataset: xr.Dataset, array: xr.DataArray) -> tuple[CountStatistics, list[str]]:
    stored = dataset.attrs.get("count_statistics")
    if stored is not None:
        found = from_json(str(stored))
        if found.count == array.size:  # else it was cropped since
            return found, []
    found, told = CountStatistics(), []
    blocks = _blocks(array)
    if array.nbytes > LOOKED_AT and len(blocks) > CHUNKS:
        chosen = np.unique(np.linspace(0, len(blocks) - 1, CHUNKS).astype(int))
        told = [f"values looked at in {chosen.size} of {len(blocks)} chunks"]
        blocks = [blocks[n] for n in chosen]
    for block in blocks:
        found.add(np.asarray(block))
    return found, told


def _blocks(array: xr.DataArray) -> list[Any]:
    data = array.data
    return list(data.blocks.ravel()) if hasattr(data, "blocks") else [data]


def _require_counts(found: CountStatistics) -> None:
    if found.not_a_number or found.infinite:
        raise DataError(
            f"{found.not_a_number} counts are missing (NaN) and {found.infinite} infinite.",
            remedy="export the spectra again; counts must be finite.",
        )
    if found.negative:
        raise DataError(
            f"{found.negative} counts are negative (down to {found.lowest:g}): these are no counts.",
            remedy="give the spectra as measured, without a background taken off.",
        )
    if not found.count or found.highest == 0:
        raise DataError("all counts are zero.", remedy="check the detector (shutter, retracted?) and the export.")
