"""Metadata of TESCAN SEM images (TIFF tag 50431, or a ``NAME-tif.hdr`` beside the image): INI text in SI units.

Within the tag the text follows binary data and its section names may be missing. Detectors of one scan can lie side
by side in one image (``ViewFieldsCountX``).
"""

from __future__ import annotations

import re

from imgpipe.readers.sem_header import SemHeader, face_angle, positive, written_date

_ENTRY = re.compile(r"^([A-Za-z][\w.]*)=(.*)$")
_ON = {"1": "yes", "yes": "yes", "on": "yes", "true": "yes", "0": "no", "no": "no", "off": "no", "false": "no"}


def parse(text: str) -> dict[str, str]:
    """Return all entries; those of the first section that has a name win."""
    entries: dict[str, str] = {}
    for line in re.split(r"[\r\n\0]+", text):
        match = _ENTRY.match(line[_start(line) :].strip())
        if match:
            entries.setdefault(match[1], match[2].strip())
    return entries


def _start(line: str) -> int:
    """Return where the text begins in a line that starts with binary data."""
    control = [index for index, letter in enumerate(line) if not letter.isprintable()]
    return control[-1] + 1 if control else 0


def header(text: str, shape: tuple[int, int], check_scale: bool = True) -> SemHeader | None:
    """Return the header of an image, or None when the text is no TESCAN metadata."""
    entries = parse(text)
    if "PixelSizeX" not in entries and "HV" not in entries:
        return None
    found = SemHeader("TESCAN", raw=entries)
    x, y = positive(entries.get("PixelSizeX")), positive(entries.get("PixelSizeY"))
    if x:
        found.pixel_size, found.pixel_size_source = (x * 1e9, (y or x) * 1e9), "TESCAN PixelSizeX"
    strip = positive(entries.get("ImageStripSize"))
    found.image_rows = shape[0] - int(strip or 0) if strip is None or strip < shape[0] / 2 else None
    _fields(found, entries, shape)
    found.put("beam_energy", entries.get("HV"))
    found.put("beam_current", entries.get("BeamCurrent") or entries.get("PredictedBeamCurrent"))
    found.put("working_distance", entries.get("WD"), 1e9)
    found.put("stage_tilt", entries.get("StageTilt"))
    found.put("dwell_time", entries.get("DwellTime"))
    found.put("magnification", entries.get("Magnification"))
    _tilt(found, entries.get("TiltCorrection", ""))
    found.note("instrument", entries.get("Device") or entries.get("DeviceModel"))
    found.note("detector", " + ".join(found.detectors))
    written = f"{entries.get('Date', '')} {entries.get('Time', '')}"
    found.note("acquired", written_date(written, ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S.%f")))
    return found


def _fields(found: SemHeader, entries: dict[str, str], shape: tuple[int, int]) -> None:
    count = int(positive(entries.get("ViewFieldsCountX")) or 1)
    found.fields = count if shape[1] % count == 0 else 1
    names = [entries[key] for index in range(8) if (key := f"Detector{index}") in entries]
    found.detectors = tuple(names or [entries[key] for key in ("Detector",) if entries.get(key)])[: found.fields]
    if positive(entries.get("ViewFieldsCountY", 1)) not in (None, 1.0) or found.fields != count:
        found.flags.append("several fields in one image: not separated")


def _tilt(found: SemHeader, text: str) -> None:
    value = text.strip().lower()
    angle = positive(value)
    if value in _ON:
        found.attrs["tilt_corrected"] = _ON[value]
    elif angle:  # from the normal of the face, as we understand it (no real file at hand)
        found.attrs["tilt_corrected"], found.attrs["tilt_correction_angle"] = "yes", repr(face_angle(angle))
    else:
        found.attrs["tilt_corrected"] = "no" if value and not value.strip("0.-") else "unknown"
