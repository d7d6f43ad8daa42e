"""The VAMAS transfer format, ISO 14976: header and blocks as they stand in the file (numpy only).

Item numbers are those of the standard's parameter inclusion or exclusion list (1 year ... 40 additional parameters):
what is left out of a block has the value of the first block.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from imgpipe.errors import ReadError
from imgpipe.readers.xps_spectrum import Numbers
from imgpipe.readers.xps_text import AGAIN, Lines

IDENTIFIER = "VAMAS Surface Chemical Analysis Standard Data Transfer Format"
MODES = ("NORM", "SDP", "NOEXP")
"""Experiment modes whose blocks are spectra."""
OTHER_MODES = ("MAP", "MAPDP", "MAPSV", "MAPSVDP", "SDPSV", "SEM")
SPUTTERING = ("FABMS", "FABMS ENERGY SPEC", "ISS", "SIMS", "SIMS ENERGY SPEC", "SNMS", "SNMS ENERGY SPEC")
"""Techniques whose blocks name the sputtering ion."""
MOST_BLANK = 20
"""Blank lines before the first line that are passed over."""
PARAMETERS = 40
_TEXT, _NUMBER = "text", "number"


@dataclass
class Header:
    """What stands before the first block."""

    texts: dict[str, str]
    comment: list[str]
    mode: str
    scan: str
    variables: list[tuple[str, str]]
    included: frozenset[int]
    future: int
    blocks: int


@dataclass
class Block:
    """One block: its items by name, the columns of its values, and its comment."""

    items: dict[str, Any]
    comment: list[str]
    variables: list[float]
    columns: list[tuple[str, str]]
    parameters: list[tuple[str, str, float]]
    values: Numbers = field(default_factory=lambda: np.empty((0, 0)))
    limits: list[tuple[float, float]] = field(default_factory=list)


def parse(text: str) -> tuple[Header, list[Block], list[str]]:
    """Return header, blocks and flags of a VAMAS text.

    Raises
    ------
    ReadError
        cut, damaged, or of a mode that holds no spectra.
    """
    lines = Lines(text)
    header = _header(lines)
    blocks: list[Block] = []
    for number in range(header.blocks):
        try:
            blocks.append(_Parser(lines, header, blocks[0] if blocks else None).block())
        except ReadError as error:
            told = f"block {number + 1} of {header.blocks}: {error.message}"
            raise ReadError(told, remedy=error.remedy) from None
    return header, blocks, _ending(lines)


def _ending(lines: Lines) -> list[str]:
    rest = [line for line in (lines.text("the end") for _ in range(lines.left)) if line]
    if rest and rest[0].lower().startswith("end of experiment"):
        rest = rest[1:]
        return [f"{len(rest)} lines after the end of the VAMAS data"] if rest else []
    if rest:
        return [f"{len(rest)} lines after the last block where 'end of experiment' should stand"]
    return ["the line 'end of experiment' is missing: the file may be cut within its last number"]


def _header(lines: Lines) -> Header:
    found = _identifier(lines)
    names = ("institution", "instrument", "operator", "experiment")
    texts = {name: lines.text(f"the {name} identifier") for name in names}
    comment = [lines.text("a comment line") for _ in range(lines.count("the number of comment lines", 100_000))]
    mode, scan = lines.text("the experiment mode").upper(), lines.text("the scan mode").upper()
    _require_spectra(mode, scan, lines.at)
    if mode in ("NORM", "SDP"):
        lines.count("the number of spectral regions")
    variables = _pairs(lines, "experimental variables", 1000)
    included = _inclusion(lines)
    for _ in range(lines.count("the number of manually entered items", 1000)):
        lines.number("the number of a manually entered item")
    coming = lines.count("the number of future upgrade experiment entries", 1000)
    future = lines.count("the number of future upgrade block entries", 1000)
    for _ in range(coming):
        lines.text("a future upgrade experiment entry")
    blocks = lines.count("the number of blocks", 1_000_000)
    if not blocks:
        raise ReadError("the file says that it holds no block (no spectrum).", remedy="export the spectra again.")
    return Header({"format": found, **texts}, comment, mode, scan, variables, included, future, blocks)


def _identifier(lines: Lines) -> str:
    for _ in range(MOST_BLANK):
        line = lines.text("the format identifier")
        if line:
            break
    if not line.lower().startswith(IDENTIFIER.lower()):
        raise ReadError(f"line {lines.at} should say {IDENTIFIER!r}; it says {line[:60]!r}.", remedy=AGAIN)
    return line


def _require_spectra(mode: str, scan: str, line: int) -> None:
    if mode in OTHER_MODES:
        raise ReadError(
            f"VAMAS experiment mode {mode} is not supported: its blocks are no spectra of regions.",
            remedy=f"export the spectra in mode NORM (read are {', '.join(MODES)}).",
        )
    if mode not in MODES:
        raise ReadError(f"line {line - 1} should hold the experiment mode; it holds {mode[:40]!r}.", remedy=AGAIN)
    if scan == "MAPPING":
        raise ReadError(
            "VAMAS scan mode MAPPING is not supported: it holds maps, no spectra.",
            remedy="export spectra in scan mode REGULAR or IRREGULAR.",
        )
    if scan not in ("REGULAR", "IRREGULAR"):
        raise ReadError(f"line {line} should hold the scan mode; it holds {scan[:40]!r}.", remedy=AGAIN)


def _pairs(lines: Lines, what: str, most: int) -> list[tuple[str, str]]:
    count = lines.count(f"the number of {what}", most)
    return [(lines.text(f"a label of {what}"), lines.text(f"a unit of {what}")) for _ in range(count)]


def _inclusion(lines: Lines) -> frozenset[int]:
    count = lines.integer("the number of entries in the parameter inclusion or exclusion list")
    if abs(count) > PARAMETERS:
        raise ReadError(f"line {lines.at}: an inclusion list of {count} entries; {PARAMETERS} exist.", remedy=AGAIN)
    listed = {lines.count("the number of a parameter", PARAMETERS) for _ in range(abs(count))}
    every = frozenset(range(1, PARAMETERS + 1))
    return frozenset(listed) if count > 0 else every - listed


@functools.cache
def _worded(name: str) -> str:
    return f"the {name.replace('_', ' ')}"


class _Parser:
    """Takes one block from the lines; what is left out comes from the first block."""

    def __init__(self, lines: Lines, header: Header, first: Block | None) -> None:
        self.lines = lines
        self.header = header
        self.first = first
        self.items: dict[str, Any] = {}

    def has(self, item: int) -> bool:
        """Tell whether an item of the inclusion list stands in this block."""
        return self.first is None or item in self.header.included

    def take(self, item: int, *names: str, kind: str = _NUMBER) -> None:
        """Take the lines of one item, or the first block's values."""
        for name in names:
            if self.has(item):
                what = _worded(name)
                self.items[name] = self.lines.text(what) if kind == _TEXT else self.lines.number(what)
            elif self.first is not None:
                self.items[name] = self.first.items[name]

    def block(self) -> Block:
        """Return the next block."""
        self.items = {name: self.lines.text(f"the {name} identifier") for name in ("block", "sample")}
        for item, name in enumerate(("year", "month", "day", "hour", "minute", "second", "hours_ahead_of_gmt"), 1):
            self.take(item, name)
        comment = self._comment()
        self.take(9, "technique", kind=_TEXT)
        variables = self._variables()
        self._source_and_analyser()
        columns = self._columns()
        self.take(33, "signal_mode", kind=_TEXT)
        self.take(34, "collection_time")
        self.take(35, "scans")
        self.take(36, "time_correction")
        self._sputtering()
        self.take(38, "sample_tilt", "sample_tilt_azimuth")
        self.take(39, "sample_rotation")
        block = Block(self.items, comment, variables, columns, self._parameters())
        for _ in range(self.header.future):
            self.lines.text("a future upgrade block entry")
        self._values(block)
        return block

    def _comment(self) -> list[str]:
        if not self.has(8):
            return self.first.comment if self.first else []
        count = self.lines.count("the number of comment lines", 100_000)
        return [self.lines.text("a comment line") for _ in range(count)]

    def _variables(self) -> list[float]:
        if not self.has(11):
            return self.first.variables if self.first else []
        return [self.lines.number(f"the variable {label}") for label, _ in self.header.variables]

    def _source_and_analyser(self) -> None:
        self.take(12, "source_label", kind=_TEXT)
        if self.header.mode == "SDP" or str(self.items["technique"]).upper() in SPUTTERING:
            self.take(13, "sputter_atomic_number", "sputter_atoms", "sputter_charge")
        self.take(14, "source_energy")
        self.take(15, "source_strength")
        self.take(16, "beam_width_x", "beam_width_y")
        self.take(19, "source_polar_angle")
        self.take(20, "source_azimuth")
        self.take(21, "analyser_mode", kind=_TEXT)
        self.take(22, "pass_energy")
        if str(self.items["technique"]).upper() == "AES DIFF":
            self.take(23, "differential_width")
        self.take(24, "magnification")
        self.take(25, "work_function")
        self.take(26, "target_bias")
        self.take(27, "analysis_width_x", "analysis_width_y")
        self.take(28, "take_off_polar_angle", "take_off_azimuth")
        self.take(29, "species", kind=_TEXT)
        self.take(30, "transition", kind=_TEXT)
        self.take(30, "particle_charge")
        if self.header.scan == "REGULAR":
            self.take(31, "abscissa_label", "abscissa_unit", kind=_TEXT)
            self.take(31, "abscissa_start", "abscissa_step")

    def _columns(self) -> list[tuple[str, str]]:
        if self.has(32):
            return _pairs(self.lines, "corresponding variables", 1000)
        return self.first.columns if self.first else []

    def _sputtering(self) -> None:
        techniques = ("AES DIFF", "AES DIR", "EDX", "ELS", "UPS", "XPS", "XRF")
        if self.header.mode == "SDP" and str(self.items["technique"]).upper() in techniques:
            self.take(37, "sputter_energy", "sputter_current", "sputter_width_x", "sputter_width_y")
            self.take(37, "sputter_polar_angle", "sputter_azimuth")
            self.take(37, "sputter_mode", kind=_TEXT)

    def _parameters(self) -> list[tuple[str, str, float]]:
        if not self.has(40):
            return self.first.parameters if self.first else []
        lines = self.lines
        count = lines.count("the number of additional numerical parameters", 10_000)
        return [
            (lines.text("a parameter's label"), lines.text("its unit"), lines.number("its value")) for _ in range(count)
        ]

    def _values(self, block: Block) -> None:
        width = len(block.columns)
        count = self.lines.count("the number of ordinate values")
        if not width or not count or count % width:
            raise ReadError(f"{count} values can't be shared by {width} corresponding variables.", remedy=AGAIN)
        limits = self.lines.numbers(2 * width, "least and greatest values")
        block.limits = [(float(low), float(high)) for low, high in limits.reshape(-1, 2)]
        block.values = self.lines.numbers(count, "values").reshape(-1, width)
