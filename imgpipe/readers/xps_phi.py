"""PHI MultiPak / SmartSoft files, .spe (spectra) and .pro (depth profile): text header and binary data.

After the text header (SOFH ... EOFH) stand four numbers (1, number of data blocks, length of their directory, 16), one
directory entry of 96 bytes per block, and the blocks. An entry tells the sizes and names of two dimensions (points;
cycles or spatial areas), unit, number type, length and place. All was read off files; no vendor document was at hand.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

from imgpipe.errors import ReadError
from imgpipe.readers.leaf import Leaf, Source
from imgpipe.readers.xps_leaves import leaves
from imgpipe.readers.xps_spectrum import Numbers, Spectrum
from imgpipe.readers.xps_text import AGAIN, number_of

_START, _END = b"SOFH", b"EOFH"
_ENTRY = 96
_MOST_BLOCKS = 4096
_LEAD = 16
_TYPES = {"f4": "<f4", "f8": "<f8"}
_RATE = "c/s"
_TECHNIQUES = ("xps", "ups", "haxpes")


@dataclass(frozen=True)
class DataBlock:
    """One entry of the directory: what it is of, and the values as (second dimension, first dimension)."""

    region: int
    dims: tuple[str, str]
    unit: str
    values: Numbers


def read(source: Source) -> list[Leaf]:
    """Read a PHI .spe or .pro file: one leaf per region, the cycles of a profile with their sputter time.

    Raises
    ------
    ReadError, DataError
        cut, damaged, or of a kind without spectra (images, line scans).
    """
    content = source.path.read_bytes()
    end = content.find(_END)
    if end < 0:
        raise ReadError("the file is cut: its text header has no end (EOFH).", remedy=AGAIN)
    header = _header(content[:end].decode("latin-1"))
    _require_spectra(header)
    data = content[content.index(b"\n", end) + 1 :] if b"\n" in content[end : end + 8] else content[end + 6 :]
    blocks, spare = _blocks(data)
    times = {region: row for block in blocks if block.dims == ("cyc", "reg") and block.unit == "s"
             for region, row in enumerate(block.values, 1)}  # fmt: skip
    spectra = [
        spectrum
        for block in blocks
        if block.dims[0] == "pnt"
        for spectrum in _spectra(block, _region(header, block.region), header, times)
    ]
    if not spectra:
        raise ReadError("the file holds no spectrum (no data over energy points).", remedy="export the spectra again.")
    document = {key: value[0] if len(value) == 1 else value for key, value in header.items()}
    found = leaves(spectra, source, document={"header": document})
    for leaf in found:
        leaf.flags += [f"{spare} bytes after the end of the data"] if spare > 0 else []
    return found


def _header(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        if colon:
            found.setdefault(key.strip(), []).append(value.strip())
    return found


def _require_spectra(header: dict[str, list[str]]) -> None:
    technique = header.get("Technique", ["XPS"])[0]
    if technique.lower() not in _TECHNIQUES:
        raise ReadError(f"its technique is {technique!r}; XPS is supported.", remedy="give an XPS file.")
    kind = header.get("FileType", ["SPECTRUM"])[0]
    if kind.upper() not in ("SPECTRUM", "DEPTHPRO"):
        raise ReadError(f"a PHI file of type {kind!r} is not supported.", remedy="give a .spe or .pro file.")


def _blocks(data: bytes) -> tuple[list[DataBlock], int]:
    """Return the data blocks, and how many bytes follow after the last one."""
    if len(data) < _LEAD:
        raise ReadError("the file is cut: nothing follows the text header.", remedy=AGAIN)
    _, count, length, lead = struct.unpack("<4I", data[:_LEAD])
    if not 0 < count <= _MOST_BLOCKS or length != count * _ENTRY or lead != _LEAD:
        raise ReadError(f"its data directory is damaged ({count} blocks, {length} bytes).", remedy=AGAIN)
    if len(data) < _LEAD + length:
        raise ReadError("the file is cut within its data directory.", remedy=AGAIN)
    found = [_block(data, _LEAD + _ENTRY * number, f"data block {number + 1} of {count}") for number in range(count)]
    return [block for block, _ in found], len(data) - max(end for _, end in found)


def _block(data: bytes, at: int, what: str) -> tuple[DataBlock, int]:
    words = struct.unpack("<24I", data[at : at + _ENTRY])
    region, points, rows = words[3], words[5], words[6]
    first, second, kind = (_word(data, at, index) for index in (8, 10, 18))
    size, start = words[19], words[20]
    if kind not in _TYPES:
        raise ReadError(f"{what} holds numbers of type {kind!r}; f4 and f8 are known.", remedy=AGAIN)
    width = np.dtype(_TYPES[kind]).itemsize
    if not 0 < points <= 10_000_000 or not 0 < rows <= 1_000_000 or size != points * rows * width:
        raise ReadError(f"{what} claims {points} x {rows} numbers in {size} bytes.", remedy=AGAIN)
    if start + size > len(data):
        raise ReadError(
            f"the file is cut: {what} should end {start + size} bytes after the header, {len(data)} are there.",
            remedy=AGAIN,
        )
    values = np.frombuffer(data[start : start + size], _TYPES[kind]).astype(np.float64).reshape(rows, points)
    unit = data[at + 56 : at + 72].split(b"\0")[0].decode("latin-1").strip()
    return DataBlock(region, (first, second), unit, values), start + size


def _word(data: bytes, at: int, index: int) -> str:
    return data[at + 4 * index : at + 4 * index + 4].rstrip(b"\0").decode("latin-1")


def _region(header: dict[str, list[str]], number: int) -> list[str]:
    """Return the words of the active definition of a region.

    number, number, name, atomic number, points, step, start, end, quick start, quick end, time per step, pass energy
    """
    for line in header.get("SpectralRegDef", []):
        words = line.split()
        if len(words) >= 12 and words[0] == str(number):
            return words
    raise ReadError(f"its header does not define region {number} (SpectralRegDef).", remedy=AGAIN)


def _spectra(
    block: DataBlock, region: list[str], header: dict[str, list[str]], times: dict[int, Numbers]
) -> list[Spectrum]:
    if block.dims[1] not in ("cyc", "sar") or (block.dims[1] == "sar" and block.values.shape[0] > 1):
        raise ReadError(
            f"its data has {block.values.shape[0]} rows along {block.dims[1]!r}, only cycles are supported.",
            remedy="export one spatial area per file.",
        )
    energy = _energy(region, block.values.shape[1])
    sputter = times.get(block.region)
    found = []
    for number, row in enumerate(block.values):
        spectrum = Spectrum((region[2],), _sample(header), energy, "binding", row.copy(), rate=block.unit == _RATE)
        _keep_metadata(spectrum, region, header)
        if block.dims[1] == "cyc" and sputter is not None and sputter.size == block.values.shape[0]:
            spectrum.variables["etch_time"] = (float(sputter[number]) + 0.0, "s", "sputter time")
        found.append(spectrum)
    return found


def _energy(region: list[str], points: int) -> Numbers:
    stated, step, start, end = (number_of(region[index]) for index in (4, 5, 6, 7))
    if stated is None or step is None or start is None or end is None:
        raise ReadError(f"the definition of region {region[2]} is damaged.", remedy=AGAIN)
    if int(stated) != points:
        raise ReadError(f"region {region[2]} should have {stated:g} points, its data has {points}.", remedy=AGAIN)
    if abs(start + step * (points - 1) - end) > abs(step):
        raise ReadError(
            f"region {region[2]}: {points} points of {step:g} eV from {start:g} don't end at {end:g} eV.", remedy=AGAIN
        )
    return start + step * np.arange(points, dtype=np.float64)


def _keep_metadata(spectrum: Spectrum, region: list[str], header: dict[str, list[str]]) -> None:
    spectrum.put("dwell_time", number_of(region[10]))  # all sweeps together: rate x this time gives whole counts
    spectrum.put("sweeps", 1.0)
    spectrum.put("pass_energy", number_of(region[11]))
    spectrum.put("work_function", _first(header, "AnalyserWorkFcn"))
    source = re.search(r"\d+\.?\d*", header.get("XraySource", [""])[0].partition(" ")[2])
    spectrum.put("photon_energy", float(source[0]) if source else None)
    spectrum.attrs["instrument"] = f"PHI {header.get('InstrumentModel', [''])[0]}".strip()
    date = header.get("AcqFileDate", header.get("FileDate", [""]))[0].split()
    if len(date) == 3 and all(part.isdigit() for part in date):
        spectrum.attrs["acquired"] = f"{int(date[0]):04d}-{int(date[1]):02d}-{int(date[2]):02d}"
    neutraliser = header.get("AutoEGunNeut", [""])[0]
    if neutraliser:
        spectrum.attrs["charge_neutraliser"] = "On" if neutraliser.lower() == "yes" else "Off"
    reference = header.get("EnergyReference", ["none"])[0]
    if not reference.lower().startswith("none"):
        spectrum.flags.append(f"energies were referenced in the instrument's program: {reference}")
    raw: dict[str, Any] = {"region": " ".join(region)}
    spectrum.raw = raw


def _sample(header: dict[str, list[str]]) -> str:
    match = re.match(r"\(\s*\d+\s*,\s*(.*)\)$", header.get("FileDesc", [""])[0])
    return match[1].strip() if match else ""


def _first(header: dict[str, list[str]], key: str) -> float | None:
    words = header.get(key, [""])[0].split()
    return number_of(words[0]) if words else None
