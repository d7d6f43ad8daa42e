"""One NeXus file per group: NXxps entries with their fits (NXfit), which `imgpipe.read` reads back as they were."""

from __future__ import annotations

from imgpipe.nexus.export import export_group, exportable

__all__ = ["export_group", "exportable"]
