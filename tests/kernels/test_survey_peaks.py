"""Peaks over a background: significance against the formula and against chance, positions within their u."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from imgpipe.kernels.survey_lines import Lines, Survey, assign, loss_of
from imgpipe.kernels.survey_peaks import find_peaks, scan, significance, spread_over_mean

E = np.arange(0.0, 1350.0, 1.0)
BACKGROUNDS = {
    "one count": np.full(E.size, 1.0),
    "ten counts": np.full(E.size, 10.0),
    "many counts": np.full(E.size, 5000.0),
    "rising": np.linspace(50.0, 5000.0, E.size),
    "falling": 5000.0 * np.exp(-E / 400.0) + 100.0,
    "one step": np.where(E < 600.0, 500.0, 1500.0),
}


def peak(position: float, area: float, fwhm: float = 3.0) -> np.ndarray:
    sigma = fwhm / 2.3548
    return area * np.exp(-0.5 * ((E - position) / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))


def test_significance_is_that_of_li_and_ma():
    on, off, ratio = 30.0, 40.0, 0.5
    wanted = 2 * (on * np.log(1.5 / 0.5 * on / (on + off)) + off * np.log(1.5 * off / (on + off)))
    assert significance(np.array(on), np.array(off), ratio) == pytest.approx(np.sqrt(wanted))
    assert significance(np.array(20.0), np.array(40.0), 0.5) == 0.0
    assert significance(np.array(5.0), np.array(40.0), 0.5) < 0
    assert np.isfinite(significance(np.array(5.0), np.array(0.0), 0.5))


@pytest.mark.parametrize("level", [3.0, 300.0])
def test_significance_is_normal_where_there_is_no_peak(level):
    rng = np.random.default_rng(0)
    found = significance(rng.poisson(3 * level, 20000), rng.poisson(6 * level, 20000), 0.5)
    assert np.mean(found > 3.0) == pytest.approx(stats.norm.sf(3.0), abs=3 * np.sqrt(stats.norm.sf(3.0) / 20000) + 5e-4)


@pytest.mark.parametrize("seeds", [40, pytest.param(1000, marks=pytest.mark.truth)])
@pytest.mark.parametrize("name", BACKGROUNDS)
def test_a_background_alone_shows_a_peak_in_at_most_one_survey_of_twenty(name, seeds):
    rng = np.random.default_rng(3)
    seen = [find_peaks(E, rng.poisson(BACKGROUNDS[name]).astype(float))[0].position.size > 0 for _ in range(seeds)]
    assert np.mean(seen) <= 0.05


@pytest.mark.parametrize("seeds", [100, pytest.param(2000, marks=pytest.mark.truth)])
def test_a_peak_is_found_where_it_is(seeds):
    rng = np.random.default_rng(4)
    errors, stated = [], []
    for _ in range(seeds):
        place = 500.0 + rng.random()
        peaks, _ = find_peaks(E, rng.poisson(200.0 + peak(place, 1500.0)).astype(float))
        strongest = peaks.significance.argmax()
        errors.append(peaks.position[strongest] - place)
        stated.append(peaks.u_position[strongest])
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.mean(stated), rel=0.3)
    assert abs(np.mean(errors)) < 0.03


def test_area_and_height_are_those_of_the_peak():
    peaks, _ = find_peaks(E, 1000.0 + peak(400.0, 50_000.0, fwhm=4.0))
    assert peaks.position[0] == pytest.approx(400.0, abs=0.01)
    assert 0.7 * 50_000 < peaks.area[0] < 50_000
    assert peaks.height[0] == pytest.approx(50_000 / (4.0 * 1.0645), rel=0.15)


def test_the_step_behind_a_line_is_no_peak_and_neighbours_are_told_apart():
    step = 400.0 * (E > 500.0)
    counts = 500.0 + step + peak(500.0, 8000.0) + peak(509.0, 5000.0)
    peaks, _ = find_peaks(E, np.random.default_rng(0).poisson(counts).astype(float))
    np.testing.assert_allclose(peaks.position, [500.0, 509.0], atol=0.4)


def test_the_noise_of_rates_is_seen():
    rng = np.random.default_rng(0)
    counts = rng.poisson(BACKGROUNDS["rising"] + peak(500.0, 50_000.0)).astype(float)
    assert spread_over_mean(counts) == pytest.approx(1.0, abs=0.15)
    assert spread_over_mean(counts / 0.1) == pytest.approx(10.0, rel=0.15)


def test_a_survey_shorter_than_the_window_shows_nothing():
    assert (scan(np.ones(10), 3).significance == 0).all()


def lines(*rows: tuple[int, float, float]) -> Lines:
    element, position, strength = (np.array(column) for column in zip(*rows, strict=True))
    return Lines(element.astype(int), position, np.full(len(rows), 1.8), strength)


def survey(*peaks: tuple[float, float]) -> Survey:
    position, area = (np.array(column, dtype=float) for column in zip(*peaks, strict=True))
    return Survey(position, area, E, np.full(E.size, 100.0))


def test_several_lines_in_order_beat_one_that_fits_better():
    table = lines((0, 300.0, 1.0), (0, 400.0, 0.5), (1, 300.5, 1.0), (1, 600.0, 0.8))
    found = assign(survey((300.5, 10_000.0), (400.5, 5_000.0), (900.0, 2_000.0)), table, np.full(2, -4.5))
    assert found.line.tolist() == [0, 1, -1]
    assert found.present.tolist() == [True, False]
    assert (found.confidence[:2] > 0.9).all()


def test_strengths_in_the_wrong_order_speak_against_an_element():
    table = lines((0, 300.0, 1.0), (0, 400.0, 0.2))
    right = assign(survey((300.0, 10_000.0), (400.0, 2_000.0)), table, np.full(1, -4.5))
    wrong = assign(survey((300.0, 500.0), (400.0, 20_000.0)), table, np.full(1, -4.5))
    assert right.score > wrong.score + 2.0


def test_two_elements_with_one_line_at_one_place_are_ambiguous():
    table = lines((0, 300.0, 1.0), (1, 300.0, 1.0))
    found = assign(survey((300.0, 10_000.0)), table, np.full(2, -2.0))
    assert found.confidence[0] < 0.6
    assert found.rivals[0] == [1 - found.line[0]]


def test_a_common_shift_is_found():
    table = lines((0, 300.0, 1.0), (0, 400.0, 0.5), (1, 530.0, 1.0), (1, 700.0, 0.6))
    peaks = [(place + 7.0, 10_000.0 * size) for place, size in ((300, 1.0), (400, 0.5), (530, 1.0), (700, 0.6))]
    assert not assign(survey(*peaks), table, np.full(2, -4.5)).present.any()
    found = assign(survey(*peaks), table, np.full(2, -4.5), largest_shift=10.0)
    assert found.shift == pytest.approx(7.0, abs=1.0)
    assert found.line.tolist() == [0, 1, 2, 3]


def test_a_weak_peak_behind_a_strong_one_may_be_its_loss():
    position, area = np.array([300.0, 320.0, 400.0]), np.array([1000.0, 100.0, 900.0])
    assert loss_of(position, area).tolist() == [-1, 0, -1]


def test_nothing_to_assign():
    empty = Survey(np.zeros(0), np.zeros(0), E, np.full(E.size, 100.0))
    found = assign(empty, lines((0, 300.0, 1.0)), np.full(1, -4.5))
    assert found.line.size == 0
    assert not found.present.any()
