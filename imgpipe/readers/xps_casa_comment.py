"""What CasaXPS writes into the comment of a VAMAS block: processing, calibration, regions and fitted components.

The processing is a history that CasaXPS replays on the stored data. imgpipe applies none of it, an energy calibration
neither: the reference is the user's to choose (step `energy_reference`). It is kept and flagged with its size.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from imgpipe.readers.xps_spectrum import Numbers
from imgpipe.readers.xps_text import number_of

START = "Casa Info Follows"
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_CALIB = re.compile(
    rf"^Calib\s+M\s*=\s*(?P<measured>{_NUMBER}(?:\s*[,;]\s*{_NUMBER})*)\s*,?\s*A\s*=\s*(?P<aligned>{_NUMBER})"
    r"\s*(?P<scale>BE|KE)?\s*(?P<operation>\w*)\s*$",
    re.IGNORECASE,
)
_NAMED = re.compile(r"\(\*(.*?)\*\)")
_INTENSITY = {"KECalib": (1, 0), "InCalib": (1, 2), "TransmissionSet": (0, 2)}
"""Line -> place of the power-law exponent and of the number of the transmission column (0: not there)."""
_WIDTHS = {"MFWHM": "width", "Area": "area", "Position": "position"}


def parse_casa(comment: list[str]) -> dict[str, Any] | None:
    """Return what CasaXPS wrote into the comment of a block; None when there is nothing from it.

    Returns
    -------
    processing (the lines), calibrations (measured, aligned, scale, operation), intensity_calibrations, regions,
    components, unread (lines that should say something but can't be understood). Energies are as in the file, on the
    scale of the block's abscissa.
    """
    start = next((i for i, line in enumerate(comment) if line.strip().lower() == START.lower()), None)
    if start is None:
        return None
    lines = comment[start + 1 :]
    processing = _processing(lines)
    found: dict[str, Any] = {
        "processing": processing, "calibrations": [], "intensity_calibrations": [], "regions": [], "components": [],
        "unread": [],
    }  # fmt: skip
    for line in (*processing, *(line for line in lines if line.startswith("CASA "))):
        _take(line, found)
    return found if any(found.values()) else None


def _processing(lines: list[str]) -> list[str]:
    count = number_of(lines[0]) if lines else None
    if count is None or not 0 <= count <= len(lines) - 1:
        return []
    return [line.strip() for line in lines[1 : 1 + int(count)]]


def _take(line: str, found: dict[str, Any]) -> None:
    word = line.split(maxsplit=1)[0] if line.split() else ""
    try:
        if word == "Calib":
            found["calibrations"].append(_calibration(line))
        elif word in _INTENSITY:
            found["intensity_calibrations"].append(_intensity(word, line.split()))
        elif line.startswith("CASA region"):
            found["regions"].append(_region(line))
        elif line.startswith("CASA comp"):
            found["components"].append(_component(line))
    except (ValueError, IndexError):
        found["unread"].append(line)


def _calibration(line: str) -> dict[str, Any]:
    match = _CALIB.match(line.strip())
    if match is None:
        raise ValueError(line)
    measured = [_float(part) for part in re.split(r"[,;]", match["measured"])]
    operation = match["operation"].upper()
    return {
        "measured_energies": measured,
        "aligned_energy": _float(match["aligned"]),
        "energy_type": "kinetic" if (match["scale"] or "BE").upper() == "KE" else "binding",
        "operation": "addition" if operation in ("ADD", "") else operation.lower(),
        "range_calibration": len(measured) > 1,
    }


def _intensity(word: str, parts: list[str]) -> dict[str, Any]:
    power, column = _INTENSITY[word]
    return {
        "power_law_coefficient": _float(parts[power]) if power else 0.0,
        "transmission_column": int(parts[column]) if column else 0,
    }


def _region(line: str) -> dict[str, Any]:
    name, background = _NAMED.findall(line)[:2]
    tag = _NAMED.findall(line)[2]
    before, after = (part.split() for part in line.split("*)", 2)[2].split(f"(*{tag}*)"))
    start, end, rsf, width, start_offset, end_offset = (_float(part) for part in before[:6])
    return {
        "name": name, "background": background, "start": start, "end": end, "rsf": rsf, "average_width": width,
        "start_offset": start_offset, "end_offset": end_offset, "cross_section": [_float(x) for x in before[6:10]],
        "tag": tag, "mass": _float(after[0]), "rsf_effective": _float(after[-1]),
    }  # fmt: skip


def _component(line: str) -> dict[str, Any]:
    name, shape, tag, constraint = _NAMED.findall(line)[:4]
    words = _NAMED.sub(" ", line.removeprefix("CASA comp")).split()
    found: dict[str, Any] = {"name": name, "shape": shape, "tag": tag, "constraint": constraint}
    for word, key in _WIDTHS.items():
        value, low, high, reference, term = (_float(part) for part in words[words.index(word) + 1 :][:5])
        found |= {key: value, f"{key}_low": low, f"{key}_high": high}
        if reference >= 0:  # linked to another component: times (area, width) or plus (position) the last number
            found |= {f"{key}_linked_to": int(reference), f"{key}_link": term}
    for word, key in (("RSF", "rsf"), ("MASS", "mass"), ("INDEX", "index"), ("UNCORRECTEDRSF", "uncorrected_rsf")):
        if word in words:
            found[key] = _float(words[words.index(word) + 1])
    return found


def _float(text: str) -> float:
    value = number_of(text.strip())
    if value is None or not np.isfinite(value):
        raise ValueError(text)
    return value


def casa_flags(
    casa: dict[str, Any], energy: Numbers, values: Numbers, scale: str, photon_energy: float | None
) -> list[str]:
    """Return what a user must know about the history that was not applied.

    Parameters
    ----------
    energy, values : as in the file, any order
    scale : of `energy`, ``kinetic`` or ``binding``
    photon_energy : eV, None when not known
    """
    flags = [f"Casa line not understood: {line[:80]}" for line in casa["unread"]]
    shift = calibration_shift(casa["calibrations"], energy, values, scale, photon_energy)
    if shift is None:
        flags.append("Casa calibration not applied (its size can't be told)")
    elif casa["calibrations"]:
        flags.append(f"Casa calibration not applied: {shift:+.4g} eV")
    others = [line for line in casa["processing"] if line and not line.startswith("Calib")]
    if others:
        flags.append(f"Casa processing not applied: {', '.join(others)[:120].replace(';', ',')}")
    return flags


def calibration_shift(
    calibrations: list[dict[str, Any]], energy: Numbers, values: Numbers, scale: str, photon_energy: float | None
) -> float | None:
    """Return what all calibrations together would add to the binding energy, eV; None when that can't be told.

    With two measured energies the measured one is the maximum of the data between them, on the scale as calibrated
    so far.
    """
    total = 0.0
    for one in calibrations:
        if one["operation"] != "addition":
            return None
        measured: float | None = one["measured_energies"][0]
        if one["range_calibration"]:
            axis = _axis(one["energy_type"], energy, scale, photon_energy, total)
            measured = None if axis is None else _maximum(axis, values, one["measured_energies"])
        if measured is None:
            return None
        change = one["aligned_energy"] - measured
        total += change if one["energy_type"] == "binding" else -change
    return round(total, 6)


def _axis(wanted: str, energy: Numbers, scale: str, photon_energy: float | None, shift: float) -> Numbers | None:
    if wanted == scale:
        return energy + (shift if scale == "binding" else -shift)
    if photon_energy is None:
        return None
    return photon_energy - energy + (shift if wanted == "binding" else -shift)


def _maximum(axis: Numbers, values: Numbers, ends: list[float]) -> float | None:
    inside = (axis >= min(ends)) & (axis <= max(ends)) & np.isfinite(values)
    if not inside.any():
        return None
    return float(axis[inside][np.argmax(values[inside])])
