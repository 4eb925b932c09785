"""File names as parts of URIs (RFC 3986). Names are bytes first: what is no text is encoded as its bytes, not refused."""

from __future__ import annotations

from urllib.parse import quote


def percent_encoded(text: str, safe: str = "") -> str:
    """The text with everything but unreserved characters and `safe` percent-encoded."""
    try:
        octets = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a surrogate that stands for no byte: no file system can hold it
        octets = text.encode("utf-8", "surrogatepass")
    return quote(octets, safe=safe)


def uri_from_path(path: str) -> str:
    """A `file` URI for an absolute path, a relative reference for any other."""
    encoded = percent_encoded(path, safe="/")
    return "file://" + encoded if path.startswith("/") else encoded
