"""Real files, against the numbers of their SOURCES.md."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile

from imgpipe.errors import DataError, ReadError
from imgpipe.model import check
from imgpipe.readers import admit, read

TIFF = "fibsem/rosettasciio/tiff"


def test_zeiss_pair(real_data: Path) -> None:
    found = read(real_data / TIFF / "ZEISS_SEM_multipage.tif")["image"].to_dataset()
    assert found.image.dims == ("z", "y", "x")
    assert found.image.shape == (2, 1536, 2048)
    assert found.image.dtype == np.uint8
    assert int(found.image.sum(dtype=np.int64)) == 403501723
    assert float(found.pixel_size_x) == pytest.approx(12.326225, abs=1e-6)
    assert float(found.x[-1]) + float(found.pixel_size_x) == pytest.approx(25240.0, rel=5e-4)
    assert found.attrs["pixel_size_source"].startswith("Zeiss header")
    assert found.attrs["tilt_corrected"] == "yes"
    assert float(found.attrs["tilt_correction_angle"]) == 54.0
    assert found.attrs["data_bar_rows"] == 0
    assert (float(found.beam_energy), float(found.stage_tilt)) == (1800.0, 52.6)
    assert found.attrs["detector"] == "InLens"
    assert found.image.chunks == ((1, 1), (1536,), (2048,))
    assert json.loads(found.attrs["vendor_metadata"])["AP_IMAGE_PIXEL_SIZE"] == "12.33 nm"
    assert check(found) == []
    assert admit(found)[0].startswith("black clipped 16 %")


def test_zeiss_pair_is_copied_as_it_stands(real_data: Path) -> None:
    path = real_data / TIFF / "ZEISS_SEM_multipage.tif"
    assert np.array_equal(read(path)["image"].image.values, tifffile.imread(path))


def test_fei_helios_loses_its_data_bar(real_data: Path) -> None:
    path = real_data / TIFF / "FEI-Helios-Ebeam-16bits.tif"
    found = read(path)["image"].to_dataset()
    whole = read(path, data_bar="none")["image"].image
    assert found.image.shape == (442, 512)
    assert whole.shape == (471, 512)
    assert int(whole.sum(dtype=np.int64)) == 189324800
    assert found.attrs["data_bar_rows"] == 29
    assert float(found.pixel_size_x) == pytest.approx(3372.4, abs=1e-9)
    assert float(found.x[-1]) + 3372.4 == pytest.approx(1.72667e6, rel=1e-5)
    assert found.attrs["tilt_corrected"] == "no"
    assert "tilt_correction_angle" not in found.attrs
    assert float(found.beam_energy) == 5000.0
    assert check(found) == []
    assert found.attrs["flags"] == "constant image"  # the specimen part of this file is black
    with pytest.raises(DataError, match="constant"):
        admit(found)


@pytest.mark.parametrize("name", ["ZEISS_SEM_multipage.tif", "FEI-Helios-Ebeam-16bits.tif"])
@pytest.mark.parametrize("share", [0.01, 0.25, 0.5, 0.9, 0.999])
def test_row_09_real_files_cut(real_data: Path, tmp_path: Path, name: str, share: float) -> None:
    content = (real_data / TIFF / name).read_bytes()
    (tmp_path / name).write_bytes(content[: int(share * len(content))])
    with pytest.raises(ReadError, match="cut or damaged"):
        read(tmp_path / name)


def test_a_dm3_without_image_is_read_as_spectrum(real_data: Path) -> None:
    tree = read(real_data / "fibsem/rosettasciio/digitalmicrograph/test-EDS_spectrum.dm3")
    assert list(tree.children) == ["sum"]
    assert int(tree["sum"]["counts"].sum()) == 17051


def test_other_real_files(real_data: Path) -> None:
    movie = read(real_data / "optical/trackpy/trackpy/tests/video/image_sequence/T76S3F00001.png")["image"]
    assert movie.attrs["flags"].startswith("uncalibrated")
    with pytest.raises(ReadError, match="unknown file type"):
        read(real_data / "optical/cellpy/biol.mpr")
