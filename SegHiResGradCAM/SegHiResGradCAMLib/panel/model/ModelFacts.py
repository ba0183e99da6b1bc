"""What the panel knows about the chosen model before anything of it has run."""

from __future__ import annotations

from dataclasses import dataclass

from ...setup.Translation import _
from . import ModelList

UNREAD, READING, READ, FAILED = "unread", "reading", "read", "failed"


@dataclass(frozen=True)
class ModelFacts:
    """key, source: see ModelList.  state: UNREAD until the worker has described it.  kind: what people call it.

    codeReason: the sentence that names the author's code which opening would run, "" if only data are read; codeHash:
    SHA-256 of that code.  failure: why it cannot be used.  weights: where it lacks no more than a description, the
    sentence that says so.
    """

    key: str = ""
    source: str = ""
    state: str = UNREAD
    kind: str = ""
    classes: tuple[str, ...] = ()
    channels: tuple[str, ...] | None = None
    requirements: tuple[str, ...] = ()
    codeReason: str = ""
    codeHash: str = ""
    failure: str = ""
    weights: str = ""

    @staticmethod
    def described(key: str, source: str, data: dict) -> ModelFacts:
        """From the worker's answer to "describe"."""
        channels = data.get("channels")
        return ModelFacts(
            key,
            source,
            READ,
            kind=data["kind_title"],
            classes=tuple(info["name"] for info in sorted(data["classes"], key=lambda info: info["index"])),
            channels=None if channels is None else tuple(channels),
            requirements=tuple(data["requirements"]),
            codeReason=data["runs_author_code"],
            codeHash=data["consent_sha256"],
        )

    def text(self) -> str:
        """What the panel says below the model."""
        if not self.key:
            return ""
        if self.state == READING:
            return _("Reading what the model says about itself...")
        if self.state == FAILED:
            # the failure itself stands below, where all errors do
            return self.weights or _("This cannot be used as a model.")
        if self.state == UNREAD:
            return _("Read when you press Apply.")
        count = (_("{count} class") if len(self.classes) == 1 else _("{count} classes")).format(count=len(self.classes))
        count = count if self.classes else _("classes known after opening")
        text = f"{self.kind}, {count}"
        if self.channels and len(self.channels) > 1:
            text += _(", {count} channels ({names})").format(count=len(self.channels), names=", ".join(self.channels))
        return text + (_("; runs its author's code") if self.codeReason else "")

    @property
    def title(self) -> str:
        return ModelList.title(self.key, self.source)
