"""Reference the binding energies of each sample to a line of known energy."""

import logging
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
import xarray as xr
from pydantic import Field

from imgpipe.errors import DataError
from imgpipe.kernels.energy_alignment import alignment, moved
from imgpipe.model import quantity
from imgpipe.step import step
from imgpipe.steps.xps.line_shift import Shift, measure_shift
from imgpipe.steps.xps.references import Reference, find_reference
from imgpipe.steps.xps.samples import Sample, add_flags, as_tree, samples_of
from imgpipe.units import Dims, Gives, Unit

log = logging.getLogger(__name__)

Energy = Annotated[float, Field(gt=-20, lt=20000), Unit("eV")]
Positive = Annotated[float, Field(gt=0, le=50), Unit("eV")]
Uncertainty = Annotated[float, Field(ge=0, le=5), Unit("eV")]
NOT_ON_LITHIUM = (
    "C 1s reference: not valid on Li metal or fresh SEI (Greczynski and Hultman 2020), "
    "use PS4, implanted Ar or a Fermi edge"
)
UNREFERENCED = "binding energies as recorded, not referenced"
HIGHEST = "energy reference: the highest line of S 2p was taken for PS4"
NOT_SEEN = "energy reference not seen in some spectra: their shift is the median of the others"


def _check(settings: Any) -> None:
    """Refuse a line without region or energy before any file is opened."""
    if settings.reference != "none":
        find_reference(settings.reference, settings.leaf, settings.energy, settings.u_energy)


@step(version=1, measures=True, warm_up="imgpipe.kernels.fit:warm_up", check=_check)
def energy_reference(
    tree: Annotated[xr.DataTree, Dims("energy")],
    *,
    reference: Literal["C 1s", "PS4", "Fermi edge", "Ar 2p", "line", "none"],
    leaf: str | None = None,
    energy: Energy | None = None,
    u_energy: Uncertainty | None = None,
    search: Positive = 5.0,
    missing: Literal["stop", "leave"] = "stop",
    specimen: Literal["unknown", "air exposed", "lithium metal", "fresh SEI"] = "unknown",
) -> Annotated[xr.DataTree, Gives(energy_shift="eV", u_energy_shift="eV")]:
    """Tie the binding energies of each sample to a line of known energy (ISO 15472, 19318).

    The line is fitted among its neighbours; its position less the reference energy is taken off the energies of ALL
    regions of the sample. Where spectra of a series or samples on one axis have different shifts, each is moved by
    whole channels (counts stay counts) and the axis is cut to what all have in common. Charging is not rigid:
    insulating and metallic parts may shift differently, which no reference takes out.

    C 1s at 284.8 eV is a convention for air-exposed surfaces: on lithium metal and fresh SEI it is flagged. Offered
    instead: PS4 of the electrolyte itself (P 2p3/2, or S 2p3/2 with ``leaf: S 2p``, where it must be the highest line),
    implanted argon, a Fermi edge, or any line whose energy is known.

    Parameters
    ----------
    tree : leaves with counts over energy, binding energy
    reference : what the scale is tied to; none leaves it as recorded, and says so
    leaf : region that holds the line; needed for `line`
    energy : of the reference, eV, instead of the usual one; needed for `line`
    u_energy : its standard uncertainty
    search : how far from its energy the line is looked for
    missing : what to do with a sample without the region of the reference: stop, or leave its energies as recorded
        with a flag (metals in contact with the spectrometer need no reference)
    specimen : lithium metal and fresh SEI rule C 1s out

    Returns
    -------
    the leaves with shifted energies and ``energy_shift`` (what was taken off), ``u_energy_shift`` (with that of the
    reference energy) and ``u_energy_shift_random`` (of the fit)
    """
    samples = samples_of(tree)
    result: dict[str, xr.Dataset] = {}
    if reference == "none":
        for sample in samples:
            result |= _as_recorded(sample)
        return as_tree(result)
    for sample in samples:
        wanted = find_reference(reference, leaf, energy, u_energy, sample.regions)
        if missing == "leave" and not set(wanted.regions) & set(sample.regions):
            result |= _as_recorded(sample)
            continue
        shift = measure_shift(sample, wanted, search)
        guessed = HIGHEST if reference == "PS4" and wanted.regions == ("S 2p",) else ""
        flags = [_doubt(sample, reference, specimen), NOT_SEEN if shift.partly else "", guessed]
        for name, one in sample.regions.items():
            result[sample.paths[name]] = _shifted(sample.paths[name], one, shift, wanted, flags)
    return as_tree(result)


def _as_recorded(sample: Sample) -> dict[str, xr.Dataset]:
    """Return the leaves with their energies as they are, and a flag that says so."""
    return {sample.paths[n]: one.assign_attrs(add_flags(one, UNREFERENCED)) for n, one in sample.regions.items()}


def _doubt(sample: Sample, reference: str, specimen: str) -> str:
    """Return the warning that a C 1s reference deserves; empty when it is sound."""
    lithium = any(name.startswith("Li ") for name in sample.regions)
    doubtful = specimen in ("lithium metal", "fresh SEI") or (specimen == "unknown" and lithium)
    if reference != "C 1s" or not doubtful:
        return ""
    log.warning("%s: %s", sample.path or "energy_reference", NOT_ON_LITHIUM)
    return NOT_ON_LITHIUM


def _shifted(path: str, leaf: xr.Dataset, shift: Shift, wanted: Reference, flags: Sequence[str]) -> xr.Dataset:
    """Return the leaf with its energies referenced; spectra with different shifts are moved by whole channels."""
    value, random = _along(leaf, shift)
    axis = leaf["energy"]
    try:
        plan = alignment(np.ravel(value.values), np.asarray(axis.values, dtype=np.float64))
    except ValueError as error:
        raise DataError(f"{path}: {error}.", remedy="reference the spectra apart from each other (`at:`).") from None
    moved_leaf = leaf
    if plan.channels.any():
        moved_leaf = _moved(leaf, value.copy(data=plan.channels.reshape(value.shape)), plan.first, plan.last)
    left = value.copy(data=plan.left.reshape(value.shape))
    total = (random**2 + left**2 + wanted.u_energy**2) ** 0.5
    taken = value - left + leaf.get("energy_shift", 0.0)
    kept = moved_leaf["energy"]
    dims = tuple(str(d) for d in taken.dims)
    found = {
        "energy_shift": (taken, "measured less referenced energy; taken off"),
        "u_energy_shift": (total, "u of the energy shift"),
        "u_energy_shift_random": ((random**2 + left**2) ** 0.5, "u of the energy shift without that of the reference"),
    }
    described = {name: quantity(v.values, "eV", title, dims) for name, (v, title) in found.items()}
    shifted = moved_leaf.assign_coords(energy=kept.copy(data=kept.values - plan.common).assign_attrs(axis.attrs))
    attrs = add_flags(leaf, *flags) if any(flags) else {}
    said = f"{wanted.name} = {wanted.energy:g} +- {wanted.u_energy:g} eV ({wanted.source})"
    return (
        shifted.drop_vars(list(found), errors="ignore")
        .assign(described)
        .assign_attrs(**attrs, energy_referenced_to=said)
    )


def _along(leaf: xr.Dataset, shift: Shift) -> tuple[xr.DataArray, xr.DataArray]:
    """Return the shift and its u along the series that leaf and reference share; the mean along the others."""
    name = "counts" if "counts" in leaf else "intensity"
    own = {str(d): n for d, n in leaf[name].sizes.items() if d != "energy"} if name in leaf else {}
    gone = [str(d) for d, n in shift.value.sizes.items() if own.get(str(d)) != n]
    if not gone:
        return shift.value, shift.u
    u = (shift.u**2).mean(gone) + shift.value.var(gone)
    return shift.value.mean(gone), u**0.5


def _moved(leaf: xr.Dataset, channels: xr.DataArray, first: int, last: int) -> xr.Dataset:
    """Return the leaf with each spectrum moved by whole channels, cut to what all have in common."""
    cut = leaf.isel(energy=slice(first, last))
    bare = channels.drop_vars(list(channels.coords))
    for name in ("counts", "intensity"):
        if name not in leaf:
            continue
        array = leaf[name].drop_vars(list(leaf[name].coords))
        new = xr.apply_ufunc(
            moved, array.chunk(energy=-1) if array.chunks else array, bare,
            input_core_dims=[["energy"], []], output_core_dims=[["energy"]], exclude_dims={"energy"},
            kwargs={"first": first, "last": last}, dask="parallelized", output_dtypes=[np.float64],
            dask_gufunc_kwargs={"output_sizes": {"energy": last - first}, "allow_rechunk": True},
        )  # fmt: skip
        dims = tuple(str(d) for d in leaf[name].dims)
        cut = cut.assign({name: quantity(new.transpose(*dims).data, leaf[name].attrs["units"], name, dims)})
    return cut
