"""CasaXPS text exports by columns: energy, counts, fitted components, background, envelope; numpy only.

The fit is kept as text (`vendor_metadata`), its curves are not read: the data is to be fitted again.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from imgpipe.errors import ReadError
from imgpipe.readers.leaf import Leaf, Source
from imgpipe.readers.xps_leaves import leaves
from imgpipe.readers.xps_spectrum import Numbers, Spectrum
from imgpipe.readers.xps_text import AGAIN, UNENDED, number_of, numbers_of, text_of

_CYCLE = re.compile(r"^Cycle\s+(\d+)\s*:(.*)$")
_FIT = ("Name", "Position", "FWHM", "Area", "Lineshape")
_DIFFERENCE = 0.02
"""eV by which photon energy - kinetic energy and the stated binding energy may differ (rounding of the export)."""


def read(source: Source) -> list[Leaf]:
    """Read a CasaXPS text export: one leaf per region of each sample.

    Raises
    ------
    ReadError, DataError
        cut, damaged, or an export by rows.
    """
    text = text_of(source.path)
    spectra = [_spectrum(number, lines) for number, lines in _cycles(text)]
    if not spectra:
        raise ReadError("no line begins with 'Cycle'.", remedy="export by columns from CasaXPS.")
    found = leaves(spectra, source)
    if not text.endswith(("\n", "\r")):
        for leaf in found:
            leaf.flags.append(UNENDED)
    return found


def _cycles(text: str) -> list[tuple[int, list[str]]]:
    found: list[tuple[int, list[str]]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if _CYCLE.match(line):
            found.append((number, []))
        if found and line.strip():
            found[-1][1].append(line)
    return found


def _spectrum(first: int, lines: list[str]) -> Spectrum:
    match = _CYCLE.match(lines[0])
    name = match[2] if match else ""
    sample, _, region = name.rpartition(":")
    at = next((i for i, line in enumerate(lines) if re.match(r"\s*(K\.E\.|B\.E\.)", line)), None)
    if at is None:
        raise ReadError(
            f"the spectrum {name} (line {first}) has no columns K.E. and B.E.: the file is cut, or exported by rows.",
            remedy="export by columns from CasaXPS.",
        )
    heads = [head.strip() for head in lines[at].split("\t")]
    table = _table(lines[at + 1 :], len(heads), first + at)
    energy, scale = _energy(table, heads)
    values = table[:, _column(heads, "Counts")] if "Counts" in heads else table[:, _column(heads, "CPS")]
    found = Spectrum((region,), sample, energy, scale, values.copy(), rate="Counts" not in heads)
    _keep_metadata(found, lines[1:at], table, heads)
    return found


def _column(heads: list[str], name: str) -> int:
    if name not in heads:
        raise ReadError(f"it has no column {name!r}, only {', '.join(filter(None, heads))}.", remedy="export again.")
    return heads.index(name)


def _table(lines: list[str], width: int, first: int) -> Numbers:
    """Return the rows as numbers; columns without a head are NaN."""
    rows = [[cell.strip() for cell in line.rstrip("\t\r\n ").split("\t")] for line in lines]
    if not rows:
        raise ReadError(f"the file is cut: nothing follows the column heads in line {first}.", remedy=AGAIN)
    cells = max(len(row) for row in rows)
    for number, row in enumerate(rows, 1):
        if len(row) != cells or cells > width:
            raise ReadError(
                f"the file is cut or damaged: line {first + number} has {len(row)} columns, {cells} are expected.",
                remedy=AGAIN,
            )
    try:
        columns = [_numbers([row[i] for row in rows]) for i in range(cells)]
    except ValueError as error:
        raise ReadError(f"the table from line {first} on holds what is no number: {error}.", remedy=AGAIN) from None
    return np.stack([*columns, *[np.full(len(rows), np.nan)] * (width - cells)], axis=1)


def _numbers(cells: list[str]) -> Numbers:
    return numbers_of(cells) if any(cells) else np.full(len(cells), np.nan)


def _energy(table: Numbers, heads: list[str]) -> tuple[Numbers, str]:
    if "B.E." in heads:
        return table[:, heads.index("B.E.")].copy(), "binding"
    return table[:, _column(heads, "K.E.")].copy(), "kinetic"


def _keep_metadata(found: Spectrum, lines: list[str], table: Numbers, heads: list[str]) -> None:
    entries = _entries(lines)
    found.put("photon_energy", number_of(entries.get("Characteristic Energy eV", "")))
    found.put("dwell_time", number_of(entries.get("Acquisition Time s", "")))  # all sweeps together
    found.put("sweeps", 1.0)
    fit = _components(lines, table, heads)
    found.raw = {**entries, **({"casa": {"components": fit}} if fit else {})}
    photon = found.numbers.get("photon_energy")
    if photon is not None and "K.E." in heads and "B.E." in heads:
        moved = float(np.median(table[:, heads.index("B.E.")] - (photon - table[:, heads.index("K.E.")])))
        if abs(moved) > _DIFFERENCE:
            found.flags.append(f"the exported binding energies are {moved:+.4g} eV from hv - KE (Casa calibration)")


def _entries(lines: list[str]) -> dict[str, str]:
    for line in lines:
        cells = [cell.strip() for cell in line.split("\t")]
        if "Characteristic Energy eV" in cells:
            cells = cells[cells.index("Characteristic Energy eV") :]
            return dict(zip(cells[0::2], cells[1::2], strict=False))
    return {}


def _components(lines: list[str], table: Numbers, heads: list[str]) -> list[dict[str, Any]]:
    """Return the fitted components; a position is named after the axis on which it lies."""
    rows = {cells[0]: cells[1:] for line in lines if (cells := [c.strip() for c in line.split("\t")])[0] in _FIT}
    names = [(index, name) for index, name in enumerate(rows.get("Name", [])) if name]
    found = []
    for index, name in names:
        told = {key: row[index] for key, row in rows.items() if index < len(row) and row[index]}
        entry: dict[str, Any] = {"name": name, "shape": told.get("Lineshape", "")}
        sizes = {key.lower(): number_of(told.get(key, "")) for key in ("FWHM", "Area")}
        entry |= {key: value for key, value in sizes.items() if value is not None}
        position = number_of(told.get("Position", ""))
        if position is not None:
            entry[_position_name(position, table, heads)] = position
        found.append(entry)
    return found


def _position_name(position: float, table: Numbers, heads: list[str]) -> str:
    on = [
        name
        for name, head in (("position_binding_energy", "B.E."), ("position_kinetic_energy", "K.E."))
        if head in heads and _within(position, table[:, heads.index(head)])
    ]
    return on[0] if len(on) == 1 else "position_as_exported"


def _within(value: float, axis: Numbers) -> bool:
    return bool(np.nanmin(axis) <= value <= np.nanmax(axis))
