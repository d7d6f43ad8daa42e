"""Run a benchmark by name."""

from __future__ import annotations

import argparse
from importlib import import_module

NAMES = ("cross_section", "edxs", "xps")


def main() -> None:
    """Parse the command line and print the benchmark's tables as Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--small", action="store_true", help="small data: for correctness, not for timing")
    arguments = parser.parse_args()
    print(import_module(f"benchmarks.{arguments.name}").report(small=arguments.small))


if __name__ == "__main__":
    main()
