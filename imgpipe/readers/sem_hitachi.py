"""Metadata of Hitachi SEM images: a text file ``NAME.txt`` beside the image, with units in the values."""

from __future__ import annotations

import re

from imgpipe.readers.sem_header import SemHeader, number, positive, sized, written_date

_LENGTH = {"nm": 1.0, "um": 1e3, "µm": 1e3, "mm": 1e6}
_CURRENT = {"pA": 1e-12, "nA": 1e-9, "uA": 1e-6, "µA": 1e-6}


def parse(text: str) -> dict[str, str]:
    """Return the entries of the section ``[SemImageFile]``."""
    lines = (line.partition("=") for line in text.replace("\0", "").splitlines() if "=" in line)
    return {key.strip(): value.strip() for key, _, value in lines}


def header(text: str, shape: tuple[int, int], check_scale: bool = True) -> SemHeader | None:
    """Return the header of an image, or None when the text is no Hitachi metadata."""
    if "[SemImageFile]" not in text:
        return None
    entries = parse(text)
    found = SemHeader("Hitachi", raw=entries)
    columns, rows = _size(entries.get("DataSize", ""))
    if check_scale:
        sized(found, shape, columns, rows)
    found.image_rows = int(rows) if rows and rows < shape[0] else None  # equal: the bar may lie over the image
    size = positive(_measure(entries.get("PixelSize", ""), _LENGTH, 1.0))
    if size:
        found.pixel_size, found.pixel_size_source = (size, size), "Hitachi PixelSize"
    found.put("beam_energy", _measure(entries.get("AcceleratingVoltage", ""), {"Volt": 1.0, "V": 1.0, "kV": 1e3}, 1.0))
    found.put("working_distance", _measure(entries.get("WorkingDistance", ""), _LENGTH, 1e3))
    found.put("beam_current", _measure(entries.get("ProbeCurrent", ""), _CURRENT, None))
    found.put("magnification", entries.get("Magnification"))
    found.put("stage_tilt", entries.get("StagePositionT"))
    found.attrs["tilt_corrected"] = "unknown"
    found.note("instrument", entries.get("InstructName"))
    found.note("detector", entries.get("SignalName"))
    written = f"{entries.get('Date', '')} {entries.get('Time', '')}"
    found.note("acquired", written_date(written, ("%Y/%m/%d %H:%M:%S", "%m/%d/%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S")))
    return found


def _measure(text: str, units: dict[str, float], bare: float | None) -> float | None:
    """Return a number in the canonical unit; `bare` is the factor of a number without unit (None: ignore it)."""
    words = text.split()
    value = number(words[0]) if words else None
    factor = units.get(words[1]) if len(words) > 1 else bare
    return value * factor if value is not None and factor is not None else None


def _size(text: str) -> tuple[float | None, float | None]:
    match = re.match(r"\s*(\d+)\s*x\s*(\d+)", text)
    return (float(match[1]), float(match[2])) if match else (None, None)
