"""What lies at a path: asked of the model kinds, which answer without loading or running anything of it."""

from __future__ import annotations

from pathlib import Path

from ..models.description import description
from ..protocol.errors import SegHiResCamError
from ..protocol.privacy import Names

HELP = "Say what kind of model a path holds, its classes and channels, and what opening it would need."
MORE = "Nothing of the model is loaded or run. Built in: demo:honest and demo:shortcut."
EXAMPLE = "seghirescam models demo:honest demo:shortcut"


def add_arguments(parser) -> None:
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a model: folder, file, or demo:honest")


def run(options, console) -> int:
    """Exit code 2 if one of the paths could not be described; the others still are."""
    found, failed = [], False
    for path in options.paths:
        entry = {"model": shown(path)}
        try:
            found.append(entry | description(path))
        except SegHiResCamError as error:
            failed = True
            found.append(entry | {"error": Names().hide_in(error.to_json())})
    console.answer({"models": found}, "\n\n".join(_text(entry) for entry in found))
    return 2 if failed else 0


def shown(source) -> str:
    """A model's name without the folders it lies in."""
    return str(source) if str(source).startswith("demo:") else Path(source).name


def _text(entry):
    if "error" in entry:
        return f"{entry['model']}\n  {entry['error']['sentence']} {entry['error']['hint']}".rstrip()
    classes = ", ".join(str(c["index"]) + " = " + c["name"] for c in entry["classes"])
    channels = ", ".join(entry["channels"]) if entry["channels"] else "known after opening"
    needs = ", ".join(r + (" (missing)" if r in entry["missing"] else "") for r in entry["requirements"])
    lines = [
        entry["model"],
        f"  kind      {entry['kind']}",
        f"  classes   {classes or 'known after opening: 0, 1, ...'}",
        f"  channels  {channels}",
        f"  needs     {needs or 'nothing more'}",
        f"  runs      {entry['runs_author_code'] or 'no code of its author'}",
    ]
    if entry["consent_sha256"]:
        lines.append(f"  consent   --consent-sha256 {entry['consent_sha256']}")
    return "\n".join(lines)
