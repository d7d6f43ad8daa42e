"""What is not used is not loaded: `imgpipe --help` answers in under half a second."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest

import imgpipe

HEAVY = {
    "numpy",
    "xarray",
    "dask",
    "pandas",
    "zarr",
    "pint",
    "scipy",
    "numba",
    "matplotlib",
    "distributed",
    "skimage",
    "cv2",
    "hyperspy",
}


def loaded_by(code: str) -> set[str]:
    text = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    ).stdout
    return set(text.split()) & HEAVY


def cpu_seconds(*words: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "imgpipe.cli", *words], capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_help_takes_less_than_half_a_second():
    assert min(cpu_seconds("--help") for _ in range(3)) < 0.5


@pytest.mark.parametrize(
    "code", ["import imgpipe", "import imgpipe.cli", "from imgpipe import step", "import imgpipe.readers"]
)
def test_light_modules_load_nothing_heavy(code):
    assert loaded_by(code) == set()


def test_public_names_load_on_first_use():
    for name in imgpipe.__all__:
        assert getattr(imgpipe, name) is not None
    assert set(imgpipe.__all__) <= set(dir(imgpipe))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        imgpipe.nothing  # noqa: B018
    assert imgpipe.step.__name__ == "step"
