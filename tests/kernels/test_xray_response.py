"""The response against closed forms, a random walk, published numbers, and the phantom's Monte Carlo."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_scans import medium_of
from scipy.integrate import quad

from imgpipe.kernels.xray_response import (
    Medium,
    _losses,
    browning,
    path_moments,
    response,
    rutherford,
    slowing_down,
    stopping_power,
)
from imgpipe.phantoms.edxs.simulation import simulate
from imgpipe.phantoms.edxs.slabs import Layer
from imgpipe.xrays.lines import find_line

MG = Medium((12,), (24.305,), (1.0,), 1.738)
MATERIALS = {"Mg": ("Mg", 1.738), "W": ("W", 19.25), "Cu": ("Cu", 8.96), "SE": ("Li6PS5Cl", 1.86)}


def test_moments_of_constant_scattering_have_their_closed_form():
    """Isotropic scattering with mean free path 1: <z> = 1 - exp(-s), <r2> = 2 (s - 1 + exp(-s))."""
    s = np.linspace(0.0, 6.0, 4001)
    along, var_along, var_across = path_moments(s, np.ones_like(s), np.ones_like(s))
    assert along == pytest.approx(1.0 - np.exp(-s), abs=1e-6)
    assert var_along + along**2 + 2.0 * var_across == pytest.approx(2.0 * (s - 1.0 + np.exp(-s)), abs=1e-5)


def test_moments_agree_with_a_random_walk():
    """A walk with isotropic collisions, followed for a path of 3 free paths (8 % of 40,000 walkers' scatter)."""
    rng = np.random.default_rng(4)
    n, length = 40_000, 3.0
    place, left = np.zeros((n, 3)), np.full(n, length)
    way = np.tile([0.0, 0.0, 1.0], (n, 1))
    while (left > 0).any():
        step = np.minimum(rng.exponential(size=n), left)
        place += step[:, None] * way
        left -= step
        fresh = rng.normal(size=(n, 3))
        way = fresh / np.linalg.norm(fresh, axis=1)[:, None]
    s = np.linspace(0.0, length, 2001)
    along, var_along, var_across = (v[-1] for v in path_moments(s, np.ones_like(s), np.ones_like(s)))
    assert place[:, 2].mean() == pytest.approx(along, abs=0.03)
    assert place[:, 2].var() == pytest.approx(var_along, rel=0.04)
    assert place[:, :2].var() == pytest.approx(var_across, rel=0.04)


@pytest.mark.parametrize("alpha", [1e-3, 0.02, 0.5])
def test_mean_losses_of_direction_are_the_integrals(alpha):
    def mean(f):
        return quad(lambda t: f(1.0 - 2.0 * t) * alpha * (1.0 + alpha) / (t + alpha) ** 2, 0.0, 1.0)[0]

    one, two = _losses(np.array([alpha]))
    assert one[0] == pytest.approx(mean(lambda c: 1.0 - c), rel=1e-8)
    assert two[0] == pytest.approx(mean(lambda c: 1.0 - 0.5 * (3.0 * c * c - 1.0)), rel=1e-8)


def test_stopping_power_is_that_of_the_tables():
    """Aluminium at 10 keV: 16.5 MeV cm2/g (Berger and Seltzer; NIST ESTAR)."""
    aluminium = Medium((13,), (26.98,), (1.0,), 2.70)
    assert stopping_power(aluminium, 10.0) / 2.70 / 1e-4 == pytest.approx(16.5, rel=0.03)


def test_path_ends_at_the_edge_and_grows_with_energy_lost():
    path, energy = slowing_down(MG, 5.0, 1.303)
    assert path[0] == 0.0
    assert energy[[0, -1]] == pytest.approx([5.0, 1.303])
    assert (np.diff(path) > 0).all()


def test_transport_lengths_of_both_laws_are_close_for_light_and_apart_for_heavy_atoms():
    energy = np.array([3.0])
    tungsten = Medium((74,), (183.84,), (1.0,), 19.25)
    assert rutherford(MG, energy)[0] == pytest.approx(browning(MG, energy)[0], rel=0.15)
    assert rutherford(tungsten, energy)[0] > 1.3 * browning(tungsten, energy)[0]


def test_lengths_go_with_the_inverse_density():
    thin = Medium(MG.z, MG.a, MG.mass_fraction, MG.density / 2.0)
    one, two = response(MG, 5.0, 1.303, 52.0), response(thin, 5.0, 1.303, 52.0)
    for name in ("sigma", "shift", "depth", "reach"):
        assert getattr(two, name) == pytest.approx(2.0 * getattr(one, name), rel=1e-9)


def test_the_push_follows_the_lean():
    normal, rising, falling, across = (
        response(MG, 5.0, 1.303, *pair) for pair in ((90.0, 1.0), (52.0, 1.0), (52.0, -1.0), (52.0, 0.0))
    )
    assert normal.shift == 0.0
    assert rising.shift > 0.5 * rising.sigma
    assert falling.shift == -rising.shift
    assert across.shift == 0.0
    assert across.sigma == pytest.approx(normal.sigma, rel=0.05)


def test_a_beam_below_the_edge_excites_nothing():
    found = response(MG, 1.2, 1.303)
    assert np.isnan(found.sigma)
    assert found.overvoltage < 1.0


@pytest.mark.parametrize("bad", [{"incidence": 0.0}, {"incidence": 91.0}, {"lean": 1.5}])
def test_impossible_angles_are_refused(bad):
    with pytest.raises(ValueError, match=r"incidence|lean"):
        response(MG, 5.0, 1.303, **bad)


@pytest.mark.parametrize("beam", [5000.0, 10000.0])
@pytest.mark.parametrize("incidence", [90.0, 52.0])
@pytest.mark.parametrize(("name", "label"), [("Mg", "Mg Ka"), ("W", "W Ma"), ("Cu", "Cu La"), ("SE", "S Ka")])
def test_spread_agrees_with_the_monte_carlo_within_its_uncertainty(beam, incidence, name, label):
    formula, density = MATERIALS[name]
    run = simulate(
        [Layer("a", formula, density), Layer("b", formula, density)],
        lines=[label], beam_energy=beam, positions=[0.0], electrons=4000, seed=3, incidence=incidence, quanta=False,
    )  # fmt: skip
    found = response(medium_of(formula, density), beam / 1000.0, find_line(label).edge / 1000.0, incidence)
    u = np.hypot(0.15, found.disagreement)
    assert found.sigma == pytest.approx(run["spread"].item(), rel=u)
    assert found.shift == pytest.approx(run["offset"].item(), abs=0.3 * found.sigma)
    assert found.depth == pytest.approx(run["mean_depth"].item(), rel=0.3)
