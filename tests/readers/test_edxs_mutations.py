"""Rows 2-24 of the table of faults for X-ray files: one clear error or a flag, never a hang, never short in silence."""

from __future__ import annotations

import bz2
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from readers import edxs_files as files
from readers.edxs_files import cube

from imgpipe.errors import DataError, ImgpipeError
from imgpipe.readers import admit_spectrum, read

COUNTS = cube()
SHARES = (0.01, 0.25, 0.5, 0.9)
MAKERS: dict[str, Callable[[Path], Path]] = {
    "a.msa": lambda path: files.msa(path, COUNTS.sum(axis=(0, 1))),
    "a.hspy": lambda path: files.hspy(path, COUNTS),
    "a.emd": lambda path: files.velox(path, COUNTS),
    "a.spd": lambda path: files.spd(path, COUNTS),
    "a.spc": lambda path: files.spc(path, COUNTS.sum(axis=(0, 1))),
    "a.rpl": lambda path: files.ripple(path, COUNTS),
}
REAL = (
    "bruker/16x16_12bit_packed_8bit.bcf", "bruker/bruker_nano.spx", "phenom/Elid2Version4.elid", "jeol/met03.EDS",
    "digitalmicrograph/test-EDS_spectrum.dm3", "msa/example2.msa",
    "tia/16x16-line_profile_horizontal_5x128x128_EDS_1.ser",
)  # fmt: skip
PTS = "jeol/Sample/00_View000/View000_0000006.pts"
NAMES = tuple(MAKERS)


def outcome(path: Path) -> ImgpipeError | xr.DataTree:
    try:
        return read(path, timeout_s=30)
    except ImgpipeError as error:
        return error


def sound(path: Path, error: ImgpipeError) -> bool:
    """Tell whether an error names file, cause and remedy, and is no hang; a crash of the child is a cause."""
    text = str(error)
    return error.file == str(path) and bool(error.remedy) and "no answer" not in text and "[reader" in text


def refused(path: Path) -> str:
    found = outcome(path)
    assert isinstance(found, ImgpipeError)
    assert found.file == str(path)
    assert found.remedy
    return str(found)


def cause(path: Path) -> str:
    """Return what the error says without the name of the file and the remedy."""
    refused(path)
    found = outcome(path)
    assert isinstance(found, ImgpipeError)
    return found.message


def told(path: Path) -> bool:
    """Tell whether a file is refused, or flagged by reader or gate."""
    found = outcome(path)
    if isinstance(found, ImgpipeError):
        return sound(path, found) or "looks like" in str(found)
    return any(leaf.attrs["flags"] or gate_tells(leaf.to_dataset()) for leaf in found.leaves)


def gate_tells(leaf: xr.Dataset) -> bool:
    try:
        return bool(admit_spectrum(leaf))
    except DataError:
        return True


def flipped(content: bytes, count: int, seed: int) -> bytes:
    generator = np.random.default_rng(seed)
    mutated = bytearray(content)
    for _ in range(count):
        mutated[generator.integers(len(content))] ^= 1 << int(generator.integers(8))
    return bytes(mutated)


def survives(path: Path, count: int, seeds: range) -> None:
    """Assert that mutated files give data of full size, a flag, or an error with file and remedy."""
    content = path.read_bytes()
    size = values(read(path))
    for seed in seeds:
        path.write_bytes(flipped(content, count, seed))
        found = outcome(path)
        if isinstance(found, ImgpipeError):
            assert sound(path, found) or "looks like" in str(found)
        else:
            assert values(found) == size or told(path)


def values(tree: xr.DataTree) -> int:
    return sum(int(leaf["counts"].size) for leaf in tree.leaves if "counts" in leaf.data_vars)


@pytest.mark.parametrize("name", NAMES)
def test_row_02_03_empty_and_one_byte(tmp_path, name):
    (tmp_path / name).write_bytes(b"")
    assert "empty (0 bytes)" in refused(tmp_path / name)
    (tmp_path / name).write_bytes(MAKERS[name](tmp_path / name).read_bytes()[:1])
    refused(tmp_path / name)


@pytest.mark.parametrize("name", NAMES)
def test_row_09_cut(tmp_path, name):
    path = MAKERS[name](tmp_path / name)
    content = path.read_bytes()
    for share in SHARES:
        path.write_bytes(content[: int(share * len(content))])
        if name == "a.rpl":  # a short header may still be one; it carries no count of its lines
            assert told(path) or outcome(path)["map"].counts.shape == COUNTS.shape
        elif name == "a.msa" and share == 0.01:  # 14 bytes, of any format
            assert "the content is not EMSA" in refused(path)
        else:
            assert "cut" in cause(path)


def test_row_09_cut_values_beside_a_header(tmp_path):
    path = files.ripple(tmp_path / "a.rpl", COUNTS)
    raw = path.with_suffix(".raw")
    raw.write_bytes(raw.read_bytes()[:-2])
    assert "it is cut, or belongs to another header" in refused(path)


def test_row_11_zeros_at_the_end_of_a_map_are_told(tmp_path):
    path = files.spd(tmp_path / "a.spd", COUNTS)
    content = path.read_bytes()
    path.write_bytes(content[:-7000] + bytes(7000))
    assert "ends with 2 rows without counts" in read(path)["map"].attrs["flags"]


@pytest.mark.parametrize("name", NAMES)
def test_row_13_14_flipped_bits(tmp_path, name):
    path = MAKERS[name](tmp_path / name)
    survives(path, 1, range(4))
    survives(MAKERS[name](path), 32, range(4, 8))


@pytest.mark.parametrize("name", NAMES)
def test_row_16_random_bytes(tmp_path, name, rng):
    (tmp_path / name).write_bytes(rng.bytes(5000))
    refused(tmp_path / name)


def test_row_23_24_sizes_without_data(tmp_path):
    path = files.spd(tmp_path / "a.spd", COUNTS)
    content = bytearray(path.read_bytes())
    content[24:32] = (1 << 20).to_bytes(4, "little") * 2
    path.write_bytes(content)
    assert "more than the limit" in refused(path)
    content[24:32] = (1 << 10).to_bytes(4, "little") * 2
    path.write_bytes(content)
    assert "the file is cut: its header states" in refused(path)


def test_row_30_a_bomb_and_another_archive_named_phenom(tmp_path):
    path = tmp_path / "a.elid"
    path.write_bytes(bz2.compress(b"EID2" + bytes(1 << 24)))
    with pytest.raises(ImgpipeError, match="unpacks to more than"):
        read(path, max_pixels=1 << 20)
    path.write_bytes(bz2.compress(b"some text"))
    assert "no Phenom project" in refused(path)


@pytest.mark.parametrize("name", [*REAL, PTS])
def test_row_09_cut_real_files(real_data, tmp_path, name):
    content = (real_data / "fibsem/rosettasciio" / name).read_bytes()
    path = tmp_path / Path(name).name
    for share in (0.01, 0.25, 0.5, 0.9, 0.99) if not name.startswith("msa") else (0.25, 0.9):
        path.write_bytes(content[: int(share * len(content))])
        assert "cut" in cause(path)


JUNK = (
    "bruker/16x16_12bit_packed_8bit.bcf", "phenom/Elid2Version4.elid", "jeol/met03.EDS",
    "tia/16x16-line_profile_horizontal_5x128x128_EDS_1.ser", "msa/example2.msa",
    "../exspy/EDS_SEM_TM002.hspy",
)  # fmt: skip


@pytest.mark.parametrize("name", JUNK)
@pytest.mark.parametrize("size", [1, 3000])
def test_row_17_bytes_after_the_end_of_real_files(real_data, tmp_path, rng, name, size):
    """The values stay what they are, and the bytes beyond are told."""
    source = real_data / "fibsem/rosettasciio" / name
    path = tmp_path / source.name
    path.write_bytes(source.read_bytes())
    whole = read(path)
    path.write_bytes(source.read_bytes() + b"\x07" + rng.bytes(size - 1))
    found = read(path)
    for sound_leaf, leaf in zip(whole.leaves, found.leaves, strict=True):
        assert re.search(rf"\b{size} byte\(s\) after ", leaf.attrs["flags"])
        assert "byte(s) after" not in sound_leaf.attrs["flags"]
        if "counts" in leaf:
            assert leaf.attrs["count_statistics"] == sound_leaf.attrs["count_statistics"]


def test_row_17_bytes_after_the_stream_of_a_jeol_map_are_no_x_rays(real_data, tmp_path):
    path = tmp_path / "a.pts"
    path.write_bytes((real_data / "fibsem/rosettasciio" / PTS).read_bytes() + bytes([0x05, 0xB0]) * 500)
    found = read(path)["map"]
    assert json.loads(found.attrs["count_statistics"])["total"] == 308261
    assert "1000 byte(s) after the end" in found.attrs["flags"]


def test_row_17_bytes_after_the_end_of_an_edax_map(tmp_path):
    path = files.spd(tmp_path / "a.spd", COUNTS)
    path.write_bytes(path.read_bytes() + bytes(55))
    assert "55 byte(s) after the end" in read(path)["map"].attrs["flags"]


def test_row_17_bytes_after_the_end_of_a_velox_file(tmp_path):
    path = files.velox(tmp_path / "a.emd", COUNTS)
    path.write_bytes(path.read_bytes() + bytes(77))
    assert "77 byte(s) after the end" in read(path)["map"].attrs["flags"]


def test_row_11_zeros_at_the_end_of_a_spectrum_are_named(tmp_path):
    path = files.msa(tmp_path / "a.msa", COUNTS.sum(axis=(0, 1)))
    content = path.read_bytes()
    path.write_bytes(content[:-300] + bytes(300))
    assert f"zero bytes from byte {len(content) - 300} on" in refused(path)


@pytest.mark.parametrize("name", REAL)
def test_row_13_14_flipped_bits_in_real_files(real_data, tmp_path, name):
    path = tmp_path / Path(name).name
    content = (real_data / "fibsem/rosettasciio" / name).read_bytes()
    path.write_bytes(content)
    survives(path, 32, range(2))
    path.write_bytes(content)
    survives(path, 2, range(2, 4))


@pytest.mark.truth
def test_row_13_18_many_flipped_bits_in_bruker_maps(real_data, tmp_path):
    """Two bits are enough to crash the decoder; every one of them ends in an error that names the file."""
    path = tmp_path / "a.bcf"
    content = (real_data / "fibsem/rosettasciio/bruker/16x16_12bit_packed_8bit.bcf").read_bytes()
    path.write_bytes(content)
    survives(path, 2, range(100, 150))
