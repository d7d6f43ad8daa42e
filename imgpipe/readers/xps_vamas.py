"""VAMAS files (ISO 14976, .vms and .npl): blocks to spectra (runs in the child).

Several corresponding variables stand interleaved: the intensity, often the transmission of the analyser, and in the
irregular scan mode the energy. The work-function field is metadata: binding energy = photon energy - kinetic energy.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import numpy as np

from imgpipe.errors import ReadError
from imgpipe.readers import xps_vamas_file
from imgpipe.readers.leaf import Leaf, Source
from imgpipe.readers.xps_casa_comment import casa_flags, parse_casa
from imgpipe.readers.xps_key_comment import parse_keys
from imgpipe.readers.xps_leaves import leaves
from imgpipe.readers.xps_spectrum import Numbers, Spectrum
from imgpipe.readers.xps_text import text_of
from imgpipe.readers.xps_units import pint_unit, snake
from imgpipe.readers.xps_vamas_file import Block, Header

TECHNIQUES = ("XPS", "UPS")
_RATE = re.compile(r"^(c(ts|ounts)?\s*(/|per)\s*s(ec(ond)?s?)?|cps|c\s*s\s*-1|counts?\s*s-1)$", re.IGNORECASE)
_LABELLED = re.compile(r"^(.*?)\s*[\[(]\s*([^\])]*)[\])]\s*$")
_UNSAID = ("not specified", "not specified.", "")
_MEANINGLESS = ("exp variable", "value", "index")
_DISAGREE = 1e-3


def read(source: Source) -> list[Leaf]:
    """Read a VAMAS file: one leaf per region of each sample; a region that comes again makes the dimension cycle.

    Raises
    ------
    ReadError, DataError
        cut, damaged, a mode without spectra, or energies that can't be.
    """
    header, blocks, flags = xps_vamas_file.parse(text_of(source.path))
    measured = [block for block in blocks if str(block.items["technique"]).upper() in TECHNIQUES]
    others = sorted({str(block.items["technique"]) for block in blocks} - {b.items["technique"] for b in measured})
    if not measured:
        raise ReadError(
            f"its technique is {', '.join(others)}; {' and '.join(TECHNIQUES)} are supported.",
            remedy="give a file of XPS spectra.",
        )
    flags += [f"blocks of technique {', '.join(others)} were left out"] if others else []
    spectra = [_spectrum(header, block) for block in measured]
    found = leaves(spectra, source, document={"header": _document(header)})
    for leaf in found:
        leaf.flags += flags
    return found


def _document(header: Header) -> dict[str, Any]:
    said = {name: text for name, text in header.texts.items() if text.lower() not in _UNSAID}
    variables = [{"label": label, "unit": unit} for label, unit in header.variables]
    return {
        **said, "experiment_mode": header.mode, "scan_mode": header.scan, "comment": header.comment,
        "experimental_variables": variables,
    }  # fmt: skip


def _spectrum(header: Header, block: Block) -> Spectrum:
    items = block.items
    energy, scale, unit, columns = _abscissa(header, block)
    at = _intensity(columns, block)
    found = Spectrum(
        labels=_labels(items),
        sample="" if items["sample"].lower() in _UNSAID else items["sample"],
        energy=energy,
        scale=scale,
        unit=unit,
        values=block.values[:, at].copy(),
        rate=bool(_RATE.match(block.columns[at][1]) or _RATE.match(block.columns[at][0])),
    )
    through = next((i for i, (label, _) in columns if "transmission" in label.lower()), None)
    if through is not None:
        found.transmission = block.values[:, through].copy()
    _keep_metadata(found, header, block)
    casa = parse_casa(block.comment)
    found.raw = _raw(block, casa)
    found.flags += _limit_flags(block, at)
    if casa:
        _place_components(casa, found)
        found.flags += casa_flags(casa, found.energy, found.values, found.scale, found.numbers.get("photon_energy"))
    return found


def _labels(items: dict[str, Any]) -> tuple[str, ...]:
    species, transition = str(items["species"]), str(items["transition"])
    pair = f"{species} {transition}" if transition and transition.lower() not in species.lower() else species
    return (pair, str(items["block"]), species)


def _abscissa(header: Header, block: Block) -> tuple[Numbers, str, str, list[tuple[int, tuple[str, str]]]]:
    """Return energy, scale, unit and the other columns (with their index)."""
    columns = list(enumerate(block.columns))
    if header.scan == "REGULAR":
        start, step = block.items["abscissa_start"], block.items["abscissa_step"]
        if not np.isfinite([start, step]).all() or step == 0:
            raise ReadError(f"the energy axis starts at {start:g} with a step of {step:g}: no axis can.")
        label, unit = str(block.items["abscissa_label"]), str(block.items["abscissa_unit"])
        return start + step * np.arange(block.values.shape[0], dtype=np.float64), _scale(label), unit, columns
    label, unit = block.columns[0]
    if len(columns) < 2:
        raise ReadError("an irregular block needs an energy and an intensity; it has one column.")
    return block.values[:, 0].copy(), _scale(label), unit, columns[1:]


def _scale(label: str) -> str:
    text = label.strip().lower()
    if "binding" in text or text in ("be", "b.e."):
        return "binding"
    if "kinetic" in text or text in ("ke", "k.e."):
        return "kinetic"
    raise ReadError(
        f"its abscissa is {label!r}; kinetic or binding energy is expected.",
        remedy="export the spectra over kinetic or binding energy.",
    )


def _intensity(columns: list[tuple[int, tuple[str, str]]], block: Block) -> int:
    named = [i for i, (label, _) in columns if re.search(r"intens|count|cps|signal|yield", label, re.IGNORECASE)]
    others = [i for i, (label, _) in columns if "transmission" not in label.lower()]
    if named or others:
        return (named or others)[0]
    raise ReadError(f"none of its variables is an intensity: {', '.join(label for label, _ in block.columns)}.")


def _keep_metadata(found: Spectrum, header: Header, block: Block) -> None:
    items = block.items
    found.put("photon_energy", items["source_energy"])
    found.put("pass_energy", items["pass_energy"] if str(items["analyser_mode"]).upper() in ("FAT", "CAE") else None)
    found.put("dwell_time", items["collection_time"])
    found.put("sweeps", items["scans"])
    found.put("work_function", items["work_function"])
    found.put("emission_angle", _emission(items))
    instrument = header.texts["instrument"]
    if instrument.lower() not in _UNSAID:
        found.attrs["instrument"] = instrument
    acquired = _moment(items)
    if acquired:
        found.attrs["acquired"] = acquired
    neutraliser = parse_keys(block.comment).get("charge_neutraliser")
    if neutraliser:
        found.attrs["charge_neutraliser"] = str(neutraliser)
    for (label, unit), value in zip(header.variables, block.variables, strict=True):
        if label.strip().lower() in _MEANINGLESS or not np.isfinite(value):
            continue
        name, own = _variable(label)
        found.variables[snake(name)] = (value, pint_unit(own or unit), name)


def _variable(label: str) -> tuple[str, str]:
    """Return name and unit of a label such as ``Etch Time [s]``."""
    match = _LABELLED.match(label.strip())
    return (match[1], match[2]) if match else (label.strip(), "")


def _emission(items: dict[str, Any]) -> float | None:
    """Return the angle between analyser axis and surface normal, where the angles are known (spherical cosine rule)."""
    polar, tilt = items["take_off_polar_angle"], items["sample_tilt"]
    if not np.isfinite(polar):
        return None
    if not np.isfinite(tilt) or tilt == 0:
        return float(polar)
    between = np.deg2rad(items["take_off_azimuth"] - items["sample_tilt_azimuth"])
    a, b = np.deg2rad(polar), np.deg2rad(tilt)
    cosine = np.sin(a) * np.sin(b) * (np.cos(between) if a else 0.0) + np.cos(a) * np.cos(b)
    return None if np.isnan(cosine) else float(np.rad2deg(np.arccos(np.clip(cosine, -1, 1))))


def _moment(items: dict[str, Any]) -> str:
    parts = [items[name] for name in ("year", "month", "day", "hour", "minute", "second")]
    if not np.isfinite(parts).all() or parts[0] < 1:
        return ""
    try:
        return datetime(*(int(part) for part in parts)).isoformat()  # type: ignore[arg-type]
    except ValueError:
        return ""


def _limit_flags(block: Block, at: int) -> list[str]:
    """Compare the least and greatest value that the file states with what was read."""
    low, high = block.limits[at]
    values = block.values[:, at]
    if (low, high) == (0.0, 1.0) or not np.isfinite([low, high]).all() or not np.isfinite(values).any():
        return []
    found = float(np.nanmin(values)), float(np.nanmax(values))
    if all(abs(a - b) <= _DISAGREE * max(abs(a), abs(b), 1e-9) for a, b in zip((low, high), found, strict=True)):
        return []
    return [f"the file states intensities from {low:g} to {high:g}, read were {found[0]:g} to {found[1]:g}"]


def _place_components(casa: dict[str, Any], found: Spectrum) -> None:
    """Give each Casa component and region its energies on both scales, named, so that they are never mixed."""
    photon = found.numbers.get("photon_energy")
    for entry in (*casa["components"], *casa["regions"]):
        for name in ("position", "position_low", "position_high", "start", "end"):
            if name in entry:
                value = entry.pop(name)
                other = None if photon is None else round(photon - value, 6)
                kinetic, binding = (value, other) if found.scale == "kinetic" else (other, value)
                entry[f"{name}_kinetic_energy"], entry[f"{name}_binding_energy"] = kinetic, binding
        if photon is not None and "position_low_binding_energy" in entry:  # low and high change places with the scale
            pair = sorted((entry["position_low_binding_energy"], entry["position_high_binding_energy"]))
            entry["position_low_binding_energy"], entry["position_high_binding_energy"] = pair


def _raw(block: Block, casa: dict[str, Any] | None) -> dict[str, Any]:
    numbers = {k: v for k, v in block.items.items() if not (isinstance(v, float) and np.isnan(v)) and v != ""}
    for part in ("year", "month", "day", "hour", "minute", "second", "block", "sample", "hours_ahead_of_gmt"):
        numbers.pop(part, None)
    extra = {label: value for label, _, value in block.parameters if np.isfinite(value)}
    found: dict[str, Any] = {**numbers, "parameters": extra, "comment": parse_keys(block.comment)}
    return {**found, "casa": casa} if casa else found
