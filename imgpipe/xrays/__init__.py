"""What is known of X-ray lines and matter: line energies and weights, edges, absorption, resolution, overlaps."""

from __future__ import annotations
