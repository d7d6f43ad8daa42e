"""Where a reference line is in the spectra of a sample, and how far from where it should be."""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from imgpipe.errors import DataError
from imgpipe.kernels.line_position import Position, edge_position, line_position
from imgpipe.kernels.peak_tops import highest_point
from imgpipe.steps.xps.references import Reference
from imgpipe.steps.xps.samples import Sample, binding_energies, finite_spectra

LEAST_POINTS = 15
U_SHAPE = 0.01
"""eV, how far a position may be off because the lines are no exact Voigts and losses no exact steps: 0.006 to 0.013 eV
on phantoms with explicit losses."""


@dataclass(frozen=True)
class Shift:
    """Measured less reference energy, eV, with the series of the region it was measured in."""

    value: xr.DataArray
    u: xr.DataArray
    partly: bool


def measure_shift(sample: Sample, wanted: Reference, search: float) -> Shift:
    """Return the shift of a sample from the region that holds its reference.

    Raises
    ------
    DataError
        when the region is missing, or no spectrum shows the line.
    """
    name = next((region for region in wanted.regions if region in sample.regions), None)
    if name is None:
        raise DataError(
            f"{sample.path or 'the sample'} has no region {' or '.join(wanted.regions)} to hold {wanted.name}.",
            remedy=f"choose another `reference:` or name its region in `leaf:`; there are {', '.join(sample.regions)}.",
        )
    path, leaf = sample.paths[name], sample.regions[name]
    found, places = fitted_reference(path, leaf, wanted, search)
    if not found.seen.any():
        raise DataError(
            f"{path}: {wanted.name} is not seen within {search:g} eV of {wanted.energy:g} eV.",
            remedy="widen `search`, or choose another reference.",
        )
    value, u = found.position - wanted.energy, np.hypot(found.u_position, U_SHAPE)
    lost = ~found.seen
    if lost.any():
        value = np.where(lost, np.median(value[found.seen]), value)
        u = np.where(lost, np.hypot(np.median(u[found.seen]), value[found.seen].std()), u)
    return Shift(
        places.copy(data=value.reshape(places.shape)), places.copy(data=u.reshape(places.shape)), bool(lost.any())
    )


def fitted_reference(path: str, leaf: xr.Dataset, wanted: Reference, search: float) -> tuple[Position, xr.DataArray]:
    """Return the fitted line of every spectrum of a leaf (b,), and an array with the series as dimensions."""
    energy, counts, places, counting = spectra_of(path, leaf)
    low, high = wanted.energy - search, wanted.energy + search
    if wanted.model is None:
        return _edge(path, energy, counts, wanted, search, counting), places
    near = (max(low, energy[0]), min(high, energy[-1]))
    try:
        start = highest_point(energy, counts, near)
    except ValueError as error:
        raise DataError(f"{path}: {error}.", remedy="measure a wider region, or choose another reference.") from None
    middle = float(np.median(start))
    inside = (energy >= middle + wanted.window[0]) & (energy <= middle + wanted.window[1])
    if inside.sum() < LEAST_POINTS:
        raise DataError(f"{path}: {int(inside.sum())} points about {middle:g} eV.", remedy="measure a wider region.")
    part = np.ascontiguousarray(counts[:, inside])
    return line_position(energy[inside], part, wanted.model, start, reach=2.0, counting=counting), places


def _edge(
    path: str, energy: np.ndarray, counts: np.ndarray, wanted: Reference, search: float, counting: bool
) -> Position:
    low, high = wanted.energy - search, wanted.energy + search
    near = np.flatnonzero((energy >= low) & (energy <= high))
    if near.size < LEAST_POINTS:
        raise DataError(f"{path}: {near.size} points within {search:g} eV of the Fermi edge.", remedy="widen `search`.")
    total = counts[:, near].sum(axis=0)
    soft = np.convolve(total, np.ones(5) / 5.0, mode="same")
    start = float(energy[near][2:-2][np.argmax(np.gradient(soft)[2:-2])])
    inside = (energy >= start + wanted.window[0]) & (energy <= start + wanted.window[1])
    part = np.ascontiguousarray(counts[:, inside])
    return edge_position(energy[inside], part, np.full(len(counts), start), counting=counting)


def spectra_of(path: str, leaf: xr.Dataset) -> tuple[np.ndarray, np.ndarray, xr.DataArray, bool]:
    """Return energies, spectra (b, n), an array with the series as dimensions, and whether these are counts."""
    name = "counts" if "counts" in leaf else "intensity"
    if name not in leaf:
        raise DataError(f"{path}: there are no counts.", remedy="name the variable `counts`.")
    energy = binding_energies(path, leaf)
    values = leaf[name].transpose(..., "energy")
    places = xr.zeros_like(values.isel(energy=0, drop=True), dtype=np.float64).compute()
    return energy, finite_spectra(path, values), places, name == "counts"
