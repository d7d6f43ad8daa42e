"""The modified Auger parameter: a chemical state without an energy reference."""

from typing import Annotated

import numpy as np
import xarray as xr
from pydantic import Field

from imgpipe.errors import DataError
from imgpipe.kernels.line_position import LineModel
from imgpipe.kernels.peak_tops import curve_top, highest_point
from imgpipe.model import quantity, texts
from imgpipe.species import load_library
from imgpipe.step import step
from imgpipe.steps.xps.line_shift import fitted_reference, spectra_of
from imgpipe.steps.xps.references import Reference
from imgpipe.steps.xps.samples import Sample, as_tree, described, number, samples_of
from imgpipe.units import Dims, Gives, Unit

Energy = Annotated[float, Field(gt=0), Unit("eV")]
COPPER = {"Cu": 1851.2, "Cu2O": 1849.1, "CuO": 1851.6, "Cu(OH)2": 1850.8, "Cu2S": 1849.8}
"""Modified Auger parameters (Cu 2p3/2, Cu L3M45M45), eV: values in common use, not checked; they scatter by 0.3 eV."""
SPREAD = 0.3
"""eV, by which published Auger parameters of one compound differ."""


@step(version=1, measures=True, warm_up="imgpipe.kernels.fit:warm_up")
def auger_parameter(
    tree: Annotated[xr.DataTree, Dims("energy")],
    *,
    photoelectron: str = "Cu 2p",
    auger: str = "Cu LMM",
    photoelectron_energy: Energy = 932.7,
    top_width: Annotated[float, Field(gt=0, le=10), Unit("eV")] = 1.0,
    states: dict[str, float] | None = None,
) -> Annotated[xr.DataTree, Gives(table="regions", auger_parameter="eV", u_auger_parameter="eV")]:
    """Measure the modified Auger parameter: kinetic energy of the Auger line plus binding energy of the photoelectron.

    Charging and the choice of a reference cancel, as both lines shift alike. It tells Cu from Cu2O and Cu2S, whose 2p
    lines coincide.

    Parameters
    ----------
    tree : leaves with counts over binding energy; both regions of a sample, and the photon energy, must be known
    photoelectron, auger : regions
    photoelectron_energy : about where the photoelectron line is
    top_width : half of the range in which the top of the Auger line is taken as a cubic
    states : Auger parameters of compounds to compare with; values in common use for copper

    Returns
    -------
    per sample a leaf ``auger_parameter`` with ``auger_parameter``, its u, both energies, ``nearest_state`` and
    ``auger_flag``
    """
    known = dict(COPPER if states is None and auger == "Cu LMM" else states or {})
    line = load_library().lines.get(photoelectron)
    model = LineModel(fwhm=1.1, lorentz=0.2 if line is None else line.natural_width, u_lorentz=0.15)
    reference = Reference(photoelectron, (photoelectron,), photoelectron_energy, 0.0, (-4.0, 4.0), model, "")
    result: dict[str, xr.Dataset] = {}
    for sample in samples_of(tree):
        if {photoelectron, auger} <= set(sample.regions):
            result[sample.named("auger_parameter")] = _table(sample, reference, auger, top_width, known)
    if not result:
        raise DataError(f"no sample has both {photoelectron} and {auger}.", remedy="name the two regions.")
    return as_tree(result)


def _table(sample: Sample, reference: Reference, auger: str, top_width: float, known: dict[str, float]) -> xr.Dataset:
    name = reference.regions[0]
    leaf, path = sample.regions[auger], sample.paths[auger]
    photon = number(leaf, "photon_energy")
    if photon is None:
        raise DataError(f"{path}: the photon energy is unknown.", remedy="give photon_energy under `inputs`.")
    found, places = fitted_reference(sample.paths[name], sample.regions[name], reference, 6.0)
    energy, counts, others, _ = spectra_of(path, leaf)
    if places.shape != others.shape:
        raise DataError(f"{path}: its series differs from that of {name}.", remedy="select one place of the series.")
    start = highest_point(energy, counts, (float(energy[0]), float(energy[-1])))
    top, u_top = curve_top(energy, counts, start, top_width)
    kinetic = photon - top
    value, u = kinetic + found.position, np.hypot(u_top, found.u_position)
    sure = found.seen & np.isfinite(top)
    nearest = [_nearest(v, du, known) if ok else "" for v, du, ok in zip(value, u, sure, strict=True)]
    flags = np.where(sure, "", "a line is not seen").astype(object)
    dims = (*(str(d) for d in places.dims), "region")
    numbers = {
        "auger_parameter": (value, "modified Auger parameter"),
        "u_auger_parameter": (u, "u of the Auger parameter"),
        "auger_kinetic_energy": (kinetic, "kinetic energy of the Auger line"),
        "photoelectron_energy": (found.position, "binding energy of the photoelectron line"),
    }
    shape = (*places.shape, 1)
    table = xr.Dataset(
        {n: quantity(np.where(sure, v, np.nan).reshape(shape), "eV", title, dims) for n, (v, title) in numbers.items()},
        coords={
            "region": texts([auger], "region", "region"),
            **{d: places[d] for d in places.dims if d in places.coords},
        },
    )
    for label, words in (("nearest_state", nearest), ("auger_flag", flags)):
        table[label] = xr.DataArray(np.array(words, dtype=object).reshape(shape), dims=dims, attrs={"long_name": label})
    return table.assign_attrs(described(leaf))


def _nearest(value: float, u: float, known: dict[str, float]) -> str:
    """Return the states that the value fits within two standard deviations, the nearest first."""
    reach = 2.0 * float(np.hypot(u, SPREAD))
    fitting = sorted((abs(value - energy), name) for name, energy in known.items() if abs(value - energy) <= reach)
    return ", ".join(name for _, name in fitting)
