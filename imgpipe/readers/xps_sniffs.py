"""Know text formats of XPS by their first lines (standard library only: the parent process uses it)."""

from __future__ import annotations


def vamas(head: bytes) -> bool:
    """Tell a VAMAS file with blank lines before its first line."""
    return head.lstrip(b"\xef\xbb\xbf\r\n\t ").lower().startswith(b"vamas surface chemical analysis standard data")
