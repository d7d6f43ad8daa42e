"""Every real XPS file against SOURCES.md, and point by point against what another project's reader made of it."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from imgpipe.readers import admit_spectrum, read


@pytest.fixture(scope="module")
def folder(real_data):
    return real_data / "xps" / "pynxtools-xps"


def reference(path, group):
    """Return energy and intensity of the reference, as binding energy rising."""
    with h5py.File(path) as file:
        return file[f"{group}/data/energy"][()], file[f"{group}/data/data"][()]


def raw(path, group):
    with h5py.File(path) as file:
        return file[f"{group}/instrument/electronanalyzer/detector/raw_data/raw"][()]


def by_energy(energy, values):
    order = np.argsort(energy)
    return energy[order], values[..., order]


@pytest.mark.parametrize(("name", "dwell"), [("regular", 0.1), ("irregular", 1.0)])
def test_vamas_surveys(folder, name, dwell):
    found = read(folder / f"{name}.vms")["survey"].to_dataset()
    assert found.sizes["energy"] == 1351
    kinetic, rate = reference(folder / f"vms_{name}_ref.nxs", "1_as_loaded__Survey")
    energy, rate = by_energy(1486.61 - kinetic, rate)
    assert np.allclose(found.energy.values, energy, atol=1e-6)
    assert np.allclose(found.counts.values / dwell, rate, rtol=1e-5)
    assert np.allclose(found.counts.values[::-1], raw(folder / f"vms_{name}_ref.nxs", "1_as_loaded__Survey"), rtol=1e-5)
    assert found.transmission.size == 1351
    assert admit_spectrum(found)


def test_feo(folder):
    found = read(folder / "FeO_analyzed.vms")["Fe 2p"].to_dataset()
    assert found.sizes["energy"] == 1121
    energy, rate = by_energy(*reference(folder / "vms_analysis_ref.nxs", "FeO__Fe2p"))
    assert np.allclose(found.energy.values, energy, atol=1e-6)
    assert np.allclose(found.counts.values / 2, rate, rtol=1e-9)
    assert (found.counts.values[-1], found.counts.values[0]) == (12516.9, 2884.3)
    assert float(found.photon_energy) == 1486.61
    assert float(found.dwell_time * found.sweeps) == 2.0
    exported = read(folder / "FeO_analyzed_lineshapes_cols.txt")["Fe 2p"].to_dataset()
    assert np.allclose(exported.counts.values, found.counts.values, rtol=1e-6)
    assert np.allclose(exported.energy.values, found.energy.values, atol=1e-4)


def test_casa_text_export(folder):
    tree = read(folder / "vms_txt_export.txt")
    assert {leaf.path.lstrip("/"): leaf.sizes["energy"] for leaf in tree.leaves} == {
        "Ni/survey": 1201, "Ni/Ni 2p": 501, "NiO/survey": 1201, "NiO/Ni 2p": 501,
    }  # fmt: skip
    for leaf in tree.leaves:
        sample, region = leaf.attrs["sample"], leaf.attrs["region_label"]
        energy, rate = by_energy(*reference(folder / "vms_txt_export_ref.nxs", f"{sample}__{region}"))
        assert np.allclose(leaf.energy.values, energy, atol=1e-6)
        assert np.allclose(leaf.counts.values / float(leaf.dwell_time), rate, rtol=1e-5)


def test_phi_survey(folder):
    found = read(folder / "SnO2_10nm.spe")["survey"].to_dataset()
    energy, rate = by_energy(*reference(folder / "phi_spe_ref.nxs", "Su1s"))
    assert found.sizes["energy"] == 1751
    assert np.allclose(found.energy.values, energy, atol=1e-6)
    assert np.allclose(found.counts.values / 0.12, rate, rtol=1e-6)
    assert np.array_equal(found.counts.values, np.rint(found.counts.values))
    assert admit_spectrum(found) == []


def test_phi_profile(folder):
    tree = read(folder / "SnO2_10nm_1.pro")
    sizes = {leaf.path.lstrip("/"): dict(leaf.sizes) for leaf in tree.leaves}
    assert sizes == {
        "survey": {"cycle": 21, "energy": 1751}, "C 1s": {"cycle": 21, "energy": 101},
        "Si 2p": {"cycle": 21, "energy": 101}, "Sn 3d": {"cycle": 21, "energy": 101},
    }  # fmt: skip
    for leaf in tree.leaves:
        energy, _ = reference(folder / "phi_pro_ref.nxs", leaf.attrs["region_label"])
        energy, rates = by_energy(energy, raw(folder / "phi_pro_ref.nxs", leaf.attrs["region_label"]))
        assert np.allclose(leaf.energy.values, energy, atol=1e-6)
        assert np.allclose(leaf.counts.values / float(leaf.dwell_time), rates, rtol=1e-6)
        assert leaf.etch_time.values.tolist() == [30.0 * cycle for cycle in range(21)]
        assert leaf.etch_time.attrs["units"] == "s"
    assert (float(tree["C 1s"].energy[0]), float(tree["C 1s"].energy[-1])) == (278.0, 298.0)


@pytest.mark.parametrize(("name", "region", "points"), [("Ag_0001", "Ag 3d", 361), ("Ag_0002", "VB", 801)])
def test_scienta(folder, name, region, points):
    found = read(folder / f"{name}.txt")[region].to_dataset()
    assert found.sizes["energy"] == points
    with h5py.File(folder / "scienta_txt_ref.nxs") as file:
        groups = [
            group for group in file if f"{group}/data/energy" in file and file[f"{group}/data/energy"].size == points
        ]
    assert groups
    energy, values = by_energy(*reference(folder / "scienta_txt_ref.nxs", groups[0]))
    assert np.allclose(found.energy.values, energy, atol=1e-6)
    assert np.allclose(found.counts.values, values, rtol=1e-9)
    assert "ADC mode" in found.attrs["flags"]


def test_specs_xy(folder):
    tree = read(folder / "MgFe2O4_small.xy")
    for region, label, points in (("survey", "Survey", 1351), ("Fe 2p", "Fe2p", 56)):
        leaf = tree[region]
        energy, rate = by_energy(*reference(folder / "specs_xy_ref.nxs", f"1_as_loaded__{label}"))
        assert leaf.sizes["energy"] == points
        assert np.allclose(leaf.energy.values, energy, atol=1e-6)
        assert np.allclose(leaf.counts.values / float(leaf.dwell_time), rate, rtol=1e-6)


SHIFTS = (-0.0744451, -0.0348058, 0.00538331, 0.0444291, 0.0824935)


@pytest.mark.parametrize(
    ("region", "label", "steps", "axis"),
    [("survey", "Survey", 50 / 0.5, (-1.0, 700.0)), ("C 1s", "C1s", 20 / 0.05, (280.0, 290.0))],
)
def test_specs_xml_channels_are_laid_over_each_other(folder, region, label, steps, axis):
    """The reference cuts all channels at the same row, though they see different energies (`SHIFTS` x pass energy).

    Its counts per channel are the oracle for decoding. That the channels fit together now is shown by the strongest
    line: the sum of the channels is as high as five channels are, which the reference's sum is far from.
    """
    found = read(folder / "In-situ_PBTTT_XPS_SPECS.xml")[region].to_dataset()
    points = found.sizes["energy"]
    channels = raw(folder / "specs_xml_ref.nxs", f"PBTTT_1_2_V__{label}").reshape(-1, 5, points).sum(0)
    ours = found.counts.values[::-1]
    moved = [-round(shift * steps) for shift in SHIFTS]
    first, last = max(0, -min(moved)), points - max(0, *moved)
    expected = sum(channel[first + by : last + by] for channel, by in zip(channels, moved, strict=True))
    assert last - first > points / 2
    assert np.array_equal(ours[first:last], expected)
    assert (float(found.energy[0]), float(found.energy[-1])) == pytest.approx(axis)
    assert ours.max() == pytest.approx(channels.max(axis=1).sum(), rel=0.08)
    assert channels.sum(0).max() < 0.75 * ours.max()


def test_lg4x_vamas_equals_its_text_exports_without_a_work_function(real_data):
    folder = real_data / "xps" / "lg4x"
    tree = read(folder / "0-150W.vms")
    assert [leaf.path.lstrip("/") for leaf in tree.leaves] == ["survey", "Ni 2p", "O 1s", "C 1s", "W 4f"]
    for name, region, points, total, highest, at in (
        ("0-150W_NiWW4f_W4f.txt", "W 4f", 251, 221926, 5360, 33.6),
        ("0-150W_NiWNi2p_Ni2p.txt", "Ni 2p", 601, 66892, 144, 856.8),
    ):
        rows = np.loadtxt(folder / name, skiprows=1)[::-1]
        exported = read(folder / name)[region]
        for leaf in (tree[region], exported):
            assert leaf.sizes["energy"] == points
            assert np.array_equal(leaf.counts.values, rows[:, 1])
            assert np.allclose(leaf.energy.values, rows[:, 0], atol=1e-9)
            assert (leaf.counts.values.sum(), leaf.counts.values.max()) == (total, highest)
            assert float(leaf.energy[int(np.argmax(leaf.counts.values))]) == pytest.approx(at)
        assert float(tree[region].work_function) == -4.5
        assert float(exported.pass_energy) == 20.0
    assert tree["W 4f"].attrs["charge_neutraliser"] == "On"
    ranges = {"survey": (286.69, 1491.69), "O 1s": (941.69, 966.69), "C 1s": (1186.69, 1216.69)}
    for region, (low, high) in ranges.items():
        assert float(tree[region].energy[0]) == pytest.approx(1486.69 - high, abs=1e-6)
        assert float(tree[region].energy[-1]) == pytest.approx(1486.69 - low, abs=1e-6)
    for leaf in tree.leaves:
        assert admit_spectrum(leaf.to_dataset()) == []
