"""Every format of X-ray spectra, from files written by hand: counts, axes in eV and nm, numbers of the metadata."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr
from readers import edxs_files as files
from readers.edxs_files import CHANNELS, cube

from imgpipe.errors import DataError, ImgpipeError, ReadError
from imgpipe.readers import admit_spectrum, read

COUNTS = cube()
SPECTRUM = COUNTS.sum(axis=(0, 1))
ENERGY = -20.0 + 10.0 * np.arange(CHANNELS)


def leaf(path: Path, name: str) -> xr.Dataset:
    return read(path, timeout_s=60)[name].to_dataset()


def refused(path: Path) -> str:
    with pytest.raises(ImgpipeError) as caught:
        read(path, timeout_s=60)
    assert caught.value.file == str(path)
    assert caught.value.remedy
    return str(caught.value)


MAPS: dict[str, Callable[[Path], Path]] = {
    "map.hspy": lambda path: files.hspy(path, COUNTS),
    "map.rpl": lambda path: files.ripple(path, COUNTS),
    "image.rpl": lambda path: files.ripple(path, COUNTS, record_by="image"),
    "map.spd": lambda path: files.spd(path, COUNTS),
    "map.emd": lambda path: files.velox(path, COUNTS),
}
STEPS = {"map.hspy": (15.0, 15.0), "map.spd": (30.0, 20.0)}


@pytest.mark.parametrize("name", MAPS)
def test_a_map_has_its_counts_its_energies_in_ev_and_its_pixels_in_nm(tmp_path, name):
    found = leaf(MAPS[name](tmp_path / name), "map")
    assert found.counts.dims == ("y", "x", "energy")
    assert found.counts.dtype.kind == "u"
    np.testing.assert_array_equal(found.counts.values, COUNTS)
    np.testing.assert_allclose(found.energy.values, ENERGY + (20.0 if name.endswith("rpl") else 0.0), atol=1e-3)
    y, x = STEPS.get(name, (20.0, 20.0))
    assert found.y.values[1] == pytest.approx(y, rel=1e-6)
    assert found.x.values[1] == pytest.approx(x, rel=1e-6)
    assert {found[dim].attrs["units"] for dim in "yx"} == {"nm"}
    assert found.energy.attrs == {"units": "eV", "long_name": "X-ray energy"}
    assert found.attrs["technique"] == "edxs"
    assert float(found.beam_energy) == 5000.0
    assert found.counts.chunks[-1] == (CHANNELS,)


def test_hyperspy_metadata_become_numbers(tmp_path):
    found = leaf(files.hspy(tmp_path / "map.hspy", COUNTS), "map")
    numbers = {name: float(found[name]) for name in ("live_time", "real_time", "dead_time", "take_off_angle")}
    assert numbers == pytest.approx({"live_time": 8.0, "real_time": 10.0, "dead_time": 20.0, "take_off_angle": 35.0})
    assert float(found.beam_current) == pytest.approx(0.4e-9)
    assert found.dead_time.attrs["units"] == "percent"
    assert (found.attrs["elements"], found.attrs["title"]) == ("Mg W", "scan")
    assert admit_spectrum(found) == []


def test_lines_and_spectra_of_hyperspy(tmp_path):
    line = leaf(files.hspy(tmp_path / "line.hspy", COUNTS[0]), "line")
    assert line.counts.dims == ("position", "energy")
    np.testing.assert_allclose(line.position.values, 15.0 * np.arange(8))
    total = leaf(files.hspy(tmp_path / "sum.hspy", SPECTRUM.astype(float)), "sum")
    assert total.counts.dtype == np.float64
    np.testing.assert_array_equal(total.counts.values, SPECTRUM)


def test_a_falling_energy_axis_is_turned_round_and_told(tmp_path):
    path = files.hspy(tmp_path / "back.hspy", COUNTS[..., ::-1].copy(), scale=-0.01, offset=1.97)
    found = leaf(path, "map")
    np.testing.assert_array_equal(found.counts.values, COUNTS)
    np.testing.assert_allclose(found.energy.values, ENERGY, atol=1e-9)
    assert "turned round" in found.attrs["flags"]


def test_no_unit_of_the_energies_is_an_error_that_names_the_likely_one(tmp_path):
    assert "has no unit; it runs from -0.02 to 1.97, which looks like keV" in refused(
        files.hspy(tmp_path / "a.hspy", COUNTS, unit=None)
    )
    assert "has the unit 'channels'" in refused(files.hspy(tmp_path / "b.hspy", COUNTS, unit="channels"))
    assert "said to be in eV, but ends at 1.97 eV: it looks like keV" in refused(
        files.hspy(tmp_path / "c.hspy", COUNTS, unit="eV")
    )
    assert "looks like eV" in refused(files.hspy(tmp_path / "d.hspy", COUNTS, scale=10.0))
    assert "step 0" in refused(files.hspy(tmp_path / "e.hspy", COUNTS, scale=0.0))


def test_objects_and_foreign_bytes_in_hyperspy_files_are_refused(tmp_path):
    path = files.hspy(tmp_path / "a.hspy", COUNTS)
    with h5py.File(path, "a") as file:
        del file["Experiments/scan/data"]
        file.create_dataset("Experiments/scan/data", (2,), dtype=h5py.vlen_dtype(np.uint8), chunks=(1,))
    assert "holds objects" in refused(path)
    path = files.hspy(tmp_path / "b.hspy", COUNTS)
    (tmp_path / "secret.bin").write_bytes(b"s" * 10_000)
    with h5py.File(path, "a") as file:
        del file["Experiments/scan/data"]
        file.create_dataset("Experiments/scan/data", (8, 8, 20), "u1", external=[("secret.bin", 0, 1280)])
    assert "keeps its values in another file" in refused(path)
    path = files.hspy(tmp_path / "c.hspy", COUNTS)
    with h5py.File(path, "a") as file:
        file["Experiments/other"] = h5py.ExternalLink("a.hspy", "/Experiments/scan")
    assert "is a link to another file" in refused(path)
    path = tmp_path / "d.hspy"
    with h5py.File(path, "w") as file:
        file["data"] = COUNTS
    assert "no signal of HyperSpy" in refused(path)


def test_pickles_in_the_metadata_of_hyperspy_stay_bytes(tmp_path):
    path = files.hspy(tmp_path / "a.hspy", COUNTS)
    with h5py.File(path, "a") as file:
        evil = b"cos\nsystem\n(S'touch " + str(tmp_path / "ran").encode() + b"'\ntR."
        file["Experiments/scan/metadata"].attrs["_bs_function"] = np.void(evil)
    assert "touch" in leaf(path, "map").attrs["vendor_metadata"]
    assert not (tmp_path / "ran").exists()


def test_ripple_refuses_what_it_would_have_to_guess(tmp_path):
    for changes, told in (
        ({"ev_per_chan": None}, "does not say which energy a channel has"),
        ({"ev_per_chan": None, "depth_scale": 0.01}, "does not say which energy"),
        ({"height": 7}, "its header states"),
        ({"width": 0}, "no map of spectra"),
        ({"width": 1 << 31}, "more than the limit"),
        ({"depth": None}, "named .rpl, but the content is not RIPPLE"),
    ):
        assert told in refused(files.ripple(tmp_path / "a.rpl", COUNTS, **changes))
    kev = files.ripple(tmp_path / "b.rpl", COUNTS, ev_per_chan=None, depth_scale=0.01, depth_units="keV")
    assert leaf(kev, "map").energy.values[1] == pytest.approx(10.0)
    kev.with_suffix(".raw").unlink()
    assert "b.raw, which is not there" in refused(kev)


def test_edax_spectrum_and_map_without_its_companions(tmp_path):
    found = leaf(files.spc(tmp_path / "a.spc", SPECTRUM), "sum")
    np.testing.assert_array_equal(found.counts.values, SPECTRUM)
    np.testing.assert_allclose(found.energy.values, ENERGY, atol=1e-3)
    assert (float(found.live_time), float(found.detector_resolution)) == (8.0, 129.0)
    assert found.attrs["elements"] == "Mg W"
    path = files.spd(tmp_path / "map.spd", COUNTS)
    (tmp_path / "map_Img.ipr").unlink()
    alone = leaf(path, "map")
    assert alone.x.attrs["units"] == "px"
    assert "uncalibrated" in alone.attrs["flags"]
    sized = read(path, pixel_size="25 nm")["map"]
    assert (float(sized.x[1]), sized.x.attrs["units"]) == (25.0, "nm")
    path.with_suffix(".spc").unlink()
    assert "map.spc, which is not there" in refused(path)


def test_velox_streams_of_several_detectors_are_summed(tmp_path):
    path = files.velox(tmp_path / "a.emd", COUNTS, frames=3)
    with h5py.File(path, "a") as file:
        file.copy("Data/SpectrumStream/3c4d", "Data/SpectrumStream/5e6f")
    found = leaf(path, "map")
    np.testing.assert_array_equal(found.counts.values, 2 * COUNTS)
    assert "sum of 2 detectors" in found.attrs["flags"]
    image = leaf(path, "image")["image"]
    np.testing.assert_array_equal(image.values, np.arange(48).reshape(6, 8))
    assert float(image.x[1]) == pytest.approx(20.0)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"LiveTime": "1.6", "RealTime": "2"}, (1.6 / 48, 2 / 48)),  # of 2 frames of 1 s
        ({"LiveTime": "0.03", "RealTime": "0.04"}, (0.03, 0.04)),
    ],
)
def test_velox_times_are_those_of_one_pixel(tmp_path, monkeypatch, changes, told):
    for name, value in changes.items():
        monkeypatch.setitem(files.VELOX["Detectors"]["Detector-0"], name, value)
    found = leaf(files.velox(tmp_path / "a.emd", COUNTS), "map")
    assert (float(found.live_time), float(found.real_time)) == pytest.approx(told)
    monkeypatch.setitem(files.VELOX, "Scan", {})
    unknown = leaf(files.velox(tmp_path / "b.emd", COUNTS), "map")
    assert "live_time" not in unknown
    assert "of one pixel or of all is not known" in unknown.attrs["flags"]


def test_velox_streams_that_end_early_or_hold_other_words(tmp_path):
    path = files.velox(tmp_path / "a.emd", COUNTS, frames=2)
    words = files.velox_stream(COUNTS, 2)
    with h5py.File(path, "a") as file:
        del file["Data/SpectrumStream/3c4d/Data"]
        file["Data/SpectrumStream/3c4d/Data"] = words[: words.size // 2 + 200, None]
    assert "end within a frame" in leaf(path, "map").attrs["flags"]
    words[5] = CHANNELS + 1
    with h5py.File(path, "a") as file:
        del file["Data/SpectrumStream/3c4d/Data"]
        file["Data/SpectrumStream/3c4d/Data"] = words[:, None]
    assert "channels beyond the 200" in refused(path)
    with h5py.File(path, "a") as file:
        del file["Data/SpectrumStream"]
    assert "no stream of X-rays (pruned" in refused(path)


def test_msa_keywords_units_and_points(tmp_path):
    found = leaf(files.msa(tmp_path / "a.msa", SPECTRUM), "sum")
    np.testing.assert_array_equal(found.counts.values, SPECTRUM)
    np.testing.assert_allclose(found.energy.values, ENERGY)
    wanted = {"beam_energy": 5000.0, "beam_current": 0.4e-9, "live_time": 80.0, "real_time": 100.0, "dead_time": 20.0,
              "take_off_angle": 35.0, "azimuth_angle": 45.0, "detector_resolution": 129.0}  # fmt: skip
    assert {name: float(found[name]) for name in wanted} == pytest.approx(wanted)
    kev = files.msa(tmp_path / "b.emsa", SPECTRUM, XUNITS="keV", XPERCHAN="0.01", OFFSET="-0.02")
    np.testing.assert_allclose(leaf(kev, "sum").energy.values, ENERGY, atol=1e-9)
    assert admit_spectrum(leaf(files.msa(tmp_path / "c.msa", SPECTRUM, **{"BEAMKV  -kV": None}), "sum")) == [
        "beam energy unknown"
    ]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"NPOINTS": "201."}, "states 201 points (NPOINTS), found are 200"),
        ({"NPOINTS": "199."}, "states 199 points (NPOINTS), found are 200"),
        ({"NPOINTS": None}, "#NPOINTS is missing"),
        ({"NPOINTS": "many"}, "no number"),
        ({"XUNITS": None}, "has no unit; it runs from -20 to 1970, which looks like eV"),
        ({"XUNITS": "keV"}, "looks like eV"),
        ({"XPERCHAN": "0.01", "OFFSET": "0"}, "looks like keV"),
        ({"XPERCHAN": "0"}, "step 0"),
        ({"XPERCHAN": "-10"}, "falls from -20 eV in steps of -10"),
        ({"DATATYPE": "Z"}, "Y or XY is expected"),
    ],
)
def test_msa_files_that_contradict_themselves(tmp_path, changes, told):
    assert told in refused(files.msa(tmp_path / "a.msa", SPECTRUM, **changes))


@pytest.mark.parametrize(
    ("changes", "told", "lost"),
    [
        ({"BEAMKV  -kV": "5000"}, "beam energy 5000 keV not used: eV instead of keV?", "beam_energy"),
        ({"BEAMKV  -kV": "unknown"}, "#BEAMKV is 'unknown', no number: not used", "beam_energy"),
        ({"LIVETIME -s": "-3"}, "live time -3 s is negative: not used", "live_time"),
        ({"ELEVANGLE-dg": "steep"}, "#ELEVANGLE is 'steep', no number: not used", "take_off_angle"),
    ],
)
def test_msa_numbers_that_cannot_be_true_are_told_and_not_used(tmp_path, changes, told, lost):
    found = leaf(files.msa(tmp_path / "a.msa", SPECTRUM, **changes), "sum")
    assert told in found.attrs["flags"]
    assert lost not in found
    np.testing.assert_array_equal(found.counts.values, SPECTRUM)


def test_msa_values_that_are_no_numbers_and_text_after_the_end(tmp_path):
    path = files.msa(tmp_path / "a.msa", SPECTRUM)
    text = path.read_text("latin-1")
    path.write_text(text + "more text", "latin-1")
    assert "9 byte(s) after #ENDOFDATA, not read" in leaf(path, "sum").attrs["flags"]
    path.write_text(text.replace(f"begins\n{SPECTRUM[0]:g},", "begins\nab,"), "latin-1")
    assert "'ab' stands among its values, no number" in refused(path)


def test_empty_and_random_msa_files_are_errors(tmp_path, rng):
    (tmp_path / "empty.msa").write_bytes(b"")
    assert "empty (0 bytes)" in refused(tmp_path / "empty.msa")
    (tmp_path / "random.msa").write_bytes(rng.bytes(3000))
    assert "named .msa, but the content is not EMSA" in refused(tmp_path / "random.msa")
    (tmp_path / "words.msa").write_text("#FORMAT : EMSA/MAS\n#NPOINTS : 5\nhello\n")
    assert "missing" in refused(tmp_path / "words.msa")


def test_xy_energies_must_agree_with_offset_and_step(tmp_path):
    path = files.msa(tmp_path / "a.msa", SPECTRUM, DATATYPE="XY")
    text = path.read_text("latin-1").split("begins\n")
    rows = [f"{energy:g}, {count}" for energy, count in zip(ENERGY, SPECTRUM, strict=True)]
    path.write_text(text[0] + "begins\r\n" + "\r\n".join([*rows, "#ENDOFDATA   : "]), "latin-1")
    np.testing.assert_array_equal(leaf(path, "sum").counts.values, SPECTRUM)
    rows[100] = f"{ENERGY[100] + 500:g}, {SPECTRUM[100]}"
    path.write_text(text[0] + "begins\r\n" + "\r\n".join([*rows, "#ENDOFDATA   : "]), "latin-1")
    assert "differ by up to 500" in refused(path)


def test_errors_name_reader_and_version(tmp_path):
    path = files.hspy(tmp_path / "a.hspy", COUNTS, unit=None)
    with pytest.raises(DataError, match=r"\[reader edxs_hspy, rosettasciio 0\."):
        read(path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ReadError, match=r"\[reader edxs_hspy, rosettasciio 0\."):
        read(path)
