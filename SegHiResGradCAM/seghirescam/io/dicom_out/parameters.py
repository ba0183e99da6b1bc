"""The question in an object's algorithm parameters, so that it can be asked again: one ``name=value`` a line.

No text of the user's or the source's is among them: names of segments and files stay out, hashes stand for them.
"""

from __future__ import annotations

import json

from ...protocol.errors import ImageError

FORMAT = "seghirescam-dicom-1"
#: facts of an answer, by their name in a sidecar
_ANSWER = ("class_index", "class_name", "score_title", "side", "unit", "score", "total", "completeness", "status")
#: what a model's description must say again
_READING = ("axes", "preprocessing", "head", "activation", "output", "logits_enlarged")
_MADE_BY = ("weights_sha256", "engine", "torch", "precision", "device", "image_sha256", "pixel_set_sha256")
#: LT holds so many characters (PS3.5, 6.2)
_MOST = 10240


def written(facts: dict) -> str:
    """facts: of a sidecar, see :mod:`sidecars`. Without the question where there is none, or it is too long to keep."""
    layer, provenance, request = facts["layer"], facts["provenance"], facts.get("request", {"question": {}})
    told = {"format": FORMAT, "method": facts["method"], "layer": layer["name"], "part": layer["part"]}
    told |= {word: facts[word] for word in _ANSWER}
    told |= {word: provenance.get(word, "") for word in ("model", "model_kind")}
    told |= {word: provenance[word] for word in _MADE_BY if word in provenance}
    told |= {f"reading.{word}": provenance[word] for word in _READING if word in provenance}
    asked = {f"request.{word}": value for word, value in request.items() if word != "question"}
    asked |= {f"question.{word}": value for word, value in request["question"].items()}
    text = _lines(told | asked)
    return text if len(text) <= _MOST else _lines(told)


def _lines(told):
    return "\r\n".join(f"{name}={json.dumps(value, ensure_ascii=True)}" for name, value in told.items())


def asked_by(text: str) -> dict:
    """{"request": ..., "provenance": ...} as a sidecar has them, of what :func:`written` gave. Raises ImageError."""
    told = _read(text)
    request = {name[8:]: value for name, value in told.items() if name.startswith("request.")}
    request["question"] = {name[9:]: value for name, value in told.items() if name.startswith("question.")}
    if not {"channels", "segment_sha256", "weights_sha256"} <= request.keys() or not request["question"]:
        raise ImageError(
            "The parametric map does not hold the question that it answers.", "Ask again without --repeat."
        )
    return {
        "request": request,
        "provenance": {name[8:]: value for name, value in told.items() if name.startswith("reading.")},
    }


def told_by(text: str) -> dict:
    """All of it, by name. Raises ImageError."""
    return _read(text)


def _read(text):
    try:
        lines = [line.partition("=") for line in text.splitlines() if line.strip()]
        told = {name.strip(): json.loads(value) for name, _, value in lines}
        good = told.get("format") == FORMAT
    except ValueError:
        good = False
    if not good:
        raise ImageError("This is no parametric map of an explanation of ours.", "Name one that 'explain' wrote.")
    return told
