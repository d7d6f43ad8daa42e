"""The report of XPS: shares, facts, constraints and flags in words, self-contained and right in a browser."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from sample_result import failure, make_leaf, write_result
from sample_spectra import CONSTRAINTS, make_spectrum
from test_report import Page, browse

from imgpipe.bundle import open_bundle
from imgpipe.model import quantity, texts
from imgpipe.report import build_report
from imgpipe.report.content import FIT_FLAGS, flag_meaning
from imgpipe.report.fit_tables import constraint_cells, order_cells, quality_cells, sensitivity_cells
from imgpipe.report.layer_rows import read_table
from imgpipe.report.leaf_words import spectrum_facts
from imgpipe.report.pictures import CAPTIONS, draw_groups
from imgpipe.report.share_rows import interval_text, share_rows
from imgpipe.summary import print_summary, share_texts
from imgpipe.tables import leaf_tables

FLAGS = {"SOx": "below detection; unverified energy", "Li2S": "resolution: Li6PS5Cl is closer than 0.849 FWHM"}


def two_regions(li2s: float) -> dict[str, xr.Dataset]:
    shares = {"Li2S": li2s, "Li6PS5Cl": 0.95 - li2s, "SOx": 0.05}
    first = make_spectrum(shares, flags=FLAGS)
    return {"S 2p": first, "P 2p": make_spectrum({"PS4": 0.9, "P2Sx": 0.1}, region="P 2p")}


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a result with a report: two samples of two regions, a series, and a failure."""
    rising = np.linspace(0.1, 0.5, 14)
    long = make_spectrum(
        {"Li2S": rising, "Li6PS5Cl": 0.95 - rising, "SOx": 0.05}, series={"cycle": np.arange(1, 15)}
    ).assign_attrs(flags="counts already divided by dwell")
    groups = {"MgW-Cu": two_regions(0.14), "Cu": {"S 2p": two_regions(0.43)["S 2p"]}, "operando": {"S 2p": long}}
    folder = write_result(
        tmp_path_factory.mktemp("result") / "out", groups, [failure("D_cut")], title="Li<sub>2</sub>S"
    )
    build_report(folder)
    return folder


@pytest.fixture(scope="module")
def text(out: Path) -> str:
    return (out / "report.html").read_text(encoding="utf-8")


def test_page_loads_nothing_from_elsewhere_and_links_lead_somewhere(out: Path, text: str) -> None:
    page = Page(text)
    assert len(page.sources) == 2 + 1 + 3 + 1
    assert all(source.startswith("data:image/webp;base64,") for source in page.sources)
    assert not re.search(r"https?://|@import|url\(", text)
    assert len(page.anchors) == len(set(page.anchors))
    for link in page.links:
        assert link[1:] in page.anchors if link.startswith("#") else (out / link.replace("%20", " ")).is_file(), link


def test_it_speaks_of_spectra_not_of_layers(text: str) -> None:
    assert "Peak fits of photoelectron spectra" in text
    assert "Shares of the components" in text
    assert "<b>17</b>fitted spectra" in text
    for absent in ("Thickness of layers", 'id="budget"', "No layer was measured"):
        assert absent not in text
    assert "Li&lt;sub&gt;2" in text


def test_facts_say_how_it_was_measured() -> None:
    facts = dict(spectrum_facts(make_spectrum()))
    assert facts["photon energy"] == "1486.6 eV"
    assert facts["pass energy"] == "26 eV"
    assert facts["acquisition"] == "0.2 s per point × 20 sweeps"
    assert facts["energy reference"] == "C 1s = 284.8 ± 0.1 eV (convention); shifted by -0.31 eV (u = 0.10 eV)"
    assert facts["charge neutraliser"] == "on"
    bare = make_spectrum().drop_vars(["energy_shift", "u_energy_shift", "dwell_time", "sweeps"])
    facts = dict(spectrum_facts(bare))
    assert facts["energy reference"] == "none: energies as recorded"
    assert "acquisition" not in facts


def test_every_constraint_stands_in_its_table(text: str) -> None:
    heads, rows = constraint_cells(make_spectrum())
    table = {row[0]: dict(zip(heads, row, strict=True)) for row in rows}
    assert list(table) == [one["constraint"] for one in CONSTRAINTS]
    assert table["splitting S 2p"]["value"] == "1.180 ± 0.020 eV"
    assert table["shift of Li2S"]["fitted"] == "-1.18 eV"
    assert table["shift of Li2S"]["source"] == "10.1002/adma.202410948 (unverified)"
    assert table["width of Li2S"]["largest effect"] == "6.1 points of Li2S"
    assert table["width"]["value"] == "–"
    assert "width of Li2S" in text


def test_what_a_constraint_is_worth_is_said_for_each_component() -> None:
    heads, rows = sensitivity_cells(make_spectrum())
    assert heads == ["constraint", "Li2S", "Li6PS5Cl", "SOx"]
    assert rows[0][:2] == ["width of Li2S", "+6.1 / −5.5"]


def test_quality_of_a_series_is_median_and_range() -> None:
    leaf = make_spectrum({"Li2S": [0.2, 0.3, 0.4], "SOx": 0.5}, series={"cycle": [1, 2, 3]})
    leaf["reduced_chi_square"][:, 0] = [1.0, 1.1, 9.0]
    leaf["fit_flag"][2, 0] = "misfit"
    heads, rows = quality_cells(leaf)
    row = dict(zip(heads, rows[0], strict=True))
    assert row["reduced chi-square"] == "1.10 (1.00 to 9.00)"
    assert row["flags"] == "misfit (1 of 3)"
    assert row["background"] == "shirley"
    assert row["window"] == "157 to 173 eV"


def test_an_order_of_samples_comes_with_its_probability() -> None:
    names = {"pair_component": "Li2S", "first": "Cu", "second": "W-Cu"}
    numbers = {"difference": (16.1, "percent"), "u_difference": (6.2, "percent"), "probability_greater": (0.9953, "1")}
    leaf = make_spectrum().assign({name: texts([value], name, "pair") for name, value in names.items()})
    leaf = leaf.assign({name: quantity([value], unit, name, "pair") for name, (value, unit) in numbers.items()})
    assert order_cells(leaf)[1] == [["Li2S", "Cu > W-Cu", "16.1 ± 6.2", "0.995"]]
    assert order_cells(make_spectrum())[1] == []


def test_a_film_measured_by_xps_stands_with_its_group(tmp_path: Path) -> None:
    names = {"thickness": 3.2, "u_thickness": 0.3, "thickness_low": 2.6, "thickness_high": 3.8}
    film = xr.Dataset(
        {name: quantity([value], "nm", "thickness of the film", "layer") for name, value in names.items()}
    )
    film = film.assign_coords(layer=texts(["WO3"], "layer", "layer")).assign(flag=texts([""], "flag", "layer"))
    groups = {"W": {"S 2p": make_spectrum(), "overlayer": film.assign_attrs(technique="xps", provenance="[]")}}
    text = build_report(write_result(tmp_path / "out", groups)).read_text(encoding="utf-8")
    assert "Thickness of layers" not in text
    assert "<td>thickness of the film</td><td>WO3</td><td>3.20 nm</td><td>2.60 to 3.80</td>" in text
    assert "overlayer_intervals.png" in text


def test_flags_that_begin_alike_are_shown_once() -> None:
    components = leaf_tables(make_spectrum(flags={"Li2S": "overlap: one; overlap: two; misfit"}))["components"]
    row = share_rows(components.assign(group="A"), {})[0]
    assert row.marks == [("overlap", ["overlap: one", "overlap: two"]), ("misfit", ["misfit"])]


def test_a_long_series_takes_one_row_per_component(out: Path) -> None:
    rows = share_rows(read_table(open_bundle(out), "components"), {})
    assert len(rows) == 5 + 3 + 3
    last = {row.component: row for row in rows if row.group == "operando"}
    assert last["Li2S"].share == "10.0 to 50.0"
    assert last["Li2S"].interval == "14 spectra"
    first = next(row for row in rows if (row.group, row.component) == ("MgW-Cu", "Li2S"))
    assert (first.region, first.share, first.interval) == ("S 2p", "14.0 ± 1.2", "11.7 to 16.3")


def test_an_interval_from_zero_is_an_upper_bound() -> None:
    assert interval_text(0.0, 1.23, 0.4) == "< 1.23"
    assert interval_text(1.0, 3.0, 0.5) == "1.00 to 3.00"
    assert interval_text(float("nan"), 1.0, 0.5) == "–"


def test_a_share_without_a_rival_is_the_whole() -> None:
    table = leaf_tables(make_spectrum({"Li+": 1.0}))["components"].assign(group="A", u_area_percent=8.8e-26)
    row = share_rows(table, {})[0]
    assert (row.share, row.interval) == ("100", "the only component")
    assert share_texts(table.iloc[0]) == ("100 %", "the only component")


def test_a_misfit_stands_beside_the_shares_of_its_spectrum() -> None:
    both = make_spectrum({"Li2S": np.full(2, 0.3), "SOx": 0.7}, series={"sample": ["Cu", "Mg"]})
    both["fit_flag"][1, 0] = "misfit; at bound: Lorentz FWHM S 2p"
    tables = {name: table.assign(group="A") for name, table in leaf_tables(both).items()}
    rows = share_rows(tables["components"], {}, tables["regions"])
    assert [row.fit for row in rows] == [[], [], ["misfit"], ["misfit"]]
    assert rows[-1].marks[0] == ("misfit", ["misfit"])


def test_spectra_without_fit_are_not_said_to_have_one(tmp_path: Path) -> None:
    survey = make_spectrum()[["counts"]].assign_attrs(technique="xps", region="survey")
    folder = write_result(tmp_path / "out", {"A": {"S 2p": make_spectrum(), "survey": survey}})
    captions = {picture.caption for picture in draw_groups(open_bundle(folder))["A"] if picture.kind == "spectra"}
    assert captions == {CAPTIONS["spectra"], CAPTIONS["recorded"]}


def test_flags_are_explained_in_words(text: str) -> None:
    legend = text[text.index('<dl class="legend">') :]
    assert FIT_FLAGS["below detection"] in legend
    assert FIT_FLAGS["resolution"].replace("'", "&#39;") in legend
    assert FIT_FLAGS["counts already divided by dwell"] in text
    assert flag_meaning("resolution: A is closer than 0.849 FWHM").startswith("A is closer than 0.849 FWHM. Two")
    assert flag_meaning("at bound: width").startswith("width. The best fit")
    assert flag_meaning("C 1s on Li metal") != "C 1s on Li metal"
    assert flag_meaning("misfit") == FIT_FLAGS["misfit"]
    assert flag_meaning("something new") == "something new"


def test_layers_and_spectra_share_a_page(tmp_path: Path) -> None:
    groups = {"A_1d": make_leaf({"Mg": 60.0}, shape=(120, 160)), "B": {"S 2p": make_spectrum()}}
    text = build_report(write_result(tmp_path / "out", groups)).read_text(encoding="utf-8")
    assert text.index("Shares of the components") < text.index("Thickness of layers")
    assert 'id="budget"' in text


def test_made_again_it_is_the_same(out: Path, text: str) -> None:
    assert build_report(out).read_text(encoding="utf-8") == text
    assert open_bundle(out).verify() == []


def test_the_console_shows_shares_and_counts_long_series(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    print_summary(out)
    said = capsys.readouterr().out
    assert "14.0 ± 1.2 %" in said
    assert "11.7 to 16.3" in said
    assert "operando: 14 spectra, 3 components with a flag; see tables/components.csv" in said
    assert said.count("operando") == 1


def test_a_browser_shows_the_page_without_complaint(out: Path, chromium: str, tmp_path: Path) -> None:
    picture = tmp_path / "page.png"
    told = browse(chromium, out / "report.html", tmp_path / "one", f"--screenshot={picture}")
    assert "CONSOLE" not in told.stderr
    assert picture.stat().st_size > 50_000
