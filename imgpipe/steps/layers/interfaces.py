"""The step fit_interfaces."""

from typing import Annotated, Literal

import numpy as np
import xarray as xr

from imgpipe.errors import DataError
from imgpipe.kernels.profile_analysis import Analysis, Task, analyse
from imgpipe.kernels.profile_starts import count_interfaces, equal_variance
from imgpipe.model import UNCALIBRATED, unit_of
from imgpipe.step import step
from imgpipe.steps.layers.interfaces_response import Given, response_of
from imgpipe.steps.layers.interfaces_tables import Scene, tables
from imgpipe.units import Dims, Gives, Unit

Profile = Annotated[xr.DataArray, Unit("counts"), Dims("position")]
PerLayer = Annotated[xr.DataArray, Unit("nm"), Dims("layer element")]
UNSEEN, DOUBTFUL = "not detected", "not assessable"
"""What line_intensities says of an element that can't tell where an interface is, or only with doubt."""
SMOOTHED = 7
"""Points over which the variance of line areas is averaged: that of single points follows their noise."""


@step(version=1, measures=True, warm_up="imgpipe.kernels.fit:warm_up")
def fit_interfaces(
    intensity: Profile,
    u_intensity: Profile | None = None,
    response_sigma: PerLayer | None = None,
    response_shift: PerLayer | None = None,
    u_response: Annotated[xr.DataArray, Unit("1"), Dims("layer element")] | None = None,
    response_reach: PerLayer | None = None,
    response_depth: PerLayer | None = None,
    attenuation: Annotated[xr.DataArray, Unit("1/nm"), Dims("layer element")] | None = None,
    backscatter: Annotated[xr.DataArray, Unit("1"), Dims("layer")] | None = None,
    take_off_angle: Annotated[xr.DataArray, Unit("deg"), Dims("")] | None = None,
    exposure: Annotated[xr.DataArray, Unit("1"), Dims("position")] | None = None,
    element_flag: Annotated[xr.DataArray, Dims("element")] | None = None,
    *,
    layers: list[str] | None = None,
    model: Literal["best", "erf", "logistic", "erfc", "exponential", "step"] = "best",
    noise: Literal["auto", "poisson", "gaussian"] = "auto",
    joint: bool = True,
    elements: list[str] | None = None,
) -> Annotated[
    xr.Dataset,
    Gives(
        table="interfaces", interface_position="nm|px", u_interface_position="nm|px", observed_width="nm|px",
        width="nm|px", u_width="nm|px", width_bound="nm|px", thickness="nm|px", smallest_resolvable="nm|px",
        contrast_width="counts*nm|counts*px", u_contrast_width="counts*nm|counts*px",
        fitted="counts", fitted_low="counts", fitted_high="counts", fit_residual="1",
    ),
]:  # fmt: skip
    """Fit the interfaces of element profiles: positions, widths as seen and as they are, thicknesses.

    All elements are fitted jointly with shared interfaces by the project's fitting engine (row ``all``), and each one
    by itself at the interfaces where it has a clear step. Plateaus are linear and not negative; counts are fitted with
    the Poisson likelihood. With the response of xray_response an interface is seen through a different blur on each
    side, with the long tails of electrons, and uncertain by `u_response`; the width beyond it is given: an interval
    where it is resolved at 95 %, otherwise only a 95 % upper bound (profile likelihood). A layer thinner than
    ``smallest_resolvable`` (3 standard deviations of the response within it) has no thickness but a bound, and the
    product of contrast and width.

    What the response leaves out takes part in the fit, and so in all intervals (`imgpipe.kernels.profile_physics`):
    a shift of each edge by backscattered electrons (share at the interface 1/2 + a/2 of the difference of the
    backscatter coefficients, a = 0.5 +- 0.5, for each element +- 0.5 more), by absorption towards a detector on an
    unknown side, by the push of an oblique beam (+- 30 % and half the difference of both sides), by the shape of the
    response (0.05 of its sigma), and a gradient of a layer's own element (20 % across a long layer). Added to positions
    and thicknesses (`imgpipe.kernels.profile_offsets`): `u_response` times half the difference of both responses, what
    a transition moves an edge between unequal responses, and where in a step an edge sharper than the scan is.

    Parameters
    ----------
    intensity : (element, position), counts; further dimensions are further scans, each fitted by itself.
        `from: {intensity: gross}` fits the counts in the windows instead of line areas
    u_intensity : standard uncertainty of line areas, for Gaussian noise
    response_sigma, response_shift : (layer, element) from xray_response; without them only observed widths are known
    u_response : (layer, element) relative standard uncertainty of the response; 15 % without it
    response_reach, response_depth, attenuation, backscatter, take_off_angle : from xray_response and the file; without
        a reach beyond that of a normal distribution the response is one, without backscatter edges have no shifts
    exposure : (position,) from line_profile: pixels of a bin over their mean, which the counts are divided by
    element_flag : (element,) from line_intensities: elements that were not detected take no part
    layers : names in the order of the position axis; without it those of the response, else as many as are seen
    model : of the transition; ``best`` by the corrected Akaike criterion, refused where points are too few; under a
        response only the symmetric ones are compared, as an asymmetry can't be told from what the response is off by
    noise : ``auto`` is poisson for whole counts, else gaussian
    joint : fit all elements together too
    elements : those that are fitted, all by default

    Returns
    -------
    table ``interfaces``: one row for each boundary and element (``of_element``), ``all`` for the joint fit, with
    ``interface_position``, ``observed_width`` (sigma of an error function), ``width`` (standard deviation of the true
    transition; NaN where it is not resolved), ``width_low``, ``width_high`` (95 %), ``width_bound`` (one-sided 95 %),
    ``interface_model``, ``reduced_deviance``; table ``layers``: ``thickness``, ``smallest_resolvable``,
    ``contrast_width`` (of layers that are not resolved: counts of the element that lives there, above the level
    beside it, integrated); the curves ``fitted``, ``fitted_low``, ``fitted_high`` (95 %) and ``fit_residual``
    (standardised) of the joint fit
    """
    chosen = _elements(intensity, elements)
    kind = _noise(_scene(intensity, chosen).y, noise)
    intensity = _evenly(intensity, exposure)
    u_intensity = None if u_intensity is None else _evenly(u_intensity, exposure)
    scene = _scene(intensity, chosen)
    usable = _usable(scene, response_sigma, unit_of(intensity["position"]) != UNCALIBRATED)
    usable &= ~_said(scene, element_flag, UNSEEN)
    variance = _variance(u_intensity, scene) if kind == "gaussian" else None
    names = _layer_names(layers, response_sigma, scene, kind, variance)
    given = Given(response_sigma, response_shift, u_response, response_reach, response_depth, attenuation, backscatter)
    response, reason = response_of(scene, names, given, take_off_angle)
    usable = usable if response is not None else scene.y.any(axis=(0, 2)) & ~_said(scene, element_flag, UNSEEN)
    fitting = np.flatnonzero(usable)
    if not fitting.size:
        raise DataError(
            "no element was detected: there is no interface to fit.", remedy="name the elements that are there."
        )
    task = Task(
        scene.x, scene.y[:, fitting], len(names) - 1, "poisson" if kind == "poisson" else "gaussian",
        None if variance is None else variance[:, fitting], None if response is None else response.of(fitting), model,
    )  # fmt: skip
    found = tables(scene, names, fitting, task, _analysed(task), joint, reason)
    return _doubted(found) if _said(scene, element_flag, DOUBTFUL)[fitting].any() else found


def _evenly(array: xr.DataArray, exposure: xr.DataArray | None) -> xr.DataArray:
    """Return counts as if all bins held the same number of pixels."""
    if exposure is None or bool((exposure == 1.0).all()):
        return array
    return (array / exposure).transpose(*array.dims).assign_attrs(array.attrs)


def _analysed(task: Task) -> Analysis:
    try:
        return analyse(task)
    except ValueError as error:
        raise DataError(f"the profiles can't be fitted: {error}.") from None


def _elements(intensity: xr.DataArray, wanted: list[str] | None) -> list[str]:
    if "element" not in intensity.dims:
        raise DataError("profiles want a dimension `element`.", remedy="run line_intensities first.")
    known = [str(name) for name in intensity["element"].values]
    if missing := [name for name in wanted or [] if name not in known]:
        raise DataError(
            f"there is no profile of {', '.join(missing)}; known are {', '.join(known)}.",
            remedy="name them in line_intensities too.",
        )
    return known if wanted is None else [name for name in known if name in wanted]


def _scene(intensity: xr.DataArray, chosen: list[str]) -> Scene:
    """Return the profiles as (scan, element, point)."""
    x = np.asarray(intensity["position"].values, dtype=np.float64)
    if x.size < 3 or (np.diff(x) <= 0).any():
        raise DataError(
            "profiles want at least 3 points at rising positions.", remedy="check the position axis of the file."
        )
    lead = [str(d) for d in intensity.dims if d not in ("element", "position")]
    values = intensity.transpose(*lead, "element", "position")
    picked = np.isin(np.array([str(n) for n in values["element"].values]), chosen)
    flat = np.asarray(values.values, dtype=np.float64).reshape(-1, *values.shape[-2:])[:, picked]
    return Scene(intensity, tuple(lead), tuple(values.shape[:-2]), x, flat, chosen)


def _noise(y: np.ndarray, noise: str) -> str:
    whole = bool(np.all((y[np.isfinite(y)] >= 0) & (y[np.isfinite(y)] == np.floor(y[np.isfinite(y)]))))
    if noise == "poisson" and (y[np.isfinite(y)] < 0).any():
        raise DataError("counts below zero have no Poisson likelihood.", remedy="say noise: gaussian.")
    return ("poisson" if whole else "gaussian") if noise == "auto" else noise


def _variance(u: xr.DataArray | None, scene: Scene) -> np.ndarray | None:
    """Return the variance (scan, element, point), averaged along the profile."""
    if u is None:
        return None
    from scipy.ndimage import uniform_filter1d

    square = _scene(u, scene.elements).y ** 2
    known = np.isfinite(square) & (square > 0)
    total = uniform_filter1d(np.where(known, square, 0.0), SMOOTHED, axis=-1, mode="nearest")
    share = uniform_filter1d(known.astype(np.float64), SMOOTHED, axis=-1, mode="nearest")
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(share > 1e-9, total / share, np.nan)
    overall = np.nanmean(np.where(known, square, np.nan), axis=-1, keepdims=True) if known.any() else 1.0
    return np.where(np.isfinite(mean), mean, overall)


def _layer_names(
    layers: list[str] | None, sigma: xr.DataArray | None, scene: Scene, kind: str, variance: np.ndarray | None
) -> list[str]:
    known = [] if sigma is None else [str(name) for name in sigma["layer"].values]
    if known and layers is not None and layers != known:
        raise DataError(
            f"layers are {', '.join(layers)} here and {', '.join(known)} in xray_response.",
            remedy="leave `layers` out here: those of xray_response are taken.",
        )
    names = known or layers
    if names is None:
        count = count_interfaces(scene.x, equal_variance(scene.y, kind, variance))
        names = [f"layer {k + 1}" for k in range(count + 1)]
    if len(names) < 2 or len(set(names)) < len(names):
        raise DataError(
            f"an interface is between two layers of different names, not {', '.join(names) or 'none'}.",
            remedy="give each layer a name of its own, in the order of the scan.",
        )
    return names


def _usable(scene: Scene, sigma: xr.DataArray | None, calibrated: bool) -> np.ndarray:
    """Return (element,) which profiles have counts and, where it is used, a response."""
    counted = scene.y.any(axis=(0, 2))
    if sigma is None or not calibrated:
        return np.asarray(counted)
    known = {str(name): bool(np.isfinite(sigma.sel(element=name)).all()) for name in sigma["element"].values}
    return np.asarray(counted & np.array([known.get(name, False) for name in scene.elements]))


def _said(scene: Scene, flag: xr.DataArray | None, words: str) -> np.ndarray:
    """Return (element,) of which elements line_intensities says these words; of none where nobody looked."""
    if flag is None:
        return np.zeros(len(scene.elements), dtype=np.bool_)
    said = {str(name): str(text) for name, text in zip(flag["element"].values, flag.values, strict=True)}
    return np.array([words in said.get(name, "") for name in scene.elements])


def _doubted(found: xr.Dataset) -> xr.Dataset:
    """Return the tables with a flag in every row: counts of a model that does not fit are behind them."""
    flags = {name: found[name].copy() for name in ("interface_flag", "layer_flag")}
    for flag in flags.values():
        flag.values = np.array(
            [f"{DOUBTFUL}: {text}".rstrip(": ") for text in flag.values.ravel()], dtype=object
        ).reshape(flag.shape)
    return found.assign(flags)
