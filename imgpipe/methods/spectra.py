"""The methods text of photoelectron spectra: how they were taken, what was fitted, and everything that held the fit."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from imgpipe.methods.constraints import constraint_paragraph
from imgpipe.methods.derived import SENTENCES, derived_sentences
from imgpipe.methods.words import count, different, listed, span
from imgpipe.model import SERIES_DIMS

BACKGROUNDS = {
    "constant": "a constant",
    "linear": "a straight line",
    "shirley": "an active Shirley background",
    "shirley_linear": "an active Shirley background with a straight line",
    "tougaard_u2": "a Tougaard background (U2)",
    "tougaard_u2_linear": "a Tougaard background (U2) with a straight line",
    "tougaard_u3": "a Tougaard background (U3)",
    "tougaard_u4": "a Tougaard background (U4)",
}
SHAPES = {
    "voigt": "Voigt",
    "gl_sum": "sum of Gaussian and Lorentzian of equal height and FWHM (m is the Lorentz share)",
    "gl_product": "product of Gaussian and Lorentzian of equal FWHM (m is the Lorentz share)",
    "gaussian": "Gaussian",
    "lorentzian": "Lorentzian",
    "doniach": "Doniach-Šunjić",
    "la": "LA(a, b, m)",
    "lf": "LF(a, b, w, m)",
}
OTHERS = {
    "tougaard_u2": "Tougaard U2",
    "gl_sum": "sum of Gaussian and Lorentzian",
    "voigt": "Voigt",
    "shirley": "Shirley",
}
"""Names of other models, in short."""
TOLD = ("read", "fit_components", *SENTENCES)
"""Steps that other sentences tell of."""
NOISE = {
    "poisson": "by maximum likelihood of Poisson counts",
    "gaussian": "by least squares with Gaussian noise",
}
"""Names that a fit stores -> how a paper calls them."""


def is_spectral(leaf: xr.Dataset) -> bool:
    """Tell whether a leaf belongs to photoelectron spectroscopy."""
    return leaf.attrs.get("technique") == "xps" or ("energy" in leaf.dims and not {"x", "y"} & set(leaf.dims))


def spectrum_paragraphs(leaves: Sequence[xr.Dataset]) -> list[str]:
    """Return the methods text of spectra: acquisition, energy scale, models, constraints, uncertainty."""
    measured = [leaf for leaf in leaves if "energy" in leaf.dims]
    fitted = [leaf for leaf in measured if "component" in leaf.dims]
    first = f"{_acquisition(measured)} {_energy_scale(measured)}"
    if not fitted:
        return [first]
    told = [first, " ".join(_models(fitted)), constraint_paragraph(fitted), _uncertainty(fitted)]
    told += [" ".join(derived_sentences(leaves)), _further(leaves)]
    return list(filter(None, told))


def fit_model(leaf: xr.Dataset) -> dict[str, Any]:
    """Return what the fit of a leaf says of its model."""
    return dict(json.loads(leaf.attrs.get("fit_model") or "{}"))


def region_of(leaf: xr.Dataset) -> str:
    """Return the canonical name of a region."""
    return str(leaf.attrs.get("region") or "region without a name")


def _acquisition(leaves: Sequence[xr.Dataset]) -> str:
    number = sum(_spectra(leaf) for leaf in leaves)
    samples = different(name for leaf in leaves for name in _samples(leaf))
    of = f" of {count(len(samples), 'sample')}" if samples else ""
    verb = "was" if number == 1 else "were"
    instruments = _texts(leaves, "instrument")
    where = f" on {listed(instruments)}" if instruments else " (instrument not recorded)"
    regions = listed(different(region_of(leaf) for leaf in leaves))
    spectra = count(number, "spectrum", "spectra").capitalize()
    text = f"{spectra} ({regions}){of} {verb} measured by XPS{where}"
    text += f" with {_span_of(leaves, 'photon_energy', 'photons of {} eV', 'photon energy not recorded', 6)}"
    text += f", {_span_of(leaves, 'pass_energy', 'a pass energy of {} eV', 'pass energy not recorded')}"
    dwell, sweeps = (_span_of(leaves, name, "{}", "") for name in ("dwell_time", "sweeps"))
    text += f", {dwell} s per point" if dwell else ", dwell time not recorded"
    text += f" and {sweeps} sweeps" if sweeps else ""
    angle = _span_of(leaves, "emission_angle", "{}", "")
    text += f", at {angle}° from the surface normal" if angle else ""
    neutraliser = _texts(leaves, "charge_neutraliser")
    return f"{text}. " + (
        f"Charge neutraliser: {listed(neutraliser)}." if neutraliser else "Charge neutraliser: not recorded."
    )


def _energy_scale(leaves: Sequence[xr.Dataset]) -> str:
    shifted = [leaf for leaf in leaves if "energy_shift" in leaf]
    text = "Binding energies are photon energy minus kinetic energy; the work function field of the file was not added."
    if not shifted:
        return f"{text} No energy reference was applied."
    shifts = np.concatenate([np.ravel(leaf["energy_shift"].values) for leaf in shifted]).astype(float)
    us = [np.ravel(leaf["u_energy_shift"].values) for leaf in shifted if "u_energy_shift" in leaf]
    low, high = f"{shifts.min():+.2f}", f"{shifts.max():+.2f}"
    by = low if low == high else f"{low} to {high}"
    u = f" (u = {span(np.concatenate(us).astype(float), 2)} eV)" if us else " (uncertainty not stated)"
    which = "The scale" if len(shifted) == len(leaves) else f"The scale of {len(shifted)} of {len(leaves)} regions"
    known = _texts(shifted, "energy_referenced_to")
    how = "; ".join(known or different(_step_text(entry) for leaf in shifted for entry in _references(leaf)))
    return f"{text} {which} was shifted by {by} eV{u}" + (f", referenced to {how}." if how else ".").replace("+-", "±")


def _references(leaf: xr.Dataset) -> list[Mapping[str, Any]]:
    """Return the provenance entries of steps that set the energy scale."""
    entries = json.loads(leaf.attrs.get("provenance", "[]"))
    return [entry for entry in entries if "energy" in str(entry["step"])]


def _step_text(entry: Mapping[str, Any]) -> str:
    given = {name: value for name, value in entry["settings"].items() if value not in (None, "", [], {}, False)}
    told = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in given.items())
    return f"{str(entry['step']).replace('_', ' ')}{f' ({told})' if told else ''}"


def _further(leaves: Sequence[xr.Dataset]) -> str:
    """Name the other steps that ran, with all settings that they were given."""
    entries = [entry for leaf in leaves for entry in json.loads(leaf.attrs.get("provenance", "[]"))]
    others = [entry for entry in entries if entry["step"] not in TOLD and "energy" not in str(entry["step"])]
    steps = different(_step_text(entry) for entry in others)
    return f"Further steps: {'; '.join(steps)}." if steps else ""


def _models(leaves: Sequence[xr.Dataset]) -> list[str]:
    """Return one sentence for each region and model, and what is shared."""
    texts = different(_model_text(leaf) for leaf in leaves)
    several = [leaf for leaf in leaves if leaf.sizes.get("sample", 1) > 1 or _is_shared(leaf)]
    shared = different(listed([str(n) for n in fit_model(leaf).get("share", [])]) for leaf in several)
    joint = [f"Samples were fitted jointly and share {names}." for names in shared if names]
    return [*texts, *joint]


def _is_shared(leaf: xr.Dataset) -> bool:
    """Tell whether samples, each a leaf of its own, had a quantity of the fit in common."""
    return "constraint" in leaf.dims and "kind" in leaf and "shared" in map(str, leaf["kind"].values)


def _model_text(leaf: xr.Dataset) -> str:
    model = fit_model(leaf)
    low, high = (_window(leaf, name) for name in ("window_low", "window_high"))
    background = str(model.get("background", ""))
    title = str(model.get("title") or model.get("model") or "a list of components")
    source = f" ({model['source']})" if model.get("source") else ""
    window = f" from {low:g} to {high:g} eV" if np.isfinite(low + high) else ""
    text = f"{region_of(leaf)} was fitted{window} with the {title}{source}: {_components(leaf, model)}. "
    shown = BACKGROUNDS.get(background, background.replace("_", " ") or "a background that is not recorded")
    noise = NOISE.get(str(model.get("noise", "")), "with a noise model that is not recorded")
    return f"{text}{shown[:1].upper()}{shown[1:]} was fitted together with the peaks, {noise}."


def _window(leaf: xr.Dataset, name: str) -> float:
    return float(np.nanmedian(leaf[name].values)) if name in leaf else float("nan")


def _components(leaf: xr.Dataset, model: Mapping[str, Any]) -> str:
    """Return each component with its peaks and line shape."""
    known = {str(one["name"]): one for one in model.get("components", [])}
    shapes = {}
    if "component_of" in leaf and "peak_shape" in leaf:
        shapes = dict(zip(map(str, leaf["component_of"].values), map(str, leaf["peak_shape"].values), strict=True))
    parts: dict[str, list[str]] = {}
    for name in (str(n) for n in leaf["component"].values):
        shape = str(known.get(name, {}).get("shape") or shapes.get(name, ""))
        parts.setdefault(SHAPES.get(shape, shape or "line shape not recorded"), []).append(
            _peaks(name, known.get(name, {}))
        )
    return "; ".join(f"{listed(names)} [{shape}]" for shape, names in parts.items())


def _peaks(name: str, known: Mapping[str, Any]) -> str:
    """Return a component with its energy, splitting and ratio as far as they are known."""
    line = str(known.get("line", ""))
    told = [line] if line and line not in name else []
    if known.get("energy"):
        told.append(f"expected at {float(known['energy']):.2f} eV")
    if known.get("splitting") and known.get("ratio"):
        told.append(
            f"doublet split by {float(known['splitting']):.3g} eV with an area ratio of {float(known['ratio']):.3g}"
        )
    return f"{name} ({', '.join(told)})" if told else name


def _uncertainty(leaves: Sequence[xr.Dataset]) -> str:
    terms = {
        "u_area_percent_random": "counting statistics and priors, propagated through all links",
        "u_constants": "constants that were moved by their own uncertainty",
        "u_model": "the spread over other models",
    }
    known = [words for name, words in terms.items() if any(name in leaf for leaf in leaves)]
    of = different(str(text) for leaf in leaves if "denominator" in leaf for text in leaf["denominator"].values if text)
    text = f"Shares are area percents of {'; '.join(of)}. " if of else ""
    others = different(str(name) for leaf in leaves for name in fit_model(leaf).get("alternatives", []))
    if known:
        models = f" (tried: {listed([OTHERS.get(name, name.replace('_', ' ')) for name in others])})" if others else ""
        text += f"Their standard uncertainty combines {listed(known)}{models}; intervals are 95 % intervals. "
    text += "A component at zero, or at a bound, has a one-sided interval. "
    chi = _spread(leaves, "reduced_chi_square")
    text += f"The reduced chi-square was {chi}" if chi else ""
    abbe = _spread(leaves, "abbe")
    text += (
        f" and the Abbe value of the residuals {abbe} (1 for random ones). " if chi and abbe else ". " if chi else ""
    )
    misfits = sum(
        "misfit" in str(flag) for leaf in leaves if "fit_flag" in leaf for flag in leaf["fit_flag"].values.ravel()
    )
    if misfits:
        which = count(misfits, "spectrum", "spectra").capitalize()
        text += f"{which} did not agree with the model within counting statistics; uncertainties there were enlarged."
    return text.strip()


def _spread(leaves: Sequence[xr.Dataset], name: str) -> str:
    values = [np.ravel(leaf[name].values).astype(float) for leaf in leaves if name in leaf]
    finite = np.concatenate(values) if values else np.zeros(0)
    finite = finite[np.isfinite(finite)]
    return span((f for f in (finite.min(), finite.max())), 3) if finite.size else ""


def _spectra(leaf: xr.Dataset) -> int:
    return int(np.prod([leaf.sizes[dim] for dim in SERIES_DIMS if dim in leaf.dims]))


def _samples(leaf: xr.Dataset) -> list[str]:
    """Return the names along `sample`; of a leaf of one sample, that of its file."""
    if "sample" in leaf.dims:
        return [str(name) for name in leaf["sample"].values]
    return _texts([leaf], "sample")


def _texts(leaves: Sequence[xr.Dataset], name: str) -> list[str]:
    return different(str(leaf.attrs[name]) for leaf in leaves if leaf.attrs.get(name))


def _span_of(leaves: Sequence[xr.Dataset], name: str, text: str, missing: str, digits: int = 4) -> str:
    values = [float(v) for leaf in leaves if name in leaf for v in np.ravel(leaf[name].values) if np.isfinite(v)]
    return text.format(span(values, digits)) if values else missing
