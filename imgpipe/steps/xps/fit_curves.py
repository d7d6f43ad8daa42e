"""Curves of a joint fit from its parameters: envelope, background, residual and components; lazy where the data is."""

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from imgpipe.kernels.fit import evaluate
from imgpipe.model import quantity
from imgpipe.steps.xps.fit_run import rows_at_a_time

if TYPE_CHECKING:
    from imgpipe.steps.xps.fit_result import Leaf

TITLES = {
    "envelope": ("counts", "fitted envelope"),
    "background": ("counts", "fitted background"),
    "component_curve": ("counts", "component without background"),
}


def curves_of(leaf: "Leaf") -> xr.Dataset:
    """Return the curves of a leaf on its own energies; NaN outside of the window."""
    spectra, count = leaf.spectra, len(leaf.columns)
    size = spectra.energy.size
    block = _evaluated(leaf, (2 + count) * len(leaf.spots) * size)
    shaped = block.reshape(-1, len(leaf.spots), 2 + count, size)
    dims, values = leaf.spread(shaped, "curve", "energy")
    drawn = xr.DataArray(values, dims=dims)
    envelope, background = drawn.isel(curve=0), drawn.isel(curve=1)
    parts = drawn.isel(curve=slice(2, None)).rename(curve="component")
    counts = spectra.values.transpose(*envelope.dims).drop_vars(list(spectra.values.coords))
    envelope, background = (part.where(counts.notnull().any("energy")) for part in (envelope, background))
    residual = (counts - envelope) / leaf.fitted.residual_scale(envelope, counts)
    named = {"envelope": envelope, "background": background, "component_curve": parts}
    return xr.Dataset(
        {
            **{name: quantity(array.data, *TITLES[name], array.dims) for name, array in named.items()},  # type: ignore[arg-type]
            "residual": quantity(residual.data, "1", "standardised residual", residual.dims),  # type: ignore[arg-type]
        }
    )


def _evaluated(leaf: "Leaf", width: int) -> Any:
    """Return (b, sample x curve x energy) from the packed parameters, numpy or dask."""
    fitted, spectra = leaf.fitted, leaf.spectra
    free = fitted.found["q"].shape[1]
    packed = np.concatenate([fitted.found["q"], fitted.found["amplitude"]], axis=1)
    first = sum(len(one.samples) * int(one.inside.sum()) for one in fitted.spectra[: fitted.spectra.index(spectra)])
    points = int(spectra.inside.sum())

    def draw(values: np.ndarray) -> np.ndarray:
        q, amplitude = np.ascontiguousarray(values[:, :free]), np.ascontiguousarray(values[:, free:])
        problem = fitted.fitter.problem
        envelope, _ = evaluate(problem, q, amplitude)
        _, bare = evaluate(problem, q, amplitude, backgrounds=False)
        out = np.full((len(values), len(leaf.spots), 2 + len(leaf.columns), spectra.energy.size), np.nan)
        for place, own in enumerate(leaf.places):
            here = slice(first + place * points, first + (place + 1) * points)
            columns = [fitted.fitter.built.columns[n].column for n in own]
            peaks = bare[:, columns, here]
            out[:, place, 0, spectra.inside] = envelope[:, here]
            out[:, place, 1, spectra.inside] = envelope[:, here] - peaks.sum(axis=1)
            out[:, place, 2:, spectra.inside] = np.moveaxis(peaks, 2, 0)
        return out.reshape(len(values), width)

    rows = rows_at_a_time(fitted.fitter)
    if not fitted.lazy:
        return np.concatenate([draw(packed[first : first + rows]) for first in range(0, len(packed), rows)])
    import dask.array as da

    lazy = da.from_array(packed, chunks=(min(rows, len(packed)), -1))
    return da.map_blocks(draw, lazy, dtype=np.float64, chunks=(lazy.chunks[0], (width,)), meta=np.empty((0, 0)))
