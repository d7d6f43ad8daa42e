"""Pixels along a segment: each is counted once, where its centre lies."""

from __future__ import annotations

import numpy as np
import pytest

from imgpipe.kernels.segment_bins import Segment, assign, natural_step, sum_over_bins


def one_by_one(x: np.ndarray, y: np.ndarray, segment: Segment) -> np.ndarray:
    """Assign pixels by plain geometry, one after the other."""
    ux, uy = segment.direction
    found = np.full((y.size, x.size), -1)
    for i, j in np.ndindex(found.shape):
        dx, dy = x[j] - segment.start[0], y[i] - segment.start[1]
        along, across = dx * ux + dy * uy, dy * ux - dx * uy
        for track, offset in enumerate(segment.offsets):
            for k in range(segment.bins):
                inside = abs(along - k * segment.step) < segment.step / 2 and abs(across - offset) < segment.width / 2
                found[i, j] = track * segment.bins + k if inside else found[i, j]
    return found


@pytest.mark.parametrize("angle", [11.0, 33.0, 100.0, 200.0, 301.0])
@pytest.mark.parametrize("tracks", [1, 3])
def test_bins_are_those_of_plain_geometry(angle, tracks):
    x, y = np.arange(20) * 3.0 + 7.0, np.arange(24) * 2.0 - 5.0
    end = 40.0 + 21.3 * np.cos(np.radians(angle)), 20.0 + 21.3 * np.sin(np.radians(angle))
    segment = Segment((40.0, 20.0), end, 7.31, 2.77, tracks)
    bins, ahead = assign(x, y, segment)
    np.testing.assert_array_equal(bins, one_by_one(x, y, segment))
    assert abs(ahead) < 0.5 * segment.step


def test_positions_lead_by_what_the_pixels_do():
    segment = Segment((0.3, 5.0), (9.3, 5.0), 3.0, 1.0)
    bins, ahead = assign(np.arange(10.0), np.arange(10.0), segment)
    assert ahead == pytest.approx(-0.3)  # pixels at 0.7, 1.7 ... stand in bins 1, 2 ...
    np.testing.assert_array_equal(np.unique(bins[4:7]), np.arange(10))
    assert (bins[[3, 7]] == -1).all()


def test_neighbouring_tracks_share_no_pixel_and_leave_none_out():
    x = y = np.arange(30.0)
    wide, _ = assign(x, y, Segment((5.0, 6.0), (22.0, 25.0), 9.0, 1.4))
    thirds, _ = assign(x, y, Segment((5.0, 6.0), (22.0, 25.0), 3.0, 1.4, 3))
    np.testing.assert_array_equal(wide >= 0, thirds >= 0)
    many = Segment((5.0, 6.0), (22.0, 25.0), 3.0, 1.4).bins
    np.testing.assert_array_equal(np.where(thirds >= 0, thirds % many, -1), wide)


def test_natural_step_is_a_pixel_along_an_axis():
    assert natural_step((1.0, 0.0), (3.0, 5.0)) == 3.0
    assert natural_step((0.0, -1.0), (3.0, 5.0)) == 5.0
    assert natural_step((np.sqrt(0.5), np.sqrt(0.5)), (2.0, 2.0)) == pytest.approx(2.0 * np.sqrt(2.0))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float32"])
def test_sums_are_exact_and_do_not_wrap_around(dtype):
    generator = np.random.default_rng(3)
    values = generator.integers(0, 250, (12, 13, 9)).astype(dtype)
    bins = generator.integers(-1, 5, (12, 13)).astype(np.int32)
    found = sum_over_bins(values, bins, 6)
    wanted = np.array([values[bins == k].astype(np.int64).sum(axis=0) for k in range(6)])
    np.testing.assert_array_equal(found, wanted)
    assert found.dtype == {"u": np.uint64, "i": np.int64, "f": np.float64}[np.dtype(dtype).kind]
