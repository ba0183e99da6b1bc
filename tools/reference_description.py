"""The page about a model's description, from its JSON Schema."""

from __future__ import annotations

import json
from pathlib import Path

from reference_text import table

from seghirescam.models import descriptions

_FORMS = {
    "monai": "A network of MONAI by name",
    "factory": "A Python file that builds the network",
    "program": "Beside a program (`.pt2`, TorchScript)",
}
_READ_OVER = ("format", "$schema")


def page() -> str:
    schema = json.loads((Path(descriptions.__file__).parent / "description.schema.json").read_text(encoding="utf-8"))
    known = schema["$defs"]
    lines = [
        "# Model description",
        "",
        f"{schema['description']}",
        "",
        "`seghirescam init WEIGHTS` writes one ([how](../how-to/own_network.md)). TOML and JSON say the same.",
        "An editor that knows JSON Schema checks it with "
        "[description.schema.json](../../SegHiResGradCAM/seghirescam/models/descriptions/description.schema.json).",
        "",
    ]
    shared = {name: one for name, one in known["shared"]["properties"].items() if name not in _READ_OVER}
    lines += ["## Words of every description", ""]
    lines += table(["word", "meaning", "values"], [[f"`{n}`", _about(one), _values(one)] for n, one in shared.items()])
    for form, title in _FORMS.items():
        own = known[form]
        rows = [
            [f"`{name}`" + (" (required)" if name in own.get("required", ()) else ""), _about(one), _values(one)]
            for name, one in own["properties"].items()
            if name not in shared and name not in _READ_OVER
        ]
        needed = [f"`{name}`" for name in own.get("required", ()) if name in shared]
        lines += [f"## {title}", ""]
        if needed:
            lines += [f"Of the words above, {', '.join(needed)} must be there.", ""]
        lines += table(["word", "meaning", "values"], rows)
    lines += ["## Steps of `preprocessing`", "", f"{known['step']['description'].capitalize()}.", ""]
    lines += table(["step", "meaning", "values"], list(_steps(known["step"])))
    return "\n".join(lines)


def _steps(step):
    """One row a step: the word that must be there, then what may stand beside it."""
    for form in step["anyOf"]:
        (word,) = form["required"]
        beside = [f"`{name}` ({_values(one)})" for name, one in form["properties"].items() if name != word]
        values = "; ".join([_values(form["properties"][word]), *(f"beside it {one}" for one in beside)])
        yield [f"`{word}`", _about(form["properties"][word]), values]


def _about(one: dict) -> str:
    return one.get("description", "")


def _values(one: dict) -> str:
    if "$ref" in one:
        return one["$ref"].rpartition("/")[2]
    if "enum" in one:
        return ", ".join(f"`{json.dumps(value)}`" for value in one["enum"])
    if "const" in one:
        return f"`{json.dumps(one['const'])}`"
    for several in ("anyOf", "oneOf"):
        if several in one:
            return " or ".join(_values(each) for each in one[several])
    kind = one.get("type", "")
    if kind == "array":
        inner = _values(one.get("items", {})) if isinstance(one.get("items"), dict) else ""
        return f"list of {inner}" if inner else "list"
    if kind == "object" and "properties" in one:
        return "table with " + ", ".join(f"`{name}` ({_values(value)})" for name, value in one["properties"].items())
    return " or ".join(kind) if isinstance(kind, list) else kind
