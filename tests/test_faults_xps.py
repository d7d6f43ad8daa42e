"""Bad spectra in a batch: each gives one clear error, the good ones go on (FAULTS 2, 9, 16, 36, 41-43, 46, 52, 53, 58).

What readers do with damaged files of every format stands in tests/readers; here a whole run is looked at.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from imgpipe import cli
from imgpipe.batch import exit_code, run
from imgpipe.bundle import Bundle
from imgpipe.phantoms.xps import make, write_vamas

QUICK = "alternatives: false, sensitivity: false, constants_exact: true, curves: none"
RECIPE = f"""\
imgpipe: 1
title: faults
inputs: "{{name}}.*"
steps:
  - fit_components: {{model: published_s2p, {QUICK}}}
"""
STACKED = RECIPE.replace('inputs: "{name}.*"', 'inputs: {files: "*/{sample}.vms", stack: sample}')
POINTS = 141


def spectra() -> tuple[xr.Dataset, xr.Dataset]:
    """Return S 2p (141 points from 158 eV) and C 1s of one sample."""
    tree, _ = make(1, preset="published", samples=("Cu",), li2s_percent=43.0)
    return tree["S 2p"].to_dataset(), tree["C 1s"].to_dataset()


def vamas(path: Path, leaf: xr.Dataset, counts: np.ndarray | None = None) -> bytes:
    """Write one region, with other counts where they are given; return the bytes."""
    changed = leaf if counts is None else leaf.assign(counts=leaf["counts"].copy(data=counts))
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_vamas(xr.DataTree.from_dict({"/region": changed}), path).read_bytes()


def edited(content: bytes, change: Callable[[list[str], int, int], None]) -> bytes:
    """Return a VAMAS file with its lines changed: (lines, line of the axis label, first line of the numbers)."""
    lines = content.decode("ascii").split("\r\n")
    size = lines.index(str(2 * POINTS), lines.index("Kinetic energy"))
    change(lines, lines.index("Kinetic energy"), size + 5)
    return "\r\n".join(lines).encode("ascii")


def kiloelectronvolts(lines: list[str], axis: int, first: int) -> None:
    lines[axis + 2 : axis + 4] = [f"{float(text) / 1000:.8g}" for text in lines[axis + 2 : axis + 4]]


def falling(lines: list[str], axis: int, first: int) -> None:
    start, step = (float(text) for text in lines[axis + 2 : axis + 4])
    lines[axis + 2 : axis + 4] = [f"{start + (POINTS - 1) * step:.8g}", f"{-step:.8g}"]
    pairs = [lines[n : n + 2] for n in range(first, first + 2 * POINTS, 2)]
    lines[first : first + 2 * POINTS] = [text for pair in reversed(pairs) for text in pair]


def rates(lines: list[str], axis: int, first: int) -> None:
    """Write counts per second (dwell 0.2 s, 20 sweeps) while the file speaks of counts; the limits go along."""
    for n in (first - 4, first - 3, *range(first, first + 2 * POINTS, 2)):
        lines[n] = f"{float(lines[n]) / 4.0:.6g}"


def rates_without_dwell(lines: list[str], axis: int, first: int) -> None:
    rates(lines, axis, first)
    lines[lines.index("Intensity") + 1] = "c/s"
    lines[lines.index("pulse counting") + 1] = "1E+37"


BAD: dict[str, tuple[str, str]] = {
    "empty.vms": ("empty", "copy"),
    "half.vms": ("cut: 282 values are stated", "copy"),
    "random.vms": ("not VAMAS", "supported are"),
    "zero.vms": ("zero", "detector"),
    "constant.vms": ("equal", "export"),
    "nan.vms": ("NaN", "export"),
    "negative.vms": ("10 intensities are negative", "background"),
    "kev.vms": ("keV, not eV", "multiply"),
    "kev_in_csv.csv": ("keV, not eV", "multiply"),
    "carbon_only.vms": ("describes S 2p, found C 1s", "model"),
    "elsewhere.vms": ("S 2p: 0 points lie between 157 and 173 eV; the axis runs from 258 to 272 eV", "window"),
    "three_points.vms": ("3 points", "export"),
    "rate_without_dwell.vms": ("already divided by the dwell time", "dwell_time"),
}
"""File -> what its message says, and what its remedy names."""
GOOD = ("good", "falling", "blank_lines", "upper")


def write_batch(folder: Path) -> None:
    s2p, c1s = spectra()
    counts = s2p["counts"].values
    good = vamas(folder / "good.vms", s2p)
    spoilt, missing = counts.copy(), counts.copy()
    spoilt[50:60], missing[50] = -40.0, np.nan
    for name, values in {
        "zero": np.zeros(POINTS), "constant": np.full(POINTS, 250.0), "nan": missing, "negative": spoilt,
    }.items():  # fmt: skip
        vamas(folder / f"{name}.vms", s2p, values)
    vamas(folder / "carbon_only.vms", c1s)
    vamas(folder / "elsewhere.vms", s2p.assign_coords(energy=s2p["energy"] + 100.0))
    vamas(folder / "three_points.vms", s2p.isel(energy=slice(60, 63)))
    rows = zip(s2p["energy"].values / 1000, counts, strict=True)
    table = "".join(f"{energy:.5f},{count:.0f}\n" for energy, count in rows)
    for name, content in {
        "empty.vms": b"", "half.vms": good[: len(good) // 2], "random.vms": np.random.default_rng(1).bytes(5000),
        "kev.vms": edited(good, kiloelectronvolts), "kev_in_csv.csv": b"Binding Energy (eV),Counts\n" + table.encode(),
        "rate.vms": edited(good, rates), "rate_without_dwell.vms": edited(good, rates_without_dwell),
        "falling.vms": edited(good, falling), "blank_lines.vms": b"\r\n\r\n  \r\n" + good, "upper.VMS": good,
    }.items():  # fmt: skip
        (folder / name).write_bytes(content)


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Run good and bad files together."""
    folder = tmp_path_factory.mktemp("faults")
    (folder / "data").mkdir()
    write_batch(folder / "data")
    (folder / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    return run(folder / "recipe.yaml", [folder / "data"], folder / "out", report=False)


def failures(out: Path) -> dict[str, dict[str, str]]:
    lines = (out / "failures.jsonl").read_text(encoding="utf-8").splitlines()
    found = [json.loads(line) for line in lines]
    assert len({one["group"] for one in found}) == len(found)
    return {one["group"]: one for one in found}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_gives_one_error_with_file_cause_and_remedy(batch, name):
    told = failures(batch.path)[Path(name).stem]
    cause, remedy = BAD[name]
    assert told["file"] == name
    assert told["files"] == [name]
    assert cause in told["cause"]
    assert remedy in told["remedy"]
    assert told["type"] in ("ReadError", "DataError")
    assert "unexpected" not in told["cause"]


@pytest.mark.parametrize("name", BAD)
def test_nothing_partial_of_a_bad_file_looks_complete(batch, name):
    group = Path(name).stem
    assert not (batch.path / group).exists()
    left = batch.path / f"{group}.part"
    assert {path.name for path in left.iterdir()} == {"error.txt", "log.txt"}
    assert name in (left / "error.txt").read_text(encoding="utf-8")


def test_the_others_go_on_and_the_run_says_that_some_failed(batch):
    assert set(failures(batch.path)) == {Path(name).stem for name in BAD}
    assert set(batch.groups) == {*GOOD, "rate"}
    assert exit_code(batch) == 3
    assert {fault.fault for fault in batch.verify()} == {"unfinished group"}


def test_order_of_the_axis_blank_lines_and_capitals_change_nothing(batch):
    rows = components(batch.path)
    wanted = rows[rows.group == "good"].drop(columns=["group", "name"]).reset_index(drop=True)
    assert len(wanted) == 3
    for name in GOOD[1:]:
        found = rows[rows.group == name].drop(columns=["group", "name"]).reset_index(drop=True)
        pd.testing.assert_frame_equal(found, wanted)


def test_rates_that_pass_for_counts_become_counts_again_and_say_so(batch):
    rows = components(batch.path)
    found, wanted = (rows[rows.group == name].reset_index(drop=True) for name in ("rate", "good"))
    assert len(found) == 3
    assert found.flag.str.contains("counts per second in the file, multiplied by", regex=False).all()
    assert not wanted.flag.fillna("").str.contains("counts per second", regex=False).any()
    for column in ("area_counts_eV", "u_area_counts_eV", "area_percent", "u_area_percent"):
        np.testing.assert_allclose(found[column], wanted[column], rtol=1e-3)


def components(out: Path) -> pd.DataFrame:
    return pd.read_csv(out / "tables" / "components.csv", encoding="utf-8-sig")


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Run the command in this process; return status and stderr."""
    monkeypatch.setattr("imgpipe.report.build_report", lambda out: out / "report.html")

    def call(*words: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["imgpipe", *map(str, words)])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        return int(stopped.value.code or 0), capsys.readouterr().err

    return call


def test_the_command_ends_with_3_and_tells_the_error_once(command, tmp_path):
    s2p, _ = spectra()
    content = vamas(tmp_path / "data" / "good.vms", s2p)
    (tmp_path / "data" / "half.vms").write_bytes(content[: len(content) // 2])
    (tmp_path / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    status, err = command("run", tmp_path / "recipe.yaml", tmp_path / "data", "-o", tmp_path / "out")
    assert status == 3
    assert err.count("282 values are stated") == 1
    assert "Traceback" not in err


FULL = "{name: PS4, species: PS4 S 2p}, {name: Li2S, species: Li2S S 2p"
RECIPE_FAULTS: dict[str, tuple[str, str]] = {
    "ratio": (f"components: [{FULL}, ratio: 2.0}}]", "ratio 2 is the wrong way round.*write `ratio: 0.5`"),
    "model": ("model: publishd_s2p", "unknown model 'publishd_s2p'; did you mean 'published_s2p'"),
    "species": ("components: [{name: Li2S, species: Li2S S 2pp}]", "unknown species.*did you mean 'Li2S S 2p'"),
    "line": ("components: [{name: A, line: S2p, position: 161.0}]", "unknown line 'S2p'; did you mean 'S 2p'"),
    "kev": ("components: [{name: A, line: S 2p, position: 0.161}]", "0.161 eV looks like keV.*position: 161"),
    "setting": (
        "model: published_s2p, windows: {S 2p: [158, 172]}",
        "unknown setting 'windows'; did you mean 'window'",
    ),
    "region": ("model: published_s2p, window: {S2p: [158, 172]}", "no region 'S2p'; did you mean 'S 2p'"),
    "window": ("model: published_s2p, window: {S 2p: [172, 158]}", "no range of binding energies.*lowest energy first"),
    "component": ("model: published_s2p, leave_out: [SO]", "no component 'SO'; did you mean 'SOx'"),
    "alternative": ("model: published_s2p, alternatives: [shirly]", "'shirly'; did you mean 'shirley'"),
    "background": ("model: published_s2p, background: shirly", "background"),
    "nothing": ("noise: auto", "either a model or components"),
    "both": (f"model: published_s2p, components: [{FULL}}}]", "either a model or components"),
}


@pytest.mark.parametrize("fault", RECIPE_FAULTS)
@pytest.mark.parametrize("word", ["run", "check"])
def test_a_fault_of_the_recipe_is_2_with_its_line_and_nothing_runs(command, tmp_path, fault, word):
    settings, told = RECIPE_FAULTS[fault]
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(f'imgpipe: 1\ninputs: "{{name}}.vms"\nsteps:\n  - fit_components: {{{settings}}}\n')
    (tmp_path / "good.vms").write_bytes(b"not looked at")
    out = ("-o", tmp_path / "out") if word == "run" else ()
    status, err = command(word, recipe, tmp_path / "good.vms", *out)
    assert status == 2
    assert str(recipe) in err
    assert re.search(rf"line 4: .*{told}", err), err
    assert not (tmp_path / "out").exists()


def stacked(folder: Path, files: dict[str, xr.Dataset]) -> dict[str, str]:
    """Run all files as samples of one fit that must fail; return what is told."""
    for name, leaf in files.items():
        vamas(folder / "data" / name, leaf)
    (folder / "recipe.yaml").write_text(STACKED, encoding="utf-8")
    done = run(folder / "recipe.yaml", [folder / "data"], folder / "out", report=False)
    assert exit_code(done) == 4
    (told,) = failures(folder / "out").values()
    return told


def test_two_samples_of_one_name_can_t_be_stacked(tmp_path):
    s2p, _ = spectra()
    told = stacked(tmp_path, {"monday/Cu.vms": s2p, "tuesday/Cu.vms": s2p, "tuesday/W.vms": s2p})
    assert "several files say Cu" in told["cause"]
    assert "rename" in told["remedy"]
    assert "monday/Cu.vms" in told["file"]
    assert "tuesday/Cu.vms" in told["file"]


def test_samples_over_different_energies_can_t_be_stacked(tmp_path):
    s2p, _ = spectra()
    told = stacked(tmp_path, {"a/Cu.vms": s2p, "a/W.vms": s2p.isel(energy=slice(0, 120))})
    assert "S 2p goes from 158 to 172 eV in 141 points and from 158 to 169.9 eV in 120 points" in told["cause"]
    assert "energies" in told["remedy"]
    assert "Cu.vms" in told["cause"]
    assert "W.vms" in told["cause"]


def test_samples_with_other_regions_can_t_be_stacked(tmp_path):
    s2p, c1s = spectra()
    told = stacked(tmp_path, {"a/Cu.vms": s2p, "a/W.vms": c1s})
    assert "Cu.vms holds S 2p" in told["cause"]
    assert "W.vms holds C 1s" in told["cause"]
    assert told["remedy"]
