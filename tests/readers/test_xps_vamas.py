"""VAMAS files, written in the variants that ISO 14976 allows and programs produce."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
from readers.spectrum_files import PHOTON, UNKNOWN, peak, vamas, vamas_block

from imgpipe.errors import DataError, ReadError
from imgpipe.readers import read

COUNTS = peak()
BINDING = PHOTON - (1313.6 + 0.1 * np.arange(COUNTS.size))


def leaf(path: Path, name: str = "S 2p"):
    return read(path)[name].to_dataset()


def test_energy_is_binding_rising_and_the_work_function_only_metadata(tmp_path):
    found = leaf(vamas(tmp_path / "a.vms", [vamas_block("S 2p", COUNTS)]))
    assert np.allclose(found.energy.values, BINDING[::-1], atol=1e-9)
    assert np.array_equal(found.counts.values, COUNTS[::-1])
    assert found.energy.attrs == {"units": "eV", "long_name": "binding energy", "energy_type": "binding"}
    assert float(found.work_function) == 4.5
    assert (float(found.photon_energy), float(found.pass_energy)) == (PHOTON, 20.0)
    assert (float(found.dwell_time), float(found.sweeps)) == (0.2, 5.0)
    assert found.counts.attrs["units"] == "counts"
    assert found.attrs["flags"] == ""


def test_metadata_and_sentinels(tmp_path):
    found = leaf(vamas(tmp_path / "a.vms", [vamas_block("S 2p", COUNTS, dwell=UNKNOWN, sweeps=UNKNOWN)]))
    assert "dwell_time" not in found
    assert "sweeps" not in found
    assert "emission_angle" not in found
    assert found.attrs["acquired"] == "2024-05-17T09:30:01"
    told = {key: found.attrs[key] for key in ("technique", "region", "element", "line", "sample", "instrument")}
    assert list(told.values()) == ["xps", "S 2p", "S", "2p", "LPSCl", "test spectrometer"]
    assert "1e+37" not in found.attrs["vendor_metadata"].lower()
    assert json.loads(found.attrs["vendor_metadata"])["blocks"][0]["parameters"] == {"flood current": 1e-6}


@pytest.mark.parametrize("before", ["\r\n" * 2, "\n \n\n", "\ufeff".encode().decode("latin-1")])
@pytest.mark.parametrize("name", ["a.vms", "A.VMS", "a.npl", "A.NPL"])
def test_leading_blank_lines_and_suffixes(tmp_path, before, name):
    found = leaf(vamas(tmp_path / name, [vamas_block("S 2p", COUNTS)], before=before))
    assert np.array_equal(found.counts.values, COUNTS[::-1])
    assert found.attrs["flags"] == ""


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_line_ends(tmp_path, line_end):
    assert (
        leaf(vamas(tmp_path / "a.vms", [vamas_block("S 2p", COUNTS)], line_end=line_end)).counts.sum() == COUNTS.sum()
    )


def test_corresponding_variables_are_interleaved(tmp_path):
    through = np.linspace(1.0, 2.0, COUNTS.size)
    found = leaf(vamas(tmp_path / "a.vms", [vamas_block("S 2p", COUNTS, transmission=through)]))
    assert np.array_equal(found.counts.values, COUNTS[::-1])
    assert np.allclose(found.transmission.values, through[::-1], rtol=1e-5)
    assert found.transmission.attrs["units"] == "1"


def test_irregular_with_a_sentinel_among_the_values(tmp_path):
    holed = COUNTS.copy()
    holed[7] = 1e37
    block = vamas_block("S 2p", holed, scan="IRREGULAR", transmission=np.ones(COUNTS.size))
    found = leaf(vamas(tmp_path / "a.vms", [block], scan="IRREGULAR"))
    assert np.allclose(found.energy.values, BINDING[::-1], atol=1e-6)
    values = found.counts.values[::-1]
    assert np.isnan(values[7])
    assert np.array_equal(np.delete(values, 7), np.delete(COUNTS, 7))
    assert "1 missing intensities" in found.attrs["flags"]


def test_inclusion_list_gives_what_the_first_block_says(tmp_path):
    first = vamas_block("S 2p", COUNTS, dwell="0.3", sweeps="7", comment=["Charge Neutraliser : On"])
    listed = [1, 2, 3, 4, 5, 6, 29, 30, 31]
    left_out = [number for number in range(1, 41) if number not in listed]
    second = vamas_block("P 2p", COUNTS[:40], start=1350.0, leave_out=left_out)
    tree = read(vamas(tmp_path / "a.vms", [first, second], listed=listed))
    assert [leaf.path for leaf in tree.leaves] == ["/S 2p", "/P 2p"]
    found = tree["P 2p"].to_dataset()
    assert np.array_equal(found.counts.values, COUNTS[:40][::-1])
    assert (float(found.dwell_time), float(found.sweeps), float(found.pass_energy)) == (0.3, 7.0, 20.0)
    assert found.attrs["charge_neutraliser"] == "On"
    assert float(found.energy[-1]) == pytest.approx(PHOTON - 1350.0, abs=1e-9)


def test_exclusion_list(tmp_path):
    second = vamas_block("P 2p", COUNTS, start=1350.0, leave_out=[8, 14, 40])
    path = vamas(tmp_path / "a.vms", [vamas_block("S 2p", COUNTS), second], listed=[8, 14, 40], exclude=True)
    found = read(path)["P 2p"].to_dataset()
    assert float(found.photon_energy) == PHOTON
    assert np.array_equal(found.counts.values, COUNTS[::-1])


def test_manual_items_and_future_entries_are_passed_over(tmp_path):
    path = vamas(tmp_path / "a.vms", [vamas_block("S 2p", COUNTS)], manual=[3, 14], future=["something", "new"])
    assert np.array_equal(leaf(path).counts.values, COUNTS[::-1])


def test_repeated_region_becomes_cycles_with_the_experimental_variables(tmp_path):
    blocks = [vamas_block("S 2p", peak(seed=i), variables=[60.0 * i, 0.5 * i]) for i in range(4)]
    path = vamas(tmp_path / "a.vms", blocks, variables=[("Etch Time", "s"), ("Potential [V]", "d")])
    found = leaf(path)
    assert dict(found.sizes) == {"cycle": 4, "energy": COUNTS.size}
    assert found.cycle.values.tolist() == [1, 2, 3, 4]
    assert found.cycle.attrs["units"] == "1"
    assert found.etch_time.values.tolist() == [0, 60, 120, 180]
    assert found.etch_time.attrs["units"] == "s"
    assert found.potential.attrs["units"] == "V"
    assert np.array_equal(found.counts.values[3], peak(seed=3)[::-1])


def test_sputter_depth_profile_mode(tmp_path):
    blocks = [vamas_block("S 2p", peak(seed=i), variables=[30.0 * i], mode="SDP") for i in range(3)]
    found = leaf(vamas(tmp_path / "a.vms", blocks, mode="SDP", variables=[("sputter time", "s")]))
    assert found.sputter_time.values.tolist() == [0, 30, 60]
    assert np.array_equal(found.counts.values[2], peak(seed=2)[::-1])


def test_settings_that_differ_between_cycles_stand_along_them(tmp_path):
    blocks = [vamas_block("S 2p", COUNTS, sweeps=sweeps) for sweeps in ("5", "10")]
    found = leaf(vamas(tmp_path / "a.vms", blocks))
    assert found.sweeps.dims == ("cycle",)
    assert found.sweeps.values.tolist() == [5, 10]
    assert "the sweeps differs between cycles" in found.attrs["flags"]


def test_several_samples_and_several_axes(tmp_path):
    blocks = [vamas_block("S 2p", COUNTS, sample=sample) for sample in ("A/1", "B")]
    blocks += [vamas_block("S 2p", COUNTS, sample="B", step=0.2)]
    tree = read(vamas(tmp_path / "a.vms", blocks))
    assert [leaf.path for leaf in tree.leaves] == ["/A_1/S 2p", "/B/S 2p", "/B/S 2p (2)"]
    assert tree["A_1/S 2p"].attrs["sample"] == "A/1"
    assert "several energy axes" in tree["B/S 2p (2)"].attrs["flags"]


def test_without_photon_energy_the_scale_stays_kinetic(tmp_path):
    found = leaf(vamas(tmp_path / "a.vms", [vamas_block("S 2p", COUNTS, photon=UNKNOWN)]))
    assert found.energy.attrs["energy_type"] == "kinetic"
    assert np.array_equal(found.counts.values, COUNTS)
    assert "stays kinetic" in found.attrs["flags"]


def test_a_binding_axis_is_taken_as_it_is(tmp_path):
    block = vamas_block("S 2p", COUNTS, start=170.0, step=-0.1, axis=("Binding energy", "eV"))
    found = leaf(vamas(tmp_path / "a.vms", [block]))
    assert np.allclose(found.energy.values, (170.0 - 0.1 * np.arange(COUNTS.size))[::-1], atol=1e-9)


@pytest.mark.parametrize(("unit", "label"), [("c/s", "Intensity"), ("d", "Counts per second")])
def test_rates_become_counts(tmp_path, unit, label):
    found = leaf(vamas(tmp_path / "a.vms", [vamas_block("S 2p", COUNTS / 0.2 / 5, unit=unit, label=label)]))
    assert np.array_equal(found.counts.values, COUNTS[::-1])
    assert found.attrs["flags"] == ""


def test_a_rate_without_dwell_time_stays_a_rate(tmp_path):
    found = leaf(vamas(tmp_path / "a.vms", [vamas_block("S 2p", COUNTS / 3, unit="c/s", dwell=UNKNOWN)]))
    assert "counts" not in found
    assert found.intensity.attrs["units"] == "counts/s"
    assert "counts already divided by dwell" in found.attrs["flags"]


def test_counts_divided_by_the_dwell_time_are_found_out(tmp_path):
    found = leaf(vamas(tmp_path / "a.vms", [vamas_block("S 2p", COUNTS / 0.6, dwell="0.2", sweeps="3")]))
    assert np.array_equal(found.counts.values, COUNTS[::-1])
    assert "multiplied by dwell x sweeps = 0.6 s" in found.attrs["flags"]


def test_counts_that_nothing_makes_whole_are_flagged(tmp_path):
    found = leaf(vamas(tmp_path / "a.vms", [vamas_block("S 2p", COUNTS * 1.0373)]))
    assert "counts already divided by dwell" in found.attrs["flags"]
    assert np.allclose(found.counts.values, COUNTS[::-1] * 1.0373)


@pytest.mark.parametrize(
    ("angles", "expected"),
    [
        (("30", UNKNOWN, UNKNOWN, UNKNOWN), 30.0),
        (("0", "0", "45", "0"), 45.0),
        (("40", "90", "40", "90"), 0.0),
        (("30", "0", "20", "180"), 50.0),
        (("30", UNKNOWN, "20", UNKNOWN), None),
    ],
)
def test_emission_angle_is_between_analyser_and_surface_normal(tmp_path, angles, expected):
    found = leaf(vamas(tmp_path / "a.vms", [vamas_block("S 2p", COUNTS, angles=angles)]))
    if expected is None:
        assert "emission_angle" not in found
    else:
        assert float(found.emission_angle) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("mode", ["MAP", "MAPSV", "SEM", "SDPSV"])
def test_modes_without_spectra_are_refused(tmp_path, mode):
    with pytest.raises(ReadError, match=rf"mode {mode} is not supported") as caught:
        read(vamas(tmp_path / "a.vms", [vamas_block("S 2p", COUNTS)], mode=mode))
    assert "NORM" in str(caught.value.remedy)


def test_scan_mode_mapping_and_other_techniques_are_refused(tmp_path):
    with pytest.raises(ReadError, match="MAPPING is not supported"):
        read(vamas(tmp_path / "a.vms", [vamas_block("S 2p", COUNTS)], scan="MAPPING"))
    with pytest.raises(ReadError, match="technique is AES dir"):
        read(vamas(tmp_path / "b.vms", [vamas_block("S 2p", COUNTS, technique="AES dir")]))


def test_blocks_of_another_technique_are_left_out_and_told(tmp_path):
    blocks = [vamas_block("S 2p", COUNTS), vamas_block("C 1s", COUNTS, technique="ELS")]
    tree = read(vamas(tmp_path / "a.vms", blocks))
    assert [leaf.path for leaf in tree.leaves] == ["/S 2p"]
    assert "technique ELS were left out" in tree["S 2p"].attrs["flags"]


@pytest.mark.parametrize("stated", [2 * COUNTS.size, 10**7])
def test_more_values_stated_than_there_are(tmp_path, stated):
    with pytest.raises(ReadError, match=r"block 1 of 1: (the file is cut: \d+ values are stated|line \d+ should hold)"):
        read(vamas(tmp_path / "a.vms", [vamas_block("S 2p", COUNTS, stated=stated)]))


def test_more_blocks_stated_than_there_are(tmp_path):
    with pytest.raises(ReadError, match="block 2 of 2: the file is cut"):
        read(vamas(tmp_path / "a.vms", [vamas_block("S 2p", COUNTS)], stated=2))


def test_missing_end_and_trailing_junk_are_told(tmp_path):
    path = vamas(tmp_path / "a.vms", [vamas_block("S 2p", COUNTS)], ending=False)
    assert "'end of experiment' is missing" in leaf(path).attrs["flags"]
    path = vamas(tmp_path / "b.vms", [vamas_block("S 2p", COUNTS)])
    path.write_bytes(path.read_bytes() + b"junk\r\nmore\r\n")
    assert "2 lines after the end of the VAMAS data" in leaf(path).attrs["flags"]


def test_values_outside_the_stated_range_are_told(tmp_path):
    block = vamas_block("S 2p", COUNTS)
    block[-10] = "99999"
    assert "the file states intensities from" in leaf(vamas(tmp_path / "a.vms", [block])).attrs["flags"]


@pytest.mark.parametrize("step", ["0", UNKNOWN])
def test_an_axis_without_a_step_is_refused(tmp_path, step):
    block = vamas_block("S 2p", COUNTS)
    block[block.index("0.1")] = step
    with pytest.raises(ReadError, match="no axis can"):
        read(vamas(tmp_path / "a.vms", [block]))


def test_energy_in_kev_is_converted_where_the_unit_says_so(tmp_path):
    block = vamas_block("S 2p", COUNTS, start=1.3136, step=0.0001, axis=("Kinetic energy", "keV"))
    found = leaf(vamas(tmp_path / "a.vms", [block]))
    assert np.allclose(found.energy.values, BINDING[::-1], atol=1e-6)
    assert "converted to eV" in found.attrs["flags"]


def test_kev_under_the_name_of_ev_is_refused_with_the_remedy(tmp_path):
    with pytest.raises(DataError, match="these are keV, not eV") as caught:
        read(vamas(tmp_path / "a.vms", [vamas_block("S 2p", COUNTS, start=1.3136, step=0.0001)]))
    assert "multiply the energies by 1000" in str(caught.value.remedy)
    assert caught.value.file
    assert caught.value.file.endswith("a.vms")


def test_a_fermi_edge_is_not_taken_for_kev(tmp_path):
    block = vamas_block("VB", COUNTS, start=1484.6, step=0.05)
    found = leaf(vamas(tmp_path / "a.vms", [block]), "VB")
    assert float(found.energy[0]) == pytest.approx(PHOTON - 1484.6 - 0.05 * 59, abs=1e-9)


@pytest.mark.parametrize(("at", "words"), [(10, "twice the same energy"), (9, "a step backwards")])
def test_energies_out_of_order(tmp_path, at, words):
    block = vamas_block("S 2p", COUNTS, scan="IRREGULAR")
    first = len(block) - 2 * COUNTS.size
    block[first + 2 * 11] = block[first + 2 * at]
    with pytest.raises(DataError, match=words):
        read(vamas(tmp_path / "a.vms", [block], scan="IRREGULAR"))


def test_a_pixel_size_does_not_concern_spectra(tmp_path):
    path = vamas(tmp_path / "a.vms", [vamas_block("S 2p", COUNTS)])
    assert "pixel_size does not concern spectra" in read(path, pixel_size=5.0)["S 2p"].attrs["flags"]


def test_a_hundred_thousand_values_in_well_under_a_second(tmp_path):
    path = vamas(tmp_path / "a.vms", [vamas_block("S 2p", peak(1000, seed=i)) for i in range(100)])
    read(path)
    started = time.perf_counter()
    found = leaf(path)
    seconds = time.perf_counter() - started
    assert dict(found.sizes) == {"cycle": 100, "energy": 1000}
    assert seconds < 1.0
