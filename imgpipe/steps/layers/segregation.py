"""The step segregation."""

from typing import Annotated, Literal

import numpy as np
import xarray as xr
from pydantic import Field

from imgpipe.errors import DataError
from imgpipe.kernels.segregation_scan import U_MATRIX, UNKNOWN_SIDE, Assessment, Known, Share, assess
from imgpipe.model import UNCALIBRATED, quantity, texts, unit_of
from imgpipe.spelling import nearest
from imgpipe.step import step
from imgpipe.units import Dims, Gives, Unit

PerLine = Annotated[xr.DataArray, Unit("nm"), Dims("layer element")]
Counts = Annotated[xr.DataArray, Unit("counts"), Dims("element position")]
Relative = Annotated[float, Field(ge=0, lt=1), Unit("1")]
USUAL_TAKE_OFF = 35.0
U_SIDE = 0.05


@step(version=1, measures=True, warm_up="imgpipe.kernels.fit:warm_up")
def segregation(
    intensity: Counts,
    response_sigma: PerLine,
    response_shift: PerLine,
    response_reach: PerLine,
    response_depth: PerLine,
    u_response: Annotated[xr.DataArray, Unit("1"), Dims("layer element")],
    attenuation: Annotated[xr.DataArray, Unit("1/nm"), Dims("layer element")],
    backscatter: Annotated[xr.DataArray, Unit("1"), Dims("layer")],
    u_intensity: Counts | None = None,
    interface_position: Annotated[xr.DataArray, Unit("nm|px"), Dims("interface")] | None = None,
    boundary: Annotated[xr.DataArray, Dims("interface")] | None = None,
    take_off_angle: Annotated[xr.DataArray, Unit("deg"), Dims("")] | None = None,
    *,
    layer: str,
    element: str,
    detector: str | None = None,
    take_off: Annotated[float, Field(gt=5, lt=90), Unit("deg")] | None = None,
    u_drift: Relative = 0.02,
    u_matrix: Relative = U_MATRIX,
    noise: Literal["auto", "poisson", "gaussian"] = "auto",
    lithium: bool = False,
) -> Annotated[xr.Dataset, Gives(table="gradients", contrast="percent", u_contrast="percent")]:
    """Measure whether an element is depleted towards one side of a layer beyond what a uniform layer would show.

    The null is not flat counts but a forward model of uniform composition: the response of the line, another in each
    layer and pushed along the scan by an oblique beam; more or fewer electrons beside a neighbour that scatters
    otherwise; X-rays absorbed on their way to a detector behind the neighbour. Each effect has a size with an
    uncertainty, which widens the interval. On top a composition that changes linearly through the layer is fitted.

    Parameters
    ----------
    intensity : (element, position) counts
    response_sigma, response_shift, response_reach, response_depth, u_response, attenuation, backscatter : from
        xray_response
    u_intensity : (element, position) where the background was taken off; whole counts are taken as Poisson counts
    interface_position, boundary : (interface,) from fit_interfaces; found in the profile without them
    take_off_angle : deg, of the file
    layer : name of the layer; it needs a neighbour on each side
    element : whose line it is, as in `intensity`
    detector : name of the neighbour behind which the detector stands, or "across" (beside the scan); when unknown, both
        sides may absorb, and the interval is wider
    take_off : angle between face and detector, instead of that of the file; 35 deg when unknown
    u_drift : relative u of the change of beam current and geometry along the layer
    u_matrix : relative u of a change in intensity taken as one in mass fraction: no matrix correction is made
    noise : "auto" takes whole counts as Poisson, others as Gaussian with `u_intensity`
    lithium : the layer may hold Li: a deficit is then flagged as Li or void "inferred by difference"

    Returns
    -------
    one row per (element, layer): ``contrast`` (percent: intensity of the second side less that of the first, over the
    mean of both; sides in order of position) with u and 95 % interval; ``apparent_contrast`` (straight line through
    the raw counts); ``claim``: none beyond physics, depleted towards a side, or not assessable; ``gradient_flag``;
    the curves ``uniform`` with its 95 % band (counts; NaN outside of the range that was fitted)

    Raises
    ------
    DataError
        when there is no such layer or element, the layer has no neighbour, or counts are below zero
    """
    names = [str(name) for name in response_sigma["layer"].values]
    place = _place(names, layer)
    line = _index([str(e) for e in intensity["element"].values], element, "element")
    angle, said = _take_off(take_off, take_off_angle)
    three = (names[place - 1], layer, names[place + 1])
    around = slice(place - 1, place + 2)

    def beside(part: xr.DataArray) -> np.ndarray:
        values = part.isel(element=line) if "element" in part.dims else part
        return np.asarray(values.values, dtype=np.float64)[around]

    known = Known(
        beside(response_sigma), beside(response_shift), beside(response_reach), beside(response_depth),
        beside(u_response), beside(attenuation), beside(backscatter), three, angle, _detector(detector, three),
    )  # fmt: skip
    x = np.asarray(intensity["position"].values, dtype=np.float64)
    y = np.asarray(intensity.isel(element=line).values, dtype=np.float64)
    u = None if u_intensity is None else np.asarray(u_intensity.isel(element=line).values, dtype=np.float64)
    variance = _variance(y, u, noise)
    given = _given_ends(interface_position, boundary, three)
    calibrated = unit_of(intensity["position"]) != UNCALIBRATED
    rows = [
        assess(x, counts, spread, known, given, u_drift, u_matrix, calibrated)
        for counts, spread in zip(y.reshape(-1, x.size), _rows(variance, y), strict=True)
    ]
    flags = [text for text in (said, "" if detector else "side of the detector unknown", _lithium(lithium)) if text]
    return _table(intensity, rows, three, element, flags)


def _place(names: list[str], layer: str) -> int:
    place = _index(names, layer, "layer")
    if place in (0, len(names) - 1):
        raise DataError(
            f"layer {layer!r} is at the end of the stack; a contrast needs a neighbour on each side.",
            remedy="name all layers along the scan in xray_response.",
        )
    return place


def _index(names: list[str], name: str, kind: str) -> int:
    if name not in names:
        raise DataError(f"there is no {kind} {name!r}{nearest(name, names)}; found {', '.join(names)}.")
    return names.index(name)


def _take_off(given: float | None, recorded: xr.DataArray | None) -> tuple[float, str]:
    """Return the take-off angle in radians, and what was assumed."""
    if given is not None or recorded is not None:
        angle = given if given is not None else float(recorded) if recorded is not None else np.nan
        if 0.0 < angle < 90.0:
            return float(np.radians(angle)), ""
    return float(np.radians(USUAL_TAKE_OFF)), f"take-off {USUAL_TAKE_OFF:g} deg assumed"


def _detector(side: str | None, names: tuple[str, ...]) -> tuple[Share, Share]:
    """Return for both neighbours how much of the detector stands behind it, and its u."""
    if side is None:
        return UNKNOWN_SIDE, UNKNOWN_SIDE
    if side not in (names[0], names[2], "across"):
        known = [names[0], names[2], "across"]
        raise DataError(f"detector {side!r}{nearest(side, known)}: expected {', '.join(known)}.")
    return (1.0 if side == names[0] else 0.0, U_SIDE), (1.0 if side == names[2] else 0.0, U_SIDE)


def _variance(y: np.ndarray, u: np.ndarray | None, noise: str) -> np.ndarray | None:
    """Return the variance of counts that are not Poisson: smoothed, so that low counts don't weigh more; else None."""
    finite = y[np.isfinite(y)]
    whole = bool((finite >= 0).all() and (finite == np.round(finite)).all())
    if noise == "poisson" or (noise == "auto" and (whole or u is None)):
        if (finite < 0).any():
            raise DataError("counts below zero.", remedy="take gross counts, or give u_intensity and noise gaussian.")
        return None
    if u is None:
        raise DataError("gaussian noise wants u_intensity.", remedy="put line_intensities before this step.")
    from scipy.ndimage import uniform_filter1d

    return np.asarray(uniform_filter1d(np.nan_to_num(u) ** 2, 9, axis=-1, mode="nearest"))


def _rows(variance: np.ndarray | None, y: np.ndarray) -> list[np.ndarray | None]:
    size = y.shape[-1]
    return [None] * (y.size // size) if variance is None else list(variance.reshape(-1, size))


def _given_ends(
    position: xr.DataArray | None, boundary: xr.DataArray | None, names: tuple[str, ...]
) -> tuple[float, float] | None:
    """Return the two interfaces of the layer as fitted before; None where they are not there."""
    if position is None or boundary is None or position.ndim != 1:
        return None
    ends = []
    for pair in (f"{names[0]}|{names[1]}", f"{names[1]}|{names[2]}"):
        rows = [i for i, text in enumerate(boundary.values) if str(text) == pair]
        joint = [i for i in rows if str(position["interface"].values[i]).endswith(" all")]
        values = position.values[joint or rows]
        ends.append(float(np.nanmedian(values)) if np.isfinite(values).any() else np.nan)
    return (ends[0], ends[1]) if ends[0] < ends[1] else None


def _lithium(asked: bool) -> str:
    return "a deficit may be Li or voids: inferred by difference, not measured" if asked else ""


def _table(
    intensity: xr.DataArray, rows: list[Assessment], names: tuple[str, ...], element: str, flags: list[str]
) -> xr.Dataset:
    lead = tuple(str(d) for d in intensity.dims[:-2])
    shape = (*(intensity.sizes[d] for d in lead), 1)
    dims = (*lead, "gradient")

    def numbers(name: str, title: str) -> xr.DataArray:
        values = np.array([getattr(row, name) for row in rows], dtype=np.float64).reshape(shape)
        return quantity(values, "percent", title, dims)

    def said(values: list[str], title: str) -> xr.DataArray:
        return xr.DataArray(np.array(values, dtype=object).reshape(shape), dims=dims, attrs={"long_name": title})

    curves = np.stack([row.curves for row in rows], axis=1).reshape(3, *shape, intensity.sizes["position"])
    titles = ("uniform composition", "uniform composition, lower end of the 95 % band", "upper end of the 95 % band")
    where = (*dims, "position")
    table = xr.Dataset(
        {
            "contrast_of": texts([element], "element", "gradient"),
            "in_layer": texts([names[1]], "layer", "gradient"),
            "towards": texts([names[2]], "side that the contrast is told for", "gradient"),
            "contrast": numbers("contrast", "change of intensity from the first to the second side"),
            "u_contrast": numbers("u", "u of the contrast"),
            "contrast_low": numbers("low", "contrast, lower end of the 95 % interval"),
            "contrast_high": numbers("high", "contrast, upper end of the 95 % interval"),
            "apparent_contrast": numbers("apparent", "contrast of the raw counts"),
            "claim": said([row.claim for row in rows], "claim"),
            "gradient_flag": said(["; ".join([t for t in (row.flag, *flags) if t]) for row in rows], "flag"),
            **{
                name: quantity(curve, "counts", title, where)
                for name, curve, title in zip(("uniform", "uniform_low", "uniform_high"), curves, titles, strict=True)
            },
        },
        coords={
            "gradient": texts([f"{element} in {names[1]}"], "gradient", "gradient"),
            "position": intensity["position"],
        },
    )
    return table.assign_coords({d: intensity[d] for d in lead if d in intensity.coords})
