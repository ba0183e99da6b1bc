"""What a check's numbers are called and when a verdict is which: sentences, told once, from data."""

from dataclasses import replace

from seghirescam.evaluation.trust import trust_words
from seghirescam.evaluation.trust.rows import NOT_JUDGED, NOT_SUPPORTED, SUPPORTED, Row, lines_of, verdict_of
from seghirescam.evaluation.trust.verdict_limits import SAME
from seghirescam.protocol.value import Value


def row(name, passed):
    """As the full tier makes it; None where the test could not be made."""
    if passed is None:
        return Row(name, Value.without("too_small", "Too small."))
    told = {
        "signed": -0.9,
        "modules": 3,
        "likeness": 0.25,
        "change": "noise",
        "runs": 5,
        "most": 1.0,
        "orders": 5,
        "sds": 2,
    }
    return Row(name, Value.of(0.9, chance=0.25), SAME, passed, told)


def judged(rows):
    verdict, deciding = verdict_of(rows)
    return verdict, trust_words.verdict(verdict, deciding)


def test_a_verdict_names_what_failed_and_one_failure_is_enough():
    names = ("made_again", "context_deletion_gain", "randomisation", "stability")
    assert judged([row(n, True) for n in names]) == (
        SUPPORTED,
        "Supported by the model: made again, context deletion, randomised weights, stability under noise all passed. "
        "This says that the map shows what the network used, not that the network or the segment is right.",
    )
    verdict, sentence = judged([row(n, p) for n, p in zip(names, (True, None, False, True), strict=True)])
    assert verdict == NOT_SUPPORTED
    assert sentence == (
        "Not supported by the model: randomised weights (with all 3 modules randomised the map keeps a rank "
        "correlation of -0.90, SSIM 0.25; of 0.5 on, of either sign, it would not be about the trained weights)."
    )
    verdict, sentence = judged([row(n, p) for n, p in zip(names, (True, True, None, True), strict=True)])
    assert (verdict, sentence) == (NOT_JUDGED, "Not judged: randomised weights (Too small).")
    # where the context is not used, the place of the evidence is the test instead
    rows = [row(names[0], True), row("evidence_at_m", True), *(row(n, True) for n in names[2:])]
    assert judged(rows)[0] == SUPPORTED
    assert judged([replace(r, passed=False) if r.name == "evidence_at_m" else r for r in rows])[0] == NOT_SUPPORTED
    assert judged([])[0] == NOT_JUDGED


def test_cells_removed_at_the_layer_decide_about_use_where_they_can_be():
    others = [row(n, True) for n in ("made_again", "randomisation", "stability")]
    told = {"cells": 2, "of": 64, "draws": 19, "better": []}
    cells = Row("cells_removed", Value.of(0.9, "logit"), 0.25, True, told)
    rows = [*others, cells, row("context_deletion_gain", False), row("evidence_at_m", False)]
    assert judged(rows)[0] == SUPPORTED
    assert [line.text for line in lines_of(rows)] == [
        "\u2713 Belongs to this question: supported", "\u2713 Used by the network: supported",
        "\u2713 Model-specific and stable: supported",
    ]  # fmt: skip
    assert cells.sentence == (
        "zeroing 2 of the layer's 64 cells, which hold half of the evidence, changes the mean score by -0.9 logit, 19 "
        "random draws of as many by -0.25 logit at the most"
    )
    unclear = replace(cells, passed=None, details=told | {"better": ["edges of the image"]})
    assert judged([*others, unclear, row("context_deletion_gain", True)])[0] == NOT_JUDGED
    assert unclear.sentence.endswith("; edges of the image would do as well")
    # without them the image decides
    not_made = Row("cells_removed", Value.without("too_small", "Too few."))
    assert judged([*others, not_made, row("context_deletion_gain", False)])[0] == NOT_SUPPORTED


def test_every_number_is_said_in_one_place_and_its_brief_form_leaves_out_the_brackets():
    told = {"hot": 0.5, "random": -0.25, "share": 0.2}
    paint = Row("context_paint_over", Value.of(0.75, "logit"), details=told)
    brief = (
        "Blurring the 20 % of the context that the map shows strongest lowers the mean score by 0.5 logit, as much of "
        "it at random raises the mean score by 0.25 logit"
    )
    assert paint.sentence == f"{brief} (one random order: a small difference says little)."
    assert paint.to_json()["brief"] == f"{brief}." and paint.title == "Context masked out"
    gap = Row("completeness_gap", Value.of(0.25)).to_json()
    assert gap["sentence"] == gap["brief"][:-1] + " (0: the map accounts for all of it)."
    without = Row("completeness_gap", Value.without("too_small", "Zeroing (all) does nothing (at all)."))
    assert without.sentence == without.to_json()["brief"] == "Zeroing (all) does nothing (at all)."
    moved = Row("stability_shift", Value.of(0.125), details={"change": "shifted by one voxel along I"})
    assert moved.title == "Stability, shifted by one voxel along I"
    assert moved.sentence == "1 - Spearman is 0.125 when shifted by one voxel along I"
