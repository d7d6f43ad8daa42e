"""Every real EDXS file against SOURCES.md, and against what can be read from its bytes without its reader."""

from __future__ import annotations

import bz2
import json
import re
import xml.etree.ElementTree as ElementTree
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr

from imgpipe.readers import admit_spectrum, read


@pytest.fixture(scope="module")
def vendor(real_data: Path) -> Path:
    return real_data / "fibsem" / "rosettasciio"


@pytest.fixture(scope="module")
def exspy(real_data: Path) -> Path:
    return real_data / "fibsem" / "exspy"


@pytest.fixture(scope="module")
def phenom(vendor: Path) -> xr.DataTree:
    return read(vendor / "phenom/Elid2Version4.elid")


@pytest.fixture(scope="module")
def bruker(vendor: Path) -> xr.DataTree:
    return read(vendor / "bruker/bcf_v2_50x50px.bcf")


@pytest.fixture(scope="module")
def jeol(vendor: Path) -> xr.DataTree:
    return read(vendor / "jeol/rawdata.ASW")


def total(leaf: xr.DataTree | xr.Dataset) -> int:
    counts = leaf["counts"].values
    return int(counts.sum(dtype=np.int64 if counts.dtype.kind in "ui" else np.float64))


def step(leaf: xr.DataTree, dim: str) -> float:
    values = leaf[dim].values
    return float(values[-1] - values[0]) / (values.size - 1)


MN = 5.8987
LINES = {
    "Al_Ka": 1.4865, "Ag_La": 2.9844, "C_Ka": 0.2774, "Cu_Ka": 8.0478, "Cu_La": 0.9295, "Mn_La": 0.63316,
    "O_Ka": 0.5249, "Zr_La": 2.0423,
}  # fmt: skip


def windows(leaf: xr.DataTree, names: tuple[str, ...], resolution: float = 130.0) -> dict[str, int]:
    """Return counts in windows of two FWHM (each side one), by whole channels; keV, Fiori and Newbury's width."""
    energy = leaf["energy"].values / 1000
    spectrum = leaf["counts"].values.reshape(-1, energy.size).sum(axis=0, dtype=np.int64)
    channel = energy[1] - energy[0]
    found = {}
    for name in names:
        width = np.sqrt(2500 * (LINES[name] - MN) + resolution**2) / 1000
        low, high = (round((LINES[name] + side * width - energy[0]) / channel) for side in (-1, 1))
        found[name] = int(spectrum[low:high].sum())
    return found


def test_bruker_map_with_its_windows(bruker):
    found = bruker["map"]
    assert found["counts"].shape == (50, 50, 2048)
    assert total(found) == 949769
    names = ("Al_Ka", "Ag_La", "C_Ka", "Cu_Ka", "O_Ka")
    assert windows(found, names) == {
        "Al_Ka": 426346, "Ag_La": 72153, "C_Ka": 18600, "Cu_Ka": 5764, "O_Ka": 3032,
    }  # fmt: skip
    assert found.attrs["elements"] == "Ag Al C Cu O"
    assert float(found["beam_energy"]) == 20000.0
    assert float(found["energy"][0]) == pytest.approx(-473.16066)
    assert step(found, "energy") == pytest.approx(9.996)
    assert found["y"].attrs["units"] == "nm"
    assert set(bruker.children) == {"image", "image 2", "map"}


def test_bruker_pixels_along_x_and_y_are_those_of_the_header(bruker, vendor):
    """One DX and one DY stand in the header, for the map and its image alike."""
    text = unpacked(vendor / "bruker/bcf_v2_50x50px.bcf")
    x, y = (1000 * float(re.search(f"<{name}>([^<]+)<".encode(), text)[1]) for name in ("DX", "DY"))
    assert (x, y) == (pytest.approx(12.73058731), pytest.approx(11.80808099))
    for name in ("map", "image"):
        assert step(bruker[name], "y") == pytest.approx(y)
        assert step(bruker[name], "x") == pytest.approx(x)
    assert "anisotropic pixels: 12.7306 nm along x, 11.8081 nm along y" in bruker["map"].attrs["flags"]


def unpacked(path: Path) -> bytes:
    """Return what the zlib streams of a file hold, one after the other, as far as its header."""
    content = path.read_bytes()
    found = b""
    for at in (match.start() for match in re.finditer(b"\x78[\x01\x5e\x9c\xda]", content)):
        try:
            found += zlib.decompressobj().decompress(content[at : at + 4096])
        except zlib.error:
            continue
        if b"<DY>" in found:
            break
    return found


def test_bruker_map_against_an_independent_answer(vendor):
    found = read(vendor / "bruker/30x30_instructively_packed_16bit_compressed.bcf")["map"]
    assert found["counts"].dtype == np.uint16
    assert total(found) == 18621362
    answer = np.load(vendor / "bruker/30x30_16bit.npy")
    np.testing.assert_array_equal(found["counts"].values[:, :, 222:224], answer)
    assert step(found, "x") == pytest.approx(1667.40910949362)
    assert len(found.attrs["elements"].split()) == 16


@pytest.mark.parametrize(
    ("name", "shape", "counts"),
    [
        ("Hitachi_TM3030Plus", (240, 320, 2048), 171804),
        ("P45_the_default_job", (75, 100, 2048), 165941),
        ("bcf-edx-ebsd", (87, 100, 2048), 36864),
        ("16x16_12bit_packed_8bit", (16, 16, 2048), 20194),
        ("over16bit", (3, 4, 4096), 176786251),
        ("test_TEM", (64, 64, 2048), 26005),
    ],
)
def test_bruker_maps(vendor, name, shape, counts):
    found = read(vendor / f"bruker/{name}.bcf")["map"]
    assert found["counts"].shape == shape
    assert total(found) == counts
    assert ("uncalibrated" in found.attrs["flags"]) == (name == "Hitachi_TM3030Plus")


@pytest.mark.parametrize(("name", "counts"), [("bruker_nano", 76293), ("extracted_from_bcf", 4413)])
def test_bruker_spectra(vendor, name, counts):
    path = vendor / f"bruker/{name}.spx"
    found = read(path)["sum"]
    assert total(found) == counts
    root = ElementTree.parse(path).getroot()  # noqa: S314 - a file of the test data
    text = next(element.text for element in root.iter("Channels"))
    np.testing.assert_array_equal(found["counts"].values, np.array(text.split(","), dtype=int))
    assert step(found, "energy") == pytest.approx(1000 * float(next(root.iter("CalibLin")).text))
    assert float(found["live_time"]) == pytest.approx(int(next(root.iter("LifeTime")).text) / 1000)


def test_phenom_line_has_the_distances_of_its_own_geometry(phenom, vendor):
    """Begin, end and scan field are looked up in the unpacked bytes; all fractions are whole numbers of 590ths."""
    path = vendor / "phenom/Elid2Version4.elid"
    found = phenom["line"]
    assert found["counts"].shape == (64, 2048)
    assert total(found) == 67239
    assert found.attrs["title"] == "Image 1, Line 4"
    assert step(found, "energy") == pytest.approx(9.88677, rel=1e-6)
    content = bz2.decompress(path.read_bytes())
    field = 20 * float(re.search(rb'<pixelWidth unit="nm">([\d.]+)<', content)[1])
    begin_x, begin_y, end_x, end_y = doubles(content, -112 / 590)[0]
    assert np.array([begin_x, begin_y, end_x, end_y]) * 590 == pytest.approx([-112, 223, 187, -73], abs=1e-9)
    length = field * np.hypot(299, 296) / 590
    assert (float(found["position"][-1]), found["position"].attrs["units"]) == (pytest.approx(length), "nm")
    assert step(found, "position") == pytest.approx(220.9004, abs=1e-3)
    assert "distances from begin and end of the line" in found.attrs["flags"]
    assert admit_spectrum(found.to_dataset()) == []


def doubles(content: bytes, first: float) -> list[np.ndarray]:
    """Return four numbers each where `first` stands in the bytes, at any place."""
    found = []
    for shift in range(8):
        values = np.frombuffer(content[shift : shift + (len(content) - shift) // 8 * 8], "<f8")
        with np.errstate(invalid="ignore"):
            found += [values[at : at + 4] for at in np.flatnonzero(np.abs(values - first) < 1e-12)]
    return found


def test_phenom_maps_cover_their_own_frame_of_the_field(phenom, vendor):
    path = vendor / "phenom/Elid2Version4.elid"
    tree = phenom
    assert [total(tree[name]) for name in ("map", "map 2", "sum", "sum 2")] == [32790, 127284, 124601, 114223]
    field = 20 * 975.7792598920121
    frame = doubles(bz2.decompress(path.read_bytes()), -178 / 590)[0] * 590
    assert frame == pytest.approx([-178, -181, 115, 112], abs=1e-9)
    assert step(tree["map"], "x") == pytest.approx(field * 293 / 590 / 16)
    assert step(tree["map 3"], "y") == pytest.approx(40 * 812.0422280865187 / 16)  # the whole field
    assert tree["image"]["image"].shape == (16, 20)
    assert float(tree["image"]["x"][1]) == pytest.approx(975.7792598920121)


def test_jeol_project(jeol, vendor):
    tree, found = jeol, jeol["map"]
    assert found["counts"].shape == (512, 512, 4096)
    assert found["counts"].chunks[2] == (4096,)
    assert max(np.prod([axis[0] for axis in found["counts"].chunks]), 0) * found["counts"].dtype.itemsize <= 1 << 25
    assert json.loads(found.attrs["count_statistics"])["total"] == 308261
    part = found["counts"][:32, :64].values
    assert part.sum(dtype=int) == rays(words(vendor), 32, 64)
    assert step(found, "x") == pytest.approx(8.69140625)
    sums = {
        node.attrs["title"]: int(node["image"].sum(dtype=int)) for name, node in tree.children.items() if "im" in name
    }
    assert [sums[next(t for t in sums if t.startswith(f"{el} "))] for el in ("C", "O", "S", "Fe", "Cu")] == [
        62728, 15509, 45058, 45099, 24997,
    ]  # fmt: skip


def words(vendor: Path) -> np.ndarray:
    """Return the stream of the JEOL map: 0x8000 + x and 0x9000 + y in 4096ths of the field, 0xB000 + channel."""
    content = (vendor / "jeol/Sample/00_View000/View000_0000006.pts").read_bytes()
    return np.frombuffer(content[16384 : len(content) // 2 * 2], "<u2")


def rays(stream: np.ndarray, rows: int, columns: int) -> int:
    """Count the X-rays of the first rows and columns, word by word."""
    x = y = found = 0
    for word in stream.tolist():
        kind, value = word & 0xF000, word & 0x0FFF
        if kind == 0x8000:
            x = value
        elif kind == 0x9000:
            y = value
        elif kind == 0xB000:
            found += y // 8 < rows and x // 8 < columns
    return found


def test_jeol_stream_counted_without_a_reader(vendor):
    assert np.count_nonzero(words(vendor) & 0xF000 == 0xB000) == 308261  # each X-ray is one word


def test_jeol_spectrum(vendor):
    found = read(vendor / "jeol/met03.EDS")["sum"]
    assert total(found) == 296519
    assert float(found["detector_resolution"]) == 138.0
    assert step(found, "energy") == pytest.approx(10.0004)


def numbers(leaf: xr.DataTree, *names: str) -> tuple[float, ...]:
    return tuple(float(leaf[name]) for name in names)


def test_times_of_a_map_are_those_of_one_pixel(bruker, phenom, jeol):
    """Bruker: 19.2 s of 2500 pixels. JEOL: 14 sweeps of 0.1 ms. Phenom: the table of times in the file itself."""
    assert numbers(bruker["map"], "real_time") == pytest.approx((19.2 / 2500,))
    scan = jeol["map"]
    assert numbers(scan, "live_time", "real_time") == pytest.approx((325.46 / 512**2, 366.9 / 512**2))
    assert float(scan["real_time"]) == pytest.approx(14 * 1e-4, rel=2e-3)
    assert float(scan["dead_time"]) == pytest.approx(100 * (1 - 325.46 / 366.9))
    assert numbers(phenom["map"], "real_time") == pytest.approx((0.01172094,), rel=1e-4)
    assert numbers(phenom["sum"], "live_time", "real_time") == pytest.approx((5.7203385, 10.1625))
    assert numbers(phenom["line"], "real_time") == pytest.approx((6.5105,), abs=5e-4)  # of each point


def test_jeol_spectrum_times(vendor):
    assert numbers(read(vendor / "jeol/met03.EDS")["sum"], "live_time", "real_time") == (30.0, 34.97)


def test_tia_beam_energy_of_the_emi(vendor):
    for name in ("line_profile_horizontal_5x128x128_EDS", "diffraction_imagel_5x5x256x256_EDS"):
        for found in read(vendor / f"tia/16x16-{name}.emi").leaves:
            if "counts" in found:
                assert float(found["beam_energy"]) == 200e3


def test_tia_line_and_map(vendor):
    line = read(vendor / "tia/16x16-line_profile_horizontal_5x128x128_EDS.emi")["line"]
    assert line["counts"].shape == (5, 4000)
    assert total(line) == 11
    assert step(line, "position") == pytest.approx(3.6886364)
    square = read(vendor / "tia/16x16-diffraction_imagel_5x5x256x256_EDS.emi")["map"]
    assert square["counts"].shape == (5, 5, 4000)
    assert "whether these are X-rays" in square.attrs["flags"]


def test_msa_examples_against_their_text(vendor):
    for name, counts in (("example1", 104070.0), ("example2", 21060.105)):
        path = vendor / f"msa/{name}.msa"
        found = read(path)["sum"]
        lines = path.read_text("latin-1").splitlines()
        start = next(n for n, line in enumerate(lines) if line.startswith("#SPECTRUM"))
        values = [float(line.split(",")[-1]) for line in lines[start + 1 :] if not line.startswith("#")]
        np.testing.assert_array_equal(found["counts"].values, values)
        assert found["counts"].values.sum() == pytest.approx(counts, abs=1e-9)
    assert step(found, "energy") == pytest.approx(10.0)
    assert "#NPOINTS states 20 points, found are 21" in read(vendor / "msa/example1.msa")["sum"].attrs["flags"]


def test_gatan_spectrum(vendor):
    found = read(vendor / "digitalmicrograph/test-EDS_spectrum.dm3")["sum"]
    assert total(found) == 17051
    assert step(found, "energy") == pytest.approx(5.0, rel=1e-6)
    assert numbers(found, "live_time", "real_time", "azimuth_angle") == pytest.approx((3.806, 4.233, 45.0))
    assert float(found["dead_time"]) == pytest.approx(100 * (1 - 3.806 / 4.233))
    assert float(found["beam_energy"]) == 200e3
    assert "take-off angle from elevation 18, azimuth 45 and tilt 24.9505 deg" in found.attrs["flags"]
    elevation, azimuth, tilt = np.radians([18.0, 45.0, float(found["stage_tilt"])])
    normal = np.array([np.sin(tilt), 0.0, np.cos(tilt)])  # the surface turned towards azimuth 0
    way = np.array([np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)])
    assert float(found["take_off_angle"]) == pytest.approx(np.degrees(np.arcsin(normal @ way)))
    assert "detector_resolution" not in found  # the file states none; 130 eV is only HyperSpy's preset


@pytest.mark.parametrize(
    ("name", "counts", "first", "channel"),
    [("EDS_TEM_FePt_nanoparticles", 205795, 169.315, 20.028), ("EDS_SEM_TM002", 1000279, -100.0, 10.0)],
)
def test_hyperspy_files_against_h5py(exspy, name, counts, first, channel):
    found = read(exspy / f"{name}.hspy")["sum"]
    with h5py.File(exspy / f"{name}.hspy") as file:
        (group,) = file["Experiments"].values()
        np.testing.assert_array_equal(found["counts"].values, group["data"][()])
        assert group["axis-0"].attrs["scale"] * 1000 == pytest.approx(channel)
    assert total(found) == counts
    assert (float(found["energy"][0]), step(found, "energy")) == (pytest.approx(first), pytest.approx(channel))


def test_tm002_windows(exspy):
    names = ("Al_Ka", "C_Ka", "Cu_La", "Mn_La", "Zr_La")
    found = windows(read(exspy / "EDS_SEM_TM002.hspy")["sum"], names)
    assert found == {"Al_Ka": 84163, "C_Ka": 89063, "Cu_La": 96117, "Mn_La": 96700, "Zr_La": 99075}


def test_energy_losses_are_told_from_x_rays(exspy):
    found = read(exspy / "EELS_LL_linescan_simulated_thickness_variation.hspy")["line"]
    assert found["counts"].shape == (17, 1024)
    assert found.attrs["technique"] == "eels"
    with pytest.raises(Exception, match="energy losses of electrons, not X-rays"):
        admit_spectrum(found.to_dataset())
