"""Metadata of JEOL SEM images: a text file ``NAME.txt`` beside the image, lines ``$KEY value``.

Newer instruments write ``$CM_PIXEL_SIZE`` and ``$CM_FIELD_OF_VIEW`` (um); older ones only the length of the micron
bar in whole pixels, which is good to about half a pixel of the bar's length.
"""

from __future__ import annotations

import re

from imgpipe.readers.sem_header import SemHeader, agree, contradiction, number, positive, sized, written_date

_LENGTH = {"nm": 1.0, "um": 1e3, "µm": 1e3, "μm": 1e3, "mm": 1e6}


def parse(text: str) -> dict[str, str]:
    """Return key (without ``$``) and value of each line."""
    lines = (line.strip().partition(" ") for line in text.replace("\0", "").splitlines() if line.startswith("$"))
    return {key.lstrip("$"): value.strip() for key, _, value in lines}


def header(text: str, shape: tuple[int, int], check_scale: bool = True) -> SemHeader | None:
    """Return the header of an image, or None when the text is no JEOL metadata."""
    entries = parse(text)
    if not any(key.startswith(("CM_", "SM_")) for key in entries):
        return None
    found = SemHeader("JEOL", raw=entries)
    columns, rows = _numbers(entries.get("CM_FULL_SIZE") or entries.get("CM_IMAGE_SIZE"), 2)
    if check_scale:
        sized(found, shape, columns, rows)
    found.image_rows = int(rows) if rows and rows < shape[0] else None  # equal: the bar may lie over the image
    _scale(found, entries, columns or shape[1], check_scale=check_scale)
    found.put("beam_energy", entries.get("CM_ACCEL_VOLT"), 1e3)
    found.put("working_distance", entries.get("SM_WD"), 1e6)
    found.put("magnification", entries.get("CM_MAG"))
    found.put("stage_tilt", _numbers(entries.get("CM_STAGE_POS") or entries.get("CM_STAGE_POSITION"), 5)[4])
    found.attrs["tilt_corrected"] = "unknown"
    found.note("instrument", entries.get("CM_INSTRUMENT"))
    found.note("detector", entries.get("CM_SIGNAL"))
    written = f"{entries.get('CM_DATE', '')} {entries.get('CM_TIME', '')}"
    found.note("acquired", written_date(written, ("%Y/%m/%d %H:%M:%S", "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %H:%M:%S")))
    return found


def _scale(found: SemHeader, entries: dict[str, str], columns: float, *, check_scale: bool) -> None:
    stated = _numbers(entries.get("CM_PIXEL_SIZE"), 1)[0]
    width = positive(_numbers(entries.get("CM_FIELD_OF_VIEW"), 2)[0])
    bar, bar_pixels = _marker(entries.get("SM_MICRON_MARKER", "")), positive(entries.get("SM_MICRON_BAR"))
    candidates = {
        "JEOL CM_PIXEL_SIZE": stated * 1e3 if stated else None,
        "JEOL CM_FIELD_OF_VIEW / columns": width * 1e3 / columns if width else None,
        "JEOL micron bar": bar / bar_pixels if bar and bar_pixels else None,
    }
    known = [(source, size) for source, size in candidates.items() if size]
    if not known:
        return
    source, size = known[0]
    for other, value in known[1:]:
        tolerance = 0.005 + (1 / bar_pixels if other.endswith("bar") and bar_pixels else 0)
        if check_scale and not agree(size, value, tolerance):
            raise contradiction(source, size, other, value)
    if source.endswith("bar") and bar_pixels:
        found.flags.append(f"scale from the micron bar, good to {50 / bar_pixels:.2g} %")
    found.pixel_size, found.pixel_size_source = (size, size), source


def _numbers(text: str | None, count: int) -> list[float | None]:
    values = [number(word) for word in (text or "").split()][:count]
    return values + [None] * (count - len(values))


def _marker(text: str) -> float | None:
    match = re.match(r"\s*([\d.]+)\s*([nuµμm]?m)", text)
    value = number(match[1]) if match else None
    return value * _LENGTH[match[2]] if match and value and match[2] in _LENGTH else None
