"""Lay out what a joint fit found: variables, tables and curves of each leaf."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from imgpipe.kernels.share_intervals import probability_greater, share_interval
from imgpipe.model import quantity, texts
from imgpipe.species.measuring import sample_pairs
from imgpipe.species.parts import Column
from imgpipe.species.remarks import misfit, spectrum_flags
from imgpipe.steps.xps.fit_run import Fitted
from imgpipe.steps.xps.fit_tables import constraint_tables


class Leaf:
    """Lays out batches (b,) of a group for one leaf: dims (*series, [sample], ...)."""

    def __init__(self, fitted: Fitted, number: int) -> None:
        self.fitted = fitted
        self.spectra = fitted.spectra[number]
        first = sum(len(one.samples) for one in fitted.spectra[:number])
        self.spots = list(range(first, first + len(self.spectra.samples)))
        columns = fitted.fitter.built.columns
        self.places = [[n for n, c in enumerate(columns) if c.spot == spot] for spot in self.spots]
        self.columns: list[Column] = [columns[n] for n in self.places[0]]
        self.with_sample = "sample" in self.spectra.values.dims

    @property
    def dims(self) -> tuple[str, ...]:
        """Leading dimensions of every result, in the order of the data."""
        return tuple(str(d) for d in self.spectra.values.dims if d != "energy")

    def spread(self, values: np.ndarray, *names: str) -> tuple[tuple[str, ...], np.ndarray]:
        """Return (b, sample, ...) as an array with the leaf's own leading dimensions."""
        built = (*self.spectra.series, "sample")
        shaped = values.reshape(*self.spectra.shape, *values.shape[1:])
        if not self.with_sample:
            shaped = shaped.reshape(*self.spectra.shape, *values.shape[2:])
            return (*self.spectra.series, *names), shaped
        order = [built.index(d) for d in self.dims]
        rest = range(len(built), shaped.ndim)
        return (*self.dims, *names), shaped.transpose(*order, *rest)

    def of_components(self, values: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
        """Return results (b, c) of the group on (..., component)."""
        return self.spread(np.stack([values[:, own] for own in self.places], axis=1), "component")

    def of_spectra(self, values: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
        """Return results (b, spot) of the group on (..., region)."""
        return self.spread(values[:, self.spots, None], "region")


def leaf_results(fitted: Fitted, number: int, curves: bool) -> xr.Dataset:
    """Return all results of one leaf."""
    leaf = Leaf(fitted, number)
    parts = [_components(leaf), _peaks(leaf), _region(leaf), _pairs(leaf), constraint_tables(leaf)]
    if curves:
        from imgpipe.steps.xps.fit_curves import curves_of

        parts.append(curves_of(leaf))
    joined = xr.merge(parts, join="exact", combine_attrs="override")
    return joined.assign_attrs(fit_model=json.dumps(described(leaf), sort_keys=True))


def scales(leaf: Leaf) -> np.ndarray:
    """Return by how much the scatter of a spectrum exceeds counting statistics, (b, spot): 1 unless it is a misfit."""
    found = leaf.fitted.found
    spots = leaf.fitted.fitter.spots
    held = [misfit(found, n, spot.x.size) for n, spot in enumerate(spots)]
    return np.where(np.stack(held, axis=1), np.sqrt(np.maximum(found["reduced"], 1.0)), 1.0)


def _components(leaf: Leaf) -> xr.Dataset:
    fitted, found = leaf.fitted, leaf.fitted.found
    built = fitted.fitter.built
    scale = scales(leaf)[:, [c.spot for c in built.columns]]
    random = found["u_percent"] * scale
    constants, model = _spread_over(leaf, "u_constants"), _spread_over(leaf, "u_model")
    several = fitted.fitter.members.sum(axis=1) != 1  # one alone is all of its total, whatever happens
    random, constants, model = (np.where(several, part, np.minimum(part, 0.0)) for part in (random, constants, model))
    total = np.sqrt(random**2 + constants**2 + model**2)
    low, high = share_interval(found["percent"], total, found["at_zero"] > 0, one_count(fitted))
    values: dict[str, tuple[np.ndarray, str, str]] = {
        "position": (found["position"], "eV", "binding energy"),
        "u_position": (found["u_position"] * scale, "eV", "u of the binding energy"),
        "fwhm": (found["fwhm"], "eV", "FWHM"),
        "u_fwhm": (found["u_fwhm"] * scale, "eV", "u of the FWHM"),
        "area": (found["area"], "counts*eV", "area"),
        "u_area": (found["u_area"] * scale, "counts*eV", "u of the area"),
        "area_percent": (found["percent"], "percent", "share of the area"),
        "u_area_percent": (total, "percent", "u of the share"),
        "u_area_percent_random": (random, "percent", "u of the share from counting and priors"),
        "u_constants": (constants, "percent", "u of the share from constants"),
        "u_model": (model, "percent", "spread of the share over models"),
        "area_percent_low": (low, "percent", "share, lower end of the 95 % interval"),
        "area_percent_high": (high, "percent", "share, upper end of the 95 % interval"),
    }
    if fitted.doubts is not None and fitted.doubts.monte_carlo is not None:
        drawn = interpolated(fitted.doubts.monte_carlo, fitted.asked, len(random))
        values["u_area_percent_monte_carlo"] = (drawn, "percent", "sd of the share over refits to drawn counts")
    names = texts([c.component.name for c in leaf.columns], "component", "component")
    variables = {name: _quantity(leaf.of_components(v), unit, title) for name, (v, unit, title) in values.items()}
    flagged = leaf.of_components(fitted.flags)
    return xr.Dataset(
        {
            **variables,
            "flag": xr.DataArray(flagged[1], dims=flagged[0], attrs={"long_name": "flag"}),
            "line": texts(
                [f"{c.component.line.split()[0]} {c.component.main}" for c in leaf.columns], "line", "component"
            ),
            "of_region": texts([leaf.spectra.region.region] * len(leaf.columns), "region", "component"),
            "denominator": texts([denominator(leaf, n) for n in range(len(leaf.columns))], "percent of", "component"),
        },
        coords={"component": names},
    )


def one_count(fitted: Fitted) -> np.ndarray:
    """Return by how many percent points one count more raises each share (b, c); 0 where noise is not of counts."""
    found, built = fitted.found, fitted.fitter.built
    if fitted.fitter.options.noise != "poisson":
        return np.zeros_like(found["area"])
    area = np.array([np.diff(built.spots[c.spot].x).mean() for c in built.columns])
    total = found["area"] @ fitted.fitter.members.T.astype(np.float64)
    return np.asarray((100.0 - found["percent"]) * area / np.where(total > 0.0, total, np.nan))


def denominator(leaf: Leaf, place: int) -> str:
    """Return what a share is a percent of."""
    members = leaf.fitted.fitter.members[leaf.places[0][place]]
    names = [c.component.name for n, c in zip(leaf.places[0], leaf.columns, strict=True) if members[n]]
    return f"{leaf.columns[place].component.line} area of {' + '.join(names)}" if names else ""


def _quantity(laid: tuple[tuple[str, ...], np.ndarray], unit: str, title: str) -> xr.DataArray:
    return quantity(laid[1], unit, title, laid[0])


def _spread_over(leaf: Leaf, name: str) -> np.ndarray:
    """Return a doubt for all spectra (b, c), interpolated between those that were asked."""
    found, given = leaf.fitted.found["area"], leaf.fitted.doubts
    if given is None:
        return np.zeros_like(found)
    return interpolated(getattr(given, name), leaf.fitted.asked, len(found))


def interpolated(values: np.ndarray, places: np.ndarray, size: int) -> np.ndarray:
    """Return values (asked, k) on all places 0 .. size - 1."""
    if len(places) == size:
        return values
    everywhere = np.arange(size)
    return np.stack([np.interp(everywhere, places, column) for column in values.T], axis=1)


def _peaks(leaf: Leaf) -> xr.Dataset:
    found, built = leaf.fitted.found, leaf.fitted.fitter.built
    scale = scales(leaf)[:, [c.spot for c in built.columns]]
    halves = [(n, half) for n, c in enumerate(leaf.columns) for half in range(len(c.component.peaks))]

    def laid(of: Any) -> tuple[tuple[str, ...], np.ndarray]:
        rows = [
            np.stack([of(own[n], built.columns[own[n]], half) for n, half in halves], axis=1) for own in leaf.places
        ]
        return leaf.spread(np.stack(rows, axis=1), "peak")

    def share(c: Column, half: int) -> float:
        return c.fraction if half else 1.0 - c.fraction

    def width(n: int, half: int) -> np.ndarray:
        return found["minor_fwhm" if half else "fwhm"][:, n]

    def height(n: int, c: Column, half: int) -> np.ndarray:
        narrower = found["fwhm"][:, n] / width(n, half)
        return np.asarray(found["height"][:, n] * narrower * found["area"][:, n] * share(c, half))

    split = {n: leaf.fitted.splitting(c) for n, c in enumerate(built.columns)}
    flagged = laid(lambda n, c, h: leaf.fitted.flags[:, n])
    values = {
        "peak_position": (laid(lambda n, c, h: found["position"][:, n] + h * split[n]), "eV", "binding energy"),
        "u_peak_position": (laid(lambda n, c, h: (found["u_position"] * scale)[:, n]), "eV", "u of the binding energy"),
        "peak_fwhm": (laid(lambda n, c, h: width(n, h)), "eV", "FWHM"),
        "u_peak_fwhm": (laid(lambda n, c, h: (found["u_fwhm"] * scale)[:, n]), "eV", "u of the FWHM"),
        "peak_area": (laid(lambda n, c, h: found["area"][:, n] * share(c, h)), "counts*eV", "area"),
        "u_peak_area": (
            laid(lambda n, c, h: (found["u_area"] * scale)[:, n] * share(c, h)),
            "counts*eV",
            "u of the area",
        ),
        "peak_height": (laid(height), "counts", "height"),
    }
    names = [leaf.columns[n].component.peaks[half] for n, half in halves]
    return xr.Dataset(
        {
            **{name: _quantity(*entry) for name, entry in values.items()},
            "peak_shape": texts([leaf.columns[n].shape for n, _ in halves], "shape", "peak"),
            "component_of": texts([leaf.columns[n].component.name for n, _ in halves], "component", "peak"),
            "peak_flag": xr.DataArray(flagged[1], dims=flagged[0], attrs={"long_name": "flag"}),
        },
        coords={"peak": texts(names, "peak", "peak")},
    )


def _region(leaf: Leaf) -> xr.Dataset:
    fitted, found = leaf.fitted, leaf.fitted.found
    region, size = leaf.spectra.region, int(leaf.spectra.inside.sum())
    free = float(found["q"].shape[1] + found["amplitude"].shape[1])
    points = float(sum(spot.x.size for spot in fitted.fitter.spots))
    deviance = np.broadcast_to(found["statistic"], found["reduced"].shape)
    everywhere = np.ones_like(found["reduced"])
    values = {
        "reduced_chi_square": (found["reduced"], "1", "reduced chi-square, weights 1/fitted counts"),
        "residual_sd_counts": (found["residual_sd"], "counts", "standard deviation of the residuals"),
        "abbe": (found["abbe"], "1", "Abbe value of the residuals (1: random)"),
        "aic": (deviance + 2.0 * free, "1", "AIC of the joint fit"),
        "bic": (deviance + np.log(points) * free, "1", "BIC of the joint fit"),
        "n_points": (np.rint(size * (1.0 - found["missing"])), "1", "points of the spectrum in the window"),
        "n_free": (everywhere * free, "1", "free parameters and areas of the joint fit"),
        "iterations": (everywhere * found["iterations"], "1", "iterations"),
        "converged": (everywhere * (found["status"] == fitted.converged), "1", "converged"),
        "largest_correlation": (
            everywhere * found["largest_correlation"],
            "1",
            "largest correlation",
        ),
    }
    variables = {name: _quantity(leaf.of_spectra(v), unit, title) for name, (v, unit, title) in values.items()}
    flags = leaf.of_spectra(spectrum_flags(fitted.fitter.built, found))
    said = f"outside of the window: {', '.join(c.name for c in leaf.spectra.left_out)}" if leaf.spectra.left_out else ""
    flagged = np.array([("; ".join(t for t in (f, said) if t)) for f in flags[1].ravel()], dtype=object)
    return xr.Dataset(
        {
            **variables,
            "window_low": quantity(np.array([region.window[0]]), "eV", "lower end of the window", "region"),
            "window_high": quantity(np.array([region.window[1]]), "eV", "upper end of the window", "region"),
            "background_model": texts([region.background], "background", "region"),
            "noise": texts([fitted.fitter.options.noise], "noise model", "region"),
            "fit_flag": xr.DataArray(flagged.reshape(flags[1].shape), dims=flags[0], attrs={"long_name": "flag"}),
        },
        coords={"region": texts([region.region], "region", "region")},
    )


def _pairs(leaf: Leaf) -> xr.Dataset:
    fitted = leaf.fitted
    built = fitted.fitter.built
    mine = {n for own in leaf.places for n in own}
    members = np.asarray(fitted.fitter.members.any(axis=1), dtype=bool)
    pairs = sample_pairs(built)
    kept = [k for k, (i, j) in enumerate(pairs) if i in mine and members[i] and members[j]]
    if not kept:
        return xr.Dataset()
    spot = scales(leaf)
    worst = np.stack([np.maximum(*(spot[:, built.columns[n].spot] for n in pairs[k])) for k in kept], axis=1)
    difference = fitted.found["difference"][:, kept]
    u = fitted.found["u_difference"][:, kept] * worst
    if fitted.doubts is not None:
        for part in (fitted.doubts.u_model_difference, fitted.doubts.u_constants_difference):
            u = np.hypot(u, interpolated(part[:, kept], fitted.asked, len(u)))
    named = [_pair_names(built.columns[i], built.columns[j], built.spots) for i, j in (pairs[k] for k in kept)]
    dims = (*leaf.spectra.series, "pair")

    def laid(values: np.ndarray) -> np.ndarray:
        return values.reshape(*leaf.spectra.shape, len(kept))

    return xr.Dataset(
        {
            "pair_component": texts([n[0] for n in named], "component", "pair"),
            "first": texts([n[1] for n in named], "first sample", "pair"),
            "second": texts([n[2] for n in named], "second sample", "pair"),
            "difference": quantity(laid(difference), "percent", "share of the first less that of the second", dims),
            "u_difference": quantity(laid(u), "percent", "u of the difference", dims),
            "probability_greater": quantity(
                laid(probability_greater(difference, u)), "1", "probability that the first is greater", dims
            ),
        },
        coords={"pair": texts([f"{c}: {a} > {b}" for c, a, b in named], "pair", "pair")},
    )


def _pair_names(one: Column, two: Column, spots: Sequence[Any]) -> tuple[str, str, str]:
    return one.component.name, spots[one.spot].sample, spots[two.spot].sample


def described(leaf: Leaf) -> dict[str, Any]:
    """Return all that a methods paragraph or another program needs to repeat the fit."""
    plan, region = leaf.fitted.fitter.plan, leaf.spectra.region
    return {
        "model": plan.name,
        "title": plan.title,
        "source": plan.source,
        "share": sorted(plan.share),
        "background": region.background,
        "noise": leaf.fitted.fitter.options.noise,
        "window": list(region.window),
        "anchor": region.anchor,
        "alternatives": list(leaf.fitted.doubts.models) if leaf.fitted.doubts else [],
        "excluded_from_percent": list(plan.excluded),
        "components": [
            {
                "name": c.component.name, "line": c.component.line, "peaks": list(c.component.peaks), "shape": c.shape,
                "energy": c.component.position, "splitting": leaf.fitted.splitting(c),
                "ratio": c.fraction / (1.0 - c.fraction), "kind": c.component.kind, "source": c.component.source,
                "verified": c.component.verified,
            }
            for c in leaf.columns
        ],
    }  # fmt: skip
