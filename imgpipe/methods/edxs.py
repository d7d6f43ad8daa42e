"""The methods text of EDXS: how spectra were taken, lines, response, interfaces, segregation."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from imgpipe.methods.words import count, different, listed, shown_line, span

TECHNIQUE = "edxs"
MODELS = {
    "erf": "error functions", "logistic": "logistic steps", "erfc": "complementary error functions of diffusion",
    "exponential": "exponential diffusion profiles", "step": "sharp steps",
    "best": "the best of error function, logistic, diffusion and sharp step by information criterion",
}  # fmt: skip
"""Setting `model` of fit_interfaces -> what was fitted."""
NOISE = {"poisson": "by maximum likelihood of Poisson counts", "gaussian": "by weighted least squares"}
TOLD = ("read", "line_profile", "sum_spectrum", "line_intensities", "xray_response", "fit_interfaces", "segregation",
        "k_ratios", "cliff_lorimer")  # fmt: skip
"""Steps that other sentences tell of."""


def is_edxs(leaf: xr.Dataset) -> bool:
    """Tell whether a leaf belongs to X-ray spectroscopy in the microscope."""
    return leaf.attrs.get("technique") == TECHNIQUE


def edxs_paragraphs(leaves: Sequence[xr.Dataset], images: int = 0) -> list[str]:
    """Return the methods text of EDXS: acquisition, lines, response, interfaces and segregation, further steps.

    Parameters
    ----------
    leaves : of all groups
    images : images of the same places that were taken along
    """
    told = [
        _acquisition(leaves, images), _lines(leaves), _response(leaves), _interfaces(leaves), _segregation(leaves),
        _quantification(leaves), _further(leaves),
    ]  # fmt: skip
    return list(filter(None, told))


def _acquisition(leaves: Sequence[xr.Dataset], images: int) -> str:
    kinds = different(_kind(leaf) for leaf in leaves)
    counted = [count(sum(_kind(leaf) == kind for leaf in leaves), kind, _plural(kind)) for kind in kinds]
    samples = different(str(leaf.attrs["sample"]) for leaf in leaves if leaf.attrs.get("sample"))
    of = f" of {count(len(samples), 'sample')}" if samples else ""
    instruments, detectors = (_texts(leaves, name) for name in ("instrument", "detector"))
    where = f" on {listed(instruments)}" if instruments else " (instrument not recorded)"
    text = f"EDXS: {listed(counted)}{of} from {count(_files(leaves), 'file')}{where}"
    text += _span_of(leaves, "beam_energy", " at {} kV", " (beam energy not recorded)", 1e-3)
    text += f" with the detector {listed(detectors)}" if detectors else ""
    text += _span_of(leaves, "detector_resolution", ", resolution {} eV (FWHM at Mn Kα)", "")
    text += _span_of(leaves, "take_off_angle", ", take-off angle {}°", ", take-off angle not recorded")
    text += _span_of(leaves, "face_angle", ", {}° between beam and milled face", "")
    text += _span_of(leaves, "live_time", ", live time {} s", ", live time not recorded")
    text += _span_of(leaves, "dead_time", ", dead time {} %", "") + "."
    if images:
        number, _, rest = count(images, "SEM image").partition(" ")
        text += f" {number.capitalize()} {rest} of the same places {_was(images)} kept."
    return f"{text}{_scale(leaves)}{_segments(leaves)}"


def _kind(leaf: xr.Dataset) -> str:
    if {"x", "y"} <= set(leaf.dims):
        return "map"
    return "line scan" if "position" in leaf.dims else "spectrum"


def _plural(kind: str) -> str:
    return "spectra" if kind == "spectrum" else ""


def _files(leaves: Sequence[xr.Dataset]) -> int:
    return max(1, len(different(str(leaf.attrs["source_file"]) for leaf in leaves if leaf.attrs.get("source_file"))))


def _was(number: int) -> str:
    return "was" if number == 1 else "were"


def _scale(leaves: Sequence[xr.Dataset]) -> str:
    """Say how far apart the places lie, and which leaves have no length scale."""
    axes = [(leaf, leaf[d]) for leaf in leaves for d in ("position", "x") if d in leaf.dims]
    steps = [abs(float(a[-1] - a[0])) / (a.size - 1) for _, a in axes if a.size > 1 and a.attrs.get("units") == "nm"]
    bare = sum(1 for _, axis in axes if axis.attrs.get("units") == "px")
    text = f" Places are {span(steps)} nm apart." if steps else ""
    if bare:
        text += f" {count(bare, 'line scan or map', 'line scans or maps').capitalize()} had no length scale; lengths"
        text += " there are in pixels, and no response was taken off."
    return text


def _segments(leaves: Sequence[xr.Dataset]) -> str:
    settings = [entry for leaf in leaves for entry in _settings(leaf, "line_profile")]
    widths = [float(one["width"]) for one in settings if isinstance(one.get("width"), int | float)]
    if not settings:
        return ""
    wide = f" over a width of {span(widths)} nm" if widths else ""
    return (
        f" Line profiles were summed from maps along a segment{wide}; each pixel belongs to one place of the line and"
        " is counted once, so that counts stay Poisson counts."
    )


def _lines(leaves: Sequence[xr.Dataset]) -> str:
    lines = [leaf for leaf in leaves if "xray_line" in leaf]
    measured = [leaf for leaf in lines if "line_energy" in leaf]
    given = different(
        _line(leaf, n) for leaf in lines if "line_energy" not in leaf for n in range(leaf.sizes["element"])
    )
    taken = f"Counts of {listed(given)} were taken as the file holds them." if given else ""
    if not measured:
        return taken
    names = different(
        f"{shown_line(str(line))} ({energy / 1000:.3f} keV)"
        for leaf in measured
        for line, energy in zip(leaf["xray_line"].values, _numbers(leaf, "line_energy"), strict=True)
    )
    settings = _last_settings(measured, "line_intensities")
    text = f"{taken} Net counts of {listed(names)} were found {_how(settings)}.".lstrip()
    always = [str(name) for name in settings.get("always") or []]
    if always:
        text += f" {listed(always)} {_was(len(always))} always offered to the model."
    text += " Energies of lines are those of eXSpy's database; their ratios within a shell follow from rates and yields"
    text += " of xraylib at this beam energy."
    bad = different(_line(leaf, n) for leaf in measured for n in _marked(leaf, "window invalid"))
    if bad:
        text += f" Windows of {listed(bad)} count other lines too and were not used."
    text += " Detection follows Currie (1968), 95 %"
    missing = different(_line(leaf, n) for leaf in measured for n in _marked(leaf, "not detected"))
    text += f"; not detected, at least in one of them: {listed(missing)}." if missing else "."
    return text + _overlaps(measured)


def _how(settings: Mapping[str, Any]) -> str:
    if settings.get("method") == "window":
        width = f"{settings['window_width']:g} FWHM wide" if settings.get("window_width") else "of fixed width"
        return f"by summing windows {width}, background by {settings.get('background') or 'windows beside them'}"
    background = {"bremsstrahlung": "bremsstrahlung with absorption (Kramers)", "windows": "background from windows"}
    beside = background.get(settings.get("background") or "bremsstrahlung")
    with_what = f" and {beside}" if beside else " without background"
    model = f"by a linear model of all lines of the elements{with_what}"
    return f"{model}, weighted as Poisson counts, with areas not below 0"


def _overlaps(leaves: Sequence[xr.Dataset]) -> str:
    pairs = different(
        f"{shown_line(str(first))} with {shown_line(str(second))}"
        for leaf in leaves
        if {"overlap_of", "overlap_with"} <= set(leaf.data_vars)
        for first, second in zip(leaf["overlap_of"].values, leaf["overlap_with"].values, strict=True)
    )
    return f" Lines that overlap: {'; '.join(pairs)} (covariances are part of the uncertainties)." if pairs else ""


def _response(leaves: Sequence[xr.Dataset]) -> str:
    settings = different(json.dumps(one) for leaf in leaves for one in _settings(leaf, "xray_response"))
    texts = []
    for one in (dict(json.loads(text)) for text in settings):
        layers = [
            f"{name} ({entry['formula']}, {entry['density']:g} g/cm³)" if isinstance(entry, dict) else str(name)
            for name, entry in _in_order(dict(one.get("layers") or {}), leaves)
        ]
        text = "How far each line is smeared out by the electrons (response) was calculated for each layer"
        text += f": {listed(layers)}" if layers else ""
        if isinstance(one.get("u_response"), int | float):
            text += f"; its relative standard uncertainty was taken as at least {100 * one['u_response']:g} %"
        texts.append(f"{text}. Ranges follow Anderson and Hasler (X-rays) and Kanaya and Okayama (electrons).")
    widths = [w for leaf in leaves if "response_sigma" in leaf for w in np.ravel(leaf["response_sigma"].values)]
    finite = [float(w) for w in widths if np.isfinite(w)]
    if texts and finite:
        texts.append(f"Standard deviations of the response along the scan were {span(finite, 3)} nm.")
    return " ".join(texts)


def _in_order(layers: Mapping[str, Any], leaves: Sequence[xr.Dataset]) -> list[tuple[str, Any]]:
    """Return layers as the scan crosses them; the provenance holds them by name."""
    orders = [[str(name) for name in leaf["layer"].values] for leaf in leaves if "layer" in leaf.coords]
    order = next((one for one in orders if set(one) == set(layers)), list(layers))
    return [(name, layers[name]) for name in order]


def _interfaces(leaves: Sequence[xr.Dataset]) -> str:
    fitted = [leaf for leaf in leaves if "interface_position" in leaf and "interface" in leaf.dims]
    if not fitted:
        return ""
    one = _last_settings(fitted, "fit_interfaces")
    model = MODELS.get(str(one.get("model", "")), str(one.get("model", "")) or "steps")
    noises = different(
        str(leaf["fitted"].attrs["noise"]) for leaf in fitted if "noise" in leaf.get("fitted", leaf).attrs
    )
    noises = noises or [str(one.get("noise", "poisson"))]
    text = f"Interfaces were fitted as {model} {listed([NOISE[name] for name in noises if name in NOISE])}".rstrip()
    text += ", jointly for all elements" if one.get("joint", True) else ", for each element by itself"
    with_response = any("response_sigma" in leaf for leaf in fitted)
    if with_response:
        text += ", convolved with the response of either side: widths are intrinsic (sigma), and an upper bound (95 %)"
        text += " where the response is too wide to tell"
    else:
        text += "; no response was taken off: widths are as observed"
    text += ". Intervals are 95 % intervals."
    limited = sum(len(_marked_on(leaf, "layer", "resolution-limited")) for leaf in fitted)
    if limited:
        text += f" {count(limited, 'layer').capitalize()} {_was(limited)} thinner than could be resolved:"
        text += " the thickness is given as an upper bound."
    return text


def _segregation(leaves: Sequence[xr.Dataset]) -> str:
    found = [leaf for leaf in leaves if "gradient" in leaf.dims]
    if not found:
        return ""
    rows = different(
        f"{leaf['gradient'].values[n]}: {claim}" for leaf in found for n, claim in enumerate(_texts_on(leaf, "claim"))
    )
    text = (
        "Segregation is the contrast within a layer beyond a forward model of uniform composition with the response and"
        " the absorption of all layers, not beyond flat counts"
    )
    return f"{text} ({'; '.join(rows)})." if rows else f"{text}."


def _texts_on(leaf: xr.Dataset, name: str) -> list[str]:
    return [str(text) for text in np.ravel(leaf[name].values)] if name in leaf else []


def _quantification(leaves: Sequence[xr.Dataset]) -> str:
    texts = []
    if any(_settings(leaf, "k_ratios") for leaf in leaves):
        texts.append("k-ratios are net counts over those of the standards; they are no concentrations.")
    for settings in (one for leaf in leaves for one in _settings(leaf, "cliff_lorimer")):
        factors = ", ".join(f"{name} {value:g}" for name, value in dict(settings.get("k_factors") or {}).items())
        texts.append(f"Thin foils were quantified by Cliff and Lorimer through eXSpy (k-factors: {factors}).")
    if any(settings.get("lithium") for leaf in leaves for settings in _settings(leaf, "line_intensities")):
        texts.append("Lithium is present and is not measured: no composition is normalised to 100 %.")
    return " ".join(different(texts))


def _further(leaves: Sequence[xr.Dataset]) -> str:
    entries = [e for leaf in leaves for e in json.loads(leaf.attrs.get("provenance") or "[]") if e["step"] not in TOLD]
    steps = different(_step_text(entry) for entry in entries)
    return f"Further steps: {'; '.join(steps)}." if steps else ""


def _step_text(entry: Mapping[str, Any]) -> str:
    given = {name: value for name, value in entry["settings"].items() if value not in (None, "", [], {}, False)}
    told = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in given.items())
    return f"{str(entry['step']).replace('_', ' ')}{f' ({told})' if told else ''}"


def _settings(leaf: xr.Dataset, step: str) -> list[dict[str, Any]]:
    entries = json.loads(leaf.attrs.get("provenance") or "[]")
    return [dict(entry["settings"]) for entry in entries if entry["step"] == step]


def _last_settings(leaves: Sequence[xr.Dataset], step: str) -> dict[str, Any]:
    """Return the settings of a step in the first leaf in which it ran; empty where it did not."""
    return next((one for leaf in leaves for one in reversed(_settings(leaf, step))), {})


def _marked(leaf: xr.Dataset, word: str) -> list[int]:
    return _marked_on(leaf, "element", word)


def _marked_on(leaf: xr.Dataset, dim: str, word: str) -> list[int]:
    """Return the places on an object dimension whose flag has a word."""
    name = f"{dim}_flag"
    if name not in leaf or dim not in leaf[name].dims:
        return []
    flags = leaf[name].transpose(dim, ...).values
    return [n for n in range(leaf.sizes[dim]) if any(word in str(text) for text in np.ravel(flags[n]))]


def _line(leaf: xr.Dataset, number: int) -> str:
    return shown_line(str(leaf["xray_line"].values[number]))


def _numbers(leaf: xr.Dataset, name: str) -> np.ndarray:
    return np.asarray(leaf[name].values if name in leaf else np.full(leaf.sizes["element"], np.nan), dtype=float)


def _texts(leaves: Sequence[xr.Dataset], name: str) -> list[str]:
    return different(str(leaf.attrs[name]) for leaf in leaves if leaf.attrs.get(name))


def _span_of(leaves: Sequence[xr.Dataset], name: str, words: str, otherwise: str, factor: float = 1.0) -> str:
    known = [factor * float(leaf[name]) for leaf in leaves if name in leaf and leaf[name].ndim == 0]
    finite = [value for value in known if np.isfinite(value)]
    return words.format(span(finite)) if finite else otherwise
