"""Machine code on disk: found by the next process, never used after a change, safe with several cold processes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import imgpipe.kernels.fit as engine
from imgpipe.kernels.fit.machine_code import MARK, source_mark

SOURCES = Path(engine.__file__).parent
ONE_SHAPE = """
import numpy as np
from imgpipe.kernels.fit import SHAPES
value, _ = SHAPES["gaussian"](np.linspace(-1.0, 1.0, 8), np.array([0.1, 1.2]))
print(repr(float(value.sum())), sum(SHAPES["gaussian"].compiled.stats.cache_hits.values()))
"""
ONE_FIT = """
import numpy as np
from imgpipe.kernels.fit import Model, fit
from imgpipe.kernels.fit.batch import fit_batch
m = Model()
x = np.linspace(158.0, 172.0, 141)
s, q = m.segment(x), m.parameter("position", 160.0, 162.0)
m.term("gaussian", s, m.column("line"), [q, 1.2])
m.term("constant", s, m.column("floor"))
y = np.random.default_rng(0).poisson(50.0 + 500.0 * np.exp(-((x - 161.0) ** 2)))
found = fit(m.compile(), y, start=[161.2])
print(repr(float(found.q[0, 0])), sum(fit_batch().stats.cache_hits.values()))
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return the folder of a copy of the engine that has never been compiled."""
    for package in ("imgpipe", "imgpipe/kernels"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("")
    shutil.copytree(SOURCES, tmp_path / "imgpipe/kernels/fit", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def started(folder: Path, program: str) -> subprocess.Popen[str]:
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"} | {"PYTHONPATH": str(folder)}
    return subprocess.Popen(
        [sys.executable, "-c", program], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    )


def answers(*running: subprocess.Popen[str]) -> list[tuple[float, int]]:
    """Return the number each process printed, and how often it found machine code on disk."""
    told = [process.communicate(timeout=900)[0].split() for process in running]
    assert [process.returncode for process in running] == [0] * len(running)
    return [(float(number), int(hits)) for number, hits in told]


def change(folder: Path, file: str, before: str, after: str) -> None:
    path = folder / "imgpipe/kernels/fit" / file
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def check_all(folder: Path, program: str, file: str, before: str, after: str) -> None:
    """Start two cold processes at a time, a warm one, and one after a change of a function that is called within."""
    first, second = answers(started(folder, program), started(folder, program))
    assert first[0] == second[0]
    assert answers(started(folder, program)) == [(first[0], 1)]
    change(folder, file, before, after)
    ((changed, hits),) = answers(started(folder, program))
    assert hits == 0
    assert changed != first[0]


def test_a_shape_is_compiled_once_and_again_after_a_change_of_what_it_calls(copy):
    check_all(copy, ONE_SHAPE, "elementary.py", "(even + r * odd) *", "2.0 * (even + r * odd) *")


@pytest.mark.truth
def test_the_engine_is_compiled_once_and_again_after_a_change_of_what_it_calls(copy):
    check_all(copy, ONE_FIT, "linear.py", "right[i] = total / factor", "right[i] = 0.9 * total / factor")


def test_the_mark_belongs_to_every_source(copy):
    folder = copy / "imgpipe/kernels/fit"
    marks = {source_mark(folder)}
    assert marks == {MARK}
    for file in ("linear.py", "peaks.py", "machine_code.py"):
        with (folder / file).open("a") as text:
            text.write("# \n")
        marks.add(source_mark(folder))
    assert len(marks) == 4


def test_only_what_python_calls_is_kept():
    """Whatever else is kept could be loaded again after a change of what it calls."""
    for file in SOURCES.glob("*.py"):
        if file.name != "machine_code.py":
            assert "cache=True" not in file.read_text(), file.name
    kept = {path.name.split("-")[0] for path in (SOURCES / "__pycache__").glob(f"*{MARK}*.nbi")}
    entries = {f"batch._fit_batch_{MARK}", f"batch._evaluate_batch_{MARK}"}
    functions = {shape.function for shape in (*engine.SHAPES.values(), *engine.stack_shapes(3).values())}
    shapes = {f"{f.__module__.rsplit('.', 1)[1]}.{f.__name__}_{MARK}" for f in functions}
    assert kept <= entries | shapes
