"""Write the spectra of a group, and what was fitted to them, as one NeXus file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import h5py
import xarray as xr

from imgpipe import __version__
from imgpipe.errors import OutputError
from imgpipe.nexus.fields import group_at, put_text, put_variable
from imgpipe.nexus.fit import fit_place, write_fit
from imgpipe.nexus.places import MEASURED, METRICS, TEXTS
from imgpipe.patterns import Value
from imgpipe.readers.nexus_names import ATTRIBUTES, COLLECTION, DIMS, LEAF
from imgpipe.store import disk_errors

DEFINITION = "NXxps"


def exportable(tree: xr.DataTree) -> bool:
    """Tell whether a group holds spectra that a NeXus file is written for."""
    return any(True for _ in _leaves(tree))


def export_group(tree: xr.DataTree, path: Path, fields: Mapping[str, Value] | None = None) -> Path:
    """Write the XPS leaves of a group as a NeXus file and return its path.

    Parameters
    ----------
    tree : data of the group; lazy arrays are computed block by block
    path : of the file, by custom ``GROUP/nexus/GROUP.nxs``; its folder is made
    fields : of the file names, kept in the root

    Raises
    ------
    OutputError
        when there is nothing to write, or the disk refuses it.
    """
    leaves = dict(_leaves(tree))
    if not leaves:
        raise OutputError("the group holds no photoelectron spectra to export.", file=str(path))
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with h5py.File(path, "w") as file:
            file.attrs["NX_class"], file.attrs["creator"] = "NXroot", "imgpipe"
            file.attrs["creator_version"] = __version__
            file.attrs["fields"] = json.dumps(dict(fields or {}), sort_keys=True)
            names = _entry_names(list(leaves))
            file.attrs["default"] = names[0]
            for name, (leaf_name, leaf) in zip(names, leaves.items(), strict=True):
                _write_entry(file, name, leaf_name, leaf)
    return path


def _leaves(tree: xr.DataTree) -> Iterator[tuple[str, xr.Dataset]]:
    for node in sorted(tree.leaves, key=lambda node: node.path):  # a disk has no order
        leaf = node.to_dataset(inherit=False)
        unsaid = "xps" if "energy" in leaf.dims and not {"x", "y"} & set(leaf.dims) else ""
        if leaf.attrs.get("technique", unsaid) == "xps":
            yield node.path.strip("/"), leaf


def _entry_names(leaves: list[str]) -> list[str]:
    """Return a name that NeXus allows for each leaf: ``Mg-Cu/S 2p`` -> ``Mg_Cu__S_2p``, no two alike."""
    names: list[str] = []
    for leaf in leaves:
        name = re.sub(r"[^0-9A-Za-z_]", "_", leaf.replace("/", "__")) or "entry"
        name = name if name[0].isalpha() else f"entry_{name}"
        names.append(name if name not in names else f"{name}_{len(names)}")
    return names


def _write_entry(file: h5py.File, name: str, leaf_name: str, leaf: xr.Dataset) -> None:
    entry = file.create_group(name)
    entry.attrs["NX_class"], entry.attrs[LEAF] = "NXentry", leaf_name
    if "energy" in leaf.dims:
        _describe(entry, leaf)
    for variable, array in sorted(leaf.coords.items()):
        put_variable(entry, _coordinate_place(leaf, str(variable)), array, str(variable), kind="coordinate")
    for variable, array in sorted(leaf.data_vars.items()):
        _write_variable(entry, leaf, str(variable), array)
    for key, value in sorted(leaf.attrs.items()):
        put_text(entry, f"{ATTRIBUTES}/{key}", json.dumps(value))
    _complete_data(entry, leaf)
    if "component" in leaf.dims:
        write_fit(entry, leaf)


def _write_variable(entry: h5py.Group, leaf: xr.Dataset, variable: str, array: xr.DataArray) -> None:
    if "component" in array.dims and "component" in leaf.coords:
        axis = array.dims.index("component")
        for place in range(array.sizes["component"]):
            one = array[(slice(None),) * axis + (place,)]
            field = put_variable(entry, fit_place(variable, place), one, variable, place=place)
            field.attrs[DIMS] = " ".join(str(dim) for dim in array.dims)
        return
    known = MEASURED.get(variable) or _metric_place(variable, array)
    put_variable(entry, known or f"{COLLECTION}/{variable}", array, variable)


def _metric_place(variable: str, array: xr.DataArray) -> str | None:
    return f"fit/figure_of_merit_{variable}" if variable in METRICS and "region" in array.dims else None


def _coordinate_place(leaf: xr.Dataset, name: str) -> str:
    dims = set(leaf[name].dims)
    measured = next((leaf[n] for n in ("counts", "intensity") if n in leaf), None)
    in_data = measured is not None and dims and dims <= set(measured.dims)
    return f"data/{name}" if in_data else f"{COLLECTION}/{name}"


def _describe(entry: h5py.Group, leaf: xr.Dataset) -> None:
    """Write what other programs look for first: definition, title, transitions, sample, instrument."""
    definition = put_text(entry, "definition", DEFINITION)
    definition.attrs["version"] = "2026"
    region = str(leaf.attrs.get("region", ""))
    put_text(entry, "title", " ".join(filter(None, [str(leaf.attrs.get("sample", "")), region])) or "XPS")
    put_text(entry, "method", "X-ray photoelectron spectroscopy (XPS)")
    program = put_text(entry, "program_name", "imgpipe")
    program.attrs["version"] = __version__
    if region:
        entry.create_dataset("transitions", data=[region.replace(" ", "")], dtype=h5py.string_dtype())
    for key, path in TEXTS.items():
        if leaf.attrs.get(key):
            put_text(entry, path, str(leaf.attrs[key]))


def _complete_data(entry: h5py.Group, leaf: xr.Dataset) -> None:
    """Name signal and axes of the data, the kind of energy, and what each calibration is about."""
    if "data/data" not in entry:
        return
    data = entry["data"]
    measured = leaf["counts"] if "counts" in leaf else leaf["intensity"]
    data.attrs["signal"], data.attrs["axes"] = "data", [str(dim) if str(dim) in data else "." for dim in measured.dims]
    data.attrs["energy_indices"] = list(measured.dims).index("energy")
    data["energy"].attrs["type"] = str(leaf["energy"].attrs.get("energy_type", "binding"))
    entry.attrs["default"] = "data"
    if "transmission_correction" in entry:
        function = group_at(entry, "transmission_correction/transmission_function")
        function.attrs["signal"] = "relative_intensity"
        put_text(entry, "transmission_correction/physical_quantity", "transmission")
    if "energy_referencing" in entry:
        put_text(entry, "energy_referencing/physical_quantity", "energy")
        reference = group_at(entry, "energy_referencing")
        reference["calibrated_axis"] = data["energy"]
