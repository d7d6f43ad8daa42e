"""EDXS: line scans against scipy and HyperSpy, element maps against eXSpy, maps larger than memory."""

from __future__ import annotations

from benchmarks.edxs_lines import lines_tables
from benchmarks.edxs_maps import maps_tables
from benchmarks.edxs_scaling import scaling_table


def report(*, small: bool) -> str:
    """Return the tables of this benchmark as Markdown."""
    return "\n\n".join([*lines_tables(small=small), *maps_tables(small=small), scaling_table(small=small)])
