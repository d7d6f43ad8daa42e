"""The one way to declare a step: a pure function whose signature says everything.

Positional parameters are variables, keyword-only parameters are settings. Units, dimensions and what
comes out stand in the annotations; the docstring is the manual. From this one signature come the
input check, the strict validation, the recipe schema, the command-line help, the napari form, the
commented recipe and the reference page.
"""

from __future__ import annotations

import functools
import inspect
import re
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Generic, ParamSpec, TypeVar, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model

from imgpipe.units import Dims, Gives, Unit, parse_quantity

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Variable:
    """One positional parameter of a step: a variable of the leaf, the whole leaf, or all leaves."""

    name: str
    unit: Unit | None = None
    dims: Dims | None = None
    optional: bool = False
    many: bool = False
    whole_leaf: bool = False
    whole_tree: bool = False

    @property
    def named(self) -> bool:
        """Tell whether it is one variable of a leaf."""
        return not (self.whole_leaf or self.whole_tree)


@dataclass(frozen=True, eq=False)
class Step(Generic[P, R]):
    """A step: the plain function, and what its signature declares.

    Calling a step calls the function. `version` rises when its numbers change; a step that `measures`
    computes (tables, labels, thresholds), any other builds lazily. `warm_up` names what compiles its kernels; `check`
    is called with the settings of a recipe before any file is opened.
    """

    function: Callable[P, R]
    version: int = 1
    measures: bool = False
    warm_up: str = ""
    check: Callable[[Any], None] | None = None

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function."""
        return self.function(*args, **kwargs)

    @property
    def name(self) -> str:
        """Name in recipes."""
        return self.function.__name__

    @property
    def doc(self) -> str:
        """Manual: the docstring."""
        return inspect.cleandoc(self.function.__doc__ or "")

    @property
    def summary(self) -> str:
        """First line of the manual."""
        return self.doc.split("\n", 1)[0]

    @functools.cached_property
    def hints(self) -> dict[str, Any]:
        """Annotations, with their markers."""
        return get_type_hints(self.function, include_extras=True)

    @functools.cached_property
    def variables(self) -> tuple[Variable, ...]:
        """Positional parameters, in order."""
        parameters = inspect.signature(self.function).parameters.values()
        return tuple(_variable(p, self.hints[p.name]) for p in parameters if p.kind is not p.KEYWORD_ONLY)

    @functools.cached_property
    def settings(self) -> type[BaseModel]:
        """Keyword-only parameters as a strict pydantic model; lengths and angles take text with a unit."""
        manual = parameter_texts(self.doc)
        fields: dict[str, Any] = {}
        for p in inspect.signature(self.function).parameters.values():
            if p.kind is p.KEYWORD_ONLY:
                default = ... if p.default is p.empty else p.default
                described = Field(default, description=manual.get(p.name, ""))
                fields[p.name] = (accept_text(self.hints[p.name]), described)
        return create_model(
            self.name, __config__=ConfigDict(extra="forbid", strict=True, allow_inf_nan=False), **fields
        )

    @functools.cached_property
    def gives(self) -> Gives:
        """What comes out, so far as declared."""
        return next((m for m in _markers(self.hints.get("return")) if isinstance(m, Gives)), Gives())

    @property
    def setting_units(self) -> dict[str, str]:
        """Unit of each setting that has one."""
        found = {name: unit_marker(self.hints[name]) for name in self.settings.model_fields}
        return {name: unit.canonical for name, unit in found.items() if unit is not None}


def step(
    *, version: int = 1, measures: bool = False, warm_up: str = "", check: Callable[[Any], None] | None = None
) -> Callable[[Callable[P, R]], Step[P, R]]:
    """Declare a function as a step.

    Parameters
    ----------
    version : rises when the numbers of the step change
    measures : the step computes (tables, labels, thresholds); without it, nothing may be computed
    warm_up : ``module:function`` that compiles what the step needs; called once before several workers start, so that
        they find the machine code on disk
    check : called with the validated settings when a recipe is read; raises `DataError` for what its own limits can't
        say: names that are not known, settings that contradict each other
    """

    def declare(function: Callable[P, R]) -> Step[P, R]:
        return Step(function, version=version, measures=measures, warm_up=warm_up, check=check)

    return declare


def accept_text(annotation: Any) -> Any:
    """Return the annotation with each `Unit` marker turned into a validator that reads "200 nm"."""
    if isinstance(annotation, types.UnionType) or get_origin(annotation) is Union:
        return Union[tuple(accept_text(part) for part in get_args(annotation))]  # noqa: UP007 - built at run time
    if get_origin(annotation) is not Annotated:
        return annotation
    plain, *markers = get_args(annotation)
    unit = next((m for m in markers if isinstance(m, Unit)), None)
    if unit is None:
        return annotation
    rest = [m for m in markers if m is not unit]
    read = BeforeValidator(functools.partial(_read_number, unit=unit.canonical))
    shown = Field(json_schema_extra={"unit": unit.canonical})
    return Annotated[(plain, *rest, read, shown)]


def unit_marker(annotation: Any) -> Unit | None:
    """Return the `Unit` of an annotation, also inside ``X | None``."""
    if isinstance(annotation, types.UnionType) or get_origin(annotation) is Union:
        return next((u for part in get_args(annotation) if (u := unit_marker(part)) is not None), None)
    return next((m for m in _markers(annotation) if isinstance(m, Unit)), None)


def parameter_texts(doc: str) -> dict[str, str]:
    """Return what a numpydoc docstring says of each parameter, on one line each."""
    section = re.search(r"^Parameters\n-+\n(.*?)(?=^\S[^\n]*\n-{3,}\n|\Z)", doc, re.MULTILINE | re.DOTALL)
    found: dict[str, str] = {}
    names: list[str] = []
    for line in section[1].splitlines() if section else []:
        head = re.match(r"^(\*{0,2}\w+(?:, \*{0,2}\w+)*) :\s*(.*)$", line)
        if head:
            names = [name.strip().lstrip("*") for name in head[1].split(",")]
            found.update(dict.fromkeys(names, head[2]))
        elif line.strip():
            found.update({name: f"{found[name]} {line.strip()}" for name in names})
    return found


def _read_number(value: Any, unit: str) -> Any:
    if not isinstance(value, str):
        return value
    from imgpipe.errors import UnitError

    try:
        return parse_quantity(value, unit)
    except UnitError as error:
        raise ValueError(str(error)) from None


def _markers(annotation: Any) -> tuple[Any, ...]:
    if isinstance(annotation, types.UnionType) or get_origin(annotation) is Union:
        return tuple(m for part in get_args(annotation) for m in _markers(part))
    return tuple(get_args(annotation)[1:]) if get_origin(annotation) is Annotated else ()


def _plain(annotation: Any) -> set[Any]:
    if isinstance(annotation, types.UnionType) or get_origin(annotation) is Union:
        return {p for part in get_args(annotation) for p in _plain(part)}
    return {get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation}


def _variable(parameter: inspect.Parameter, annotation: Any) -> Variable:
    marks = _markers(annotation)
    kinds = {getattr(kind, "__name__", "") for kind in _plain(annotation)}
    return Variable(
        name=parameter.name,
        unit=next((m for m in marks if isinstance(m, Unit)), None),
        dims=next((m for m in marks if isinstance(m, Dims)), None),
        optional=parameter.default is not parameter.empty,
        many=parameter.kind is parameter.VAR_POSITIONAL,
        whole_leaf="Dataset" in kinds,
        whole_tree="DataTree" in kinds,
    )
