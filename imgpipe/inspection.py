"""Say in words what a data file holds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import xarray as xr

from imgpipe.binding import leaf_datasets
from imgpipe.model import UNCALIBRATED, spacing, unit_of

READABLE = {
    "nm": (("mm", 1e-6, 1e5), ("um", 1e-3, 1e4)),
    "eV": (("keV", 1e-3, 1e3),),
    "A": (("nA", 1e9, 1e-9), ("pA", 1e12, 0.0)),
    "s": (("s", 1.0, 1.0), ("ms", 1e3, 0.01), ("us", 1e6, 0.0)),
}
"""Unit in arrays -> units for people: name, factor, least value in the array's unit."""
SHOWN = (
    "sample", "region_label", "elements", "instrument", "detector", "acquired", "tilt_corrected",
    "tilt_correction_angle", "data_bar_rows", "charge_neutraliser", "flags",
)  # fmt: skip


def describe_file(path: Path, pixel_size: float | None = None) -> str:
    """Return leaves, dimensions, units, axes and their source, and what the instrument says."""
    from imgpipe.readers import read

    return describe_tree(path, read(path, pixel_size=pixel_size))


def describe_tree(path: Path, tree: xr.DataTree) -> str:
    """Return the same of a file that was read already."""
    blocks = [_describe(name, leaf) for name, leaf in leaf_datasets(tree).items()]
    return "\n".join([str(path), *blocks])


def _describe(name: str, leaf: xr.Dataset) -> str:
    lines = [f"leaf {name}"]
    lines += [_array_line(str(n), a) for n, a in leaf.data_vars.items() if a.ndim]
    lines += [_axis_line(dim, leaf) for dim in ("x", "y", "z") if dim in leaf.coords and leaf[dim].size > 1]
    lines += [_coordinate_line(str(n), c) for n, c in leaf.coords.items() if n not in ("x", "y", "z")]
    lines += _pixel_size_source(leaf)
    lines += _total_counts(leaf)
    lines += [f"  {n} = {_number(a)}" for n, a in leaf.data_vars.items() if not a.ndim]
    lines += [f"  {key}: {leaf.attrs[key]}" for key in SHOWN if leaf.attrs.get(key) not in (None, "")]
    return "\n".join(lines)


def _pixel_size_source(leaf: xr.Dataset) -> list[str]:
    """Return where the pixel size is from; an axis in nm without a source is the file's own."""
    if "x" not in leaf.coords:
        return []
    bare = "nowhere: uncalibrated" if unit_of(leaf["x"]) == UNCALIBRATED else "the axes in the file"
    return [f"  pixel size from: {leaf.attrs.get('pixel_size_source', bare)}"]


def _total_counts(leaf: xr.Dataset) -> list[str]:
    """Return how many photons X-ray spectra hold, as the reader counted them."""
    if leaf.attrs.get("technique") != "edxs" or not {"counts", "intensity"} & set(leaf.data_vars):
        return []
    known = json.loads(leaf.attrs.get("count_statistics", "{}"))
    return [f"  all counts: {known['total']:.0f}"] if "total" in known else []


def _number(array: xr.DataArray) -> str:
    """Return a number with its unit as people write it: 4 mm, 50 pA, 52 deg."""
    unit, value = str(array.attrs.get("units", "")), array.item()
    if not isinstance(value, float) or array.name == "photon_energy":
        return f"{value} {unit}".rstrip()
    shown, factor = next(((u, f) for u, f, least in READABLE.get(unit, ()) if abs(value) >= least), (unit, 1.0))
    return f"{value * factor:.6g} {shown}".removesuffix(" 1")


def _array_line(name: str, array: xr.DataArray) -> str:
    sizes = ", ".join(f"{dim} {size}" for dim, size in array.sizes.items())
    if array.dtype.kind not in "biufc":
        return f"  {name} ({sizes}) text: {', '.join(map(str, array.values.ravel()[:8]))}"
    line = f"  {name} ({sizes}) {array.dtype} [{array.attrs.get('units', 'no unit')}]"
    return f"{line} {_range_of_spectra(array)}".rstrip()


def _range_of_spectra(array: xr.DataArray) -> str:
    """Return the range of counts or rates; nothing for other arrays, which may be large."""
    if array.name not in ("counts", "intensity") or "energy" not in array.dims or not array.size:
        return ""
    low, high = (float(value) for value in (array.min(), array.max()))
    return f"from {low:.6g} to {high:.6g}"


def _coordinate_line(name: str, coordinate: xr.DataArray) -> str:
    """Return a line for a coordinate that is no axis of an image: its range, or its names."""
    title, values = str(coordinate.attrs.get("long_name", name)), coordinate.values
    if coordinate.dtype.kind not in "fiu":
        return f"  {name}: {', '.join(map(str, values.ravel()[:8]))}"
    unit = "" if coordinate.attrs.get("units") == "1" else f" {coordinate.attrs.get('units', '')}"
    told = title if title.endswith(name) else f"{name} ({title})" if title != name else name
    return f"  {told}: {values.min():.6g} to {values.max():.6g}{unit},{_step(name, values, unit)} {values.size} points"


def _step(name: str, values: np.ndarray, unit: str) -> str:
    """Return the step of an energy axis; its range where it is not even."""
    if name != "energy" or values.size < 2:
        return ""
    steps = np.abs(np.diff(values))
    low, high = steps.min(), steps.max()
    even = high - low <= 1e-3 * high
    return f" step {steps.mean():.4g}{unit}," if even else f" steps {low:.4g} to {high:.4g}{unit},"


def _axis_line(dim: str, leaf: xr.Dataset) -> str:
    unit = unit_of(leaf[dim])
    if unit == UNCALIBRATED:
        return f"  {dim}: {leaf[dim].size} px, no pixel size"
    return f"  {dim}: {spacing(leaf[dim]):.6g} {unit}/px, {leaf[dim].size} px"
