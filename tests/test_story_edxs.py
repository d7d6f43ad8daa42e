"""The road of a user with X-ray spectra: example data in, interfaces with intervals out, the same again and again."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from small_runs import numbers_of

from imgpipe import open_bundle, run
from imgpipe.batch import exit_code
from imgpipe.methods import methods_paragraphs

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "example_data" / "edxs"
FILES = {
    "edxs_line_scan": "{specimen}_line.hspy",
    "edxs_map": "{specimen}_map.hspy",
    "edxs_thin_film": "{specimen}_line.csv",
}
"""Recipe -> file that a row of its tables comes from."""
ALONG_X = {"inclined_map.hspy": math.cos(math.radians(6.0))}
"""Cosine between the scan and the normal of the layers, of which the truth gives the thickness."""
JOINT = "all"
BROKEN = "broken_line.hspy"
SPECTRA = """\
imgpipe: 1
title: Counts of lines
inputs: {files: "PATTERN"}
steps:
  - line_intensities: SETTINGS
"""


def imgpipe(*words: str | Path, status: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "imgpipe.cli", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == status, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done.stdout


def recipe(name: str) -> Path:
    return ROOT / "pipelines" / f"{name}.yaml"


def counting(folder: Path, pattern: str, settings: str) -> Path:
    """Write a recipe that does nothing but counting lines."""
    path = folder / "counting.yaml"
    path.write_text(SPECTRA.replace("PATTERN", pattern).replace("SETTINGS", settings), encoding="utf-8")
    return path


def table(out: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(out / "tables" / f"{name}.csv", encoding="utf-8-sig")


def expected(name: str) -> pd.DataFrame:
    return pd.read_csv(EXAMPLES / "expected" / f"{name}.csv")


@pytest.fixture(scope="module")
def thin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the quickest recipe, without a report."""
    done = run(recipe("edxs_thin_film"), [EXAMPLES], tmp_path_factory.mktemp("thin") / "out", report=False)
    assert exit_code(done) == 0
    return done.path


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the line scans as a user does, with a third file in their folder that broke off while it was copied."""
    folder = tmp_path_factory.mktemp("scans")
    shutil.copytree(EXAMPLES, folder / "data")
    whole = (EXAMPLES / "plated_line.hspy").read_bytes()
    (folder / "data" / BROKEN).write_bytes(whole[: len(whole) // 2])
    told = imgpipe("run", recipe("edxs_line_scan"), folder / "data", "-o", folder / "out", status=3)
    assert "2 of 3 group(s) done" in told
    assert "depleted towards W" in told
    return folder / "out"


@pytest.fixture(scope="module")
def results(thin: Path, scans: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the results of all recipes; the map is run without a report."""
    out = tmp_path_factory.mktemp("map") / "out"
    done = run(recipe("edxs_map"), [EXAMPLES], out, report=False)
    assert exit_code(done) == 0
    return {"edxs_thin_film": thin, "edxs_line_scan": scans, "edxs_map": out}


def interfaces(results: dict[str, Path], name: str) -> pd.DataFrame:
    """Return the rows with their truth beside them."""
    found = table(results[name], "interfaces")
    found["file"] = [FILES[name].format(**row) for row in found.to_dict("records")]
    truth = expected("interfaces").rename(columns={"interface": "boundary"})
    both = found.merge(truth, on=["file", "boundary"], suffixes=("", "_true"), validate="m:1")
    assert len(both) == len(found)
    return both


@pytest.mark.parametrize("name", FILES)
def test_every_joint_position_lies_in_its_interval(results, name):
    rows = interfaces(results, name)
    joint = rows[rows.element == JOINT]
    assert len(joint) == 3 * joint.file.nunique()
    inside = joint.position_nm_true.between(joint.position_low_nm, joint.position_high_nm)
    columns = ["file", "boundary", "position_low_nm", "position_high_nm", "position_nm_true"]
    assert inside.all(), joint.loc[~inside, columns].to_string()
    assert (joint.position_high_nm - joint.position_low_nm < 200).all(), "an interval that says nothing"


def test_most_positions_of_single_elements_lie_in_their_interval(results):
    rows = pd.concat([interfaces(results, name) for name in FILES])
    single = rows[rows.element != JOINT]
    inside = single.position_nm_true.between(single.position_low_nm, single.position_high_nm)
    share = 0.95 - 3.0 * math.sqrt(0.95 * 0.05 / len(single))
    assert inside.mean() >= share, single.loc[~inside, ["file", "interface", "position_nm", "position_nm_true"]]


@pytest.mark.parametrize("name", FILES)
def test_no_width_is_made_up(results, name):
    rows = interfaces(results, name)
    joint = rows[rows.element == JOINT]
    assert (joint.width_nm_true <= joint.width_bound_nm).all()
    made_up = joint.width_nm.notna() & (joint.width_low_nm > joint.width_nm_true)
    assert not made_up.any(), joint.loc[made_up, ["file", "boundary", "width_nm", "width_low_nm"]]
    bounds = joint[joint.width_nm.isna()]
    assert bounds.flag.str.contains("upper bound").all()


@pytest.mark.parametrize("name", FILES)
def test_every_thickness_lies_in_its_interval(results, name):
    found = table(results[name], "layers")
    found["file"] = [FILES[name].format(**row) for row in found.to_dict("records")]
    both = found.merge(expected("layers"), on=["file", "layer"], suffixes=("", "_true"), validate="1:1")
    assert len(both) == len(found) == 4 * found.file.nunique()
    outer = both.thickness_nm_true.isna()
    assert both[outer].thickness_high_nm.isna().all()
    inner = both[~outer]
    true = inner.thickness_nm_true / inner.file.map(ALONG_X).fillna(1.0)
    inside = true.between(inner.thickness_low_nm, inner.thickness_high_nm)
    columns = ["file", "layer", "thickness_low_nm", "thickness_high_nm", "thickness_nm_true"]
    assert inside.all(), inner.loc[~inside, columns].to_string()


def test_layers_thinner_than_the_response_have_a_bound_and_no_thickness(thin):
    rows = table(thin, "layers").set_index("layer").loc[["Mg", "W"]]
    assert rows.thickness_nm.isna().all()
    assert rows.flag.str.contains("resolution-limited").all()
    assert (rows.smallest_resolvable_nm > [140.0, 30.0]).all()
    assert (rows.thickness_high_nm >= [140.0, 30.0]).all()


def test_a_uniform_layer_is_not_called_depleted_and_a_depleted_one_is(results):
    rows = table(results["edxs_line_scan"], "gradients").set_index("specimen")
    uniform, depleted = rows.loc["plated"], rows.loc["depleted"]
    assert uniform.claim == "none beyond physics"
    assert uniform.contrast_low_percent <= 0.0 <= uniform.contrast_high_percent
    assert depleted.claim.startswith("depleted towards W")
    for truth in (-22.2, -25.4):  # of the mass fraction, and of the intensity
        assert depleted.contrast_low_percent <= truth <= depleted.contrast_high_percent
    assert (table(results["edxs_map"], "gradients").claim == "none beyond physics").all()
    assert set(rows.element) == set(rows.in_layer) == {"Mg"}
    assert set(rows.towards) == {"W"}


def test_no_intensity_is_negative_and_the_lines_are_told(scans):
    elements, profile = table(scans, "elements"), table(scans, "profile")
    assert set(elements.element) == {"P", "S", "Cl", "Mg", "W", "Cu", "C", "O", "Ga"}
    assert (elements.total_intensity_counts >= 0).all()
    assert (profile.intensity_counts >= 0).all()
    assert elements.set_index("element").loc["Mg"].window_valid.str.contains("invalid.*Ga La").all()
    overlaps = table(scans, "overlaps")
    assert {("Mg Ka", "W Mz"), ("Mg Ka", "Ga La")} <= set(zip(overlaps.overlap_of, overlaps.overlap_with, strict=True))
    assert overlaps.remedy.notna().all()


def test_the_tables_have_their_columns(scans):
    position = [f"{kind}_nm" for kind in ("position", "u_position", "position_low", "position_high")]
    width = [f"{kind}_nm" for kind in ("width", "u_width", "width_low", "width_high", "width_bound")]
    wanted = {
        "interfaces": ["specimen", "element", "from", "to", *position, *width, "flag"],
        "layers": ["specimen", "layer", "thickness_low_nm", "thickness_high_nm", "smallest_resolvable_nm", "flag"],
        "elements": ["specimen", "element", "xray_line", "total_intensity_counts", "detection_limit_counts", "flag"],
        "profile": ["specimen", "position_nm", "element", "intensity_counts", "u_intensity_counts", "fitted_counts"],
        "gradients": ["specimen", "element", "in_layer", "towards", "contrast_percent", "claim", "flag"],
        "overlaps": ["specimen", "overlap_of", "overlap_with", "separation_eV", "fwhm_eV", "remedy"],
        "responses": ["specimen", "layer", "element", "xray_range_nm", "response_sigma_nm", "u_response"],
    }
    for name, columns in wanted.items():
        found = table(scans, name)
        assert set(columns) <= set(found.columns), name
        assert set(found.specimen) == {"plated", "depleted"}, name
        assert (scans / "tables" / f"{name}.parquet").is_file()
    rows = table(scans, "interfaces")
    assert set(zip(rows["from"], rows["to"], strict=True)) == {("SE", "Mg"), ("Mg", "W"), ("W", "Cu")}


def test_a_broken_file_gives_one_clear_error_and_the_others_go_on(scans):
    (failure,) = [json.loads(line) for line in (scans / "failures.jsonl").read_text().splitlines()]
    assert failure["file"].endswith(BROKEN)
    assert failure["cause"]
    assert "Traceback" not in failure["cause"]
    assert len(failure["cause"]) < 400
    groups = json.loads((scans / "run.json").read_text())["groups"]
    assert {name: group["status"] for name, group in groups.items()} == {
        "broken_line": "failed", "depleted_line": "done", "plated_line": "done",
    }  # fmt: skip


def test_an_empty_spectrum_fails_alone(tmp_path):
    shutil.copy(EXAMPLES / "plated_sum.msa", tmp_path)
    (tmp_path / "empty_sum.msa").touch()
    only = counting(tmp_path, "{specimen}_sum.msa", "{elements: [S, Mg, W, Cu]}")
    done = run(only, [tmp_path], tmp_path / "out")
    assert exit_code(done) == 3
    assert "Mg Kα" in (done.path / "report.html").read_text(encoding="utf-8")
    assert done.groups == ["plated_sum"]
    (failure,) = done.failures
    assert failure["file"].endswith("empty_sum.msa")
    assert "empty" in failure["cause"]
    rows = table(done.path, "elements").set_index("element")
    assert rows.total_intensity_counts["Mg"] > rows.detection_limit_counts["Mg"]


def test_the_bundle_holds_figures_methods_and_report(thin, scans):
    assert "sound" in imgpipe("verify", thin)
    for group in ("plated_line", "depleted_line"):
        for stem in ("profiles", "lines", "gradients"):
            for kind in ("png", "pdf", "csv"):
                assert (scans / group / "figures" / f"{stem}.{kind}").stat().st_size > 500, stem
    report = (scans / "report.html").read_text(encoding="utf-8")
    assert len(report) > 50_000
    for word in ("plated_line", "depleted_line", "none beyond physics", BROKEN):
        assert word in report, word


def test_the_methods_name_lines_materials_and_laws(scans, thin):
    text = " ".join((scans / "methods.txt").read_text(encoding="utf-8").split())
    words = ["5 kV", "35°", "Mg Kα", "W Mα", "Li6PS5Cl", "1.738", "Anderson", "Kanaya", "Currie", "Lithium", "15 %"]
    assert [word for word in [*words, "bremsstrahlung"] if word not in text] == []
    assert "nan" not in text
    other = " ".join(methods_paragraphs(open_bundle(thin)))
    words = ["upper bound", "as the file holds them", "Poisson"]
    assert [word for word in words if word not in other] == []
    assert "nan" not in other


@pytest.mark.truth
def test_the_map_has_a_report_with_all_its_figures(results, tmp_path):
    imgpipe("run", recipe("edxs_map"), EXAMPLES, "-o", tmp_path / "out")
    found = {path.stem for path in (tmp_path / "out" / "inclined_map" / "figures").glob("*.png")}
    assert found >= {"map_maps", "map_lines", "line_profiles", "line_scan", "line_gradients"}
    assert numbers_of(tmp_path / "out") == numbers_of(results["edxs_map"])


@pytest.mark.parametrize(
    "name",
    [
        "edxs_thin_film",
        pytest.param("edxs_line_scan", marks=pytest.mark.truth),
        pytest.param("edxs_map", marks=pytest.mark.truth),
    ],
)
def test_the_saved_recipe_gives_equal_bytes_again(results, name, tmp_path):
    again = run(results[name] / "recipe.yaml", [EXAMPLES], tmp_path / "again", report=False)
    assert numbers_of(again.path) == numbers_of(results[name])


@pytest.mark.truth
def test_a_cluster_on_this_machine_gives_equal_bytes(thin, tmp_path):
    far = run(recipe("edxs_thin_film"), [EXAMPLES], tmp_path / "far", cluster="local", report=False)
    assert far.verify() == []
    assert numbers_of(far.path) == numbers_of(thin)


def test_a_phenom_file_runs_as_a_line_scan_with_distances(real_data, tmp_path):
    file = real_data / "fibsem" / "rosettasciio" / "phenom" / "Elid2Version4.elid"
    only = counting(tmp_path, "{file}.elid", "{at: line, elements: [Cu, Al, Si]}")
    done = run(only, [file], tmp_path / "out", report=False)
    assert exit_code(done) == 0
    copper = table(done.path, "profile").query("element == 'Cu'")
    assert len(copper) == 64
    assert copper.position_nm.iloc[0] == 0.0
    assert copper.position_nm.is_monotonic_increasing
    assert copper.position_nm.iloc[-1] == pytest.approx(13916.7, abs=0.1)
    assert copper.intensity_counts.sum() > 0


def test_a_bruker_map_gives_the_counts_of_its_windows(real_data, tmp_path):
    file = real_data / "fibsem" / "rosettasciio" / "bruker" / "bcf_v2_50x50px.bcf"
    only = counting(tmp_path, "{file}.bcf", "{at: map, elements: [Ag, Al, C, Cu, O]}")
    done = run(only, [file], tmp_path / "out", report=False)
    assert exit_code(done) == 0
    rows = table(done.path, "elements").set_index("element")
    assert rows.total_gross_counts["Al"] == pytest.approx(426346, rel=0.05), "as listed for a window of about 2 FWHM"
    assert rows.total_intensity_counts["Al"] > rows.total_intensity_counts["Cu"] > 0
    assert done.tree(done.groups[0])["map"]["intensity"].sizes == {"element": 6, "y": 50, "x": 50}
