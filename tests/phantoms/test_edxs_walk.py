"""The Monte Carlo itself: repeatable, exact at boundaries, absorption along the ray, direction of beam and detector."""

from __future__ import annotations

import numpy as np
import pytest

from imgpipe.phantoms.edxs.simulation import simulate
from imgpipe.phantoms.edxs.slabs import Layer, composition, interfaces, slabs
from imgpipe.phantoms.edxs.walk import depth

MG = Layer("Mg", "Mg", 1.738)
CU = Layer("Cu", "Cu", 8.96)


def scan(layers=(MG, CU), lines=("Mg Ka", "Cu La"), positions=(-300.0, 300.0), electrons=1500, seed=1, **settings):
    return simulate(
        layers, lines=lines, beam_energy=5000.0, positions=positions, electrons=electrons, seed=seed, **settings
    )


def test_equal_seeds_give_equal_numbers():
    one, two, other = scan(), scan(), scan(seed=2)
    assert one.identical(two)
    assert not np.array_equal(one["intensity"], other["intensity"])


def test_boundaries_inside_one_material_change_nothing():
    """Cutting magnesium into many slabs must not change what it emits."""
    whole = scan((MG, MG), ("Mg Ka",), (5.0,), 6000)
    cut = scan((MG, *[Layer(str(n), "Mg", 1.738, 7.0) for n in range(60)], MG), ("Mg Ka",), (210.0,), 6000, seed=4)
    found = [float(result["intensity"][0, 0]) for result in (whole, cut)]
    spread = np.hypot(*[float(result["u_intensity"][0, 0]) for result in (whole, cut)])
    assert abs(found[0] - found[1]) < 4 * spread
    assert float(cut["spread"][0, 0]) == pytest.approx(float(whole["spread"][0, 0]), rel=0.05)


def test_ray_passes_each_slab_once():
    edges = np.array([-np.inf, 0.0, 10.0, np.inf])
    attenuation = np.array([[0.5], [2.0], [0.125]])
    slope = 0.6
    passed = depth(edges, attenuation, 0, -3.0, 40.0, slope, 0)
    length = np.array([3.0, 10.0, 40.0 * slope - 13.0]) / slope
    assert passed == pytest.approx(float(length @ attenuation[:, 0]))
    back = depth(edges, attenuation, 2, -3.0 + 40.0 * slope, 40.0, -slope, 0)
    assert back == pytest.approx(passed)
    assert depth(edges, attenuation, 1, 5.0, 40.0, 0.0, 0) == pytest.approx(80.0)


def test_detector_behind_heavy_layer_sees_less():
    layers = (MG, Layer("W", "W", 19.25))
    sideways = scan(layers, ("Mg Ka",), (-60.0,), azimuth=90.0)
    behind = scan(layers, ("Mg Ka",), (-60.0,), azimuth=0.0)
    assert float(behind["intensity"][0, 0]) < 0.85 * float(sideways["intensity"][0, 0])
    assert float(behind["generated"][0, 0]) == pytest.approx(float(sideways["generated"][0, 0]), rel=1e-9)


def test_inclined_beam_pushes_emission_forward():
    across = scan((MG, MG), ("Mg Ka",), (5.0,), incidence=52.0, tilt_azimuth=90.0)
    along = scan((MG, MG), ("Mg Ka",), (5.0,), incidence=52.0)
    assert abs(float(across["offset"][0, 0])) < 12.0
    assert float(along["offset"][0, 0]) > 40.0


def test_bremsstrahlung_ends_at_the_beam_energy():
    found = scan((MG, MG), ("Mg Ka",), (5.0,), every=2)
    per_ev = found["bremsstrahlung"].values[:, 0]
    assert found["quantum"].values[-1] < 5000.0
    assert np.all(per_ev > 0.0)
    assert per_ev[-1] < 0.1 * per_ev[per_ev.size // 2]


def test_gradient_is_linear_in_mass_fraction():
    layer = Layer("Mg", "Mg", 1.738, 1000.0, far_formula="Li", far_density=0.534)
    parts = composition(layer, 0.25)
    total = sum(parts.values())
    assert parts["Mg"] / total == pytest.approx(0.75)
    assert 1.0 / total == pytest.approx(0.75 / 1.738 + 0.25 / 0.534)


def test_mixed_interface_keeps_the_mass_of_each_side():
    body = slabs((MG, CU), 20.0)
    inner = np.diff(body.edges[1:-1])
    copper = body.densities[1:-1, body.symbols.index("Cu")]
    assert np.sum(inner * copper) == pytest.approx(8.96 * 70.0, rel=1e-3)
    assert np.all(np.diff(copper) > 0.0)
    assert interfaces((MG, CU)) == pytest.approx([0.0])
