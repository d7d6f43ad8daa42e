"""Cut spectra to a range of energies, and add spectra of a series."""

from typing import Annotated, Literal

import numpy as np
import xarray as xr
from pydantic import Field

from imgpipe.errors import DataError
from imgpipe.step import step
from imgpipe.units import Unit

Energy = Annotated[float, Field(ge=-50, le=20000), Unit("eV")]


@step(version=1)
def crop_energy(spectra: xr.Dataset, *, low: Energy, high: Energy) -> xr.Dataset:
    """Cut a region to a range of energies; say `at:` which region.

    Parameters
    ----------
    spectra : leaf with an energy axis
    low, high : ends that stay, eV

    Returns
    -------
    Dataset : everything else as it was
    """
    if "energy" not in spectra.coords:
        raise DataError("this leaf has no energy axis.", remedy="name the region with `at:`.")
    if low >= high:
        raise DataError(f"low = {low:g} eV is not below high = {high:g} eV.", remedy="exchange them.")
    energy = np.asarray(spectra["energy"].values, dtype=np.float64)
    inside = np.flatnonzero((energy >= low) & (energy <= high))
    if inside.size < 2:
        raise DataError(
            f"{inside.size} points lie between {low:g} and {high:g} eV; the axis runs from {energy[0]:g} to "
            f"{energy[-1]:g} eV.",
            remedy="give energies of this region, on the axis as it is now (referenced or not).",
        )
    return spectra.isel(energy=slice(int(inside[0]), int(inside[-1]) + 1))


@step(version=1)
def sum_spectra(
    spectra: xr.Dataset,
    *,
    along: Literal["cycle", "time"] = "cycle",
    every: Annotated[int, Field(ge=2)] | None = None,
) -> xr.Dataset:
    """Add spectra along a series: all of them, or every few neighbours; counts stay counts.

    The number of sweeps grows with them; coordinates (time, charge) and numbers along the series become means.
    Spectra left over at the end of the series are left out.

    Parameters
    ----------
    spectra : leaf with counts (or rates, which are averaged) along a series
    along : dimension
    every : number of neighbours that become one spectrum; all without it

    Returns
    -------
    Dataset : the leaf with a shorter series, or without it
    """
    if along not in spectra.dims:
        raise DataError(f"this leaf has no dimension {along}; it has {', '.join(map(str, spectra.dims))}.")
    count = spectra.sizes[along] if every is None else every
    if count > spectra.sizes[along]:
        raise DataError(f"every = {count}, but there are {spectra.sizes[along]} spectra.", remedy="take fewer.")
    used = spectra.isel({along: slice(0, spectra.sizes[along] // count * count)})
    text = [str(name) for name, one in used.variables.items() if along in one.dims and one.dtype.kind not in "fiu"]
    if text:
        raise DataError(
            f"{', '.join(text)} can't be added along {along}.", remedy="add spectra before they are fitted."
        )
    sums = {name for name in ("counts",) if name in used}
    new = {
        str(name): _together(one, along, count, str(name) in sums)
        for name, one in used.variables.items()
        if along in one.dims
    }
    kept = used.drop_vars(list(new))
    coords = {name: new[name] for name in new if name in used.coords}
    added = kept.assign({name: one for name, one in new.items() if name not in coords}).assign_coords(coords)
    if "sweeps" in used and along not in used["sweeps"].dims:
        added["sweeps"] = (used["sweeps"] * count).assign_attrs(used["sweeps"].attrs)
    order = {name: spectra[name].dims for name in added.data_vars}
    added = added.assign({n: added[n].transpose(*(d for d in dims if d in added[n].dims)) for n, dims in order.items()})
    return added.isel({along: 0}, drop=True) if every is None else added


def _together(one: xr.Variable, along: str, count: int, total: bool) -> xr.Variable:
    reduced = one.coarsen({along: count}, "sum" if total else "mean", boundary="exact")
    return xr.Variable(reduced.dims, reduced.data, one.attrs)
