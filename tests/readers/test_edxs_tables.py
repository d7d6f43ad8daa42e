"""Tables of line scans: columns of a distance and of counts per element; what belongs to XPS stays there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from readers import spectrum_files

from imgpipe.errors import ImgpipeError
from imgpipe.readers import admit_spectrum, read

MG, W, CU = [90, 80, 5, 1], [2, 3, 70, 4], [0, 1, 6, 88]
TABLE = """\
# sample: Cu1
# beam energy: 5 kV
# take-off angle: 35 deg
# live time [ms]: 500
distance (um),Mg,W M,Cu [counts]
""" + "".join(f"{0.05 * n:g},{a},{b},{c}\n" for n, (a, b, c) in enumerate(zip(MG, W, CU, strict=True)))


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def line(path: Path) -> xr.Dataset:
    return read(path)["line"].to_dataset()


def refused(path: Path) -> str:
    with pytest.raises(ImgpipeError) as caught:
        read(path)
    assert caught.value.file == str(path)
    assert caught.value.remedy
    return str(caught.value)


def test_a_table_becomes_intensity_over_element_and_position(tmp_path):
    found = line(written(tmp_path / "scan.csv", TABLE))
    assert found.intensity.dims == ("element", "position")
    assert found.intensity.attrs["units"] == "counts"
    np.testing.assert_array_equal(found.intensity.values, [MG, W, CU])
    assert found.element.values.tolist() == ["Mg", "W", "Cu"]
    assert found.xray_line.values.tolist() == ["Mg", "W M", "Cu"]
    np.testing.assert_allclose(found.position.values, [0, 50, 100, 150])
    assert found.position.attrs["units"] == "nm"
    assert {name: float(found[name]) for name in ("beam_energy", "live_time", "take_off_angle")} == {
        "beam_energy": 5000.0, "live_time": 0.5, "take_off_angle": 35.0,
    }  # fmt: skip
    assert (found.attrs["technique"], found.attrs["elements"], found.attrs["sample"]) == ("edxs", "Mg W Cu", "Cu1")
    assert admit_spectrum(found) == []


@pytest.mark.parametrize("separator", ["\t", ";"])
def test_other_separators_and_decimal_commas(tmp_path, separator):
    text = TABLE.replace(",", separator).replace("0.05", "0,05").replace("0.1", "0,1")
    np.testing.assert_allclose(line(written(tmp_path / "scan.tsv", text)).position.values, [0, 50, 100, 150])


def test_a_second_line_of_an_element_and_columns_that_are_no_counts(tmp_path):
    text = "Distance [nm],Point,Cu La,Cu Ka,Comment\n0,1,5,6,a\n10,2,7,8,b\n"
    found = line(written(tmp_path / "scan.csv", text))
    assert found.element.values.tolist() == ["Cu", "Cu Ka"]
    assert "columns not used: Point, Comment" in found.attrs["flags"]


def test_a_falling_distance_is_turned_round(tmp_path):
    found = line(written(tmp_path / "scan.csv", "position (nm),Mg\n20,3\n10,2\n0,1\n"))
    np.testing.assert_array_equal(found.position.values, [0, 10, 20])
    np.testing.assert_array_equal(found.intensity.values, [[1, 2, 3]])


def test_rates_become_counts_where_the_live_time_is_known(tmp_path):
    text = "# live time: 2 s\ndistance (nm),Mg (cps)\n0,5\n10,7\n"
    found = line(written(tmp_path / "a.csv", text))
    np.testing.assert_array_equal(found.intensity.values, [[10, 14]])
    assert "multiplied by 2 s" in found.attrs["flags"]
    assert "live time of a point is not known" in refused(written(tmp_path / "b.csv", text[text.index("dist") :]))


def test_pixels_stay_pixels_until_their_size_is_given(tmp_path):
    path = written(tmp_path / "scan.csv", "position (px),Mg\n0,5\n1,6\n")
    found = line(path)
    assert found.position.attrs["units"] == "px"
    assert "uncalibrated" in found.attrs["flags"]
    sized = read(path, pixel_size="12 nm")["line"]
    assert (sized.position.values.tolist(), sized.position.attrs["units"]) == ([0.0, 12.0], "nm")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("distance,Mg\n0,5\n1,6\n", "names no unit"),
        ("distance (nm),Mg (at.%)\n0,5\n1,6\n", "percent of a composition"),
        ("distance (nm),Mg,Mg\n0,5,5\n1,6,6\n", "two columns are named Mg"),
        ("distance (nm),Mg\n0,5\n1,x\n", "row 2 of column 'Mg' holds 'x'"),
        ("distance (nm),Mg,W\n0,5,1\n1,6\n", "row 2 of the table has 2 cells"),
        ("distance (nm),Mg\n0,5\n0,6\n", "must rise"),
        ("distance (nm),Mg\n0,5\nnan,6\n", "NaN"),
        ("distance (nm),Mg\n0,5\n", "1 row(s)"),
    ],
)
def test_tables_that_can_t_be_used(tmp_path, text, told):
    assert told in refused(written(tmp_path / "scan.csv", text))


@pytest.mark.parametrize("text", ["distance (nm),Mg,W\n", "# sample: Cu1\ndistance (nm),Mg,W"])
def test_a_head_without_data_is_a_cut_line_scan(tmp_path, text):
    told = refused(written(tmp_path / "scan.csv", text))
    assert "the table has 0 row(s) of data" in told
    assert "edxs_table" in told
    assert "binding" not in told


@pytest.mark.parametrize("text", [TABLE[: len(TABLE) // 20], "hello\nthis is a letter\n"])
def test_a_text_that_may_be_any_table_offers_both_kinds(tmp_path, text):
    told = refused(written(tmp_path / "scan.csv", text))
    assert "'distance (nm)'" in told
    assert "'binding energy'" in told


def test_an_empty_cell_is_to_be_filled_or_deleted(tmp_path):
    told = refused(written(tmp_path / "scan.csv", "distance (nm),Mg\n0,1\n10,\n20,3\n"))
    assert "row 2 of column 'Mg' is empty" in told
    assert "fill or delete row 2" in told


def test_the_gate_of_tables(tmp_path):
    negative = line(written(tmp_path / "a.csv", "distance (nm),Mg\n0,-5\n1,6\n"))
    with pytest.raises(ImgpipeError, match="1 counts are negative"):
        admit_spectrum(negative)
    found = admit_spectrum(line(written(tmp_path / "b.csv", "distance (nm),Mg\n0,5.5\n1,6\n")))
    assert found == ["counts are not whole numbers: their noise is taken as Gaussian", "beam energy unknown"]


def test_spectra_of_photoelectrons_are_not_taken_away(tmp_path):
    both = "Binding Energy (eV),counts,distance (nm),O\n" + "".join(f"{160 - n},{100 + n},{n},1\n" for n in range(9))
    assert read(written(tmp_path / "S2p.csv", both))["S 2p"].attrs["technique"] == "xps"
    assert "no column says that it is an energy" in refused(written(tmp_path / "xy.csv", "x,Y\n0,5\n1,6\n"))


def test_workbooks_hold_lines_or_spectra(tmp_path):
    rows = [["sample", "Cu1"], ["distance (nm)", "Mg", "W"], *([10.0 * n, 5 + n, n] for n in range(6))]
    found = read(spectrum_files.xlsx(tmp_path / "a.xlsx", {"scan 1": rows, "scan 2": rows}))
    assert list(found.children) == ["line", "line 2"]
    np.testing.assert_array_equal(found["line"].intensity.values, [[5, 6, 7, 8, 9, 10], [0, 1, 2, 3, 4, 5]])
    assert (found["line 2"].attrs["title"], found["line"].attrs["sample"]) == ("scan 2", "Cu1")
    assert "or a distance beside elements" in refused(spectrum_files.xlsx(tmp_path / "b.xlsx", {"a": [["a"], [1.0]]}))


def test_a_wrong_suffix_is_told_once_per_file(tmp_path, caplog):
    rows = [["distance (nm)", "Mg"], [0.0, 1], [10.0, 2]]
    path = spectrum_files.xlsx(tmp_path / "a.xlsx", {"scan 1": rows, "scan 2": rows}).rename(tmp_path / "a.spx")
    found = read(path)
    assert sum("named .spx but is workbook" in line for line in caplog.messages) == 1
    assert all("named .spx but is workbook" in leaf.attrs["flags"] for leaf in found.leaves)
    assert len(found.children) == 2
