"""Write spectra as ISO 14976 (VAMAS) text, as the programs of XPS instruments do.

Kinetic-energy axis, one block per region and cycle, intensity and transmission interleaved as two corresponding
variables, 1E+37 where nothing is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

UNKNOWN = "1E+37"
_FORMAT = "VAMAS Surface Chemical Analysis Standard Data Transfer Format 1988 May 4"
_UNITS = ("s", "eV", "V", "K", "nm")
_NOT_VARIABLES = ("cycle", "energy", "transmission")


@dataclass(frozen=True)
class Block:
    """One block of the file: a region, or one cycle of a region."""

    leaf: xr.Dataset
    counts: NDArray[np.float64]
    number: int
    variables: dict[tuple[str, str], float]


def write_vamas(tree: xr.DataTree, path: Path | str, *, transmission: bool = True, work_function: bool = True) -> Path:
    """Write all leaves of a tree into one file.

    Parameters
    ----------
    tree : leaves as `imgpipe.phantoms.xps.make` gives them
    path : ".vms" or ".npl"
    transmission : write it as a second corresponding variable
    work_function : write the field; else it is 1E+37

    Returns
    -------
    the path
    """
    blocks = [block for leaf in leaves(tree) for block in _blocks(leaf)]
    names = list(blocks[0].variables)
    if any(list(block.variables) != names for block in blocks):
        raise ValueError("the leaves of one VAMAS file must share their experimental variables")
    lines = _header(blocks, names)
    for block in blocks:
        lines += _block(block, transmission, work_function)
    lines.append("end of experiment")
    path = Path(path)
    path.write_text("\n".join(lines) + "\n", encoding="ascii", newline="\r\n")
    return path


def leaves(tree: xr.DataTree) -> Iterator[xr.Dataset]:
    """Yield the datasets that hold counts, in the order of the tree."""
    for node in tree.leaves:
        if "counts" in node.dataset:
            yield node.to_dataset()


def _blocks(leaf: xr.Dataset) -> Iterator[Block]:
    rows = np.atleast_2d(leaf["counts"].values)
    along = {
        str(name): coordinate
        for name, coordinate in leaf.coords.items()
        if coordinate.dims == ("cycle",) and name not in _NOT_VARIABLES
    }
    for number, row in enumerate(rows):
        variables = {_label(name, along[name]): float(along[name].values[number]) for name in along}
        yield Block(leaf, row, number, variables)


def _label(name: str, coordinate: xr.DataArray) -> tuple[str, str]:
    """Return label and unit; units that the standard does not know stand in the label ("n": not defined here)."""
    unit = str(coordinate.attrs["units"])
    return (name, unit) if unit in _UNITS else (f"{name} [{unit.replace('**', '^')}]", "d" if unit == "1" else "n")


def _header(blocks: list[Block], variables: list[tuple[str, str]]) -> list[str]:
    regions = {(block.leaf.attrs["sample"], block.leaf.attrs["region"]) for block in blocks}
    lines = [
        _FORMAT,
        "Not specified",
        blocks[0].leaf.attrs["instrument"],
        "Not specified",
        "phantom",
        "1",
        "Synthetic spectra, not measured",
        "NORM",
        "REGULAR",
        str(len(regions)),
        str(len(variables)),
    ]
    for label in variables:
        lines += label
    return [*lines, "0", "0", "0", "0", str(len(blocks))]


def _block(block: Block, transmission: bool, work_function: bool) -> list[str]:
    columns = [("Intensity", [f"{value:.0f}" for value in block.counts[::-1]])]
    if transmission:
        values = block.leaf["transmission"].values[::-1]
        columns.append(("Transmission", [f"{value:.6g}" for value in values]))
    return [
        *_identity(block),
        *(f"{value:.6g}" for value in block.variables.values()),
        *_source_and_analyser(block.leaf, work_function),
        *_axis(block.leaf),
        str(len(columns)),
        *(line for name, _ in columns for line in (name, "d")),
        *_counting(block.leaf),
        str(len(columns) * block.counts.size),
        *(text for _, column in columns for text in (min(column, key=float), max(column, key=float))),
        *(text for row in zip(*(column for _, column in columns), strict=True) for text in row),
    ]


def _number(leaf: xr.Dataset, name: str) -> str:
    return f"{float(leaf[name]):.8g}" if name in leaf else UNKNOWN


def _identity(block: Block) -> list[str]:
    """Return name, sample, date and comment lines."""
    leaf, attrs = block.leaf, block.leaf.attrs
    start = datetime.fromisoformat(attrs["acquired"])
    seconds = next((value for name, value in block.variables.items() if name == ("time", "s")), 0.0)
    moment = start + timedelta(seconds=seconds)
    comments = _comments(leaf) if block.number == 0 else []
    return [
        attrs["region"],
        attrs["sample"],
        *(str(getattr(moment, part)) for part in ("year", "month", "day", "hour", "minute", "second")),
        "0",
        str(len(comments)),
        *comments,
        "XPS",
    ]


def _comments(leaf: xr.Dataset) -> list[str]:
    energy = leaf["energy"].values
    kinetic = float(leaf["photon_energy"]) - energy
    sweeps, dwell = float(leaf["sweeps"]), float(leaf["dwell_time"])
    return [
        "Instrument Conditions",
        f"Charge Neutraliser : {leaf.attrs['charge_neutraliser']}",
        "Mode : XPS - monochromatic",
        "Anode library : Al",
        f"Resolution : {float(leaf['pass_energy']):.2f}",
        f"{leaf.attrs['region']} : {kinetic[-1]:.3f}-{kinetic[0]:.3f}eV, Sweeps {sweeps:.0f}",
        f"Step size : {energy[1] - energy[0]:.3f}eV",
        f"Dwell time : {1000 * dwell:.0f}ms",
        f"Work function : {_number(leaf, 'work_function')}",
    ]


def _source_and_analyser(leaf: xr.Dataset, work_function: bool) -> list[str]:
    return [
        "Al (mono)",
        _number(leaf, "photon_energy"),
        "150",  # source strength, W
        *[UNKNOWN] * 4,  # source beam width x, y; source polar, azimuthal angle
        "FAT",
        _number(leaf, "pass_energy"),
        UNKNOWN,  # magnification
        _number(leaf, "work_function") if work_function else UNKNOWN,
        UNKNOWN,  # target bias
        *[UNKNOWN] * 2,  # analysis width x, y
        _number(leaf, "emission_angle"),  # analyser axis take-off polar angle
        UNKNOWN,  # and azimuth
    ]


def _axis(leaf: xr.Dataset) -> list[str]:
    """Return species, transition, charge of the particle and the kinetic-energy axis."""
    energy = leaf["energy"].values
    start = float(leaf["photon_energy"]) - float(energy[-1])
    element, line = leaf.attrs["element"], leaf.attrs["line"]
    step = (energy[-1] - energy[0]) / (energy.size - 1)
    return [
        element or leaf.attrs["region"],
        line,
        "-1",
        "Kinetic energy",
        "eV",
        f"{start:.10g}",
        f"{step:.8g}",
    ]


def _counting(leaf: xr.Dataset) -> list[str]:
    tilt: list[Any] = ["0", *[UNKNOWN] * 2]  # sample normal polar tilt, azimuth, rotation
    return ["pulse counting", _number(leaf, "dwell_time"), _number(leaf, "sweeps"), "0", *tilt, "0"]
