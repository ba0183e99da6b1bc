"""What the worker keeps between requests: told, and given back."""

from __future__ import annotations

from ...protocol.requests import Probe, Release
from ...session.devices import devices
from . import answers


@answers(Probe)
def probe(request: Probe, jobs, tell) -> dict:
    """Devices with their free memory, and what is kept."""
    model, session = jobs.model, jobs.kept
    return {
        "devices": devices(),
        "model": model.kind if model else None,
        "recorded": sorted(session.recorded) if session else [],
        "kept_bytes": session.kept_bytes if session else 0,
    }


@answers(Release)
def release(request: Release, jobs, tell) -> dict:
    """Forget session, image and model."""
    jobs.release()
    return {}
