"""The whole road as a user walks it: example data in, table and report out, a broken file, a mended one."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]
RECIPE = ROOT / "pipelines" / "cross_section.yaml"
EXAMPLES = ROOT / "example_data" / "cross_section"


def imgpipe(*words: str | Path, expect: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "imgpipe.cli", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == expect, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("story") / "out"
    imgpipe("run", RECIPE, EXAMPLES, "-o", out)
    return out


def test_every_result_covers_its_truth(results: Path) -> None:
    found = pd.read_csv(results / "tables" / "layers.csv", encoding="utf-8-sig")
    truth = pd.read_csv(EXAMPLES / "expected" / "layers.csv")
    truth["group"] = truth.file.str.removesuffix(".tif")
    both = found.merge(
        truth[["group", "layer", "process_thickness_nm"]], on=["group", "layer"], how="outer", validate="1:1"
    )
    assert len(both) == len(truth)
    inside = (both.thickness_low_nm <= both.process_thickness_nm) & (
        both.process_thickness_nm <= both.thickness_high_nm
    )
    assert inside.all(), both.loc[
        ~inside, ["group", "layer", "thickness_low_nm", "thickness_high_nm", "process_thickness_nm"]
    ]


def test_the_result_verifies_and_shows_a_report(results: Path) -> None:
    assert "sound" in imgpipe("verify", results)
    assert (results / "report.html").stat().st_size > 50_000
    assert (results / "methods.txt").read_text().strip()
    for group in json.loads((results / "run.json").read_text())["groups"]:
        for kind in ("png", "pdf", "csv"):
            assert list((results / group / "figures").glob(f"*.{kind}"))


def test_one_cut_file_leaves_the_others_and_resume_mends(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    chosen = sorted(EXAMPLES.glob("*.tif"))[:5]
    for path in EXAMPLES.iterdir():
        if path.is_file() and (path.suffix != ".tif" or path in chosen):
            shutil.copy(path, folder)
    broken = folder / chosen[2].name
    broken.write_bytes(broken.read_bytes()[: broken.stat().st_size // 2])
    out = tmp_path / "out"
    imgpipe("run", RECIPE, folder, "-o", out, expect=3)
    failures = [json.loads(line) for line in (out / "failures.jsonl").read_text().splitlines()]
    assert [f["files"] for f in failures] == [[broken.name]]
    assert broken.name in failures[0]["file"]
    assert failures[0]["cause"]
    layers = pd.read_csv(out / "tables" / "layers.csv", encoding="utf-8-sig")
    assert layers.group.nunique() == 4
    shutil.copy(chosen[2], broken)
    imgpipe("run", RECIPE, folder, "-o", out, "--resume")
    layers = pd.read_csv(out / "tables" / "layers.csv", encoding="utf-8-sig")
    assert layers.group.nunique() == 5
    assert (out / "failures.jsonl").read_text() == ""
    assert "sound" in imgpipe("verify", out)
