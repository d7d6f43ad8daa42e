"""Tables, spectra, maps and files of the EDXS phantom, and the example data made from them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from imgpipe.phantoms.edxs import SCANS, Detector, make, make_profiles, table
from imgpipe.phantoms.edxs.example_data import EXAMPLES, write_all
from imgpipe.phantoms.edxs.simulation import simulate
from imgpipe.phantoms.edxs.writers import write_hspy, write_rpl

COMMITTED = Path(__file__).parents[2] / "example_data" / "edxs"


@pytest.mark.parametrize("name", SCANS)
def test_table_has_its_scan_and_little_noise(name):
    stored, scan = table(name), SCANS[name]
    assert stored["position"].values == pytest.approx(scan.positions, abs=1e-3)
    assert list(stored["xray_line"].values) == list(scan.lines)
    assert np.all(np.isfinite(stored["intensity"]))
    assert np.all(stored["intensity"] >= 0.0)
    for row in stored["intensity"].values:  # neighbours on the flat part of the profile
        flat = row[row > 0.97 * np.quantile(row, 0.98)]
        assert flat.size < 20 or np.std(np.diff(flat)) / np.sqrt(2.0) / flat.mean() < 0.008


@pytest.mark.parametrize("name", ["uniform_5kV", "thin"])
def test_table_is_what_the_simulation_gives(name):
    """A place of the stored scan, simulated again with another seed."""
    stored, scan = table(name), SCANS[name]
    index = [40, 100]
    again = simulate(
        scan.layers, lines=scan.lines, beam_energy=scan.beam_energy, positions=scan.positions[index], electrons=3000,
        seed=99, sigma=scan.sigma, quanta=False, **scan.settings,
    )  # fmt: skip
    here = stored["intensity"].values[:, index]
    spread = again["u_intensity"].values * np.sqrt(1.0 + 3000 / scan.electrons)
    assert np.all(np.abs(again["intensity"].values - here) <= 5.0 * spread + 1e-3 * here.max())


def test_stored_seed_gives_the_stored_numbers():
    """The first places of a scan, simulated as they were; rounding of other processors may turn single electrons."""
    stored, scan = table("thin"), SCANS["thin"]
    again = simulate(
        scan.layers, lines=scan.lines, beam_energy=scan.beam_energy, positions=scan.positions[:2],
        electrons=scan.electrons, seed=scan.seed, every=12, **scan.settings,
    )  # fmt: skip
    for name in ("intensity", "bremsstrahlung"):
        assert again[name].values == pytest.approx(stored[name].values[:, :2], rel=5e-3, abs=1e-30)


def test_uniform_magnesium_dims_beside_its_neighbours():
    """What the field takes for segregation: uniform composition, but less Mg at the W side."""
    stored = table("uniform_5kV")
    mg = stored["intensity"].sel(element="Mg")
    middle = float(mg.sel(position=slice(1200, 1800)).mean())
    assert float(mg.sel(position=2970.0)) < 0.9 * middle
    assert float(mg.sel(position=slice(2000, 2500)).mean()) == pytest.approx(middle, rel=0.01)


def test_true_depletion_is_in_the_table():
    mg = table("depleted")["intensity"].sel(element="Mg")
    start, end = float(mg.sel(position=slice(500, 700)).mean()), float(mg.sel(position=slice(2300, 2500)).mean())
    assert 0.84 < end / start < 0.92  # mass fraction 0.96 -> 0.84


def test_equal_seeds_give_equal_counts():
    one, two, other = (make(seed, preset="plated")[0]["line"]["counts"] for seed in (3, 3, 4))
    assert one.identical(two)
    assert not one.identical(other)


def test_counts_follow_the_truth():
    tree, truth = make(5, preset="plated", counts=400.0)
    counts = tree["line"]["counts"].values
    mean = truth["expected"].values
    assert counts.sum() == pytest.approx(mean.sum(), abs=4 * np.sqrt(mean.sum()))
    chosen = mean > 3.0
    pull = (counts[chosen] - mean[chosen]) / np.sqrt(mean[chosen])
    assert np.var(pull) == pytest.approx(1.0, abs=0.1)
    assert float(truth["line_counts"].sel(line="Mg Ka").max()) == pytest.approx(400.0, rel=0.03)
    assert truth["interface_position"].values == pytest.approx([1500.0, 4500.0, 4760.0])


def test_leaf_says_what_a_reader_would():
    leaf = make(1, preset="oblique")[0]["line"].to_dataset()
    assert leaf["energy"].attrs["units"] == "eV"
    assert leaf["counts"].dtype == np.uint16
    assert float(leaf["beam_energy"]) == 5000.0
    assert float(leaf["face_angle"]) == 52.0
    assert leaf.attrs["technique"] == "edxs"
    assert 0.0 < float(leaf["live_time"]) < float(leaf["real_time"])


def test_detector_has_its_resolution_and_counts_every_photon_once():
    detector = Detector()
    assert float(detector.fwhm(5895.0)) == pytest.approx(130.0)
    assert detector.shape(1253.6).sum() == pytest.approx(1.0)
    efficiency = detector.efficiency(np.array([277.0, 1254.0, 5000.0]))
    assert np.all(np.diff(efficiency) > 0.0)
    assert efficiency[-1] < 0.78


def test_sum_peaks_stand_at_twice_the_energy():
    quiet, loud = (make(1, preset="plated", pile_up=p)[1]["expected"] for p in (0.0, 0.01))
    extra = (loud - quiet).sel(position=3000.0)
    assert float(extra.sel(energy=slice(2000, 3000)).idxmax("energy")) == pytest.approx(2507.0, abs=15.0)


def test_profiles_are_quick_and_true():
    leaf, truth = make_profiles(2, preset="thin", counts=1000.0)
    assert leaf["gross"].dims == ("element", "position")
    mean = truth["expected_gross"].values
    assert np.all(np.abs(leaf["gross"].values - mean) < 6 * np.sqrt(mean) + 6)


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="no preset"):
        make(1, preset="plate")
    with pytest.raises(ValueError, match="no parameter"):
        make(1, preset="plated", colour=3)


def test_map_shows_the_layers_where_the_truth_says():
    tree, truth = make(6, preset="map", counts=200.0)
    leaf = tree["map"].to_dataset()
    mg = leaf["counts"].sel(energy=slice(1180, 1330)).sum("energy")
    for row in (5, 40):
        left, right = (float(truth["interface_x"].sel(interface=name)[row]) for name in ("SE|Mg", "Mg|W"))
        inside = mg.isel(y=row).sel(x=slice(left + 300, right - 300)).mean()
        outside = mg.isel(y=row).sel(x=slice(right + 600, None)).mean()
        assert float(inside) > 4 * float(outside)
    assert tree["image"]["image"].shape == (192, 256)
    assert float(tree["image"]["x"][-1]) <= float(leaf["x"][-1]) + 100.0


def test_files_come_back_as_written(tmp_path: Path):
    from rsciio.hspy import file_reader
    from rsciio.ripple import file_reader as read_ripple

    tree, _ = make(1, preset="map", shape=(8, 12))
    signals = file_reader(str(write_hspy(tree, tmp_path / "a_map.hspy")))
    shapes = {signal["metadata"]["General"]["title"]: signal["data"].shape for signal in signals}
    assert shapes == {"map": (8, 12, 1024), "BSE": (32, 48)}
    leaf = make(1, preset="plated")[0]["line"].to_dataset()
    header, _raw = write_rpl(leaf, tmp_path / "a.rpl")
    assert np.array_equal(read_ripple(str(header))[0]["data"], leaf["counts"].values)


def contents(path: Path) -> bytes | list[bytes]:
    if path.suffix != ".hspy":
        return path.read_bytes()
    from rsciio.hspy import file_reader

    return [signal["data"].tobytes() for signal in file_reader(str(path))]


def test_example_data_is_what_its_generator_makes(tmp_path: Path):
    made = write_all(tmp_path)
    for file in made:
        assert contents(file) == contents(COMMITTED / file.relative_to(tmp_path)), file.name
    assert sum(path.stat().st_size for path in COMMITTED.rglob("*") if path.is_file()) < 2e6
    origin = (COMMITTED / "ORIGIN.md").read_text(encoding="utf-8")
    assert all(example.name in origin for example in EXAMPLES)


def test_example_data_can_be_read():
    import imgpipe

    line = imgpipe.read(COMMITTED / "plated_line.hspy")["line"].to_dataset()
    assert line["counts"].dims == ("position", "energy")
    assert line["position"].attrs["units"] == "nm"
    xr.testing.assert_equal(
        line["counts"].sum().drop_vars("energy", errors="ignore"),
        make(1, preset="plated", pile_up=2e-3)[0]["line"]["counts"].sum().drop_vars("energy", errors="ignore"),
    )
