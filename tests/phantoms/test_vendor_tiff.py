"""Files of every maker: exact pixels, the maker's metadata, equal bytes."""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import tifffile
import xarray as xr

from imgpipe.phantoms.cross_section import make, write
from imgpipe.phantoms.data_bar import data_bar, length_text, nice_length
from imgpipe.phantoms.vendor_tiff import Vendor

VENDORS = get_args(Vendor)


@pytest.fixture(scope="module")
def dataset() -> xr.Dataset:
    return make(1, shape=(100, 400), thickness=(60.0, 20.0), pixel_size=2.3456789, face_angle=52.0)[0]


def corrected(**truth: object) -> xr.Dataset:
    return make(1, shape=(100, 400), thickness=(60.0, 20.0), face_angle=54.0, tilt_corrected=True, **truth)[0]


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_pixels_are_exact_and_the_bar_lies_below(tmp_path: Path, vendor: Vendor, bits: int) -> None:
    dataset, _ = make(1, shape=(100, 400), thickness=(60.0, 20.0), bits=bits)
    file = write(dataset, tmp_path / "a.tif", vendor)[0]
    stored = tifffile.imread(file)
    assert stored.dtype == dataset["image"].dtype
    np.testing.assert_array_equal(stored[:100], dataset["image"])
    bar = stored[100:]
    assert bar.shape == (32, 400)
    assert sorted(np.unique(bar)) == [0, 2**bits - 1]
    assert 0.02 < (bar > 0).mean() < 0.4


@pytest.mark.parametrize("vendor", VENDORS)
def test_bytes_are_equal_each_time(tmp_path: Path, dataset: xr.Dataset, vendor: Vendor) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    first, second = (write(dataset, tmp_path / folder / "a.tif", vendor) for folder in ("one", "two"))
    assert [path.name for path in first] == [path.name for path in second]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_fei(tmp_path: Path, dataset: xr.Dataset) -> None:
    path = write(dataset, tmp_path / "a.tif", "fei")[0]
    with tifffile.TiffFile(path) as file:
        found = file.fei_metadata
        assert file.pages[0].rowsperstrip == 1
    assert found is not None
    assert found["Scan"]["PixelWidth"] == pytest.approx(2.3456789e-9, rel=1e-8)
    assert found["Scan"]["HorFieldsize"] == pytest.approx(400 * 2.3456789e-9, rel=1e-8)
    assert (found["Image"]["ResolutionX"], found["Image"]["ResolutionY"]) == (400, 100)
    assert found["PrivateFei"]["DatabarHeight"] == 32
    assert math.degrees(found["Stage"]["StageT"]) == pytest.approx(52.0, abs=1e-6)
    assert found["EBeam"]["TiltCorrectionIsOn"] == "no"
    assert found["EBeam"]["HV"] == 2000
    assert found["Detectors"]["Name"] == "InLens"


def test_zeiss_header_is_exact_and_has_the_decoy(tmp_path: Path) -> None:
    path = write(corrected(pixel_size=2.3456789), tmp_path / "a.tif", "zeiss")[0]
    with tifffile.TiffFile(path) as file:
        found = file.sem_metadata
    assert found is not None
    assert found[""][3] * 1024 / 400 == pytest.approx(2.3456789e-9, rel=1e-6)
    assert found["ap_image_pixel_size"] == ("Image Pixel Size", 2.346, "nm")
    assert found["ap_pixel_size"][1] == pytest.approx(2 * 2.3456789, rel=1e-3)
    assert found["ap_width"] == ("Width", 938.3, "nm")
    assert found["dp_tilt_correction"] == ("Tilt Corrn.", True)
    assert found["ap_fib_tilt_comp"][1] == 54.0
    assert found["ap_stage_at_t"][1] == 54.0
    assert found["ap_actualkv"][1:] == (2.0, "kV")


def test_tescan_blocks_and_companion(tmp_path: Path) -> None:
    path, companion = write(corrected(), tmp_path / "a.tif", "tescan")
    with tifffile.TiffFile(path) as file:
        value = bytes(file.pages[0].tags[50431].value)
    blocks = {}
    while value:
        size, kind = struct.unpack("<IH", value[:6])
        blocks[kind] = value[6 : 4 + size].decode()
        value = value[4 + size :]
    assert sorted(blocks) == [0, 2, 3]
    assert "PixelSizeX=2e-09\r\n" in blocks[2]
    assert "ImageStripSize=32\r\n" in blocks[2]
    assert "HV=2000.0\r\n" in blocks[3]
    assert "TiltCorrection=36.0000\r\n" in blocks[3]
    assert companion.name == "a-tif.hdr"
    assert companion.read_text().splitlines()[0] == "[MAIN]"
    assert blocks[3].splitlines()[0] in companion.read_text()


def test_hitachi_and_jeol_companions(tmp_path: Path, dataset: xr.Dataset) -> None:
    _, text = write(dataset, tmp_path / "h.tif", "hitachi")
    lines = dict(line.partition("=")[::2] for line in text.read_text().splitlines())
    assert text.name == "h.txt"
    assert lines["PixelSize"] == "2.345679"
    assert lines["DataSize"] == "400x100"
    assert lines["AcceleratingVoltage"] == "2000 Volt"
    _, text = write(dataset, tmp_path / "j.tif", "jeol")
    lines = dict(line.partition(" ")[::2] for line in text.read_text().splitlines())
    assert lines["$CM_FULL_SIZE"] == "400 100"
    bar, length = float(lines["$$SM_MICRON_BAR"]), float(lines["$$SM_MICRON_MARKER"].removesuffix("nm"))
    assert length / bar == pytest.approx(2.3456789, rel=1 / bar)
    assert float(lines["$CM_PIXEL_SIZE"]) * 1000 == pytest.approx(2.3456789, rel=1e-6)


def test_an_independent_reader_finds_the_scale(tmp_path: Path, dataset: xr.Dataset) -> None:
    from rsciio.tiff import file_reader

    for vendor in ("fei", "zeiss"):
        path = write(dataset, tmp_path / f"{vendor}.tif", vendor)[0]
        axes = file_reader(str(path))[0]["axes"]
        assert [axis["scale"] for axis in axes] == pytest.approx([2.3456789e-9] * 2, rel=1e-6)


def test_stacks_become_pages(tmp_path: Path, dataset: xr.Dataset) -> None:
    stack = xr.concat([dataset["image"], 255 - dataset["image"]], "z").to_dataset(name="image")
    stack["image"].attrs = dataset["image"].attrs
    path = write(stack.assign_attrs(dataset.attrs), tmp_path / "z.tif", "plain", bar_rows=0)[0]
    with tifffile.TiffFile(path) as file:
        assert len(file.pages) == 2
    np.testing.assert_array_equal(tifffile.imread(path, key=1), 255 - dataset["image"])


def test_unknown_maker_is_refused(tmp_path: Path, dataset: xr.Dataset) -> None:
    with pytest.raises(ValueError, match="unknown maker"):
        write(dataset, tmp_path / "a.tif", "acme")  # type: ignore[arg-type]


def test_scale_bar_has_its_length() -> None:
    bar = data_bar(32, 400, ("HV 2 kV",), 2.0, white=255, dtype=np.uint8)
    row = bar[int(0.75 * 32), 1:-1]
    assert (row > 0).sum() == pytest.approx(nice_length(0.18 * 800.0) / 2.0, abs=3)
    assert nice_length(144.0) == 100.0
    assert nice_length(999.9) == 500.0
    assert length_text(2000.0) == "2 um"
