"""Spectra of pairs of photons: sums over all pairs, written out."""

from __future__ import annotations

import numpy as np

from imgpipe.kernels.spectrum_model_pile_up import pair_spectrum, pair_sums, shifted

ENERGY = 10.0 * np.arange(60)


def by_hand(counts, zero):
    """Return the spectrum of pairs, channel by channel."""
    result = np.zeros(counts.shape[1])
    for one in counts:
        photons = np.repeat(np.arange(one.size), one)
        for n, a in enumerate(photons):
            for m, b in enumerate(photons):
                if n != m and a + b + zero < one.size:
                    result[a + b + zero] += 1.0 / (photons.size - 1)
    return result


def test_all_pairs_of_a_place_and_none_of_two_places(rng):
    counts = rng.poisson(0.2, (5, 60)).astype(np.uint16)
    np.testing.assert_allclose(pair_spectrum(counts, ENERGY, 0.0), by_hand(counts, 0), atol=1e-9)
    np.testing.assert_allclose(pair_spectrum(counts, ENERGY + 100.0, 0.0), by_hand(counts, 10), atol=1e-9)


def test_channels_below_the_lowest_hold_no_photons(rng):
    counts = rng.poisson(0.5, (3, 60))
    clean = counts.copy()
    clean[:, :5] = 0
    np.testing.assert_allclose(pair_spectrum(counts, ENERGY, 50.0), pair_spectrum(clean, ENERGY, 0.0))


def test_few_photons_make_no_bias(rng):
    mean = np.zeros(60)
    mean[[10, 20]] = 3.0, 1.0
    found = pair_spectrum(rng.poisson(mean, (20_000, 60)), ENERGY, 0.0) / 20_000
    np.testing.assert_allclose(found[[20, 30, 40]], [9 / 4, 6 / 4, 1 / 4], rtol=0.05)


def test_nothing_pairs_with_nothing():
    assert not pair_spectrum(np.zeros((2, 60)), ENERGY, 0.0).any()
    one = np.zeros((1, 60))
    one[0, 7] = 1
    assert not pair_spectrum(one, ENERGY, 0.0).any()


def test_shifts_keep_what_stays_inside():
    values = np.zeros(20)
    values[10] = 1.0
    assert shifted(values, 2.5)[[12, 13]].tolist() == [0.5, 0.5]
    assert shifted(values, -3.0)[7] == 1.0


def test_pair_sums_are_those_of_the_spectra(rng):
    shapes, weighted = rng.random((30, 3)), rng.random((30, 2))
    shapes[20:] = 0.0
    found = pair_sums(shapes, weighted, 4.0)
    wanted = [[np.convolve(shapes[:, i], shapes[:, j])[:26] @ weighted[4:] for j in range(3)] for i in range(3)]
    np.testing.assert_allclose(found, wanted)
