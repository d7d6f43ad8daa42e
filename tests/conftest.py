"""What all tests share: what this machine can do, where the real files are, a seeded generator.

``IMGPIPE_REQUIRE=real,gui,browser`` turns the skips of these kinds into failures, so that a machine that lacks
something can't pass for one that has it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest
from small_runs import finished_study, outside_package, study  # noqa: F401 - fixtures

KINDS = ("real", "gui", "browser")
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")

for _variable in THREADS:  # tests share few cores; children take this over
    os.environ.setdefault(_variable, "1")


def missing_qt() -> str:
    """Return why no window can be opened on this machine; empty when one can."""
    try:
        import PySide6.QtTest
        import PySide6.QtWidgets  # noqa: F401 - fails where system libraries are missing
    except ImportError as error:
        return f"Qt can't be loaded ({error})"
    if sys.platform.startswith("linux") and not os.environ.get("DISPLAY") and shutil.which("Xvfb") is None:
        return "there is neither a display nor Xvfb"
    return ""


NO_WINDOW = missing_qt()
pytest_plugins = [] if NO_WINDOW else ["pytestqt.plugin", "napari.utils._testsupport"]


def required() -> set[str]:
    """Return the kinds of tests that must not be skipped."""
    kinds = {kind.strip() for kind in os.environ.get("IMGPIPE_REQUIRE", "").split(",") if kind.strip()}
    unknown = kinds - set(KINDS)
    if unknown:
        raise pytest.UsageError(f"IMGPIPE_REQUIRE: unknown {', '.join(sorted(unknown))}; known: {', '.join(KINDS)}")
    return kinds


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a misspelt IMGPIPE_REQUIRE at once."""
    required()
    if not hasattr(config, "workerinput"):  # code just compiled and code from disk differ in their last digits
        code = "from imgpipe.kernels.fit import warm_up; warm_up()"
        subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[1])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by the fixtures they use; skip window tests where no window can be opened."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        for fixture, kind in (("real_data", "real"), ("chromium", "browser"), ("make_napari_viewer", "gui")):
            if fixture in fixtures:
                item.add_marker(kind)
        if NO_WINDOW and item.get_closest_marker("gui"):
            item.add_marker(pytest.mark.skip(reason=NO_WINDOW))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn the skip of a required kind into a failure."""
    report = yield
    kinds = sorted(kind for kind in required() if item.get_closest_marker(kind))
    if report.skipped and kinds and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"required ({', '.join(kinds)}), yet {reason}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn the skip of a whole file into a failure where something is required."""
    report = yield
    if report.skipped and required():
        report.outcome = "failed"
        report.longrepr = f"skipped as a whole, while IMGPIPE_REQUIRE is set: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real instrument files (its SOURCES.md hold the expected numbers)."""
    folder = os.environ.get("IMGPIPE_REAL_DATA", "")
    if not folder:
        pytest.skip("IMGPIPE_REAL_DATA is not set")
    path = Path(folder).expanduser().resolve()
    if not path.is_dir():
        pytest.skip(f"IMGPIPE_REAL_DATA={folder} is no folder")
    return path


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a browser that can run without a window."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"none of {', '.join(BROWSERS)} is installed")
    return found


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers, the same in each run and in any order of the tests."""
    return np.random.default_rng(20240917)
