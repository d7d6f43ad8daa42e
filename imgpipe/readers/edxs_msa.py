"""Read spectra in the EMSA/MAS format (.msa, .emsa; ISO 22029) with rosettasciio; runs in the child.

The reader checks what rosettasciio does not: the format line, the number of points that the file states, the end mark.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from imgpipe.errors import DataError, ReadError
from imgpipe.readers.edxs_axes import energy_axis, require_size
from imgpipe.readers.edxs_header import EdxsHeader, number
from imgpipe.readers.edxs_leaves import Acquisition, leaves
from imgpipe.readers.leaf import Leaf, Source

NEEDED = ("NPOINTS", "XPERCHAN", "OFFSET", "DATATYPE")
_KEYWORD = re.compile(r"^#\s*([A-Z0-9][A-Z0-9_]*)\s*(?:-\s*([^\s:]+)\s*)?:\s?(.*?)\s*$", re.IGNORECASE)
_AMPERE = {"a": 1.0, "ma": 1e-3, "ua": 1e-6, "µa": 1e-6, "na": 1e-9, "pa": 1e-12}
_END = re.compile(r"^#\s*ENDOFDATA[^\r\n]*", re.IGNORECASE | re.MULTILINE)
_NUMBERS = (
    "BEAMKV", "PROBECUR", "LIVETIME", "REALTIME", "ELEVANGLE", "AZIMANGLE", "FWHMMNKA", "XTILTSTGE", "MAGCAM",
)  # fmt: skip
AGAIN = "export the spectrum again."
Entries = dict[str, tuple[str, str]]


def read(source: Source) -> list[Leaf]:
    """Return the leaf ``sum`` of one spectrum.

    Raises
    ------
    ReadError, DataError
        no EMSA/MAS file, keywords missing, fewer or more values than NPOINTS, an energy axis without a unit.
    """
    text, said = _whole(source.path.read_bytes())
    entries, values, ended = _parsed(text)
    header = _header(entries)
    header.flags += said
    header.flags += [] if ended else ["#ENDOFDATA is missing: check the end of the spectrum"]
    header.flags += _require_points(entries, values)
    header.flags += _require_energies(entries, text)
    unit = entries.get("XUNITS", ("", ""))[0] or entries["XPERCHAN"][1]
    loss = header.signal.upper() == "ELS"
    offset, step = (_need(entries, key) for key in ("OFFSET", "XPERCHAN"))
    energy, turned = energy_axis(values.size, offset, step, unit, loss=loss)
    return leaves([Acquisition(values, energy, (), header, turned)], source)


def _whole(content: bytes) -> tuple[str, list[str]]:
    """Return the text as far as its end mark, and what is to be said of the rest; refuse zero bytes in it."""
    text = content.decode("latin-1")
    mark = _END.search(text)
    end = mark.end() if mark else len(text)
    zeros = text.find("\0", 0, end)
    if zeros >= 0:
        raise ReadError(
            f"the file is damaged: it holds zero bytes from byte {zeros} on (an interrupted copy).", remedy=AGAIN
        )
    rest = len(text[end:].lstrip("\r\n")) if text[end:].strip() else 0
    return text[:end], [f"{rest} byte(s) after #ENDOFDATA, not read"] if rest else []


def _parsed(text: str) -> tuple[Entries, np.ndarray[Any, Any], bool]:
    """Return keywords (text, unit), values, and whether the end mark was found."""
    from rsciio.msa._api import parse_msa_string

    lines = [line for line in text.splitlines() if line.strip()]
    entries: Entries = {}
    for line in lines:
        match = _KEYWORD.match(line)
        if match:
            entries.setdefault(match[1].upper(), (match[3], match[2] or ""))
            if match[1].upper() == "SPECTRUM":
                break
    _require_keywords(entries, lines)
    try:
        values = np.asarray(
            parse_msa_string("\n".join(line for line in lines if not _unusable(line)))[0]["data"], np.float64
        )
    except ValueError:
        raise ReadError(f"the file is cut or damaged: {_no_number(lines)}.", remedy=AGAIN) from None
    return entries, values, any(line.upper().startswith("#ENDOFDATA") for line in lines[-3:])


def _unusable(line: str) -> bool:
    """Tell a keyword that should hold a number and holds another text (``unknown``): it is flagged, and left out."""
    match = _KEYWORD.match(line)
    words = match[3].split() if match and match[1].upper() in _NUMBERS else []
    return bool(words) and number(words[0].rstrip(",")) is None


def _no_number(lines: list[str]) -> str:
    """Return what the first line holds that should hold numbers and doesn't."""
    start = next(n for n, line in enumerate(lines) if line.upper().startswith("#SPECTRUM"))
    cells = (cell for line in lines[start + 1 :] if line[0] != "#" for cell in line.replace(",", " ").split())
    wrong = next((cell for cell in cells if number(cell) is None), None)
    return "its values can't be read" if wrong is None else f"{wrong[:40]!r} stands among its values, no number"


def _require_keywords(entries: Entries, lines: list[str]) -> None:
    shown = lines[0][:60] if lines else ""
    if "EMSA" not in entries.get("FORMAT", ("", ""))[0].upper():
        raise ReadError(f"it is no EMSA/MAS file: it begins with {shown!r}.", remedy=AGAIN)
    missing = [key for key in (*NEEDED, "SPECTRUM") if key not in entries]
    if missing:
        raise ReadError(
            f"the file is cut or damaged: #{', #'.join(missing)} {'is' if len(missing) == 1 else 'are'} missing.",
            remedy=AGAIN,
        )
    kind = entries["DATATYPE"][0].upper()
    if kind not in ("Y", "XY"):
        raise ReadError(f"#DATATYPE is {kind!r}; Y or XY is expected.", remedy=AGAIN)
    entries["DATATYPE"] = (kind, "")


def _require_points(entries: Entries, values: np.ndarray[Any, Any]) -> list[str]:
    """Compare the number of values with NPOINTS; return flags.

    Energy losses are shown, never evaluated, and the published example of the format states 20 points for 21: a flag.
    """
    stated = _need(entries, "NPOINTS")
    if stated < 1 or stated != int(stated):
        raise ReadError(f"#NPOINTS is {stated:g}; a number of points is expected.", remedy=AGAIN)
    if values.size > stated and entries.get("SIGNALTYPE", ("", ""))[0].upper() == "ELS":
        return [f"#NPOINTS states {stated:g} points, found are {values.size}"]
    require_size("points (NPOINTS)", values.size, int(stated))
    return []


def _require_energies(entries: Entries, text: str) -> list[str]:
    """Compare the energies that XY data state with offset and step; return flags."""
    if entries["DATATYPE"][0] != "XY":
        return []
    lines = [line for line in text.splitlines() if line.strip()]
    start = next(n for n, line in enumerate(lines) if line.upper().startswith("#SPECTRUM"))
    rows = [line.replace(",", " ").split() for line in lines[start + 1 :] if not line.startswith("#")]
    energies = np.array([number(cell) for row in rows for cell in row[::2]], np.float64)
    offset, step = _need(entries, "OFFSET"), _need(entries, "XPERCHAN")
    worst = float(np.abs(energies - offset - step * np.arange(energies.size)).max()) if energies.size else 0.0
    if not worst <= 2 * abs(step):
        raise DataError(
            f"its energies differ by up to {worst:g} from #OFFSET {offset:g} and #XPERCHAN {step:g}.", remedy=AGAIN
        )
    told = f"energies of the XY data differ by up to {worst:.3g} from offset and step; these are used"
    return [told] if worst > 0.1 * abs(step) else []


def _need(entries: Entries, key: str) -> float:
    found = number(entries[key][0].replace(" ", "").rstrip("."))
    if found is None:
        raise ReadError(f"#{key} is {entries[key][0][:40]!r}, no number.", remedy=AGAIN)
    return found


def _header(entries: Entries) -> EdxsHeader:
    found = EdxsHeader(signal=entries.get("SIGNALTYPE", ("", ""))[0])
    found.raw = {key: " ".join(filter(None, pair)) for key, pair in entries.items()}
    for key, name, factor in (
        ("BEAMKV", "beam_energy", 1e3), ("LIVETIME", "live_time", 1.0), ("REALTIME", "real_time", 1.0),
        ("AZIMANGLE", "azimuth_angle", 1.0), ("FWHMMNKA", "detector_resolution", 1.0), ("MAGCAM", "magnification", 1.0),
        ("XTILTSTGE", "stage_tilt", 1.0),
    ):  # fmt: skip
        found.put(name, _value(entries, key), factor)
    unit = entries.get("PROBECUR", ("", "nA"))[1].lower() or "na"
    found.put("beam_current", _value(entries, "PROBECUR"), _AMPERE.get(unit, 1e-9))
    found.settle(_value(entries, "ELEVANGLE"))
    for key in _NUMBERS:
        if entries.get(key, ("", ""))[0] and _value(entries, key) is None:
            found.flags.append(f"#{key} is {entries[key][0][:40]!r}, no number: not used")
    for key, name in (("TITLE", "title"), ("EDSDET", "detector"), ("OWNER", "owner")):
        found.note(name, entries.get(key, ("", ""))[0])
    found.note("acquired", " ".join(filter(None, (entries.get(key, ("", ""))[0] for key in ("DATE", "TIME")))))
    if found.signal and found.signal.upper() not in ("EDS", "ELS"):
        found.flags.append(f"signal type {found.signal}: no energy-dispersive X-ray spectrum")
    return found


def _value(entries: Entries, key: str) -> float | None:
    words = entries.get(key, ("", ""))[0].split()
    return number(words[0].rstrip(",")) if words else None
