"""Scienta Omicron text files (SES): sections [Region n], [Info n], [Data n]; numpy only."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from imgpipe.errors import ReadError
from imgpipe.readers.leaf import Leaf, Source
from imgpipe.readers.xps_leaves import leaves
from imgpipe.readers.xps_spectrum import Numbers, Spectrum
from imgpipe.readers.xps_text import AGAIN, UNENDED, number_of, numbers_of, text_of

_SECTION = re.compile(r"^\[(.+?)(?:\s+(\d+))?\]$")
_DIMENSION = re.compile(r"^(.*?)\s*\[(.*)\]$")
_SAME = 1e-3
Sections = dict[tuple[str, int], list[str]]


def read(source: Source) -> list[Leaf]:
    """Read a Scienta text file: one leaf per region.

    Raises
    ------
    ReadError, DataError
        cut, damaged, or with a second dimension (angle or position).
    """
    text = text_of(source.path)
    sections = _sections(text)
    stated = number_of(_entries(sections.get(("Info", 0), [])).get("Number of Regions", ""))
    count = max((number for name, number in sections if name == "Region"), default=0)
    if not count or (stated is not None and int(stated) > count):
        told = "no number of" if stated is None else f"{stated:g}"
        raise ReadError(f"the file is cut: it states {told} regions and has {count}.", remedy=AGAIN)
    spectra = [_spectrum(sections, number) for number in range(1, count + 1)]
    found = leaves(spectra, source)
    if not text.endswith(("\n", "\r")):
        for leaf in found:
            leaf.flags.append(UNENDED)
    return found


def _sections(text: str) -> Sections:
    found: Sections = {}
    current: list[str] = []
    for line in text.splitlines():
        match = _SECTION.match(line.strip())
        if match:
            current = found.setdefault((match[1].strip(), int(match[2] or 0)), [])
        elif line.strip():
            current.append(line)
    return found


def _entries(lines: list[str]) -> dict[str, str]:
    pairs = (line.partition("=") for line in lines)
    return {key.strip(): value.strip() for key, equals, value in pairs if equals}


def _spectrum(sections: Sections, number: int) -> Spectrum:
    region, info = (_entries(sections.get((name, number), [])) for name in ("Region", "Info"))
    name = region.get("Region Name", info.get("Region Name", f"region {number}"))
    other = number_of(region.get("Dimension 2 size", "1"))
    if other is None or other > 1:
        raise ReadError(
            f"region {name} has a second dimension ({region.get('Dimension 2 name', 'unknown')}): not supported.",
            remedy="export spectra integrated over angle or position.",
        )
    energy, values = _data(sections.get(("Data", number), []), name, region)
    match = _DIMENSION.match(region.get("Dimension 1 name", ""))
    label = match[1].lower() if match else info.get("Energy Scale", "").lower()
    if "binding" not in label and "kinetic" not in label:
        raise ReadError(f"region {name}: its axis {label!r} is neither binding nor kinetic energy.")
    found = Spectrum(
        labels=(name, info.get("Spectrum Name", "")),
        sample=info.get("Sample", ""),
        energy=energy,
        scale="binding" if "binding" in label else "kinetic",
        unit=match[2] if match else "eV",
        values=values,
        raw={"region": {key: text for key, text in region.items() if not key.endswith("scale")}, "info": info},
    )
    _keep_metadata(found, info)
    return found


def _data(lines: list[str], name: str, region: dict[str, str]) -> tuple[Numbers, Numbers]:
    stated = number_of(region.get("Dimension 1 size", ""))
    rows = [line.split() for line in lines]
    if stated is None or int(stated) != len(rows):
        raise ReadError(
            f"the file is cut: region {name} states {region.get('Dimension 1 size', 'no number of')} points, "
            f"{len(rows)} are there.",
            remedy=AGAIN,
        )
    if any(len(row) != 2 for row in rows):
        at = next(index for index, row in enumerate(rows) if len(row) != 2)
        raise ReadError(f"region {name}: point {at + 1} has {len(rows[at])} numbers, 2 are expected.", remedy=AGAIN)
    try:
        energy, values = (numbers_of(list(column)) for column in zip(*rows, strict=True))
        scale = numbers_of(region.get("Dimension 1 scale", "").split())
    except ValueError as error:
        raise ReadError(f"region {name} holds what is no number: {error}.", remedy=AGAIN) from None
    if scale.size and (scale.size != energy.size or np.abs(scale - energy).max() > _SAME):
        raise ReadError(f"region {name}: the energies of its data are not those of its header.", remedy=AGAIN)
    return energy, values


def _keep_metadata(found: Spectrum, info: dict[str, str]) -> None:
    found.put("photon_energy", number_of(info.get("Excitation Energy", "")))
    found.put("pass_energy", number_of(info.get("Pass Energy", "")))
    found.put("sweeps", number_of(info.get("Number of Sweeps", "")))
    step = number_of(info.get("Step Time", ""))
    found.put("dwell_time", None if step is None else step / 1000.0)
    known: dict[str, Any] = {"instrument": info.get("Instrument", "")}
    if info.get("Date"):
        known["acquired"] = "T".join(part for part in (info["Date"], info.get("Time", "")) if part)
    found.attrs |= {key: value for key, value in known.items() if value}
    if info.get("DetectorMode", "").upper() == "ADC":
        found.flags.append("detector in ADC mode: the values are proportional to counts, but no counts")
