"""Report, methods and summary of EDXS: what a microscopist asks for, in plain words, and nothing made up."""

from __future__ import annotations

import re
from pathlib import Path

import edxs_leaves as leaves
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from sample_result import make_leaf, write_result
from test_report import Page

from imgpipe.bundle import open_bundle
from imgpipe.figures.edxs_profile import profile_words
from imgpipe.key_numbers import key_numbers
from imgpipe.methods import methods_paragraphs
from imgpipe.methods.edxs import edxs_paragraphs
from imgpipe.report import build_report
from imgpipe.report.content import EDXS_FLAGS, flag_meaning
from imgpipe.report.edxs_claims import ON_SAND, claims, unseen_layers
from imgpipe.report.edxs_tables import (
    edxs_facts,
    edxs_tables,
    element_cells,
    gradient_cells,
    interface_cells,
    layer_cells,
    overlap_cells,
    response_cells,
)
from imgpipe.summary import print_summary
from imgpipe.summary_edxs import interface_texts, without_common
from imgpipe.tables import group_tables


@pytest.fixture(scope="module")
def line() -> xr.Dataset:
    return leaves.make_line()


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory, line: xr.Dataset) -> Path:
    """Write a result with a report: a line with its map, a line without a length scale."""
    few = {"position": slice(0, None, 4), "element": [3, 4]}
    groups = {
        "plated_1": {"line": line.isel(few), "map": leaves.make_map().isel(element=[3, 4])},
        "noscale_2": {"line": leaves.make_line(unit="px").isel(few)},
    }
    folder = write_result(tmp_path_factory.mktemp("result") / "out", groups, title="")
    build_report(folder)
    return folder


def rows(cells: tuple[list[str], list[list[str]]], first: str) -> list[dict[str, str]]:
    heads, table = cells
    return [dict(zip(heads, row, strict=True)) for row in table if row[0] == first]


def test_page_is_complete_and_loads_nothing_from_elsewhere(out: Path) -> None:
    text = (out / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert not re.search(r"https?://|@import|url\(", text)
    for link in page.links:
        assert link[1:] in page.anchors if link.startswith("#") else (out / link.replace("%20", " ")).is_file(), link
    assert "Elements and interfaces" in text
    assert "Layers and interfaces by EDXS" in text
    assert "W is thinner than the response" in text
    assert "Mg in Mg towards W: none beyond physics; beyond uniform composition −3.1 ± 4.0 %" in text
    assert "nothing thinner can be seen" in text
    for absent in ("Thickness of layers", 'id="budget"', 'id="shares"'):
        assert absent not in text
    assert len(page.sources) == 2 + 6 + 2  # two overviews, six figures of line and map, two of the bare line


def test_layers_of_sections_and_of_lines_stand_apart(tmp_path: Path, line: xr.Dataset) -> None:
    both = {"A_1": {"image": make_leaf({"Mg": 60.0}, shape=(60, 80)), "line": line.isel(element=[4])}}
    folder = write_result(tmp_path / "out", both)
    build_report(folder)
    text = (folder / "report.html").read_text(encoding="utf-8")
    layered, edxs = text.split("<h2>Thickness of layers</h2>")[1], text.split("<h2>Layers and interfaces by EDXS</h2>")
    assert "3000 ± 20" in edxs[1].split("<h2>Thickness")[0]
    assert "3000 ± 20" not in layered.split("</section>")[0]


def test_facts_say_how_it_was_measured(line: xr.Dataset) -> None:
    facts = dict(edxs_facts(line))
    assert facts["beam energy"] == "5 kV"
    assert facts["take-off angle"] == "35°"
    assert facts["places"] == "200, 40 nm apart"
    assert facts["line"] == "from (200, 900) to (8160, 900) nm, 400 nm wide"
    bare = dict(edxs_facts(leaves.make_line(unit="px").drop_vars("beam_energy")))
    assert bare["places"] == "200, no length scale"
    assert bare["beam energy"] == "unknown"


def test_elements_are_given_as_counts_or_as_limits(line: xr.Dataset) -> None:
    (mg,), (ga,) = rows(element_cells(line), "Mg Kα"), rows(element_cells(line), "Ga Lα")
    assert (mg["net counts ± u"], mg["detected"], mg["overvoltage"]) == ("9800 ± 99", "yes", "3.83")
    assert mg["window"] == "invalid: W M, Ga L"
    assert (ga["net counts ± u"], ga["detected"]) == ("< 31", "no")
    ratios = line.assign(k_ratio=line["total_intensity"] * 0 + 0.25, u_k_ratio=line["total_intensity"] * 0 + 0.01)
    assert rows(element_cells(ratios), "Mg Kα")[0]["k-ratio"] == "0.250 ± 0.010"


def test_interfaces_have_a_width_or_its_bound(line: xr.Dataset) -> None:
    heads, table = interface_cells(line)
    assert heads[2] == "position (nm)"
    assert table[0][:6] == ["SE|Mg", "all jointly", "1500 ± 14", "1473 to 1527", "95 ± 22", "51 to 138"]
    assert table[3][4:6] == ["≤ 74", "95 % upper bound"]
    assert interface_cells(leaves.make_line(unit="px"))[0][2] == "position (px)"


def test_layers_without_a_thickness_say_what_could_be_resolved(line: xr.Dataset) -> None:
    _, table = layer_cells(line)
    assert table == [
        ["Mg", "3000 ± 20", "2961 to 3039", "520", "620", ""],
        ["W", "≤ 412", "95 % upper bound", "330", "84", "resolution-limited"],
    ]


def test_response_is_said_in_plain_words(line: xr.Dataset) -> None:
    (mg,) = rows(response_cells(line), "Mg Kα")
    assert mg["X-ray range (depth)"] == "490 nm"
    assert mg[""] == "The response of Mg Kα here is 380 nm: nothing thinner can be seen."
    assert response_cells(leaves.make_line(unit="px")) == ([], [])


def test_claims_and_overlaps(line: xr.Dataset) -> None:
    assert gradient_cells(line)[1][0][:5] == ["Mg", "Mg", "W", "−3.1 ± 4.0", "−11.0 to 4.9"]
    assert overlap_cells(line)[1][1][:4] == ["Mg Kα", "W Mζ", "129", "74"]
    said = claims(line)
    assert said[-1] == "Not detected: Ga Lα, P Kα."
    assert "at most 410 nm thick (95 %)" in said[1]
    assert claims(leaves.make_recorded()) == []


@pytest.mark.parametrize(
    "leaf", [leaves.without_numbers(leaves.make_line()), leaves.make_recorded(), leaves.make_sum(), leaves.make_map()]
)
def test_tables_of_poor_leaves(leaf: xr.Dataset) -> None:
    for heads, table in edxs_tables(leaf).values():
        assert all(len(row) == len(heads) for row in table)
        assert not [cell for row in table for cell in row if "nan" in cell.lower()]


def test_flags_mean_something() -> None:
    for flag in EDXS_FLAGS:
        assert flag_meaning(flag) == EDXS_FLAGS[flag]
    assert flag_meaning("overlaps Pt M") == f"Pt M. {EDXS_FLAGS['overlaps']}"
    assert flag_meaning("overvoltage 1.1") == f"1.1. {EDXS_FLAGS['overvoltage']}"


def test_methods_say_what_a_paper_needs(line: xr.Dataset) -> None:
    text = "\n".join(edxs_paragraphs([line, leaves.make_map()], 1))
    for said in (
        "one line scan and one map of one sample from one file on Phenom ParticleX at 5 kV",
        "resolution 129 eV (FWHM at Mn Kα), take-off angle 35°, 52° between beam and milled face, live time 212 s",
        "One SEM image of the same places was kept.",
        "over a width of 400 nm; each pixel belongs to one place",
        "Mg Kα (1.254 keV)",
        "by a linear model of all lines of the elements and bremsstrahlung",
        "C, O and Ga were always offered",
        "Windows of Mg Kα count other lines too",
        "not detected, at least in one of them: Ga Lα and P Kα",
        "SE (Li6PS5Cl, 1.86 g/cm³), Mg (Mg, 1.74 g/cm³)",
        "at least 15 %",
        "error functions by maximum likelihood of Poisson counts, jointly for all elements, convolved",
        "One layer was thinner than could be resolved",
        "forward model of uniform composition",
        "Lithium is present and is not measured",
    ):
        assert said in text, said


def test_methods_make_nothing_up() -> None:
    bare = leaves.make_recorded().drop_vars("beam_energy").assign_attrs(instrument="", detector="", sample="")
    (text,) = edxs_paragraphs([bare])
    assert text == (
        "EDXS: one spectrum from one file (instrument not recorded) (beam energy not recorded), take-off angle not"
        " recorded, live time not recorded."
    )
    unfitted = "\n".join(edxs_paragraphs([leaves.make_line(unit="px")]))
    assert "no response was taken off" in unfitted
    assert "One line scan or map had no length scale" in unfitted


def test_images_beside_a_map_are_no_sections(tmp_path: Path) -> None:
    image = leaves.make_map()[["image"]].assign_attrs(technique="sem")
    out = write_result(tmp_path / "out", {"A": {"map": leaves.make_map(), "image": image}})
    paragraphs = methods_paragraphs(open_bundle(out))
    assert paragraphs[0].startswith("EDXS: one map of one sample")
    assert "One SEM image" in paragraphs[0]
    assert not [text for text in paragraphs if "cross-section" in text]


def test_key_numbers_are_what_one_looks_for_first(line: xr.Dataset) -> None:
    found = key_numbers(group_tables({"line": line}, "A", {}, {}))
    assert found["detected"] == "C, O, Cu, Mg, W, S, Cl"
    assert found["not_detected"] == "Ga, P"
    assert found["Mg thickness_nm"] == pytest.approx(3000.0)
    assert found["W thickness_high_nm"] == pytest.approx(412.0)
    assert "W thickness_nm" not in found
    assert found["SE|Mg width_nm"] == pytest.approx(95.0)
    assert found["Mg|W width_bound_nm"] == pytest.approx(74.0)
    assert found["Mg in Mg claim"] == "none beyond physics"


def test_key_numbers_of_several_leaves_and_of_other_techniques(line: xr.Dataset) -> None:
    two = key_numbers(group_tables({"line": line, "line 2": leaves.make_line(unit="px")}, "A", {}, {}))
    assert two["line Mg thickness_nm"] == pytest.approx(3000.0)
    assert two["line 2 Mg thickness_px"] == pytest.approx(75.0)
    assert key_numbers(group_tables({"image": make_leaf({"Mg": 60.0})}, "A", {}, {})) == {}
    assert key_numbers({}) == {}


def test_summary_prints_interfaces_claims_and_what_is_missing(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    print_summary(out)
    text = capsys.readouterr().out
    assert "1500 ± 14 nm" in text
    assert "< 74 nm" in text
    assert "plated_1: Mg in Mg: none beyond physics" in text
    assert "plated_1: not detected: Ga" in text


def elsewhere(line: xr.Dataset, **changes: str) -> xr.Dataset:
    """Return a line with other texts: flags of the leaf, or flags of its elements by name."""
    known = zip(line["element"].values, line["element_flag"].values, strict=True)
    flags = [changes.get(str(name), str(flag)) for name, flag in known]
    said = line.copy()
    said["element_flag"] = line["element_flag"].copy(data=np.array(flags, dtype=object))
    return said.assign_attrs(flags=changes.get("flags", ""))


MISFIT = "sum spectrum: misfit 49.2 times counting noise; unexplained peak at 1.48 keV (Al Ka?)"


def test_nothing_is_claimed_of_a_layer_whose_elements_were_not_detected(line: xr.Dataset) -> None:
    unseen = elsewhere(line, Mg="not detected", W="not detected; overlaps Mg K")
    assert unseen_layers(unseen) == {"Mg": ["Mg"], "W": ["W"]}
    said = claims(unseen)
    assert "Nothing can be said on Mg in Mg: Mg Kα is not detected." in said
    assert "No line of the layer W was detected (W Mα); Mg|W, W|Cu rest on other elements alone." in said
    assert not [text for text in said if "thick" in text or "beyond" in text]


def test_elements_that_could_not_be_assessed_are_neither_found_nor_missing(line: xr.Dataset) -> None:
    flag = "not assessable: the model does not fit the sum spectrum"
    open_one = elsewhere(line, Mg=flag, flags=MISFIT)
    (row,) = rows(element_cells(open_one), "Mg Kα")
    assert (row["net counts ± u"], row["detected"]) == ("–", "not assessable")
    said = claims(open_one)
    assert "Neither found nor excluded, as the model does not fit: Mg Kα." in said
    assert "No line of the layer Mg could be assessed (Mg Kα); SE|Mg, Mg|W rest on other elements alone." in said
    assert "Nothing can be said on Mg in Mg: Mg Kα is not assessable." in said
    found = key_numbers(group_tables({"line": open_one}, "A", {}, {}))
    assert "Mg" not in found["detected"].split(", ") + found["not_detected"].split(", ")
    assert flag_meaning(flag) == EDXS_FLAGS[flag]


def test_a_layer_with_one_detected_element_is_seen(line: xr.Dataset) -> None:
    assert unseen_layers(elsewhere(line, S="not detected")) == {}
    assert unseen_layers(elsewhere(line, S="not detected", Cl="not detected")) == {"SE": ["P", "S", "Cl"]}


def test_claims_say_that_they_rest_on_a_model_that_does_not_fit(line: xr.Dataset) -> None:
    said = claims(elsewhere(line, flags=MISFIT))
    assert said[0].startswith("The model does not fit the sum spectrum: the misfit is 49.2 times counting noise")
    assert "unexplained peak at 1.48 keV" in said[0]
    assert all(text.endswith(f"{ON_SAND}.") for text in said[1:] if "%" in text)
    assert sum(ON_SAND in text for text in said) == 2
    assert not [text for text in claims(elsewhere(line, flags=MISFIT.replace("49.2", "1.8"))) if "not fit" in text]


def test_the_page_flags_layers_that_were_not_seen(tmp_path: Path, line: xr.Dataset) -> None:
    few = elsewhere(line, W="not detected").isel(position=slice(0, None, 4))
    build_report(out := write_result(tmp_path / "out", {"A": {"line": few}}))
    text = (out / "report.html").read_text(encoding="utf-8")
    assert "no element of it detected" in text
    assert "None of the elements of this layer" in text


def flagged(*texts: str, **more: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"group": ["A"] * len(texts), "flag": list(texts)} | more)


def test_flags_that_all_rows_share_are_said_once_and_never_lost() -> None:
    rows, common = without_common(flagged("fit failed; thin", "fit failed", "fit failed; far"), {"A"})
    assert rows["flag"].tolist() == ["thin", "", "far"]
    assert common == {"A": ["fit failed"]}
    assert without_common(flagged("fit failed"), {"A"})[1] == {}
    assert without_common(flagged("a", "a"), set())[0]["flag"].tolist() == ["a", "a"]
    two = flagged("x; y", "x; y", "y", "y", leaf=["line", "line", "line 2", "line 2"])
    assert without_common(two, {"A"})[1] == {"A line": ["x", "y"], "A line 2": ["y"]}


def test_the_terminal_tells_shared_flags(tmp_path: Path, line: xr.Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    failed = line.copy()
    failed["interface_flag"] = line["interface_flag"].copy(
        data=np.array(["fit failed"] * line.sizes["interface"], dtype=object)
    )
    tree = {"A": {"line": failed.assign_attrs(flags=MISFIT)}, "B": {"line": line.drop_isel(interface=JOINT)}}
    print_summary(write_result(tmp_path / "out", tree))
    text = capsys.readouterr().out
    assert "A: all interfaces: fit failed" in text
    assert text.count("misfit 49.2 times counting noise") == 1
    assert [row for row in text.splitlines() if "B" in row and "SE|Mg" in row]  # a group without joint rows


JOINT = [n for n, name in enumerate(leaves.make_line()["interface"].values) if str(name).endswith(" all")]


def test_only_measured_leaves_are_drawn_and_reported(tmp_path: Path, line: xr.Dataset) -> None:
    few = line.isel(position=slice(0, None, 4))
    spot = leaves.make_recorded()
    out = write_result(tmp_path / "out", {"A": {"line": few, "sum": spot, "sum 2": spot}, "B": {"sum": spot}})
    build_report(out)
    text = (out / "report.html").read_text(encoding="utf-8")
    assert not list((out / "A" / "figures").glob("sum*"))
    assert (out / "A" / "figures" / "lines.png").is_file()
    assert (out / "B" / "figures" / "lines.png").is_file()
    assert "Counts of all channels as they were recorded" in text
    assert text.count("Sum spectrum (grey), model of all lines") == 2  # the caption, and the picture's words


def test_the_caption_says_which_bars_are_drawn(line: xr.Dataset) -> None:
    assert "bars are ± u as the spectra were fitted" in profile_words(line.isel(position=slice(0, None, 4)))
    assert "bars are ± √N" in profile_words(line.drop_vars("u_intensity").isel(position=slice(0, None, 4)))
    assert "without bars" in profile_words(leaves.make_line(points=3000))
    assert "fit with" not in profile_words(leaves.make_line(fitted=False))


def test_bounds_have_no_exponents() -> None:
    row = pd.Series({"position_nm": 1500.0, "width_nm": np.nan, "width_bound_nm": 2613.2})
    assert interface_texts(row)[1] == "< 2610 nm"


def test_interface_texts() -> None:
    row = pd.Series({"position_nm": 1500.0, "u_position_nm": 14.0, "width_nm": np.nan, "width_bound_nm": 74.0})
    assert interface_texts(row) == ("1500 ± 14 nm", "< 74 nm")
    assert interface_texts(pd.Series({"position_px": 3.2, "u_position_px": 0.1})) == ("3.20 ± 0.10 px", "-")
    assert interface_texts(pd.Series(dtype=float)) == ("-", "-")
