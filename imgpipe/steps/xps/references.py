"""Lines that an energy scale can be referenced to, with their energies and what overlaps with them."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from imgpipe.errors import DataError
from imgpipe.kernels.line_position import LineModel, Neighbour
from imgpipe.species import load_library


@dataclass(frozen=True)
class Reference:
    """A reference.

    Attributes
    ----------
    name : for flags and tables
    regions : where it may be found, the best first
    energy, u_energy : eV, by definition or as published
    window : eV about `energy` that is fitted
    model : the line among its neighbours; none for a Fermi edge
    source : where the energy comes from
    """

    name: str
    regions: tuple[str, ...]
    energy: float
    u_energy: float
    window: tuple[float, float]
    model: LineModel | None
    source: str


CARBON = LineModel(fwhm=1.2, lorentz=0.087, neighbours=(Neighbour(1.5, 0.2), Neighbour(3.0, 0.3), Neighbour(4.1, 0.3)))
SULFUR = LineModel(1.18, 0.5, (Neighbour(-1.3, 0.2), Neighbour(1.7, 0.3), Neighbour(5.6, 0.6)), fwhm=1.1, lorentz=0.054)
PHOSPHORUS = LineModel(0.87, 0.5, (Neighbour(1.5, 0.3), Neighbour(-4.0, 0.7)), fwhm=1.1, lorentz=0.033)
ARGON = LineModel(2.12, 0.5, fwhm=1.0, lorentz=0.12)

REFERENCES: dict[str, Reference] = {
    "C 1s": Reference(
        "C 1s of hydrocarbons", ("C 1s",), 284.8, 0.2, (-4.0, 8.0), CARBON,
        "convention 284.8 eV; 0.2 eV is its usual spread on air-exposed samples, not a bound",
    ),
    "PS4": Reference(
        "P 2p3/2 of PS4", ("P 2p",), 131.9, 0.2, (-7.0, 5.0), PHOSPHORUS, "131.6 to 132.1 eV, to be checked"
    ),
    "PS4 in S 2p": Reference(
        "S 2p3/2 of PS4", ("S 2p",), 161.5, 0.2, (-4.0, 9.0), SULFUR, "161.2 to 161.8 eV, to be checked"
    ),
    "Fermi edge": Reference("Fermi edge", ("Fermi edge", "VB"), 0.0, 0.02, (-1.5, 1.0), None, "zero by definition"),
    "Ar 2p": Reference(
        "Ar 2p3/2 of implanted argon", ("Ar 2p",), 241.9, 0.3, (-4.0, 6.0), ARGON,
        "241.3 to 242.5 eV, depends on the host; give yours with `energy`",
    ),
}  # fmt: skip
"""Energies in eV. Only the Fermi edge is one by definition."""


def find_reference(
    kind: str, region: str | None, energy: float | None, u_energy: float | None, there: Collection[str] = ()
) -> Reference:
    """Return a reference of the table, or any line by region and energy.

    Parameters
    ----------
    kind : key of `REFERENCES` or "line"; "PS4" means S 2p where that is asked for or P 2p is not `there`
    region : asked for; none for the usual one
    there : regions of the sample

    Raises
    ------
    DataError
        when a line is asked for without its region or energy.
    """
    if kind == "line":
        if region is None or energy is None:
            raise DataError(
                "reference: line needs a region and an energy.", remedy="give `leaf: O 1s` and `energy: 530.2 eV`."
            )
        return _line(region, energy, 0.1 if u_energy is None else u_energy)
    in_sulfur = kind == "PS4" and (region == "S 2p" or (region is None and "P 2p" not in there and "S 2p" in there))
    found = REFERENCES["PS4 in S 2p" if in_sulfur else kind]
    return replace(
        found,
        regions=found.regions if region is None else (region,),
        energy=found.energy if energy is None else energy,
        u_energy=found.u_energy if u_energy is None else u_energy,
    )


def _line(region: str, energy: float, u_energy: float) -> Reference:
    """Return any line: its splitting and width from the species library where the region is known."""
    known = load_library().lines.get(region)
    model = LineModel()
    reach = 4.0
    if known is not None:
        model = LineModel(known.splitting or 0.0, known.ratio or 0.0, lorentz=known.natural_width, u_lorentz=0.1)
        reach += known.splitting or 0.0
    return Reference(f"{region} at {energy:g} eV", (region,), energy, u_energy, (-4.0, reach), model, "as given")
