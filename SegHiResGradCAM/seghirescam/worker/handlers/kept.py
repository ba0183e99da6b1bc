"""What the worker keeps between requests: told, and given back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...protocol.requests import Probe, Release
from ...session.devices import devices
from . import answers

if TYPE_CHECKING:
    from ...protocol.progress import Tell
    from ..jobs import Jobs


@answers(Probe)
def probe(request: Probe, jobs: Jobs, tell: Tell) -> dict:
    """Devices with their free memory, and what is kept."""
    model, session = jobs.model, jobs.kept
    return {
        "devices": devices(),
        "model": model.kind if model else None,
        "recorded": sorted(session.recorded) if session else [],
        "kept_bytes": session.kept_bytes if session else 0,
    }


@answers(Release)
def release(request: Release, jobs: Jobs, tell: Tell) -> dict:
    """Forget session, image and model."""
    jobs.release()
    return {}
