"""Segregation: the measured profile of a layer against the forward model of uniform composition with its band."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from imgpipe.figures.drawing import (
    BLUE,
    FAINT,
    INK,
    ORANGE,
    SINGLE,
    axes_at,
    figure_style,
    new_figure,
    shortened,
    write_figure,
)
from imgpipe.figures.edxs_data import elements, layers, line_names, numbers_of, profile, words_of
from imgpipe.figures.edxs_layers import name_layers
from imgpipe.figures.edxs_profile import axis_of, draw_interfaces, ends_of, uncertainty_of
from imgpipe.figures.spectra import formula
from imgpipe.rounding import decimals_for, rounded, with_uncertainty

LEFT, RIGHT, BOTTOM, TITLE, NAMES, PANEL, WORDS = 12.0, 3.0, 9.0, 4.5, 7.0, 42.0, 11.0
MOST_PANELS = 6
CURVES = ("uniform", "uniform_low", "uniform_high")


def has_gradient_curves(leaf: xr.Dataset) -> bool:
    """Tell whether a leaf holds the forward model of uniform composition of some layer."""
    return (
        "uniform" in leaf
        and {"gradient", "position"} <= set(leaf["uniform"].dims)
        and bool(leaf["uniform"].notnull().any())
    )


def gradient_figure(leaf: xr.Dataset, folder: Path, name: str, title: str) -> list[Path]:
    """Draw each assessed layer: counts, uniform composition with its 95 % band, and what may be claimed."""
    count = min(leaf.sizes["gradient"], MOST_PANELS)
    step = PANEL + NAMES + BOTTOM + WORDS
    with figure_style():
        total = TITLE + step * count
        figure = new_figure(SINGLE, total, constrained=False)
        for number in range(count):
            base = total - TITLE - step * (number + 1) + BOTTOM
            axes = axes_at(figure, LEFT, base, SINGLE - LEFT - RIGHT, PANEL)
            _draw(axes, leaf, number)
            head = (base + PANEL + NAMES + WORDS - 1.0) / total
            figure.text(2.0 / SINGLE, head, contrast_text(leaf, number), va="top", fontsize=6.5, linespacing=1.3)
        figure.text(2.0 / SINGLE, 1 - 1.0 / total, shortened(title, 60), va="top", fontsize=7)
        return write_figure(figure, gradient_table(leaf), folder, name)


def gradient_table(leaf: xr.Dataset) -> pd.DataFrame:
    """Return position, counts and the model of uniform composition with its band, for each assessed layer."""
    unit = str(leaf["position"].attrs.get("units", "nm"))
    parts = []
    for number, name in enumerate(leaf["gradient"].values):
        data = {"gradient": str(name), f"position_{unit}": leaf["position"].values, "counts": _counts(leaf, number)}
        parts.append(pd.DataFrame(data | {curve: _curve(leaf, curve, number) for curve in CURVES}))
    return pd.concat(parts, ignore_index=True)


def contrast_text(leaf: xr.Dataset, number: int) -> str:
    """Return what was found, in up to three lines: the claim, and the contrast it rests on."""
    element, layer, towards, claim = gradient_words(leaf, number)
    value, u, low, high, apparent = (
        float(numbers_of(leaf, n, "gradient")[number])
        for n in ("contrast", "u_contrast", "contrast_low", "contrast_high", "apparent_contrast")
    )
    what = f"{element} in {formula(layer)}" + (
        f" towards {formula(towards)}" if towards and "towards" not in claim else ""
    )
    if not math.isfinite(value):
        return f"{what}:\n{claim or 'not assessed'}"
    text, spread = with_uncertainty(value, u)
    decimals = decimals_for(u) if math.isfinite(u) and u > 0 else 1
    numbers = f"{text} ± {spread} %" if spread != "–" else f"{text} %"
    if math.isfinite(low + high):
        numbers += f" (95 %: {rounded(low, decimals)} to {rounded(high, decimals)} %)"
    raw = f"\nby raw counts alone {rounded(apparent, 0)} %" if math.isfinite(apparent) else ""
    return f"{what}: {claim}\nbeyond uniform composition {numbers}{raw}".replace("-", "−")


def gradient_words(leaf: xr.Dataset, number: int) -> tuple[str, str, str, str]:
    """Return element, layer, towards what, and the claim of one row of the table of gradients."""
    of = words_of(leaf, "gradient", "element")[number] or words_of(leaf, "gradient", "of")[number]
    layer, towards, claim = (words_of(leaf, "gradient", n)[number] for n in ("layer", "towards", "claim"))
    return of, layer, towards, claim


def _curve(leaf: xr.Dataset, name: str, number: int) -> np.ndarray:
    if name not in leaf:
        return np.full(leaf.sizes["position"], np.nan)
    array = leaf[name].isel(gradient=number)
    first = array.isel({d: 0 for d in array.dims if d != "position"})
    return np.asarray(first.values, dtype=float)


def _counts(leaf: xr.Dataset, number: int) -> np.ndarray:
    element = gradient_words(leaf, number)[0]
    if element not in elements(leaf):
        return np.full(leaf.sizes["position"], np.nan)
    return profile(leaf, element)


def _u(leaf: xr.Dataset, number: int) -> np.ndarray:
    element = gradient_words(leaf, number)[0]
    if element not in elements(leaf):
        return np.full(leaf.sizes["position"], np.nan)
    return uncertainty_of(leaf, element)


def _draw(axes: Axes, leaf: xr.Dataset, number: int) -> None:
    place, unit = axis_of(leaf)
    counts = _counts(leaf, number)
    uniform, low, high = (_curve(leaf, name, number) for name in CURVES)
    u = _u(leaf, number)
    axes.fill_between(place.values, low, high, color=ORANGE, alpha=0.35, linewidth=0, zorder=2,
                      label="uniform composition, 95 %")  # fmt: skip
    axes.plot(place.values, uniform, color=ORANGE, linewidth=1.1, zorder=3)
    axes.errorbar(place.values, counts, yerr=u, fmt="o", markersize=1.6, color=BLUE, ecolor=BLUE, elinewidth=0.4,
                  markeredgewidth=0, zorder=4, label="measured")  # fmt: skip
    window = _window(place.values, uniform)
    inside = (place.values >= window[0]) & (place.values <= window[1])
    drawn = np.concatenate([(counts + u)[inside], high[inside]])
    top = float(np.nanmax(drawn)) if np.isfinite(drawn).any() else 1.0
    axes.set_xlim(*window)
    axes.set_ylim(0.0, max(top, 1.0) * PANEL / (PANEL - 5.0))
    draw_interfaces(axes, leaf, place.scale, top=1 - 5.0 / PANEL)
    known = [one for one in layers(leaf, *ends_of(leaf))
             if one.end * place.scale > window[0] and one.start * place.scale < window[1]]  # fmt: skip
    cut = [one.cut(window[0] / place.scale, window[1] / place.scale) for one in known]
    name_layers(axes, cut, place.scale, marked=False)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True, prune="upper"))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5))
    axes.set_ylabel(f"{line_names(leaf).get(gradient_words(leaf, number)[0], '')} counts".strip())
    axes.set_xlabel(f"position ({unit})")
    axes.legend(loc="upper right", ncols=2, frameon=False, fontsize=6, handlelength=1.2, borderaxespad=0.1,
                columnspacing=1.2, labelcolor=INK)  # fmt: skip
    if not np.isfinite(uniform).any():
        axes.text(0.5, 0.5, "not assessed", transform=axes.transAxes, ha="center", color=FAINT)


def _window(position: np.ndarray, uniform: np.ndarray) -> tuple[float, float]:
    """Return the part of the axis that is drawn: where the model is, and a tenth of it on either side."""
    known = position[np.isfinite(uniform)]
    if known.size < 2:
        return float(position[0]), float(position[-1])
    margin = 0.1 * float(known[-1] - known[0])
    return max(float(position[0]), float(known[0]) - margin), min(float(position[-1]), float(known[-1]) + margin)
