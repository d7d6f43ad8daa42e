"""What CasaXPS and Kratos write into comments, against the decodings of another project."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from readers.spectrum_files import PHOTON, peak, vamas, vamas_block

from imgpipe.readers import read
from imgpipe.readers.xps_casa_comment import calibration_shift, parse_casa
from imgpipe.readers.xps_key_comment import parse_keys

REGION = "CASA region (*S 2p*) (*Shirley*) 1315.1 1318.9 1.68 2 0 0 335.4 551 436 3 (*S 2p*) 32.06 0 1.68"
COMPONENT = (
    "CASA comp (*PS4*) (*GL(30)*) Area 812.5 1e-020 702855 -1 1 MFWHM 1.1 0.3 2.2 -1 1 Position 1316.2 1315.4 1317.1 "
    "-1 1 RSF 1.11 MASS 32.06 INDEX -1 (*S 2p*) CONST (**) UNCORRECTEDRSF 1.11"
)
LINKED = COMPONENT.replace("Area 812.5 1e-020 702855 -1 1", "Area 406.2 1e-020 702855 0 0.5").replace(
    "1317.1 -1 1", "1317.1 0 -1.18"
)


def casa_lines(processing=(), regions=(), components=()):
    lines = ["Casa Info Follows", str(len(processing)), *processing, "0", str(len(regions)), *regions]
    return [*lines, str(len(components)), *components]


def keyed(found):
    """Return calibrations, regions and components under the names of the reference."""
    told = {}
    for i, one in enumerate(found["calibrations"]):
        told |= {f"energy_calibration{i}/{key}": value for key, value in one.items()}
        told[f"energy_calibration{i}/energy_offset"] = one["measured_energies"][0] - one["aligned_energy"]
    for i, one in enumerate(found["intensity_calibrations"]):
        told[f"intensity_calibration{i}/power_law_coefficient"] = one["power_law_coefficient"]
        told[f"intensity_calibration{i}/tf_function_ordinate_no"] = one["transmission_column"]
    renamed = {"background": "bg_type", "average_width": "av_width"}
    for i, one in enumerate(found["regions"]):
        told |= {f"region{i}/{renamed.get(key, key)}": value for key, value in one.items()}
    renamed = {
        f"{a}_{b}": f"{a}_{c}" for a in ("area", "width", "position") for b, c in (("low", "min"), ("high", "max"))
    }
    for i, one in enumerate(found["components"]):
        told |= {f"component{i}/{renamed.get(key, key)}": value for key, value in one.items()}
        told[f"component{i}/lineshape"] = re.sub(r"[()]", "", one["shape"])
        told[f"component{i}/const"] = one["constraint"]
        for part in ("area", "width", "position"):
            told[f"component{i}/{part}_ref_comp_id"] = one.get(f"{part}_linked_to", -1)
            told[f"component{i}/{part}_ref_comp_factor"] = one.get(f"{part}_link", 1)
    return told


NOT_IN_THE_FILE = ("function_type", "/@units", "unknown_", "atomic_concentration")
"""Keys of the reference that its reader adds."""


def test_casa_process_block_against_the_reference(real_data):
    folder = real_data / "xps" / "pynxtools-xps"
    found = parse_casa((folder / "casa_process.vms").read_text().splitlines()[1:])
    assert found is not None
    told = keyed(found)
    reference = json.loads((folder / "casa_process_ref.json").read_text())
    keys = [key for key in reference if not any(part in key for part in NOT_IN_THE_FILE)]
    assert len(keys) > 80
    for key in keys:
        if key.endswith("cross_section"):
            assert told[key] == [float(text) for text in reference[key]]
        else:
            assert told[key] == reference[key], key
    assert found["unread"] == []
    assert "Sm SG D(2) P(5)" in found["processing"]


def test_kratos_block_against_the_reference(real_data):
    folder = real_data / "xps" / "pynxtools-xps"
    told = parse_keys((folder / "kratos.vms").read_text().splitlines()[1:])
    reference = json.loads((folder / "kratos_ref.json").read_text())
    renamed = {
        "sample_tilt": "tilt", "anode_material": "anode_library", "lens_mode": "lens", "energy_start": "start",
        "energy_end": "end", "energy_centre": "centre", "energy_width": "width",
    }  # fmt: skip
    for key, value in reference.items():
        name, _, units = key.partition("/")
        name = renamed.get(name, name)
        if name in ("resolution", "tilt") and units:
            continue  # the unit is the reader's knowledge, the file names none
        if name.startswith(("description_", "deflection_")):
            whole, _, letter = name.rpartition("_")
            found = told[f"{whole}_unit"] if units else told[whole]["xyz".index(letter)]
        elif name == "date_created":
            found, value = told[name], "01/01/2024 12:00"
        elif name == "charge_neutraliser":
            found, value = told[name], "On"
        else:
            found = told[f"{name}_unit"] if units else told[name]
        assert (found == value) or float(found) == pytest.approx(float(value)), key


@pytest.mark.parametrize(
    ("line", "measured", "aligned", "scale"),
    [
        ("Calib M = 280,281 A = 285 BE ADD", [280, 281], 285, "binding"),
        ("Calib M = 285.1185 A = 284 BE ADD", [285.1185], 284, "binding"),
        ("Calib M = 282.4,283.5 A = 286.8 BE ADD", [282.4, 283.5], 286.8, "binding"),
        ("Calib M =1202.3 A= 1201.8 KE ADD", [1202.3], 1201.8, "kinetic"),
        ("Calib M = 284.5 A = 284.8 BE", [284.5], 284.8, "binding"),
        ("Calib M = 284.5 A = 284.8 ADD", [284.5], 284.8, "binding"),
        ("Calib  M = 2.845e2 , A = 284.8 BE ADD", [284.5], 284.8, "binding"),
        ("Calib M = -0.4 A = 0 BE ADD", [-0.4], 0, "binding"),
    ],
)
def test_variants_of_calibration_lines(line, measured, aligned, scale):
    found = parse_casa(casa_lines([line]))
    assert found is not None
    (one,) = found["calibrations"]
    assert one == {
        "measured_energies": measured,
        "aligned_energy": aligned,
        "energy_type": scale,
        "operation": "addition",
        "range_calibration": len(measured) > 1,
    }


def test_a_line_that_can_not_be_understood_is_told_not_raised():
    found = parse_casa(casa_lines(["Calib M = ??? A = 285 BE ADD"], components=["CASA comp (*x*) broken"]))
    assert found is not None
    assert len(found["unread"]) == 2
    assert found["calibrations"] == found["components"] == []


def test_no_casa_block():
    assert parse_casa(["File = a.sle", "Group = 1"]) is None
    assert parse_casa(["Casa Info Follows", "0", "0", "0", "0"]) is None


def test_calibrations_add_up_and_a_range_means_the_maximum_within():
    energy = np.linspace(280, 290, 101)
    values = np.exp(-((energy - 283.0) ** 2))
    one = {"energy_type": "binding", "operation": "addition"}
    lines = [
        {**one, "measured_energies": [282.0, 284.0], "aligned_energy": 284.5, "range_calibration": True},
        {**one, "measured_energies": [284.5], "aligned_energy": 284.8, "range_calibration": False},
    ]
    assert calibration_shift(lines, energy, values, "binding", None) == pytest.approx(1.8)
    again = [*lines, {**one, "measured_energies": [284.0, 286.0], "aligned_energy": 285, "range_calibration": True}]
    assert calibration_shift(again, energy, values, "binding", None) == pytest.approx(2.0)
    kinetic = [{**lines[1], "energy_type": "kinetic"}]
    assert calibration_shift(kinetic, PHOTON - energy, values, "kinetic", PHOTON) == pytest.approx(-0.3)
    assert calibration_shift([{**lines[1], "operation": "shift"}], energy, values, "binding", None) is None


def test_calibration_is_not_applied_but_flagged_with_its_size(tmp_path):
    comment = casa_lines(["Calib M = 161.5 A = 161.9 BE ADD", "Sm SG D(2) P(5)"])
    counts = peak()
    found = read(vamas(tmp_path / "a.vms", [vamas_block("S 2p", counts, comment=comment)]))["S 2p"]
    assert np.allclose(found.energy.values[::-1], PHOTON - (1313.6 + 0.1 * np.arange(counts.size)), atol=1e-9)
    assert "Casa calibration not applied: +0.4 eV" in found.attrs["flags"]
    assert "Casa processing not applied: Sm SG D(2) P(5)" in found.attrs["flags"]


def test_components_carry_both_scales_and_never_mix_them(tmp_path):
    comment = casa_lines(regions=[REGION], components=[COMPONENT, LINKED])
    found = read(vamas(tmp_path / "a.vms", [vamas_block("S 2p", peak(), comment=comment)]))["S 2p"]
    casa = json.loads(found.attrs["vendor_metadata"])["blocks"][0]["casa"]
    one, two = casa["components"]
    assert one["position_kinetic_energy"] == 1316.2
    assert one["position_binding_energy"] == pytest.approx(PHOTON - 1316.2)
    low, high = one["position_low_binding_energy"], one["position_high_binding_energy"]
    assert (low, high) == (pytest.approx(PHOTON - 1317.1), pytest.approx(PHOTON - 1315.4))
    assert low < one["position_binding_energy"] < high
    assert "position" not in one
    assert (two["area_linked_to"], two["area_link"]) == (0, 0.5)
    assert (two["position_linked_to"], two["position_link"]) == (0, -1.18)
    assert casa["regions"][0]["start_binding_energy"] == pytest.approx(PHOTON - 1315.1)


def test_fit_of_a_real_file(real_data):
    found = read(real_data / "xps" / "pynxtools-xps" / "FeO_analyzed.vms")["Fe 2p"]
    casa = json.loads(found.attrs["vendor_metadata"])["blocks"][0]["casa"]
    expected = [
        (709.05, 3.86, 63507.37, "LF(0.54,10,80,100,6)"),
        (716.00, 8.00, 35837.06, "SGL(30)"),
        (722.13, 4.87, 49042.13, "LF(0.54,10,80,100,6)"),
        (729.89, 7.83, 17705.16, "SGL(30)"),
    ]
    for one, (energy, width, area, shape) in zip(casa["components"], expected, strict=True):
        assert one["position_binding_energy"] == pytest.approx(energy, abs=0.006)
        assert one["width"] == pytest.approx(width, abs=0.006)
        assert one["area"] == pytest.approx(area, abs=0.006)
        assert one["shape"] == shape
    assert casa["regions"][0]["background"] == "U 3 Tougaard"
