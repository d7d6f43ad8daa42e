"""Rows of the table of faults that concern a single file: each is refused or flagged, never silent, never a crash."""

from __future__ import annotations

import os
import shutil
import struct
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image as Picture
from readers import tiny_tiff
from readers.conftest import FORMAT_NAMES
from readers.vendor_files import FEI, fei_text, grain, tagged, with_bar

from imgpipe.errors import DataError, ImgpipeError, ReadError
from imgpipe.readers import read

Make = Callable[[str], Path]


def flags(path: Path, **options: object) -> str:
    """Return the flags of a file that can be read."""
    return str(read(path, **options)["image"].attrs["flags"])  # type: ignore[arg-type]


def refused(path: Path, **options: object) -> str:
    """Return the whole message of a file that can't be read; the common row of the table holds for it."""
    with pytest.raises(ImgpipeError) as caught:
        read(path, **options)  # type: ignore[arg-type]
    assert caught.value.file == str(path)
    assert caught.value.remedy
    return str(caught.value)


def test_common_row_names_file_reader_version_cause_and_remedy(make: Make) -> None:
    path = make("zeiss.tif")
    path.write_bytes(path.read_bytes()[:20000])
    message = refused(path)
    for part in (str(path), "reader sem_tiff", f"tifffile {tifffile.__version__}", "strip 1 of 1", "20000", "Remedy:"):
        assert part in message


def test_row_01_missing(make: Make) -> None:
    path = make("zeiss.tif")
    assert "zeiss.tif" in refused(path.with_name("zeis.tif")).split("similar names there:")[1]


def test_row_02_empty(tmp_path: Path) -> None:
    (tmp_path / "empty.tif").write_bytes(b"")
    assert "empty (0 bytes)" in refused(tmp_path / "empty.tif")


@pytest.mark.parametrize("suffix", [".tif", ".png", ".dm3"])
def test_row_03_one_byte(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"one{suffix}").write_bytes(b"I")
    assert "the content is not" in refused(tmp_path / f"one{suffix}")


def test_row_04_directory_named_tif(tmp_path: Path) -> None:
    (tmp_path / "folder.tif").mkdir()
    assert "it is a folder" in refused(tmp_path / "folder.tif")


def test_row_04_pipe_named_tif(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.tif")
    assert "a device or pipe" in refused(tmp_path / "pipe.tif")


def test_row_05_no_permission(make: Make) -> None:
    """Root may read everything, so root becomes somebody else for the attempt."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    path = Path(shutil.copy(make("zeiss.tif"), folder / "secret.tif"))
    path.chmod(0)
    root = os.geteuid() == 0
    try:
        if root:
            os.seteuid(65534)
        assert "no permission" in refused(path)
    finally:
        if root:
            os.seteuid(0)
        shutil.rmtree(folder)


def test_row_06_wrong_suffix_right_content(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    path = make("image.png")
    renamed = path.rename(path.with_suffix(".tif"))
    assert "named .tif but is PNG" in flags(renamed)
    assert "named .tif but is PNG" in caplog.text
    assert np.array_equal(read(renamed)["image"].image.values, grain())


def test_row_07_wrong_content(tmp_path: Path) -> None:
    (tmp_path / "image.tif").write_bytes(b"%PDF-1.7 something else altogether")
    assert "a PDF document" in refused(tmp_path / "image.tif")


def test_row_08_unknown_type_lists_the_supported(tmp_path: Path) -> None:
    (tmp_path / "image.xyz").write_bytes(b"\1\2\3\4 unknown")
    message = refused(tmp_path / "image.xyz")
    assert all(word in message for word in ("unknown file type .xyz", ".tif", ".png", ".dm3", "Zeiss"))


@pytest.mark.parametrize("name", FORMAT_NAMES)
@pytest.mark.parametrize("share", [0.01, 0.25, 0.5, 0.9])
def test_row_09_cut(make: Make, name: str, share: float) -> None:
    path = make(name)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    refused(path)


def test_row_09_cut_between_the_pages_of_a_stack(make: Make) -> None:
    """The first page is whole, the second is gone: a smaller stack must not pass."""
    path = make("tiled.tif")
    with tifffile.TiffFile(path) as file:
        second = file.pages[1].offset
    path.write_bytes(path.read_bytes()[:second])
    assert "directory of page 2" in refused(path)


@pytest.mark.parametrize("name", FORMAT_NAMES)
def test_row_10_cut_by_4_kb(make: Make, name: str) -> None:
    path = make(name)
    path.write_bytes(path.read_bytes()[:-4096])
    refused(path)


@pytest.mark.parametrize("name", FORMAT_NAMES)
def test_row_11_zero_filled_tail(make: Make, name: str) -> None:
    path = make(name)
    before = flags(path)
    content = path.read_bytes()
    path.write_bytes(content[:-8192] + bytes(8192))
    try:
        after = flags(path)
    except ImgpipeError:
        return
    assert after != before, after


def test_row_11_zero_filled_tail_says_so(make: Make) -> None:
    path = make("zeiss.tif")
    path.write_bytes(path.read_bytes()[:-6000] + bytes(6000))
    assert "interrupted copy" in flags(path)


@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
@pytest.mark.parametrize("tail", [True, False])
def test_row_11_12_zeros_in_tiles_and_compressed_strips(tmp_path: Path, compression: str | None, tail: bool) -> None:
    path = tmp_path / "image.tif"
    if compression == "lzw":
        Picture.fromarray(grain()).save(path, compression="tiff_lzw")
    else:
        tifffile.imwrite(path, grain(192, 192), tile=(64, 64), compression=compression, metadata=None)
    assert "zero" not in flags(path)
    with tifffile.TiffFile(path) as file:
        end = file.pages[0].dataoffsets[-1] + file.pages[0].databytecounts[-1]
    content = bytearray(path.read_bytes())
    stop = end if tail else end // 2
    content[stop - 3000 : stop] = bytes(3000)
    path.write_bytes(content)
    told = _told(path)
    assert "zero bytes in the stored pixels" in told or (compression and "can't be decoded" in told)


def _told(path: Path) -> str:
    try:
        return flags(path)
    except ReadError as error:
        return error.message


def test_row_12_hole_of_zeros(make: Make) -> None:
    path = make("zeiss.tif")
    content = path.read_bytes()
    path.write_bytes(content[:-20000] + bytes(8192) + content[-20000 + 8192 :])
    assert "zero pixels (lost block, or black)" in flags(path)


def _flip(content: bytes, count: int, seed: int) -> bytes:
    generator = np.random.default_rng(seed)
    mutated = bytearray(content)
    for _ in range(count):
        anywhere = generator.random() < 0.5
        place = generator.integers(len(content)) if anywhere else generator.integers(min(600, len(content)))
        mutated[place] ^= 1 << int(generator.integers(8))
    return bytes(mutated)


def _survives(path: Path, content: bytes, count: int, seeds: range) -> None:
    fatal = [seed for seed in seeds if _is_fatal(path, _flip(content, count, seed))]
    assert fatal == []


def _is_fatal(path: Path, content: bytes) -> bool:
    path.write_bytes(content)
    try:
        read(path, timeout_s=30)["image"].image.compute()
    except ImgpipeError as error:
        return any(word in str(error) for word in ("crashed", "no answer", "exit code"))
    return False


@pytest.mark.parametrize("name", FORMAT_NAMES)
@pytest.mark.parametrize("count", [1, 32], ids=["row_13", "row_14"])
def test_row_13_14_flipped_bits(make: Make, name: str, count: int) -> None:
    path = make(name)
    _survives(path, path.read_bytes(), count, range(12))


@pytest.mark.truth
@pytest.mark.parametrize("name", FORMAT_NAMES)
@pytest.mark.parametrize("count", [1, 32])
def test_row_13_14_many_flipped_bits(make: Make, name: str, count: int) -> None:
    path = make(name)
    _survives(path, path.read_bytes(), count, range(100, 600))


def test_row_13_one_flipped_bit_is_seen_where_the_format_has_checksums(make: Make) -> None:
    path = make("image.png")
    content = path.read_bytes()
    for seed in range(20):
        path.write_bytes(_flip(content, 1, seed))
        refused(path)


def test_row_13_a_flipped_bit_in_the_place_of_a_strip(make: Make) -> None:
    path = make("tescan.tif")
    with tifffile.TiffFile(path) as file:
        place = file.pages[0].tags[273].valueoffset
    content = bytearray(path.read_bytes())
    content[place + 4] ^= 0x10
    path.write_bytes(content)
    assert "overlap" in refused(path)


@pytest.mark.parametrize("suffix", [".tif", ".png", ".dm3", ".dm4"])
def test_row_15_text_in_a_binary_name(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"notes{suffix}"
    path.write_text("measured on Monday, tilt 52 degrees\n" * 20)
    assert "text ('measured on Monday" in refused(path)


@pytest.mark.parametrize("magic", [b"", b"II*\0", b"MM\0+", b"\x89PNG\r\n\x1a\n", b"\0\0\0\3", b"\0\0\0\4"])
def test_row_16_random_bytes(tmp_path: Path, magic: bytes) -> None:
    for seed in range(5):
        path = tmp_path / "random.tif"
        path.write_bytes(magic + np.random.default_rng(seed).bytes(3000))
        refused(path, timeout_s=30)


@pytest.mark.parametrize("name", FORMAT_NAMES)
def test_row_17_trailing_junk_is_read_with_a_warning(make: Make, name: str) -> None:
    path = make(name)
    before = read(path)["image"].image.values
    path.write_bytes(path.read_bytes() + b"junk" * 100)
    after = read(path)["image"]
    assert np.array_equal(after.image.values, before)
    assert "400 bytes after the end" in after.attrs["flags"]


def test_row_21_bomb_refused_by_ratio_and_the_option_lifts_it(tmp_path: Path) -> None:
    path = tmp_path / "bomb.tif"
    tifffile.imwrite(path, np.zeros((3000, 3000), np.uint8), compression="zlib")
    assert "fold when decompressed" in refused(path)
    assert "max_ratio" in refused(path)
    assert flags(path, max_ratio=1e6).endswith("constant image")


def test_row_21_bomb_refused_by_pixels_and_the_option_lifts_it(tmp_path: Path) -> None:
    path = tmp_path / "large.tif"
    tifffile.imwrite(path, grain(200, 200))
    assert "claims 40000 pixels, more than the limit of 10000" in refused(path, max_pixels=10_000)
    assert read(path, max_pixels=40_000)["image"].sizes["x"] == 200


def test_row_21_png_bomb(tmp_path: Path) -> None:
    Picture.fromarray(np.zeros((4000, 4000), np.uint8)).save(tmp_path / "bomb.png")
    assert "fold when decompressed" in refused(tmp_path / "bomb.png")


@pytest.mark.parametrize(("width", "height"), [(2**31, 2**31 - 1), (2**31 - 1, 1), (1, 2**32 - 1)])
def test_row_23_dimensions_of_2_to_the_31(tmp_path: Path, width: int, height: int) -> None:
    path = tiny_tiff.write(tmp_path / "huge.tif", width, height, bytes(100))
    assert "claims" in refused(path, timeout_s=20)


def test_row_24_claims_10_gb_with_100_bytes(tmp_path: Path) -> None:
    path = tiny_tiff.write(tmp_path / "claim.tif", 50_000, 40_000, bytes(100), claimed=2_000_000_000)
    assert "cut or damaged" in refused(path, timeout_s=20, max_pixels=10**12)


def test_row_24_png_and_dm3_that_claim_more_than_they_hold(make: Make) -> None:
    path = make("image.png")
    content = bytearray(path.read_bytes())
    content[16:24] = struct.pack(">II", 60_000, 60_000)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    path.write_bytes(content)
    assert "fold when decompressed" in refused(path, timeout_s=20)
    path = make("image.dm3")
    content = bytearray(path.read_bytes())
    place = content.index(struct.pack(">II", 4, 160 * 200))
    content[place + 4 : place + 8] = struct.pack(">I", 2**31 - 1)
    path.write_bytes(content)
    refused(path, timeout_s=20)


def test_row_25_directory_ring(tmp_path: Path) -> None:
    path = tiny_tiff.write(tmp_path / "ring.tif", 10, 10, bytes(100), following=8)
    assert "form a ring" in refused(path, timeout_s=20)


@pytest.mark.parametrize(
    "name",
    [
        "Schicht für Mg µm.tif",
        "one two.tif",
        "line\nbreak.tif",
        "漢字.tif",
        "'quoted\" $HOME.tif",
        "-rf.tif",
        "a" * 251 + ".tif",
    ],
)
def test_row_37_unusual_names(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    tifffile.imwrite(path, grain())
    found = read(path)["image"]
    assert np.array_equal(found.image.values, grain())
    assert found.attrs["source_file"] == name


def test_row_37_long_path(tmp_path: Path) -> None:
    folder = tmp_path.joinpath(*["f" * 200] * 8)
    folder.mkdir(parents=True)
    tifffile.imwrite(folder / "image.tif", grain())
    assert np.array_equal(read(folder / "image.tif")["image"].image.values, grain())


def test_row_37_name_longer_than_allowed(tmp_path: Path) -> None:
    assert "longer than this system allows" in refused(tmp_path / ("n" * 300 + ".tif"))


def test_row_37_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/latin\xe4.tif"))
    path.write_bytes(tiny_tiff.write(tmp_path / "t.tif", 200, 160, grain().tobytes()).read_bytes())
    assert np.array_equal(read(path)["image"].image.values, grain())


def test_row_38_file_changes_while_it_is_read(misbehaving: Make) -> None:
    assert "changed while it was read (104 bytes before, 108 bytes now)" in refused(misbehaving("grow"))


def test_row_39_same_stem_in_one_scratch_folder(tmp_path: Path) -> None:
    for folder, seed in (("a", 1), ("b", 2)):
        (tmp_path / folder).mkdir()
        tifffile.imwrite(tmp_path / folder / "image.tif", grain(seed=seed))
    one, two = (read(tmp_path / folder / "image.tif", scratch=tmp_path / "scratch")["image"] for folder in "ab")
    assert np.array_equal(one.image.values, grain(seed=1))
    assert np.array_equal(two.image.values, grain(seed=2))


def test_row_40_symlink_ring(tmp_path: Path) -> None:
    (tmp_path / "a.tif").symlink_to(tmp_path / "b.tif")
    (tmp_path / "b.tif").symlink_to(tmp_path / "a.tif")
    assert "leads back to itself" in refused(tmp_path / "a.tif")


@pytest.mark.parametrize(("value", "row"), [(np.nan, "1 NaN and 0 infinite"), (np.inf, "0 NaN and 1 infinite")])
def test_row_41_42_not_finite(tmp_path: Path, value: float, row: str) -> None:
    image = grain().astype(np.float32)
    image[5, 5] = value
    tifffile.imwrite(tmp_path / "float.tif", image)
    assert row in flags(tmp_path / "float.tif")
    assert row in refused_by_gate(tmp_path / "float.tif")


def refused_by_gate(path: Path, limit: float = 0.05) -> str:
    """Return the message with which the gate refuses a file that can be read."""
    read(path)
    with pytest.raises(DataError) as caught:
        read(path, saturated_limit=limit)
    assert caught.value.file == path.name
    return str(caught.value)


def test_row_43_constant(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "flat.tif", np.full((50, 50), 7, np.uint8))
    assert "constant image" in flags(tmp_path / "flat.tif")
    assert "every pixel is 7" in refused_by_gate(tmp_path / "flat.tif")


def test_row_44_saturated_flag_and_error_and_setting(tmp_path: Path) -> None:
    image = grain(100, 100)
    image[:2] = 255
    tifffile.imwrite(tmp_path / "bright.tif", image)
    assert "saturated 2 %" in str(read(tmp_path / "bright.tif", saturated_limit=0.05)["image"].attrs["flags"])
    assert "2 % of the pixels are saturated at 255" in refused_by_gate(tmp_path / "bright.tif", 0.01)


def test_row_44_data_bar_does_not_count(tmp_path: Path) -> None:
    path = tagged(tmp_path / "bar.tif", with_bar(grain()), FEI, fei_text(200, 160))
    assert flags(path) == ""
    assert "saturated" in flags(path, data_bar="none")


@pytest.mark.parametrize(("width", "height"), [(0, 10), (10, 0)])
def test_row_45_size_0(tmp_path: Path, width: int, height: int) -> None:
    path = tiny_tiff.write(tmp_path / "nothing.tif", width, height, b"")
    assert "has no size" in refused(path)


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 3)])
def test_row_46_too_small(tmp_path: Path, shape: tuple[int, int]) -> None:
    tifffile.imwrite(tmp_path / "small.tif", grain(*shape), photometric="minisblack", metadata=None)
    assert "at least 8" in refused_by_gate(tmp_path / "small.tif")


@pytest.mark.parametrize(("shift", "bits"), [(0, 12), (4, 12)])
def test_row_48_12_bits_in_16(tmp_path: Path, shift: int, bits: int) -> None:
    image = np.random.default_rng(3).integers(100, 4000, (60, 60)).astype(np.uint16) << shift
    image[:3] = 4095 << shift
    tifffile.imwrite(tmp_path / "twelve.tif", image)
    found = read(tmp_path / "twelve.tif")["image"]
    assert found.image.attrs["bits"] == bits
    assert "saturated 5 %" in found.attrs["flags"]
    assert np.array_equal(found.image.values, image)


@pytest.mark.parametrize("dtype", ["int16", "int32", "uint32", "float32", "float64", ">u2", ">i4", ">f4", "float16"])
def test_row_49_other_number_types_are_read(tmp_path: Path, dtype: str) -> None:
    image = grain(dtype="uint16").astype(dtype)
    tifffile.imwrite(tmp_path / "type.tif", image, byteorder=">" if dtype[0] == ">" else "<")
    found = read(tmp_path / "type.tif", saturated_limit=0.05)["image"].image
    assert found.dtype.isnative
    assert np.array_equal(found.values, image)


def test_row_49_complex_and_masks_are_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "fft.tif", np.fft.fft2(grain()).astype(np.complex64))
    assert "complex numbers" in refused(tmp_path / "fft.tif")
    Picture.fromarray(grain() > 100).save(tmp_path / "mask.tif")
    assert "black and white mask" in refused(tmp_path / "mask.tif")


def test_row_50_no_pixel_size_is_px_and_flagged(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "plain.tif", grain(), resolution=(72, 72), resolutionunit="INCH")
    found = read(tmp_path / "plain.tif")["image"]
    assert found.x.attrs["units"] == found.y.attrs["units"] == "px"
    assert float(found.x[1]) == 1.0
    assert "pixel_size_x" not in found.data_vars
    assert "uncalibrated" in found.attrs["flags"]


def test_row_51_nm_against_um(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "plain.tif", grain())
    for given in (250.0, "250 nm", "0.25 um", ("0.25 um", 250.0)):
        assert float(read(tmp_path / "plain.tif", pixel_size=given)["image"].x[1]) == pytest.approx(250.0, rel=1e-12)


@pytest.mark.parametrize("size", [0, -3.0, "0 nm", float("nan"), float("inf"), "3 kg", "3 px"])
def test_row_51_impossible_pixel_size(tmp_path: Path, size: float | str) -> None:
    tifffile.imwrite(tmp_path / "plain.tif", grain())
    with pytest.raises(DataError):
        read(tmp_path / "plain.tif", pixel_size=size)


def test_row_51_anisotropic_is_flagged(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "plain.tif", grain())
    found = read(tmp_path / "plain.tif", pixel_size=(5.0, 6.0))["image"]
    assert "anisotropic pixels: 5 nm along x, 6 nm along y" in found.attrs["flags"]
    assert (float(found.x[1]), float(found.y[1])) == (5.0, 6.0)


def test_row_51_given_size_that_contradicts_the_file_is_flagged(make: Make) -> None:
    assert "given as 9 nm, the file says 8 nm" in flags(make("zeiss.tif"), pixel_size=9.0)


def test_row_54_equal_channels_are_grey(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "rgb.tif", np.stack([grain()] * 3, -1), photometric="rgb")
    assert np.array_equal(read(tmp_path / "rgb.tif")["image"].image.values, grain())


def test_row_54_colour_is_refused_with_the_remedy(tmp_path: Path) -> None:
    image = np.stack([grain()] * 3, -1)
    image[50, 50, 1] += 1
    for path in (tmp_path / "rgb.tif", tmp_path / "rgb.png"):
        Picture.fromarray(image).save(path)
        message = refused(path)
        assert "colour image" in message
        assert "without coloured overlay" in message
