"""What `fit_components` takes from the leaves: counts within the window, samples and series, checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr

from imgpipe.blocks import is_lazy
from imgpipe.errors import DataError
from imgpipe.model import unit_of
from imgpipe.species.parts import Spot
from imgpipe.species.plan import ComponentPlan, FitPlan, RegionPlan

COUNT_REMEDY = (
    "give dwell_time and sweeps where the file is read, so that counts can be restored, or set `noise: gaussian` "
    "to weigh all points alike (the uncertainties then rest on the scatter of the residuals)."
)
LEAST_POINTS = 12
DIVIDED = ("counts already divided", "not whole numbers")
"""What the flags of a leaf say of numbers that are no counts."""
NEEDED = 0.8
"""Share of the points of a spectrum that must be there."""


@dataclass(frozen=True)
class Spectra:
    """The spectra of one leaf within the window.

    Attributes
    ----------
    values : counts with dims (*series, [sample], energy), all energies
    inside : bool (energy,), the window
    samples : names; one where the leaf has no dimension `sample`
    series : dimensions fitted one by one
    left_out : components outside of the window
    divided : the numbers are no counts any more
    """

    path: str
    region: RegionPlan
    values: xr.DataArray
    inside: np.ndarray
    samples: tuple[str, ...]
    series: tuple[str, ...]
    left_out: tuple[ComponentPlan, ...] = ()
    u_charge: float = 1.0
    gauss: float = 0.0
    u_gauss: float = 0.0
    divided: bool = False

    @property
    def energy(self) -> np.ndarray:
        """All energies, eV."""
        return np.asarray(self.values["energy"].values, dtype=np.float64)

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the series."""
        return tuple(self.values.sizes[dim] for dim in self.series)

    @property
    def together(self) -> tuple[Any, ...]:
        """What leaves must have in common to be fitted jointly."""
        coords = tuple(
            tuple(np.asarray(self.values[d].values).tolist()) for d in self.series if d in self.values.coords
        )
        return (self.series, self.shape, coords)

    def spots(self) -> list[Spot]:
        """Return one spot per sample."""
        x = self.energy[self.inside]
        return [Spot(sample, self.region, x, self.u_charge, self.gauss, self.u_gauss) for sample in self.samples]

    def flat(self) -> Any:
        """Return the counts (b, samples x n) within the window, numpy or dask."""
        sample = ("sample",) if "sample" in self.values.dims else ()
        ordered = self.values.transpose(*self.series, *sample, "energy").isel(energy=np.flatnonzero(self.inside))
        data = ordered.data
        batch = int(np.prod(self.shape, dtype=np.int64))
        return data.reshape(batch, len(self.samples) * int(self.inside.sum()))


def chosen_spectra(
    leaves: Mapping[str, xr.Dataset], plan: FitPlan, windows: Mapping[str, Sequence[float]], noise: str
) -> list[Spectra]:
    """Return the spectra of all leaves for which the plan has components.

    Raises
    ------
    DataError
        when no leaf has one, or a leaf can't be fitted as it stands.
    """
    found = []
    for path, leaf in leaves.items():
        name = str(leaf.attrs.get("region", path.rsplit("/", 1)[-1]))
        region = next((r for r in plan.regions if name == r.region or name in r.also), None)
        if region is not None:
            low, high = windows.get(name, windows.get(region.region, region.window))
            found.append(_spectra(path, leaf, replace(region, window=(float(low), float(high))), plan, noise))
    if not found:
        wanted = ", ".join(r.region for r in plan.regions)
        raise DataError(
            f"no leaf is a region of the model {plan.name}: it describes {wanted}, "
            f"found {', '.join(leaves) or 'none'}.",
            remedy="choose another `model:`, or give `components:` for this region.",
        )
    return found


def _spectra(path: str, leaf: xr.Dataset, region: RegionPlan, plan: FitPlan, noise: str) -> Spectra:
    energy = _energy(path, leaf)
    inside = (energy >= region.window[0]) & (energy <= region.window[1])
    if inside.sum() < LEAST_POINTS:
        raise DataError(
            f"{path}: {int(inside.sum())} points lie between {region.window[0]:g} and {region.window[1]:g} eV; "
            f"the axis runs from {energy[0]:g} to {energy[-1]:g} eV.",
            remedy="give `window:` for this region in eV of binding energy.",
        )
    divided = "counts" in leaf and any(said in str(leaf.attrs.get("flags", "")) for said in DIVIDED)
    counted = "gaussian" if divided and noise == "auto" else noise
    values = _counts(path, leaf, counted, inside)
    fitted, gone = _within(path, region, energy[inside])
    parent = path.rsplit("/", 1)[0] if "/" in path else ""
    has_samples = "sample" in values.dims
    samples = (
        tuple(map(str, values["sample"].values)) if has_samples else (parent or str(leaf.attrs.get("sample", "")),)
    )
    referenced = float(leaf["u_energy_shift"].max()) if "u_energy_shift" in leaf else None
    u_charge = plan.charge_u if referenced is None else min(plan.charge_u, float(np.hypot(referenced, 0.3)))
    series = tuple(str(d) for d in values.dims if d not in ("sample", "energy"))
    return Spectra(path, fitted, values, inside, samples, series, gone, u_charge, *_instrument(leaf), divided)


def _instrument(leaf: xr.Dataset) -> tuple[float, float]:
    """Return the Gaussian FWHM of the instrument and its u, eV; 0 where it was not measured."""
    names = ("instrument_width", "u_instrument_width")
    width, u = (float(leaf[name].max()) if name in leaf else 0.0 for name in names)
    return width, u


def _energy(path: str, leaf: xr.Dataset) -> np.ndarray:
    if "energy" not in leaf.coords:
        raise DataError(f"{path}: no energy axis.", remedy="read the file with an XPS reader, or name the axis energy.")
    axis = leaf["energy"]
    values = np.asarray(axis.values, dtype=np.float64)
    unit = unit_of(axis)
    if unit != "eV":
        raise DataError(f"{path}: the energy axis is in {unit}, not in eV.", remedy="multiply it by 1000 for keV.")
    if values.size and values[-1] < 5.0:
        raise DataError(
            f"{path}: the energy axis ends at {values[-1]:g} eV: it looks like keV.", remedy="multiply it by 1000."
        )
    if str(axis.attrs.get("energy_type", "binding")) != "binding":
        raise DataError(
            f"{path}: the axis holds kinetic energies.",
            remedy="give the photon energy where the file is read: binding = photon energy - kinetic.",
        )
    if not np.all(np.diff(values) > 0):
        raise DataError(
            f"{path}: the energy axis does not rise.", remedy="sort it: leaf.sortby('energy'); imgpipe's readers do so."
        )
    return values


def _counts(path: str, leaf: xr.Dataset, noise: str, inside: np.ndarray) -> xr.DataArray:
    if "counts" in leaf:
        values = leaf["counts"]
    elif "intensity" not in leaf:
        raise DataError(f"{path}: there are no counts.", remedy="name the variable `counts`.")
    elif noise != "gaussian":
        raise DataError(
            f"{path}: the counts were already divided by the dwell time ({unit_of(leaf['intensity'])}), so that "
            "counting statistics are lost.",
            remedy=COUNT_REMEDY,
        )
    else:
        values = leaf["intensity"]
    if not is_lazy(values):
        there = np.asarray(values.transpose(..., "energy").values)[..., inside]
        refuse_unsound(path, there, noise)
        if not np.nan_to_num(there).any():
            raise DataError(f"{path}: the spectrum is zero everywhere.", remedy="leave this region out (`at:`).")
    return values


def refuse_unsound(path: str, values: np.ndarray, noise: str, some: bool = True) -> None:
    """Refuse infinities, negative counts, and spectra (..., n) with too many missing points (NaN).

    Spectra of a series that are missing altogether are let in; where `some` are wanted, not all of them.
    """
    bad = int(values.size - np.isfinite(values).sum())
    there = np.isfinite(values).mean(axis=-1)
    if np.isinf(values).any() or ((there > 0.0) & (there < NEEDED)).any() or (some and not there.any()):
        raise DataError(f"{path}: {bad} of {values.size} points are NaN or infinite.", remedy="crop them off.")
    if noise != "gaussian" and (values < 0).any():
        raise DataError(
            f"{path}: {int((values < 0).sum())} points are below zero: no counts.",
            remedy="take the spectrum before its background was subtracted, or set `noise: gaussian`.",
        )


def _within(path: str, region: RegionPlan, energy: np.ndarray) -> tuple[RegionPlan, tuple[ComponentPlan, ...]]:
    """Return the plan without the components that lie outside of the energies, and those."""
    low, high = float(energy[0]), float(energy[-1])
    gone = tuple(c for c in region.components if not low <= c.position <= high)
    if len(gone) == len(region.components):
        told = ", ".join(f"{c.name} {c.position:g}" for c in region.components)
        raise DataError(
            f"{path}: no component of the model lies between {low:g} and {high:g} eV ({told} eV).",
            remedy="choose another model or window for this region.",
        )
    return (region.without([c.name for c in gone]) if gone else region), gone


def joint_groups(spectra: Sequence[Spectra]) -> list[list[Spectra]]:
    """Return the leaves that are fitted together: those with the same series."""
    groups: dict[Any, list[Spectra]] = {}
    for one in spectra:
        groups.setdefault(one.together, []).append(one)
    return list(groups.values())
