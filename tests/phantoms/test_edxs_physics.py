"""The Monte Carlo against published numbers: absorption, backscattering, k-ratios, depth of X-ray generation."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from measured_k_ratios import DENSITY, GOLD, OTHERS, Measured
from xpp import k_ratio, mean_depth

from imgpipe.phantoms.edxs.atoms import atomic_weight
from imgpipe.phantoms.edxs.lines import line, mass_absorption
from imgpipe.phantoms.edxs.simulation import simulate
from imgpipe.phantoms.edxs.slabs import Layer

CHANTLER = {
    "Mg": (445.330645, 4290.647913, 2735.195463, 1851.629757, 1301.589855, 931.416244),
    "Al": (592.899307, 372.026167, 3301.58271, 2227.538668, 1548.032746, 1107.808046),
    "Si": (784.92182, 493.083724, 322.800373, 2755.272787, 1929.214292, 1376.518184),
    "P": (960.836759, 601.529587, 392.782249, 265.702448, 2203.294285, 1585.655592),
    "S": (1222.327994, 764.648046, 499.133966, 337.665476, 235.586041, 1889.595647),
    "Cl": (1438.865546, 901.230774, 588.773759, 398.537915, 278.167588, 199.182433),
    "O": (2387.099495, 1495.863228, 969.969445, 648.055323, 440.508087, 304.608272),
    "C": (1086.394087, 659.840386, 416.456261, 271.627459, 182.32274, 125.352076),
}
"""cm2/g at Mg, Al, Si, P, S, Cl Ka: NIST SRD 66 (C. T. Chantler et al. 2005), as listed by CalcZAF."""
KA = (1253.6, 1486.5, 1739.7, 2013.3, 2307.2, 2622.4)
"""eV, of the lines of that list."""
REUTER = (-0.0254, 0.016, -1.86e-4, 8.3e-7)
"""Backscattering at 20 keV as a polynomial of Z: W. Reuter, Proc. 6th ICXOM (1972) 121, a fit of measured values."""


def formula(fractions: dict[str, float]) -> str:
    """Return a formula with the given mass fractions."""
    atoms = {symbol: share / atomic_weight(symbol) for symbol, share in fractions.items()}
    return "".join(f"{symbol}{count / sum(atoms.values()):.6f}" for symbol, count in atoms.items())


@functools.cache
def bulk(made_of: str, density: float, label: str, energy: float, take_off: float, electrons: int, seed: int):
    """Return the simulation of one place on a thick specimen."""
    halves = [Layer("left", made_of, density), Layer("right", made_of, density)]
    return simulate(
        halves, lines=[label], beam_energy=energy * 1e3, positions=[1.0], electrons=electrons, seed=seed,
        take_off=take_off, quanta=False,
    )  # fmt: skip


def simulated(one: Measured, electrons: int) -> tuple[float, float]:
    """Return the k-ratio by Monte Carlo and its relative statistical uncertainty."""
    symbol = one.line.split()[0]
    shares = {symbol: one.fraction, one.other: 1.0 - one.fraction}
    density = 1.0 / sum(share / DENSITY[name] for name, share in shares.items())
    alloy = bulk(formula(shares), density, one.line, one.energy, one.take_off, electrons, 7)
    pure = bulk(symbol, DENSITY[symbol], one.line, one.energy, one.take_off, electrons, 8)
    found = [float(result["intensity"][0, 0]) for result in (alloy, pure)]
    spread = [float(result["u_intensity"][0, 0]) / value for result, value in zip((alloy, pure), found, strict=True)]
    return found[0] / found[1], float(np.hypot(*spread))


@pytest.mark.parametrize("absorber", CHANTLER)
def test_absorption_is_that_of_the_published_table(absorber):
    assert mass_absorption(absorber, np.array(KA)) == pytest.approx(CHANTLER[absorber], rel=0.02)


@pytest.mark.parametrize("symbol", ["Mg", "W", "Cu", "Au"])
def test_lines_are_absorbed_as_exspy_says(symbol):
    from exspy import material

    for label, name in (("Mg Ka", "Mg_Ka"), ("Cu Ka", "Cu_Ka"), ("Al Ka", "Al_Ka"), ("S Ka", "S_Ka")):
        published = float(material.mass_absorption_coefficient(symbol, [name])[0])
        assert mass_absorption(symbol, line(label).energy)[0] == pytest.approx(published, rel=0.02), label


@pytest.mark.parametrize(("symbol", "number", "label"), [("Al", 13, "Al Ka"), ("Cu", 29, "Cu Ka"), ("Au", 79, "Au Ma")])
def test_backscattering_is_as_measured(symbol, number, label):
    found = float(bulk(symbol, DENSITY[symbol], label, 20.0, 35.0, 6000, 3)["backscatter"][0])
    published = float(np.polynomial.polynomial.polyval(number, REUTER))
    assert found == pytest.approx(published, abs=0.03)


def deviations(alloys: tuple[Measured, ...], electrons: int) -> np.ndarray:
    return np.array([simulated(one, electrons)[0] / one.k - 1.0 for one in alloys])


@pytest.mark.parametrize("alloys", [GOLD[::3], OTHERS[::3]], ids=["gold", "others"])
def test_k_ratios_are_as_measured(alloys):
    off = deviations(alloys, 4000)
    assert np.sqrt(np.mean(off**2)) < 0.02
    assert abs(np.mean(off)) < 0.02


@pytest.mark.truth
@pytest.mark.parametrize("alloys", [GOLD, OTHERS], ids=["gold", "others"])
def test_all_k_ratios_are_as_measured(alloys):
    off = deviations(alloys, 20000)
    assert np.sqrt(np.mean(off**2)) < 0.02
    assert abs(np.mean(off)) < 0.01


FIELD = (
    Measured("Mg Ka", 0.6031, "O", 5.0, 35.0, 0.0),
    Measured("Mg Ka", 0.5, "Al", 10.0, 35.0, 0.0),
    Measured("Mg Ka", 0.8, "Li", 5.0, 35.0, 0.0),
    Measured("Mg Ka", 0.8, "Li", 10.0, 35.0, 0.0),
    Measured("Mg Ka", 0.5, "Cu", 5.0, 35.0, 0.0),
    Measured("W Ma", 0.5, "Cu", 5.0, 35.0, 0.0),
    Measured("Cu La", 0.5, "W", 5.0, 35.0, 0.0),
    Measured("S Ka", 0.5, "Li", 5.0, 35.0, 0.0),
)
"""The lines of this field, at its beam energies: no measured values, so XPP is the source."""


@pytest.mark.truth
@pytest.mark.parametrize("one", FIELD, ids=lambda one: f"{one.line}-{one.other}-{one.energy:g}kV")
def test_lines_of_the_field_agree_with_xpp(one):
    found, uncertainty = simulated(one, 40000)
    shares = {one.line.split()[0]: one.fraction, one.other: 1.0 - one.fraction}
    assert found == pytest.approx(k_ratio(shares, one.line, one.energy, one.take_off), rel=0.02 + 2 * uncertainty)


@pytest.mark.parametrize("one", FIELD[2:4], ids=lambda one: f"{one.line}-{one.other}-{one.energy:g}kV")
def test_magnesium_with_lithium_agrees_with_xpp(one):
    found, uncertainty = simulated(one, 6000)
    shares = {"Mg": one.fraction, "Li": 1.0 - one.fraction}
    assert found == pytest.approx(k_ratio(shares, one.line, one.energy, one.take_off), rel=0.02 + 2 * uncertainty)


@pytest.mark.parametrize(
    ("symbol", "label", "energy"), [("Mg", "Mg Ka", 5.0), ("Mg", "Mg Ka", 10.0), ("W", "W Ma", 5.0)]
)
def test_depth_of_generation(symbol, label, energy):
    """Mean depth against XPP; and shallower than the range of Anderson and Hasler."""
    one = line(label)
    depth = float(bulk(symbol, DENSITY[symbol], label, energy, 35.0, 4000, 5)["mean_depth"][0, 0])
    assert depth == pytest.approx(mean_depth({symbol: 1.0}, label, energy) / DENSITY[symbol] * 1e7, rel=0.12)
    assert depth < 0.5 * 64.0 * (energy**1.68 - (one.edge * 1e-3) ** 1.68) / DENSITY[symbol]
