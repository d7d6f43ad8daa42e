"""Bad files of X-rays in a batch: each gives one clear error, the good ones go on (FAULTS 2, 13-20, 35, 41-46, 52).

What readers do with damaged files of every format stands in tests/readers; here a whole run is looked at.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from readers import edxs_files as files

from imgpipe.batch import exit_code, run
from imgpipe.bundle import Bundle

RECIPE = """\
imgpipe: 1
title: faults
inputs: "{name}.*"
steps:
  - line_intensities: {elements: [Mg], always: [], method: window, accelerating_energy: 5 keV}
"""
SPECTRUM = files.cube().sum(axis=(0, 1)).astype(float)
BAD: dict[str, tuple[str, str]] = {
    "empty.msa": ("empty", "copy"),
    "random.msa": ("not EMSA", "supported are"),
    "points.msa": ("states 201 points (NPOINTS), found are 200", "copy"),
    "kev.msa": ("looks like keV", "correct the unit"),
    "unitless.msa": ("has no unit", "state eV or keV"),
    "negative.msa": ("10 counts are negative (down to -40)", "background"),
    "nan.msa": ("1 counts are missing (NaN)", "export"),
    "zero.msa": ("all counts are zero", "detector"),
    "half.hspy": ("HDF5", "copy"),
    "cut.bcf": ("cut: its header states 4376 bytes", "copy"),
    "few.msa": ("3 channels", ""),
}
"""File -> what its message says, and what its remedy names."""
GOOD = ("good", "fractions", "no_beam")


def write_batch(folder: Path) -> None:
    spoilt, missing = SPECTRUM.copy(), SPECTRUM.copy()
    spoilt[50:60], missing[50] = -40.0, np.nan
    spectra = {
        "good": SPECTRUM, "negative": spoilt, "nan": missing, "zero": 0 * SPECTRUM, "fractions": SPECTRUM / 3,
    }  # fmt: skip
    for name, counts in spectra.items():
        files.msa(folder / f"{name}.msa", counts)
    files.msa(folder / "few.msa", SPECTRUM[:3], XPERCHAN="500")
    changes: dict[str, dict[str, str | None]] = {
        "points": {"NPOINTS": "201"}, "kev": {"XPERCHAN": "0.01", "OFFSET": "0"}, "unitless": {"XUNITS": None},
        "no_beam": {"BEAMKV  -kV": None},
    }  # fmt: skip
    for name, change in changes.items():
        files.msa(folder / f"{name}.msa", SPECTRUM, **change)
    (folder / "empty.msa").write_bytes(b"")
    (folder / "random.msa").write_bytes(np.random.default_rng(1).bytes(5000))
    half = files.hspy(folder / "half.hspy", files.cube()).read_bytes()
    (folder / "half.hspy").write_bytes(half[: len(half) // 2])
    head = bytearray(b"AAMVHFSS".ljust(1000, b"\0"))
    head[0x128:0x12C], head[0x148:0x14C] = (4096).to_bytes(4, "little"), (1).to_bytes(4, "little")
    (folder / "cut.bcf").write_bytes(head)


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
    return {one["group"]: one for one in map(json.loads, lines)}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_gives_one_error_with_file_cause_and_remedy(batch, name):
    told = failures(batch.path)[Path(name).stem]
    cause, remedy = BAD[name]
    assert told["file"] == name
    assert cause in told["cause"]
    assert remedy in (told["remedy"] or "")
    assert told["type"] in ("ReadError", "DataError")
    assert "unexpected" not in told["cause"]


def test_the_others_go_on_and_the_run_says_that_some_failed(batch):
    assert set(failures(batch.path)) == {Path(name).stem for name in BAD}
    assert set(batch.groups) == set(GOOD)
    assert exit_code(batch) == 3


def test_what_is_no_error_is_told(batch):
    flags = {name: json.loads((batch.path / name / "run.json").read_text())["flags"] for name in GOOD}
    gate = {"counts are not whole numbers: their noise is taken as Gaussian", "beam energy unknown"}
    assert {name: gate & set(found) for name, found in flags.items()} == {
        "good": set(),
        "fractions": {"counts are not whole numbers: their noise is taken as Gaussian"},
        "no_beam": {"beam energy unknown"},
    }


def test_a_reader_that_crashes_on_flipped_bits_leaves_the_batch_alive(real_data, tmp_path):
    """Two flipped bits in a Bruker map; whatever the decoder does, the other file is read."""
    content = (real_data / "fibsem/rosettasciio/bruker/16x16_12bit_packed_8bit.bcf").read_bytes()
    folder = tmp_path / "data"
    folder.mkdir()
    for seed in range(4):
        spoilt = bytearray(content)
        for at in np.random.default_rng(seed).integers(4096, len(content), 40):
            spoilt[at] ^= 16
        (folder / f"bad{seed}.bcf").write_bytes(spoilt)
    files.msa(folder / "good.msa", SPECTRUM)
    (tmp_path / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    done = run(tmp_path / "recipe.yaml", [folder], tmp_path / "out", report=False)
    assert "good" in done.groups
    for told in failures(tmp_path / "out").values() if exit_code(done) else []:
        assert told["file"].endswith(".bcf")
        assert told["remedy"]
        assert told["type"] in ("ReadError", "DataError", "StepError")
