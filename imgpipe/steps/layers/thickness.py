"""The step layer_thickness."""

import dataclasses
from typing import Annotated, Any, Literal

import numpy as np
import xarray as xr
from pydantic import Field

from imgpipe.errors import DataError
from imgpipe.kernels.edge_identity import doubtful_layers
from imgpipe.kernels.finite import finite_mean, finite_median
from imgpipe.kernels.layer_report import ROW_UNITS, Findings, Session, layer_flags, layer_row, without_number
from imgpipe.kernels.layer_statistics import interface_statistics
from imgpipe.kernels.stack_thickness import FittedEdges, LayerResult, measure_layer
from imgpipe.kernels.thickness_budget import NOMINAL_U
from imgpipe.model import UNCALIBRATED, quantity, spacing, texts, unit_of
from imgpipe.step import step
from imgpipe.steps.layers.pages import flat
from imgpipe.units import Dims, Gives, Unit

Edge = Annotated[xr.DataArray, Unit("nm|px"), Dims("interface x")]
PerInterface = Annotated[xr.DataArray, Unit("nm|px"), Dims("interface")]
PerLayer = Annotated[xr.DataArray, Unit("nm|px"), Dims("layer")]
Degrees = Annotated[float, Field(ge=0, le=45), Unit("deg")]
Number = Annotated[xr.DataArray, Unit("1"), Dims("")]
Angle = Annotated[xr.DataArray, Unit("deg"), Dims("")]


@step(version=1, measures=True)
def layer_thickness(
    interface_position: Edge,
    u_interface_position: Edge,
    interface_covariance: Annotated[xr.DataArray, Unit("nm**2|px**2"), Dims("interface x")],
    traced_position: Edge,
    edge_sigma: Edge,
    u_edge_shift: PerInterface,
    asymmetric_shift: PerInterface,
    crossing_shift: PerInterface,
    saturated: Annotated[xr.DataArray, Unit("1"), Dims("interface")],
    thin_bound: PerLayer,
    thin_width: PerLayer,
    uncleaned_position: Edge | None = None,
    pixel_scale_u: Number | None = None,
    face_angle: Angle | None = None,
    u_face_angle: Angle | None = None,
    edited_interface: xr.DataArray | None = None,
    u_position_common: PerInterface | None = None,
    traced_certain: Annotated[xr.DataArray, Unit("1"), Dims("interface")] | None = None,
    off_trace: Annotated[xr.DataArray, Unit("1"), Dims("interface")] | None = None,
    scale_id: xr.DataArray | None = None,
    face_angle_id: xr.DataArray | None = None,
    *,
    unit: Literal["auto", "nm"] = "auto",
    max_obliquity: Degrees = 0.0,
    least_covered: Annotated[float, Field(gt=0, le=1)] = 0.95,
) -> Annotated[
    xr.Dataset,
    Gives(table="layers", thickness="nm", u_thickness="nm", thickness_px="px", local_thickness="nm|px"),
]:
    """Measure the thickness of each layer, with a budget of its uncertainty and a 95 % interval.

    Thickness is the chord along the mean normal of the layer: straight lines are fitted to both
    interfaces, and their distance across the mean direction is taken in every column. Reported is the
    mean of ``local_thickness`` over the columns in which the layer is there; median and percentiles are
    of the same values. The edges are those in use by fit_edges: the asymmetric model as far as it differs
    from the symmetric one by more than noise. The interval is for the mean of the process that
    made the layer, not of this image: a rough layer has few independent places over a finite length.

    Terms (GUM): ``u_localisation`` noise; ``u_sampling`` from n_eff; ``u_edge_model`` half the spread of the three
    edge models; ``u_curtain`` change when removed curtains are put back (0 where none were removed);
    ``u_fields`` standard deviation over pages over sqrt(pages) (0 for one page); ``u_obliquity``.
    Shared by the session: ``u_pixel_scale`` (without certificate 5 % as a limit: 2.9 %) and ``u_tilt`` =
    t cos2(phi) cot(theta) u(theta), phi being the slope of the layer and theta the face angle.

    Parameters
    ----------
    interface_position, u_interface_position, interface_covariance, edge_sigma : from fit_edges
    u_edge_shift, asymmetric_shift, crossing_shift, saturated, thin_bound, thin_width : from fit_edges
    traced_position : from trace_edges: where it is lost, the layer is not there
    uncleaned_position : from fit_edges, where curtains were removed
    pixel_scale_u : relative standard uncertainty of the pixel size, from calibrate_scale
    face_angle, u_face_angle : from correct_foreshortening
    edited_interface : edges moved by hand; their layers are flagged
    u_position_common : from fit_edges: part of u_interface_position that is not noise from column to column
    scale_id, face_angle_id : certificate of the scale, instrument and angle: what the shared terms belong to
    traced_certain : from trace_edges: a layer beside an edge without a certain name is ``ambiguous``, or ``missing``
        where there are not edges enough for it: no number
    off_trace : from fit_edges: layers beside an edge whose fit left the trace in many columns are
        flagged; in most columns: no number
    unit : ``nm`` refuses an image without pixel size; ``auto`` gives px there
    max_obliquity : largest angle between the section and the normal of the layers, out of the plane of the
        image; the section can only look too thick, by 1/cos; not corrected
    least_covered : a layer present in a smaller fraction of the columns is flagged discontinuous

    Returns
    -------
    Dataset with the tables ``layers`` and ``interfaces`` and ``local_thickness(layer, x)``. ``thickness_px`` counts
    pixels of the x axis. A layer that can't be measured is a row of NaN with a flag.
    """
    _refuse_pixels(unit, interface_position)
    interface_position = interface_position.compute()
    u_interface_position = _noise_of_columns(u_interface_position.compute(), u_position_common)
    x, size = interface_position["x"], spacing(interface_position["x"])
    names = [str(name) for name in thin_bound["layer"].values]
    pages = _edge_pages(
        flat(interface_position, 2), flat(u_interface_position, 2), flat(interface_covariance, 2),
        flat(traced_position, 2), None if uncleaned_position is None else flat(uncleaned_position, 2),
        [flat(shift, 1) for shift in (u_edge_shift, asymmetric_shift, crossing_shift)],
    )  # fmt: skip
    results = [measure_layer(pages, k, np.asarray(x.values, dtype=np.float64)) for k in range(len(names))]
    findings = _findings(interface_position, saturated, thin_bound, thin_width, edited_interface, least_covered)
    doubts = _doubts(interface_position, traced_certain, off_trace)
    findings = [dataclasses.replace(found, **doubt) for found, doubt in zip(findings, doubts, strict=True)]
    results = [without_number(r) if f.numberless else r for r, f in zip(results, findings, strict=True)]
    calibrated = unit_of(interface_position) != UNCALIBRATED
    session = Session(
        scale_u=(NOMINAL_U if pixel_scale_u is None else float(pixel_scale_u)) if calibrated else 0.0,
        face_angle=np.nan if face_angle is None else np.radians(float(face_angle)),
        u_face_angle=0.0 if u_face_angle is None else np.radians(float(u_face_angle)),
        max_obliquity=np.radians(max_obliquity),
    )
    rows = [layer_row(result, session, found) for result, found in zip(results, findings, strict=True)]
    table = _layer_table(rows, names, calibrated, size)
    scale = "uncalibrated" if not calibrated else ("nominal scale" if pixel_scale_u is None else "")
    flags = [layer_flags(result, found, scale) for result, found in zip(results, findings, strict=True)]
    nominal = f"{scale or 'certified scale'}, {size:.6g} {unit_of(x)}/px"
    shared = [nominal if scale_id is None else f"scale {scale_id.item()}"]
    shared += [] if face_angle_id is None else [f"tilt {face_angle_id.item()}"]
    table["shared_id"] = texts(["; ".join(shared)] * len(names), "what the shared terms belong to", "layer")
    table["flag"] = texts(flags, "flag", "layer")
    table["local_thickness"] = _local(results, interface_position)
    return table.merge(_interface_table(interface_position, u_interface_position, edge_sigma), join="exact")


def _refuse_pixels(unit: str, position: xr.DataArray) -> None:
    if unit == "nm" and unit_of(position) == UNCALIBRATED:
        remedy = "give pixel_size under inputs in the recipe, e.g. `inputs: {image: {files: ..., pixel_size: 3.2 nm}}`."
        raise DataError("thickness in nm was asked for, but the image has no pixel size.", remedy=remedy)


def _noise_of_columns(u: xr.DataArray, common: xr.DataArray | None) -> xr.DataArray:
    """Return u without the part common to all columns."""
    if common is None:
        return u
    noise: xr.DataArray = (u**2 - common**2).clip(min=0.0) ** 0.5
    return noise.transpose(*u.dims).assign_attrs(u.attrs)


def _edge_pages(
    position: np.ndarray, u: np.ndarray, covariance: np.ndarray, traced: np.ndarray, uncleaned: np.ndarray | None,
    shifts: list[np.ndarray],
) -> list[FittedEdges]:  # fmt: skip
    return [
        FittedEdges(
            position[k], u[k] ** 2, covariance[k], shifts[0][k], shifts[1][k], shifts[2][k],
            traced=np.isfinite(traced[k]), uncleaned=None if uncleaned is None else uncleaned[k],
        )
        for k in range(position.shape[0])
    ]  # fmt: skip


def _findings(
    position: xr.DataArray, saturated: xr.DataArray, bound: xr.DataArray, width: xr.DataArray,
    edited: xr.DataArray | None, least_covered: float,
) -> list[Findings]:  # fmt: skip
    labels = [str(name) for name in position["interface"].values]
    moved = set() if edited is None else {str(name) for name in edited.values}
    clipped = np.nan_to_num(flat(saturated, 1)).max(axis=0)
    bounds, widths = (np.fmax.reduce(flat(array, 1), axis=0) for array in (bound, width))
    found = np.isfinite(flat(position, 2)).any(axis=(0, 2))
    inner = range(1, len(labels) - 1)
    lost = {k for k in inner if not found[k] and found[k - 1] and found[k + 1]}
    return [
        Findings(
            bound=float(bounds[k]),
            fixed_contrast=bool(np.isfinite(widths[k]) and not np.isfinite(bounds[k])),
            saturated=float(clipped[k : k + 2].max()),
            unparted=k in lost or k + 1 in lost,
            edited=bool(moved & set(labels[k : k + 2])),
            least_covered=least_covered,
        )
        for k in range(len(labels) - 1)
    ]


def _doubts(position: xr.DataArray, certain: xr.DataArray | None, off: xr.DataArray | None) -> list[dict[str, Any]]:
    """Return for each layer whether its identity is open on any page, and how far its fits left the trace."""
    found = np.isfinite(flat(position, 2)).any(axis=2)
    sure = np.ones(found.shape, dtype=np.bool_) if certain is None else flat(certain, 1) > 0
    left = np.zeros(found.shape[1]) if off is None else np.nan_to_num(flat(off, 1)).max(axis=0)
    pages = [doubtful_layers(a, b) for a, b in zip(sure, found, strict=True)]
    ambiguous, absent = (np.any([page[k] for page in pages], axis=0) for k in (0, 1))
    return [
        {"ambiguous": bool(ambiguous[k]), "absent": bool(absent[k]), "off_trace": float(left[k : k + 2].max())}
        for k in range(max(0, found.shape[1] - 1))
    ]


def _layer_table(rows: list[dict[str, float]], names: list[str], calibrated: bool, size: float) -> xr.Dataset:
    """Dress the rows: lengths in nm (NaN where there is no scale), thickness and its interval also in px."""
    columns = {name: np.array([row[name] for row in rows], dtype=np.float64) for name in ROW_UNITS}
    table = {}
    for name, (kind, title) in ROW_UNITS.items():
        length = kind == "length"
        values = columns[name] if calibrated or not length else np.full(len(rows), np.nan)
        table[name] = quantity(values, "nm" if length else kind, title, "layer")
    for name in ("thickness", "u_thickness", "thickness_low", "thickness_high"):
        table[f"{name}_px"] = quantity(columns[name] / size, "px", f"{ROW_UNITS[name][1]}, pixels of x", "layer")
    return xr.Dataset(table, coords={"layer": texts(names, "layer", "layer")})


def _local(results: list[LayerResult], position: xr.DataArray) -> xr.DataArray:
    columns, lead = position.sizes["x"], position.dims[:-2]
    pages = int(np.prod(position.shape[:-2], dtype=np.int64))
    local = np.array([[page.local for page in r.pages] for r in results]).reshape(len(results), pages, columns)
    values = np.moveaxis(local, 0, 1).reshape(*position.shape[:-2], len(results), columns)
    dims = (*(str(d) for d in lead), "layer", "x")
    return quantity(values, unit_of(position), "local thickness", dims, {"x": position["x"]})


def _interface_table(position: xr.DataArray, u: xr.DataArray, sigma: xr.DataArray) -> xr.Dataset:
    """Measure each interface, the mean over pages: roughness, correlation length, edge widths."""
    x, unit, names = position["x"], unit_of(position), position["interface"]
    rows, noise, widths = flat(position, 2), flat(u, 2) ** 2, flat(sigma, 2)
    numbers = np.array([
        [dataclasses.astuple(interface_statistics(page[k], variance[k], x.values)) for k in range(names.size)]
        for page, variance in zip(rows, noise, strict=True)
    ]).reshape(len(rows), names.size, 5)  # fmt: skip
    mean, roughness, length, covered, angle = np.moveaxis(finite_mean(numbers), -1, 0)
    width = finite_mean(finite_median(widths))
    columns = {
        "mean_position": (mean, unit, "mean position"),
        "roughness": (roughness, unit, "root-mean-square roughness, line and noise removed"),
        "roughness_correlation_length": (length, unit, "correlation length of the roughness"),
        "interface_covered_fraction": (covered, "1", "fraction of columns in which the edge was found"),
        "slope": (np.degrees(angle), "deg", "slope of the interface"),
        "edge_width_sigma": (width, unit, "edge width, Gaussian sigma"),
        "edge_width_20_80": (1.6832 * width, unit, "edge width, 20 to 80 %"),
        "edge_width_16_84": (1.9889 * width, unit, "edge width, 16 to 84 %"),
    }
    table = {name: quantity(values, of, title, "interface") for name, (values, of, title) in columns.items()}
    return xr.Dataset(table, coords={"interface": names})
