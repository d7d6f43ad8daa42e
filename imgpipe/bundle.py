"""The result folder: written group by group, complete or visibly not, and checked when it is opened.

A group is written to ``NAME.part/``, flushed to disk, renamed whole, and marked last with ``COMPLETE``: a JSON
manifest of every file with size and SHA-256. Nothing without that marker counts as a result.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xarray as xr

from imgpipe.errors import DataError, OutputError
from imgpipe.grouping import safe_name
from imgpipe.store import disk_errors, open_leaves

if TYPE_CHECKING:
    import pandas as pd

MARKER = "COMPLETE"
PART = ".part"
DATA = "data.zarr"
SAVED = "# The recipe as it ran, written by imgpipe."
"""First line of the recipe in a result folder: such a folder is ours."""
TOP = (
    "run.json", "recipe.yaml", "edits.yaml", "summary.csv", "failures.jsonl", "report.html", "methods.txt", "tables",
    "figures", ".lock", ".scratch",
)  # fmt: skip
"""What stands in a result folder besides the groups."""
LATE = ("figures",)
"""Folders of a group that are drawn after it is complete, from what is in it."""


@dataclass(frozen=True)
class Damage:
    """One fault of a result folder."""

    path: str
    fault: str

    def __str__(self) -> str:
        """Return one line."""
        return f"{self.path}: {self.fault}"


@dataclass(frozen=True)
class Bundle:
    """A result folder on disk. `open_bundle` makes one."""

    path: Path

    @property
    def groups(self) -> list[str]:
        """Names of the complete groups, sorted."""
        return sorted(p.parent.name for p in self.path.glob(f"*/{MARKER}") if not p.parent.name.endswith(PART))

    @property
    def info(self) -> dict[str, Any]:
        """What run.json says: versions, times, groups."""
        return dict(_json(self.path / "run.json"))

    @property
    def recipe_text(self) -> str:
        """Recipe as it ran, every setting written out."""
        return (self.path / "recipe.yaml").read_text(encoding="utf-8")

    @property
    def failures(self) -> list[dict[str, Any]]:
        """What failed: group, files, error, remedy."""
        path = self.path / "failures.jsonl"
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []

    def group_info(self, group: str) -> dict[str, Any]:
        """Return what the group's run.json says."""
        return dict(_json(self.path / group / "run.json"))

    def tree(self, group: str) -> xr.DataTree:
        """Open the data of a group lazily; `OutputError` when a file of it is missing or cut."""
        folder = self.path / group
        faults = list(_size_faults(folder))
        if faults:
            raise OutputError(str(faults[0]), remedy="run again with --resume after deleting this group's folder.")
        return xr.DataTree.from_dict({f"/{n}": leaf for n, leaf in open_leaves(folder / DATA).items()})

    def load(self, group: str) -> xr.DataTree:
        """Read all data of a group into memory; a damaged chunk is an `OutputError` that names it."""
        tree = self.tree(group)
        try:
            return tree.load()
        except (ValueError, RuntimeError) as error:
            damaged = [str(d) for d in _damage(self.path / group)]
            if not damaged:
                raise
            raise OutputError("; ".join(damaged), remedy="delete this group's folder, run with --resume.") from error

    def table(self, name: str) -> pd.DataFrame:
        """Read a table over all groups, such as ``layers``."""
        import pandas as pd

        path = self.path / "tables" / f"{name}.parquet"
        if not path.exists():
            known = sorted(p.stem for p in path.parent.glob("*.parquet"))
            raise OutputError(f"no table {name!r}; there are {', '.join(known) or 'none'}.", file=str(self.path))
        return pd.read_parquet(path)  # keeps the sample "007" and the layer "NA" as they are, which CSV would not

    def verify(self) -> list[Damage]:
        """Return every fault: missing, cut or changed files, unfinished groups. Empty means sound."""
        faults = [damage for group in self.groups for damage in _damage(self.path / group)]
        faults += [Damage(p.name, "unfinished group") for p in sorted(self.path.glob(f"*{PART}"))]
        if not (self.path / "run.json").exists():
            return [*faults, Damage("run.json", "missing: the run did not end")]
        info = self.info
        faults += [
            Damage(group, "missing") for group, one in info["groups"].items()
            if one["status"] == "done" and group not in self.groups
        ]  # fmt: skip
        return faults + list(_manifest_faults(self.path, info["manifest"]))


def open_bundle(path: str | Path) -> Bundle:
    """Open a result folder, finished or broken off; `OutputError` when it is none."""
    folder = Path(path)
    if not is_result(folder):
        raise OutputError("this is no result folder of imgpipe.", file=str(folder), remedy="name the folder of -o.")
    return Bundle(folder)


def is_result(folder: Path) -> bool:
    """Tell whether a folder holds a finished or broken-off result of imgpipe."""
    saved = folder / "recipe.yaml"
    return saved.is_file() and saved.read_bytes().startswith(SAVED.encode())


def strangers(folder: Path) -> list[str]:
    """Return what stands in a result folder that imgpipe did not put there."""
    return sorted(p.name for p in folder.iterdir() if p.name not in TOP and not _is_group(p))


def _is_group(path: Path) -> bool:
    return path.is_dir() and (path.name.endswith(PART) or any((path / name).exists() for name in (MARKER, DATA)))


def part_folder(out: Path, group: str) -> Path:
    """Make an empty folder in which a group is built; a leftover of an earlier run is cleared."""
    if safe_name(group) != group:
        raise DataError(f"{group!r} can't name a result.", remedy="rename the input file.")
    for path in (out / group, out / f"{group}{PART}"):
        if path.is_symlink():
            raise OutputError("a link stands where a result should go.", file=str(path), remedy="remove the link.")
    part = out / f"{group}{PART}"
    with disk_errors(part):
        remove(part)
        part.mkdir(parents=True)
    return part


def remove(path: Path) -> None:
    """Delete a file, a link or a folder that may be there; what a link leads to is left alone."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def finish_group(part: Path, key: str) -> Path:
    """Flush a built group to disk, rename it to its final name, and mark it complete last."""
    final = part.with_name(part.name.removesuffix(PART))
    with disk_errors(final):
        listing = manifest(part, sorted(p for p in part.rglob("*") if p.is_file()))
        _flush(part)
        remove(final)
        part.rename(final)
        _flush_folder(final.parent)
        write_json(final / MARKER, {"key": key, "files": listing})
    return final


def group_key(folder: Path) -> str | None:
    """Return the key under which a group was completed, or None when it was not."""
    marker = folder / MARKER
    return str(_json(marker)["key"]) if marker.is_file() else None


def manifest(base: Path, files: Iterable[Path]) -> dict[str, dict[str, Any]]:
    """Return size and SHA-256 of files, by their path relative to `base`."""
    return {f.relative_to(base).as_posix(): {"size": f.stat().st_size, "sha256": _sha256(f)} for f in files}


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write JSON so that the file is whole or absent: temporary name, flush, rename."""
    with disk_errors(path):
        temporary = path.with_name(path.name + ".tmp")
        with temporary.open("w", encoding="utf-8", newline="\n") as stream:
            json.dump(value, stream, indent=1, sort_keys=True, ensure_ascii=False)
            stream.write("\n")
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
        _flush_folder(path.parent)


def _json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise OutputError("missing.", file=str(path)) from None
    except (ValueError, UnicodeDecodeError) as error:
        raise OutputError(f"damaged ({error}).", file=str(path)) from None


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _size_faults(folder: Path) -> Iterator[Damage]:
    for name, entry in _json(folder / MARKER)["files"].items():
        path, shown = folder / name, f"{folder.name}/{name}"
        if not path.is_file():
            yield Damage(shown, "missing")
        elif path.stat().st_size != entry["size"]:
            yield Damage(shown, f"has {path.stat().st_size} bytes, expected {entry['size']}")


def _damage(folder: Path) -> Iterator[Damage]:
    try:
        listing = _json(folder / MARKER)["files"]
    except OutputError as error:
        yield Damage(f"{folder.name}/{MARKER}", error.message)
        return
    yield from _manifest_faults(folder, listing, prefix=f"{folder.name}/")
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = path.relative_to(folder).as_posix()
        if name not in listing and name != MARKER and path.relative_to(folder).parts[0] not in LATE:
            yield Damage(f"{folder.name}/{name}", "is not part of the result")


def _manifest_faults(folder: Path, listing: Mapping[str, Any], prefix: str = "") -> Iterator[Damage]:
    for name, entry in listing.items():
        path = folder / name
        if not path.is_file():
            yield Damage(prefix + name, "missing")
        elif path.stat().st_size != entry["size"] or _sha256(path) != entry["sha256"]:
            yield Damage(prefix + name, "changed since it was written")


def _flush(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as stream:
                os.fsync(stream.fileno())
        else:
            _flush_folder(path)
    _flush_folder(folder)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
