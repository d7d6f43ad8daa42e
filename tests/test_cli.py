"""The command: exit statuses, results on stdout, log on stderr, signals (FAULTS 56-61, 64, 65)."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from small_runs import RECIPE, ROOT, imgpipe, make_study, numbers_of

from imgpipe import cli
from imgpipe.errors import ImgpipeError

pytestmark = pytest.mark.usefixtures("outside_package")
Command = Callable[..., tuple[int, str, str]]
SPECTRA = ROOT / "example_data" / "xps"
X_RAYS = ROOT / "example_data" / "edxs"
OF_SPECTRA = [
    "xps_s2p_published", "xps_argyrodite", "xps_metal_oxide", "xps_series", "edxs_line_scan", "edxs_map",
    "edxs_thin_film",
]  # fmt: skip


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run the command in this process (the same `main` that the script calls); return status, stdout, stderr."""
    monkeypatch.setattr("imgpipe.report.build_report", lambda out: out / "report.html", raising=False)

    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["imgpipe", *map(str, words)])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        told = capsys.readouterr()
        return int(stopped.value.code or 0), told.out, told.err

    return call


def test_run_check_verify_of_a_sound_study(command, tmp_path):
    recipe, images = make_study(tmp_path)
    status, out, err = command("run", recipe, images, "-o", tmp_path / "out")
    assert (status, "3 of 3 group(s) done" in out) == (0, True)
    assert "a_1d: done" in err
    assert command("verify", tmp_path / "out")[:2] == (0, f"{tmp_path / 'out'}: sound, 3 group(s)\n")
    assert command("check", recipe, images)[:2] == (0, f"{recipe}: no faults; 3 group(s), 12 tasks\n")


def test_some_failed_is_3_and_all_failed_is_4(command, tmp_path):
    recipe, images = make_study(
        tmp_path, recipe=RECIPE.replace("  - mean_grey", "  - fail_above: {grey: 300}\n  - mean_grey")
    )
    status, out, err = command("run", recipe, images, "-o", tmp_path / "out")
    assert status == 3
    assert re.search(r"failed: c_3d\.tif: .*too bright", out)
    assert "c_3d: FAILED. c_3d.tif:" in err
    assert command("run", recipe, images, "-o", tmp_path / "none", "--set", "fail_above.grey=1")[0] == 4


def test_dry_run_lists_groups_and_runs_nothing(command, tmp_path):
    recipe, images = make_study(tmp_path)
    status, out, _ = command("run", recipe, images, "-o", tmp_path / "out", "--dry-run")
    assert (status, out.splitlines()[0]) == (0, "a_1d\ta_1d.tif")
    assert not (tmp_path / "out").exists()
    assert command("check", recipe, images, "--dry-run")[1] == out


@pytest.mark.parametrize(
    "words",
    [
        (), ("bogus",), ("run",), ("run", "--bogus"), ("run", "none.yaml"),
        ("run", "{recipe}", "{images}", "--jobs", "0"),
        ("run", "{recipe}", "none.tif"), ("run", "{recipe}", "{images}", "--set", "brighten.bye=1"),
        ("run", "{recipe}", "{images}", "--resume", "--overwrite"), ("check", "{recipe}", "{folder}/none/*.tif"),
        ("steps", "brigthen"), ("new", "nothing"), ("inspect",),
    ],
    ids=" ".join,
)  # fmt: skip
def test_wrong_usage_is_2_and_says_so_on_stderr(command, tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    recipe, images = make_study(tmp_path)
    status, out, err = command(*(word.format(recipe=recipe, images=images, folder=tmp_path) for word in words))
    assert status == 2
    assert err or not words
    assert out == "" or not words
    assert "Traceback" not in err


def test_an_existing_output_and_no_result_are_2_and_a_file_in_the_way_is_6(command, study):
    recipe, images = study / "recipe_of_study.yaml", study / "images"
    assert command("run", recipe, images, "-o", study / "out")[0] == 2
    assert command("verify", study / "images")[0] == 2
    assert command("report", study / "nowhere")[0] == 2
    (study / "file").write_text("")
    assert command("run", recipe, images, "-o", study / "file" / "out")[0] == 6


def test_damage_is_1(command, study):
    (study / "out" / "summary.csv").unlink()
    status, out, _ = command("verify", study / "out")
    assert (status, out) == (1, f"summary.csv: missing\n{study / 'out'}: 1 fault(s)\n")
    (study / "out" / "run.json").unlink()
    assert command("verify", study / "out")[0] == 1


def test_steps_are_listed_and_explained(command, monkeypatch):
    status, out, _ = command("steps", "lengths")
    assert status == 0
    assert "reach = 10.0" in out


def test_inspect_says_what_a_file_holds(command, tmp_path):
    _, images = make_study(tmp_path)
    status, out, _ = command("inspect", images / "a_1d.tif", "--pixel-size", "3 nm")
    assert status == 0
    assert "image (y 48, x 40) uint8 [counts]" in out
    assert "3 nm/px" in out
    assert "uncalibrated" in command("inspect", images / "a_1d.tif")[1]
    assert command("inspect", images / "none.tif")[0] == 4
    assert command("inspect", images / "a_1d.tif", "--pixel-size", "3 px")[0] == 4


def test_inspect_says_what_a_spectrum_holds(command, tmp_path):
    status, out, _ = command("inspect", SPECTRA / "published_Cu.vms")
    assert status == 0
    blocks = out.split("leaf ")
    assert [block.splitlines()[0] for block in blocks[1:]] == ["S 2p", "C 1s"]
    for line in (
        "binding energy: 158 to 172 eV, step 0.1 eV, 141 points", "photon_energy = 1486.69 eV", "pass_energy = 20 eV",
        "dwell_time = 200 ms", "sweeps = 20", "sample: Cu", "instrument: phantom spectrometer",
    ):  # fmt: skip
        assert f"  {line}\n" in blocks[1]
    assert re.search(r"  counts \(energy 141\) float64 \[counts\] from [\d.]+ to [\d.]+\n", blocks[1])
    assert "pixel" not in out
    assert "px" not in out


def test_inspect_shows_a_series_and_the_flags_of_a_spectrum(command, tmp_path):
    _, out, _ = command("inspect", SPECTRA / "series_S2p.vms")
    assert "  cycle: 1 to 200, 200 points\n" in out
    assert "  charge: 0 to 1.99 mAh/cm**2, 200 points\n" in out
    path = tmp_path / "uneven.csv"
    rows = [f"{energy:.2f},{count}" for energy, count in zip((1, 2, 3, 4, 6, 7), (5, 9.5, 7, 8, 5, 4), strict=True)]
    path.write_text("Binding Energy (eV),Counts\n" + "\n".join(rows) + "\n")
    status, out, _ = command("inspect", path)
    assert status == 0
    assert "binding energy: 1 to 7 eV, steps 1 to 2 eV, 6 points" in out
    assert re.search(r"  flags: .*not whole numbers", out)


@pytest.mark.parametrize("technique", ["cross_section", "plated_lithium", *OF_SPECTRA])
def test_a_new_recipe_passes_its_own_check_once_filled_in(command, tmp_path, technique):
    status, out, _ = command("new", technique)
    assert status == 0
    from imgpipe.recipe import Recipe

    Recipe.parse(out.replace("FILL IN", "0.005", 1).replace("FILL IN", "standard", 1).replace("FILL IN", "[Mg]"))


@pytest.mark.parametrize("technique", OF_SPECTRA)
def test_a_new_recipe_for_spectra_does_what_the_ready_one_does(command, technique):
    from imgpipe.recipe import Recipe

    _, out, _ = command("new", technique)
    assert "FILL IN" not in out
    new, ready = Recipe.parse(out), Recipe.load(ROOT / "pipelines" / f"{technique}.yaml")
    assert [call.step.name for call in new.steps] == [call.step.name for call in ready.steps]
    for one, other in zip(new.steps, ready.steps, strict=True):
        assert one.values == other.values, one.step.name
        assert (one.at, one.result) == (other.at, other.result), one.step.name
    assert new.title == ready.title
    assert [given.stack for given in new.inputs.values()] == [given.stack for given in ready.inputs.values()]


def test_a_new_recipe_is_filled_from_a_spectrum(command):
    from imgpipe.recipe import Recipe

    file = SPECTRA / "published_Cu.vms"
    status, out, _ = command("new", "xps_s2p_published", file)
    assert status == 0
    assert "#   binding energy: 158 to 172 eV" in out
    assert "pixel_size" not in out
    (given,) = Recipe.parse(out).inputs.values()
    assert given.pattern.match(file) == {"sample": "published_Cu"}


def test_inspect_says_what_x_ray_spectra_hold(command):
    status, out, _ = command("inspect", X_RAYS / "inclined_map.hspy")
    assert status == 0
    about = out.split("leaf map")[1]
    for line in (
        "X-ray energy: 0 to 10230 eV, step 10 eV, 1024 points", "x: 100 nm/px, 64 px", "beam_energy = 5 keV",
        "detector_resolution = 130 eV", "take_off_angle = 35 deg", "elements: Cl Cu Mg P S W", "sample: plated",
        "pixel size from: the axes in the file",
    ):  # fmt: skip
        assert f"  {line}\n" in about + "\n"
    assert re.search(r"  live_time = [\d.]+ ms\n", about)
    assert re.search(r"  counts \(y 48, x 64, energy 1024\) uint8 \[counts\] from 0 to \d+\n", about)
    assert re.search(r"  all counts: \d{6}\n", about)
    out = command("inspect", X_RAYS / "thin_line.csv")[1]
    assert "  xray_line (element 4) text: Pt Ma, Mg Ka, W Ma, Cu La\n" in out
    assert "  position: 0 to 1400 nm, 201 points\n" in out


def test_a_new_recipe_is_filled_from_x_ray_spectra(command):
    from imgpipe.recipe import Recipe

    file = X_RAYS / "inclined_map.hspy"
    status, out, _ = command("new", "edxs_map", file)
    assert status == 0
    assert "#   beam_energy = 5 keV" in out
    (given,) = Recipe.parse(out).inputs.values()
    assert given.pattern.match(file) is not None
    profile, lines = Recipe.parse(out).steps[:2]
    assert list(lines.values["elements"]) == ["Cl", "Cu", "Mg", "P", "S", "W"]
    assert "start: [0 nm, 2400 nm]" in out
    assert "end: [6300 nm, 2400 nm]" in out
    assert profile.values["width"] == 1200.0


def test_errors_have_a_status_each():
    from imgpipe.errors import DataError, LockedError, OutputError, ReadError, RecipeError, StepError

    kinds = {RecipeError: 2, LockedError: 5, OutputError: 6, ReadError: 4, DataError: 4, StepError: 4, ImgpipeError: 4}
    assert {kind: cli._status(kind("x")) for kind in kinds} == kinds


@pytest.mark.parametrize(
    ("steps", "part"),
    [
        ("!!python/object/apply:os.system ['touch {folder}/hacked']", "line 4: the YAML tag"),
        ("!!python/name:os.system", "line 4: the YAML tag"),
        ("&a [*a]", "line 4: anchors and aliases"),
        ("[" * 5000, "levels of nesting"),
        ("[brigthen]", "line 4: unknown step 'brigthen'; did you mean 'brighten'"),
    ],
    ids=["row_56_call", "row_56_name", "row_57", "row_57_nest", "row_58"],
)
def test_rows_56_to_58_hostile_recipes_are_2(command, tmp_path, steps, part):
    recipe, images = make_study(tmp_path)
    recipe.write_text(f'imgpipe: 1\ninputs: "{{s}}.tif"\ntitle: x\nsteps: {steps.format(folder=tmp_path)}\n')
    status, out, err = command("run", recipe, images, "-o", tmp_path / "out")
    assert (status, out) == (2, "")
    assert part in err
    assert str(recipe) in err
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "hacked").exists()


def heed_interrupts() -> None:
    """Undo what a shell does to jobs in the background: they inherit a SIGINT that is ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Running:
    """A run in a child process that waits at a named pipe inside a step of the second group."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.door = folder / "door"
        os.mkfifo(self.door)
        text = RECIPE.replace("  - mean_grey", f'  - meet: {{door: "{self.door}", grey: 250}}\n  - mean_grey')
        self.recipe, self.images = make_study(folder, levels=(60, 90), recipe=text)
        self.out = folder / "out"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "imgpipe.cli", "run", self.recipe, self.images, "-o", self.out, *words],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heed_interrupts,
        )  # fmt: skip
        assert self.door.read_text() == "here"  # blocks until the step stands at the door

    def end(self, number: int) -> tuple[int, str]:
        self.process.send_signal(number)
        _, err = self.process.communicate(timeout=60)
        return self.process.returncode, err

    def finish(self) -> None:
        """Resume with the door taken away, and compare with a run that was never stopped."""
        from imgpipe.batch import run

        self.door.unlink()
        self.door.write_text("open")
        done = run(self.recipe, [self.images], self.out, resume=True, report=False)
        assert done.verify() == []
        assert numbers_of(done.path) == numbers_of(
            run(self.recipe, [self.images], self.out.with_name("whole"), report=False).path
        )


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_row_64_signals_keep_what_is_finished_and_resume_goes_on(tmp_path, number, status):
    running = Running(tmp_path)
    assert not (running.out / "run.json").exists()
    found, err = running.end(number)
    assert found == status
    assert "--resume goes on" in err
    assert "Traceback" not in err
    assert sorted(p.name for p in running.out.glob("*/COMPLETE")) == ["COMPLETE"]
    assert not (running.out / ".lock").exists()
    running.finish()


def test_row_64_a_signal_stops_the_processes_of_jobs_too(tmp_path):
    running = Running(tmp_path, "--jobs", "2")
    found, err = running.end(signal.SIGTERM)
    assert found == 143
    assert "Traceback" not in err
    running.finish()


def test_row_65_and_63_a_second_run_is_5_and_a_killed_one_is_taken_over(tmp_path):
    running = Running(tmp_path)
    second = imgpipe("run", running.recipe, running.images, "-o", running.out, "--resume")
    assert second.returncode == 5
    assert f"process {running.process.pid} on " in second.stderr
    assert running.end(signal.SIGKILL)[0] == -signal.SIGKILL
    assert (running.out / ".lock").exists()
    running.finish()
