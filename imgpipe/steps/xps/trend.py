"""How shares, positions or areas of components go along a series."""

from typing import Annotated, Literal

import numpy as np
import xarray as xr

from imgpipe.errors import DataError
from imgpipe.kernels.series_trend import FEWEST, Onset, Points, Slope, onset, points, slope
from imgpipe.model import SERIES_DIMS, quantity, texts, unit_of
from imgpipe.spelling import nearest
from imgpipe.step import step
from imgpipe.units import DIMENSIONLESS, Dims, Gives

NORMAL_95 = 3.919927969080108
"""Width of a 95 % interval over the standard uncertainty."""
EXCESS = 2.0
"""Scatter over the stated u, as reduced chi-square, from which on it is flagged."""


@step(version=1, measures=True)
def trend(
    tree: Annotated[xr.DataTree, Dims("component")],
    *,
    along: str,
    variable: str = "area_percent",
    growth: Literal["bending", "straight"] = "bending",
    look_for_onset: bool = True,
) -> Annotated[xr.DataTree, Gives(table="trends", n="1")]:
    """Measure how a quantity of each component goes along a series: mean slope, onset, and whether it rises.

    The slope is that of the weighted straight line, so of a bent course its mean. The onset is the place up to which
    the quantity is constant and beyond which it changes; its interval is that of the profile likelihood, with level,
    rate and bend fitted along. An onset is given where BIC prefers it to a constant, to a straight line and to a bend
    from the first point on. Points are weighted by their random u, which grows with the scatter where that is larger;
    what all points share (constants and model of the fit) is carried through by itself and does not shrink with their
    number.

    Parameters
    ----------
    tree : leaves with results on (..., component) along a series, as fit_components leaves them
    along : coordinate to go along, such as charge, time, etch_time, potential, cycle
    variable : what is followed: area_percent, position, area, fwhm ...
    growth : bending lets growth slow down or speed up after the onset; straight holds it to a line
    look_for_onset : without it the slope only

    Returns
    -------
    the leaves with, on `trend` (one per component), ``slope`` (u, random and shared part, 95 % interval),
    ``probability_rising``, ``onset`` and its 95 % interval (NaN where there is none or an end is open), ``onset_gain``
    (fall of BIC, above 0 where there is an onset), ``n`` and ``trend_flag``
    """
    leaves = {node.path.strip("/"): node.to_dataset() for node in tree.leaves}
    chosen = {path: leaf for path, leaf in leaves.items() if variable in leaf and along in leaf.coords}
    if not chosen:
        raise DataError(_missing(leaves, variable, along), remedy="`along` takes a coordinate of a series.")
    result = {path: _with_trend(path, leaf, along, variable, growth, look_for_onset) for path, leaf in chosen.items()}
    return xr.DataTree.from_dict({f"/{path}": leaf for path, leaf in result.items()})


def _missing(leaves: dict[str, xr.Dataset], variable: str, along: str) -> str:
    there = sorted({str(n) for leaf in leaves.values() for n, c in leaf.coords.items() if c.dims[:1] != ("energy",)})
    if not any(variable in leaf for leaf in leaves.values()):
        known = sorted({str(n) for leaf in leaves.values() for n, v in leaf.items() if "component" in v.dims})
        return f"no leaf has {variable!r}{nearest(variable, known)}."
    return f"no leaf with {variable} has a coordinate {along!r}{nearest(along, there)}; there are {', '.join(there)}."


def _with_trend(
    path: str, leaf: xr.Dataset, along: str, variable: str, growth: str, look_for_onset: bool
) -> xr.Dataset:
    abscissa, values = leaf[along], leaf[variable]
    if "slope" in leaf:
        raise DataError(f"{path} has a slope already.", remedy="use one trend per recipe.")
    if abscissa.ndim != 1 or abscissa.dtype.kind not in "fiu" or abscissa.dims[0] not in SERIES_DIMS:
        raise DataError(f"{path}: {along} is no numeric coordinate of a series.")
    dim = str(abscissa.dims[0])
    if dim not in values.dims or "component" not in values.dims:
        raise DataError(f"{path}: {variable} has dimensions {', '.join(map(str, values.dims))}, not {dim}, component.")
    random, shared = _uncertainties(leaf, variable)
    others = [str(d) for d in values.dims if d != dim]
    arrays = [
        np.broadcast_to(a.values, values.shape) if a.shape == () else a.transpose(*values.dims).values
        for a in (values, random, shared)
    ]
    place = values.dims.index(dim)
    curves = [np.moveaxis(a, place, -1).astype(np.float64).reshape(-1, values.sizes[dim]) for a in arrays]
    x = abscissa.values.astype(np.float64)
    found = [
        _trend_of(points(x, y, u if u.any() else None, s), growth, look_for_onset)
        for y, u, s in zip(*curves, strict=True)
    ]
    table = _table(found, [values.sizes[d] for d in others], others, (unit_of(values), unit_of(abscissa)))
    names = texts([str(name) for name in leaf["component"].values], "component", "trend")
    said = texts([f"{variable} along {along}"] * names.size, "trend of", "trend")
    rows = table.rename_dims(component="trend").assign_coords(trend=names).assign(trend_of=said)
    return leaf.merge(rows, join="exact", combine_attrs="override")


def _uncertainties(leaf: xr.Dataset, variable: str) -> tuple[xr.DataArray, xr.DataArray]:
    """Return the random u of each point, and what all points share; 0 where nothing is known."""
    total, random = leaf.get(f"u_{variable}"), leaf.get(f"u_{variable}_random")
    zero = xr.DataArray(0.0)
    if random is None:
        return (zero if total is None else total), zero
    if total is None:
        return random, zero
    rest = (total**2 - random**2).clip(min=0.0) ** 0.5
    return random, rest.where(rest > 1e-6 * total, 0.0)  # rounding leaves 1e-8 of u


def _trend_of(series: Points, growth: str, look_for_onset: bool) -> tuple[int, Slope | None, Onset | None, str]:
    """Return number of points, slope, onset and flag of one component."""
    n = series.x.size
    if n < 3 or np.ptp(series.x) == 0:
        return n, None, None, "fewer than three points along the series"
    if not look_for_onset or n < FEWEST or np.unique(series.x).size < FEWEST:
        line = slope(series)
        return n, line, None, _flags(series, line.reduced, "too few points for an onset" if look_for_onset else "")
    begun = onset(series, growth == "bending")
    line = slope(series, begun.reduced)
    return n, line, begun, _flags(series, begun.reduced, *_onset_flags(begun))


def _onset_flags(begun: Onset) -> tuple[str, ...]:
    if begun.gain <= 0:
        return (f"no onset: {begun.without} describes the series as well",)
    start = "onset interval open at the start of the series" if np.isinf(begun.low) else ""
    end = "onset interval open at the end of the series" if np.isinf(begun.high) else ""
    bent = "slope is the mean over a bent course"
    return (start, end, bent)


def _flags(series: Points, reduced: float, *said: str) -> str:
    scatter = f"scatter {np.sqrt(reduced):.2g} times the stated u" if series.known and reduced > EXCESS else ""
    unknown = "" if series.known else "u of the points unknown: taken from their scatter"
    return "; ".join(text for text in (*said, scatter, unknown) if text)


def per(unit: str, abscissa: str) -> str:
    """Return the unit of a slope: percent, mAh/cm**2 -> percent/(mAh/cm**2)."""
    if abscissa == DIMENSIONLESS:
        return unit
    over, _, under = abscissa.partition("/")
    if unit == DIMENSIONLESS and under:
        return f"{under}/{over}"
    return f"{unit}/({abscissa})" if any(mark in abscissa for mark in "*/ ") else f"{unit}/{abscissa}"


def _table(
    found: list[tuple[int, Slope | None, Onset | None, str]], shape: list[int], dims: list[str], units: tuple[str, str]
) -> xr.Dataset:
    numbers = np.array([_row(n, line, begun) for n, line, begun, _ in found])
    steep = per(*units)
    columns = (
        ("slope", steep, "mean slope"),
        ("u_slope", steep, "u of the slope"),
        ("u_slope_random", steep, "random part of u"),
        ("u_slope_shared", steep, "part of u shared by all points"),
        ("slope_low", steep, "slope, lower end of the 95 % interval"),
        ("slope_high", steep, "slope, upper end of the 95 % interval"),
        ("probability_rising", "1", "probability that it rises"),
        ("onset", units[1], "onset"),
        ("u_onset", units[1], "u of the onset"),
        ("onset_low", units[1], "onset, lower end of the 95 % interval"),
        ("onset_high", units[1], "onset, upper end of the 95 % interval"),
        ("onset_gain", "1", "fall of BIC by the onset"),
        ("n", "1", "number of points"),
    )
    flags = np.array([flag for *_, flag in found], dtype=object).reshape(shape)
    return xr.Dataset(
        {
            **{
                name: quantity(v.reshape(shape), u, t, dims) for (name, u, t), v in zip(columns, numbers.T, strict=True)
            },
            "trend_flag": xr.DataArray(flags, dims=dims, attrs={"long_name": "flag of the trend"}),
        }
    )


def _row(n: int, line: Slope | None, begun: Onset | None) -> list[float]:
    of_line = [np.nan] * 7
    if line is not None:
        of_line = [line.value, line.u, line.u_random, line.u_shared, line.low, line.high, line.probability_rising]
    return [*of_line, *_onset_row(begun), float(n)]


def _onset_row(begun: Onset | None) -> list[float]:
    if begun is None:
        return [np.nan] * 5
    if begun.gain <= 0:
        return [np.nan] * 4 + [begun.gain]
    ends = [end if np.isfinite(end) else np.nan for end in (begun.low, begun.high)]
    return [begun.value, (ends[1] - ends[0]) / NORMAL_95, *ends, begun.gain]
