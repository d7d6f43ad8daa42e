"""Know the formats of X-ray spectra by their first bytes (standard library only: the parent process uses it)."""

from __future__ import annotations

import re
import struct
from itertools import pairwise

from imgpipe.readers.edxs_header import SYMBOLS
from imgpipe.readers.xps_sniffs import DELIMITERS, cells_of, energy_name, text_of_head

_POSITION = re.compile(
    r"^\W*(distance|position|dist\.?|pos\.?|x(?=\W+\w))[\s_,]*[\[(/]?\s*(nm|um|µm|μm|mm|m|px|pixels?|points?)?\s*[\])]?\W*$",
    re.IGNORECASE,
)
_LINE = re.compile(
    r"^\W*([A-Z][a-z]?)[ _-]?((?:K|L|M|N)(?:a|b|g|α|β|γ|l|z|ζ)?\d?(?:[_, ]?\d)*)?(?:\s*series)?\W*"
    r"([\[(/]?\s*(counts?|cts|net|gross|intensity|cps|counts/s|at\.?\s*%|wt\.?\s*%|mass\s*%|%)\s*[\])]?)?\W*$"
)
_DATA = re.compile(r'^\s*"?[-+]?[.,]?\d')
HDF5 = b"\x89HDF\r\n\x1a\n"
"""First bytes of every HDF5 file."""
EDAX_VERSIONS = (0.61, 0.7)
_MOST_CELLS = 500
_DOUBTFUL = {"I", "Y"}
"""Heads that alone may as well mean an intensity or an ordinate."""


def hdf5(head: bytes) -> bool:
    """Tell an HDF5 file; its suffix says which kind."""
    return head.startswith(HDF5)


def emsa(head: bytes) -> bool:
    """Tell an EMSA/MAS file."""
    first = next((line for line in text_of_head(head).splitlines() if line.strip()), "")
    return re.match(r"^#\s*FORMAT\s*:\s*EMSA", first, re.IGNORECASE) is not None


def spx(head: bytes) -> bool:
    """Tell a Bruker spectrum."""
    return b"TRTSpectrum" in head[:400] or b"TRTSpectrum".decode().encode("utf-16-le") in head[:800]


def elid(head: bytes) -> bool:
    """Tell a Phenom project: a bzip2 stream (its name decides against other such archives)."""
    return head[:2] == b"BZ" and head[4:10] == b"\x31\x41\x59\x26\x53\x59"


def jeol_project(head: bytes) -> bool:
    """Tell a project of JEOL's Analysis Station."""
    return head[:4] == b"\0\0\0\0" and b"FileType\0" in head[:64] and b"Analysis Station" in head[:128]


def jeol_spectrum(head: bytes) -> bool:
    """Tell a spectrum of JEOL's Analysis Station: a 2, and a date (days since 1900) where it stands."""
    if len(head) < 18 or head[:4] != b"\2\0\0\0":
        return False
    (days,) = struct.unpack("<d", head[10:18])
    return bool(32_000 < days < 80_000)


def edax_spectrum(head: bytes) -> bool:
    """Tell an EDAX spectrum: its version, and where its channels begin."""
    if len(head) < 40:
        return False
    version, start, points = struct.unpack("<f24xih", head[:34])
    return bool(round(version, 2) in EDAX_VERSIONS and 0 < start < 1 << 20 and points > 0)


def ripple(head: bytes) -> bool:
    """Tell the header of a RIPPLE file."""
    text = text_of_head(head).lower()
    return all(re.search(rf"^\s*{key}\s+\S", text, re.MULTILINE) for key in ("width", "height", "depth", "data-type"))


def table(head: bytes) -> bool:
    """Tell a table of a line: a column of distances and at least one named after an element (data may be missing)."""
    lines = [line for line in text_of_head(head).splitlines() if line.strip()][:60]
    heads_only = bool(lines) and line_head(lines[-1]) is not None
    return heads_only or any(line_head(line) is not None and _DATA.match(after) for line, after in pairwise(lines))


def line_head(line: str) -> str | None:
    """Return what separates the columns of a line of heads with a distance and elements, None for other lines."""
    for delimiter in DELIMITERS[:-1]:
        if line_columns(cells_of(line, delimiter)):
            return delimiter
    return None


def line_columns(cells: list[str]) -> bool:
    """Tell whether heads of columns hold a distance and at least one element, and no energy of electrons."""
    if not 2 <= len(cells) <= _MOST_CELLS or any(energy_name(cell) for cell in cells):
        return False
    named = [cell for cell in cells if element_of(cell)]
    if not named or {cell.strip(" \"'#") for cell in named} <= _DOUBTFUL:
        return False
    return any(position_unit(cell) is not None for cell in cells)


def position_unit(cell: str) -> str | None:
    """Return the unit of a column of distances ("" where it names none), None for other columns."""
    match = _POSITION.match(cell)
    return None if match is None else (match[2] or "")


def element_of(cell: str) -> tuple[str, str, str] | None:
    """Return element, line and quantity that a column's head names (``Mg``, ``Cu La``, ``W_M [counts]``), or None."""
    match = _LINE.match(cell)
    if match is None or match[1] not in SYMBOLS:
        return None
    return match[1], (match[2] or "").strip(), (match[4] or "").lower()
