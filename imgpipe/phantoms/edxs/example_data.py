"""Regenerate example_data/edxs: ``python -m imgpipe.phantoms.edxs.example_data OUT``.

Line scans, a sum spectrum, a table of counts and a map from the stored tables of the Monte Carlo, the truth as tables,
and ORIGIN.md. The same code gives the same counts; text files come out byte for byte.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import xarray as xr

from imgpipe.phantoms.command_line import write_from_command_line
from imgpipe.phantoms.edxs.example_text import origin
from imgpipe.phantoms.edxs.making import make, make_profiles
from imgpipe.phantoms.edxs.writers import write_csv, write_hspy, write_msa
from imgpipe.phantoms.example_data import as_csv


@dataclass(frozen=True)
class Example:
    """One file: its name, preset, seed, parameters, and what it shows."""

    name: str
    preset: str
    seed: int
    remark: str
    truth: dict[str, Any] = field(default_factory=dict)


EXAMPLES = (
    Example("plated_line.hspy", "plated", 1, "line scan, uniform layers", {"pile_up": 2e-3}),
    Example("depleted_line.hspy", "depleted", 2, "line scan, Mg truly falls towards W", {"pile_up": 2e-3}),
    Example("thin_line.csv", "thin", 3, "counts per line: 140 nm Mg, 30 nm W", {"counts": 120.0}),
    Example("plated_sum.msa", "plated", 4, "sum spectrum of a line scan", {"pile_up": 2e-3}),
    Example("inclined_map.hspy", "map", 5, "map 48 x 64 x 1024 and image, inclined rough layers"),
)


BAND = (1500.0, 2500.0)
"""Rows of the map whose interfaces the expected table gives, nm."""


def write_one(example: Example, folder: Path) -> tuple[Path, xr.Dataset]:
    """Write one file; return it and its truth."""
    path = folder / example.name
    if example.name.endswith(".csv"):
        leaf, truth = make_profiles(example.seed, preset=example.preset, **example.truth)
        return write_csv(leaf, path), truth
    tree, truth = make(example.seed, preset=example.preset, **example.truth)
    if example.name.endswith(".msa"):
        return write_msa(tree["line"].to_dataset(), path), truth
    return write_hspy(tree, path), truth


def write_all(folder: Path) -> list[Path]:
    """Write the files, the truth and ORIGIN.md; return the files."""
    (folder / "expected").mkdir(parents=True, exist_ok=True)
    files: list[Path] = []
    interfaces: list[dict[str, str]] = []
    layers: list[dict[str, str]] = []
    for example in EXAMPLES:
        file, truth = write_one(example, folder)
        files.append(file)
        if not example.name.endswith(".msa"):
            interfaces += interface_rows(example, truth)
            layers += layer_rows(example, truth)
    for name, text in (
        ("expected/interfaces.csv", as_csv(interfaces)),
        ("expected/layers.csv", as_csv(layers)),
        ("ORIGIN.md", origin(EXAMPLES, interfaces, layers)),
    ):
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
        files.append(folder / name)
    return files


def interface_rows(example: Example, truth: xr.Dataset) -> list[dict[str, str]]:
    """Return the true interfaces of a file: along the line, or along x in a band of rows of a map.

    The width is the standard deviation of the mixing; of a map, of the places of the interface within the band.
    """
    along, positions, widths = "line", truth.get("interface_position"), truth["interface_sigma"]
    if positions is None:
        band = truth["interface_x"].sel(y=slice(*BAND))
        along, positions, widths = f"x, rows {BAND[0]:g} to {BAND[1]:g} nm", band.mean("y"), band.std("y")
    return [
        {
            "file": example.name,
            "interface": str(name),
            "along": along,
            "position_nm": f"{float(positions[index]):.1f}",
            "width_nm": f"{float(widths[index]):.1f}",
        }
        for index, name in enumerate(truth["interface"].values)
    ]


def layer_rows(example: Example, truth: xr.Dataset) -> list[dict[str, str]]:
    """Return the true layers of a file; the outer ones have no thickness."""
    outer = {0, truth.sizes["layer"] - 1}
    return [
        {
            "file": example.name,
            "layer": str(name),
            "formula": str(truth["formula"].values[index]),
            "density_g_cm3": f"{float(truth['density'][index]):g}",
            "thickness_nm": "" if index in outer else f"{float(truth['thickness'][index]):.1f}",
        }
        for index, name in enumerate(truth["layer"].values)
    ]


if __name__ == "__main__":
    sys.exit(write_from_command_line(sys.argv[1:], write_all, "imgpipe.phantoms.edxs.example_data"))
