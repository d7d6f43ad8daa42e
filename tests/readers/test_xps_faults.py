"""Rows of the table of faults for spectra: never a crash or a hang, never short in silence where a count is stated."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from readers import spectrum_files as files
from readers.spectrum_files import peak

from imgpipe.errors import DataError, ImgpipeError, ReadError
from imgpipe.readers import admit_spectrum, read

COUNTS = peak(200)
SHARES = (0.01, 0.25, 0.5, 0.9)


def _vamas(path: Path) -> Path:
    through = np.linspace(1, 2, COUNTS.size)
    return files.vamas(
        path, [files.vamas_block("S 2p", COUNTS, transmission=through), files.vamas_block("C 1s", COUNTS)]
    )


def _irregular(path: Path) -> Path:
    return files.vamas(path, [files.vamas_block("S 2p", COUNTS, scan="IRREGULAR")] * 3, scan="IRREGULAR")


def _profile(path: Path) -> Path:
    return files.phi(path, np.stack([COUNTS] * 4), times=[0, 30, 60, 90])


def _workbook(path: Path) -> Path:
    rows = [["BE", "counts"], *([170 - 0.1 * i, float(value)] for i, value in enumerate(COUNTS))]
    return files.xlsx(path, {"S2p": rows})


MAKERS: dict[str, Callable[[Path], Path]] = {
    "regular.vms": _vamas,
    "irregular.npl": _irregular,
    "casa.txt": lambda path: files.casa_text(path, COUNTS),
    "phi.spe": lambda path: files.phi(path, COUNTS),
    "phi.pro": _profile,
    "scienta.txt": lambda path: files.scienta(path, COUNTS, regions=2),
    "specs.xy": lambda path: files.specs_xy(path, [COUNTS, COUNTS]),
    "specs.xml": lambda path: files.specs_xml(path, COUNTS, [-7, -3, 0, 4, 7]),
    "S2p.csv": lambda path: files.csv(path, COUNTS),
    "S2p.xlsx": _workbook,
}
REAL = (
    "lg4x/0-150W.vms", "pynxtools-xps/FeO_analyzed.vms", "pynxtools-xps/irregular.vms", "pynxtools-xps/SnO2_10nm.spe",
    "pynxtools-xps/SnO2_10nm_1.pro", "pynxtools-xps/Ag_0001.txt", "pynxtools-xps/MgFe2O4_small.xy",
    "pynxtools-xps/In-situ_PBTTT_XPS_SPECS.xml", "pynxtools-xps/vms_txt_export.txt",
)  # fmt: skip
NAMES = tuple(MAKERS)


def refused(path: Path) -> str:
    with pytest.raises(ImgpipeError) as caught:
        read(path, timeout_s=30)
    assert caught.value.file == str(path)
    assert caught.value.remedy
    return str(caught.value)


def _sound_error(path: Path, error: ImgpipeError) -> bool:
    """Tell whether an error says which file and what to do, and is no crash or hang of the reader."""
    fatal = any(word in str(error) for word in ("crashed", "no answer", "exit code"))
    return error.file == str(path) and bool(error.remedy) and not fatal


def _outcome(path: Path) -> ImgpipeError | xr.DataTree:
    try:
        return read(path, timeout_s=30)
    except ImgpipeError as error:
        return error


def _told(path: Path) -> bool:
    """Tell whether a file is refused, or flagged by the reader or the gate."""
    found = _outcome(path)
    if isinstance(found, ImgpipeError):
        return _sound_error(path, found)
    return any(leaf.attrs["flags"] or _gate_tells(leaf.to_dataset()) for leaf in found.leaves)


def _gate_tells(leaf: xr.Dataset) -> bool:
    try:
        return bool(admit_spectrum(leaf))
    except DataError:
        return True


@pytest.mark.parametrize("name", NAMES)
def test_as_written_they_are_read_without_a_flag(tmp_path, name):
    for leaf in read(MAKERS[name](tmp_path / name)).leaves:
        assert leaf.attrs["flags"] == ""
        assert admit_spectrum(leaf.to_dataset()) == []


@pytest.mark.parametrize("name", NAMES)
def test_row_02_03_empty_and_one_byte(tmp_path, name):
    (tmp_path / name).write_bytes(b"")
    assert "empty (0 bytes)" in refused(tmp_path / name)
    (tmp_path / name).write_bytes(MAKERS[name](tmp_path / name).read_bytes()[:1])
    refused(tmp_path / name)


@pytest.mark.parametrize("name", NAMES)
def test_row_06_wrong_suffix(tmp_path, name):
    path = MAKERS[name](tmp_path / name)
    before = read(path)
    renamed = path.rename(tmp_path / "spectrum.zzz")
    for leaf in read(renamed).leaves:
        assert "named .zzz but is" in leaf.attrs["flags"]
        if leaf.attrs["region"] == "S 2p":
            assert np.array_equal(leaf.counts.values, before["S 2p"].counts.values)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("share", SHARES)
def test_row_09_cut(tmp_path, name, share):
    path = MAKERS[name](tmp_path / name)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    if name in ("casa.txt", "S2p.csv"):  # these carry no count
        assert _told(path)
    else:
        refused(path)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("casa.txt", "S2p.csv")])
def test_row_09_cut_at_the_end_of_a_line_or_block(tmp_path, name):
    """The most innocent cuts: whole lines are gone, whole values of a binary file."""
    path = MAKERS[name](tmp_path / name)
    content = path.read_bytes()
    for lines in (3, 20):
        shorter = b"\n".join(content.split(b"\n")[:-lines]) + b"\n"
        path.write_bytes(content[: -4 * lines] if name.startswith("phi") else shorter)
        refused(path)


@pytest.mark.parametrize("name", REAL)
def test_row_09_cut_real_files(real_data, tmp_path, name):
    content = (real_data / "xps" / name).read_bytes()
    for share in SHARES:
        path = tmp_path / Path(name).name
        path.write_bytes(content[: int(share * len(content))])
        if "txt_export" in name:
            assert _told(path)
        else:
            refused(path)


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("phi")])
def test_row_11_zeros_in_a_text(tmp_path, name):
    path = MAKERS[name](tmp_path / name)
    content = path.read_bytes()
    path.write_bytes(content[:-300] + bytes(300))
    refused(path)


def test_row_11_12_zeros_in_binary_data_are_flagged(tmp_path):
    path = files.phi(tmp_path / "a.spe", COUNTS)
    content = path.read_bytes()
    for start in (len(content) - 200, len(content) - 400):
        path.write_bytes(content[:start] + bytes(200) + content[start + 200 :])
        (flag,) = admit_spectrum(read(path)["S 2p"].to_dataset())
        assert "zeros in a row" in flag


def _flip(content: bytes, count: int, seed: int) -> bytes:
    generator = np.random.default_rng(seed)
    mutated = bytearray(content)
    for _ in range(count):
        mutated[generator.integers(len(content))] ^= 1 << int(generator.integers(8))
    return bytes(mutated)


def _survives(path: Path, count: int, seeds: range) -> None:
    """Assert that mutated files give spectra of full length, a flag, or an error with file and remedy."""
    content = path.read_bytes()
    points = _points(read(path))
    for seed in seeds:
        path.write_bytes(_flip(content, count, seed))
        found = _outcome(path)
        if isinstance(found, ImgpipeError):
            assert _sound_error(path, found)
        else:
            assert _points(found) == points or _told(path)


def _points(tree: xr.DataTree) -> int:
    """Count all values: a flipped bit in a name may make another leaf of a cycle, but none may be lost."""
    return sum(int(np.prod(list(leaf.sizes.values()))) for leaf in tree.leaves)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("count", [1, 32], ids=["row_13", "row_14"])
def test_row_13_14_flipped_bits(tmp_path, name, count):
    _survives(MAKERS[name](tmp_path / name), count, range(8))


@pytest.mark.truth
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("count", [1, 32])
def test_row_13_14_many_flipped_bits(tmp_path, name, count):
    _survives(MAKERS[name](tmp_path / name), count, range(100, 500))


@pytest.mark.parametrize("name", NAMES)
def test_row_15_16_other_text_and_random_bytes(tmp_path, name):
    path = MAKERS[name](tmp_path / name)
    head = path.read_bytes()[:60]
    (tmp_path / name).write_text("measured on Monday, tilt 52 degrees\n" * 20)
    refused(path)
    for seed in range(3):
        noise = np.random.default_rng(seed).bytes(3000)
        for content in (noise, head + noise):
            path.write_bytes(content)
            refused(path)


@pytest.mark.parametrize("name", ["regular.vms", "phi.spe"])
def test_row_17_trailing_junk_is_read_with_a_flag(tmp_path, name):
    path = MAKERS[name](tmp_path / name)
    before = read(path)["S 2p"].counts.values
    path.write_bytes(path.read_bytes() + b"junk" * 100)
    after = read(path)["S 2p"]
    assert np.array_equal(after.counts.values, before)
    assert "after the end" in after.attrs["flags"]


@pytest.mark.parametrize("name", ["scienta.txt", "specs.xy", "specs.xml", "S2p.csv", "casa.txt"])
def test_row_17_trailing_junk_where_a_table_should_end(tmp_path, name):
    path = MAKERS[name](tmp_path / name)
    path.write_bytes(path.read_bytes() + b"junk" * 100)
    refused(path)


@pytest.mark.parametrize("count", ["99999999", "1000000", "-4", "2.5", "1e300", "nan", "inf", "1_0"])
def test_row_23_24_impossible_numbers_of_values(tmp_path, count):
    block = files.vamas_block("S 2p", COUNTS)
    block[-COUNTS.size - 3] = count
    with pytest.raises(ReadError, match="block 1 of 1"):
        read(files.vamas(tmp_path / "a.vms", [block]), timeout_s=20)


def test_row_24_phi_that_claims_more_than_it_holds(tmp_path):
    path = files.phi(tmp_path / "a.spe", COUNTS)
    content = path.read_bytes()
    at = content.index(b"EOFH") + 6 + 16
    for place, value in ((20, 2**31), (24, 2**30), (76, 2**32 - 1), (80, 2**32 - 1)):
        changed = bytearray(content)
        changed[at + place : at + place + 4] = value.to_bytes(4, "little")
        path.write_bytes(bytes(changed))
        refused(path)


def test_row_29_xml_entity_bomb(tmp_path):
    lines = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 10))
    path = tmp_path / "a.xml"
    path.write_text(
        f'<?xml version="1.0"?>\n<!-- CORBA XML document -->\n<!DOCTYPE any [<!ENTITY a0 "lol">{lines}]><any>&a9;</any>'
    )
    assert "defines entities" in refused(path)
    path.write_bytes(path.read_text().encode("utf-16"))
    assert "defines entities" in refused(path)


def test_row_37_names_of_files(tmp_path):
    path = _vamas(tmp_path / "Probe für S 2p\n#1.vms")
    assert read(path)["S 2p"].attrs["source_file"] == path.name


def test_row_52_the_error_of_the_axis_names_the_file(tmp_path):
    path = files.csv(tmp_path / "S2p.csv", COUNTS)
    path.write_text(path.read_text().replace("169.5,", "169.6,"))
    with pytest.raises(DataError, match="twice the same energy after point 5"):
        read(path)
