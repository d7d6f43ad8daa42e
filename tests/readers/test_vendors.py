"""Metadata of every maker, in canonical units, from files written after real ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import xarray as xr
from PIL import Image as Picture
from readers import vendor_files
from readers.vendor_files import BAR_ROWS, FEI, TESCAN, ZEISS, grain, tagged, with_bar

from imgpipe.errors import ReadError
from imgpipe.model import check
from imgpipe.readers import read


def _leaf(path: Path, **options: Any) -> xr.Dataset:
    found = read(path, **options)["image"].to_dataset()
    assert check(found) == []
    return found


def _numbers(found: xr.Dataset) -> dict[str, float]:
    return {str(name): float(value) for name, value in found.data_vars.items() if value.ndim == 0}


def _beside(path: Path, name: str, text: str, image: np.ndarray[Any, Any]) -> Path:
    tifffile.imwrite(path, image, metadata=None)
    path.with_name(name).write_bytes(text.encode("cp1252"))
    return path


def test_fei(tmp_path: Path) -> None:
    path = tagged(tmp_path / "fei.tif", with_bar(grain(dtype="uint16")), FEI, vendor_files.fei_text(200, 160))
    found = _leaf(path)
    assert np.array_equal(found.image.values, grain(dtype="uint16"))
    assert _numbers(found) == pytest.approx({
        "beam_energy": 5000.0, "beam_current": 2.5e-11, "working_distance": 4e6, "stage_tilt": 52.0,
        "dwell_time": 1e-6, "magnification": 207200.0, "pixel_size_x": 5.0, "pixel_size_y": 5.0,
    }, rel=1e-6)  # fmt: skip
    assert {name: found[name].attrs["units"] for name in _numbers(found)} == {
        "beam_energy": "eV", "beam_current": "A", "working_distance": "nm", "stage_tilt": "deg",
        "dwell_time": "s", "magnification": "1", "pixel_size_x": "nm", "pixel_size_y": "nm",
    }  # fmt: skip
    assert found.attrs["instrument"] == "Helios NanoLab 660"
    assert found.attrs["detector"] == "TLD"
    assert found.attrs["acquired"] == "2016-06-13T17:06:40"
    assert found.attrs["data_bar_rows"] == BAR_ROWS
    assert found.attrs["tilt_corrected"] == "no"
    assert found.attrs["flags"] == ""


def test_fei_tilt_corrected(tmp_path: Path) -> None:
    text = vendor_files.fei_text(200, 160, tilt_corrected="yes")
    attrs = _leaf(tagged(tmp_path / "fei.tif", with_bar(grain()), FEI, text)).attrs
    assert attrs["tilt_corrected"] == "yes"
    assert float(attrs["tilt_correction_angle"]) == pytest.approx(52.0, abs=1e-3)


def test_fei_scale_that_contradicts_itself(tmp_path: Path) -> None:
    text = vendor_files.fei_text(200, 160)
    for name in ("PixelWidth", "PixelHeight"):
        text = text.replace(f"{name}=5e-09", f"{name}=5.03e-09")
    path = tagged(tmp_path / "fei.tif", with_bar(grain()), FEI, text)
    with pytest.raises(ReadError, match=r"5\.03 nm.*5 nm"):
        read(path)
    assert "the file says" not in _leaf(path, pixel_size=5.03).attrs["flags"]


def test_fei_scale_within_half_a_percent(tmp_path: Path) -> None:
    text = vendor_files.fei_text(200, 160).replace("PixelWidth=5e-09", "PixelWidth=5.02e-09")
    assert float(_leaf(tagged(tmp_path / "fei.tif", with_bar(grain()), FEI, text)).pixel_size_x) == pytest.approx(5.02)


def test_resized_after_acquisition(tmp_path: Path) -> None:
    path = tagged(tmp_path / "half.tif", grain()[::2, ::2], FEI, vendor_files.fei_text(200, 160))
    with pytest.raises(ReadError, match="100 columns, its FEI/Thermo metadata say 200"):
        read(path)
    assert float(_leaf(path, pixel_size="10 nm").x[1]) == 10.0


def test_zeiss(tmp_path: Path) -> None:
    found = _leaf(tagged(tmp_path / "zeiss.tif", grain(), ZEISS, vendor_files.zeiss_text(200)))
    assert _numbers(found) == pytest.approx({
        "beam_energy": 1800.0, "beam_current": 4.7e-9, "working_distance": 4.5e6, "stage_tilt": 52.6,
        "dwell_time": 1e-7, "magnification": 4530.0, "pixel_size_x": 8.0, "pixel_size_y": 8.0,
    }, rel=1e-6)  # fmt: skip
    assert found.attrs["tilt_corrected"] == "yes"
    assert found.attrs["tilt_correction_angle"] == "54.0"
    assert found.attrs["acquired"] == "2016-04-18T22:45:19"
    assert found.attrs["data_bar_rows"] == 0


@pytest.mark.parametrize(
    ("old", "new", "size", "source"),
    [
        ("", "", 8.01234567, "Zeiss header"),
        ("0\r\n0\r\n0\r\n", "0\r\n0\r\n0\r\n9e-9\r\n", 8.01, "Zeiss AP_WIDTH"),  # the value has moved
        ("AP_IMAGE_PIXEL_SIZE\r\n", "AP_OTHER\r\n", 8.01234567, "Zeiss header"),
        ("AP_WIDTH\r\n", "AP_OTHER\r\n", 8.01234567, "Zeiss header"),
    ],
)
def test_zeiss_pixel_size_never_from_ap_pixel_size(
    tmp_path: Path, old: str, new: str, size: float, source: str
) -> None:
    text = vendor_files.zeiss_text(200, pixel=8.01234567e-9)
    found = _leaf(tagged(tmp_path / "zeiss.tif", grain(), ZEISS, text.replace(old, new, 1) if old else text))
    assert float(found.pixel_size_x) == pytest.approx(size, rel=1e-6)
    assert found.attrs["pixel_size_source"].startswith(source)


def test_zeiss_without_scale_is_uncalibrated_not_ap_pixel_size(tmp_path: Path) -> None:
    text = vendor_files.zeiss_text(200).replace("AP_IMAGE_PIXEL_SIZE", "AP_ONE").replace("AP_WIDTH", "AP_TWO")
    found = _leaf(tagged(tmp_path / "zeiss.tif", grain(), ZEISS, text))
    assert found.x.attrs["units"] == "px"


def test_zeiss_scale_that_contradicts_itself(tmp_path: Path) -> None:
    path = tagged(tmp_path / "zeiss.tif", grain(), ZEISS, vendor_files.zeiss_text(200, stated=16e-9))
    with pytest.raises(ReadError, match=r"AP_IMAGE_PIXEL_SIZE gives 16 nm .* AP_WIDTH / columns gives 8 nm"):
        read(path)


def test_zeiss_pages_of_different_scale(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "zeiss.tif") as writer:
        for pixel in (8e-9, 9e-9):
            text = vendor_files.zeiss_text(200, pixel=pixel).encode("cp1252") + b"\0"
            writer.write(grain(), extratags=[(ZEISS, 2, len(text), text, True)], metadata=None)
    with pytest.raises(ReadError, match=r"page 1 gives 8 nm per pixel, page 2 gives 9 nm"):
        read(tmp_path / "zeiss.tif")


def test_zeiss_drawn_data_bar_is_found(tmp_path: Path) -> None:
    found = _leaf(tagged(tmp_path / "zeiss.tif", with_bar(grain()), ZEISS, vendor_files.zeiss_text(200)))
    assert found.attrs["data_bar_rows"] == BAR_ROWS
    assert np.array_equal(found.image.values, grain())


@pytest.mark.parametrize("prefix", ["", "\x01\x02II\x00\x07AccFrames=1\r\n"])
def test_tescan(tmp_path: Path, prefix: str) -> None:
    text = vendor_files.tescan_text()
    text = prefix + text.split("\r\n", 2)[2] if prefix else text  # within the tag the text may follow binary data
    found = _leaf(tagged(tmp_path / "tescan.tif", with_bar(grain()), TESCAN, text))
    assert _numbers(found) == pytest.approx({
        "beam_energy": 5000.0, "beam_current": 1.5e-10, "working_distance": 5e6, "stage_tilt": 55.0,
        "dwell_time": 3.2e-6, "magnification": 25000.0, "pixel_size_x": 6.0, "pixel_size_y": 6.0,
    })  # fmt: skip
    assert found.attrs["instrument"] == "MIRA3 LMH"
    assert found.attrs["detector"] == "InBeam SE"
    assert found.attrs["acquired"] == "2024-03-02T10:11:12"
    assert found.attrs["tilt_corrected"] == "no"
    assert np.array_equal(found.image.values, grain())


@pytest.mark.parametrize("name", ["image-tif.hdr", "image.hdr"])
def test_tescan_companion(tmp_path: Path, name: str) -> None:
    found = _leaf(_beside(tmp_path / "image.tif", name, vendor_files.tescan_text(tilt="35"), with_bar(grain())))
    assert float(found.pixel_size_x) == pytest.approx(6.0)
    assert (found.attrs["tilt_corrected"], found.attrs["tilt_correction_angle"]) == ("yes", "55.0")
    assert found.sizes["y"] == 160


def test_tescan_png_with_companion(tmp_path: Path) -> None:
    Picture.fromarray(with_bar(grain())).save(tmp_path / "image.png")
    (tmp_path / "image-png.hdr").write_text(vendor_files.tescan_text())
    assert np.array_equal(_leaf(tmp_path / "image.png").image.values, grain())


def test_tescan_detectors_side_by_side_become_signals(tmp_path: Path) -> None:
    one, two = grain(seed=1), grain(seed=2)
    both = with_bar(np.concatenate([one, two], axis=1))
    found = _leaf(tagged(tmp_path / "two.tif", both, TESCAN, vendor_files.tescan_text(fields=2)))
    assert found.image.dims == ("signal", "y", "x")
    assert list(found.signal.values) == ["InBeam SE", "BSE"]
    assert np.array_equal(found.image.values, np.stack([one, two]))


def test_hitachi(tmp_path: Path) -> None:
    found = _leaf(_beside(tmp_path / "h.tif", "h.txt", vendor_files.hitachi_text(200, 160), with_bar(grain())))
    assert _numbers(found) == pytest.approx({
        "beam_energy": 5000.0, "working_distance": 8.1e6, "magnification": 10000.0, "stage_tilt": 52.0,
        "pixel_size_x": 9.921875, "pixel_size_y": 9.921875,
    })  # fmt: skip
    assert found.attrs["detector"] == "SE(U)"
    assert found.attrs["acquired"] == "2023-05-04T11:12:13"
    assert found.attrs["tilt_corrected"] == "unknown"
    assert np.array_equal(found.image.values, grain())


@pytest.mark.parametrize("maker", ["hitachi", "jeol"])
def test_data_bar_that_lies_over_the_image(tmp_path: Path, maker: str) -> None:
    text = {"hitachi": vendor_files.hitachi_text, "jeol": vendor_files.jeol_text}[maker](200, 180)
    found = _leaf(_beside(tmp_path / "h.tif", "h.txt", text, with_bar(grain())))
    assert found.attrs["data_bar_rows"] == BAR_ROWS


def test_jeol_micron_bar_is_flagged_as_coarse(tmp_path: Path) -> None:
    found = _leaf(_beside(tmp_path / "j.tif", "j.txt", vendor_files.jeol_text(200, 160), with_bar(grain())))
    assert _numbers(found) == pytest.approx({
        "beam_energy": 5000.0, "working_distance": 1.02e7, "magnification": 25000.0, "stage_tilt": 52.0,
        "pixel_size_x": 1000 / 180, "pixel_size_y": 1000 / 180,
    })  # fmt: skip
    assert "micron bar, good to 0.28 %" in found.attrs["flags"]
    assert found.sizes["y"] == 160


def test_jeol_pixel_size_wins_over_the_bar(tmp_path: Path) -> None:
    text = vendor_files.jeol_text(200, 160, extra="$CM_PIXEL_SIZE 0.0055511")
    found = _leaf(_beside(tmp_path / "j.tif", "j.txt", text, with_bar(grain())))
    assert float(found.pixel_size_x) == pytest.approx(5.5511)
    assert found.attrs["flags"] == ""


def test_jeol_bar_that_contradicts_the_pixel_size(tmp_path: Path) -> None:
    text = vendor_files.jeol_text(200, 160, extra="$CM_PIXEL_SIZE 0.011")
    with pytest.raises(ReadError, match="contradicts itself"):
        read(_beside(tmp_path / "j.tif", "j.txt", text, with_bar(grain())))


def test_another_text_file_beside_the_image_is_no_metadata(tmp_path: Path) -> None:
    found = _leaf(_beside(tmp_path / "a.tif", "a.txt", "my notes = none", grain()))
    assert found.x.attrs["units"] == "px"


@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "int32", "float32"])
def test_digital_micrograph(tmp_path: Path, version: int, dtype: str) -> None:
    image = grain().astype(dtype)
    found = _leaf(vendor_files.dm3(tmp_path / f"image.dm{version}", image, version=version))
    assert np.array_equal(found.image.values, image)
    assert found.image.dtype == dtype
    assert _numbers(found) == pytest.approx(
        {"beam_energy": 5000.0, "magnification": 2e4, "pixel_size_x": 4.0, "pixel_size_y": 4.0}
    )


def test_digital_micrograph_units_and_stacks(tmp_path: Path) -> None:
    stack = np.stack([grain(seed=seed) for seed in range(3)])
    found = _leaf(vendor_files.dm3(tmp_path / "image.dm3", stack, scale=0.25, unit="µm"))
    assert found.image.dims == ("z", "y", "x")
    assert float(found.x[1]) == pytest.approx(250.0)
    assert float(found.z[1]) == pytest.approx(250.0)
    assert np.array_equal(found.image.values, stack)


@pytest.mark.parametrize(("unit", "size"), [("nm", 4.0), ("um", 4000.0), ("micron", 4000.0), ("\\u00B5m", 4000.0)])
def test_imagej_with_a_real_unit(tmp_path: Path, unit: str, size: float) -> None:
    stack = np.stack([grain(seed=seed) for seed in range(2)])
    options = {"unit": unit, "spacing": 30.0, "axes": "ZYX"}
    tifffile.imwrite(tmp_path / "ij.tif", stack, imagej=True, resolution=(0.25, 0.25), metadata=options)
    found = _leaf(tmp_path / "ij.tif")
    assert float(found.x[1]) == pytest.approx(size)
    assert float(found.z[1]) == pytest.approx(30.0 * size / 4.0)
    assert np.array_equal(found.image.values, stack)


@pytest.mark.parametrize("unit", ["pixel", "inch", ""])
def test_imagej_without_a_real_unit_is_uncalibrated(tmp_path: Path, unit: str) -> None:
    tifffile.imwrite(tmp_path / "ij.tif", grain(), imagej=True, resolution=(72, 72), metadata={"unit": unit})
    assert _leaf(tmp_path / "ij.tif").x.attrs["units"] == "px"


def test_ome(tmp_path: Path) -> None:
    options = {
        "axes": "YX",
        "PhysicalSizeX": 0.02,
        "PhysicalSizeXUnit": "µm",
        "PhysicalSizeY": 20,
        "PhysicalSizeYUnit": "nm",
    }
    tifffile.imwrite(tmp_path / "image.ome.tif", grain(), metadata=options)
    found = _leaf(tmp_path / "image.ome.tif")
    assert (float(found.x[1]), float(found.y[1])) == pytest.approx((20.0, 20.0))


def _preview(path: Path) -> None:
    with tifffile.TiffWriter(path) as writer:
        writer.write(grain(), metadata=None)
        writer.write(grain()[::4, ::4], subfiletype=1, metadata=None)


def _other_size(path: Path) -> None:
    with tifffile.TiffWriter(path) as writer:
        writer.write(grain()[::4, ::4], metadata=None)
        writer.write(grain(), metadata=None)


@pytest.mark.parametrize("write", [_preview, _other_size])
def test_previews_are_no_slices(tmp_path: Path, write: Callable[[Path], None]) -> None:
    write(tmp_path / "image.tif")
    found = _leaf(tmp_path / "image.tif")
    assert np.array_equal(found.image.values, grain())
    assert "1 page(s) of other size" in found.attrs["flags"]


@pytest.mark.parametrize("compression", [None, "zlib", "lzma"])
@pytest.mark.parametrize("layout", [{}, {"rowsperstrip": 7}, {"tile": (64, 48)}])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_layouts_of_tiff(tmp_path: Path, compression: str | None, layout: dict[str, Any], dtype: str) -> None:
    image = grain(150, 333, dtype)
    tifffile.imwrite(tmp_path / "image.tif", image, compression=compression, metadata=None, **layout)
    assert np.array_equal(_leaf(tmp_path / "image.tif", data_bar="none").image.values, image)


@pytest.mark.parametrize(
    "layout", [{}, {"rowsperstrip": 300, "compression": "zlib"}, {"tile": (256, 512), "compression": "zlib"}]
)
def test_large_images_come_in_bands_and_tiles(tmp_path: Path, layout: dict[str, Any]) -> None:
    image = np.random.default_rng(5).integers(1, 200, (5000, 4500), np.uint8)
    tifffile.imwrite(tmp_path / "large.tif", image, metadata=None, **layout)
    found = _leaf(tmp_path / "large.tif", max_ratio=1e4)
    assert max(max(sizes) for sizes in found.image.chunks) <= 4096
    assert np.array_equal(found.image.values, image)


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "tiff_adobe_deflate", "group4"])
def test_compressions_that_only_pillow_decodes(tmp_path: Path, compression: str) -> None:
    picture = Picture.fromarray(grain() > 100 if compression == "group4" else grain())
    picture.save(tmp_path / "image.tif", compression=compression)
    if compression == "group4":
        with pytest.raises(ReadError, match="mask"):
            read(tmp_path / "image.tif")
    else:
        assert np.array_equal(_leaf(tmp_path / "image.tif").image.values, grain())


def test_lossy_compression_is_flagged(tmp_path: Path) -> None:
    Picture.fromarray(grain()).save(tmp_path / "image.tif", compression="jpeg")
    assert "lossy compression (JPEG)" in _leaf(tmp_path / "image.tif").attrs["flags"]


def test_white_is_zero_is_inverted(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "white.tif", 255 - grain(), photometric="miniswhite")
    assert np.array_equal(_leaf(tmp_path / "white.tif").image.values, grain())


def test_coloured_palette_is_flagged(tmp_path: Path) -> None:
    palette = np.random.default_rng(0).integers(0, 65535, (3, 256)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "palette.tif", grain(), photometric="palette", colormap=palette)
    found = _leaf(tmp_path / "palette.tif")
    assert np.array_equal(found.image.values, grain())
    assert "false colours" in found.attrs["flags"]


@pytest.mark.parametrize(("setting", "rows"), [("auto", 160), ("none", 180), (30, 150), (0, 180)])
def test_data_bar_setting(tmp_path: Path, setting: str | int, rows: int) -> None:
    path = tagged(tmp_path / "fei.tif", with_bar(grain()), FEI, vendor_files.fei_text(200, 160))
    found = _leaf(path, data_bar=setting)
    assert found.sizes["y"] == rows
    assert found.attrs["data_bar_rows"] == 180 - rows
