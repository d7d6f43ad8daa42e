"""The example data in the repository is what its generator makes, and what ORIGIN.md says of it."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import tifffile
import yaml

from imgpipe.phantoms.command_line import write_from_command_line
from imgpipe.phantoms.example_data import EXAMPLES, SCALE_FACTOR, U_SCALE, section, write_all
from imgpipe.phantoms.section import Section

COMMITTED = Path(__file__).parents[2] / "example_data" / "cross_section"


def files_below(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def test_regenerates_byte_for_byte(tmp_path: Path) -> None:
    made = write_all(tmp_path / "made")
    again, committed = files_below(tmp_path / "made"), files_below(COMMITTED)
    assert len(made) == len(again)
    assert sorted(again) == sorted(committed)
    assert [name for name in again if again[name] != committed[name]] == []


def test_small_and_mixed() -> None:
    assert sum(map(len, files_below(COMMITTED).values())) <= 2_000_000
    assert len(EXAMPLES) >= 5
    assert len({example.vendor for example in EXAMPLES}) >= 3
    assert sum(example.bound for example in EXAMPLES) == 1


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_each_image_is_wide_enough_and_a_usual_draw(example: object) -> None:
    dataset, truth = section(example)  # type: ignore[arg-type]
    width = dataset.sizes["x"] * float(truth["true_pixel_size"])
    longest = float(truth["correlation_length"].max())
    assert width >= 20 * longest
    error = truth["sd_thickness"] * (2 * longest / width) ** 0.5
    assert (abs(truth["realised_thickness"] - truth["process_thickness"]) < error).all()
    assert truth["thickness_px"].min() < 8 if example.bound else truth["thickness_px"].min() > 10  # type: ignore[attr-defined]
    assert float(truth["true_pixel_size"] / truth["pixel_size"]) == pytest.approx(SCALE_FACTOR, rel=2 * U_SCALE)


def test_thin_layer_is_thinner_than_two_edge_widths() -> None:
    for example in EXAMPLES:
        _, truth = section(example)
        assert (truth["thickness_px"] < 2 * truth["edge_sigma"]).any() == example.bound


def test_expected_table_and_names_agree() -> None:
    rows = list(csv.DictReader((COMMITTED / "expected" / "layers.csv").open()))
    for row in rows:
        stem, _, stack = row["file"].removesuffix(".tif").rpartition("_")
        assert (stem, stack) == (row["sample"], row["stack"])
        assert row["layer"] in stack.split("-")[1:-1]
        assert tifffile.TiffFile(COMMITTED / row["file"]).pages[0].shape[1] >= 600
    assert {row["file"] for row in rows} == {path.name for path in COMMITTED.glob("*.tif")}
    assert len(rows) == sum(len(Section(**example.truth).layers) - 2 for example in EXAMPLES)


def test_certificate_states_what_calibration_needs() -> None:
    facts = yaml.safe_load((COMMITTED / "certificate.yaml").read_text())
    assert (facts["factor_x"], facts["factor_y"], facts["u"]) == (SCALE_FACTOR, SCALE_FACTOR, U_SCALE)
    assert facts["u_is"] == "standard"
    assert {"certificate", "date", "beam_energy_kV", "working_distance_mm", "artefact"} <= set(facts)


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert write_from_command_line([], write_all, "imgpipe.phantoms.example_data") == 2
    assert write_from_command_line([str(tmp_path / "out")], write_all, "imgpipe.phantoms.example_data") == 0
    assert "MB" in capsys.readouterr().out
    assert (tmp_path / "out" / "ORIGIN.md").is_file()
