"""From spectra to leaves: one leaf per region, repeated regions become cycles (runs in the child, numpy only)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from imgpipe.readers.leaf import Axis, Block, Coordinate, Leaf, Scalar, Source, Stream
from imgpipe.readers.xps_names import RegionName, path_part, region_name
from imgpipe.readers.xps_spectrum import SCALARS, Numbers, Spectrum, settle

SAME = 1e-5
"""Energies in eV that differ by less are one axis."""
CHUNK = 1 << 20
"""Values of a chunk at most."""
NOT_NAMES = {
    "time", "z", "y", "x", "energy", "position", "distance", "cycle", "signal", "sample", "counts", "intensity",
}  # fmt: skip
"""Names that a number of the metadata can't have, because arrays or dimensions have them."""


def leaves(spectra: Sequence[Spectrum], source: Source, *, document: dict[str, Any] | None = None) -> list[Leaf]:
    """Return one leaf per region of each sample, in the order of the file.

    Parameters
    ----------
    spectra : at least one
    source : the file, with what the user said
    document : what the file says about all spectra, for ``vendor_metadata``
    """
    groups = _groups([settle(spectrum) for spectrum in spectra])
    several = len({group[0].sample for _, group in groups}) > 1
    made: list[Leaf] = []
    for name, group in groups:
        wanted = _path(name, group[0], several)
        leaf = _leaf(_free_name(wanted, made), name, group, document or {})
        if leaf.name != wanted:
            leaf.flags.append(f"{name.name} is in the file with several energy axes")
        if source.pixel_size is not None:
            leaf.flags.append("the given pixel_size does not concern spectra and was not used")
        made.append(leaf)
    return made


def _groups(spectra: Sequence[Spectrum]) -> list[tuple[RegionName, list[Spectrum]]]:
    """Put spectra of one region of one sample with the same energies together."""
    groups: list[tuple[RegionName, list[Spectrum]]] = []
    for spectrum in spectra:
        name = region_name(*spectrum.labels)
        group = next((found for known, found in groups if known == name and _alike(found[0], spectrum)), None)
        if group is None:
            groups.append((name, [spectrum]))
        else:
            group.append(spectrum)
    return groups


def _alike(one: Spectrum, two: Spectrum) -> bool:
    return (
        (one.sample, one.scale, one.rate) == (two.sample, two.scale, two.rate)
        and (one.transmission is None) == (two.transmission is None)
        and one.energy.size == two.energy.size
        and bool(np.abs(one.energy - two.energy).max() < SAME)
    )


def _path(name: RegionName, first: Spectrum, several: bool) -> str:
    return f"{path_part(first.sample or 'no sample name')}/{name.name}" if several else name.name


def _free_name(wanted: str, made: Sequence[Leaf]) -> str:
    """Return the name, with a number where another axis of the same region has it already."""
    taken = {leaf.name for leaf in made}
    return next(n for n in (wanted, *(f"{wanted} ({i})" for i in range(2, 10_000))) if n not in taken)


def _leaf(path: str, name: RegionName, group: list[Spectrum], document: dict[str, Any]) -> Leaf:
    first = group[0]
    axes = {"energy": _energy(first)}
    if len(group) > 1:
        numbers = tuple(float(number) for number in range(1, len(group) + 1))
        axes = {"cycle": Axis(len(group), unit="1", numbers=numbers), **axes}
    leaf = Leaf(path, _arrays(group), axes, attrs=_attrs(name, group, document))
    leaf.flags += dict.fromkeys(flag for spectrum in group for flag in spectrum.flags)
    _keep_numbers(leaf, group)
    _keep_variables(leaf, group)
    return leaf


def _energy(first: Spectrum) -> Axis:
    named = {"long_name": f"{first.scale} energy", "energy_type": first.scale}
    return Axis(first.energy.size, unit="eV", numbers=tuple(first.energy.tolist()), attrs=named)


def _arrays(group: list[Spectrum]) -> dict[str, Stream]:
    first = group[0]
    unit, name = ("counts/s", "intensity") if first.rate else ("counts", "counts")
    arrays = {name: _stream([spectrum.values for spectrum in group], unit, name)}
    if first.transmission is not None:
        arrays["transmission"] = _transmission(group)
    return arrays


def _transmission(group: list[Spectrum]) -> Stream:
    rows = [spectrum.transmission for spectrum in group if spectrum.transmission is not None]
    same = all(np.array_equal(row, rows[0], equal_nan=True) for row in rows)
    return _stream(rows[:1] if same else rows, "1", "transmission function of the analyser")


def _stream(rows: list[Numbers], unit: str, long_name: str) -> Stream:
    values = np.asarray(rows[0] if len(rows) == 1 else np.stack(rows), np.float64)
    dims = ("cycle", "energy")[-values.ndim :]
    high = max(1, CHUNK // values.shape[-1])
    chunks = (values.shape[-1],) if values.ndim == 1 else (min(high, values.shape[0]), values.shape[1])

    def blocks() -> Iterator[Block]:
        yield tuple(slice(0, size) for size in values.shape), values

    return Stream(dims, values.shape, "float64", chunks, {"units": unit, "long_name": long_name}, blocks)


def _attrs(name: RegionName, group: list[Spectrum], document: dict[str, Any]) -> dict[str, Any]:
    first = group[0]
    label = next((label for label in first.labels if label.strip()), "")
    attrs = {"technique": "xps", "region": name.name, "element": name.element, "line": name.line}
    attrs |= {"sample": first.sample, "region_label": label, **first.attrs}
    told = {**document, "blocks": _blocks_told(group)}
    attrs["vendor_metadata"] = json.dumps(told, ensure_ascii=False, allow_nan=False)
    return attrs


def _blocks_told(group: list[Spectrum]) -> list[dict[str, Any]]:
    """Return what the file says about each spectrum; a cycle that says the same as the one before is left out."""
    raw = [dict(spectrum.raw) for spectrum in group]
    if len(raw) == 1:
        return raw
    changed = [i for i in range(len(raw)) if i == 0 or raw[i] != raw[i - 1]]
    return [{"cycle": i + 1, **raw[i]} for i in changed]


def _keep_numbers(leaf: Leaf, group: list[Spectrum]) -> None:
    for name, (unit, long_name) in SCALARS.items():
        found = [spectrum.numbers.get(name) for spectrum in group]
        values = [value for value in found if value is not None]
        if not values:
            continue
        if len(set(found)) == 1:
            leaf.scalars[name] = Scalar(values[0], unit, long_name)
        else:
            numbers = tuple(np.nan if value is None else value for value in found)
            leaf.coords[name] = Coordinate("cycle", numbers, unit, long_name)
            leaf.flags.append(f"the {long_name} differs between cycles")


def _keep_variables(leaf: Leaf, group: list[Spectrum]) -> None:
    """Keep experimental variables: along the cycles, or as a number where the region was measured once."""
    for name in dict.fromkeys(name for spectrum in group for name in spectrum.variables):
        found = [spectrum.variables.get(name) for spectrum in group]
        _, unit, label = next(one for one in found if one is not None)
        if len(group) > 1:
            free = name if name not in NOT_NAMES - {"time"} else f"variable_{name}"
            numbers = tuple(np.nan if one is None else one[0] for one in found)
            leaf.coords[free] = Coordinate("cycle", numbers, unit, label)
        elif unit != "1" and found[0] is not None:
            free = name if name not in NOT_NAMES else f"variable_{name}"
            leaf.scalars.setdefault(free, Scalar(found[0][0], unit, label))
