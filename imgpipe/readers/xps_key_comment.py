"""Comment lines of the form ``Key : value unit`` (Kratos, SPECS) as a flat dictionary (standard library only)."""

from __future__ import annotations

import math
import re
from typing import Any

from imgpipe.readers.xps_units import snake

_LINE = re.compile(r"^([A-Za-z][\w .()/-]{0,60}?)\s*(?:\s:\s|:\s|=)\s*(.*)$")
_VALUE = re.compile(r"^([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([A-Za-z%µ°]{0,8})$")
_PLACE = re.compile(r"^\(([-\d.eE+, ]+)\)\s*([A-Za-z]{0,4})$")


def parse_keys(lines: list[str]) -> dict[str, Any]:
    """Return what the comment lines say: number, number with ``KEY_unit``, list of numbers, or text.

    A key that comes twice keeps its first value; lines without a key, and those of CasaXPS, are left out.
    """
    found: dict[str, Any] = {}
    for line in lines:
        match = _LINE.match(line.strip())
        if match is None or line.startswith(("CASA ", "Casa", "Calib")):
            continue
        key = snake(match[1])
        if key not in found:
            found |= _entry(key, match[2].strip())
    return found


def _entry(key: str, text: str) -> dict[str, Any]:
    number = _VALUE.match(text)
    if number and math.isfinite(float(number[1])):
        return {key: float(number[1]), **({f"{key}_unit": number[2]} if number[2] else {})}
    place = _PLACE.match(text)
    if place:
        try:
            values = [float(part) for part in place[1].split(",")]
        except ValueError:
            return {key: text}
        if not all(map(math.isfinite, values)):
            return {key: text}
        return {key: values, **({f"{key}_unit": place[2]} if place[2] else {})}
    return {key: text}
