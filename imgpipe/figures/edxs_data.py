"""What an EDXS leaf shows: its elements, interfaces, layers, how wide the response is, and where a line was taken."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from imgpipe.figures.drawing import BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILLION, YELLOW
from imgpipe.methods.words import shown_line
from imgpipe.model import SERIES_DIMS

TECHNIQUE = "edxs"
NOT_DETECTED, LIMITED = "not detected", "resolution-limited"
"""Flags of an element and of a layer that figures and tables show in their own way."""
NOT_ASSESSABLE = "not assessable"
"""Flag of an element where the model does not fit the sum spectrum: neither found nor missing."""
OUTER = "outer layer"
"""Flag of the first and the last layer, which have no thickness."""
ALL = "all"
"""Element of an interface that is fitted to all elements jointly."""
FWHM_OF_SIGMA = 2 * math.sqrt(2 * math.log(2))
"""Full width at half maximum over standard deviation of a Gaussian."""
ELEMENT_COLOURS = (BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY, "#882255", "#999933", "#332288", YELLOW)
"""Colours of elements: Okabe and Ito's, and three of Tol's that go with them."""


@dataclass(frozen=True)
class Row:
    """One interface, as one element (or all jointly) shows it; lengths in the unit of the position axis."""

    boundary: str
    element: str
    above: str
    below: str
    position: float
    low: float
    high: float


@dataclass(frozen=True)
class Layer:
    """One layer between two interfaces: its ends, and the bound of its thickness where it was not resolved."""

    name: str
    start: float
    end: float
    limited: bool
    bound: float

    def cut(self, low: float, high: float) -> Layer:
        """Return the part of the layer from `low` to `high`."""
        return replace(self, start=max(self.start, low), end=min(self.end, high))


@dataclass(frozen=True)
class Response:
    """How far the line of an element is smeared out by electrons in the layer where it is strongest, nm.

    Attributes
    ----------
    width : full width at half maximum along the scan; where only the X-ray range is known, that range
    by_range : whether it is the range
    depth, reach : X-ray range (Anderson-Hasler), and what 99 % of the X-rays are made within; NaN where unknown
    """

    width: float
    layer: str
    by_range: bool
    depth: float
    reach: float


def is_edxs(leaf: xr.Dataset) -> bool:
    """Tell whether a leaf belongs to X-ray spectroscopy in the microscope."""
    return leaf.attrs.get("technique") == TECHNIQUE


def is_measured_edxs(leaf: xr.Dataset) -> bool:
    """Tell whether there is something to draw: lines of elements, or a spectrum or a line scan as it was recorded."""
    if not is_edxs(leaf):
        return False
    recorded = "counts" in leaf and "energy" in leaf["counts"].dims and not {"x", "y"} & set(leaf["counts"].dims)
    return "element" in leaf.dims or "sum_counts" in leaf or recorded


def is_recorded_edxs(leaf: xr.Dataset) -> bool:
    """Tell whether a spectrum or a line scan is as it was recorded: no line of an element was measured."""
    return is_measured_edxs(leaf) and "element" not in leaf.dims and "sum_counts" not in leaf


def elements(leaf: xr.Dataset) -> list[str]:
    """Return the names of the elements, in the order of the leaf."""
    return [str(name) for name in leaf["element"].values] if "element" in leaf.coords else []


def colours_of(names: list[str]) -> dict[str, str]:
    """Return a colour for each element."""
    return {name: ELEMENT_COLOURS[n % len(ELEMENT_COLOURS)] for n, name in enumerate(names)}


def words_of(leaf: xr.Dataset, dim: str, ending: str) -> list[str]:
    """Return the texts of the variable on one object dimension whose name is, or ends in, `ending`; else empty ones."""
    ours = {dim, *SERIES_DIMS, "track"}
    named = [str(name) for name in leaf.data_vars if _ends_in(str(name), ending)]
    found = next((n for n in named if dim in leaf[n].dims and set(leaf[n].dims) <= ours), None)
    if found is None:
        return [""] * leaf.sizes.get(dim, 0)
    array = leaf[found]
    return [str(text) for text in array.isel({d: 0 for d in array.dims if d != dim}).values]


def _ends_in(name: str, ending: str) -> bool:
    return name == ending or name.endswith(f"_{ending}")


def numbers_of(leaf: xr.Dataset, name: str, dim: str) -> np.ndarray:
    """Return a variable on one object dimension; NaN where there is none. Of several lines, the first."""
    if name not in leaf or dim not in leaf[name].dims:
        return np.full(leaf.sizes.get(dim, 0), np.nan)
    array = leaf[name]
    first = array.isel({d: 0 for d in array.dims if d != dim})
    return np.asarray(first.values, dtype=float)


def detected(leaf: xr.Dataset) -> dict[str, bool]:
    """Tell of each element whether it was detected; one that can't be assessed was not."""
    return {name: not word for name, word in doubts(leaf).items()}


def doubts(leaf: xr.Dataset) -> dict[str, str]:
    """Return of each element ``not detected``, ``not assessable`` (the spectrum is of another model), or nothing."""
    flags = words_of(leaf, "element", "flag")
    return {
        name: next((word for word in (NOT_ASSESSABLE, NOT_DETECTED) if word in flag), "")
        for name, flag in zip(elements(leaf), flags, strict=True)
    }


def line_names(leaf: xr.Dataset) -> dict[str, str]:
    """Return the X-ray line of each element as it is printed: ``Mg Kα``."""
    known = words_of(leaf, "element", "xray_line")
    return {name: shown_line(line or name) for name, line in zip(elements(leaf), known, strict=True)}


def interfaces(leaf: xr.Dataset) -> list[Row]:
    """Return the interfaces of a line that have a position, in the order of the leaf."""
    if "interface" not in leaf.dims or "interface_position" not in leaf:
        return []
    labels = [str(name) for name in leaf["interface"].values]
    boundaries = words_of(leaf, "interface", "boundary")
    of = words_of(leaf, "interface", "element")
    numbers = [numbers_of(leaf, f"interface_position{end}", "interface") for end in ("", "_low", "_high")]
    rows = []
    for label, boundary, element, at, low, high in zip(labels, boundaries, of, *numbers, strict=True):
        pair = boundary or label.rpartition(" ")[0] or label
        above, _, below = pair.partition("|")
        if math.isfinite(at):
            name = element or label.rpartition(" ")[2]
            rows.append(Row(pair, name, above, below, float(at), float(low), float(high)))
    return rows


def boundaries(leaf: xr.Dataset) -> list[Row]:
    """Return one row for each boundary: the joint one, else the one with the narrowest interval; by position."""
    best: dict[str, Row] = {}
    for row in interfaces(leaf):
        known = best.get(row.boundary)
        if known is None or (known.element != ALL and (row.element == ALL or _width(row) < _width(known))):
            best[row.boundary] = row
    return sorted(best.values(), key=lambda row: row.position)


def _width(row: Row) -> float:
    return row.high - row.low if math.isfinite(row.high - row.low) else math.inf


def layers(leaf: xr.Dataset, low: float, high: float) -> list[Layer]:
    """Return the layers of a line from `low` to `high`, the ends of the scan."""
    rows = boundaries(leaf)
    if not rows:
        return []
    names = [rows[0].above, *(row.below for row in rows)]
    ends = [low, *(min(max(row.position, low), high) for row in rows), high]
    flags = dict(zip(_layer_names(leaf), words_of(leaf, "layer", "flag"), strict=True))
    bounds = dict(zip(_layer_names(leaf), numbers_of(leaf, "thickness_high", "layer"), strict=True))
    return [
        Layer(name, start, end, LIMITED in flags.get(name, ""), float(bounds.get(name, np.nan)))
        for name, start, end in zip(names, ends, ends[1:], strict=False)
    ]


def _layer_names(leaf: xr.Dataset) -> list[str]:
    return [str(name) for name in leaf["layer"].values] if "layer" in leaf.coords else []


def response_of(leaf: xr.Dataset, element: str) -> Response | None:
    """Return how far the line of an element is smeared out; None where no step has said so.

    The full width at half maximum of the lateral response, else the X-ray range, in the layer where the element is
    strongest.
    """
    sigma, depth, reach = (_by_layer(leaf, n, element) for n in ("response_sigma", "xray_range", "response_reach"))
    by_range = not np.isfinite(sigma).any()
    widths = depth if by_range else FWHM_OF_SIGMA * sigma
    usable = np.isfinite(widths) & (widths > 0)
    if not usable.any():
        return None
    place = _home(leaf, element, usable)
    numbers = [float(values[place]) for values in (widths, depth, reach)]
    return Response(numbers[0], _layer_names(leaf)[place], by_range, *numbers[1:])


def _by_layer(leaf: xr.Dataset, name: str, element: str) -> np.ndarray:
    """Return a variable (layer, element) of one element; NaN where there is none."""
    if name not in leaf or not {"layer", "element"} <= set(leaf[name].dims):
        return np.full(leaf.sizes.get("layer", 0), np.nan)
    array = leaf[name].transpose("layer", "element", ...)
    values = np.asarray(array.isel(dict.fromkeys(array.dims[2:], 0)).values, dtype=float)
    return np.asarray(values[:, elements(leaf).index(element)])


def _home(leaf: xr.Dataset, element: str, usable: np.ndarray) -> int:
    """Return the number of the usable layer with most counts of an element per place; the widest response else."""
    names = _layer_names(leaf)
    best, most = int(np.argmax(usable)), -math.inf
    if profile_name(leaf) is None:
        return best
    position = np.asarray(leaf["position"].values, dtype=float)
    counts = profile(leaf, element)
    for layer in layers(leaf, float(position[0]), float(position[-1])):
        inside = (position >= layer.start) & (position <= layer.end) & np.isfinite(counts)
        if layer.name in names and usable[names.index(layer.name)] and inside.any():
            mean = float(counts[inside].mean())
            best, most = (names.index(layer.name), mean) if mean > most else (best, most)
    return best


def profile_name(leaf: xr.Dataset) -> str | None:
    """Return the variable that holds counts of each element along a line: the fitted one, else net, else gross."""
    told = str(leaf["fitted"].attrs.get("of", "")) if "fitted" in leaf else ""
    names = [n for n in (told, str(leaf.attrs.get("fit_variable", "")), "intensity", "gross") if n]
    return next((n for n in names if n in leaf and {"element", "position"} <= set(leaf[n].dims)), None)


def profile(leaf: xr.Dataset, element: str, name: str | None = None) -> np.ndarray:
    """Return a variable (element, position) of one element; NaN where there is none. Of several lines, the first."""
    known = profile_name(leaf) if name is None else name
    if known is None or known not in leaf or not {"element", "position"} <= set(leaf[known].dims):
        return np.full(leaf.sizes["position"], np.nan)
    array = leaf[known].isel(element=elements(leaf).index(element))
    first = array.isel({d: 0 for d in array.dims if d != "position"})
    return np.asarray(first.values, dtype=float)


def segments(leaf: xr.Dataset) -> list[tuple[np.ndarray, np.ndarray, float]]:
    """Return x, y and width of each line that a leaf was taken along, in the unit of the map; none where unknown."""
    if {"segment_x", "segment_y"} <= set(leaf.data_vars):
        x, y = (np.atleast_2d(np.asarray(leaf[n].values, dtype=float)) for n in ("segment_x", "segment_y"))
        width = float(leaf["segment_width"]) if "segment_width" in leaf else math.nan
        return [(a, b, width) for a, b in zip(x, y, strict=True)]
    settings = settings_of(leaf, "line_profile")
    start, end = settings.get("start"), settings.get("end")
    if not isinstance(start, list) or not isinstance(end, list) or len(start) != 2 or len(end) != 2:
        return []
    given = settings.get("width")
    width = float(given) if isinstance(given, int | float) else math.nan
    return [(np.array([start[0], end[0]], dtype=float), np.array([start[1], end[1]], dtype=float), width)]


def settings_of(leaf: xr.Dataset, step: str) -> Mapping[str, object]:
    """Return the settings with which a step ran last; empty when it did not."""
    entries = json.loads(leaf.attrs.get("provenance") or "[]")
    return next((dict(entry["settings"]) for entry in reversed(entries) if entry["step"] == step), {})
