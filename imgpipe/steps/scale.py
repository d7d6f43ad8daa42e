"""Steps on the scale of an image: take a certificate over, stretch the foreshortened rows of a tilted face."""

import math
from typing import Annotated, Literal

import numpy as np
import xarray as xr
from pydantic import Field

from imgpipe.errors import DataError
from imgpipe.model import FORESHORTENED, UNCALIBRATED, quantity
from imgpipe.step import step
from imgpipe.units import Gives, Unit

Degrees = Annotated[float, Unit("deg")]
FaceAngle = Annotated[float, Field(ge=5, le=90), Unit("deg")]
PixelSizeFactor = Annotated[float, Field(gt=0.2, lt=5), Unit("1")]

_SAME_CONDITION = {"beam_energy": 0.01, "working_distance": 0.05, "magnification": 0.01}
_SAME_ANGLE = 0.05


@step(version=1)
def calibrate_scale(
    dataset: xr.Dataset,
    *,
    factor_x: PixelSizeFactor = 1.0,
    factor_y: PixelSizeFactor = 1.0,
    u: Annotated[float, Field(ge=0, lt=1), Unit("1")],
    u_is: Literal["standard", "limit"],
    certificate: str = "",
    beam_energy: Annotated[float, Field(gt=0), Unit("eV")] | None = None,
    working_distance: Annotated[float, Field(gt=0), Unit("nm")] | None = None,
    magnification: Annotated[float, Field(gt=0), Unit("1")] | None = None,
) -> Annotated[xr.Dataset, Gives(pixel_scale_u="1")]:
    """Correct the pixel size by a certificate, and take its uncertainty over.

    Put this step before orient_stack: the factors belong to the axes of the scan.

    Parameters
    ----------
    dataset : the whole leaf, with a pixel size
    factor_x, factor_y : true over nominal pixel size
    u : relative uncertainty of the pixel size that the certificate states, e.g. 0.5 %
    u_is : ``standard`` (k = 1) or ``limit`` (rectangular distribution: divided by sqrt 3, GUM 4.3.7)
    certificate : its name, number and date, for the report
    beam_energy, working_distance, magnification : at which the scale was calibrated. Where the image differs by
        more than 1, 5 or 1 %, or does not say, the certificate does not hold for it (ISO 16700): it is not applied,
        the scale stays nominal, and a flag says so

    Returns
    -------
    The leaf with new coordinates and pixel sizes, and ``pixel_scale_u``, the relative standard uncertainty

    Raises
    ------
    DataError
        when there is no pixel size, or the scale was calibrated before
    """
    _refuse_turned(dataset, "calibrate_scale")
    if "pixel_scale_u" in dataset:
        raise DataError("the scale was calibrated before.", remedy="leave one calibrate_scale out.")
    if UNCALIBRATED in (dataset["y"].attrs.get("units"), dataset["x"].attrs.get("units")):
        raise DataError(
            "a scale can't be calibrated without a nominal pixel size.", remedy="give pixel_size under inputs."
        )
    stated = {"beam_energy": beam_energy, "working_distance": working_distance, "magnification": magnification}
    if other := _other_conditions(dataset, stated):
        return _flagged(dataset, *other)
    relative = u / math.sqrt(3) if u_is == "limit" else u
    scaled = _rescaled(_rescaled(dataset, "x", factor_x), "y", factor_y)
    scaled["pixel_scale_u"] = quantity(relative, "1", "relative standard uncertainty of the pixel size")
    source = certificate or "certificate not named"
    scaled["scale_id"] = _text(source, "certificate of the scale")
    return scaled.assign_attrs(scale_source=source)


@step(version=1)
def correct_foreshortening(
    dataset: xr.Dataset,
    *,
    face_angle: FaceAngle | None = None,
    pretilt: Degrees = 0.0,
    overtilt: Degrees = 0.0,
    u_face_angle: Annotated[float, Field(ge=0, lt=20), Unit("deg")] = 1.0,
    already_corrected: Literal["auto", "yes", "no"] = "auto",
) -> Annotated[xr.Dataset, Gives(face_angle="deg", u_face_angle="deg")]:
    """Stretch the y axis of a tilted face by 1/sin of the angle between the beam and the face, once.

    Only the coordinate changes, not the pixels: afterwards pixels are higher than wide. Put this step before
    anything is measured and before orient_stack. Where the microscope has corrected the tilt while scanning, the
    axis stays as it is, and only the angle and its uncertainty are taken over: they matter for the result as much.

    Parameters
    ----------
    dataset : the whole leaf
    face_angle : between the electron beam and the milled face: 52 deg on FEI and Thermo, 54 on Zeiss, 55 on TESCAN
        columns, for a face milled at normal incidence; none: stage tilt + pretilt + overtilt
    pretilt : of the holder, towards the same side as the stage tilt
    overtilt : from the surface normal to the face, positive where it opens the angle
    u_face_angle : standard uncertainty of the angle; 1 deg is 1.4 % of a thickness at 52 deg
    already_corrected : ``auto`` believes the file; ``yes`` and ``no`` where the file does not say

    Returns
    -------
    The leaf with a stretched y axis, ``face_angle`` and ``u_face_angle``; its attribute ``tilt_corrected`` is yes

    Raises
    ------
    DataError
        when it is unknown whether the tilt is corrected, the angle is unknown, or the step would correct twice

    Notes
    -----
    u(t)/t = cot(angle) u(angle), for layers that cross y. It is shared by all images of a session.
    """
    if "face_angle" in dataset:
        raise DataError("the foreshortening was corrected before.", remedy="leave one correct_foreshortening out.")
    _refuse_turned(dataset, "correct_foreshortening")
    done = _is_corrected(dataset, already_corrected)
    computed = _stage_angle(dataset, pretilt, overtilt) if face_angle is None else face_angle
    applied = _applied_angle(dataset) if done else None
    angle = _plausible(applied if applied is not None else computed)
    result = dataset if done else _rescaled(dataset, "y", 1 / math.sin(math.radians(angle)))
    result = result.assign(
        face_angle=quantity(angle, "deg", "angle between beam and milled face"),
        u_face_angle=quantity(u_face_angle, "deg", "standard uncertainty of the face angle"),
        face_angle_id=_text(f"{dataset.attrs.get('instrument', 'unknown instrument')}, {angle:.4g} deg", "tilt"),
    ).assign_attrs(tilt_corrected="yes", tilt_correction_angle=f"{angle:.6g}", **_other_flags(dataset))
    if applied is not None and face_angle is not None and abs(applied - face_angle) > _SAME_ANGLE:
        return _flagged(result, f"tilt corrected in the microscope for {applied:g} deg, not {face_angle:g} deg")
    return result


def _text(value: str, long_name: str) -> xr.DataArray:
    return xr.DataArray(np.array(value, dtype=object), attrs={"long_name": long_name})


def _other_flags(dataset: xr.Dataset) -> dict[str, str]:
    """Return the attribute ``flags``, if there is one, without what the correction settles."""
    if "flags" not in dataset.attrs:
        return {}
    flags = str(dataset.attrs["flags"]).split("; ")
    return {"flags": "; ".join(flag for flag in flags if flag not in (FORESHORTENED, "tilt correction unknown"))}


def _flagged(dataset: xr.Dataset, *flags: str) -> xr.Dataset:
    known = [flag for flag in str(dataset.attrs.get("flags", "")).split("; ") if flag]
    return dataset.assign_attrs(flags="; ".join(dict.fromkeys([*known, *flags])))


def _rescaled(dataset: xr.Dataset, dim: str, factor: float) -> xr.Dataset:
    """Multiply an axis and its pixel size."""
    result = dataset.assign_coords({dim: (dim, dataset[dim].values * factor, dataset[dim].attrs)})
    size = f"pixel_size_{dim}"
    if size not in dataset:
        return result
    return result.assign({size: (dataset[size] * factor).assign_attrs(dataset[size].attrs)})


def _refuse_turned(dataset: xr.Dataset, name: str) -> None:
    if dataset.attrs.get("stack_direction") in ("left", "right"):
        raise DataError(
            "the image was turned: its x is no longer the x of the scan.", remedy=f"put {name} before orient_stack."
        )


def _other_conditions(dataset: xr.Dataset, stated: dict[str, float | None]) -> list[str]:
    """Return a flag for each stated condition that differs from the image's, or can't be compared to it."""
    found = []
    for name, value in stated.items():
        words = name.replace("_", " ")
        if value is None:
            continue
        if name not in dataset:
            found.append(f"scale certificate not applied: {words} of the image unknown")
        elif abs(float(dataset[name]) / value - 1) > _SAME_CONDITION[name]:
            unit = dataset[name].attrs.get("units", "1").replace("1", "")
            found.append(f"scale certificate not applied: it is for another {words}, {value:g} {unit}".rstrip())
    return found


def _is_corrected(dataset: xr.Dataset, claimed: str) -> bool:
    """Tell whether the tilt is corrected already, from the file and from what the user says."""
    stated = str(dataset.attrs.get("tilt_corrected", "unknown"))
    if stated == "yes" and claimed == "no":
        raise DataError(
            "the file says that the microscope has corrected the tilt; a second correction is refused.",
            remedy="set already_corrected: auto.",
        )
    if stated == "unknown" and claimed == "auto":
        raise DataError(
            "the file does not say whether the tilt was corrected while scanning.",
            remedy="set already_corrected: yes or no.",
        )
    return "yes" in (stated, claimed)


def _applied_angle(dataset: xr.Dataset) -> float | None:
    text = dataset.attrs.get("tilt_correction_angle")
    return None if text is None else float(text)


def _stage_angle(dataset: xr.Dataset, pretilt: float, overtilt: float) -> float | None:
    return float(dataset["stage_tilt"]) + pretilt + overtilt if "stage_tilt" in dataset else None


def _plausible(angle: float | None) -> float:
    remedy = "set face_angle (52 deg on FEI and Thermo columns, 54 on Zeiss, 55 on TESCAN)."
    if angle is None:
        raise DataError("the angle between beam and face is unknown: the file gives no stage tilt.", remedy=remedy)
    if not 5 <= angle <= 90:
        raise DataError(f"stage tilt and pretilt give an angle of {angle:g} deg between beam and face.", remedy=remedy)
    return angle
