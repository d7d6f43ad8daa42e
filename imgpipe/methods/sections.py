"""The methods text of cross-sections, written from what their leaves and tables say."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import xarray as xr

from imgpipe.methods.words import count, different, listed

SPECIMEN_FIELDS = ("sample", "specimen")
TERMS = {
    "u_localisation_nm": "edge localisation",
    "u_sampling_nm": "spatial sampling",
    "u_edge_model_nm": "edge model (half the spread of the three)",
    "u_curtain_nm": "curtain removal",
    "u_fields_nm": "differences between fields",
    "u_obliquity_nm": "obliquity of the section",
    "u_pixel_scale_nm": "pixel scale",
    "u_tilt_nm": "tilt",
}
"""Column of a term of the budget -> how a paper calls it."""


@dataclass(frozen=True)
class Face:
    """A milled face: its angle to the beam and the u of it (deg), and whether y was stretched for it."""

    angle: float
    u: float
    stretched: bool


@dataclass(frozen=True)
class Facts:
    """What the groups of a result have to say, each list without repeats and in order.

    `steps` maps the name of each step that ran to the settings that it ran with.
    """

    sections: int
    images: int
    specimens: int
    instruments: list[str]
    detectors: list[str]
    energies_kv: list[float]
    pixels_nm: list[float]
    faces: list[Face]
    calibrated: int
    uncalibrated: int
    steps: dict[str, list[dict[str, Any]]]


def section_paragraphs(leaves: Sequence[xr.Dataset], table: pd.DataFrame) -> list[str]:
    """Return the methods text of cross-sections: images, geometry, measurement, uncertainty.

    Parameters
    ----------
    leaves : of all groups
    table : the table ``layers``; empty where there is none
    """
    facts = gather(leaves, table)
    measured = [
        _images(facts),
        _geometry(facts),
        _measurement(facts, table),
        _lithium(facts),
        _uncertainty(facts, table),
    ]
    return list(filter(None, measured))


def gather(leaves: Sequence[xr.Dataset], table: pd.DataFrame) -> Facts:
    """Collect the facts from the leaves of all groups and the table of layers."""
    field = next((name for name in SPECIMEN_FIELDS if name in table), None)
    steps: dict[str, list[dict[str, Any]]] = {}
    for leaf in leaves:
        for entry in json.loads(leaf.attrs.get("provenance", "[]")):
            known = steps.setdefault(entry["step"], [])
            if entry["settings"] not in known:
                known.append(entry["settings"])
    energies = different(round(float(leaf["beam_energy"]) / 1000, 3) for leaf in leaves if "beam_energy" in leaf)
    pixels = sorted(different(float(leaf["pixel_size_x"]) for leaf in leaves if "pixel_size_x" in leaf))
    return Facts(
        sections=len(leaves),
        images=sum(leaf.sizes.get("z", 1) * leaf.sizes.get("signal", 1) for leaf in leaves),
        specimens=int(table[field].nunique()) if field else 0,
        instruments=different(str(leaf.attrs["instrument"]) for leaf in leaves if leaf.attrs.get("instrument")),
        detectors=different(str(leaf.attrs["detector"]) for leaf in leaves if leaf.attrs.get("detector")),
        energies_kv=sorted(energies),
        pixels_nm=pixels,
        faces=[_face(leaf) for leaf in leaves if "face_angle" in leaf],
        calibrated=sum(1 for leaf in leaves if "pixel_scale_u" in leaf),
        uncalibrated=sum(1 for leaf in leaves if leaf["x"].attrs.get("units") == "px" if "x" in leaf.coords),
        steps=steps,
    )


def _face(leaf: xr.Dataset) -> Face:
    """Read the face of a leaf; pixels that are as high as wide were not stretched by us."""
    angle = float(leaf["face_angle"])
    full = 1 / math.sin(math.radians(angle))
    ratio = _step(leaf["y"]) / _step(leaf["x"])
    return Face(angle, float(leaf["u_face_angle"]), stretched=max(ratio, 1 / ratio) > (1 + full) / 2)


def _step(axis: xr.DataArray) -> float:
    return float(axis[1] - axis[0])


def _images(facts: Facts) -> str:
    sections = count(facts.sections, "cross-section").capitalize()
    specimens = f" of {count(facts.specimens, 'specimen')}" if facts.specimens else ""
    verb = "was" if facts.sections == 1 else "were"
    where = f" on {listed(facts.instruments)}" if facts.instruments else " (instrument not recorded)"
    volts = listed([f"{energy:g}" for energy in facts.energies_kv])
    energy = f" at {volts} kV" if volts else " (beam energy not recorded)"
    detector = f" with the detector {listed(facts.detectors)}" if facts.detectors else ""
    text = f"{sections}{specimens} ({count(facts.images, 'image')}) {verb} imaged by SEM{where}{energy}{detector}."
    if facts.pixels_nm:
        low, high = f"{facts.pixels_nm[0]:.4g}", f"{facts.pixels_nm[-1]:.4g}"
        text += f" The pixel size was {low} nm." if low == high else f" Pixel sizes were {low} to {high} nm."
    if facts.uncalibrated:
        without = count(facts.uncalibrated, "section").capitalize()
        text += f" {without} had no pixel size; thicknesses there are in pixels."
    return text


def _geometry(facts: Facts) -> str:
    scale = [_scale_text(settings) for settings in facts.steps.get("calibrate_scale", [])] if facts.calibrated else []
    if facts.calibrated + facts.uncalibrated < facts.sections:
        which = count(facts.sections - facts.calibrated - facts.uncalibrated, "section")
        scale.append(
            f"The pixel scale of {which} is the nominal one, taken to be within ±5 % (rectangular, u = 2.9 %)."
        )
    text = " ".join(scale) + _tilt_text(facts)
    if "remove_curtains" in facts.steps:
        text += " Curtains were removed; the shift of thickness that this causes is a term of the uncertainty."
    return text


def _tilt_text(facts: Facts) -> str:
    if not facts.faces:
        return " No foreshortening was corrected."
    text = ""
    for angle, u in different((face.angle, face.u) for face in facts.faces):
        own = [face for face in facts.faces if (face.angle, face.u) == (angle, u)]
        stretched = sum(face.stretched for face in own)
        text += f" {count(len(own), 'face').capitalize()} stood at {angle:g}° to the beam (u = {u:g}°)."
        if stretched:
            text += (
                f" The foreshortening of {count(stretched, 'section')} was removed by stretching y by 1/sin of this"
                " angle before anything was measured."
            )
        if stretched < len(own):
            corrected = count(len(own) - stretched, "section")
            text += f" In {corrected} the microscope had corrected it while scanning; it was not corrected again."
    return text


def _scale_text(settings: Mapping[str, Any]) -> str:
    u, certificate = settings.get("u"), settings.get("certificate")
    source = f"The pixel scale was calibrated ({certificate})" if certificate else "The pixel scale was calibrated"
    if u is None:
        return f"{source}."
    percent = f"{100 * u:.3g} %"
    kind = f"limits of ±{percent}, rectangular" if settings.get("u_is") == "limit" else f"u = {percent}, k = 1"
    return f"{source}, with {kind}."


def _measurement(facts: Facts, table: pd.DataFrame) -> str:
    if "fit_edges" in facts.steps:
        edges = (
            "Edges were tracked along the layers and then fitted jointly in each image column, as symmetric (error"
            " function) and as asymmetric steps; the 50 % crossing served as a third opinion."
        )
    elif "trace_edges" in facts.steps:
        edges = "Edges were tracked along the layers to a fraction of a pixel."
    else:
        return ""
    text = f"{edges} Thickness is the chord along the mean normal of the layer, averaged over the columns."
    flags = _flags(table)
    if any(flag.startswith("below edge width") for flag in flags):
        text += " A layer thinner than about two edge widths is given as an upper bound."
    if "edited" in flags:
        text += " Edges that a person moved are flagged as edited."
    return text


def _lithium(facts: Facts) -> str:
    """Say what plated layers are compared with, and what was subtracted."""
    texts = []
    for settings in facts.steps.get("equivalent_lithium", []):
        text = (
            f"The plated layer {settings['layer']} is compared with the dense lithium of its charge, 4.850 µm per"
            f" mAh/cm² (6.941 g/mol, 0.534 g/cm³), {100 * settings['reversible_charge']:g} % of the charge taken as"
            " reversible"
        )
        if settings["deposit_area"]:
            text += f", on {settings['deposit_area']:g} of {settings['electrode_area']:g} cm² of electrode"
        if settings["magnesium"]:
            text += f"; {settings['magnesium']:g} nm (u = {settings['u_magnesium']:g} nm) of magnesium were subtracted"
        texts.append(f"{text}.")
    return " ".join(texts)


def _uncertainty(facts: Facts, table: pd.DataFrame) -> str:
    if "layer_thickness" not in facts.steps:
        return ""
    terms = [name for column, name in TERMS.items() if column in table and (table[column].fillna(0) > 0).any()]
    text = f"The standard uncertainty combines, after the GUM, {listed(terms)}." if terms else ""
    if "n_eff" in table and table["n_eff"].notna().any():
        low, high = table["n_eff"].min(), table["n_eff"].max()
        span = f"{low:.0f}" if round(low) == round(high) else f"{low:.0f} to {high:.0f}"
        text += f" Neighbouring columns are not independent: the effective number of columns was {span}."
    text += " Intervals are 95 % intervals (Student's t with n_eff − 1 degrees of freedom)."
    if {"pixel scale", "tilt"} & set(terms):
        text += " Terms of pixel scale and tilt are shared by the images of a session and do not average out."
    return text.strip()


def _flags(table: pd.DataFrame) -> set[str]:
    if "flag" not in table:
        return set()
    return {flag for text in table["flag"].dropna() for flag in str(text).split("; ") if flag}
