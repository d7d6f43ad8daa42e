"""Find input files and put them into groups by the fields of their names."""

from __future__ import annotations

import glob
import hashlib
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from imgpipe.errors import DataError, RecipeError
from imgpipe.patterns import Value
from imgpipe.readers import fingerprint
from imgpipe.recipe import InputRole, Recipe

_RESERVED_NAMES = {"CON", "PRN", "AUX", "NUL"} | {f"{p}{n}" for p in ("COM", "LPT") for n in range(1, 10)}
_OUR_NAMES = {
    "tables", "figures", "run.json", "recipe.yaml", "edits.yaml", "summary.csv", "failures.jsonl", "report.html",
    "methods.txt",
}  # fmt: skip


WITHOUT_FIELDS = "all"
"""Name of the only group where file names have no field but that of the stack."""
_COMPANIONS = ("-{}.hdr", ".hdr", ".txt", ".TXT", ".raw", ".RAW", ".spc", "_Img.ipr", "_1.ser", "_2.ser")
"""Endings of files that lie beside another, with its metadata or values (TESCAN, Hitachi, JEOL; RIPPLE, EDAX, TIA)."""


@dataclass(frozen=True)
class InputFile:
    """One file of a group: where it is, its role, its place in a stack, its path as tables show it."""

    path: str
    role: str
    shown: str
    place: Value | None = None


@dataclass(frozen=True)
class Group:
    """The unit of work, of failure and of resume: files that belong together, and what their names say."""

    name: str
    files: tuple[InputFile, ...]
    fields: Mapping[str, Value] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    lacking: tuple[str, ...] = ()

    def fingerprint(self) -> str:
        """Return a hash of names, roles and contents of the files, and of the metadata files beside them."""
        digest = hashlib.sha256()
        for file in self.files:
            path = Path(file.path)
            digest.update(f"{file.role}\0".encode() + os.fsencode(path.name) + b"\0" + _content_hash(path))
            beside = (path.with_name(path.stem + end.format(path.suffix.lstrip("."))) for end in _COMPANIONS)
            digest.update(b"".join(_content_hash(one) for one in beside if one != path and os.path.isfile(one)))
        return digest.hexdigest()


def _content_hash(path: Path) -> bytes:
    """Return a hash of the content; of the error where the file can't be read: the reader will say what is wrong."""
    try:
        if path.is_dir():
            return bytes.fromhex(fingerprint(path))
        with open(path, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").digest()
    except OSError as error:
        return hashlib.sha256(f"unreadable: {error.errno}".encode()).digest()


def find_groups(recipe: Recipe, inputs: Sequence[str | Path] = ()) -> list[Group]:
    """Return the groups that a recipe makes of files, folders and globs, in the order of their names.

    Without `inputs`, the recipe's own patterns are looked up relative to its folder.

    Raises
    ------
    RecipeError
        when an input does not exist, or matches no pattern.
    """
    files = list({(os.path.realpath(f.parent), f.name): f for f in _candidates(recipe, inputs)}.values())
    found = [(f, role, fields) for f in files for role, fields in [_matched(f, recipe.inputs)] if role is not None]
    if not found:
        patterns = ", ".join(repr(role.files) for role in recipe.inputs.values())
        shown = f"; looked at {len(files)} file(s), such as {files[0].name!r}" if files else ""
        raise RecipeError(f"no input file matches {patterns}{shown}.", remedy="mend the pattern or name other files.")
    root = Path(os.path.commonpath([f.parent for f, _, _ in found]))
    single = len(recipe.inputs) == 1 and next(iter(recipe.inputs.values())).stack is None
    return _single_groups(found, recipe, root) if single else _joined_groups(found, recipe, root)


Match = tuple[Path, str, dict[str, Value]]


def _matched(path: Path, roles: Mapping[str, InputRole]) -> tuple[str | None, dict[str, Value]]:
    fitting = [(role, fields) for role, given in roles.items() if (fields := given.pattern.match(path)) is not None]
    if len(fitting) > 1:
        names = ", ".join(role for role, _ in fitting)
        raise RecipeError(f"{path.name!r} fits several roles: {names}.", remedy="make the file patterns more telling.")
    return fitting[0] if fitting else (None, {})


def _candidates(recipe: Recipe, inputs: Sequence[str | Path]) -> Iterable[Path]:
    if not inputs:
        folders = {(recipe.folder / given.pattern.folder, given.pattern.tail) for given in recipe.inputs.values()}
        for folder, tail in sorted(folders):
            depth = len(PurePosixPath(tail).parts)
            yield from _listed(folder, depth)
        return
    for given in inputs:
        path = Path(given)
        if path.is_dir() and not _is_named_like_a_file(path, recipe):
            found = list(_listed(path, max(len(PurePosixPath(r.pattern.tail).parts) for r in recipe.inputs.values())))
        elif os.path.lexists(path):
            found = [path.absolute()]
        else:
            found = [Path(p).absolute() for p in sorted(glob.glob(str(given), recursive=True))]
        if not found:
            raise RecipeError(f"{given}: there is no such file or folder, and no file matches it.")
        if not any(_matched(f, recipe.inputs)[0] is not None for f in found):
            patterns = ", ".join(repr(role.files) for role in recipe.inputs.values())
            raise RecipeError(f"{given}: nothing here matches {patterns}.", remedy="mend the pattern in the recipe.")
        yield from found


def _is_named_like_a_file(path: Path, recipe: Recipe) -> bool:
    return _matched(path.absolute(), recipe.inputs)[0] is not None


def _listed(folder: Path, depth: int) -> Iterable[Path]:
    base = folder.absolute()
    if not base.is_dir():
        raise RecipeError(f"{folder}: there is no such folder.", remedy="name the input files after the recipe.")
    found = sorted(p for n in range(1, depth + 1) for p in base.glob("/".join(["*"] * n)))
    return [p for p in found if not any(part.startswith(".") for part in p.relative_to(base).parts)]


def _single_groups(found: Sequence[Match], recipe: Recipe, root: Path) -> list[Group]:
    units = next(iter(recipe.inputs.values())).units
    ordered = sorted(found, key=lambda one: str(one[0]))
    names = _names([f for f, _, _ in ordered], root)
    return [Group(names[f], (InputFile(str(f), role, _shown(f, root)),), fields, units) for f, role, fields in ordered]


def _joined_groups(found: Sequence[Match], recipe: Recipe, root: Path) -> list[Group]:
    stacked = {given.stack for given in recipe.inputs.values() if given.stack is not None}
    common = set.intersection(*(set(given.pattern.fields) for given in recipe.inputs.values())) - stacked
    ordered = [n for n in next(iter(recipe.inputs.values())).pattern.fields if n in common]
    groups: dict[tuple[Value, ...], list[Match]] = defaultdict(list)
    for f, role, fields in found:
        groups[tuple(fields[n] for n in ordered)].append((f, role, fields))
    units = {name: unit for given in recipe.inputs.values() for name, unit in given.units.items() if name in common}
    joined = [
        _joined_group(key, members, recipe, ordered, units, root) for key, members in sorted(groups.items(), key=str)
    ]
    for name, number in Counter(group.name.casefold() for group in joined).items():
        if number > 1:
            raise RecipeError(f"{number} groups of files would all be named {name!r}.", remedy="rename some files.")
    return joined


def _joined_group(
    key: tuple[Value, ...], members: list[Match], recipe: Recipe, names: list[str], units: Mapping[str, str], root: Path
) -> Group:
    files = []
    for f, role, fields in sorted(members, key=lambda one: str(one[0])):
        dim = recipe.inputs[role].stack
        files.append(InputFile(str(f), role, _shown(f, root), fields[dim] if dim else None))
    lacking = [role for role in recipe.inputs if role not in {file.role for file in files}]
    for role, number in Counter(file.role for file in files).items():
        if number > 1 and recipe.inputs[role].stack is None:
            shown = ", ".join(file.shown for file in files if file.role == role)
            raise RecipeError(f"role {role}: {number} files in one group ({shown}).", remedy="add `stack:` or a field.")
    name = safe_name("_".join(map(str, key)) or WITHOUT_FIELDS)
    fields = dict(zip(names, key, strict=True))
    ranked = tuple(sorted(files, key=lambda f: (f.role, "" if f.place is None else f.place)))
    return Group(name, ranked, fields, units, tuple(lacking))


def _names(files: Sequence[Path], root: Path) -> dict[Path, str]:
    """Return a name for each file's results: its stem, with as much before and behind as makes it unique."""
    makers = (
        lambda f: f.stem,
        lambda f: f.name.replace(".", "_"),
        lambda f: "__".join(f.relative_to(root).with_suffix("").parts),
        lambda f: "__".join(f.relative_to(root).parts).replace(".", "_"),
    )
    for maker in makers:
        try:
            names = {f: safe_name(maker(f)) for f in files}
        except DataError as error:
            raise RecipeError(error.message, file=error.file, remedy=error.remedy) from None
        if len({name.casefold() for name in names.values()}) == len(files):
            return names
    raise RecipeError("two input files would give results of the same name.", remedy="rename one of them.")


def _shown(path: Path, root: Path) -> str:
    return os.fsencode(path.relative_to(root)).decode("utf-8", "backslashreplace")


def safe_name(name: str) -> str:
    """Return a name that may stand on disk: no path, control or reserved characters, at most 120 bytes.

    Raises
    ------
    DataError
        when nothing usable is left, or the name is reserved (CON, NUL ..., or a part of the result folder).
    """
    name = os.fsencode(name).decode("utf-8", "backslashreplace")
    text = re.sub(r"[^\w.+=() -]+", "_", name, flags=re.UNICODE).strip(" .")
    if len(text.encode()) > 120:
        text = f"{text.encode()[:100].decode(errors='ignore')}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"
    ours = text.casefold() in _OUR_NAMES or text.casefold().endswith(".part")
    if not text or ours or text.split(".")[0].strip().upper() in _RESERVED_NAMES:
        raise DataError(f"{name!r} can't name a result.", remedy="rename the file.")
    return text
