"""Steps that use the fit engine name its warm-up, so that workers find machine code on disk instead of compiling."""

from __future__ import annotations

import ast
import functools
from pathlib import Path

import imgpipe
from imgpipe.batch import run
from imgpipe.kernels.fit import machine_code, warm_up
from imgpipe.steps import load_step, step_table

PACKAGE = Path(imgpipe.__file__).parent
EXAMPLES = PACKAGE.parent / "example_data/xps"
ENGINE = "imgpipe.kernels.fit.fitting"
RECIPE = """\
imgpipe: 1
title: two groups
inputs: {files: "published_{sample}.vms"}
steps:
  - fit_components:
      model: published_s2p
      background: shirley
      alternatives: false
      sensitivity: false
"""


def source_of(module: str) -> Path | None:
    place = PACKAGE.parent.joinpath(*module.split("."))
    found = (file for file in (place.with_suffix(".py"), place / "__init__.py") if file.exists())
    return next(found, None)


@functools.cache
def imports_of(module: str) -> frozenset[str]:
    """Return the modules of imgpipe that a module imports anywhere in it."""
    source = source_of(module)
    if source is None:
        return frozenset()
    tree = ast.walk(ast.parse(source.read_text(encoding="utf-8")))
    imports = [n for n in tree if isinstance(n, ast.ImportFrom) and (n.module or "").startswith("imgpipe")]
    named = [(str(n.module), alias.name) for n in imports for alias in n.names]
    return frozenset({m for m, _ in named} | {f"{m}.{name}" for m, name in named if source_of(f"{m}.{name}")})


def reached_from(module: str) -> set[str]:
    seen, waiting = set(), [module]
    while waiting:
        one = waiting.pop()
        if one not in seen:
            seen.add(one)
            waiting += imports_of(one)
    return seen


def test_steps_that_reach_the_engine_warm_it_up():
    steps = {name: load_step(name) for name in step_table() if step_table()[name].startswith("imgpipe.")}
    reaching = {name for name, step in steps.items() if ENGINE in reached_from(step.function.__module__)}
    warming = {name for name, step in steps.items() if step.warm_up == "imgpipe.kernels.fit:warm_up"}
    assert "fit_components" in reaching
    assert reaching == warming


def kept() -> dict[str, int]:
    """Return the machine code of this engine on disk, with the time of its last change."""
    folder = Path(machine_code.__file__).parent / "__pycache__"
    return {file.name: file.stat().st_mtime_ns for file in folder.glob(f"*{machine_code.MARK}*.nb?")}


def test_processes_find_the_machine_code_and_leave_it_alone(tmp_path):
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    files = [EXAMPLES / f"published_{sample}.vms" for sample in ("Cu", "W-Cu")]
    warm_up()
    before = kept()
    result = run(tmp_path / "recipe.yaml", files, tmp_path / "out", jobs=2, report=False)
    assert result.failures == []
    assert len(result.groups) == 2
    assert kept() == before
