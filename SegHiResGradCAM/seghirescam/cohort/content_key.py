"""A question's key: of what was asked of which content, never of names, places or times.

It is the image's hash, the model's, and that of all the rest, so that sorted keys stand by case and model.
"""

from __future__ import annotations

import hashlib
import json

from ..protocol.image import Image
from .plans.row import Row
from .run_folder import versions
from .settings import Settings

#: hex digits of the image's and of the model's part, and of the rest
SHORT, REST = 12, 40


def content_key(row: Row, image: str, model: str, segment: str, reference: str, settings: Settings, device: str) -> str:
    """64 hex digits. image, model, segment, reference: SHA-256 of their contents, "" where there is none."""
    asked = {
        "image": image, "model": model, "segment": segment, "reference": reference, "label": row.label,
        "pixels": row.pixels, "target": row.target, "rival": row.rival, "reference_label": row.reference_label,
        "settings": settings.key_words, "device": device, "versions": versions(),
    }  # fmt: skip
    return image[:SHORT] + model[:SHORT] + digest(asked)[:REST]


def image_hash(channels: list[dict]) -> str:
    """channels: of :func:`asked_images.read_image`."""
    return digest([one["sha256"] for one in channels])


def image_of(image: Image) -> str:
    """The same of an image in memory."""
    parts = [Image(channel, image.grid).content_hash for channel in image.array]
    return digest(parts)


def digest(value) -> str:
    """SHA-256 of a JSON-able value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=True).encode()).hexdigest()
