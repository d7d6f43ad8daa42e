"""Metadata of Zeiss SEM images (TIFF tag 34118): unnamed numbers in SI units, then named lines ``Name = value unit``.

The pixel size needs care. ``AP_PIXEL_SIZE`` belongs to the display and is wrong for most images. The fourth unnamed
number is a pixel size at full precision, of an image 1024 columns wide: times 1024 / columns. It counts only when
``AP_IMAGE_PIXEL_SIZE`` (four digits) or the field width agrees.
"""

from __future__ import annotations

from imgpipe.readers.sem_header import SemHeader, agree, contradiction, face_angle, number, positive, written_date

POSITION = 3
"""Index of the pixel size (m) among the unnamed numbers."""
DISPLAY_COLUMNS = 1024
_METRE = {"m": 1.0, "cm": 1e-2, "mm": 1e-3, "µm": 1e-6, "μm": 1e-6, "um": 1e-6, "nm": 1e-9, "pm": 1e-12, "fm": 1e-15}
_AMPERE = {"A": 1.0, "mA": 1e-3, "µA": 1e-6, "μA": 1e-6, "uA": 1e-6, "nA": 1e-9, "pA": 1e-12, "fA": 1e-15}
_VOLT = {"V": 1.0, "kV": 1e3, "mV": 1e-3}
_SECOND = {"s": 1.0, "Secs": 1.0, "ms": 1e-3, "µs": 1e-6, "μs": 1e-6, "us": 1e-6, "ns": 1e-9}
_ON = {"yes": "yes", "on": "yes", "no": "no", "off": "no"}
Entries = dict[str, str]


def parse(text: str) -> tuple[list[float], Entries]:
    """Return the unnamed numbers, and the value (with its unit) of each named entry."""
    unnamed: list[float] = []
    entries: Entries = {}
    key = ""
    for line in text.replace("\0", "").splitlines():
        stripped = line.strip()
        if stripped.startswith(("AP_", "DP_", "SV_")) and stripped.isupper() and " " not in stripped:
            key = stripped
        elif key:
            name, equals, value = stripped.partition("=")
            entries[key] = (value if equals else name.partition(":")[2]).strip()
            key = ""
        elif not entries and (bare := number(stripped)) is not None:
            unnamed.append(bare)
    return unnamed, entries


def header(text: str, shape: tuple[int, int], check_scale: bool = True) -> SemHeader:
    """Return the header of an image; see `imgpipe.readers.sem_fei.header`."""
    unnamed, entries = parse(text)
    found = SemHeader("Zeiss", raw={**entries, "unnamed": unnamed})
    _scale(found, unnamed, entries, shape[1], check_scale=check_scale)
    found.put("beam_energy", _in(entries, _VOLT, "AP_ACTUALKV", "AP_MANUALKV"))
    found.put("beam_current", _in(entries, _AMPERE, "AP_IPROBE"))
    found.put("working_distance", _in(entries, _METRE, "AP_WD"), 1e9)
    found.put("stage_tilt", _first(entries, "AP_STAGE_AT_T"))
    found.put("dwell_time", _in(entries, _SECOND, "DP_DWELL_TIME"))
    found.put("magnification", _magnification(entries.get("AP_MAG", "")))
    _tilt(found, entries)
    _texts(found, entries)
    return found


def _scale(found: SemHeader, unnamed: list[float], entries: Entries, columns: int, *, check_scale: bool) -> None:
    image = positive(_in(entries, _METRE, "AP_IMAGE_PIXEL_SIZE"))
    width = positive(_in(entries, _METRE, "AP_WIDTH"))
    from_width = width / columns if width else None
    if check_scale and image and from_width and not agree(image, from_width):
        raise contradiction("AP_IMAGE_PIXEL_SIZE", image * 1e9, "AP_WIDTH / columns", from_width * 1e9)
    stated = image or from_width
    exact = _exact(unnamed, stated, columns)
    if exact:
        size, source = exact, "Zeiss header, position 3 x 1024 / columns"
    elif from_width:
        size, source = from_width, "Zeiss AP_WIDTH / columns"
    elif image:
        size, source = image, "Zeiss AP_IMAGE_PIXEL_SIZE"
    else:
        return
    found.pixel_size, found.pixel_size_source = (size * 1e9, size * 1e9), source


def _exact(unnamed: list[float], stated: float | None, columns: int) -> float | None:
    if stated is None or len(unnamed) <= POSITION or unnamed[POSITION] <= 0:
        return None
    value = unnamed[POSITION] * DISPLAY_COLUMNS / columns
    return value if agree(value, stated) else None


def _tilt(found: SemHeader, entries: Entries) -> None:
    state = entries.get("DP_TILT_CORRECTION", "").lower()
    found.attrs["tilt_corrected"] = _ON.get(state, "unknown")
    if found.attrs["tilt_corrected"] != "yes":
        return
    between, tilt = _first(entries, "AP_FIB_TILT_COMP"), _first(entries, "AP_TILT_ANGLE")
    if between:
        found.attrs["tilt_correction_angle"] = repr(between)
    elif tilt:
        found.attrs["tilt_correction_angle"] = repr(face_angle(tilt))


def _texts(found: SemHeader, entries: Entries) -> None:
    found.note("instrument", entries.get("DP_SEM") or entries.get("SV_SERIAL_NUMBER"))
    found.note("detector", entries.get("DP_DETECTOR_CHANNEL") or entries.get("DP_DETECTOR_TYPE"))
    written = f"{entries.get('AP_DATE', '')} {entries.get('AP_TIME', '')}"
    found.note("acquired", written_date(written, ("%d %b %Y %H:%M:%S",)))


def _first(entries: Entries, key: str) -> float | None:
    words = entries.get(key, "").split()
    return number(words[0]) if words else None


def _in(entries: Entries, units: dict[str, float], *keys: str) -> float | None:
    for key in keys:
        words = entries.get(key, "").split()
        if len(words) == 2 and words[1] in units and (value := number(words[0])) is not None:
            return value * units[words[1]]
    return None


def _magnification(text: str) -> float | None:
    words = text.split()
    value = number(words[0]) if words else None
    return value * (1000 if "K" in words[1:] else 1) if value is not None else None
