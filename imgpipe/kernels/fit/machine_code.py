"""Keep machine code on disk between processes, and never that of an older engine.

Numba looks at the file of the function it loads, not at those of the functions called from there, which are part of
the same machine code. So only what Python calls is kept (the engine's entry functions and the shapes), under names
that end in a mark of all source files of the engine and of the processor. After a change the old name is not found.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any

import llvmlite.binding
from numba import njit


def source_mark(folder: Path) -> str:
    """Return a mark of all Python files in a folder and of this processor."""
    digest = hashlib.sha256(f"{platform.machine()} {llvmlite.binding.get_host_cpu_name()}".encode())
    for file in sorted(folder.glob("*.py")):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


MARK = source_mark(Path(__file__).parent)
"""Read when the engine is imported, so that it belongs to the sources that were imported."""


def kept(function: Callable[..., None], signature: Any, options: dict[str, Any]) -> Any:
    """Return a function compiled for one signature, from disk where this very engine has been there before.

    Several processes may do so at the same time: numba writes whole files under their final name, and all of them
    write the same.
    """
    marked = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    marked.__qualname__ = f"{function.__qualname__}_{MARK}"
    return njit(signature, cache=True, **options)(marked)
