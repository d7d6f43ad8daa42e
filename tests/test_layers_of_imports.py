"""Who may import whom: each module may use what stands on a lower level, never up, never sideways between steps."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "imgpipe"
LEVELS: dict[str, int] = {
    "errors": 0, "units": 0, "spelling": 0, "rounding": 0,
    "kernels": 0,
    "model": 1, "step": 1, "patterns": 1, "located_yaml": 1,
    "blocks": 2, "phantoms": 2, "species": 2, "xrays": 2,
    "steps": 3, "edits": 3, "readers": 3, "exchange": 3,
    "binding": 4, "manual": 4,
    "recipe": 5,
    "grouping": 6, "store": 6, "tables": 6, "template": 6,
    "bundle": 7, "lock": 7, "nexus": 7, "key_numbers": 7,
    "one_group": 8,
    "processes": 9, "methods": 9,
    "cluster": 10,
    "figures": 10,
    "report": 11,
    "batch": 12,
    "summary_edxs": 12,
    "inspection": 13, "summary": 13, "progress": 13,
    "cli": 14, "napari": 14,
    "": 15,
}  # fmt: skip
"""Level of each room; a room may import rooms of a lower level, and itself."""
SAME_LEVEL = {("units", "errors"), ("model", "patterns"), ("template", "inspection"), ("bundle", "lock")}
"""Neighbours on one level that may know each other, one way."""
ALLOWED_UP = {
    ("template", "inspection"),  # `imgpipe new` fills a recipe from a file, inside a function
}  # fmt: skip
ONLY_IN = {
    "distributed": {"cluster", "batch"},
    "dask_jobqueue": {"cluster"},
    "qtpy": {"napari"}, "napari": {"napari"}, "magicgui": {"napari"}, "npe2": {"napari"},
    "typer": {"cli"},
    "rich": {"cli", "progress", "summary", "summary_edxs"},
    "matplotlib": {"figures", "report", "napari"},
    "rsciio": {"readers", "phantoms"}, "tifffile": {"readers", "phantoms"},
}  # fmt: skip
KERNELS_MAY = {"numpy", "scipy", "numba", "skimage", "cv2", "cc3d", "llvmlite"}


def room(module: str) -> str:
    """Return the room of a module: ``imgpipe.steps.image`` -> ``steps``."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        yield ".".join(part for part in parts if part != "__init__"), ast.parse(path.read_text(encoding="utf-8"))


def imports(tree: ast.AST) -> Iterator[str]:
    """Yield every imported module, also inside functions and under TYPE_CHECKING."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names = (f"imgpipe.{alias.name}" for alias in node.names)
            yield from names if node.module == "imgpipe" else [node.module or "."]


MODULES = dict(modules())


def test_every_room_has_a_level():
    assert {room(module) for module in MODULES} <= set(LEVELS)


@pytest.mark.parametrize("module", MODULES)
def test_nobody_imports_up(module):
    here = room(module)
    for name in imports(MODULES[module]):
        if name.split(".")[0] != "imgpipe" or name in ("imgpipe", "imgpipe.__version__"):
            continue
        there = room(name)
        allowed = there == here or LEVELS[there] < LEVELS[here] or {(here, there)} & (SAME_LEVEL | ALLOWED_UP)
        assert allowed, f"{module} imports {name}: {here or 'imgpipe'} stands below or beside {there}"


@pytest.mark.parametrize("module", [name for name in MODULES if room(name) == "steps" and name != "imgpipe.steps"])
def test_steps_never_import_other_techniques(module):
    family = module.split(".")[2]
    for name in imports(MODULES[module]):
        if room(name) == "steps" and name.startswith("imgpipe.steps."):
            assert name.split(".")[2] == family, f"{module} imports {name}; what steps share is a kernel"


@pytest.mark.parametrize("module", [name for name in MODULES if room(name) == "readers"])
def test_readers_never_import_steps_and_steps_never_read(module):
    assert not [name for name in imports(MODULES[module]) if room(name) in ("steps", "recipe", "batch")]


@pytest.mark.parametrize("module", [name for name in MODULES if room(name) == "kernels"])
def test_kernels_know_numbers_only(module):
    import sys

    outside = {name.split(".")[0] for name in imports(MODULES[module])} - {"imgpipe"}
    assert outside - set(sys.stdlib_module_names) <= KERNELS_MAY


@pytest.mark.parametrize("library", ONLY_IN)
def test_heavy_libraries_have_one_room(library):
    users = {room(module) for module, tree in MODULES.items() if library in {n.split(".")[0] for n in imports(tree)}}
    assert users <= ONLY_IN[library]


@pytest.mark.parametrize("module", MODULES)
def test_nothing_dangerous_is_used(module):
    names = {node.id for node in ast.walk(MODULES[module]) if isinstance(node, ast.Name)}
    assert not names & {"eval", "exec", "__import__"}
    assert not {name.split(".")[0] for name in imports(MODULES[module])} & {
        "pickle",
        "dill",
        "cloudpickle",
        "shelve",
        "marshal",
    }
    bare = [node for node in ast.walk(MODULES[module]) if isinstance(node, ast.ExceptHandler) and node.type is None]
    assert not bare
