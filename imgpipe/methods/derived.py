"""Sentences of the methods text on what was derived from a fit: trends, excess sulfide, thickness of overlayers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from imgpipe.methods.words import different, listed
from imgpipe.rounding import decimals_for, rounded, with_uncertainty

Settings = Mapping[str, Any]


def derived_sentences(leaves: Sequence[xr.Dataset]) -> list[str]:
    """Return one sentence for each step of `SENTENCES` that ran, each wording once."""
    said: list[str] = []
    for leaf in leaves:
        for entry in json.loads(leaf.attrs.get("provenance", "[]")):
            if sentence := SENTENCES.get(str(entry["step"])):
                said.append(sentence(leaf, entry["settings"]))
    return different(filter(None, said))


def _trend(leaf: xr.Dataset, settings: Settings) -> str:
    if "slope" not in leaf or "trend" not in leaf.dims:
        return ""
    variable = str(settings.get("variable", "area_percent")).replace("_", " ")
    text = f"The {variable} of each component was followed along {settings.get('along', 'the series')} by a weighted"
    text += " straight line (mean slope)"
    text += ", and by a constant up to an onset and a change beyond it" if settings.get("look_for_onset", True) else ""
    found = list(_slopes(leaf)) if leaf["slope"].dims == ("trend",) else []
    return f"{text}: {'; '.join(found)}." if found else f"{text}."


def _slopes(leaf: xr.Dataset) -> Iterator[str]:
    """Yield the slope of each component, and its onset with the 95 % interval."""
    unit = _unit(leaf["slope"])
    for number, name in enumerate(leaf["trend"].values):
        one = leaf.isel(trend=number)
        if not np.isfinite(float(one["slope"])):
            continue
        value, u = with_uncertainty(float(one["slope"]), _number(one, "u_slope"))
        yield f"{name} {value}{f' ± {u}' if u != '–' else ''}{unit}{_onset(one)}"


def _onset(one: xr.Dataset) -> str:
    value, low, high = (_number(one, name) for name in ("onset", "onset_low", "onset_high"))
    if not np.isfinite(value):
        return ", no onset"
    unit = _unit(one["onset"])
    if not np.isfinite(low + high) or high <= low:
        return f", onset at {value:.3g}{unit} (interval open)"
    decimals = decimals_for((high - low) / 4)
    at, start, end = (rounded(number, decimals) for number in (value, low, high))
    return f", onset at {at}{unit} (95 % interval {start} to {end}{unit})"


def _sulfide(leaf: xr.Dataset, settings: Settings) -> str:
    if "excess_sulfide" not in leaf:
        return ""
    basis = listed(different(str(text).rpartition("; ")[2] for text in leaf["sulfide_of"].values.ravel()))
    sulfide, lattice = settings.get("sulfide", "S2-"), settings.get("thiophosphate", "PS4")
    text = f"Excess sulfide is the share of {sulfide} beyond that of the lattice, which was reckoned from {lattice}"
    return f"{text}: {basis.replace('+-', '±')}."


def _overlayer(leaf: xr.Dataset, settings: Settings) -> str:
    clean = settings.get("clean")
    of = f"intensity of the substrate against the clean one ({clean})" if clean else "ratio of film to substrate"
    text = f"Overlayer thickness was calculated from the {of} by exponential attenuation in a closed, even film"
    terms = {
        "u_attenuation": "relative u of the attenuation lengths {:g}",
        "u_density_ratio": "relative u of the density ratio {:g}",
        "u_emission_angle": "u of the emission angle {:g}°",
    }
    told = [words.format(settings[name]) for name, words in terms.items() if settings.get(name) is not None]
    return f"{text} ({', '.join(told)})." if told else f"{text}."


def _number(one: xr.Dataset, name: str) -> float:
    return float(one[name]) if name in one else float("nan")


def _unit(array: xr.DataArray) -> str:
    unit = str(array.attrs.get("units", "1")).replace("percent", "%").replace("**2", "²").replace("*", " ")
    return "" if unit == "1" else f" {unit}"


SENTENCES: Mapping[str, Callable[[xr.Dataset, Settings], str]] = {
    "excess_sulfide": _sulfide, "trend": _trend, "overlayer_thickness": _overlayer,
}  # fmt: skip
"""Step -> what is said of it."""
