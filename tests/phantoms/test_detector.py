"""Noise has the size and the law asked for; counts stay within their bits."""

from __future__ import annotations

import numpy as np
import pytest

from imgpipe.phantoms.detector import record


def recorded(grey: float, **changes: float) -> np.ndarray:
    options = {"noise": 12.0, "shot_share": 0.0, "reference": 100.0, "bits": 16} | changes
    return record(np.full((400, 500), grey), np.random.default_rng(4), **options).astype(np.float64)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_noise_at_the_reference_grey(share: float) -> None:
    counts = recorded(100.0, shot_share=share) / 256
    assert counts.std() == pytest.approx(12.0, rel=0.01)
    assert counts.mean() == pytest.approx(100.0, abs=0.15)


def test_shot_noise_grows_with_the_signal_and_readout_does_not() -> None:
    bright, dark = (recorded(grey, shot_share=0.75).var() / 256**2 for grey in (150.0, 50.0))
    assert bright == pytest.approx(144 * (0.25 + 0.75 * 1.5), rel=0.02)
    assert dark == pytest.approx(144 * (0.25 + 0.75 * 0.5), rel=0.02)


@pytest.mark.parametrize(("bits", "kind", "top"), [(8, np.uint8, 255), (12, np.uint16, 4095), (16, np.uint16, 65535)])
def test_bit_depth_and_saturation(bits: int, kind: type, top: int) -> None:
    rng = np.random.default_rng(0)
    counts = record(np.full((64, 64), 250.0), rng, noise=10.0, shot_share=0.0, reference=100.0, bits=bits)
    assert counts.dtype == kind
    assert counts.max() == top
    assert 0.2 < (counts == top).mean() < 0.45


def test_rounding_errors_of_a_machine_do_not_change_the_draw() -> None:
    grey = np.random.default_rng(1).uniform(20.0, 200.0, (64, 64))
    first, second = (
        record(image, np.random.default_rng(2), noise=8.0, shot_share=1.0, reference=100.0, bits=8)
        for image in (grey, grey * (1 + 1e-13))
    )
    np.testing.assert_array_equal(first, second)
