"""Write example data from the command line."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path


def write_from_command_line(arguments: Sequence[str], write_all: Callable[[Path], list[Path]], module: str) -> int:
    """Write the example data of a module into the folder named on the command line; return the exit code."""
    if len(arguments) != 1:
        sys.stderr.write(f"usage: python -m {module} OUT\n")
        return 2
    files = write_all(Path(arguments[0]))
    total = sum(file.stat().st_size for file in files)
    sys.stdout.write(f"{len(files)} files, {total / 1e6:.2f} MB\n")
    return 0
