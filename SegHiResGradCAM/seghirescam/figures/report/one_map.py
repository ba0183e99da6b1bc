"""The page of one map as the panel has it: what was asked, the figure, and what was found out about it."""

from __future__ import annotations

from ... import __version__
from ...protocol.value import OK
from .page import Page, Picture, Section, Table, number, words


def one_map_page(facts: dict, png: bytes, inside: dict) -> Page:
    """facts: a sidecar's (Explanation.to_json, with ``trust`` where it was checked).  png: of the figure.  inside:
    share of the evidence inside the pixel set, chance, lift, chance_over.  No path stands in it, and no names but
    those of classes and segments."""
    origin, layer = facts.get("provenance") or {}, facts["layer"]
    model = origin.get("model") or "A model"
    title = f"{facts['method_title']}: {facts['class_name']}"
    told = (
        ("Model", f"{model}, weights {_short(origin.get('weights_sha256'))}"),
        ("Image", _short(origin.get("image_sha256"))),
        ("Question", f"{facts['score_title']} of {facts['class_name']}, summed over {facts['pixel_set']}"),
        ("Layer", f"{layer['name']} ({layer['part']})"),
        ("Engine", f"seghirescam {origin.get('engine') or __version__}, on {origin.get('device', 'cpu')}"),
    )
    over = inside.get("chance_over", "volume")
    numbers = Table(
        ("Number", "Value"),
        [
            (words("Score"), number("score", facts["score"], facts.get("score_unit") or "logit")),
            (words("Completeness"), number("completeness", facts["completeness"])),
            (
                words(f"Evidence inside, beside chance over the {over}"),
                number("share inside", inside.get("inside"), "", OK, inside.get("chance"), inside.get("lift")),
            ),
        ],
        (False, True),
    )
    checks = tuple(_checks(tier, one) for tier, one in sorted((facts.get("trust") or {}).items()))
    return Page(
        title=title,
        lead=f"{model}: why {facts['class_name']}?",
        facts=told,
        rule=(),
        sections=checks,
        sections_title="Is the map faithful?" if checks else "",
        tables=(("Numbers", numbers),),
        pictures=(Picture(png, f"{title}, slices through the strongest place"),),
        texts=tuple(one for one in (facts["reason"],) if one),
        notes=tuple(facts["notes"]),
        warning="For research. Not for diagnosis.",
        made_by=f"Made by seghirescam {__version__}.",
    )


def _checks(tier: str, trust: dict) -> Section:
    rows = [
        (
            words(row["title"]),
            number(row["name"], row["value"]["value"], row["value"]["unit"], row["value"]["status"]),
            words(row["sentence"]),
        )
        for row in trust["rows"]
    ]
    table = Table(("Check", "Value", "In words"), rows, (False, True, False))
    verdict = trust.get("verdict_sentence", "")
    return Section(f"check-{tier}", f"The {tier} check", texts=(verdict,) if verdict else (), table=table)


def _short(digest: str | None) -> str:
    return f"SHA-256 {digest[:12]}" if digest else "not known"
