"""One thing that was looked at: how it is, and what to do where it is not well."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

OK, MISSING, FAILED = "ok", "missing", "failed"


@dataclass(frozen=True)
class Finding:
    """name: what was looked at.  status: OK, MISSING or FAILED.  said: how it is, in one line.  do: what to do, ""
    where nothing need be done.  needed: no map can be trusted while this is not ok.  numbers: ``said`` as values.
    """

    name: str
    status: str
    said: str
    do: str = ""
    needed: bool = False
    numbers: dict[str, Any] = field(default_factory=dict)

    @property
    def stops(self) -> bool:
        """Whether no map can be made because of it."""
        return self.needed and self.status != OK

    def to_json(self) -> dict:
        return asdict(self)


def memory_text(count: float) -> str:
    """Bytes of memory as cards and machines are sold: "8.0 GiB"."""
    return f"{count / 2**30:.1f} GiB"


def size_text(count: float) -> str:
    """Bytes as a person says them: "0.3 GB", "12 GB", "80 MB"."""
    if count < 1e8:
        return f"{count / 1e6:.0f} MB"
    return f"{count / 1e9:.1f} GB" if count < 1e10 else f"{count / 1e9:.0f} GB"
