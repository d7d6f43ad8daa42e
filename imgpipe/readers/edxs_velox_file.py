"""rosettasciio's decoder of Velox files without its decoder of streams (child; loaded on use)."""

from __future__ import annotations

from typing import Any

from rsciio.emd._emd_velox import FeiEMDReader, _parse_sub_data_group_metadata


class VeloxReader(FeiEMDReader):  # type: ignore[misc]
    """Reads spectra, images and metadata; the stream of X-rays is left to `imgpipe.readers.edxs_events`."""

    def __init__(self) -> None:
        super().__init__(lazy=False)

    def _read_data(self, select_type: object) -> None:
        self.load_images = self.load_SI = self.load_single_spectrum = True
        self._read_single_spectrum()
        self._read_images()

    def stream_signal(self, stream: Any, channels: int) -> dict[str, Any]:
        """Return axes and metadata of a stream of X-rays, as rosettasciio would."""
        told = {**_parse_sub_data_group_metadata(stream), **self.original_metadata}
        self.detector_information, self.detector_name = self._get_detector_information(told), "EDS"
        step, start, unit = self._get_dispersion_offset(told)
        result = told["BinaryResult"]
        axes: list[dict[str, Any]] = [
            {"name": name, "scale": float(result["PixelSize"][side]), "units": result["PixelUnitX"]}
            for name, side in (("y", "height"), ("x", "width"))
        ]
        axes.append({"name": "X-ray energy", "offset": start, "scale": step, "size": channels, "units": unit})
        metadata = self._get_metadata_dict(told)
        metadata["Signal"]["signal_type"] = "EDS"
        return {"axes": axes, "metadata": metadata, "original_metadata": told, "mapping": self._get_mapping()}
