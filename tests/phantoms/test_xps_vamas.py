"""The VAMAS writer, read back by a small parser that follows ISO 14976 line by line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from imgpipe.phantoms.xps import make, make_batch, write_vamas
from imgpipe.readers import read


def items(path: Path) -> Iterator[str]:
    text = path.read_text(encoding="latin-1").splitlines()
    while text and not text[0].strip():
        text.pop(0)
    return iter(text)


def parse(path: Path) -> list[dict[str, object]]:
    """Read a NORM, REGULAR file without inclusion lists, as the standard orders its lines."""
    lines = items(path)
    take = lambda count: [next(lines) for _ in range(count)]  # noqa: E731
    assert take(1)[0].startswith("VAMAS Surface Chemical Analysis Standard Data Transfer Format")
    take(4)
    take(int(next(lines)))
    assert take(2) == ["NORM", "REGULAR"]
    next(lines)
    variables = [take(2)[0] for _ in range(int(next(lines)))]
    assert take(4) == ["0"] * 4
    blocks = [block(lines, variables) for _ in range(int(next(lines)))]
    assert next(lines).strip().lower() == "end of experiment"
    return blocks


def block(lines: Iterator[str], variables: list[str]) -> dict[str, object]:
    take = lambda count: [next(lines) for _ in range(count)]  # noqa: E731
    out: dict[str, object] = dict(zip(("name", "sample"), take(2), strict=True))
    out["date"] = [int(part) for part in take(7)]
    out["comments"] = take(int(next(lines)))
    assert next(lines) == "XPS"
    out["variables"] = dict(zip(variables, map(float, take(len(variables))), strict=True))
    next(lines)
    out["photon_energy"] = float(take(2)[0])
    take(4)
    out["mode"], out["pass_energy"] = next(lines), float(next(lines))
    out["magnification"], out["work_function"] = take(2)
    take(3)
    out["take_off"] = take(2)
    out["species"], out["transition"], out["charge"] = take(3)
    out["axis"] = take(2)
    start, step = map(float, take(2))
    names = [take(2)[0] for _ in range(int(next(lines)))]
    out["signal"], out["dwell"], out["sweeps"] = next(lines), float(next(lines)), float(next(lines))
    take(4)
    take(3 * int(next(lines)))
    count = int(next(lines))
    limits = [tuple(map(float, take(2))) for _ in names]
    values = np.array([float(text) for text in take(count)]).reshape(-1, len(names)).T
    out |= dict(zip(names, values, strict=True))
    for row, (low, high) in zip(values, limits, strict=True):
        assert (row.min(), row.max()) == pytest.approx((low, high))
    out["kinetic"] = start + step * np.arange(values.shape[1])
    return out


def test_parser_reads_a_real_file(real_data: Path) -> None:
    blocks = parse(real_data / "xps" / "lg4x" / "0-150W.vms")
    assert [found["species"] for found in blocks] == ["wide", "Ni", "O", "C", "W"]
    tungsten = blocks[-1]
    assert (tungsten["photon_energy"], tungsten["work_function"], tungsten["pass_energy"]) == (1486.69, "-4.5", 20.0)
    assert tungsten["Intensity"].sum() == 221926  # type: ignore[attr-defined]


def test_a_file_says_what_the_leaves_say(tmp_path: Path) -> None:
    tree, _ = make(1, preset="argyrodite", emission_angle=30.0)
    blocks = parse(write_vamas(tree, tmp_path / "both.vms"))
    leaves = [node.to_dataset() for node in tree.leaves]
    assert len(blocks) == len(leaves) == 14
    for found, leaf in zip(blocks, leaves, strict=True):
        energy = found["photon_energy"] - found["kinetic"]  # type: ignore[operator]
        np.testing.assert_allclose(energy[::-1], leaf["energy"], atol=1e-6)
        np.testing.assert_array_equal(found["Intensity"][::-1], leaf["counts"])  # type: ignore[index]
        np.testing.assert_allclose(found["Transmission"][::-1], leaf["transmission"], rtol=1e-5)  # type: ignore[index]
        assert (found["sample"], found["name"]) == (leaf.attrs["sample"], leaf.attrs["region"])
        assert f"{found['species']} {found['transition']}".strip() == leaf.attrs["region"]
        assert (found["dwell"], found["sweeps"]) == (float(leaf["dwell_time"]), float(leaf["sweeps"]))
        assert found["pass_energy"] == float(leaf["pass_energy"])
        assert found["axis"] == ["Kinetic energy", "eV"]
        assert found["take_off"] == ["30", "1E+37"]
        assert (found["mode"], found["magnification"], found["charge"]) == ("FAT", "1E+37", "-1")
        assert any("Charge Neutraliser : On" in line for line in found["comments"])  # type: ignore[attr-defined]


def test_a_series_is_one_block_per_cycle(tmp_path: Path) -> None:
    tree, truth = make(1, preset="series", count=75)
    blocks = parse(write_vamas(tree, tmp_path / "series.vms", transmission=False, work_function=False))
    assert len(blocks) == 75
    counts = tree["S 2p"]["counts"].values
    for number, found in enumerate(blocks):
        np.testing.assert_array_equal(found["Intensity"][::-1], counts[number])  # type: ignore[index]
        assert found["variables"] == pytest.approx(
            {"time": float(truth["time"][number]), "charge [mAh/cm^2]": float(truth["charge"][number])}
        )
        assert found["work_function"] == "1E+37"
        assert "Transmission" not in found
    assert blocks[31]["date"][:5] == [2026, 3, 2, 11, 2]  # type: ignore[index]


@pytest.mark.parametrize(("preset", "truth"), [("argyrodite", {"emission_angle": 30.0}), ("series", {"count": 5})])
def test_the_reader_gives_the_leaves_back(tmp_path: Path, preset: str, truth: dict[str, float]) -> None:
    tree, _ = make(1, preset=preset, **truth)  # type: ignore[arg-type]
    again = read(write_vamas(tree, tmp_path / "again.vms"))
    assert [node.path for node in again.leaves] == [node.path for node in tree.leaves]
    for node in tree.leaves:
        given, found = node.to_dataset(), again[node.path].to_dataset().load()
        np.testing.assert_array_equal(found["counts"], given["counts"])
        np.testing.assert_allclose(found["energy"], given["energy"], atol=1e-9)
        np.testing.assert_allclose(found["transmission"], given["transmission"], rtol=1e-5)
        for name, variable in {**given.data_vars, **given.coords}.items():
            assert found[name].attrs["units"] == variable.attrs["units"]
            if variable.ndim == 0 or name in ("time", "charge"):
                np.testing.assert_allclose(found[name], variable)
        for key in ("technique", "region", "element", "line", "sample", "acquired", "charge_neutraliser", "instrument"):
            assert found.attrs[key] == given.attrs[key]


def test_lines_end_as_instruments_end_them(tmp_path: Path) -> None:
    tree, _ = make(1, preset="metal_oxide")
    text = write_vamas(tree["oxide_W"], tmp_path / "w.vms").read_bytes()
    assert text.count(b"\n") == text.count(b"\r\n")
    assert text.endswith(b"end of experiment\r\n")
    assert text == write_vamas(tree["oxide_W"], tmp_path / "again.vms").read_bytes()


def test_mixed_experimental_variables_are_refused(tmp_path: Path) -> None:
    tree, _ = make(1, preset="series", count=3)
    leaf, _ = make_batch([0], region="C 1s")
    tree["C 1s"] = leaf
    with pytest.raises(ValueError, match="experimental variables"):
        write_vamas(tree, tmp_path / "mixed.vms")
