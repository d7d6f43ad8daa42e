"""Recipes: a short YAML list of steps, checked whole before any file is opened."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from imgpipe.binding import Call
from imgpipe.edits import Edits, load_edits
from imgpipe.errors import ImgpipeError, RecipeError
from imgpipe.located_yaml import Located, load_located
from imgpipe.model import OBJECT_DIMS
from imgpipe.patterns import Pattern
from imgpipe.spelling import nearest
from imgpipe.step import Step, accept_text
from imgpipe.steps import STEPS, load_step
from imgpipe.units import Unit, spelling

VERSION = 1
FILES = "inputs.files"
"""What an override calls the pattern of the input files."""
RESERVED = ("at", "from", "as")
NAME = re.compile(r"[^\W\d][\w .+-]{0,60}(/[^\W\d][\w .+-]{0,60})?")
"""What may name a role, a leaf or a variable: they become folders of the result."""
READ = ("image", "counts", "intensity")
"""Variables that readers give."""
TAKEN = ("group", "leaf", *OBJECT_DIMS)
"""Columns that every table has already."""
KEYS = ("imgpipe", "title", "inputs", "steps", "keep", "study", "edits")
Length = accept_text(Annotated[float, Field(gt=0), Unit("nm")])


class InputRole(BaseModel):
    """One role of the inputs: which files, and what their names and pixels mean."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    files: str = Field(description="file-name pattern with fields, e.g. {sample}_{day:d}d.tif")
    units: dict[str, str] = Field(default_factory=dict, description="unit of each number field")
    stack: Literal["z", "time", "cycle", "signal", "sample"] | None = Field(
        None, description="dimension that a field of this name makes"
    )
    pixel_size: Length | None = Field(None, description="pixel size for files that carry none")  # type: ignore[valid-type]
    data_bar: Literal["auto", "none"] | int = Field("auto", description="data bar: auto, none, or rows to cut")
    saturated: Annotated[float, Field(ge=0, le=1)] = Field(0.05, description="largest share of saturated pixels")
    max_pixels: Annotated[int, Field(gt=0)] | None = Field(None, description="largest number of pixels that is opened")
    timeout: accept_text(Annotated[float, Field(gt=0), Unit("s")]) = Field(  # type: ignore[valid-type]
        120.0, description="longest time that reading one file may take"
    )

    @property
    def pattern(self) -> Pattern:
        """File-name pattern."""
        return Pattern(self.files)


def _is_one_role(value: Any) -> bool:
    """Tell whether inputs are `{files: PATTERN, ...}`: one kind of files that needs no name."""
    return isinstance(value, Mapping) and isinstance(value.get("files"), str)


def _short_form(value: Any) -> Any:
    if isinstance(value, str):
        return {"": {"files": value}}
    if _is_one_role(value):
        return {"": value}
    if isinstance(value, Mapping):
        return {role: {"files": given} if isinstance(given, str) else given for role, given in value.items()}
    return value


class Header(BaseModel):
    """Everything of a recipe but its steps."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    imgpipe: Literal[1]
    title: str = ""
    inputs: Annotated[dict[str, InputRole], BeforeValidator(_short_form)]
    keep: list[str] = Field(default_factory=list)
    edits: str | None = None


@dataclass(frozen=True)
class Recipe:
    """A recipe that has passed all checks. `Recipe.load` reads one; `dump` writes one that runs again."""

    title: str
    inputs: Mapping[str, InputRole]
    steps: tuple[Call, ...]
    keep: tuple[str, ...] = ()
    study: tuple[Call, ...] = ()
    edits: Edits = field(default_factory=Edits)
    folder: Path = Path()

    @classmethod
    def load(cls, path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
        """Read and check a recipe file; `overrides` are ``STEP[.N].setting=value`` texts, or ``inputs.files=PATTERN``.

        Raises
        ------
        RecipeError
            listing every fault with its line.
        """
        path = Path(path)
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not UTF-8 text"
            raise RecipeError(f"can't read this recipe: {reason}.", file=str(path)) from None
        return cls.parse(text, str(path), overrides, folder=path.parent)

    @classmethod
    def parse(
        cls, text: str, file: str = "recipe", overrides: Sequence[str] = (), *, folder: Path | None = None
    ) -> Recipe:
        """Check recipe text; see `load`."""
        located = load_located(text, file)
        if not isinstance(located.value, dict):
            raise RecipeError("a recipe is a mapping with the keys imgpipe, inputs and steps.", file=file)
        faults = [fault for text in overrides for fault in _override(located.value, text)]
        header = _header(located, faults)
        steps = tuple(_calls(located, "steps", faults))
        study = tuple(_calls(located, "study", faults))
        if not located.value.get("steps"):
            faults.append("there are no steps")
        if header is not None:
            faults += _input_faults(header, located)
            faults += [] if faults else _order_faults(steps)
        edits = _edits(header, folder or Path(), faults)
        if faults or header is None:
            raise RecipeError("\n  ".join([f"{len(faults)} fault(s):", *faults]), file=file)
        return cls(header.title, header.inputs, steps, tuple(header.keep), study, edits, folder or Path())

    def dump(self, *, files: Mapping[str, str] | None = None, edits: str | None = None) -> str:
        """Return YAML that runs again and gives the same numbers: overrides applied, every setting written out.

        Parameters
        ----------
        files : pattern to write for a role in place of its own (the recipe may lie elsewhere now)
        edits : name of the edits file to write
        """
        roles = {
            role: given.model_dump(mode="json", exclude_defaults=True) | {"files": (files or {}).get(role, given.files)}
            for role, given in self.inputs.items()
        }
        text: dict[str, Any] = {"imgpipe": VERSION, "title": self.title}
        text["inputs"] = _shortest(roles)
        text["steps"] = [dump_call(call) for call in self.steps]
        text |= {"keep": list(self.keep)} if self.keep else {}
        text |= {"study": [dump_call(call) for call in self.study]} if self.study else {}
        text |= {"edits": edits} if edits else {}
        return yaml.safe_dump(text, sort_keys=False, allow_unicode=True, width=110)


def _shortest(roles: dict[str, dict[str, Any]]) -> Any:
    if set(roles) != {""}:
        return roles
    return roles[""]["files"] if set(roles[""]) == {"files"} else roles[""]


def dump_call(call: Call) -> dict[str, Any]:
    """Return a step as a recipe writes it, with every setting."""
    words: dict[str, Any] = call.settings.model_dump(mode="json")
    words |= {"at": list(call.at)} if call.at else {}
    words |= {"from": dict(call.sources)} if call.sources else {}
    words |= {"as": call.result} if call.result else {}
    return {call.step.name: words}


def _header(located: Located, faults: list[str]) -> Header | None:
    for key in located.value:
        if key not in KEYS:
            faults.append(f"line {located.line(key)}: unknown key {key!r}{nearest(str(key), KEYS)}")
    known = {key: located.value[key] for key in Header.model_fields if key in located.value}
    try:
        return Header(**known)
    except ValidationError as error:
        faults += [_pydantic_fault(one, located, (), InputRole.model_fields) for one in error.errors()]
        return None


def _edits(header: Header | None, folder: Path, faults: list[str]) -> Edits:
    if header is None or not header.edits:
        return Edits()
    try:
        return load_edits(folder / header.edits)
    except RecipeError as error:
        faults.append(f"edits: {error}")
        return Edits()


def _pydantic_fault(error: Any, located: Located, before: tuple[str | int, ...], known: Mapping[str, Any]) -> str:
    place = (*before, *error["loc"])
    name = ".".join(str(part) for part in error["loc"] if part != "")
    if error["type"] == "extra_forbidden":
        return f"line {located.line(*place)}: unknown setting {name!r}{nearest(str(error['loc'][-1]), known)}"
    message = error["msg"].removeprefix("Value error, ")
    shown = "" if error["type"] == "missing" else f", found {error['input']!r}"
    return f"line {located.line(*place)}: {name}: {message}{shown}"


def _calls(located: Located, section: str, faults: list[str]) -> Iterator[Call]:
    entries = located.value.get(section) or []
    if not isinstance(entries, list):
        faults.append(f"line {located.line(section)}: {section} is a list: `- name: {{setting: value}}`")
        return
    for number, entry in enumerate(entries):
        line = located.line(section, number)
        if isinstance(entry, str):
            entry = {entry: {}}
        if not isinstance(entry, dict) or len(entry) != 1:
            faults.append(f"line {line}: expected one step, `- name: {{setting: value}}`, found {entry!r}")
            continue
        ((name, words),) = entry.items()
        call = _call(str(name), words or {}, line, (section, number, str(name)), located, faults)
        if call is not None:
            yield call


def _call(
    name: str, words: Any, line: int, place: tuple[str | int, ...], located: Located, faults: list[str]
) -> Call | None:
    try:
        step = load_step(name)
    except RecipeError as error:
        faults.append(f"line {line}: {error.message}")
        return None
    if not isinstance(words, dict):
        faults.append(f"line {line}: {name}: settings are `{{setting: value}}`, found {words!r}")
        return None
    before = len(faults)
    faults += [f"line {located.line(*place, word)}: {name}: {fault}" for word, fault in _word_faults(words)]
    at = words.get("at", [])
    sources = words.get("from", {})
    variables = {v.name for v in step.variables}
    if not isinstance(sources, dict) or not all(isinstance(v, str) for v in sources.values()):
        faults.append(f"line {line}: {name}: `from` is `{{parameter: variable}}`, found {sources!r}")
        sources = {}
    faults += [
        f"line {located.line(*place, 'from', key)}: {name} has no variable {key!r}{nearest(str(key), variables)}"
        for key in sources
        if key not in variables
    ]
    try:
        settings = step.settings(**{str(k): v for k, v in words.items() if k not in RESERVED})
    except ValidationError as error:
        faults += [_pydantic_fault(one, located, place, step.settings.model_fields) for one in error.errors()]
        return None
    faults += [f"line {line}: {name}: {fault}" for fault in _contradictions(step, settings)]
    if len(faults) > before:
        return None
    leaves = (at,) if isinstance(at, str) else tuple(at)
    return Call(step, settings, leaves, sources, words.get("as"), line)


def _contradictions(step: Step[Any, Any], settings: BaseModel) -> Iterator[str]:
    """Yield what the step itself has against its settings."""
    if step.check is None:
        return
    try:
        step.check(settings)
    except ImgpipeError as error:
        yield str(error)
    except ValidationError as error:
        yield from (one["msg"].removeprefix("Value error, ") for one in error.errors())


def _word_faults(words: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    at, result = words.get("at", []), words.get("as")
    if not isinstance(at, str) and not (isinstance(at, list) and all(isinstance(one, str) for one in at)):
        yield "at", f"`at` is a name, a list or a glob of leaves, found {at!r}"
    if "as" in words and not (isinstance(result, str) and NAME.fullmatch(result)):
        yield "as", f"`as` is a name such as `modulus_profile`, found {result!r}"


def _input_faults(header: Header, located: Located) -> Iterator[str]:
    for role, given in header.inputs.items():
        line = located.line("inputs", role)
        if not NAME.fullmatch(role) and not (
            isinstance(located.value["inputs"], str) or _is_one_role(located.value["inputs"])
        ):
            yield f"line {line}: {role!r} can't name a role: letters, digits, _ + - . only, a letter first"
        try:
            fields = set(given.pattern.fields)
        except RecipeError as error:
            yield f"line {line}: {error.message}"
            continue
        yield from (f"line {line}: the field {{{name}}} is a column already; rename it" for name in fields & set(TAKEN))
        for name, unit in given.units.items():
            if name in fields and name not in given.pattern.numeric_fields:
                yield f"line {line}: units: {name!r} is a text; write {{{name}:g}} in the pattern if it is a number"
            if name not in fields:
                yield f"line {line}: units: the pattern has no field {name!r}{nearest(name, fields)}"
            try:
                spelling(unit)
            except ImgpipeError as error:
                yield f"line {line}: units: {error.message}"
        if given.stack is not None and given.stack not in fields:
            yield f"line {line}: stack: {given.stack}: the pattern needs a field {{{given.stack}}}"


def _order_faults(steps: Sequence[Call]) -> Iterator[str]:
    """Follow names through the recipe: a variable must not be used before the step that gives it."""
    for number, call in enumerate(steps):
        earlier = {name for one in steps[:number] for name in one.step.gives.units}
        for variable in call.step.variables:
            name = call.source(variable.name)
            if variable.optional or not variable.named or variable.many or name in earlier or name in READ:
                continue
            givers = [one.step.name for one in steps[number:] if name in _made_new(one.step)]
            if givers:
                yield f"line {call.line}: {call.step.name} needs {name!r}, which {givers[0]} gives only later"
            elif name in _step_outputs():
                yield f"line {call.line}: {call.step.name} needs {name!r}; put {_step_outputs()[name]} before it"


def _step_outputs() -> dict[str, str]:
    return {name: step for step in STEPS for name in _made_new(load_step(step))}


def _made_new(step: Step[Any, Any]) -> set[str]:
    """Return what a step gives that it does not need itself."""
    return set(step.gives.units) - {variable.name for variable in step.variables}


def _override(value: dict[str, Any], text: str) -> Iterator[str]:
    """Change one setting in place; yield what is wrong with the text."""
    place, found, new = text.partition("=")
    if place.strip() == FILES:
        yield from _override_files(value, new.strip())
        return
    name, *number, setting = place.strip().split(".") if place.count(".") in (1, 2) else ("", "")
    if not found or not name or not setting:
        yield f"--set {text!r}: expected STEP.setting=value or STEP.N.setting=value"
        return
    entries = _entries(value, name)
    if not entries:
        yield f"--set {text!r}: the recipe has no step {name!r}{nearest(name, _names_in(value))}"
    elif not number and len(entries) > 1:
        yield f"--set {text!r}: {name} occurs {len(entries)} times; say {name}.1 ..."
    elif number and number[0] not in map(str, range(1, len(entries) + 1)):
        yield f"--set {text!r}: N counts the {len(entries)} occurrence(s) of {name} from 1"
    else:
        try:
            changed = load_located(new, f"--set {text}").value if new.strip() else None
        except RecipeError as error:
            yield str(error)
            return
        entries[int(number[0]) - 1 if number else 0][setting] = changed


def _override_files(value: dict[str, Any], pattern: str) -> Iterator[str]:
    """Give the one kind of input files another pattern."""
    given = value.get("inputs")
    if isinstance(given, str):
        value["inputs"] = pattern
    elif isinstance(given, dict) and _is_one_role(given):
        value["inputs"] = {**given, "files": pattern}
    else:
        yield f"--set {FILES}: the recipe has several kinds of files: change the recipe itself"


def _names_in(value: Mapping[str, Any]) -> list[str]:
    return [str(next(iter(entry), "")) if isinstance(entry, dict) else str(entry) for entry in _list(value, "steps")]


def _entries(value: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Return the settings of each occurrence of a step, to be changed in place."""
    steps = _list(value, "steps")
    for number, entry in enumerate(steps):
        if entry == name or entry == {name: None}:
            steps[number] = {name: {}}
    return [entry[name] for entry in steps if isinstance(entry, dict) and isinstance(entry.get(name), dict)]


def _list(value: Mapping[str, Any], section: str) -> list[Any]:
    found = value.get(section)
    return found if isinstance(found, list) else []
