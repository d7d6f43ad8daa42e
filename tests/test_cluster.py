"""Processes and clusters: the same bytes as one process; a death takes only its own group (FAULTS 70, 71, 75)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from small_runs import RECIPE, make_study, numbers_of

from imgpipe import cli
from imgpipe.batch import exit_code, run
from imgpipe.cluster import connect, run_on_worker
from imgpipe.errors import ClusterError, OutputError, RecipeError
from imgpipe.grouping import Group, InputFile
from imgpipe.one_group import Job

pytestmark = pytest.mark.usefixtures("outside_package")
DEADLY = RECIPE.replace("  - mean_grey", "  - die_above: {grey: 330}\n  - mean_grey")


def test_jobs_give_the_same_bytes(study):
    whole = run(study / "recipe_of_study.yaml", [study / "images"], study / "two", jobs=2, report=False)
    assert whole.verify() == []
    assert numbers_of(whole.path) == numbers_of(study / "out")


def test_a_process_that_dies_takes_only_its_own_group(tmp_path):
    recipe, images = make_study(tmp_path, recipe=DEADLY)
    result = run(recipe, [images], tmp_path / "out", jobs=2, report=False)
    assert result.groups == ["a_1d", "b_2d"]
    assert exit_code(result) == 3
    assert [(f["group"], f["file"]) for f in result.failures] == [("c_3d", "c_3d.tif")]
    assert "died" in result.failures[0]["cause"]
    recipe.write_text(recipe.read_text().replace("330", "2000"))
    with pytest.raises(RecipeError, match="differs"):
        run(recipe, [images], tmp_path / "out", jobs=2, resume=True, report=False)


def test_a_cluster_on_this_machine_gives_the_same_bytes(study):
    far = run(study / "recipe_of_study.yaml", [study / "images"], study / "far", cluster="local", report=False)
    assert far.verify() == []
    assert numbers_of(far.path) == numbers_of(study / "out")


def test_no_scheduler_is_a_recipe_error(monkeypatch):
    def refuse(*args: object, **words: object) -> None:
        raise TimeoutError("gave up")

    monkeypatch.setattr("distributed.Client", refuse)
    with pytest.raises(RecipeError, match="no dask scheduler answers"), connect("tcp://127.0.0.1:9"):
        pass


def test_row_73_a_lost_scheduler_ends_with_7_and_resume_goes_on(study, monkeypatch):
    from distributed.client import FutureCancelledError

    class Lost:
        def result(self) -> None:
            raise FutureCancelledError("group", "scheduler-connection-lost")

    @contextmanager
    def connected(where: str, workers: int = 2) -> Iterator[object]:
        yield SimpleNamespace(submit=lambda *words, **settings: Lost())

    monkeypatch.setattr("imgpipe.cluster.connect", connected)
    monkeypatch.setattr("distributed.as_completed", iter)
    recipe, out = study / "recipe_of_study.yaml", study / "lost"
    with pytest.raises(ClusterError, match=r"scheduler is gone.*--resume"):
        run(recipe, [study / "images"], out, cluster="tcp://127.0.0.1:1", report=False)
    assert cli._status(ClusterError("")) == 7
    assert run(recipe, [study / "images"], out, resume=True, report=False).verify() == []


def test_an_unreachable_cluster_leaves_no_folder_behind(study, monkeypatch):
    def refuse(*words: object, **settings: object) -> None:
        raise TimeoutError("gave up")

    monkeypatch.setattr("distributed.Client", refuse)
    with pytest.raises(RecipeError, match="no dask scheduler"):
        run(study / "recipe_of_study.yaml", [study / "images"], study / "never", cluster="tcp://127.0.0.1:1")
    assert not (study / "never").exists()


def test_row_75_a_file_that_a_worker_cannot_see_is_named_with_the_host(tmp_path):
    group = Group("a", (InputFile(str(tmp_path / "gone.tif"), "image", "gone.tif"),))
    job = Job(group, "", str(tmp_path), "key")
    with pytest.raises(OutputError, match=r"worker on .* can't see .*gone\.tif.*all workers share"):
        run_on_worker(job)
    with pytest.raises(OutputError, match="can't see"):
        run_on_worker(dataclasses.replace(job, out=str(Path(tmp_path) / "nowhere")))
