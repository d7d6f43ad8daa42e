"""The scale: certificates are taken over once, tilted faces are stretched once, uncertainties travel along."""

import dask
import numpy as np
import pytest
import xarray as xr
from pydantic import ValidationError

from imgpipe.errors import DataError
from imgpipe.model import axis, check, quantity
from imgpipe.steps.scale import calibrate_scale, correct_foreshortening


def section(*, tilt=52.0, corrected="no", unit="nm", **attrs):
    coords = {"y": axis("y", 40, 3.0, unit), "x": axis("x", 30, 2.0, unit)}
    image = quantity(np.arange(1200, dtype=np.uint16).reshape(40, 30), "counts", "signal", "y x", coords, bits=12)
    numbers = {
        "beam_energy": quantity(2000.0, "eV", "beam energy"),
        "magnification": quantity(1e4, "1", "magnification"),
    }
    if unit == "nm":
        numbers |= {f"pixel_size_{d}": quantity(s, "nm", "pixel size") for d, s in (("x", 2.0), ("y", 3.0))}
    if tilt is not None:
        numbers["stage_tilt"] = quantity(tilt, "deg", "stage tilt")
    return xr.Dataset({"image": image, **numbers}, attrs={"tilt_corrected": corrected, **attrs})


def step_of(dataset, dim):
    return float(np.diff(dataset[dim].values).mean())


@pytest.mark.parametrize(("angle", "factor"), [(52, 1.269), (54, 1.236), (55, 1.221), (90, 1.0), (30, 2.0)])
def test_rows_are_stretched_by_one_over_sine(angle, factor):
    result = correct_foreshortening(section(), face_angle=float(angle))
    assert step_of(result, "y") == pytest.approx(3.0 * factor, rel=4e-4)
    assert float(result["pixel_size_y"]) == pytest.approx(3.0 / np.sin(np.radians(angle)))
    assert step_of(result, "x") == 2.0
    assert float(result["pixel_size_x"]) == 2.0
    assert float(result["face_angle"]) == angle
    np.testing.assert_array_equal(result["image"], section()["image"])


def test_angle_comes_from_the_stage():
    result = correct_foreshortening(section(tilt=38.0), pretilt=15.0, overtilt=-1.0)
    assert float(result["face_angle"]) == 52.0
    assert result.attrs["tilt_corrected"] == "yes"
    assert result.attrs["tilt_correction_angle"] == "52"


def test_uncertainty_travels_along():
    assert float(correct_foreshortening(section())["u_face_angle"]) == 1.0
    result = correct_foreshortening(section(corrected="yes", tilt_correction_angle="54.0"), u_face_angle=0.4)
    assert float(result["u_face_angle"]) == 0.4
    assert result["u_face_angle"].attrs["units"] == "deg"


@pytest.mark.parametrize("claimed", ["auto", "yes"])
def test_corrected_images_stay(claimed):
    before = section(tilt=52.6, corrected="yes", tilt_correction_angle="54.0")
    result = correct_foreshortening(before, already_corrected=claimed)
    xr.testing.assert_identical(result["y"], before["y"])
    assert float(result["face_angle"]) == 54.0
    assert "flags" not in result.attrs


def test_another_angle_than_the_microscope_used_is_flagged():
    before = section(corrected="yes", tilt_correction_angle="54.0", flags="saturated 0.4 %")
    result = correct_foreshortening(before, face_angle=52.0)
    xr.testing.assert_identical(result["y"], before["y"])
    assert result.attrs["flags"] == "saturated 0.4 %; tilt corrected in the microscope for 54 deg, not 52 deg"


def test_no_second_correction():
    with pytest.raises(DataError, match="second correction is refused"):
        correct_foreshortening(section(corrected="yes"), already_corrected="no")
    with pytest.raises(DataError, match="corrected before"):
        correct_foreshortening(correct_foreshortening(section()))


def test_unknown_state_is_asked_for():
    with pytest.raises(DataError, match="does not say") as caught:
        correct_foreshortening(section(corrected="unknown"), face_angle=52.0)
    assert "already_corrected" in caught.value.remedy
    stretched = correct_foreshortening(section(corrected="unknown"), already_corrected="no")
    assert step_of(stretched, "y") == pytest.approx(3.807, abs=1e-3)
    left = correct_foreshortening(section(corrected="unknown"), already_corrected="yes")
    assert step_of(left, "y") == 3.0


@pytest.mark.parametrize(
    ("tilt", "message"), [(None, "no stage tilt"), (0.0, "angle of 0 deg"), (-37.0, "angle of -37")]
)
def test_no_angle_is_made_up(tilt, message):
    with pytest.raises(DataError, match=message) as caught:
        correct_foreshortening(section(tilt=tilt))
    assert "set face_angle" in caught.value.remedy


def test_uncalibrated_rows_are_stretched_too():
    result = correct_foreshortening(section(unit="px"))
    assert result["y"].attrs["units"] == "px"
    assert step_of(result, "y") == pytest.approx(3.0 * 1.26902, rel=1e-5)


def test_turned_images_are_refused():
    turned = section(stack_direction="left")
    with pytest.raises(DataError, match="turned"):
        correct_foreshortening(turned)
    with pytest.raises(DataError, match="turned"):
        calibrate_scale(turned, u=0.01, u_is="standard")


def test_certificate_is_taken_over():
    result = calibrate_scale(section(), factor_x=1.02, factor_y=0.99, u=0.005, u_is="standard", certificate="NMI 17-3")
    assert step_of(result, "x") == pytest.approx(2.04)
    assert step_of(result, "y") == pytest.approx(2.97)
    assert float(result["pixel_size_x"]) == pytest.approx(2.04)
    assert float(result["pixel_size_y"]) == pytest.approx(2.97)
    assert float(result["pixel_scale_u"]) == 0.005
    assert result["pixel_scale_u"].attrs["units"] == "1"
    assert result.attrs["scale_source"] == "NMI 17-3"
    with pytest.raises(DataError, match="calibrated before"):
        calibrate_scale(result, u=0.005, u_is="standard")


def test_a_limit_is_a_rectangle():
    result = calibrate_scale(section(), u=0.05, u_is="limit")
    assert float(result["pixel_scale_u"]) == pytest.approx(0.029, abs=2e-4)


def test_no_pixel_size_no_calibration():
    with pytest.raises(DataError, match="without a nominal pixel size"):
        calibrate_scale(section(unit="px"), u=0.05, u_is="limit")


def test_other_conditions_are_flagged():
    how = {"u": 0.005, "u_is": "standard"}
    same = calibrate_scale(section(), beam_energy=2000.0, magnification=1e4, **how)
    assert "flags" not in same.attrs or same.attrs["flags"] == ""
    other = calibrate_scale(section(), beam_energy=5000.0, working_distance=4e6, magnification=1.2e4, **how)
    assert other.attrs["flags"].split("; ") == [
        "scale certificate not applied: it is for another beam energy, 5000 eV",
        "scale certificate not applied: working distance of the image unknown",
        "scale certificate not applied: it is for another magnification, 12000",
    ]
    xr.testing.assert_identical(other["x"], section()["x"])
    assert "pixel_scale_u" not in other


def test_order_of_scale_and_stretch_does_not_matter():
    how = {"factor_y": 0.99, "u": 0.005, "u_is": "standard"}
    first = correct_foreshortening(calibrate_scale(section(), **how))
    last = calibrate_scale(correct_foreshortening(section()), **how)
    np.testing.assert_allclose(first["y"], last["y"], rtol=1e-12)


@pytest.mark.parametrize(
    "run", [correct_foreshortening, lambda d: calibrate_scale(d, factor_x=1.01, u=0.01, u_is="standard")]
)
def test_contract(run):
    def refuse(*_, **__):
        raise AssertionError("something was computed while building")

    original = section()
    before = original.copy(deep=True)
    with dask.config.set(scheduler=refuse), xr.set_options(keep_attrs=False):
        lazy = run(section().chunk(y=7))
        result = run(original)
    xr.testing.assert_identical(original, before)
    xr.testing.assert_identical(lazy.compute(), result)
    assert check(result) == []
    assert result["y"].attrs["units"] == "nm"
    larger = section().assign_coords({d: before[d].copy(data=before[d].values * 7) for d in ("y", "x")})
    np.testing.assert_allclose(run(larger)["y"], 7 * result["y"], rtol=1e-12)


def test_settings_read_units():
    assert correct_foreshortening.settings(face_angle="0.9 rad").face_angle == pytest.approx(51.566, abs=1e-3)
    assert calibrate_scale.settings(u="0.5 %", u_is="standard").u == pytest.approx(0.005)
    assert calibrate_scale.settings(u="0.5 %", u_is="limit", beam_energy="2 keV").beam_energy == 2000
    with pytest.raises(ValidationError):
        calibrate_scale.settings(u="0.5 %")
    with pytest.raises(ValidationError):
        correct_foreshortening.settings(face_angle=0.0)
