"""Make data trees and batches of spectra from presets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, Protocol

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from imgpipe.model import quantity
from imgpipe.phantoms.xps.argyrodite import Argyrodite
from imgpipe.phantoms.xps.doublets import Doublets
from imgpipe.phantoms.xps.leaves import as_leaf, count, expected_counts, region_truth
from imgpipe.phantoms.xps.metal_oxide import MetalOxide
from imgpipe.phantoms.xps.published import Published
from imgpipe.phantoms.xps.region import Region, noise_free
from imgpipe.phantoms.xps.series import Series
from imgpipe.phantoms.xps.specimen import Draws, Specimen, stream

Floats = NDArray[np.float64]
Preset = Literal["published", "argyrodite", "metal_oxide", "series", "doublets"]

CHUNK = 256
"""Spectra that are computed at once."""


class Settings(Protocol):
    """A preset: a frozen dataclass of parameters that describes specimens."""

    def specimens(self, draws: Draws) -> tuple[Specimen, ...]:
        """Return the specimens, with what is random drawn by `draws`."""


PRESETS: dict[str, Any] = {
    "published": Published,
    "argyrodite": Argyrodite,
    "metal_oxide": MetalOxide,
    "series": Series,
    "doublets": Doublets,
}
"""Parameters of each preset, as a dataclass whose docstring says what they mean."""


def make(seed: int, *, preset: Preset = "published", **truth: Any) -> tuple[xr.DataTree, xr.Dataset]:
    """Make the spectra of one preset and their truth.

    Parameters
    ----------
    seed : equal seeds and parameters give equal counts
    preset : see `PRESETS`
    truth : parameters of the preset

    Returns
    -------
    tree : one leaf per region ("S 2p"), below a node per sample where there are several ("Cu/S 2p")
    truth : (sample, region, component), or (cycle, region, component) for a series: area, area_percent, position, fwhm,
        natural_width, splitting ...; NaN where a region has no such component; further facts on (sample,) or (cycle,)
    """
    specimens = PRESETS[preset](**truth).specimens(Draws([seed]))
    leaves: dict[str, xr.Dataset] = {}
    truths = []
    for specimen in specimens:
        prefix = f"{specimen.name}/" if len(specimens) > 1 else ""
        regions = {}
        for region in specimen.regions:
            leaf, regions[region.name] = _measure(seed, specimen, region)
            leaves[prefix + region.name] = leaf
        truths.append(_specimen_truth(specimen, regions))
    joined = _concat(truths, "sample") if len(truths) > 1 else truths[0]
    return xr.DataTree.from_dict(leaves), joined


def _measure(seed: int, specimen: Specimen, region: Region) -> tuple[xr.Dataset, xr.Dataset]:
    curves = noise_free(region)
    expected = expected_counts(specimen, region, curves)
    rng = stream(seed, f"{specimen.name}/{region.name}")
    if specimen.series:
        return as_leaf(specimen, region, rng.poisson(expected).astype(np.float64)), region_truth(region, curves)
    counts = rng.poisson(expected[0]).astype(np.float64)
    return as_leaf(specimen, region, counts), region_truth(region, curves)


def _specimen_truth(specimen: Specimen, regions: dict[str, xr.Dataset]) -> xr.Dataset:
    """Join the regions of one specimen; (1, region, component) along sample, or (cycle, region, component)."""
    names = xr.DataArray(np.array(list(regions), dtype=object), dims="region", name="region")
    joined = _concat(list(regions.values()), names)
    leading = "cycle" if specimen.series else "sample"
    if leading == "cycle":
        joined = joined.assign_coords(cycle=np.arange(1.0, joined.sizes["cycle"] + 1.0))
    else:
        joined = joined.rename(cycle="sample").assign_coords(sample=np.array([specimen.name], dtype=object))
    facts = {name: _fact(leading, *fact) for name, fact in {**specimen.truth, **specimen.series}.items()}
    return joined.assign(facts)


def _concat(truths: list[xr.Dataset], along: Any) -> xr.Dataset:
    """Join truths that have other components: NaN, and no lines, where one lacks a component."""
    return xr.concat(truths, along, join="outer", data_vars="all", fill_value={"lines": ""})


def _fact(leading: str, value: Any, unit: str, long_name: str) -> xr.DataArray:
    if isinstance(value, Mapping):
        coords = {"element": np.array(list(value), dtype=object)}
        numbers = np.stack(np.broadcast_arrays(*[np.atleast_1d(number) for number in value.values()]), axis=-1)
        return quantity(numbers, unit, long_name, (leading, "element"), coords)
    return quantity(np.atleast_1d(np.asarray(value, dtype=np.float64)), unit, long_name, leading)


def of_region(truth: xr.Dataset, region: str) -> xr.Dataset:
    """Return the truth of one region, with the components that it has."""
    chosen = truth.sel(region=region)
    present = chosen["area"].notnull()
    return chosen.isel(component=np.flatnonzero(present.any([d for d in present.dims if d != "component"]).values))


def make_batch(
    seeds: Sequence[int], *, preset: Preset = "published", sample: str = "", region: str = "S 2p", **truth: Any
) -> tuple[xr.Dataset, xr.Dataset]:
    """Make one region of one sample for many seeds.

    Parameters
    ----------
    seeds : one spectrum each; the same counts come out whatever the other seeds are
    sample : name; empty for the first sample of the preset
    region : "S 2p"
    truth : parameters of the preset; arrays with one value per seed are drawn systematics

    Returns
    -------
    leaf : as `make` gives it, with `cycle` counting the seeds
    truth : (cycle, component), and ``expected`` (cycle, energy): noise-free counts; one cycle if all are equal
    """
    expected, counts, truths = [], [], []
    for chunk, chosen in _chunks(list(seeds), truth):
        specimen, window = _find(PRESETS[preset](**chosen).specimens(Draws(chunk)), sample, region)
        curves = noise_free(window)
        expected.append(expected_counts(specimen, window, curves))
        truths.append(_with_facts(specimen, region_truth(window, curves)))
        alone = expected[0].shape[0] == 1 and len(chunk) > 1
        remaining = list(seeds) if alone else chunk
        counts.append(count(expected[-1], remaining, f"{specimen.name}/{window.name}"))
        if alone:
            break
    leaf = as_leaf(specimen, window, np.concatenate(counts))
    joined = truths[0]
    if len(truths) > 1:
        joined = xr.concat(truths, "cycle", join="exact", data_vars="minimal", coords="minimal", compat="override")
    curve = quantity(np.concatenate(expected), "counts", "expected counts", "cycle energy")
    return leaf, joined.assign(expected=curve).assign_coords(energy=leaf["energy"])


def _with_facts(specimen: Specimen, truth: xr.Dataset) -> xr.Dataset:
    """Add the facts of a specimen along `cycle`, each repeated for all cycles where it is one number."""
    facts = {name: _fact("cycle", *fact) for name, fact in specimen.truth.items()}
    length = max(truth.sizes["cycle"], *(fact.sizes["cycle"] for fact in facts.values()), 1)
    every = np.zeros(length, dtype=int)
    longer = truth if truth.sizes["cycle"] == length else truth.isel(cycle=every)
    return longer.assign({k: v if v.sizes["cycle"] == length else v.isel(cycle=every) for k, v in facts.items()})


def _chunks(seeds: list[int], truth: dict[str, Any]) -> Iterator[tuple[list[int], dict[str, Any]]]:
    """Yield seeds and parameters, `CHUNK` at a time."""
    for start in range(0, len(seeds), CHUNK):
        part = slice(start, start + CHUNK)
        chosen = {name: value[part] if _per_seed(value, len(seeds)) else value for name, value in truth.items()}
        yield seeds[part], chosen


def _per_seed(value: Any, count: int) -> bool:
    return isinstance(value, np.ndarray) and value.shape[:1] == (count,)


def _find(specimens: tuple[Specimen, ...], sample: str, region: str) -> tuple[Specimen, Region]:
    """Return the sample and region asked for; `ValueError` with the names there are."""
    samples = {specimen.name: specimen for specimen in specimens}
    specimen = samples.get(sample) if sample else specimens[0]
    if specimen is None:
        raise ValueError(f"no sample {sample!r}; there are {', '.join(samples)}")
    regions = {window.name: window for window in specimen.regions}
    if region not in regions:
        raise ValueError(f"sample {specimen.name} has no region {region!r}; there are {', '.join(regions)}")
    return specimen, regions[region]
