"""The page about the methods: formula, cost and source, from their classes."""

from __future__ import annotations

from reference_text import table, told

from seghirescam.cam.methods import methods


def page() -> str:
    made = {name: kind() for name, kind in methods().items()}
    known = dict(sorted(made.items(), key=lambda pair: pair[1].title.lower()))
    lines = [
        "# Methods",
        "",
        "A is the activation of a layer, g = dS/dA the gradient of the score, k a channel, u a cell. F is a forward",
        "pass, B a backward pass, K the number of channels, N that of cells. The default is `seg_hires_grad_cam`.",
        "",
    ]
    rows = [
        [
            f"[{one.title}](#{name})",
            f"`{name}`",
            one.cost + ("; slow" if one.slow else ""),
            one.unit or "the score's",
            "the image" if one.at_input else "a layer",
            "yes" if one.local or getattr(one, "additive", False) else "no",
        ]
        for name, one in known.items()
    ]
    heads = ["method", "`--method`", "cost", "unit", "map of", "window maps add up"]
    lines += table(heads, rows)
    lines += [
        "How they compare: [on the demo's networks](../benchmarks/methods.md), [on networks with known",
        "answers](../benchmarks/known_answers.md). `seghirescam compare` writes the BibTeX entries of what it shows.",
        "A method of your own: [how](../how-to/add_method.md).",
        "",
    ]
    for name, one in known.items():
        lines += [f"## {one.title} {{ #{name} }}", "", one.about, ""]
        if (more := told(type(one))) and not more.startswith(type(one).__name__ + "("):
            lines += [more, ""]
        lines += [f"Source: {one.paper}. Cost: {one.cost}.", ""]
    return "\n".join(lines)
