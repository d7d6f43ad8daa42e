"""What a leaf's results owe to its data: the u of the energy reference, flags of every row, rows without a fit."""

from collections.abc import Iterable

import numpy as np
import xarray as xr

from imgpipe.steps.xps.fit_data import Spectra

UNREFERENCED = "energies not referenced"
FROM_RESIDUALS = "noise from residuals"
OUTSIDE = "outside of the window"
FLAGS = {"component": "flag", "peak": "peak_flag"}


def marked(found: xr.Dataset, leaf: xr.Dataset, spectra: Spectra, by_residuals: bool) -> xr.Dataset:
    """Return the results with the u of the energy reference, all flags, and a row for every component of the plan.

    Parameters
    ----------
    found : results of a leaf
    leaf : its data
    by_residuals : the data are no counts, so that the noise was taken from the scatter
    """
    said = [] if "energy_shift" in leaf else [UNREFERENCED]
    said += [FROM_RESIDUALS] if by_residuals else []
    said += [f"{OUTSIDE}: {c.name}" for c in spectra.left_out if c.required]
    changed = _with_reference(found, leaf)
    changed = changed.assign({name: _told(changed[name], said) for name in FLAGS.values()})
    if by_residuals:
        changed["fit_flag"] = _told(changed["fit_flag"], [FROM_RESIDUALS])
    return _with_rows(changed, spectra) if spectra.left_out else changed


def _with_reference(found: xr.Dataset, leaf: xr.Dataset) -> xr.Dataset:
    """Return the results with the u of the energy shift in that of all positions."""
    if "u_energy_shift" not in leaf:
        return found
    shift = leaf["u_energy_shift"].reset_coords(drop=True)
    changed = {}
    for name in ("u_position", "u_peak_position"):
        own = found[name]
        whole = ((own**2 + shift**2) ** 0.5).transpose(*own.dims)
        changed[name] = own.copy(data=whole.values)
        changed[f"{name}_random"] = own.assign_attrs(long_name="u of the binding energy without that of the reference")
    return found.assign(changed)


def _told(flags: xr.DataArray, said: Iterable[str]) -> xr.DataArray:
    """Return flags with further ones on every row."""
    texts = list(said)
    joined = ["; ".join(one for one in (str(old), *texts) if one) for old in flags.values.ravel()]
    return flags.copy(data=np.array(joined, dtype=object).reshape(flags.shape))


def _with_rows(found: xr.Dataset, spectra: Spectra) -> xr.Dataset:
    """Return the results with rows of NaN for the components outside of the window."""
    own = {
        "component": {c.name: c.name for c in spectra.left_out},
        "peak": {peak: c.name for c in spectra.left_out for peak in c.peaks},
    }
    text = {str(name): "" for name, one in found.data_vars.items() if one.dtype == object}
    for dim, names in own.items():
        before = found[dim]
        wanted = np.array([*before.values, *names], dtype=object)
        found = found.reindex({dim: wanted}, fill_value={**dict.fromkeys(found.data_vars, np.nan), **text})
        found = found.assign_coords({dim: (dim, wanted, before.attrs)})
        for name, component in names.items():
            found[FLAGS[dim]].loc[{dim: name}] = f"{OUTSIDE}: {component}"
            if dim == "peak":
                found["component_of"].loc[{dim: name}] = component
    return found
