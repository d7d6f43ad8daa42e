"""Tables of one spectrum: csv and text with a column of binding or kinetic energy and one of counts; numpy only.

Nothing is guessed: the head of a column must say which energy it is. Lines before the head such as
``# photon energy: 1486.6 eV`` (also dwell time, sweeps, pass energy, sample, region) are understood.
"""

from __future__ import annotations

import re
from pathlib import Path

from imgpipe.errors import ReadError
from imgpipe.readers.edxs_table import HEADS as LINE_HEADS
from imgpipe.readers.leaf import Leaf, Source
from imgpipe.readers.xps_leaves import leaves
from imgpipe.readers.xps_sniffs import cells_of, energy_head
from imgpipe.readers.xps_spectrum import Spectrum
from imgpipe.readers.xps_text import AGAIN, UNENDED, column_of, number_of, text_of

Row = list[str]
_COUNTS = re.compile(r"\b(counts?|intensity|signal|yield|cps|raw data)\b|^(c/s|i|y)$", re.IGNORECASE)
_RATE = re.compile(r"counts?\s*/\s*s|\bcps\b|c/s|counts per second|1/s|s\^?-1", re.IGNORECASE)
_PASS = re.compile(r"^PE\s*:\s*([\d.]+)\s*eV$", re.IGNORECASE)
_ENTRY = re.compile(r"^\W*([A-Za-z][A-Za-z _.]*?)\s*(?:[\[(]\s*(\w+)\s*[\])])?\s*[:=,;\t]\s*(.+?)\s*$")
_UNITS = {"ms": 1e-3, "kev": 1e3}
_KNOWN = {
    "photon energy": "photon_energy", "excitation energy": "photon_energy", "hv": "photon_energy",
    "pass energy": "pass_energy", "dwell time": "dwell_time", "dwell": "dwell_time", "sweeps": "sweeps",
    "scans": "sweeps", "number of scans": "sweeps", "number of sweeps": "sweeps", "work function": "work_function",
    "emission angle": "emission_angle",
}  # fmt: skip
HEADS = "a column named 'binding energy' or 'kinetic energy' (BE, KE; with [eV] or [keV])"


def read(source: Source) -> list[Leaf]:
    """Read a text table (csv, tsv, txt) as one leaf; the region is named in the table or in the file's name.

    Raises
    ------
    ReadError, DataError
        no column says that it is an energy, more than one may be the intensity, a cell is no number.
    """
    text = text_of(source.path)
    lines = text.splitlines()
    at, delimiter = _find_head(lines)
    rows = [cells_of(line, delimiter) for line in lines[at:] if line.strip() and not line.startswith("#")]
    spectrum = spectrum_of(rows, lines[:at], source.path, delimiter in (";", "\t"))
    if not text.endswith(("\n", "\r")):
        spectrum.flags.append(UNENDED)
    return leaves([spectrum], source)


def _find_head(lines: list[str]) -> tuple[int, str]:
    for number, line in enumerate(lines[:200]):
        delimiter = energy_head(line)
        if delimiter is not None:
            return number, delimiter
    shown = next((line.strip() for line in lines if line.strip()), "")[:80]
    raise ReadError(
        f"no column says that it is an energy; the table begins with {shown!r}.",
        remedy=f"give the table {HEADS}; a line scan of X-rays: {LINE_HEADS}.",
    )


def spectrum_of(rows: list[Row], before: list[str], path: Path, comma: bool, sheet: str = "") -> Spectrum:
    """Return the spectrum of a table.

    Parameters
    ----------
    rows : the heads, then the data
    before : lines that stand before the heads
    path : the file, whose name may tell the region
    comma : a comma may be the decimal sign
    sheet : name of the sheet of a workbook
    """
    heads = rows[0]
    energy, scale, unit = _energy_column(heads)
    values = _intensity_column(heads, energy)
    data = [row for row in rows[1:] if any(row)]
    _require_width(heads, data)
    entries = dict(filter(None, map(_entry, before)))
    found = Spectrum(
        labels=(entries.get("region", ""), sheet, heads[values], path.stem),
        sample=entries.get("sample", ""),
        energy=column_of(data, energy, heads[energy], comma),
        scale=scale,
        unit=unit,
        values=column_of(data, values, heads[values], comma),
        rate=bool(_RATE.search(heads[values])),
        raw={"heads": heads, "before": before},
    )
    _keep_metadata(found, entries, heads[values])
    return found


def _require_width(heads: Row, data: list[Row]) -> None:
    """Raise `ReadError` where a row has not as many cells as there are heads (empty cells at its end don't count)."""
    if not data:
        raise ReadError("the file is cut or damaged: nothing follows the heads of the columns.", remedy=AGAIN)
    wanted = _filled(heads)
    for number, row in enumerate(data, 1):
        if len(row) < wanted or _filled(row) > max(wanted, len(heads)):
            raise ReadError(
                f"the file is cut or damaged: row {number} of the table has {len(row)} cells, its head {wanted}.",
                remedy=AGAIN,
            )


def _filled(row: Row) -> int:
    return max((index for index, cell in enumerate(row, 1) if cell), default=0)


def _energy_column(heads: Row) -> tuple[int, str, str]:
    """Return index, scale and unit of the energy; binding energy goes before kinetic where both are there."""
    found = [(index, *told) for index, head in enumerate(heads) if (told := _scale(head)) is not None]
    if not found:
        raise ReadError(f"none of its columns ({', '.join(heads)}) says that it is an energy.", remedy=f"give {HEADS}.")
    binding = [one for one in found if one[1] == "binding"]
    return (binding or found)[0]


def _scale(head: str) -> tuple[str, str] | None:
    text = head.lower()
    unit = "keV" if "kev" in text else "eV" if re.search(r"\bev\b", text) or not re.search(r"[\[(/]", text) else text
    if re.search(r"\bbinding[ _]*energy\b|^b\.?e\.?\b", text):
        return "binding", unit
    return ("kinetic", unit) if re.search(r"\bkinetic[ _]*energy\b|^k\.?e\.?\b", text) else None


def _intensity_column(heads: Row, energy: int) -> int:
    others = [index for index, head in enumerate(heads) if _scale(head) is None and head]
    named = [index for index in others if _COUNTS.search(heads[index]) or _PASS.match(heads[index])]
    if len(named) == 1:
        return named[0]
    told = "several columns may be" if named else "no column says that it is"
    raise ReadError(
        f"{told} the intensity: {', '.join(heads[index] for index in named or others) or 'there is no other column'}.",
        remedy="name one column 'counts' (or 'counts/s'), and no other column so.",
    )


def _entry(line: str) -> tuple[str, str] | None:
    match = _ENTRY.match(line)
    if match is None:
        return None
    name = match[1].strip().lower().replace("_", " ")
    return name, f"{match[3].strip(' ,;').strip()} {match[2] or ''}".strip()


def _keep_metadata(found: Spectrum, entries: dict[str, str], head: str) -> None:
    for name, text in entries.items():
        if name in _KNOWN:
            words = text.replace(",", ".").split()
            value = number_of(words[0])
            factor = _UNITS.get(words[-1].lower(), 1.0)
            found.put(_KNOWN[name], None if value is None else value * factor)
    passed = _PASS.match(head)
    if passed:
        found.put("pass_energy", float(passed[1]))
    if entries.get("instrument"):
        found.attrs["instrument"] = entries["instrument"]
