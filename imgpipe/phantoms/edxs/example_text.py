"""The text of example_data/edxs/ORIGIN.md."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from imgpipe.phantoms.edxs.presets import SCANS


def origin(examples: Sequence[Any], interfaces: list[dict[str, str]], layers: list[dict[str, str]]) -> str:
    """Return the text of ORIGIN.md."""
    files = "\n".join(f"| {one.name} | {one.preset} | {one.seed} | {one.remark} |" for one in examples)
    used = {one.preset for one in examples} & set(SCANS)
    remarks = "\n".join(f"* `{name}`: {SCANS[name].remark}." for name in SCANS if name in used)
    borders = "\n".join(
        f"| {row['file']} | {row['interface'].replace('|', ' to ')} | {row['along']} | {row['position_nm']} | "
        f"{row['width_nm']} |"
        for row in interfaces
    )
    thick = "\n".join(
        f"| {row['file']} | {row['layer']} | {row['formula']} | {row['density_g_cm3']} | {row['thickness_nm']} |"
        for row in layers
    )
    return _ORIGIN.format(files=files, remarks=remarks, borders=borders, layers=thick)


_ORIGIN = """# Where example_data/edxs comes from

Nothing here was measured. The spectra are phantoms made by `imgpipe.phantoms.edxs`. To make them again:

    python -m imgpipe.phantoms.edxs.example_data example_data/edxs

Text files come out byte for byte, .hspy files with the same counts. Licence: GPL-3.0-or-later, as the rest of imgpipe.

## How a spectrum is made
A Monte Carlo follows electrons by single scattering (Browning's fit of Mott cross-sections) with the energy loss of
Pouchou and Pichoir through vertical layers below the milled face. Along each path characteristic X-rays (Casnati for K
shells, Pouchou and Pichoir for L and M; yields and line ratios of xraylib) and bremsstrahlung (Kramers) are made; each
photon goes straight to the detector and is absorbed by the layers that it passes (Chantler's coefficients through
eXSpy). Fluorescence is left out. Intensities along the scan are stored with their seed in
`imgpipe/phantoms/edxs/tables`; no response or profile of the fit is used. A detector (130 eV at Mn Ka, polymer window,
10 eV per channel) then gives mean counts, with all lines of a family, carbon, oxide and gallium on the whole face, and
sum peaks in some files; counts are drawn from them (Poisson).

## Files
| file | preset | seed | content |
|---|---|---|---|
{files}

Names read `SPECIMEN_KIND`. The beam (5 kV) meets the face at 90 deg; the detector stands at 35 deg above the face,
sideways to the scan.

{remarks}
* `map`: the layers of `plated`, inclined by 6 deg, with a common roughness of all interfaces (sd 60 nm, correlation
  length 500 nm); pixel 100 nm. The image has pixels of 25 nm.

## Truth
`expected/interfaces.csv`: interfaces on the axis of the file; `width` is the intrinsic standard deviation of the
mixing; for the map, mean and standard deviation of the places where the interfaces cross the rows of a band.
`expected/layers.csv`: the layers; thickness is along their normal. Along x of the map, whose layers are inclined,
they are 1 / cos 6 deg = 1.0055 times as thick: 3016.5 nm Mg, 261.4 nm W.

| file | interface | along | position, nm | width, nm |
|---|---|---|---|---|
{borders}

| file | layer | formula | density, g/cm3 | thickness, nm |
|---|---|---|---|---|
{layers}

In `depleted` the mass fraction of Mg at W is 20 % below that at SE, 22.2 % of the mean of both. Lithium dims Mg K
further: the intensity that thick specimens of the two compositions emit differs by 25.4 % of the mean.
140 nm Mg and 30 nm W of `thin` are thinner than what 5 kV resolves: a right answer says so.
"""
