"""SPECS .xy text exports (SpecsLab Prodigy): commented header, then scans of energy and counts; numpy only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np

from imgpipe.errors import ReadError
from imgpipe.readers.leaf import Leaf, Source
from imgpipe.readers.xps_leaves import leaves
from imgpipe.readers.xps_spectrum import Numbers, Spectrum
from imgpipe.readers.xps_text import AGAIN, UNENDED, number_of, numbers_of, text_of

_ENTRY = re.compile(r"^#\s*([A-Za-z][\w ./]*?)\s*:\s*(.*)$")
_SCAN = re.compile(r"^#\s*Cycle:\s*(\d+)(?:,\s*Curve:\s*(\d+))?(?:,\s*Scan:\s*(\d+))?")
_RATE = re.compile(r"counts?\s*/\s*s|counts per second|cps", re.IGNORECASE)


@dataclass
class Scan:
    """Rows of one scan (or of the mean of all scans of a cycle)."""

    cycle: int
    curve: int
    external: bool
    entries: dict[str, str] = field(default_factory=dict)
    rows: list[list[str]] = field(default_factory=list)


@dataclass
class Region:
    """One region: its header and its scans."""

    group: str
    entries: dict[str, str]
    scans: list[Scan] = field(default_factory=list)


def read(source: Source) -> list[Leaf]:
    """Read a SPECS .xy file: one leaf per region, scans added up, cycles as a dimension.

    Raises
    ------
    ReadError, DataError
        cut, damaged, or without the header that says what the columns are.
    """
    text = text_of(source.path)
    settings, regions = _parse(text)
    if not regions:
        raise ReadError("the file has no region.", remedy="export with 'Output Meta Data: yes'.")
    found = leaves([one for region in regions for one in _spectra(region, settings)], source)
    if not text.endswith(("\n", "\r")):
        for leaf in found:
            leaf.flags.append(UNENDED)
    return found


def _parse(text: str) -> tuple[dict[str, str], list[Region]]:
    settings: dict[str, str] = {}
    regions: list[Region] = []
    group = ""
    for number, line in enumerate(text.splitlines(), 1):
        scan, entry = _SCAN.match(line), _ENTRY.match(line)
        if scan and regions:
            external = "external" in line.lower()
            regions[-1].scans.append(Scan(int(scan[1]), int(scan[2] or 0), external))
        elif entry and entry[1] == "Group":
            group = entry[2]
        elif entry and entry[1] == "Region":
            regions.append(Region(group, {"Region": entry[2]}))
        elif entry:
            _keep(entry[1], entry[2], settings, regions)
        elif line.strip() and not line.startswith("#"):
            if not regions or not regions[-1].scans:
                raise ReadError(f"line {number} holds data before any region.", remedy=AGAIN)
            regions[-1].scans[-1].rows.append(line.split())
    return settings, regions


def _keep(key: str, value: str, settings: dict[str, str], regions: list[Region]) -> None:
    if not regions:
        settings[key] = value
    elif regions[-1].scans:
        regions[-1].scans[-1].entries[key] = value
    else:
        regions[-1].entries[key] = value


def _spectra(region: Region, settings: dict[str, str]) -> Iterator[Spectrum]:
    name = region.entries["Region"]
    measured = [scan for scan in region.scans if scan.rows and not scan.external]
    if not measured:
        raise ReadError(f"the file is cut: region {name} has no data.", remedy=AGAIN)
    if any(scan.curve for scan in measured):
        raise ReadError(f"region {name} has several curves per scan: not supported.", remedy="export them one by one.")
    for cycle in dict.fromkeys(scan.cycle for scan in measured):
        yield _cycle(region, settings, [scan for scan in measured if scan.cycle == cycle])


def _cycle(region: Region, settings: dict[str, str], scans: list[Scan]) -> Spectrum:
    entries = region.entries
    columns = [_columns(scan, entries) for scan in scans]
    energy = columns[0][0]
    if any(not np.array_equal(energy, other) for other, _ in columns[1:]):
        raise ReadError(f"region {entries['Region']}: its scans have different energies.", remedy=AGAIN)
    axis, unit = settings.get("Energy Axis", ""), _unit(settings, scans[0])
    if axis not in ("Binding Energy", "Kinetic Energy"):
        raise ReadError(f"its energy axis is {axis!r}; binding or kinetic energy is expected.", remedy="export again.")
    separate = settings.get("Separate Scan Data", "no").lower() == "yes"
    stated = next((number_of(s.entries["Number of Scans"]) for s in region.scans if "Number of Scans" in s.entries), 1)
    rate = bool(_RATE.search(unit))
    added = sum(values for _, values in columns)
    mean = np.asarray(added / len(columns) if rate else added, np.float64)
    found = Spectrum(
        (entries["Region"],), region.group, energy.copy(), axis.split()[0].lower(), mean, rate=rate,
        raw={"region": entries, "settings": settings},
    )  # fmt: skip
    found.put("sweeps", float(len(columns)) if separate else stated)
    _keep_metadata(found, entries)
    if separate and stated is not None and stated > len(columns):
        found.flags.append(f"{len(columns)} of {stated:g} scans are in the file")
    return found


def _unit(settings: dict[str, str], scan: Scan) -> str:
    return f"{scan.entries.get('ColumnLabels', '')} {settings.get('Count Rate', '')}"


def _columns(scan: Scan, entries: dict[str, str]) -> tuple[Numbers, Numbers]:
    name = entries["Region"]
    stated = number_of(entries.get("Values/Curve", ""))
    if stated is not None and int(stated) != len(scan.rows):
        raise ReadError(
            f"the file is cut: region {name} states {stated:g} values per curve, {len(scan.rows)} are there.",
            remedy=AGAIN,
        )
    if any(len(row) < 2 for row in scan.rows):
        raise ReadError(f"region {name}: a row has less than two numbers.", remedy=AGAIN)
    try:
        return numbers_of([row[0] for row in scan.rows]), numbers_of([row[1] for row in scan.rows])
    except ValueError as error:
        raise ReadError(f"region {name} holds what is no number: {error}.", remedy=AGAIN) from None


def _keep_metadata(found: Spectrum, entries: dict[str, str]) -> None:
    found.put("photon_energy", number_of(entries.get("Excitation Energy", "")))
    fixed = "transmission" in entries.get("Scan Mode", "FixedAnalyzerTransmission").lower()
    found.put("pass_energy", number_of(entries.get("Pass Energy", "")) if fixed else None)
    found.put("dwell_time", number_of(entries.get("Dwell Time", "")))
    found.put("work_function", number_of(entries.get("Eff. Workfunction", "")))
    known: dict[str, Any] = {"instrument": f"SPECS {entries.get('Analyzer', '')}".strip()}
    for form in ("%m/%d/%y %H:%M:%S UTC", "%Y-%m-%d %H:%M:%S UTC"):
        try:
            known["acquired"] = datetime.strptime(entries.get("Acquisition Date", ""), form).isoformat()
        except ValueError:
            continue
    found.attrs |= known
