"""Totals of all lines of a Monte Carlo line scan, whose detector and ratios of lines are not those of the model."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from imgpipe.binding import Call, apply
from imgpipe.phantoms.edxs import make
from imgpipe.steps.edxs.intensities import line_intensities

ELEMENTS = ["P", "S", "Cl", "Mg", "W", "Cu"]


def measured(seed: int, pile_up: float) -> tuple[xr.Dataset, np.ndarray]:
    """Return a measured scan, and the mean counts of each row's line that were recorded alone."""
    tree, truth = make(seed, preset="plated", pile_up=pile_up)
    call = Call(line_intensities, line_intensities.settings(elements=ELEMENTS))
    found = apply(call, tree)["line"].to_dataset()
    counts = dict(zip(truth["line"].values, truth["line_counts"].sum("position").values, strict=True))
    return found, (1.0 - 2.0 * pile_up) * np.array([counts[str(line)] for line in found["xray_line"].values])


def pulls(seeds: range, pile_up: float) -> np.ndarray:
    """Return estimate less truth over u, (seeds, lines)."""
    each = [measured(seed, pile_up) for seed in seeds]
    return np.array([(f["total_intensity"].values - truth) / f["u_total_intensity"].values for f, truth in each])


def test_the_sum_spectrum_is_described_and_its_totals_are_right():
    found, truth = measured(101, 2e-3)
    z = (found["total_intensity"].values - truth) / found["u_total_intensity"].values
    assert np.all(np.abs(z) < 3.5)
    inside = found["sum_fit"] > 5.0
    residual = (found["sum_residual"] / np.sqrt(found["sum_fit"])).where(inside, drop=True)
    assert 0.75 < float((residual**2).mean()) < 1.25
    assert abs(float(found["pile_up"]) - 0.2) < 3.0 * float(found["u_pile_up"])
    assert "misfit" not in found.attrs["flags"]


def test_totals_of_few_scans():
    assert (np.abs(pulls(range(200, 206), 2e-3)) < 1.96).mean() > 0.95 - 3.0 * np.sqrt(0.95 * 0.05 / 54)


@pytest.mark.truth
@pytest.mark.parametrize("pile_up", [0.0, 2e-3])
def test_coverage_of_all_totals(pile_up):
    n = 200
    inside = (np.abs(pulls(range(1000, 1000 + n), pile_up)) < 1.96).mean(axis=0)
    print(inside)
    assert np.all(inside > 0.95 - 3.0 * np.sqrt(0.95 * 0.05 / n))
