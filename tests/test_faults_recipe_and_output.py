"""FAULTS rows about recipes and output that need a real process, or are seen best in one place.

The other rows: 37, 39, 40, 59 in test_grouping and test_bundle; 56-58, 64, 65 in test_cli; 57 and 58 in
test_recipe, too; 60-62, 65, 80 in test_batch; 66, 69 in test_store; 66-68 in test_bundle; 65 in test_lock.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from small_runs import make_study, numbers_of

from imgpipe import bundle
from imgpipe.batch import run
from imgpipe.errors import OutputError, RecipeError
from imgpipe.located_yaml import load_located
from imgpipe.recipe import Recipe

pytestmark = pytest.mark.usefixtures("outside_package")

KILLER = """
import os, signal, sys
from pathlib import Path

def deadly(plain, when):
    def wrapped(*args, **kwargs):
        if when(*args, **kwargs):
            os.kill(os.getpid(), signal.SIGKILL)
        return plain(*args, **kwargs)
    return wrapped

stage = sys.argv.pop(1)
import numpy, xarray, zarr
from imgpipe import bundle, store
from imgpipe.cli import main

if stage == "before metadata":
    xarray.Dataset.to_zarr = deadly(xarray.Dataset.to_zarr, lambda data, place, **k: "b_2d.part" in str(place))
elif stage == "between chunks":
    import zarr.storage
    seen = []
    def third_chunk(self, key, *rest):
        seen.extend([key] if "b_2d.part" in str(self.root) and "/c/" in key else [])
        return len(seen) == 3
    zarr.storage.LocalStore.set = deadly(zarr.storage.LocalStore.set, third_chunk)
elif stage == "before the rename":
    Path.rename = deadly(Path.rename, lambda path, target: path.name == "b_2d.part")
elif stage == "before the marker":
    bundle.write_json = deadly(bundle.write_json, lambda path, value: path.parent.name == "b_2d")
main()
"""


@pytest.mark.parametrize("stage", ["before metadata", "between chunks", "before the rename", "before the marker"])
def test_row_63_a_killed_run_is_never_complete_and_resume_equals_an_uninterrupted_run(tmp_path, stage):
    recipe, images = make_study(tmp_path)
    out = tmp_path / "out"
    killed = subprocess.run(
        [sys.executable, "-c", KILLER, stage, "run", recipe, images, "-o", out],
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    broken = bundle.open_bundle(out)
    assert broken.groups == ["a_1d"]
    assert broken.verify() != []
    with pytest.raises(OutputError):
        broken.tree("b_2d")
    marked = (out / "a_1d" / bundle.MARKER).stat().st_mtime_ns
    done = run(recipe, [images], out, resume=True, report=False)
    assert (out / "a_1d" / bundle.MARKER).stat().st_mtime_ns == marked
    assert done.verify() == []
    assert numbers_of(out) == numbers_of(run(recipe, [images], tmp_path / "whole", report=False).path)


@pytest.mark.parametrize(
    "tag",
    [
        "!!python/object/apply:os.system [touch x]",
        "!!python/name:os.system x",
        "!!python/tuple [1]",
        "!mine x",
        "!!binary aGk=",
    ],
)
def test_row_56_tags_are_refused_with_their_line(tag):
    with pytest.raises(RecipeError, match=r"r\.yaml: line 3: the YAML tag"):
        load_located(f"a: 1\nb: 2\nc: {tag}\n", "r.yaml")


def test_row_57_a_bomb_of_aliases_is_refused_at_once():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    with pytest.raises(RecipeError, match="line 1: anchors and aliases"):
        load_located("\n".join(lines), "bomb.yaml")


@pytest.mark.parametrize("text", ["[" * 100_000, "{a: " * 50_000, "- " * 100_000, "x" * 1_000_001], ids=range(4))
def test_row_57_nests_and_floods_are_refused(text):
    with pytest.raises(RecipeError):
        load_located(text, "bomb.yaml")


@pytest.mark.parametrize("name", ["../../x", "/abs", "C:\\x", "a\\0b", "..", "a/../b", "", "a/b/c", ".hidden"])
def test_row_59_names_in_a_recipe_cannot_leave_the_result(name):
    for line in (
        f'inputs: {{"{name}": "{{s}}.tif"}}\nsteps: [brighten]',
        f'inputs: a.tif\nsteps: [brighten: {{as: "{name}"}}]',
    ):
        with pytest.raises(RecipeError, match=r"can't name a role|`as` is a name|valid YAML"):
            Recipe.parse(f"imgpipe: 1\n{line}\n")


def test_row_61_a_folder_without_permission_is_6(tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere; test_batch asks with a stand-in")
    recipe, images = make_study(tmp_path)
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(OutputError, match="no permission"):
        run(recipe, [images], tmp_path / "closed" / "out", report=False)


def test_row_62_a_disk_that_really_is_full(tmp_path):
    """A limit on file size is what a test can set without rights; it ends in the same errors of the system."""
    recipe, images = make_study(tmp_path, levels=(60, 90))
    code = (
        "import resource, sys; from imgpipe import one_group; from imgpipe.cli import main\n"
        "plain = one_group._work\n"
        "def work(job, part, tell):\n"
        "    if job.group.name == 'b_2d': resource.setrlimit(resource.RLIMIT_FSIZE, (400, resource.RLIM_INFINITY))\n"
        "    return plain(job, part, tell)\n"
        "one_group._work = work\n"
        "import imgpipe.readers as readers; from pathlib import Path; readers.read(Path(sys.argv.pop(1)))\n"
        # the child that reads is warm now, and not limited
        "main()"
    )
    words = [images / "a_1d.tif", "run", recipe, images, "-o", tmp_path / "out"]
    full = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=120, check=False
    )
    assert full.returncode == 6, full.stderr
    assert "larger than this disk allows" in full.stderr
    assert str(tmp_path / "out") in full.stderr
    out = Path(tmp_path / "out")
    assert bundle.Bundle(out).groups == ["a_1d"]
    assert not list(out.glob("*.part"))
    assert run(recipe, [images], out, resume=True, report=False).verify() == []
