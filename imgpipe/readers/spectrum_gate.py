"""Let a spectrum into a pipeline, or say why not: intensities and energy axis, in front of every step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imgpipe.errors import DataError
from imgpipe.readers.edxs_gate import admit_edxs
from imgpipe.readers.xps_spectrum import DIVIDED, whole

if TYPE_CHECKING:
    import xarray as xr

FEWEST = 5
"""Fewest points that make a spectrum."""
MOST_MISSING = 0.2
"""Share of missing points (NaN) from which a spectrum of a series is refused."""
ZERO_RUN = 10
"""Zeros in a row from which a spectrum is flagged, where its counts are not near zero anyway."""
_QUIET = 3.0
"""Median of the other counts from which zeros in a row can't be chance (10 of them: 1e-13)."""
_SHOWN = 5
Rows = NDArray[np.float64]


def admit_spectrum(dataset: xr.Dataset) -> list[str]:
    """Return the flags of a spectrum or series of spectra, or refuse it; X-rays have a gate of their own.

    Parameters
    ----------
    dataset : with `counts` or `intensity` (..., energy)

    Raises
    ------
    DataError
        fewer than 5 points, energy not in eV or not rising, NaN, Inf, negative values; nothing but zeros or
        constant values (in every cycle; some such cycles are flagged).
    """
    if dataset.attrs.get("technique") in ("edxs", "eels"):
        return admit_edxs(dataset)
    name = next((name for name in ("counts", "intensity") if name in dataset), None)
    try:
        if name is None:
            raise DataError(f"there is no variable counts or intensity, only {', '.join(map(str, dataset.data_vars))}.")
        _require_axis(dataset, dataset[name])
        return _Tally().over(dataset[name]).flags(counts=name == "counts")
    except DataError as error:
        region = dataset.attrs.get("region", "")
        told = f"{region}: {error.message}" if region else error.message
        raise DataError(told, file=dataset.attrs.get("source_file"), remedy=error.remedy) from None


def _require_axis(dataset: xr.Dataset, array: xr.DataArray) -> None:
    if not array.ndim or array.dims[-1] != "energy" or "energy" not in dataset.coords:
        raise DataError(f"a spectrum needs energy as its last dimension; found {', '.join(map(str, array.dims))}.")
    energy = dataset.coords["energy"]
    values = np.asarray(energy.values, np.float64)
    if values.size < FEWEST:
        raise DataError(
            f"the spectrum has {values.size} points; at least {FEWEST} are needed.", remedy="check the export."
        )
    if energy.attrs.get("units") != "eV":
        raise DataError(
            f"the energy is in {energy.attrs.get('units')!r}; eV is expected.", remedy="convert the axis to eV."
        )
    if not np.isfinite(values).all():
        raise DataError("the energy holds NaN or Inf.", remedy="export the spectrum again.")
    steps = np.diff(values)
    if not np.all(steps > 0):
        at = int(np.argmax(steps <= 0))
        what = "comes twice" if steps[at] == 0 else f"is followed by {values[at + 1]:g} eV"
        raise DataError(
            f"the energy must rise from point to point; {values[at]:g} eV {what}.",
            remedy="sort the points by energy; export each sweep on its own, or merged.",
        )


class _Tally:
    """What one pass over the spectra tells."""

    def __init__(self) -> None:
        self.rows = 0
        self.zero: list[int] = []
        self.constant: list[int] = []
        self.runs: list[int] = []
        self.gaps: list[int] = []
        self.whole = True

    def over(self, array: xr.DataArray) -> _Tally:
        """Take in all spectra; raise `DataError` for values that no spectrum has."""
        for block in _blocks(array):
            self._add(block.reshape(-1, block.shape[-1]), array.size > array.shape[-1])
        return self

    def _add(self, rows: Rows, series: bool) -> None:
        self.whole = self.whole and whole(rows)
        rows, gaps = _without_gaps(rows) if series else (rows, np.zeros(len(rows), bool))
        _require_counts(rows)
        numbers = np.arange(self.rows, self.rows + rows.shape[0])
        none = ~rows.any(axis=1)
        flat = (rows == rows[:, :1]).all(axis=1) & ~none
        self.zero += numbers[none].tolist()
        self.constant += numbers[flat].tolist()
        self.runs += numbers[_zero_runs(rows) & ~none].tolist()
        self.gaps += numbers[gaps].tolist()
        self.rows += rows.shape[0]

    def flags(self, *, counts: bool) -> list[str]:
        """Return what a reader of the results must know; refuse what holds no spectrum."""
        if self.rows and len(self.zero) == self.rows:
            raise DataError("all intensities are zero.", remedy="check detector and export; leave this region out.")
        if self.rows and len(self.zero) + len(self.constant) == self.rows:
            raise DataError("all intensities are equal: this is no spectrum.", remedy="check the export.")
        found = [] if self.whole or not counts else [f"{DIVIDED} or otherwise corrected: they are not whole numbers"]
        for rows, what in (
            (self.gaps, "missing points (NaN)"),
            (self.zero, "only zeros"),
            (self.constant, "one value only"),
            (self.runs, f"{ZERO_RUN} or more zeros in a row (interrupted copy, lost block?)"),
        ):
            found += [self._told(rows, what)] if rows else []
        return found

    def _told(self, rows: list[int], what: str) -> str:
        if self.rows == 1:
            return f"the spectrum holds {what}"
        shown = ", ".join(str(row + 1) for row in rows[:_SHOWN]) + (" ..." if len(rows) > _SHOWN else "")
        return f"{len(rows)} of {self.rows} spectra hold {what} (number {shown})"


def _blocks(array: xr.DataArray) -> Iterator[Rows]:
    """Give the spectra block by block, whole along energy."""
    data: Any = array.data
    if not hasattr(data, "blocks"):
        yield np.asarray(data, np.float64)
        return
    rows = data.rechunk({data.ndim - 1: -1})
    for block in rows.blocks.ravel():
        yield np.asarray(block, np.float64)


def _without_gaps(rows: Rows) -> tuple[Rows, NDArray[np.bool_]]:
    """Return the spectra of a series with single missing points at their median, and which have such.

    What misses a fifth of its points or more is left as it is.
    """
    missing = np.isnan(rows)
    gaps = missing.any(axis=1) & (missing.mean(axis=1) < MOST_MISSING)
    if not gaps.any():
        return rows, gaps
    changed = rows.copy()
    changed[gaps] = np.where(missing[gaps], np.nanmedian(rows[gaps], axis=1, keepdims=True), rows[gaps])
    return changed, gaps


def _require_counts(rows: Rows) -> None:
    missing, infinite = int(np.isnan(rows).sum()), int(np.isinf(rows).sum())
    if missing or infinite:
        raise DataError(
            f"{missing} intensities are missing (NaN) and {infinite} infinite.",
            remedy="export the spectrum again, or crop the axis to where it was measured.",
        )
    if rows.size and rows.min() < 0:
        raise DataError(
            f"{int((rows < 0).sum())} intensities are negative (down to {rows.min():g}): these are no counts.",
            remedy="give the spectrum as measured, without a background taken off.",
        )


def _zero_runs(rows: Rows) -> NDArray[np.bool_]:
    """Tell which spectra hold a run of zeros, while they are not near zero elsewhere."""
    if rows.shape[1] < 2 * ZERO_RUN:
        return np.zeros(rows.shape[0], bool)
    zeros = np.cumsum(np.pad(rows == 0, ((0, 0), (1, 0))), axis=1)
    runs = (zeros[:, ZERO_RUN:] - zeros[:, :-ZERO_RUN] == ZERO_RUN).any(axis=1)
    found: NDArray[np.bool_] = runs & rows.any(axis=1)
    if found.any():
        others = np.where(rows[found] > 0, rows[found], np.nan)
        found[found] = np.nanmedian(others, axis=1) > _QUIET
    return found
