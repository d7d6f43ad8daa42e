"""What may be said of one EDXS leaf, in sentences that hold when they are copied one by one."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping

import xarray as xr

from imgpipe.figures.edxs_data import (
    NOT_ASSESSABLE,
    NOT_DETECTED,
    boundaries,
    detected,
    doubts,
    elements,
    layers,
    line_names,
    settings_of,
)
from imgpipe.figures.edxs_gradients import contrast_text, gradient_words
from imgpipe.figures.edxs_profile import rounded_length
from imgpipe.rounding import three_digits

STRONG = 4.0
"""Misfit of the sum spectrum, in times of counting noise, from which on sentences say that its model does not fit."""
ON_SAND = "; the numbers rest on a model that does not fit the spectrum"
_MISFIT = re.compile(r"sum spectrum: misfit ([0-9.]+) times")
_ELEMENT = re.compile(r"[A-Z][a-z]?")


def claims(leaf: xr.Dataset) -> list[str]:
    """Return a sentence for each assessed layer, for each not resolved or not seen, and what was not found."""
    if "element" not in leaf.dims:
        return []
    poor = misfit(leaf) > STRONG
    said = [_with_doubt(text, poor=poor) for text in (*_gradients(leaf), *_thin_layers(leaf))]
    names, doubt = line_names(leaf), doubts(leaf)
    missing, open_ones = ([names[n] for n in names if doubt[n] == word] for word in (NOT_DETECTED, NOT_ASSESSABLE))
    return [
        *([_misfit_sentence(leaf)] if poor else []),
        *said,
        *_unseen_sentences(leaf),
        *([f"Neither found nor excluded, as the model does not fit: {', '.join(open_ones)}."] if open_ones else []),
        *([f"{NOT_DETECTED.capitalize()}: {', '.join(missing)}."] if missing else []),
    ]


def misfit(leaf: xr.Dataset) -> float:
    """Return the misfit of the sum spectrum in times of counting noise, as its flag says; 1 where nothing is said."""
    found = _MISFIT.search(str(leaf.attrs.get("flags", "")))
    return float(found[1].rstrip(".")) if found else 1.0


def unseen_layers(leaf: xr.Dataset) -> dict[str, list[str]]:
    """Return each layer of whose elements lines were measured but none was detected, and these elements.

    The elements follow from the formula that `xray_response` was given, else from a layer named as an element.
    """
    seen = detected(leaf)
    given = settings_of(leaf, "xray_response").get("layers")
    formulae = dict(given) if isinstance(given, Mapping) else {}
    found = {}
    for name in [str(one) for one in leaf["layer"].values] if "layer" in leaf.coords else []:
        material = formulae.get(name)
        parts = set(_ELEMENT.findall(str(material["formula"]))) if isinstance(material, Mapping) else {name}
        own = [element for element in elements(leaf) if element.split(" ")[0] in parts]
        if own and not any(seen[element] for element in own):
            found[name] = own
    return found


def _gradients(leaf: xr.Dataset) -> Iterator[str]:
    doubt = doubts(leaf)
    for n in range(leaf.sizes.get("gradient", 0)):
        element, layer, _, _ = gradient_words(leaf, n)
        if not doubt.get(element):
            yield contrast_text(leaf, n).replace(":\n", ": ").replace("\n", "; ") + "."
        else:
            yield f"Nothing can be said on {element} in {layer}: {line_names(leaf)[element]} is {doubt[element]}."


def _thin_layers(leaf: xr.Dataset) -> Iterator[str]:
    if "position" not in leaf.coords:
        return
    unit, unseen = str(leaf["position"].attrs.get("units", "nm")), unseen_layers(leaf)
    for layer in layers(leaf, float(leaf["position"][0]), float(leaf["position"][-1])):
        if layer.limited and layer.name not in unseen:
            bound = rounded_length(layer.bound) if unit == "nm" else f"{three_digits(layer.bound)} {unit}"
            most = f": at most {bound} thick (95 %)" if math.isfinite(layer.bound) else ""
            yield f"{layer.name} is thinner than the response, its thickness can't be measured here{most}."


def _unseen_sentences(leaf: xr.Dataset) -> Iterator[str]:
    """Yield that a layer, and the interfaces beside it, were placed by the lines of its neighbours alone."""
    names, doubt = line_names(leaf), doubts(leaf)
    for layer, own in unseen_layers(leaf).items():
        beside = [row.boundary for row in boundaries(leaf) if layer in (row.above, row.below)]
        rest = f"; {', '.join(beside)} rest{'s' if len(beside) == 1 else ''} on other elements alone" if beside else ""
        lines = ", ".join(names[element] for element in own)
        what = "was detected" if any(doubt[element] == NOT_DETECTED for element in own) else "could be assessed"
        yield f"No line of the layer {layer} {what} ({lines}){rest}."


def _misfit_sentence(leaf: xr.Dataset) -> str:
    flags = [flag for flag in str(leaf.attrs.get("flags", "")).split("; ") if flag.startswith("unexplained peak")]
    also = f" ({'; '.join(flags)})" if flags else ""
    much = three_digits(misfit(leaf))
    return (
        f"The model does not fit the sum spectrum: the misfit is {much} times counting noise{also}. Look at the"
        " spectrum, and add what is missing to the elements, before using any number."
    )


def _with_doubt(text: str, *, poor: bool) -> str:
    """Add to a sentence with numbers that they rest on a model that does not fit."""
    return f"{text.rstrip('.')}{ON_SAND}." if poor and any(sign.isdigit() for sign in text) else text
