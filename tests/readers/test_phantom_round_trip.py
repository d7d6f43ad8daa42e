"""What the phantom writes in a maker's format, the reader reads back: pixels, scale, metadata, data bar."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from imgpipe.model import check
from imgpipe.phantoms.cross_section import make
from imgpipe.phantoms.vendor_tiff import write
from imgpipe.readers import admit, read

TAGGED = ("zeiss", "fei", "tescan", "hitachi", "jeol")
NUMBERS = ("beam_energy", "working_distance", "magnification", "stage_tilt", "pixel_size_x", "pixel_size_y")


@pytest.fixture(scope="module")
def phantom() -> xr.Dataset:
    return make(3, shape=(300, 400), face_angle=52.0)[0]


def _read(phantom: xr.Dataset, folder: Path, vendor: Any, **options: Any) -> xr.Dataset:
    path, *_ = write(phantom, folder / f"{vendor}.tif", vendor, **options)
    return read(path)["image"].to_dataset()


@pytest.mark.parametrize("vendor", TAGGED)
@pytest.mark.parametrize("bar_rows", [0, 32])
def test_pixels_scale_and_metadata(phantom: xr.Dataset, tmp_path: Path, vendor: str, bar_rows: int) -> None:
    found = _read(phantom, tmp_path, vendor, bar_rows=bar_rows)
    assert np.array_equal(found.image.values, phantom.image.values)
    assert found.attrs["data_bar_rows"] == bar_rows
    for name in NUMBERS:
        # makers write few digits: mm with one decimal, whole magnifications, degrees with one decimal
        assert float(found[name]) == pytest.approx(float(phantom[name]), rel=1e-6 if "pixel" in name else 0.02), name
        assert found[name].attrs["units"] == phantom[name].attrs["units"]
    assert np.allclose(found.x.values, phantom.x.values, rtol=1e-6)
    assert found.attrs["acquired"][:10] == phantom.attrs["acquired"][:10]
    assert found.attrs["detector"] == phantom.attrs["detector"]
    assert check(found) == []
    assert admit(found) == []


@pytest.mark.parametrize("vendor", ["zeiss", "fei", "tescan"])
@pytest.mark.parametrize("corrected", [False, True])
def test_tilt_correction_is_kept(tmp_path: Path, vendor: str, corrected: bool) -> None:
    phantom = make(3, shape=(200, 300), face_angle=54.0, tilt_corrected=corrected)[0]
    found = _read(phantom, tmp_path, vendor)
    assert found.attrs["tilt_corrected"] == phantom.attrs["tilt_corrected"]
    if corrected:
        stated = float(phantom.attrs["tilt_correction_angle"])
        assert float(found.attrs["tilt_correction_angle"]) == pytest.approx(stated, abs=0.06)


def test_16_bits(tmp_path: Path) -> None:
    phantom = make(3, shape=(200, 300), face_angle=52.0, bits=16)[0]
    for vendor in TAGGED:
        found = _read(phantom, tmp_path, vendor)
        assert found.image.dtype == np.uint16
        assert np.array_equal(found.image.values, phantom.image.values)


def test_plain_needs_a_pixel_size(phantom: xr.Dataset, tmp_path: Path) -> None:
    found = _read(phantom, tmp_path, "plain")
    assert found.x.attrs["units"] == "px"
    assert np.array_equal(found.image.values, phantom.image.values)
