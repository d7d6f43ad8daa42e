"""Regenerate example_data/xps: ``python -m imgpipe.phantoms.xps.example_data OUT``.

Spectra of four presets as VAMAS files, the truth as tables, and ORIGIN.md. The same code gives the same bytes.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import xarray as xr

from imgpipe.phantoms.command_line import write_from_command_line
from imgpipe.phantoms.example_data import as_csv
from imgpipe.phantoms.xps.example_tables import component_rows, sample_rows, series_rows
from imgpipe.phantoms.xps.example_text import origin
from imgpipe.phantoms.xps.making import Preset, make
from imgpipe.phantoms.xps.vamas import write_vamas


@dataclass(frozen=True)
class Example:
    """The files of one preset: its seed, and how a sample's file is called."""

    preset: Preset
    seed: int
    name: str
    transmission: bool = True
    renamed: Mapping[str, str] = field(default_factory=dict)

    def file(self, sample: str) -> str:
        """Return the file name of a sample."""
        return self.name.format(sample=self.renamed.get(sample, sample))


FILMS = {"metal_W": "W_clean", "oxide_W": "W_oxidised", "oxide_Mg": "Mg_oxidised"}
"""Samples of the metals as their files call them: metal first, so that a recipe can group by it."""

EXAMPLES = (
    Example("published", 15, "published_{sample}.vms"),
    Example("argyrodite", 8, "argyrodite_{sample}.vms"),
    Example("metal_oxide", 3, "film_{sample}.vms", renamed=FILMS),
    Example("series", 4, "series_S2p.vms", transmission=False),
)


def spectra(example: Example) -> tuple[dict[str, xr.DataTree], xr.Dataset]:
    """Make the spectra of one example, one tree per file name, and their truth."""
    tree, truth = make(example.seed, preset=example.preset)
    if "sample" not in truth.dims:
        return {example.name: tree}, truth
    return {example.file(str(name)): tree.children[name] for name in truth["sample"].values}, truth


def write_all(folder: Path) -> list[Path]:
    """Write spectra, expected tables and ORIGIN.md; return the files."""
    (folder / "expected").mkdir(parents=True, exist_ok=True)
    files: list[Path] = []
    components: list[dict[str, str]] = []
    samples: list[dict[str, str]] = []
    series: list[dict[str, str]] = []
    for example in EXAMPLES:
        trees, truth = spectra(example)
        files += [write_vamas(tree, folder / name, transmission=example.transmission) for name, tree in trees.items()]
        if "sample" in truth.dims:
            components += component_rows(list(trees), truth)
            samples += sample_rows(list(trees), truth)
        else:
            series += series_rows(example.name, truth)
    for name, text in (
        ("expected/components.csv", as_csv(components)),
        ("expected/samples.csv", as_csv(samples)),
        ("expected/series.csv", as_csv(series)),
        ("ORIGIN.md", origin({example.preset: example.seed for example in EXAMPLES}, components, samples)),
    ):
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
        files.append(folder / name)
    return files


if __name__ == "__main__":
    sys.exit(write_from_command_line(sys.argv[1:], write_all, "imgpipe.phantoms.xps.example_data"))
