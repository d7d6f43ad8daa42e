"""The text of example_data/xps/ORIGIN.md."""

from __future__ import annotations

from collections.abc import Mapping

_ORIGIN = """# Where example_data/xps comes from

Nothing here was measured. The spectra are phantoms made by `imgpipe.phantoms.xps` and written as ISO 14976 (VAMAS)
files as the programs of the instruments write them: kinetic energy, hv 1486.69 eV, one block per region. To make them
again, byte for byte:

    python -m imgpipe.phantoms.xps.example_data example_data/xps

Licence: GPL-3.0-or-later, as the rest of imgpipe.

## How a spectrum is made
Natural lines (Lorentzian; Doniach-Sunjic for metals) are laid on a fine grid and convolved with the Gaussian of
instrument and disorder; the result is convolved explicitly with a loss function, again for each further loss, and
added; then a floor of electrons of other origin, the transmission, and counting (Poisson). No shape or background of
the fit is used. The energy axis is off by the charging of each sample (`energy_shift`); species of one sample
charge slightly differently (0.02 eV in `published`, 0.03 eV in `argyrodite`, k = 1; seeds were chosen so that no draw
lies beyond two of these). The work-function field says -4.5 eV and has nothing to do with the axis.

## Files
| file | preset | seed | content |
|---|---|---|---|
{files}

The positions of the `published` preset and its splitting (1.2 eV) are those of the paper. All other positions,
attenuation lengths and widths are values of a phantom, not reference values.

`pristine` holds no excess sulfide: one sulfur atom in five of Li6PS5Cl is free S2-. In `cycled`, 12 % of the formula
units were reduced (5 Li2S + Li3P + LiCl) and 8 % oxidised (1/2 P2S5 + 5/2 S + LiCl).

## Truth
* `expected/components.csv`: area, share, position and width of every component of every region. Shares are of all
  components of the same core level. Areas are those of the primary lines, before any loss. `recorded_position` is on
  the axis of the file; `position_minus_shift` after taking off the charging of the sample.
* `expected/samples.csv`: overlayer thickness, attenuation lengths, density ratio, excess sulfide, charging,
  composition.
* `expected/series.csv`: one row per spectrum of the series.

### Facts of the samples
| file | fact | value | unit |
|---|---|---|---|
{samples}

### Shares
| file | region | component | share, % | position - shift, eV | FWHM, eV |
|---|---|---|---|---|---|
{components}
"""

_FILES = (
    (
        "published_SAMPLE.vms",
        "published",
        "S 2p and C 1s of a sulfide electrolyte after cycling, three doublets as published: "
        "Li2S share 14, 19, 27, 43 % for MgW-Cu, Mg-Cu, W-Cu, Cu",
    ),
    (
        "argyrodite_SAMPLE.vms",
        "argyrodite",
        "Li6PS5Cl built from its chemistry, `pristine` and `cycled`: S 2p, P 2p, Cl 2p, Li 1s, O 1s, C 1s, survey",
    ),
    (
        "film_W_clean.vms, film_W_oxidised.vms",
        "metal_oxide",
        "W 4f with W 5p3/2: sputtered clean, and under WO3 of known thickness",
    ),
    (
        "film_Mg_oxidised.vms",
        "metal_oxide",
        "45 to 65 eV in one region: Mg 2p under MgO, plasmons at +7.5 and +10.6 eV, Li 1s",
    ),
    (
        "series_S2p.vms",
        "series",
        "200 spectra of S 2p while charge flows, few counts; Li2S begins to grow at 0.6 mAh/cm2",
    ),
)


def origin(seeds: Mapping[str, int], components: list[dict[str, str]], samples: list[dict[str, str]]) -> str:
    """Return the text of ORIGIN.md.

    Parameters
    ----------
    seeds : preset -> seed
    components, samples : rows of the expected tables
    """
    facts = "\n".join(f"| {row['file']} | {row['fact']} | {row['value']} | {row['unit']} |" for row in samples)
    shares = "\n".join(
        f"| {row['file']} | {row['region']} | {row['component']} | {row['area_percent']} | "
        f"{row['position_minus_shift_eV']} | {row['fwhm_eV']} |"
        for row in components
        if row["region"] != "survey" and float(row["area_counts_eV"]) > 0
    )
    files = "\n".join(f"| {names} | {preset} | {seeds[preset]} | {text} |" for names, preset, text in _FILES)
    return _ORIGIN.format(files=files, samples=facts, components=shares)
