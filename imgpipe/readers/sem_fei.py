"""Metadata of FEI and Thermo Fisher SEM images (TIFF tags 34680 and 34682): INI text in SI units."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from imgpipe.readers.sem_header import (
    SemHeader,
    agree,
    contradiction,
    face_angle,
    number,
    positive,
    sized,
    written_date,
)

Sections = Mapping[str, Mapping[str, Any]]


def parse(text: str) -> dict[str, dict[str, str]]:
    """Return the sections of the INI text."""
    sections: dict[str, dict[str, str]] = {}
    current: dict[str, str] = {}
    for line in text.replace("\0", "").splitlines():
        stripped = line.strip()
        if stripped.startswith("["):
            current = sections.setdefault(stripped.strip("[]"), {})
        elif "=" in stripped:
            key, _, value = stripped.partition("=")
            current[key.strip()] = value.strip()
    return sections


def header(text: str, shape: tuple[int, int], check_scale: bool = True) -> SemHeader:
    """Return the header of an image.

    Parameters
    ----------
    text : value of the tag
    shape : (rows, columns) as stored, with data bar
    check_scale : False when the user gave a pixel size of their own
    """
    sections = parse(text)
    beam = sections.get("Beam", {}).get("Beam", "EBeam")
    scan = sections.get("Scan") or sections.get(sections.get("Beam", {}).get("Scan", "EScan"), {})
    column = sections.get(beam, {})
    found = SemHeader("FEI/Thermo", raw=sections)
    _rows(found, sections.get("Image", {}), sections.get("PrivateFei", {}), shape)
    _scale(found, scan, column, sections.get("Image", {}), shape, check_scale=check_scale)
    _quantities(found, sections, column, scan)
    _tilt(found, column)
    _texts(found, sections)
    return found


def _scale(
    found: SemHeader, scan: Mapping[str, Any], column: Mapping[str, Any], image: Mapping[str, Any],
    shape: tuple[int, int], *, check_scale: bool,
) -> None:  # fmt: skip
    x, y = positive(scan.get("PixelWidth")), positive(scan.get("PixelHeight"))
    columns = positive(image.get("ResolutionX"))
    width = positive(scan.get("HorFieldsize")) or positive(column.get("HFW"))
    from_field = width / (columns or shape[1]) if width else None
    if check_scale:
        sized(found, shape, columns, positive(image.get("ResolutionY")))
        if x and from_field and not agree(x, from_field):
            raise contradiction("PixelWidth", x * 1e9, "field width / columns", from_field * 1e9)
    if x:
        found.pixel_size, found.pixel_size_source = (x * 1e9, (y or x) * 1e9), "FEI [Scan] PixelWidth"
    elif from_field:
        found.pixel_size, found.pixel_size_source = (from_field * 1e9, from_field * 1e9), "FEI field width / columns"


def _rows(found: SemHeader, image: Mapping[str, Any], private: Mapping[str, Any], shape: tuple[int, int]) -> None:
    rows, bar = positive(image.get("ResolutionY")), number(private.get("DatabarHeight"))
    if rows and rows <= shape[0]:
        found.image_rows = int(rows)
    elif rows is None and bar is not None and 0 < bar < shape[0] / 2:
        found.image_rows = shape[0] - int(bar)
    if rows and bar and int(rows + bar) not in (shape[0], int(rows)) and shape[0] != rows:
        found.flags.append(f"data bar: {shape[0] - int(rows)} rows below the image, metadata say {bar:g}")


def _quantities(found: SemHeader, sections: Sections, column: Mapping[str, Any], scan: Mapping[str, Any]) -> None:
    stage = sections.get("Stage", {})
    found.put("beam_energy", column.get("HV") or sections.get("Beam", {}).get("HV"))
    found.put("beam_current", column.get("BeamCurrent"))
    found.put("working_distance", column.get("WD") or stage.get("WorkingDistance"), 1e9)
    found.put("stage_tilt", stage.get("StageT", column.get("StageTa")), 180 / math.pi)
    found.put("dwell_time", scan.get("Dwelltime") or scan.get("Dwell"))
    canvas = positive(sections.get("Image", {}).get("MagCanvasRealWidth"))
    width = positive(scan.get("HorFieldsize")) or positive(column.get("HFW"))
    if canvas and width:
        found.put("magnification", canvas / width)


def _tilt(found: SemHeader, column: Mapping[str, Any]) -> None:
    state = str(column.get("TiltCorrectionIsOn", "")).strip().lower()
    found.attrs["tilt_corrected"] = {"yes": "yes", "on": "yes", "no": "no", "off": "no"}.get(state, "unknown")
    angle = number(column.get("TiltCorrectionAngle"))
    if found.attrs["tilt_corrected"] == "yes" and angle is not None:
        found.attrs["tilt_correction_angle"] = repr(face_angle(math.degrees(angle)))


def _texts(found: SemHeader, sections: Sections) -> None:
    system, user = sections.get("System", {}), sections.get("User", {})
    found.note("instrument", str(system.get("SystemType", "")).replace('"', "") or system.get("Type"))
    found.note("detector", sections.get("Detectors", {}).get("Name"))
    created = str(sections.get("PrivateFei", {}).get("TimeOfCreation", ""))
    written = f"{user.get('Date', '')} {user.get('Time', '')}"
    found.note("acquired", written_date(created or written, ("%d.%m.%Y %H:%M:%S", "%m/%d/%Y %I:%M:%S %p")))
