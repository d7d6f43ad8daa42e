"""One group of files: read, run the steps, write the result. The unit of failure stands here."""

from __future__ import annotations

import functools
import json
import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import xarray as xr
from numba.core.errors import NumbaError

from imgpipe import __version__, bundle, store
from imgpipe.binding import Call, apply, explain, leaf_datasets
from imgpipe.blocks import chunks_watched
from imgpipe.edits import Anchor, with_edits
from imgpipe.errors import DataError, ImgpipeError, OutputError, ReadError
from imgpipe.grouping import Group, InputFile
from imgpipe.model import check, quantity
from imgpipe.nexus import export_group, exportable
from imgpipe.recipe import InputRole, Recipe
from imgpipe.tables import group_tables, joined_flags, write_table

log = logging.getLogger(__name__)
SCRATCH = ".scratch"
UNEXPECTED = (
    ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, MemoryError, NumbaError, OSError,
    RuntimeError, TypeError, ValueError, cv2.error,
)  # fmt: skip
"""What numerical code and libraries raise when they meet data they did not expect: caught once, per group."""

Tell = Callable[[str, float, int], None]
"""Called as ``tell(what, done, total)`` before each stage, and within a long one with a broken number; an exception
that it raises stops the group."""


@dataclass(frozen=True)
class Job:
    """Everything a worker needs, picklable: the group, the recipe's text and where to write."""

    group: Group
    recipe: str
    out: str
    key: str
    anchors: tuple[Anchor, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What became of a group."""

    group: str
    status: str
    seconds: float = 0.0
    error: Mapping[str, str] = field(default_factory=dict)


Runner = Callable[[Sequence[Job]], Iterator[Outcome]]
"""Runs jobs somewhere and gives their outcomes as they come."""


def run_group(job: Job, tell: Tell | None = None) -> Outcome:
    """Run a recipe on one group and write its result; a failure is returned, not raised.

    Raises
    ------
    OutputError
        when nothing can be written (disk full, no permission): no other group could do better.
    """
    started = time.perf_counter()
    out = Path(job.out)
    part = bundle.part_folder(out, job.group.name)
    with _swept(part, out / SCRATCH / job.group.name), _logged(part / "log.txt"):
        try:
            _work(job, part, tell or _silent)
        except OutputError:
            raise
        except ImgpipeError as error:
            return _failed(job, part, error, started)
        except UNEXPECTED as error:
            log.exception("unexpected")
            wrapped = ImgpipeError(
                f"unexpected {type(error).__name__}: {error}",
                remedy=f"see {part.name}/log.txt; if the file is sound, report this as a fault of imgpipe.",
            )
            return _failed(job, part, wrapped, started)
    with _swept(part):
        bundle.finish_group(part, job.key)
    return Outcome(job.group.name, "done", time.perf_counter() - started)


@contextmanager
def _swept(part: Path, scratch: Path | None = None) -> Iterator[None]:
    """Remove the scratch folder always, and the unfinished result when the disk refuses it."""
    try:
        yield
    except OutputError:
        shutil.rmtree(part, ignore_errors=True)
        raise
    finally:
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)


def run_steps(
    recipe: Recipe, tree: xr.DataTree, tell: Tell | None = None, checkpoints: _Checkpoints | None = None
) -> xr.DataTree:
    """Run the steps of a recipe on a tree; `checkpoints` stores what a measuring step is about to read."""
    for number, call in enumerate(recipe.steps):
        (tell or _silent)(call.step.name, number + 1, len(recipe.steps) + 2)
        if call.step.measures and checkpoints is not None:
            tree = checkpoints.persist(call, tree)
        started = time.perf_counter()
        try:
            with chunks_watched(functools.partial(_part, tell or _silent, call.step.name, number + 1, recipe)):
                tree = apply(call, tree)
        except ImgpipeError as error:
            raise explain(call, error) from error
        if call.step.measures and checkpoints is not None:
            checkpoints.note_results(tree)
        log.info("step %s (version %d): %.2f s", call.step.name, call.step.version, time.perf_counter() - started)
    return tree


def _part(tell: Tell, what: str, done: int, recipe: Recipe, fraction: float) -> None:
    tell(what, done + fraction, len(recipe.steps) + 2)


def read_group(recipe: Recipe, group: Group, scratch: Path | None = None) -> xr.DataTree:
    """Read the files of a group into one tree, with the fields of their names as variables.

    Raises
    ------
    ReadError, DataError
        naming the file.
    """
    if group.lacking:
        raise DataError(
            f"no file for {', '.join(group.lacking)} in this group.", remedy="add the file, or mend the pattern."
        )
    leaves: dict[str, xr.Dataset] = {}
    for role, given in recipe.inputs.items():
        files = [file for file in group.files if file.role == role]
        found = _read_role(files, given, scratch)
        leaves |= {_leaf_name(role, name, len(found)): leaf for name, leaf in found.items()}
    named = {name: _with_fields(leaf, group) for name, leaf in leaves.items()}
    _refuse_unsound(named, group)
    return _tree(named)


def edit_tree(tree: xr.DataTree, anchors: tuple[Anchor, ...]) -> xr.DataTree:
    """Return the tree with a person's anchors on each leaf that has an image."""
    leaves = leaf_datasets(tree)
    edited = {n: with_edits(leaf, anchors) if {"y", "x"} <= set(leaf.dims) else leaf for n, leaf in leaves.items()}
    return _tree(edited)


def _work(job: Job, part: Path, tell: Tell) -> None:
    recipe = Recipe.parse(job.recipe, "recipe.yaml")
    scratch = Path(job.out) / SCRATCH / job.group.name
    before = job.group.fingerprint()
    total = len(recipe.steps) + 2
    tell("read", 0, total)
    tree = edit_tree(read_group(recipe, job.group, scratch), job.anchors)
    checkpoints = _Checkpoints(scratch, tree)
    tree = run_steps(recipe, tree, tell, checkpoints)
    tell("write", total - 1, total)
    leaves = {name: _kept(leaf, recipe, checkpoints.measured) for name, leaf in leaf_datasets(tree).items()}
    for name, leaf in leaves.items():
        store.write_leaf(leaf, part / bundle.DATA, name)
    opened = store.open_leaves(part / bundle.DATA)
    written = {name: opened[name][list(leaf.data_vars)] for name, leaf in leaves.items()}  # nor have variables
    for name, table in group_tables(written, job.group.name, job.group.fields, job.group.units).items():
        with store.disk_errors(part):
            write_table(table, part / "tables", name)
    if exportable(_tree(written)):
        export_group(_tree(written), part / "nexus" / f"{job.group.name}.nxs", job.group.fields)
    if job.group.fingerprint() != before:
        raise ReadError("changed while it was read.", file=job.group.files[0].shown, remedy="run again with --resume.")
    bundle.write_json(part / "run.json", _record(job, leaves))
    tell("done", total, total)


def _tree(leaves: Mapping[str, xr.Dataset]) -> xr.DataTree:
    return xr.DataTree.from_dict({f"/{name}": leaf for name, leaf in leaves.items()})


class _Checkpoints:
    """Stores what measuring steps read, so that nothing upstream is computed twice."""

    def __init__(self, scratch: Path, read: xr.DataTree) -> None:
        self.scratch = scratch
        self.stored = {_graph(array) for leaf in leaf_datasets(read).values() for array in leaf.data_vars.values()}
        self.measured: set[str] = set()
        self.before: dict[str, set[str]] = {}
        self.number = 0

    def persist(self, call: Call, tree: xr.DataTree) -> xr.DataTree:
        wanted = {call.source(v.name) for v in call.step.variables if v.named}
        leaves = leaf_datasets(tree)
        self.before = {name: set(map(str, leaf.data_vars)) for name, leaf in leaves.items()}
        self.measured |= wanted | {name for leaf in leaves.values() for name in _taken_whole(call, leaf)}
        stored = {name: self._stored(leaf, wanted) for name, leaf in leaves.items()}
        return _tree(stored)

    def note_results(self, tree: xr.DataTree) -> None:
        """Count what a measuring step has added to what is kept, also what it left lazy."""
        for name, leaf in leaf_datasets(tree).items():
            self.measured |= set(map(str, leaf.data_vars)) - self.before.get(name, set())

    def _stored(self, leaf: xr.Dataset, wanted: set[str]) -> xr.Dataset:
        derived = [n for n in leaf.data_vars if n in wanted and leaf[n].chunks and _graph(leaf[n]) not in self.stored]
        if not derived:
            return leaf
        self.number += 1
        place = self.scratch / f"checkpoint_{self.number}.zarr"
        store.write_leaf(leaf[derived], place, "leaf")
        again = store.open_leaf(place, "leaf")
        self.stored |= {_graph(again[n]) for n in derived}
        return leaf.assign({n: again[n] for n in derived})


def _taken_whole(call: Call, leaf: xr.Dataset) -> set[str]:
    """Return the arrays of a leaf that a step measures which takes all leaves together."""
    dims = [set(v.dims.required) for v in call.step.variables if v.whole_tree and v.dims is not None]
    return {str(name) for name, array in leaf.data_vars.items() if any(core <= set(array.dims) for core in dims)}


def _graph(array: xr.DataArray) -> str | None:
    """Return the name of the dask graph that an array stands for; None when it is in memory."""
    return array.data.name if array.chunks else None


def _kept(leaf: xr.Dataset, recipe: Recipe, measured: set[str]) -> xr.Dataset:
    """Keep what the recipe names, what was measured, what it was measured on, and all numbers without dimension."""
    kept = measured | set(recipe.keep)
    return leaf.drop_vars([n for n, v in leaf.data_vars.items() if v.chunks and v.ndim and n not in kept])


def _read_role(files: list[InputFile], given: InputRole, scratch: Path | None) -> dict[str, xr.Dataset]:
    from imgpipe.readers import read, stack_leaves

    options: dict[str, Any] = {"pixel_size": given.pixel_size, "data_bar": given.data_bar, "timeout_s": given.timeout}
    options |= {"max_pixels": given.max_pixels} if given.max_pixels else {}
    trees = []
    for number, file in enumerate(files):
        place = scratch / f"{file.role or 'file'}_{number}" if scratch is not None else None
        try:
            tree = _admitted(read(Path(file.path), scratch=place, **options), given)
        except ImgpipeError as error:
            raise type(error)(error.message, file=file.shown, remedy=error.remedy) from error
        trees.append(tree)
    places: Any = [file.place for file in files]
    joined = trees[0] if given.stack is None else stack_leaves(trees, given.stack, places)
    shown = {"source_file": "; ".join(file.shown for file in files)}
    return {name: leaf.assign_attrs(shown) for name, leaf in leaf_datasets(joined).items()}


def _admitted(tree: xr.DataTree, given: InputRole) -> xr.DataTree:
    from imgpipe.readers import admit_spectrum
    from imgpipe.readers.admission import admit, tilt_flags

    leaves = leaf_datasets(tree)
    for name, leaf in leaves.items():
        found: list[str] = []
        if "image" in leaf and leaf.attrs.get("technique") != "edxs":
            found = [*admit(leaf, max_saturated=given.saturated), *tilt_flags(leaf)]
        elif "energy" in leaf.dims or leaf.attrs.get("technique") == "edxs":
            found = admit_spectrum(leaf)
        leaves[name] = leaf.assign_attrs(flags=joined_flags(str(leaf.attrs.get("flags", "")), *found))
    return _tree(leaves)


def _leaf_name(role: str, name: str, leaves: int) -> str:
    return name if not role else role if leaves == 1 else f"{role}/{name}"


def _with_fields(leaf: xr.Dataset, group: Group) -> xr.Dataset:
    columns = {
        name: xr.DataArray(value, attrs={"long_name": name}).astype(object)
        if isinstance(value, str)
        else quantity(float(value), group.units.get(name, "1"), name)
        for name, value in group.fields.items()
        if name not in leaf
    }
    return leaf.assign(columns)


def _refuse_unsound(leaves: Mapping[str, xr.Dataset], group: Group) -> None:
    faults = [f"{name}: {fault}" for name, leaf in leaves.items() for fault in check(leaf)]
    if faults:
        raise DataError("; ".join(faults) + ".", file=", ".join(file.shown for file in group.files))


def _record(job: Job, leaves: Mapping[str, xr.Dataset]) -> dict[str, Any]:
    provenance = {name: json.loads(leaf.attrs.get("provenance", "[]")) for name, leaf in leaves.items()}
    return {
        "imgpipe": __version__,
        "group": job.group.name,
        "fields": dict(job.group.fields),
        "inputs": [asdict(replace(file, path=file.shown)) for file in job.group.files],
        "fingerprint": job.group.fingerprint(),
        "key": job.key,
        "steps": provenance,
        "flags": sorted({f for leaf in leaves.values() for f in str(leaf.attrs.get("flags", "")).split("; ") if f}),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }


def _failed(job: Job, part: Path, error: ImgpipeError, started: float) -> Outcome:
    files = ", ".join(file.shown for file in job.group.files)
    named = type(error)(error.message, file=error.file or files, remedy=error.remedy)
    log.error("%s", named)
    with store.disk_errors(part):
        shutil.rmtree(part / bundle.DATA, ignore_errors=True)
        shutil.rmtree(part / "tables", ignore_errors=True)
        (part / "error.txt").write_text(f"{named}\n", encoding="utf-8")
    told = {
        "type": type(error).__name__,
        "file": named.file or "",
        "cause": error.message,
        "remedy": error.remedy or "",
    }
    return Outcome(job.group.name, "failed", time.perf_counter() - started, told)


def _silent(what: str, done: float, total: int) -> None:
    """Tell nobody."""


@contextmanager
def _logged(path: Path) -> Iterator[None]:
    """Write what imgpipe logs in this thread to a file."""
    handler = logging.FileHandler(path, encoding="utf-8", delay=False)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    thread = threading.get_ident()
    handler.addFilter(lambda record: record.thread == thread)
    root = logging.getLogger("imgpipe")
    level = root.level
    root.addHandler(handler)
    root.setLevel(min(level or logging.INFO, logging.INFO))
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
        handler.close()
