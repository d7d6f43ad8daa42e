"""Read FEI TIA series (.emi with .ser) with rosettasciio; runs in the child."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from imgpipe.errors import ReadError
from imgpipe.readers.edxs_end import flagged
from imgpipe.readers.edxs_images import image_leaf
from imgpipe.readers.edxs_leaves import leaves
from imgpipe.readers.edxs_signals import acquisition, header_of, is_image, is_spectral
from imgpipe.readers.edxs_tia_file import require_series
from imgpipe.readers.leaf import Leaf, Source

UNSTATED = "the file does not say whether these are X-rays or energy losses"


def read(source: Source) -> list[Leaf]:
    """Return lines, maps and spectra of a TIA file, with its images.

    Raises
    ------
    ReadError
        the .ser files are missing, cut, or hold no spectra.
    """
    from rsciio.tia import file_reader

    if not _series(source.path):
        raise ReadError(
            f"the values stand in {source.path.stem}_1.ser, which is not there.", remedy="copy the .ser files too."
        )
    said = [line for path in _series(source.path) for line in require_series(path)]
    signals: list[dict[str, Any]] = file_reader(str(source.path), lazy=False)
    spectral = []
    for signal in signals:
        if is_spectral(signal) and signal["data"].ndim <= 3:
            header = header_of(signal)
            header.flags.append(UNSTATED)
            spectral.append(acquisition(signal, unit="eV", header=header))
    if not spectral:
        raise ReadError("it holds no spectra.", remedy="export images as TIFF.")
    made = leaves(spectral, source)
    pictures: list[Leaf] = []
    for signal in signals:
        if is_image(signal):
            pictures.append(image_leaf(signal, source, pictures, "TIA"))
    others = len(signals) - len(spectral) - len(pictures)
    for leaf in made if others else []:
        leaf.flags.append(f"{others} other signal(s) in the file left out")
    return flagged([*pictures, *made], said)


def _series(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f"{path.stem}_*.ser")) if path.suffix.lower() == ".emi" else [path]
