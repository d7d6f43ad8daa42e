"""Leaves of one sample: what the steps over several regions look up."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr

from imgpipe.errors import DataError
from imgpipe.model import unit_of
from imgpipe.spelling import nearest


@dataclass(frozen=True)
class Sample:
    """Regions of one sample.

    Attributes
    ----------
    path : of the node above its leaves; empty where the file holds one sample
    regions : leaf by name of its region ("S 2p"), and the path of each
    """

    path: str
    regions: dict[str, xr.Dataset]
    paths: dict[str, str]

    def named(self, leaf: str) -> str:
        """Return the path of a further leaf of this sample."""
        return f"{self.path}/{leaf}" if self.path else leaf

    def region(self, name: str) -> xr.Dataset:
        """Return a region; `DataError` with the nearest name when it is missing."""
        if name not in self.regions:
            raise DataError(
                f"{self.path or 'the sample'} has no region {name!r}{nearest(name, self.regions)}.",
                remedy=f"there are {', '.join(self.regions) or 'none'}.",
            )
        return self.regions[name]


def samples_of(tree: xr.DataTree) -> list[Sample]:
    """Return the samples of a tree: leaves below one node belong together."""
    found: dict[str, Sample] = {}
    for node in tree.leaves:
        path = node.path.strip("/")
        if not path:
            continue
        parent, _, last = path.rpartition("/")
        leaf = node.to_dataset()
        name = str(leaf.attrs.get("region") or last)
        sample = found.setdefault(parent, Sample(parent, {}, {}))
        name = name if name not in sample.regions else last
        sample.regions[name], sample.paths[name] = leaf, path
    return list(found.values())


def as_tree(leaves: Mapping[str, xr.Dataset]) -> xr.DataTree:
    """Return the leaves as a tree."""
    return xr.DataTree.from_dict({f"/{path}": leaf for path, leaf in leaves.items()})


def number(leaf: xr.Dataset, name: str) -> float | None:
    """Return a number of the metadata, its mean along a series; none where it is unknown."""
    if name not in leaf:
        return None
    value = float(np.nanmean(leaf[name].values)) if np.isfinite(leaf[name].values).any() else np.nan
    return value if np.isfinite(value) else None


def binding_energies(path: str, leaf: xr.Dataset) -> np.ndarray:
    """Return the energies of a leaf in eV; `DataError` unless they are binding energies that rise."""
    axis = leaf["energy"]
    energy = np.asarray(axis.values, dtype=np.float64)
    if unit_of(axis) != "eV":
        raise DataError(f"{path}: the energy axis is in {unit_of(axis)}, not in eV.", remedy="multiply keV by 1000.")
    if str(axis.attrs.get("energy_type", "binding")) != "binding":
        raise DataError(f"{path}: the axis holds kinetic energies.", remedy="give the photon energy under `inputs`.")
    if not np.all(np.diff(energy) > 0):
        raise DataError(f"{path}: the energy axis does not rise.", remedy="sort it: leaf.sortby('energy').")
    return energy


def finite_spectra(path: str, values: xr.DataArray) -> np.ndarray:
    """Return spectra (b, n), energy last; `DataError` where they hold NaN or infinities."""
    data = np.asarray(values.transpose(..., "energy").values, dtype=np.float64)
    if not np.isfinite(data).all():
        lost = int((~np.isfinite(data)).sum())
        raise DataError(f"{path}: {lost} of {data.size} points are NaN or infinite.", remedy="crop them off.")
    return data.reshape(-1, data.shape[-1])


def described(leaf: xr.Dataset) -> dict[str, str]:
    """Return the attributes of a leaf of results: technique, and the sample unless there are several."""
    stacked = "sample" in leaf.dims
    return {"technique": "xps", **({} if stacked else {"sample": str(leaf.attrs.get("sample", ""))})}


def add_flags(leaf: xr.Dataset, *flags: str) -> dict[str, str]:
    """Return the attribute ``flags`` of a leaf with further ones, each once."""
    known = [one for one in str(leaf.attrs.get("flags", "")).split("; ") if one]
    return {"flags": "; ".join(dict.fromkeys([*known, *(flag for flag in flags if flag)]))}
