"""Width that the instrument adds to every line."""

from typing import Annotated

import numpy as np
import xarray as xr
from pydantic import Field

from imgpipe.errors import DataError
from imgpipe.kernels.line_position import LineModel
from imgpipe.model import quantity
from imgpipe.step import step
from imgpipe.steps.xps.line_shift import fitted_reference
from imgpipe.steps.xps.references import Reference
from imgpipe.steps.xps.samples import add_flags, as_tree, number, samples_of
from imgpipe.units import Dims, Gives, Unit

Width = Annotated[float, Field(gt=0, le=10), Unit("eV")]
Uncertainty = Annotated[float, Field(ge=0, le=5), Unit("eV")]
SAME = 0.02
"""Pass energies that differ by a smaller fraction are one."""
OTHER = "instrument width not known at this pass energy"
ASSUMED = "instrument width: pass energy not recorded, taken as that of the standard"


@step(version=1, measures=True, warm_up="imgpipe.kernels.fit:warm_up")
def instrument_width(
    tree: Annotated[xr.DataTree, Dims("energy")],
    *,
    width: Width | None = None,
    u_width: Uncertainty = 0.03,
    pass_energy: Annotated[float, Field(gt=0), Unit("eV")] | None = None,
    leaf: str = "Ag 3d",
    energy: Annotated[float, Field(gt=0), Unit("eV")] = 368.2,
    splitting: Annotated[float, Field(ge=0), Unit("eV")] = 6.0,
    ratio: Annotated[float, Field(ge=0, le=1)] = 0.6667,
    natural_width: Uncertainty = 0.3,
    u_natural_width: Uncertainty = 0.05,
) -> Annotated[xr.DataTree, Gives(instrument_width="eV", u_instrument_width="eV")]:
    """Measure the Gaussian FWHM of photons and analyser together, on Ag 3d5/2 of clean silver, or take it as given.

    The line is fitted as a Voigt whose Lorentzian part, the lifetime, is known; the Gaussian part is the instrument's
    (phonons and temperature included: some 0.1 eV, in quadrature). It goes to all regions of the same pass energy; a
    region with another one gets no number, but a flag. For several pass energies use the step several times.

    Parameters
    ----------
    tree : leaves with counts over energy
    width, u_width : known Gaussian FWHM and its u, in place of a fit
    pass_energy : at which `width` holds; without it at all
    leaf : region with the standard; any other narrow line whose natural width is known will do
    energy, splitting, ratio : of its main half, and minor over main; defaults for Ag 3d
    natural_width, u_natural_width : Lorentzian FWHM; 0.3 eV is a common value for Ag 3d5/2, not checked

    Returns
    -------
    the leaves with ``instrument_width`` and ``u_instrument_width`` (eV) where they are known
    """
    samples = samples_of(tree)
    found: list[tuple[float | None, float, float]] = []
    if width is not None:
        found.append((pass_energy, width, u_width))
    else:
        model = LineModel(splitting, ratio, fwhm=0.6, lorentz=natural_width, u_lorentz=u_natural_width)
        standard = Reference(leaf, (leaf,), energy, 0.0, (-4.0, 4.0 + splitting), model, "")
        for sample in samples:
            if leaf in sample.regions:
                found.append(_measured(sample.paths[leaf], sample.regions[leaf], standard))
    if not found:
        there = ", ".join(dict.fromkeys(name for sample in samples for name in sample.regions))
        raise DataError(
            f"there is no region {leaf!r} to measure the instrument on; there are {there}.",
            remedy="give `width` and its `pass_energy`, or name the standard's region in `leaf`.",
        )
    result = {s.paths[name]: _with_width(one, found) for s in samples for name, one in s.regions.items()}
    return as_tree(result)


def _measured(path: str, leaf: xr.Dataset, standard: Reference) -> tuple[float | None, float, float]:
    """Return pass energy, Gaussian FWHM and u of a standard, the mean of its spectra."""
    found, _ = fitted_reference(path, leaf, standard, search=5.0)
    if not found.seen.any():
        raise DataError(f"{path}: {standard.name} is not seen near {standard.energy:g} eV.", remedy="check the region.")
    widths, u = found.width[found.seen], found.u_width[found.seen]
    return number(leaf, "pass_energy"), float(widths.mean()), float(np.sqrt((u**2).mean()))


def _with_width(leaf: xr.Dataset, found: list[tuple[float | None, float, float]]) -> xr.Dataset:
    own = number(leaf, "pass_energy")
    fitting = [one for one in found if one[0] is None or own is None or abs(one[0] / own - 1.0) < SAME]
    if not fitting:
        return leaf if "instrument_width" in leaf else leaf.assign_attrs(add_flags(leaf, OTHER))
    at, width, u = fitting[0]
    flags = add_flags(leaf, ASSUMED) if own is None and at is not None else {}
    known = [
        flag for flag in str(flags.get("flags", leaf.attrs.get("flags", ""))).split("; ") if flag not in ("", OTHER)
    ]
    return leaf.assign(
        instrument_width=quantity(width, "eV", "Gaussian FWHM of the instrument"),
        u_instrument_width=quantity(u, "eV", "u of the Gaussian FWHM of the instrument"),
    ).assign_attrs(flags="; ".join(known))
