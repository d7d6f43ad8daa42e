"""Load the species library: three YAML files of the package, and what a user adds."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from pydantic import ValidationError

from imgpipe.errors import DataError
from imgpipe.located_yaml import load_located
from imgpipe.species.entries import FitModel, Library
from imgpipe.spelling import nearest

PARTS = ("lines", "species", "models")


@functools.cache
def load_library() -> Library:
    """Return the library of the package.

    Raises
    ------
    RecipeError, DataError
        naming the file or the entry that is wrong.
    """
    folder = files("imgpipe.species") / "data"
    parts = {part: _yaml(folder / f"{part}.yaml", f"{part}.yaml") for part in PARTS}
    return _validated(parts)


def _yaml(file: Any, name: str) -> Any:
    return load_located(file.read_text(encoding="utf-8"), name).value


def extended(extra: Mapping[str, Any]) -> Library:
    """Return the library with the entries of a user added or replaced.

    Parameters
    ----------
    extra : ``{"lines": {...}, "species": {...}, "models": {...}}``, each part optional
    """
    unknown = sorted(set(extra) - set(PARTS))
    if unknown:
        raise DataError(f"species library: unknown part {unknown[0]!r}{nearest(unknown[0], PARTS)}.")
    own = load_library().model_dump()
    return _validated({part: {**own[part], **extra.get(part, {})} for part in PARTS})


def find_model(library: Library, name: str) -> FitModel:
    """Return a model by name; `DataError` with the nearest name when there is none."""
    if name not in library.models:
        raise DataError(f"unknown model {name!r}{nearest(name, library.models)}.")
    found = library.models[name]
    included = tuple(region for other in found.include for region in library.models[other].regions)
    return found.model_copy(update={"regions": (*included, *found.regions)})


def _validated(parts: Mapping[str, Any]) -> Library:
    try:
        return Library.model_validate(parts, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"])
        raise DataError(
            f"species library, {place or 'entries'}: {first['msg']} ({error.error_count()} fault(s))."
        ) from None
