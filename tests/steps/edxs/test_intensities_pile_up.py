"""Sum peaks: photons that meet by chance, drawn one by one, are not taken for sulphur or chlorine."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from photon_spectra import leaf, spectra

from imgpipe.binding import Call, apply
from imgpipe.steps.edxs.intensities import line_intensities

BESIDE = ["S", "Cl"]


def measure(data: xr.Dataset, **settings) -> xr.Dataset:
    tree = xr.DataTree.from_dict({"/line": data})
    return apply(Call(line_intensities, line_intensities.settings(**settings)), tree)["line"].to_dataset()


def scans(rng, n, share, sulphur, chlorine):
    """Return n measured scans of 20 places: strong Mg, S and Cl beside 2 x Mg K."""
    counts = {"Mg": 4000.0, "O": 300.0, "S": sulphur, "Cl": chlorine}
    drawn = (spectra(rng, 20, counts, background=1500.0, pile_up=share) for _ in range(n))
    return [measure(leaf(y), elements=["Mg", *BESIDE]) for y in drawn]


def pulls(found, truth):
    """Return estimate less truth over u, (scan, element)."""
    chosen = [one.sel(element=BESIDE) for one in found]
    return np.array([(one["total_intensity"] - truth) / one["u_total_intensity"] for one in chosen])


def test_sulphur_and_chlorine_beside_strong_magnesium(rng):
    share = 0.01
    found = scans(rng, 12, share, 100.0, 50.0)
    z = pulls(found, (1.0 - 2.0 * share) * 20.0 * np.array([100.0, 50.0]))
    assert np.all(np.abs(z.mean(axis=0)) < 4.0 / np.sqrt(12))
    piled = np.array([float(one["pile_up"]) for one in found])
    u = np.array([float(one["u_pile_up"]) for one in found])
    assert np.all(np.abs(piled - 100.0 * share) < 4.0 * u)
    assert piled.mean() == pytest.approx(100.0 * share, rel=0.1)
    places = np.mean([one["intensity"].sel(element=BESIDE).mean("position") for one in found], axis=0)
    np.testing.assert_allclose(places, [98.0, 49.0], atol=4.0 * 15.0 / np.sqrt(240))


def test_absent_chlorine_stays_not_detected_beside_a_sum_peak(rng):
    found = scans(rng, 10, 0.02, 0.0, 0.0)
    seen = sum("not detected" not in str(f["element_flag"].sel(element=e).values) for f in found for e in BESIDE)
    assert seen <= 0.05 * 20 + 3.0 * np.sqrt(20 * 0.05 * 0.95)
    assert all(float(one["pile_up"]) > 5.0 * float(one["u_pile_up"]) for one in found)


def test_without_pile_up_little_is_lost(rng):
    found = scans(rng, 12, 0.0, 100.0, 50.0)
    z = pulls(found, 20.0 * np.array([100.0, 50.0]))
    assert np.all(np.abs(z.mean(axis=0)) < 4.0 / np.sqrt(12))
    piled = np.array([float(one["pile_up"] / one["u_pile_up"]) for one in found])
    assert np.all(piled < 4.0)
    assert found[0]["sum_pile_up"].attrs["units"] == "counts"


@pytest.mark.truth
@pytest.mark.parametrize("share", [0.0, 0.002, 0.01, 0.03])
def test_coverage_beside_a_sum_peak(rng, share):
    n = 200
    z = pulls(scans(rng, n, share, 20.0, 10.0), (1.0 - 2.0 * share) * 20.0 * np.array([20.0, 10.0]))
    print(share, z.mean(axis=0), z.std(axis=0), (np.abs(z) < 1.96).mean(axis=0))
    assert np.all((np.abs(z) < 1.96).mean(axis=0) > 0.95 - 3.0 * np.sqrt(0.05 * 0.95 / n) - 0.01)
    assert np.all(np.abs(z.mean(axis=0)) < 0.3)
