"""SPECS .xml files (SpecsLab 2): regions with the raw counts of every channel of the detector; numpy only.

The channels of a multi-channel detector look at different energies, `shift` x pass energy apart; each is measured
`mcd_head` steps before and `mcd_tail` steps behind the stated range, so that all can be laid over each other. They are
shifted by whole steps here (at most half a step off): counts stay counts, and Poisson statistics hold. (SpecsLab's own
display interpolates between steps.)
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np

from imgpipe.errors import ReadError
from imgpipe.readers.leaf import Leaf, Source
from imgpipe.readers.xps_leaves import leaves
from imgpipe.readers.xps_spectrum import Numbers, Spectrum
from imgpipe.readers.xps_text import AGAIN, number_of, numbers_of, text_of

Element = ElementTree.Element
_LATEST = 2**32
_NUMBERS = (
    "num_scans", "curves_per_scan", "values_per_curve", "dwell_time", "scan_delta", "excitation_energy",
    "kinetic_energy", "pass_energy", "effective_workfunction",
)  # fmt: skip


def read(source: Source) -> list[Leaf]:
    """Read a SPECS .xml file: one leaf per region, scans and channels added up, cycles as a dimension.

    Raises
    ------
    ReadError, DataError
        cut, damaged, with entities, or of a scan mode whose channels can't be laid over each other.
    """
    text = text_of(source.path)
    if "<!ENTITY" in text:
        raise ReadError("its XML defines entities, which no instrument does.", remedy="export the file again.")
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - entities are refused above
    except ElementTree.ParseError as error:
        raise ReadError(f"the file is cut or damaged: its XML can't be read ({error}).", remedy=AGAIN) from None
    spectra = [
        spectrum
        for group in _structs(root, "RegionGroup")
        for region in _structs(group, "RegionData")
        for spectrum in _spectra(region, _text(group, "name"))
    ]
    if not spectra:
        raise ReadError("the file holds no region with data.", remedy="export the spectra again.")
    return leaves(spectra, source)


def _structs(parent: Element, kind: str) -> Iterator[Element]:
    return (found for found in parent.iter("struct") if found.get("type_name") == kind)


def _child(parent: Element, name: str) -> Element | None:
    return next((found for found in parent if found.get("name") == name), None)


def _text(parent: Element, name: str) -> str:
    found = _child(parent, name)
    return (found.text or "").strip() if found is not None else ""


def _number(parent: Element, name: str) -> float:
    value = number_of(_text(parent, name))
    if value is None:
        raise ReadError(f"its XML has no number {name!r} where one is needed.", remedy=AGAIN)
    return value


def _spectra(region: Element, group: str) -> Iterator[Spectrum]:
    name = _text(region, "name")
    definition = _child(region, "region")
    if definition is None:
        raise ReadError(f"region {name} has no definition.", remedy=AGAIN)
    numbers = {key: _number(definition, key) for key in _NUMBERS}
    if numbers["curves_per_scan"] != 1:
        raise ReadError(f"region {name} has several curves per scan: not supported.", remedy="export them one by one.")
    if not 0 < numbers["values_per_curve"] <= 10_000_000 or numbers["scan_delta"] <= 0:
        raise ReadError(f"region {name} claims {numbers['values_per_curve']:g} values per curve.", remedy=AGAIN)
    cycles = list(_structs(region, "Cycle"))
    moments = [number_of(_text(cycle, "time")) for cycle in cycles]
    for cycle, moment in zip(cycles, moments, strict=True):
        found = _cycle(cycle, region, definition, numbers, name)
        if found is None:
            continue
        found.sample = group
        if moment is not None and 0 < moment < _LATEST:
            found.attrs["acquired"] = datetime.fromtimestamp(moment, UTC).isoformat()
            if len(cycles) > 1 and moments[0] is not None:
                found.variables["time"] = (moment - moments[0], "s", "time since the first cycle")
        yield found


def _cycle(
    cycle: Element, region: Element, definition: Element, numbers: dict[str, float], name: str
) -> Spectrum | None:
    scans = [counts for scan in _structs(cycle, "ScanData") if (counts := _counts(scan)).size]
    if not scans:
        return None
    points = int(numbers["values_per_curve"])
    offsets = _offsets(region, definition, numbers, name)
    values = sum(_laid_over(scan, points, offsets, name) for scan in scans)
    energy = numbers["kinetic_energy"] + numbers["scan_delta"] * np.arange(points, dtype=np.float64)
    found = Spectrum((name,), "", energy, "kinetic", np.asarray(values, np.float64), raw=_raw(region, numbers))
    for key, entry in (("photon_energy", "excitation_energy"), ("pass_energy", "pass_energy"),
                       ("dwell_time", "dwell_time"), ("work_function", "effective_workfunction")):  # fmt: skip
        found.put(key, numbers[entry])
    found.put("sweeps", float(len(scans)))
    found.transmission = _transmission(region, points)
    info = _child(region, "analyzer_info")
    found.attrs["instrument"] = f"SPECS {_text(info, 'name')}" if info is not None else "SPECS"
    if numbers["num_scans"] != len(scans):
        found.flags.append(f"{len(scans)} of {numbers['num_scans']:g} scans are in the file")
    return found


def _counts(scan: Element) -> Numbers:
    found = _child(scan, "counts")
    if found is None:
        return np.empty(0)
    try:
        values = numbers_of(" ".join(found.itertext()).split())
    except ValueError as error:
        raise ReadError(f"its counts hold what is no number: {error}.", remedy=AGAIN) from None
    stated = number_of(found.get("length", ""))
    if stated is None or int(stated) != values.size:
        raise ReadError(f"a scan states {found.get('length')} counts, {values.size} are there.", remedy=AGAIN)
    return values


def _offsets(region: Element, definition: Element, numbers: dict[str, float], name: str) -> list[int]:
    """Return the row at which the stated range begins in each channel."""
    head = _number(region, "mcd_head") if _child(region, "mcd_head") is not None else 0.0
    shifts = [_number(detector, "shift") for detector in _structs(region, "Detector")] or [0.0]
    mode = _child(definition, "scan_mode")
    told = _text(mode, "name") if mode is not None else ""
    if any(shifts) and told != "FixedAnalyzerTransmission":
        raise ReadError(
            f"region {name} was measured in mode {told!r} with {len(shifts)} channels: not supported.",
            remedy="export it as .xy or VAMAS with the channels added up.",
        )
    steps = numbers["pass_energy"] / numbers["scan_delta"]
    return [int(np.rint(head - shift * steps)) for shift in shifts]


def _laid_over(scan: Numbers, points: int, offsets: list[int], name: str) -> Numbers:
    if scan.size % len(offsets):
        raise ReadError(f"region {name}: {scan.size} counts of {len(offsets)} channels don't fit.", remedy=AGAIN)
    rows = scan.reshape(-1, len(offsets))
    if any(not 0 <= offset <= rows.shape[0] - points for offset in offsets):
        raise ReadError(
            f"region {name}: its channels can't be laid over each other ({rows.shape[0]} rows, {points} points, "
            f"first rows {', '.join(map(str, offsets))}).",
            remedy="export it as .xy or VAMAS with the channels added up.",
        )
    return np.asarray(sum(rows[offset : offset + points, channel] for channel, offset in enumerate(offsets)))


def _transmission(region: Element, points: int) -> Numbers | None:
    found = _child(region, "transmission")
    words = " ".join(found.itertext()).split() if found is not None else []
    if len(words) != points:
        return None
    try:
        return numbers_of(words)
    except ValueError:
        raise ReadError("its transmission holds what is no number.", remedy=AGAIN) from None


def _raw(region: Element, numbers: dict[str, float]) -> dict[str, Any]:
    definition = _child(region, "region")
    strings = [] if definition is None else [found for found in definition if found.tag == "string"]
    texts = {found.get("name", ""): (found.text or "").strip() for found in strings}
    channels = [_number(detector, "shift") for detector in _structs(region, "Detector")]
    return {"region": {**texts, **numbers}, "channel_shifts": channels}
