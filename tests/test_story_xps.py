"""The road of a user with spectra: example data in, shares with intervals out, the same again and again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_runs import numbers_of

from imgpipe import run

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "example_data" / "xps"
FILES = {
    "xps_s2p_published": "published_{sample}.vms",
    "xps_argyrodite": "argyrodite_{sample}.vms",
    "xps_metal_oxide": "film_{metal}_{sample}.vms",
    "xps_series": "series_{series}.vms",
}
"""Recipe -> file that a row of its tables comes from."""
SHARES = {name: file for name, file in FILES.items() if name != "xps_series"}
ORDER = ("MgW-Cu", "Mg-Cu", "W-Cu", "Cu")
"""Samples by their share of Li2S, as published: 14, 19, 27 and 43 %."""


def imgpipe(*words: str | Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "imgpipe.cli", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def recipe(name: str) -> Path:
    return ROOT / "pipelines" / f"{name}.yaml"


def table(out: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(out / "tables" / f"{name}.csv", encoding="utf-8-sig")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the published recipe as a user does."""
    out = tmp_path_factory.mktemp("published") / "out"
    told = imgpipe("run", recipe("xps_s2p_published"), EXAMPLES, "-o", out)
    assert "1 of 1 group(s) done" in told
    return out


@pytest.fixture(scope="module")
def results(published: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Run the other recipes too, without their reports."""
    folder = tmp_path_factory.mktemp("others")
    others = [name for name in FILES if name != "xps_s2p_published"]
    made = {name: run(recipe(name), [EXAMPLES], folder / name, report=False).path for name in others}
    return {"xps_s2p_published": published, **made}


@pytest.mark.parametrize("name", SHARES)
def test_every_share_lies_in_its_interval(results, name):
    found, truth = table(results[name], "components"), pd.read_csv(EXAMPLES / "expected" / "components.csv")
    found["file"] = [SHARES[name].format(**row) for row in found.to_dict("records")]
    measured = found[found.area_percent.notna() & found.area_percent_high.notna()]
    both = measured.merge(
        truth[["file", "region", "component", "area_percent"]],
        on=["file", "region", "component"], suffixes=("", "_true"), validate="1:1",
    )  # fmt: skip
    assert len(both) == len(measured) >= 5
    assert set(both.file) == {path.name for path in EXAMPLES.glob(SHARES[name].partition("{")[0] + "*.vms")}
    slack = 0.005  # the expected table gives two decimals
    inside = both.area_percent_true.between(both.area_percent_low - slack, both.area_percent_high + slack)
    assert inside.all(), both.loc[~inside, ["file", "component", "area_percent", "area_percent_true"]]


def test_the_published_shares_are_found_and_their_order_is_certain(published):
    rows = table(published, "components").set_index(["component", "sample"]).loc["Li2S"]
    for sample, percent in zip(ORDER, (14.0, 19.0, 27.0, 43.0), strict=True):
        assert rows.area_percent_low[sample] <= percent <= rows.area_percent_high[sample]
        assert rows.u_area_percent[sample] < 6.0
    pairs = table(published, "pairs")
    pairs = pairs[pairs.pair_component == "Li2S"]
    assert len(pairs) == 6
    for first, second, probability in zip(pairs["first"], pairs["second"], pairs.probability_greater, strict=True):
        greater = ORDER.index(first) > ORDER.index(second)
        assert (probability if greater else 1.0 - probability) > 0.95, (first, second)


def test_the_excess_of_sulfide_is_that_of_the_specimen(results):
    rows = table(results["xps_argyrodite"], "regions").dropna(subset="excess_sulfide_percent").set_index("sample")
    facts = pd.read_csv(EXAMPLES / "expected" / "samples.csv").set_index(["sample", "fact"]).value
    for sample in ("pristine", "cycled"):
        row, excess = rows.loc[sample], facts[sample, "excess_sulfide"]
        assert row.excess_sulfide_low_percent <= excess <= row.excess_sulfide_high_percent
    assert rows.loc["cycled"].excess_sulfide_low_percent > 0.0


def test_the_oxides_are_as_thick_as_they_were_made(results):
    rows = table(results["xps_metal_oxide"], "layers").set_index(["metal", "sample"])
    for metal, sample, thickness in (("W", "clean", 0.0), ("W", "oxidised", 1.4), ("Mg", "oxidised", 3.0)):
        row = rows.loc[(metal, sample)]
        assert row.thickness_low_nm <= thickness <= row.thickness_high_nm, (metal, sample)


def test_the_series_covers_its_shares_and_finds_the_onset(results):
    found, truth = table(results["xps_series"], "components"), pd.read_csv(EXAMPLES / "expected" / "series.csv")
    for component in ("S2-", "PS4", "SOx"):
        rows = found[found.component == component].set_index("cycle")
        true = truth.set_index("cycle")[f"area_percent_{component}"]
        inside = true.between(rows.area_percent_low, rows.area_percent_high)
        assert len(inside) == 200
        assert inside.mean() >= 0.95 - 3.0 * np.sqrt(0.95 * 0.05 / 200), component
    trends = table(results["xps_series"], "trends")
    onset = trends[trends.component == "S2-"].squeeze()
    assert onset.onset_low_mAh_per_cm2 <= 0.6 <= onset.onset_high_mAh_per_cm2


def test_the_bundle_holds_tables_figures_methods_and_report(published):
    assert "sound" in imgpipe("verify", published)
    for name in ("components", "peaks", "regions", "constraints", "sensitivities", "pairs"):
        assert len(table(published, name)) > 0
        assert (published / "tables" / f"{name}.parquet").is_file()
    figures = published / "all" / "figures"
    for stem in ("S2p_spectra", "S2p_shares"):
        for kind in ("png", "pdf", "csv"):
            assert (figures / f"{stem}.{kind}").stat().st_size > 500
    assert (published / "all" / "nexus" / "all.nxs").stat().st_size > 10_000
    assert (published / "report.html").stat().st_size > 50_000
    assert (published / "failures.jsonl").read_text() == ""
    assert len(json.loads((published / "run.json").read_text())["groups"]) == 1


def test_the_methods_name_model_samples_and_every_constant(published):
    text = " ".join((published / "methods.txt").read_text(encoding="utf-8").split())
    for word in ("Li2S", "Li6PS5Cl", "SOx", "160.4", "161.2", "166.9", "10.1002/adma.202410948", "irley"):
        assert word in text, word
    constraints = table(published, "constraints")
    assert {"fixed", "linked"} & set(constraints.kind)
    assert constraints.source.notna().any()


@pytest.mark.parametrize(
    "name",
    [
        "xps_s2p_published",
        "xps_series",
        pytest.param("xps_argyrodite", marks=pytest.mark.truth),
        pytest.param("xps_metal_oxide", marks=pytest.mark.truth),
    ],
)
def test_the_saved_recipe_gives_equal_tables_again_and_in_two_processes(results, name, tmp_path):
    first = results[name]
    again = run(first / "recipe.yaml", [EXAMPLES], tmp_path / "again", jobs=2, report=False)
    assert numbers_of(again.path) == numbers_of(first)


def test_a_second_run_gives_equal_tables(published, tmp_path):
    again = run(recipe("xps_s2p_published"), [EXAMPLES], tmp_path / "again", report=False)
    assert numbers_of(again.path) == numbers_of(published)
    assert (again.path / "recipe.yaml").read_text() != ""
