"""What the dock asks of imgpipe: look at a file, measure it, save the result. No Qt, no numbers of its own."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import xarray as xr

from imgpipe import batch
from imgpipe.binding import leaf_datasets
from imgpipe.bundle import Bundle
from imgpipe.edits import Anchor, Edits
from imgpipe.errors import DataError, ImgpipeError
from imgpipe.grouping import find_groups
from imgpipe.napari.conversion import with_image
from imgpipe.one_group import Tell, read_group
from imgpipe.recipe import Recipe

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class View:
    """What there is to see of one group: its image with or without edges, and its tables.

    Attributes
    ----------
    leaf : the acquisition with `image` (..., y, x); after measuring also the edges (interface, x)
    tables : rows of this group, as the result folder holds them
    """

    path: Path
    group: str
    leaf: xr.Dataset
    tables: Mapping[str, pd.DataFrame]


def look(recipe: Recipe, path: Path) -> View:
    """Read an image as the recipe says, without measuring.

    Raises
    ------
    ImgpipeError
        with the text of the command line.
    """
    (group,) = find_groups(recipe, [path])
    return View(path, group.name, image_leaf(read_group(recipe, group)), {})


def measure(recipe: Recipe, path: Path, room: Room, tell: Tell) -> View:
    """Run a recipe on one image in a place of its own, by the same `batch.run` as on the command line.

    Parameters
    ----------
    tell : called before each step with its name and number; an exception that it raises stops the run

    Raises
    ------
    ImgpipeError
        what failures.jsonl says of the file, in the words of the command line.
    """
    out = room.fresh()
    result = batch.run(recipe, [path], out, report=False, watch=_watch(tell))
    (name,) = result.info["groups"]
    view = _view(result, name, path)
    room.keep(out)
    return view


def save(recipe: Recipe, path: Path, out: Path, tell: Tell) -> View:
    """Measure into a result folder: recipe, edits, tables, figures, report.

    In an existing result only what has changed is done again: the edits of this image replace those it had, the
    other images keep theirs. Run with another recipe, it is refused.
    """
    saved = out / "recipe.yaml"
    inputs: list[str | Path] = [path]
    if saved.exists():
        recipe, inputs = _joined(recipe, Recipe.load(saved), path)
    result = batch.run(recipe, inputs, out, resume=saved.exists(), watch=_watch(tell))
    return _view(result, group_of(recipe, inputs, path), path)


def with_anchors(edits: Edits, group: str, anchors: tuple[Anchor, ...]) -> Edits:
    """Return the edits with those of one group replaced; none leaves the group out."""
    others = {name: kept for name, kept in edits.groups.items() if name != group}
    return Edits({**others, group: anchors} if anchors else others)


def image_leaf(tree: xr.DataTree) -> xr.Dataset:
    """Return the first map of X-ray spectra, else the first acquisition with an image; `DataError` without any."""
    leaves = [with_image(leaf) for leaf in leaf_datasets(tree).values()]
    for leaf in sorted(leaves, key=lambda one: not {"counts", "intensity"} & set(one.data_vars)):
        if "image" in leaf and {"y", "x"} <= set(leaf["image"].dims):
            return leaf
    raise DataError(
        "there is no image and no map in this file.",
        remedy="open one with the dimensions y and x; `imgpipe run` measures spectra and line scans.",
    )


class Room:
    """A temporary folder for runs that nobody saves; it goes with its owner."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="imgpipe-viewer-"))
        self.number = 0
        self.kept: list[Path] = []
        self.clear = weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)

    def fresh(self) -> Path:
        """Return the place of a new run."""
        self.number += 1
        return self.path / str(self.number)

    def keep(self, run: Path) -> None:
        """Keep a run that succeeded, and the one before it, which is still on the screen; drop all others."""
        self.kept = [*self.kept[-1:], run]
        for other in self.path.iterdir():
            if other not in self.kept:
                shutil.rmtree(other, ignore_errors=True)


def _joined(recipe: Recipe, saved: Recipe, path: Path) -> tuple[Recipe, list[str | Path]]:
    """Return the recipe with the edits of a saved result, and the images of that result with `path` among them."""
    files = {Path(file.path).resolve(): Path(file.path) for one in find_groups(saved) for file in one.files}
    inputs: list[str | Path] = [*files.values(), *([] if path.resolve() in files else [path.absolute()])]
    name = group_of(recipe, inputs, path)
    return replace(recipe, edits=with_anchors(saved.edits, name, recipe.edits.groups.get(name, ()))), inputs


def group_of(recipe: Recipe, inputs: Sequence[str | Path], path: Path) -> str:
    """Return the name of the group that a file belongs to."""
    groups = find_groups(recipe, inputs)
    return next(one.name for one in groups if any(Path(f.path).resolve() == path.resolve() for f in one.files))


def _view(result: Bundle, name: str, path: Path) -> View:
    failed = next((one for one in result.failures if one["group"] == name), None)
    if failed is not None:
        raise ImgpipeError(failed["cause"], file=failed["file"], remedy=failed["remedy"] or None)
    import pandas as pd

    files = sorted((result.path / name / "tables").glob("*.parquet"))
    return View(path, name, image_leaf(result.tree(name)), {file.stem: pd.read_parquet(file) for file in files})


def _watch(tell: Tell) -> batch.Watch:
    return batch.Watch(
        stage=lambda group, what, done, total: tell(what, done, total + 1), closing=lambda what: tell(what, 0, 0)
    )
