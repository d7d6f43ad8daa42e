"""Know the text formats of XPS by their first lines (standard library only: the parent process uses it)."""

from __future__ import annotations

import csv
import re
from itertools import pairwise

DELIMITERS = ("\t", ";", ",", " ")
_ENERGY = re.compile(
    r"^\W*(binding[ _]*energy|kinetic[ _]*energy|[bk]\.e\.|[bk]e)\s*(/\s*k?ev|[\[(]\s*k?ev\s*[\])]|,?\s*k?ev)?\W*$",
    re.IGNORECASE,
)
_CASA = re.compile(r"^Cycle \d+\s*:[^\n]*\r?\n\s*Characteristic Energy eV\t", re.IGNORECASE)
_DATA = re.compile(r'^\s*"?[-+]?[.,]?\d')
_MOST_CELLS = 200


def vamas(head: bytes) -> bool:
    """Tell a VAMAS file, also with blank lines before its first line."""
    return text_of_head(head).lower().startswith("vamas surface chemical analysis standard data")


def casa_text(head: bytes) -> bool:
    """Tell a text export of CasaXPS by columns."""
    return _CASA.match(text_of_head(head)) is not None


def scienta(head: bytes) -> bool:
    """Tell a text file of Scienta's SES."""
    text = text_of_head(head)
    return text.startswith("[Info]") and "[Region 1]" in text and "Dimension 1" in text


def specs_xy(head: bytes) -> bool:
    """Tell a .xy export of SPECS."""
    text = text_of_head(head)
    return text.startswith("#") and "XY-Serializer Export Settings" in text[:1000]


def specs_xml(head: bytes) -> bool:
    """Tell an .xml file of SPECS."""
    text = text_of_head(head)
    return text.startswith("<?xml") and ("CORBA XML document" in text[:400] or "IDL:specs.de" in text)


def workbook(head: bytes) -> bool:
    """Tell a workbook or another Office file."""
    parts = (b"[Content_Types].xml", b"xl/", b"docProps/", b"_rels/.rels")
    return head.startswith(b"PK\3\4") and any(part in head[:200] for part in parts)


def table(head: bytes) -> bool:
    """Tell a table with a column that says that it is binding or kinetic energy, and at least one more column."""
    if any(other(head) for other in (casa_text, scienta, specs_xy, vamas)):
        return False
    lines = [line for line in text_of_head(head).splitlines() if line.strip()][:40]
    return any(energy_head(line) is not None and _DATA.match(after) for line, after in pairwise(lines))


def energy_head(line: str) -> str | None:
    """Return what separates the columns of a line of column heads with an energy among them, None for other lines."""
    for delimiter in DELIMITERS:
        cells = cells_of(line, delimiter)
        if 2 <= len(cells) <= _MOST_CELLS and any(energy_name(cell) for cell in cells):
            return delimiter
    return None


def cells_of(line: str, delimiter: str) -> list[str]:
    """Return the cells of a line; delimiters within double quotes don't count."""
    if delimiter == " ":
        cells = line.split()
    elif '"' in line:
        cells = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
    else:
        cells = line.split(delimiter)
    return [cell.strip().strip('"') for cell in cells]


def energy_name(cell: str) -> bool:
    """Tell whether a column's head says binding or kinetic energy (``BE/eV``, ``Kinetic energy [eV]``, ``B.E.``)."""
    return _ENERGY.match(cell) is not None


def text_of_head(head: bytes) -> str:
    """Return the first bytes of a file as text, without byte order mark and leading blank lines."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return head.decode("utf-16", "replace").lstrip("\ufeff\r\n\t ")
    return head.decode("latin-1").removeprefix("\xef\xbb\xbf").lstrip("\r\n\t ")
