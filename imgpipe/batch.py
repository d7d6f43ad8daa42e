"""Many groups: find, run here or on a cluster, collect, report. One bad file never stops the others."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgpipe import __version__, bundle
from imgpipe.errors import ImgpipeError, RecipeError
from imgpipe.grouping import Group, find_groups
from imgpipe.key_numbers import KEY_TABLES, key_numbers
from imgpipe.lock import locked, refuse_if_held
from imgpipe.one_group import SCRATCH, Job, Outcome, Runner, run_group
from imgpipe.recipe import Recipe
from imgpipe.store import disk_errors
from imgpipe.tables import GROUP_COLUMN, write_table

if TYPE_CHECKING:
    import pandas as pd

STUDY_NOTE = "the study section of the recipe was checked, but this version does not run it yet."


@dataclass
class Watch:
    """What a caller may want to hear of; every method may be replaced."""

    started: Callable[[int, int], None] = lambda total, already: None
    stage: Callable[[str, str, float, int], None] = lambda group, what, done, total: None
    ended: Callable[[Outcome], None] = lambda outcome: None
    closing: Callable[[str], None] = lambda what: None


@dataclass(frozen=True)
class Plan:
    """What a run would do: groups to run, groups that are complete already."""

    recipe: Recipe
    groups: tuple[Group, ...]
    complete: tuple[str, ...] = ()
    keys: Mapping[str, str] = field(default_factory=dict)

    @property
    def tasks(self) -> int:
        """Number of steps that would run."""
        return (len(self.groups) - len(self.complete)) * (len(self.recipe.steps) + 2)


def run(
    recipe: Recipe | str | Path,
    inputs: Sequence[str | Path] = (),
    out: str | Path = "results",
    *,
    overrides: Sequence[str] = (),
    jobs: int = 1,
    cluster: str | None = None,
    resume: bool = False,
    overwrite: bool = False,
    fail_fast: bool = False,
    report: bool = True,
    watch: Watch | None = None,
) -> bundle.Bundle:
    """Run a recipe on files and return the result folder.

    Parameters
    ----------
    recipe : a `Recipe`, or the path of one
    inputs : files, folders, globs; without any, the recipe's patterns relative to its folder
    out : result folder; must not exist unless `resume` or `overwrite`
    overrides : ``STEP[.N].setting=value`` texts
    jobs : number of processes on this machine
    cluster : "local", or the address of a dask scheduler
    resume : keep complete groups, do the rest
    overwrite : delete an earlier result of imgpipe first
    fail_fast : stop at the first failed group
    report : draw figures and write report.html

    Raises
    ------
    RecipeError
        before anything runs.
    OutputError, LockedError
        when the result folder can't be used.
    ClusterError
        when the cluster is lost; complete groups are kept for `resume`.
    """
    loaded = recipe if isinstance(recipe, Recipe) else Recipe.load(recipe, overrides)
    heard = watch or Watch()
    folder = Path(out)
    refuse_if_held(folder)
    groups = find_groups(loaded, inputs)
    used = _refuse_used(folder, resume=resume, overwrite=overwrite)
    with ExitStack() as workers:
        if jobs > 1 or cluster == "local":
            _warm_up(loaded)
        work = workers.enter_context(_runner(jobs, cluster, heard))
        _make(folder, clear=used and overwrite)
        with locked(folder):
            plan = _plan(loaded, groups, folder, resume=resume)
            started = time.time()
            outcomes = _run_all(plan, folder, work, heard, fail_fast=fail_fast)
            workers.close()  # from here on nobody else writes
            _close(plan, folder, outcomes, started, heard, report=report)
    return bundle.open_bundle(folder)


def _warm_up(recipe: Recipe) -> None:
    """Compile the kernels of all steps once: workers of this machine then load them from disk."""
    for place in sorted({call.step.warm_up for call in recipe.steps if call.step.warm_up}):
        module, _, function = place.partition(":")
        getattr(import_module(module), function)()


def _runner(jobs: int, cluster: str | None, watch: Watch) -> AbstractContextManager[Runner]:
    if cluster is not None:
        from imgpipe.cluster import cluster_runner

        return cluster_runner(cluster, jobs)
    if jobs > 1:
        from imgpipe.processes import process_runner

        return process_runner(jobs)
    return _here(watch)


@contextmanager
def _here(watch: Watch) -> Iterator[Runner]:
    def work(jobs: Sequence[Job]) -> Iterator[Outcome]:
        for job in jobs:
            name = job.group.name
            yield run_group(job, lambda what, done, total, name=name: watch.stage(name, what, done, total))  # type: ignore[misc]

    yield work


def _refuse_used(folder: Path, *, resume: bool, overwrite: bool) -> bool:
    """Return whether the folder holds a result already; refuse what must not be touched."""
    if resume and overwrite:
        raise RecipeError("--resume and --overwrite exclude each other.")
    with disk_errors(folder):
        used = folder.exists() and (not folder.is_dir() or any(p.name != ".lock" for p in folder.iterdir()))
        if used and not (resume or overwrite):
            raise RecipeError(
                "the result folder exists already.", file=str(folder), remedy="--resume, --overwrite, or another -o."
            )
        if used and not bundle.is_result(folder):
            raise RecipeError("holds something else than a result of imgpipe.", file=str(folder), remedy="another -o.")
        if overwrite and used and (foreign := bundle.strangers(folder)):
            shown = ", ".join(foreign[:5])
            raise RecipeError(f"holds what imgpipe did not write: {shown}.", file=str(folder), remedy="another -o.")
    return used


def _make(folder: Path, *, clear: bool) -> None:
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    if clear:
        with locked(folder), disk_errors(folder):
            for path in folder.iterdir():
                if path.name != ".lock":
                    bundle.remove(path)


def _plan(recipe: Recipe, groups: Sequence[Group], folder: Path, *, resume: bool) -> Plan:
    text = f"{bundle.SAVED}\n{_saved_recipe(recipe, groups, folder)}"
    saved = folder / "recipe.yaml"
    if resume and saved.exists() and _steps_of(saved.read_text(encoding="utf-8")) != _steps_of(text):
        raise RecipeError(
            "differs from the recipe of this result; a result must not mix two.",
            file=str(saved),
            remedy="choose another -o, or --overwrite.",
        )
    _refuse_orphans(folder, {group.name for group in groups})
    with disk_errors(saved):
        for leftover in folder.glob(f"*{bundle.PART}"):
            bundle.remove(leftover)
        saved.write_text(text, encoding="utf-8")
        if recipe.edits.groups:
            (folder / "edits.yaml").write_text(recipe.edits.dump(), encoding="utf-8")
    keys = {group.name: _key(recipe, group) for group in groups}
    complete = tuple(name for name, key in keys.items() if resume and bundle.group_key(folder / name) == key)
    return Plan(recipe, tuple(groups), complete, keys)


def _refuse_orphans(folder: Path, names: set[str]) -> None:
    orphans = sorted(set(bundle.Bundle(folder).groups) - names)
    if orphans:
        raise RecipeError(
            f"holds {', '.join(orphans)}, which these inputs do not give; a result must not mix two.",
            file=str(folder),
            remedy="name all inputs again, choose another -o, or --overwrite.",
        )


def _saved_recipe(recipe: Recipe, groups: Sequence[Group], folder: Path) -> str:
    """Return the recipe as it ran, its patterns relative to the result folder."""
    files: dict[str, str] = {}
    for role, given in recipe.inputs.items():
        paths = [Path(f.path) for group in groups for f in group.files if f.role == role]
        depth = len(Path(given.pattern.tail).parts)
        roots = {path.parents[depth - 1] for path in paths}
        root = Path(os.path.commonpath(roots)) if roots else recipe.folder
        files[role] = Path(os.path.relpath(root, folder.absolute()), given.pattern.tail).as_posix()
    return recipe.dump(files=files, edits="edits.yaml" if recipe.edits.groups else None)


def _steps_of(text: str) -> tuple[Any, ...]:
    import yaml

    value = yaml.safe_load(text)
    return value["steps"], value.get("study"), value.get("keep")


def _key(recipe: Recipe, group: Group) -> str:
    """Return what a result rests on: files, names, settings, versions of the steps, edits; never the code."""
    steps = [[c.step.name, c.step.version, c.settings.model_dump(mode="json"), c.at, dict(c.sources), c.result]
             for c in recipe.steps]  # fmt: skip
    roles = {role: given.model_dump(mode="json", exclude={"files"}) for role, given in recipe.inputs.items()}
    anchors = [a.model_dump() for a in recipe.edits.groups.get(group.name, ())]
    parts = [group.fingerprint(), dict(group.fields), dict(group.units), steps, roles, anchors, list(recipe.keep)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _run_all(plan: Plan, folder: Path, work: Runner, watch: Watch, *, fail_fast: bool) -> list[Outcome]:
    text = plan.recipe.dump()
    waiting = [
        Job(group, text, str(folder.absolute()), plan.keys[group.name], plan.recipe.edits.groups.get(group.name, ()))
        for group in plan.groups
        if group.name not in plan.complete
    ]
    watch.started(len(plan.groups), len(plan.complete))
    outcomes: list[Outcome] = []
    for outcome in work(waiting):
        outcomes.append(outcome)
        watch.ended(outcome)
        if fail_fast and outcome.status == "failed":
            break
    done = {outcome.group for outcome in outcomes}
    left = [Outcome(job.group.name, "not run") for job in waiting if job.group.name not in done]
    return [*(Outcome(name, "done") for name in plan.complete), *outcomes, *left]


def _close(
    plan: Plan, folder: Path, outcomes: Sequence[Outcome], started: float, watch: Watch, *, report: bool
) -> None:
    """Write what stands over all groups: tables, failures, run.json, figures, report."""
    order = {group.name: number for number, group in enumerate(plan.groups)}
    ranked = sorted(outcomes, key=lambda outcome: order[outcome.group])
    groups = {group.name: group for group in plan.groups}
    watch.closing("tables")
    with disk_errors(folder):
        shutil.rmtree(folder / SCRATCH, ignore_errors=True)
        written = _write_tables(folder, [o.group for o in ranked if o.status == "done"])
        written.append(_write_summary(folder, ranked, groups))
        written.append(_write_failures(folder, ranked, groups))
    record = {
        "imgpipe": __version__,
        "title": plan.recipe.title,
        "notes": list(_notes(plan)),
        "versions": _versions(),
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(started)),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "groups": {o.group: {"status": o.status, "seconds": round(o.seconds, 3)} for o in ranked},
        "manifest": bundle.manifest(folder, written),
    }
    bundle.write_json(folder / "run.json", record)
    if report:
        from imgpipe.report import build_report

        watch.closing("figures and report")
        build_report(folder)


def _notes(plan: Plan) -> Iterator[str]:
    if plan.recipe.study:
        yield STUDY_NOTE
    unused = sorted(set(plan.recipe.edits.groups) - {group.name for group in plan.groups})
    if unused:
        yield f"moved edges of {', '.join(unused)} were not used: there is no such group."


def _write_tables(folder: Path, groups: Sequence[str]) -> list[Path]:
    import pandas as pd

    shutil.rmtree(folder / "tables", ignore_errors=True)
    collected: dict[str, list[pd.DataFrame]] = {}
    for group in groups:
        for path in sorted((folder / group / "tables").glob("*.parquet")):
            collected.setdefault(path.stem, []).append(pd.read_parquet(path))
    written = []
    for name, parts in sorted(collected.items()):
        order = dict.fromkeys(column for part in sorted(parts, key=lambda p: -p.shape[1]) for column in part)
        joined = pd.concat(parts, ignore_index=True)[list(order)]
        written += write_table(joined, folder / "tables", name)
    return written


def _write_summary(folder: Path, outcomes: Sequence[Outcome], groups: Mapping[str, Group]) -> Path:
    import pandas as pd

    rows = [
        {GROUP_COLUMN: o.group, **groups[o.group].fields, "status": o.status, "file": _files(groups[o.group]),
         "cause": o.error.get("cause", ""), "remedy": o.error.get("remedy", ""),
         **(key_numbers(_group_tables(folder, o.group)) if o.status == "done" else {})}
        for o in outcomes
    ]  # fmt: skip
    path = folder / "summary.csv"
    pd.DataFrame(rows).to_csv(path, index=False, encoding="utf-8-sig", lineterminator="\n")
    return path


def _group_tables(folder: Path, group: str) -> dict[str, pd.DataFrame]:
    import pandas as pd

    return {path.stem: pd.read_parquet(path) for path in sorted((folder / group / "tables").glob("*.parquet"))
            if path.stem in KEY_TABLES}  # fmt: skip


def _write_failures(folder: Path, outcomes: Sequence[Outcome], groups: Mapping[str, Group]) -> Path:
    failed = [o for o in outcomes if o.status == "failed"]
    lines = [
        json.dumps({"group": o.group, "files": [f.shown for f in groups[o.group].files], **o.error}, ensure_ascii=False)
        for o in failed
    ]
    path = folder / "failures.jsonl"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def _files(group: Group) -> str:
    return "; ".join(file.shown for file in group.files)


def _versions() -> dict[str, str]:
    import platform
    from importlib.metadata import version

    names = (
        "numpy", "scipy", "xarray", "dask", "zarr", "scikit-image", "numba", "tifffile", "rosettasciio", "hyperspy",
        "exspy", "xraylib",
    )  # fmt: skip
    return {"python": platform.python_version(), **{name: version(name) for name in names}}


def exit_code(result: bundle.Bundle) -> int:
    """Return 0 when every group is done, 3 when some failed or did not run, 4 when all failed."""
    states = [one["status"] for one in result.info["groups"].values()]
    if all(state == "done" for state in states):
        return 0
    return 4 if all(state == "failed" for state in states) else 3


def input_faults(found: Plan) -> list[str]:
    """Return what is wrong with the files of a plan at first sight: missing, empty, of no known type, lacking."""
    from imgpipe.readers.opening import probe

    faults = [f"{group.name}: no file for {', '.join(group.lacking)}" for group in found.groups if group.lacking]
    for file in (file for group in found.groups for file in group.files):
        try:
            probe(file.path)
        except ImgpipeError as error:
            faults.append(str(type(error)(error.message, file=file.shown, remedy=error.remedy)))
    return faults


def plan(recipe: Recipe, inputs: Sequence[str | Path] = ()) -> Plan:
    """Return what `run` would do with a recipe and its inputs; nothing is opened."""
    return Plan(recipe, tuple(find_groups(recipe, inputs)))
