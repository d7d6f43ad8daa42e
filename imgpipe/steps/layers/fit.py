"""The step fit_edges."""

from typing import Annotated, Any

import numpy as np
import xarray as xr
from pydantic import Field

from imgpipe.kernels.edge_shape import accepted_shift
from imgpipe.kernels.saturation import saturated_fraction
from imgpipe.kernels.stack_fit import StackFit, fit_stack, refit_stack
from imgpipe.kernels.stack_names import layer_of_interfaces
from imgpipe.model import quantity, spacing, texts, unit_of
from imgpipe.step import step
from imgpipe.steps.layers.pages import flat, from_pixels, leading_dims, paged, pages_of, sound_page, to_pixels
from imgpipe.units import Dims, Gives, Unit

Image = Annotated[xr.DataArray, Unit("counts"), Dims("y x")]
Edge = Annotated[xr.DataArray, Unit("nm|px"), Dims("interface x")]
PerInterface = Annotated[xr.DataArray, Unit("1"), Dims("interface")]

EDITED_REACH = 3.0


@step(version=2, measures=True, warm_up="imgpipe.kernels.fit:warm_up")
def fit_edges(
    image: Image,
    traced_position: Edge,
    curtain: Annotated[xr.DataArray, Unit("counts"), Dims("y x")] | None = None,
    edited_interface: xr.DataArray | None = None,
    traced_polarity: PerInterface | None = None,
    traced_certain: PerInterface | None = None,
    *,
    known_grey: dict[str, float] | None = None,
    thin_limit: Annotated[float, Field(gt=0, le=10)] = 2.5,
    window: Annotated[float, Field(ge=8, le=64), Unit("px")] = 16.0,
) -> Annotated[xr.Dataset, Gives(interface_position="nm|px", u_interface_position="nm|px", thin_bound="nm|px")]:
    """Fit all edges jointly in every column, with covariance, and compare three edge models.

    Each column's profile is fitted with plateaus joined by error functions (Levenberg-Marquardt, analytic
    derivatives); the noise is Gaussian, its variance a straight line in grey level estimated from the
    image; the traced course is a weak prior (2.4 px). Edges closer than two windows are fitted together.
    The shape of each edge is then taken from all columns pooled: an asymmetric model (a sharp step
    between two exponential flanks under one blur) and the 50 % crossing say how far the symmetric model
    may be off.

    A layer thinner than `thin_limit` edge sigmas can't be told from its blur: it gets contrast x width and
    a 95 % upper bound, and its plateau is held fixed so that its neighbours are fitted well.

    Parameters
    ----------
    image : (..., y, x), counts
    traced_position : (..., interface, x) from trace_edges
    curtain : (..., y, x) pattern removed by remove_curtains; the edges are fitted again with it put back
    edited_interface : (edit,) edges moved by hand: they stay within 3 px of their course
    traced_polarity : (..., interface) from trace_edges: a column whose fitted step has the other sign, or whose edge
        leaves the trace by more than 6 px, is lost
    traced_certain : (..., interface) from trace_edges: beside an edge without a certain name no thin layer is sought
    known_grey : grey level (counts) of thin layers by name, from a thicker region: their width is then measured
    thin_limit : below this many edge sigmas a layer is thin
    window : rows used beyond the outermost edges of a group

    Returns
    -------
    Dataset, lengths in the unit of y: ``interface_position(interface, x)`` (the edge in use: symmetric fit
    plus ``edge_shift``), ``u_interface_position``, ``interface_covariance`` (with the next edge, noise only),
    ``edge_sigma(interface, x)``; per interface ``u_position_common`` (part of u that all columns share: what the
    blur leaves open beside a layer below the edge width), ``edge_shift`` (what is added to the symmetric position:
    asymmetric less symmetric, shrunk to what exceeds its noise; subtract it to get the symmetric edge back),
    ``u_edge_shift``, ``off_trace`` (fraction of columns lost as the fit left the trace),
    ``asymmetric_shift`` and ``crossing_shift`` (as fitted), ``saturated``; per layer ``thin_bound``,
    ``thin_width``, ``contrast_width`` (NaN where not thin); ``uncleaned_position`` where curtains were removed
    """
    labels = [str(name) for name in traced_position["interface"].values]
    layers = layer_of_interfaces(labels)
    known = {layers.index(name): float(grey) for name, grey in (known_grey or {}).items() if name in layers}
    edited = set() if edited_interface is None else {str(name) for name in edited_interface.values}
    reach = np.array([EDITED_REACH if label in edited else 6.0 for label in labels])
    pages = [sound_page(page) for page in pages_of(image)]
    rows = to_pixels(np.asarray(traced_position.values, dtype=np.float64), image["y"])
    traced = list(rows.reshape(-1, *rows.shape[-2:]))
    signs = _signs(traced_polarity, edited, labels, len(traced))
    certain = np.ones(signs.shape) if traced_certain is None else flat(traced_certain, 1)
    fits = [
        fit_stack(
            page, edges, known_level=known, thin_limit=thin_limit, reach=reach, half=window,
            polarity=sign, certain=sure > 0,
        )
        for page, edges, sign, sure in zip(pages, traced, signs, certain, strict=True)
    ]  # fmt: skip
    result = _fitted(image, labels, layers, fits, set(known))
    if curtain is not None:
        result["uncleaned_position"] = _uncleaned(image, curtain, pages, fits, window).assign_coords(
            interface=result["interface"], x=image["x"]
        )
    result["saturated"] = _saturated(image, pages, fits).assign_coords(interface=result["interface"])
    return result


def _signs(polarity: xr.DataArray | None, edited: set[str], labels: list[str], pages: int) -> np.ndarray:
    """Return the signs (page, interface) that the fit must keep: 0, any, where unknown or placed by hand."""
    if polarity is None:
        return np.zeros((pages, len(labels)), dtype=np.int64)
    return np.where(np.isin(labels, list(edited)), 0, flat(polarity, 1)).astype(np.int64)


def _fitted(
    image: xr.DataArray, labels: list[str], layers: list[str], fits: list[StackFit], known: set[int]
) -> xr.Dataset:
    y, unit, lead = image["y"], unit_of(image["y"]), leading_dims(image)
    size = spacing(y)
    names = texts(labels, "interface", "interface")
    edge = (*lead, "interface", "x"), {"interface": names, "x": image["x"]}
    each = (*lead, "interface"), {"interface": names}
    layer = (*lead, "layer"), {"layer": texts(layers, "layer", "layer")}

    def of(values: list[np.ndarray], unit: str, title: str, where: tuple[Any, Any]) -> xr.DataArray:
        return quantity(paged(image, values), unit, title, where[0], where[1])

    def thin(name: str, fit: StackFit) -> np.ndarray:
        described = [fit.thin.get(k) for k in range(len(layers))]
        return np.array([np.nan if d is None else float(getattr(d, name)) for d in described], dtype=np.float64)

    def shape(name: str, fit: StackFit) -> np.ndarray:
        return np.array([getattr(s, name) - s.symmetric for s in fit.shapes], dtype=np.float64)

    bound = [np.where(np.isin(np.arange(len(layers)), list(known)), np.nan, thin("upper_bound", f)) for f in fits]
    return xr.Dataset(
        {
            "interface_position": of([from_pixels(_in_use(f), y) for f in fits], unit, "fitted edge", edge),
            "u_interface_position": of(
                [np.sqrt(f.variance + f.common[:, None] ** 2) * size for f in fits], unit, "u of the fitted edge", edge
            ),
            "u_position_common": of([f.common * size for f in fits], unit, "part of u common to all columns", each),
            "interface_covariance": of(
                [f.covariance * size**2 for f in fits], f"{unit}**2", "covariance with the next edge", edge
            ),
            "edge_sigma": of([f.width * size for f in fits], unit, "edge width (Gaussian sigma)", edge),
            "edge_shift": of([_accepted(f)[:, 0] * size for f in fits], unit, "asymmetric shift in use", each),
            "u_edge_shift": of([_accepted(f)[:, 1] * size for f in fits], unit, "u of the asymmetric shift", each),
            "asymmetric_shift": of([shape("asymmetric", f) * size for f in fits], unit, "asymmetric shift", each),
            "crossing_shift": of([shape("crossing", f) * size for f in fits], unit, "50 % crossing shift", each),
            "off_trace": of([f.off for f in fits], "1", "fraction of columns whose fit left the trace", each),
            "thin_bound": of([b * size for b in bound], unit, "95 % upper bound of a thin layer", layer),
            "thin_width": of([thin("width", f) * size for f in fits], unit, "width of a thin layer", layer),
            "contrast_width": of(
                [thin("contrast_width", f) * size for f in fits], f"counts*{unit}", "contrast x width", layer
            ),
        }
    )


def _accepted(fit: StackFit) -> np.ndarray:
    """Return (interface, [shift, u])."""
    return np.array([accepted_shift(shape) for shape in fit.shapes], dtype=np.float64).reshape(-1, 2)


def _in_use(fit: StackFit) -> np.ndarray:
    """Return the edges (interface, x) in rows that everything downstream measures and draws."""
    return np.asarray(fit.position + _accepted(fit)[:, :1])


def _uncleaned(
    image: xr.DataArray, curtain: xr.DataArray, pages: list[np.ndarray], fits: list[StackFit], window: float
) -> xr.DataArray:
    stripes = pages_of(curtain.broadcast_like(image).transpose(*image.dims))
    rows = [
        refit_stack(np.asarray(page, dtype=np.float64) + stripe, fit, window) + _accepted(fit)[:, :1]
        for page, stripe, fit in zip(pages, stripes, fits, strict=True)
    ]
    values = paged(image, [from_pixels(r, image["y"]) for r in rows])
    title = "fitted edge with the curtains put back"
    return quantity(values, unit_of(image["y"]), title, (*leading_dims(image), "interface", "x"))


def _saturated(image: xr.DataArray, pages: list[np.ndarray], fits: list[StackFit]) -> xr.DataArray:
    """Fraction of saturated pixels within 16 rows of each edge; 0 for float images."""
    top = 2.0 ** int(image.attrs["bits"]) - 1 if "bits" in image.attrs else np.inf
    values = [
        np.array([saturated_fraction(page, row, top) for row in fit.position])
        for page, fit in zip(pages, fits, strict=True)
    ]
    return quantity(paged(image, values), "1", "saturated fraction near the edge", (*leading_dims(image), "interface"))
