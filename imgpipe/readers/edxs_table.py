"""Tables of line scans: csv and text with a column of distances and one of counts per element (numpy only).

There is no energy axis: the leaf ``line`` holds ``intensity(element, position)``. Nothing is guessed: the head of the
distances must say their unit, the other heads name an element (``Mg``) or a line (``Cu La``). Lines before the heads
such as ``# beam energy: 5 keV`` (also live time, take-off angle, stage tilt, detector resolution, sample, detector) are
understood.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from imgpipe.errors import DataError, ReadError
from imgpipe.readers.edxs_axes import length_factor
from imgpipe.readers.edxs_header import SCALARS, EdxsHeader
from imgpipe.readers.edxs_leaves import UNCALIBRATED, free_name
from imgpipe.readers.edxs_sniffs import element_of, line_columns, line_head, position_unit
from imgpipe.readers.edxs_tally import CountStatistics
from imgpipe.readers.leaf import Axis, Block, Leaf, Scalar, Source, Stream, Texts
from imgpipe.readers.xps_sniffs import cells_of
from imgpipe.readers.xps_text import AGAIN, UNENDED, column_of, text_of

Row = list[str]
Numbers = np.ndarray[Any, Any]
_ENTRY = re.compile(r"^\W*([A-Za-z][A-Za-z _-]*?)\s*(?:[\[(]\s*(\w+)\s*[\])])?\s*[:=]\s*(.+?)\W*$")
_NUMBER = re.compile(r"^([-+]?[\d.]+(?:[eE][-+]?\d+)?)\s*(\S*)$")
_FACTORS = {"kev": 1e3, "kv": 1e3, "v": 1.0, "ev": 1.0, "na": 1e-9, "pa": 1e-12, "ms": 1e-3, "mm": 1e6, "um": 1e3}
_KNOWN = {
    "beam energy": "beam_energy", "accelerating voltage": "beam_energy", "high voltage": "beam_energy",
    "live time": "live_time", "real time": "real_time", "dead time": "dead_time", "beam current": "beam_current",
    "take off angle": "take_off_angle", "azimuth angle": "azimuth_angle", "stage tilt": "stage_tilt",
    "tilt": "stage_tilt", "detector resolution": "detector_resolution",
}  # fmt: skip
_TEXTS = ("sample", "title", "instrument", "detector", "acquired")
HEADS = "a column 'distance (nm)' (nm, um, mm or px) and columns named after elements (Mg, W, Cu La)"


def read(source: Source) -> list[Leaf]:
    """Read a text table (csv, tsv, txt) as the leaf ``line``.

    Raises
    ------
    ReadError, DataError
        no unit of the distances, atomic or mass percent instead of counts, a cell is no number, rows of other width.
    """
    text = text_of(source.path)
    lines = text.splitlines()
    at = next((n for n, line in enumerate(lines[:200]) if line_head(line) is not None), None)
    if at is None:
        raise ReadError("no column says that it is a distance beside elements.", remedy=f"give the table {HEADS}.")
    delimiter = line_head(lines[at]) or ","
    rows = [cells_of(line, delimiter) for line in lines[at:] if line.strip()]
    heads = [cell.strip("# ") for cell in rows[0]]
    data = [row for row in rows[1:] if not row[0].startswith("#")]
    made = line_leaf(heads, data, lines[:at], source, [], comma=delimiter in (";", "\t"))
    made.flags += [] if text.endswith(("\n", "\r")) else [UNENDED]
    return [made]


def sheets(tables: Sequence[tuple[str, list[Row]]], source: Source) -> list[Leaf]:
    """Return one leaf per sheet of a workbook that holds distances and elements."""
    made: list[Leaf] = []
    for name, rows in tables:
        at = next((n for n, row in enumerate(rows[:100]) if line_columns(row)), None)
        if at is not None:
            before = [": ".join(filter(None, row)) for row in rows[:at]]
            leaf = line_leaf(rows[at], rows[at + 1 :], before, source, made, comma=False)
            leaf.attrs.setdefault("title", name)
            made.append(leaf)
    return made


def line_leaf(
    heads: Row, rows: list[Row], before: list[str], source: Source, made: Sequence[Leaf], *, comma: bool
) -> Leaf:
    """Return a table as a leaf.

    Parameters
    ----------
    heads, rows : cells
    before : lines that stand before the heads
    made : leaves that have their names already
    comma : a comma may be the decimal sign
    """
    rows = [row for row in rows if any(row)]
    _require_width(heads, rows)
    place, unit = next((n, found) for n, head in enumerate(heads) if (found := position_unit(head)) is not None)
    columns = {n: named for n, head in enumerate(heads) if n != place and (named := element_of(head))}
    header = _header(before)
    others = [head for n, head in enumerate(heads) if n not in columns and n != place and head]
    header.flags += [f"columns not used: {', '.join(others)}"] if others else []
    position = column_of(rows, place, heads[place], comma)
    counts = np.stack([column_of(rows, n, heads[n], comma) for n in columns])
    counts = _counts(counts, [found[2] for found in columns.values()], header)
    order = _rising(position)
    axis = _axis(position[order], unit, heads[place], source, header)
    names = _names([(found[0], found[1]) for found in columns.values()])
    lines = [f"{found[0]} {found[1]}".strip() for found in columns.values()]
    return _leaf(free_name("line", made), axis, names, lines, counts[:, order], header)


def _require_width(heads: Row, rows: list[Row]) -> None:
    if len(rows) < 2:
        raise ReadError(f"the file is cut or damaged: the table has {len(rows)} row(s) of data.", remedy=AGAIN)
    wanted = max(n for n, cell in enumerate(heads, 1) if cell)
    for number, row in enumerate(rows, 1):
        filled = max((n for n, cell in enumerate(row, 1) if cell), default=0)
        if len(row) < wanted or filled > max(wanted, len(heads)):
            raise ReadError(
                f"the file is cut or damaged: row {number} of the table has {len(row)} cells, its head {wanted}.",
                remedy=AGAIN,
            )


def _counts(values: Numbers, quantities: list[str], header: EdxsHeader) -> Numbers:
    """Return counts; rates are multiplied by the live time, compositions are refused."""
    rates = {quantity in ("cps", "counts/s") for quantity in quantities}
    if any("%" in quantity for quantity in quantities):
        raise DataError(
            "the columns hold percent of a composition, not counts.",
            remedy="export net or gross counts of each element's line (line scan data, not quantified).",
        )
    if True not in rates:
        return values
    live = header.numbers.get("live_time")
    if False in rates or not live:
        raise DataError(
            "the columns hold counts per second, and the live time of a point is not known for all of them.",
            remedy="write a line '# live time: 0.5 s' before the heads, or export counts.",
        )
    header.flags.append(f"counts per second in the file, multiplied by {live:g} s")
    return values * live


def _rising(position: Numbers) -> Any:
    """Return what puts the points in rising order."""
    steps = np.diff(position)
    if not np.isfinite(position).all():
        raise DataError("the distances hold NaN or Inf.", remedy=AGAIN)
    if np.all(steps > 0):
        return slice(None)
    if np.all(steps < 0):
        return slice(None, None, -1)
    at = int(np.argmax(steps <= 0))
    raise DataError(
        f"the distances must rise from point to point; row {at + 2} ({position[at + 1]:g}) follows {position[at]:g}.",
        remedy="give one line per table, sorted by distance.",
    )


def _axis(position: Numbers, unit: str, head: str, source: Source, header: EdxsHeader) -> Axis:
    if unit.lower().startswith(("px", "pixel", "point")):
        if source.pixel_size is None:
            header.flags.append(UNCALIBRATED)
            return Axis(position.size, unit="px", numbers=tuple(position.tolist()))
        return Axis(position.size, unit="nm", numbers=tuple((position * source.pixel_size[0]).tolist()))
    factor = length_factor(unit)
    if factor is None:
        raise DataError(f"the column {head!r} names no unit.", remedy="name it 'distance (nm)' (or um, mm, px).")
    if source.pixel_size is not None:
        header.flags.append("the given pixel_size was not used: the table states its distances")
    return Axis(position.size, unit="nm", numbers=tuple((position * factor).tolist()))


def _names(lines: list[tuple[str, str]]) -> tuple[str, ...]:
    """Return ``Mg``; ``Cu Ka`` where a second line of an element follows."""
    names: list[str] = []
    for symbol, line in lines:
        name = symbol if symbol not in names else f"{symbol} {line}".strip()
        if name in names:
            raise ReadError(f"two columns are named {name}.", remedy="give each column its own element or line.")
        names.append(name)
    return tuple(names)


def _header(before: list[str]) -> EdxsHeader:
    found = EdxsHeader(raw={"before": before})
    for line in before:
        match = _ENTRY.match(line)
        name = re.sub(r"[\s_-]+", " ", match[1].strip().lower()) if match else ""
        if match and name in _TEXTS:
            found.note(name, match[3])
        elif match and name in _KNOWN and (value := _NUMBER.match(match[3].replace(",", "."))):
            unit = (value[2] or match[2] or "").lower()
            found.put(_KNOWN[name], value[1], _FACTORS.get(unit, 1.0))
    found.settle(None)
    return found


def _leaf(name: str, axis: Axis, names: tuple[str, ...], lines: list[str], counts: Numbers, header: EdxsHeader) -> Leaf:
    attrs = {"technique": "edxs", "elements": " ".join(dict.fromkeys(one.split()[0] for one in names))}
    attrs |= {**header.attrs, "vendor_metadata": header.raw_json()}
    statistics = CountStatistics()
    statistics.add(counts)
    made = Leaf(name, {}, {"element": Axis(len(names), values=names), "position": axis}, attrs=attrs)
    made.attrs["count_statistics"] = statistics.as_json()
    made.flags += [*header.flags, *statistics.flags()]
    made.scalars |= {key: Scalar(value, *SCALARS[key]) for key, value in header.numbers.items()}
    made.texts["xray_line"] = Texts(("element",), (len(lines),), tuple(lines), {"long_name": "X-ray line"})

    def blocks() -> Iterator[Block]:
        yield (slice(0, counts.shape[0]), slice(0, counts.shape[1])), counts

    described = {"units": "counts", "long_name": "intensity"}
    made.arrays["intensity"] = Stream(("element", "position"), counts.shape, "float64", counts.shape, described, blocks)
    return made
