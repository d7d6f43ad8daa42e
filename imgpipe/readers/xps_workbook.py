"""Tables in .xlsx workbooks: each sheet with an energy column is one region, each line scan of X-rays one line.

A workbook is a zip archive of XML; only the plain values of the cells are needed, so no spreadsheet library is.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
import zipfile
from collections.abc import Iterator
from pathlib import Path

from imgpipe.errors import ReadError
from imgpipe.readers import edxs_table
from imgpipe.readers.leaf import Leaf, Source
from imgpipe.readers.xps_leaves import leaves
from imgpipe.readers.xps_sniffs import energy_name
from imgpipe.readers.xps_spectrum import Spectrum
from imgpipe.readers.xps_table import HEADS, Row, spectrum_of
from imgpipe.readers.xps_text import AGAIN

_CELL = re.compile(r"^([A-Z]{1,3})\d+$")
_MOST_BYTES = 256 << 20
_MOST_COLUMNS = 16384
_HEAD_ROWS = 100
_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


def read(source: Source) -> list[Leaf]:
    """Read an .xlsx workbook: one leaf per sheet with a column of binding or kinetic energy, or with a line scan.

    Raises
    ------
    ReadError, DataError
        no workbook, damaged, a zip bomb, or no sheet with such columns.
    """
    try:
        with zipfile.ZipFile(source.path) as archive:
            tables = list(_tables(archive, source))
    except (zipfile.BadZipFile, KeyError, NotImplementedError) as error:
        raise ReadError(f"the workbook is cut or damaged: {error}.", remedy=AGAIN) from None
    spectra = list(_spectra(tables, source))
    if spectra:
        return leaves(spectra, source)
    lines = edxs_table.sheets(tables, source)
    if not lines:
        raise ReadError(
            "no sheet has a column that says that it is an energy, or a distance beside elements.",
            remedy=f"give one sheet {HEADS}, or {edxs_table.HEADS}.",
        )
    return lines


def _spectra(tables: list[tuple[str, list[Row]]], source: Source) -> Iterator[Spectrum]:
    for name, rows in tables:
        at = next((i for i, row in enumerate(rows[:_HEAD_ROWS]) if any(energy_name(cell) for cell in row)), None)
        if at is not None:
            before = [": ".join(filter(None, row)) for row in rows[:at]]
            yield spectrum_of(rows[at:], before, Path(source.path), comma=False, sheet=name)


def _tables(archive: zipfile.ZipFile, source: Source) -> Iterator[tuple[str, list[Row]]]:
    """Yield name and cells of each sheet, all rows of equal width."""
    if "xl/workbook.xml" not in archive.namelist():
        raise ReadError("it is an archive or Office file, but no workbook.", remedy="export the table as csv.")
    texts = [_joined(item) for item in _parsed(archive, "xl/sharedStrings.xml", source)]
    for name, place in _sheets(archive, source):
        rows = list(_rows(_parsed(archive, place, source), texts))
        width = max(map(len, rows), default=0)
        yield name, [row + [""] * (width - len(row)) for row in rows]


def _parsed(archive: zipfile.ZipFile, place: str, source: Source) -> ElementTree.Element:
    """Return a part of the archive as XML; an empty element where there is none."""
    if place not in archive.namelist():
        return ElementTree.Element("none")
    info = archive.getinfo(place)
    ratio = info.file_size / max(1, info.compress_size)
    if info.file_size > _MOST_BYTES or ratio > 4 * source.limits.max_ratio:
        raise ReadError(
            f"its part {place} would grow to {info.file_size / 2**20:.0f} MiB, {ratio:.0f}-fold.",
            remedy="save only the spectrum's table, or export it as csv; if the file is sound, raise max_ratio.",
        )
    content = archive.read(place)
    if b"<!ENTITY" in content or b"<!DOCTYPE" in content:
        raise ReadError("its XML defines entities, which no workbook does.", remedy="export the table as csv.")
    try:
        return ElementTree.fromstring(content)  # noqa: S314 - entities are refused above
    except ElementTree.ParseError as error:
        raise ReadError(f"the workbook is damaged: {place}: {error}.", remedy=AGAIN) from None


def _sheets(archive: zipfile.ZipFile, source: Source) -> Iterator[tuple[str, str]]:
    links = _parsed(archive, "xl/_rels/workbook.xml.rels", source)
    targets = {link.get("Id", ""): link.get("Target", "") for link in links}
    for element in _parsed(archive, "xl/workbook.xml", source).iter():
        if _tag(element) == "sheet":
            target = targets.get(element.get(_ID, ""), "")
            yield element.get("name", ""), target.lstrip("/") if target.startswith("/") else f"xl/{target}"


def _rows(sheet: ElementTree.Element, texts: list[str]) -> Iterator[Row]:
    for row in (element for element in sheet.iter() if _tag(element) == "row"):
        cells: Row = []
        for cell in row:
            match = _CELL.match(cell.get("r", ""))
            column = _index(match[1]) if match else len(cells)
            if column >= _MOST_COLUMNS:
                raise ReadError(f"a cell stands in column {column + 1}.", remedy=AGAIN)
            cells += [""] * (column + 1 - len(cells))
            cells[column] = _value(cell, texts)
        yield cells


def _index(letters: str) -> int:
    found = 0
    for letter in letters:
        found = 26 * found + ord(letter) - ord("A") + 1
    return found - 1


def _value(cell: ElementTree.Element, texts: list[str]) -> str:
    kind = cell.get("t", "n")
    if kind == "inlineStr":
        return _joined(cell)
    text = next((part.text or "" for part in cell if _tag(part) == "v"), "")
    if kind == "s" and text:
        if not text.isdigit() or int(text) >= len(texts):
            raise ReadError(f"a cell refers to text {text} of {len(texts)}.", remedy=AGAIN)
        return texts[int(text)]
    return text.strip()


def _joined(element: ElementTree.Element) -> str:
    return "".join(part.text or "" for part in element.iter() if _tag(part) == "t").strip()


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]
