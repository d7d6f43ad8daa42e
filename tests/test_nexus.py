"""NeXus: what we write reads back as it was, others find what they look for, hostile files are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray as xr
from sample_result import make_leaf
from sample_spectra import make_spectrum

from imgpipe.errors import DataError, ImgpipeError, OutputError, ReadError
from imgpipe.nexus import export_group, exportable
from imgpipe.readers import read

TRACE = np.linspace(0.1, 0.5, 6)
OTHERS = (
    ("vms_regular_ref.nxs", "survey", 1351, 3188302.089),
    ("vms_analysis_ref.nxs", "Fe 2p", 1121, 13991176.77),
    ("phi_spe_ref.nxs", "survey", 1751, 13999945.0),
    ("phi_pro_ref.nxs", "C 1s", 101, 0.8 * 268423.7750999814),
    ("scienta_txt_ref.nxs", "Ag__001/Ag 3d", 361, 203 * 7076.812554836273),
    ("specs_xml_ref.nxs", "C 1s", 201, 106147.0),
    ("specs_xy_ref.nxs", "Fe 2p", 56, 0.3 * 330021.1444),
    ("vms_txt_export_ref.nxs", "NiO/Ni 2p", 501, 0.3 * 9754959.84),
)


def sample_tree() -> xr.DataTree:
    series = make_spectrum(
        {"Li2S": TRACE, "Li6PS5Cl": 0.95 - TRACE, "SOx": 0.05}, series={"cycle": [1, 2, 3, 4, 5, 6]}, flags={"SOx": "µ"}
    )
    joint = make_spectrum({"Li2S": [0.1, 0.4], "SOx": 0.2}, series={"sample": ["A", "B"]})
    leaves = {"Mg-Cu/S 2p": make_spectrum(sample="Mg-Cu"), "Cu/S 2p": series, "joint/S 2p": joint, "Cu/C 1s": bare()}
    return xr.DataTree.from_dict({f"/{name}": leaf for name, leaf in leaves.items()})


def bare() -> xr.Dataset:
    """Return a spectrum that nothing was fitted to, on a kinetic scale."""
    leaf = make_spectrum(region="C 1s")[["counts", "photon_energy"]].drop_vars(
        ["component", "peak", "constraint", "sensitivity", "region"], errors="ignore"
    )
    attrs = {"units": "eV", "long_name": "kinetic energy", "energy_type": "kinetic"}
    return leaf.assign_coords(energy=xr.DataArray(leaf["energy"].values, dims="energy", attrs=attrs))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_group(sample_tree(), tmp_path_factory.mktemp("nexus") / "nexus" / "cell.nxs", {"sample": "cell"})


@pytest.fixture
def damaged(written: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "damaged.nxs"
    copy.write_bytes(written.read_bytes())
    return copy


def without_origin(leaf: xr.Dataset) -> xr.Dataset:
    kept = {name: value for name, value in leaf.attrs.items() if name not in ("source_file", "provenance")}
    bare = leaf.copy()
    bare.attrs = kept
    return bare


def test_everything_comes_back_as_it_was(written: Path) -> None:
    back = read(written)
    tree = sample_tree()
    assert sorted(node.path for node in back.leaves) == sorted(node.path for node in tree.leaves)
    for node in tree.leaves:
        again = back[node.path].to_dataset().load()
        xr.testing.assert_identical(without_origin(node.to_dataset()), without_origin(again))


def test_provenance_goes_on(written: Path) -> None:
    provenance = read(written)["Mg-Cu/S 2p"].attrs["provenance"]
    assert provenance.index("fit_components") < provenance.index("xps_nexus")


def test_lazy_data_give_the_same_bytes(written: Path, tmp_path: Path) -> None:
    lazy = xr.DataTree.from_dict(
        {
            node.path: node.to_dataset().chunk({d: 3 for d in ("cycle",) if d in node.dims})
            for node in sample_tree().leaves
        }
    )
    again = export_group(lazy, tmp_path / "again.nxs", {"sample": "cell"})
    assert again.read_bytes() == written.read_bytes()


def test_others_find_data_instrument_and_fit(written: Path) -> None:
    leaf = sample_tree()["Mg-Cu/S 2p"].to_dataset()
    with h5py.File(written) as file:
        entry = file["Mg_Cu__S_2p"]
        assert entry["definition"].asstr()[()] == "NXxps"
        assert list(entry["transitions"].asstr()[()]) == ["S2p"]
        assert entry["data"].attrs["signal"] == "data"
        assert entry["data/energy"].attrs["type"] == "binding"
        np.testing.assert_array_equal(entry["data/data"][()], leaf["counts"].values)
        assert entry["instrument/beam_probe/incident_energy"][()] == pytest.approx(1486.6)
        assert entry["instrument/electronanalyzer/energydispersion/pass_energy"].attrs["units"] == "eV"
        assert entry["energy_referencing"].attrs["NX_class"] == "NXcalibration"
        fit = entry["fit"]
        assert fit.attrs["NX_class"] == "NXfit"
        assert fit["figure_of_merit_reduced_chi_square"].attrs["metric"] == "reduced chi-square"
        peak = fit["peak0"]
        assert peak.attrs["NX_class"] == "NXpeak"
        assert peak["label"].asstr()[()] == "Li2S"
        assert peak["total_area"][()] == pytest.approx(float(leaf["area"].sel(component="Li2S")))
        assert peak["relative_atomic_concentration"][()] == pytest.approx(0.27)
        assert peak["function"].attrs["NX_class"] == "NXfit_function"


def test_the_parts_of_the_fit_make_up_the_sum(written: Path) -> None:
    with h5py.File(written) as file:
        data = file["Mg_Cu__S_2p/fit/data"]
        signals = [name for name in data.attrs["auxiliary_signals"] if name != "fit_sum"]
        np.testing.assert_allclose(sum(data[name][()] for name in signals), data["fit_sum"][()], rtol=1e-12)
        np.testing.assert_array_equal(data["input_dependent"][()], file["Mg_Cu__S_2p/data/data"][()])


def test_no_number_of_a_peak_is_on_another_scale(written: Path) -> None:
    with h5py.File(written) as file:
        for entry in (file["Mg_Cu__S_2p"], file["Cu__S_2p"]):
            energy = entry["data/energy"]
            for name in (n for n in entry["fit"] if n.startswith("peak")):
                position = entry[f"fit/{name}/function/fit_parameters/position"]
                assert position.attrs["type"] == energy.attrs["type"]
                assert energy[0] <= np.min(position[()]) <= np.max(position[()]) <= energy[-1]


def test_a_kinetic_scale_stays_one(written: Path) -> None:
    with h5py.File(written) as file:
        assert file["Cu__C_1s/data/energy"].attrs["type"] == "kinetic"
    assert read(written)["Cu/C 1s"]["energy"].attrs["energy_type"] == "kinetic"


def test_a_group_without_spectra_is_not_exported(tmp_path: Path) -> None:
    tree = xr.DataTree.from_dict({"/image": make_leaf({"Mg": 60.0})})
    assert not exportable(tree)
    with pytest.raises(OutputError, match="no photoelectron spectra"):
        export_group(tree, tmp_path / "a.nxs")


def refused(path: Path, words: str, kind: type[ImgpipeError] = ReadError, **options: Any) -> None:
    with pytest.raises(kind, match=words) as caught:
        read(path, **options)
    assert str(path) in str(caught.value)
    assert caught.value.remedy


def test_a_link_to_another_file_is_refused(damaged: Path) -> None:
    with h5py.File(damaged, "a") as file:
        del file["Mg_Cu__S_2p/data/data"]
        file["Mg_Cu__S_2p/data/data"] = h5py.ExternalLink("elsewhere.nxs", "/data")
    refused(damaged, "link to another file")


def test_values_in_another_file_are_refused(damaged: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.bin").write_bytes(bytes(8 * 181))
    with h5py.File(damaged, "a") as file:
        del file["Mg_Cu__S_2p/data/data"]
        outside = [(str(tmp_path / "secret.bin"), 0, 8 * 181)]
        file["Mg_Cu__S_2p/data"].create_dataset("data", shape=(181,), dtype="f8", external=outside)
    refused(damaged, "keeps its values in another file")


def test_a_virtual_field_is_refused(damaged: Path) -> None:
    layout = h5py.VirtualLayout(shape=(181,), dtype="f8")
    layout[:] = h5py.VirtualSource("missing.h5", "data", shape=(181,))
    with h5py.File(damaged, "a") as file:
        del file["Mg_Cu__S_2p/data/data"]
        file["Mg_Cu__S_2p/data"].create_virtual_dataset("data", layout)
    refused(damaged, "virtual field")


def test_bombs_are_refused_before_they_are_unpacked(damaged: Path) -> None:
    with h5py.File(damaged, "a") as file:
        big = {"shape": (1 << 26,), "dtype": "f8", "compression": "gzip", "chunks": (1 << 20,)}
        file["Mg_Cu__S_2p/imgpipe"].create_dataset("bomb", **big)
    refused(damaged, "unpacks to", DataError)
    with h5py.File(damaged, "a") as file:
        del file["Mg_Cu__S_2p/imgpipe/bomb"]
        file["Mg_Cu__S_2p/imgpipe"].create_dataset("claim", shape=(1 << 31, 4), dtype="i1", chunks=(1 << 20, 4))
    refused(damaged, "values or more", DataError)


def test_unwritten_blocks_are_said(damaged: Path) -> None:
    with h5py.File(damaged, "a") as file:
        file["Mg_Cu__S_2p/imgpipe"].create_dataset("empty", shape=(100,), dtype="f8", chunks=(50,))
    assert "2 unwritten block(s)" in read(damaged)["Mg-Cu/S 2p"].attrs["flags"]


def test_groups_that_hold_each_other_end(damaged: Path) -> None:
    with h5py.File(damaged, "a") as file:
        file["Mg_Cu__S_2p/imgpipe/round"] = file["Mg_Cu__S_2p"]
        file["Mg_Cu__S_2p/imgpipe/nowhere"] = h5py.SoftLink("/not/there")
    assert len(list(read(damaged).leaves)) == 4


@pytest.mark.parametrize("part", [0.01, 0.5, 0.9])
def test_a_cut_file_is_an_error(damaged: Path, part: float) -> None:
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[: int(part * len(whole))])
    with pytest.raises(ReadError):
        read(damaged)


def test_a_changed_axis_is_noticed(damaged: Path) -> None:
    with h5py.File(damaged, "a") as file:
        old = file["Mg_Cu__S_2p/data/energy"]
        attrs = dict(old.attrs)
        del file["Mg_Cu__S_2p/data/energy"]
        file["Mg_Cu__S_2p/data"].create_dataset("energy", data=np.arange(180.0)).attrs.update(attrs)
        for curve in ("background", "peak0", "peak1", "peak2"):
            del file[f"Mg_Cu__S_2p/fit/{curve}/data/position"]
        del file["Mg_Cu__S_2p/fit/data/input_independent"], file["Mg_Cu__S_2p/energy_referencing/calibrated_axis"]
    refused(damaged, "its axis 180")


def test_hdf5_of_another_kind_says_what_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "other.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("picture", data=np.zeros((4, 4)))
    refused(path, "no spectrum over an energy axis")


@pytest.mark.parametrize(("name", "leaf", "points", "total"), OTHERS)
def test_spectra_of_another_program(real_data: Path, name: str, leaf: str, points: int, total: float) -> None:
    found = read(real_data / "xps" / "pynxtools-xps" / name)[leaf].to_dataset()
    assert found.sizes["energy"] == points
    assert found["energy"].attrs["energy_type"] == "binding"
    assert bool((np.diff(found["energy"]) > 0).all())
    assert float(found["counts"].sum()) == pytest.approx(total, rel=1e-9)


def test_what_another_program_made_of_a_file_is_what_we_read_from_it(real_data: Path) -> None:
    folder = real_data / "xps" / "pynxtools-xps"
    theirs = read(folder / "vms_analysis_ref.nxs")["Fe 2p"].to_dataset()
    ours = read(folder / "FeO_analyzed.vms")["Fe 2p"].to_dataset()
    np.testing.assert_allclose(theirs["energy"], ours["energy"], atol=1e-6)
    np.testing.assert_allclose(theirs["counts"], ours["counts"], rtol=1e-6)


def test_energies_named_wrongly_are_put_right_and_said(real_data: Path) -> None:
    tree = read(real_data / "xps" / "pynxtools-xps" / "specs_xml_ref.nxs")
    assert 280.0 < float(tree["C 1s"]["energy"][0]) < float(tree["C 1s"]["energy"][-1]) < 292.0
    assert "named kinetic" in tree["C 1s"].attrs["flags"]
