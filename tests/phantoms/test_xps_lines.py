"""Lines, losses and regions of the XPS phantoms against formulae worked out another way."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import voigt_profile

from imgpipe.phantoms.xps.core_lines import LINES, cross_section
from imgpipe.phantoms.xps.layers import Layer, emission
from imgpipe.phantoms.xps.losses import Loss, Plasmon, drude, inelastic, universal
from imgpipe.phantoms.xps.natural_lines import (
    CUTOFF,
    doniach_cells,
    gauss_of_voigt,
    line_cells,
    lorentzian_cells,
    voigt_fwhm,
)
from imgpipe.phantoms.xps.region import Distant, Peak, Region, doublet, noise_free
from imgpipe.phantoms.xps.spectrometer import Spectrometer, attenuation_length

SIGMA = 1.0 / np.sqrt(8.0 * np.log(2.0))
COLUMN = np.array([[0.3]])


def region(*peaks: Peak, **further: object) -> Region:
    settings = {"floor": 0.0, "low": 158.0, "high": 172.0, "step": 0.1, **further}
    return Region("S 2p", peaks=peaks, **settings)  # type: ignore[arg-type]


def single(**further: object) -> Peak:
    values = {"position": 163.03, "area": 1000.0, "gauss_fwhm": 1.0, "natural_width": 0.2, **further}
    return Peak("A", "2p3/2", **values)  # type: ignore[arg-type]


def width(energy: np.ndarray, curve: np.ndarray) -> float:
    above = np.flatnonzero(curve >= 0.5 * curve.max())
    ends = []
    for inside, outside in ((above[0], above[0] - 1), (above[-1], above[-1] + 1)):
        part = (0.5 * curve.max() - curve[outside]) / (curve[inside] - curve[outside])
        ends.append(energy[outside] + part * (energy[inside] - energy[outside]))
    return float(ends[1] - ends[0])


def test_cells_of_a_lorentzian() -> None:
    edges = np.linspace(-50.0, 50.0, 10001)
    cells = lorentzian_cells(edges, 0.7 * np.ones((1, 1)), COLUMN)
    assert cells.sum() == pytest.approx(1.0, abs=2 * 0.3 / (2 * np.pi * 49))
    middle = 0.5 * (edges[1:] + edges[:-1])
    assert middle[cells[0].argmax()] == pytest.approx(0.7, abs=0.01)


@pytest.mark.parametrize("asymmetry", [0.02, 0.12, 0.3])
def test_cells_of_a_doniach_sunjic_line(asymmetry: float) -> None:
    half = 0.15

    def published(energy: float) -> float:
        x = -energy  # the published form counts kinetic energy
        angle = np.pi * asymmetry / 2 + (1 - asymmetry) * np.arctan(x / half)
        return float(np.cos(angle) / (x**2 + half**2) ** ((1 - asymmetry) / 2) * np.exp(-max(energy, 0.0) / CUTOFF))

    edges = np.linspace(-30.0, 60.0, 9001)
    cells = doniach_cells(edges, np.zeros((1, 1)), COLUMN, np.array([[asymmetry]]))[0]
    places = [2900, 2995, 3000, 3010, 3100, 3800]
    integrals = np.array([quad(published, edges[k], edges[k + 1])[0] for k in places])
    np.testing.assert_allclose(cells[places] / cells[3000], integrals / integrals[2], rtol=2e-5)
    assert cells[3100:4000].sum() > cells[2000:2900].sum()  # the tail goes to high binding energy
    assert cells.sum() == pytest.approx(1.0, abs=3e-3)


def test_asymmetry_goes_to_a_lorentzian() -> None:
    edges = np.linspace(-20.0, 20.0, 2001)
    zero, small = (line_cells(edges, np.zeros((1, 1)), COLUMN, np.array([[a]])) for a in (0.0, 1e-3))
    cut = zero * np.exp(-np.maximum(0.5 * (edges[1:] + edges[:-1]), 0.0) / CUTOFF)
    np.testing.assert_allclose(small / small.max(), cut / cut.max(), atol=2e-3)
    with pytest.raises(ValueError, match="asymmetry"):
        line_cells(edges, np.zeros((2, 1)), COLUMN, np.array([[0.0], [0.1]]))


def test_width_of_voigt() -> None:
    gauss = gauss_of_voigt(1.1, 0.25)
    assert voigt_fwhm(gauss, 0.25) == pytest.approx(1.1, rel=1e-12)
    energy = np.linspace(-4.0, 4.0, 8001)
    assert width(energy, voigt_profile(energy, gauss * SIGMA, 0.125)) == pytest.approx(1.1, rel=5e-4)
    with pytest.raises(ValueError, match="natural width"):
        gauss_of_voigt(0.2, 0.3)


@pytest.mark.parametrize("natural", [0.054, 0.3])
def test_convolved_line_is_a_voigt_function(natural: float) -> None:
    made = region(single(natural_width=natural))
    expected = 1000.0 * voigt_profile(made.energy - 163.03, SIGMA, 0.5 * natural)
    np.testing.assert_allclose(noise_free(made).elastic[0], expected, atol=1e-6 * expected.max())


def test_positions_splitting_and_area_of_a_doublet() -> None:
    made = region(*doublet("PS4", "S 2p", 161.6, 900.0, 0.6, splitting=1.3), step=0.02)
    curve = noise_free(made).elastic[0]
    rising = np.flatnonzero((curve[1:-1] > curve[:-2]) & (curve[1:-1] > curve[2:])) + 1
    np.testing.assert_allclose(made.energy[rising], [161.6, 162.9], atol=0.03)
    assert np.trapezoid(curve, made.energy) == pytest.approx(900.0, rel=0.01)
    first, second = made.peaks
    assert (first.line, second.line) == ("2p3/2", "2p1/2")
    assert first.area == pytest.approx(2 * second.area)
    assert second.position - first.position == pytest.approx(1.3)


@pytest.mark.parametrize(("line", "share"), [("S 2p", 1 / 3), ("W 4f", 3 / 7), ("C 1s", 0.0), ("W 5p", 0.0)])
def test_statistical_share_of_the_second_line(line: str, share: float) -> None:
    assert LINES[line].second_share == pytest.approx(share)
    peaks = doublet("A", line, 100.0, 7.0, 1.0)
    assert sum(peak.area for peak in peaks) == pytest.approx(7.0)
    assert len(peaks) == (1 if share == 0 else 2)


def test_charge_spread_widens_to_high_energy_and_keeps_the_mean() -> None:
    wide = {"low": 150.0, "high": 176.0}
    plain, spread = (
        noise_free(region(single(charge_spread=s, natural_width=1e-3), **wide)).elastic[0] for s in (0, 0.4)
    )
    energy = region(**wide).energy
    mean = [np.average(energy, weights=curve) for curve in (plain, spread)]
    assert mean[0] == pytest.approx(mean[1], abs=2e-3)
    variance = [np.average((energy - m) ** 2, weights=curve) for m, curve in zip(mean, (plain, spread), strict=True)]
    assert variance[1] - variance[0] == pytest.approx(0.4**2, rel=0.01)
    assert np.average((energy - mean[1]) ** 3, weights=spread) == pytest.approx(2 * 0.4**3, rel=0.05)


def test_universal_cross_section() -> None:
    assert quad(lambda t: float(universal(np.array(t))), 0, np.inf)[0] == pytest.approx(2866 / (2 * 1643), rel=1e-6)
    losses = np.linspace(0.0, 100.0, 10001)
    assert losses[universal(losses).argmax()] == pytest.approx(np.sqrt(1643 / 3), abs=0.02)
    assert Loss(universal=1.0, gap=4.0).density(np.array([3.9, 4.1]))[0].tolist() == [
        0.0,
        float(universal(np.array(4.1))),
    ]


def test_plasmon_stands_at_its_energy_and_counts_once() -> None:
    losses = np.linspace(0.0, 400.0, 40001)
    curve = drude(losses, 10.6, 1.6)
    assert np.trapezoid(curve, losses) == pytest.approx(1.0, rel=1e-3)
    assert losses[curve.argmax()] == pytest.approx(10.6, abs=0.1)
    made = Loss(plasmons=(Plasmon(10.6, 1.6, 0.45),), orders=2)
    primary = np.zeros((1, 4000))
    primary[0, 100] = 50.0
    lost = inelastic(primary, made, 0.02)[0]
    energy = 0.02 * (np.arange(4000) - 100)
    assert energy[lost.argmax()] == pytest.approx(10.6, abs=0.1)
    second = (energy > 17.5) & (energy < 25.5)
    assert energy[second][lost[second].argmax()] == pytest.approx(21.2, abs=0.4)
    assert lost.sum() * 0.02 == pytest.approx(0.45 + 0.45**2, rel=0.03)


def test_no_losses_below_the_lowest_line() -> None:
    made = region(*doublet("A", "S 2p", 164.0, 1e4, 1.0), losses={"bulk": Loss(step=0.01, universal=2.0, orders=3)})
    curves = noise_free(made)
    below = made.energy < 161.0
    assert np.abs(curves.inelastic[0, below]).max() < 0.01 * curves.inelastic.max()
    assert (np.diff(curves.inelastic[0]) > -1e-9).all()


def test_equally_probable_losses_are_the_running_integral() -> None:
    made = region(*doublet("A", "S 2p", 164.0, 1e4, 1.0), losses={"bulk": Loss(step=0.02)}, step=0.02)
    curves = noise_free(made)
    running = 0.02 * np.concatenate([[0.0], np.cumsum(0.5 * (curves.elastic[0, 1:] + curves.elastic[0, :-1])) * 0.02])
    np.testing.assert_allclose(np.diff(curves.inelastic[0]), np.diff(running), atol=1e-9)
    assert curves.inelastic[0, -1] == pytest.approx(0.02 * 1e4, rel=3e-3)


def test_floor_and_height_are_as_asked() -> None:
    made = region(single(), floor=0.2, floor_slope=0.01, peak_counts=12000.0)
    curves = noise_free(made)
    assert curves.elastic.max() == pytest.approx(12000.0, rel=2e-3)  # the highest point may lie between channels
    np.testing.assert_allclose(curves.floor[0, [0, -1]], [2400.0, 2400.0 * 1.14], rtol=1e-9)


def test_lines_below_send_only_losses() -> None:
    made = region(single(), losses={"bulk": Loss(universal=1.0)}, distant=(Distant(132.0, 0.5),))
    alone = region(single(), losses={"bulk": Loss(universal=1.0)})
    added = noise_free(made).inelastic - noise_free(alone).inelastic
    np.testing.assert_allclose(added[0], 500.0 * universal(made.energy - 132.0), rtol=1e-9)


def test_a_batch_is_its_members() -> None:
    places, widths = np.array([161.0, 162.5, 163.3]), np.array([0.8, 1.0, 1.4])
    losses = {"bulk": Loss(step=np.array([0.0, 0.01, 0.02]), universal=1.0, orders=2)}
    batch = noise_free(region(single(position=places, gauss_fwhm=widths), losses=losses, peak_counts=1e4))
    for row, (place, fwhm) in enumerate(zip(places, widths, strict=True)):
        one = {"bulk": Loss(step=0.01 * row, universal=1.0, orders=2)}
        alone = noise_free(region(single(position=place, gauss_fwhm=fwhm), losses=one, peak_counts=1e4))
        np.testing.assert_allclose(batch.total[row], alone.total[0], rtol=1e-9)


@pytest.mark.parametrize(("line", "ratio"), [("S 2p", 1.675), ("P 2p", 1.191), ("W 4f", 9.808), ("Li 1s", 0.0568)])
def test_cross_sections_are_scofields(line: str, ratio: float) -> None:
    assert cross_section(line, 1486.6) / cross_section("C 1s", 1486.6) == pytest.approx(ratio, rel=2e-3)


@pytest.mark.parametrize("angle", [0.0, 60.0])
def test_layers_follow_beer_and_lambert(angle: float) -> None:
    thickness = np.array([0.3, 2.0])
    seen = emission((Layer("oxide", thickness, 20.0, 2.5), Layer("metal", np.inf, 60.0, 1.9)), angle)
    cosine = np.cos(np.radians(angle))
    through = np.exp(-thickness / (2.5 * cosine))
    np.testing.assert_allclose(seen["oxide"], 20.0 * 2.5 * cosine * (1 - through), rtol=2e-6)
    np.testing.assert_allclose(seen["metal"], 60.0 * 1.9 * cosine * through, rtol=2e-4)


def test_spectrometer() -> None:
    scan = Spectrometer(transmission_exponent=0.6, dose_drift=0.1)
    assert scan.transmission(486.69) == pytest.approx(1.0)
    energy = np.linspace(158.0, 172.0, 141)
    seen = scan.seen(np.ones((1, 141)), energy, np.array([160.0]))
    assert seen[0, -1] == pytest.approx(float(scan.transmission(172.0) / scan.transmission(160.0)))
    assert seen[0, 20] == pytest.approx(1.0 + 0.1 * (1 - 20 / 140))
    assert attenuation_length(486.69, 2.2) == pytest.approx(2.2)
