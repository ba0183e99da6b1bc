"""What a check's numbers are called and when a verdict is which: sentences, told once, from data."""

from dataclasses import replace

from seghirescam.evaluation.trust import trust_words
from seghirescam.evaluation.trust.rows import NOT_JUDGED, NOT_SUPPORTED, SUPPORTED, Row, verdict_of
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
    names = ("context_deletion_gain", "randomisation", "stability")
    assert judged([row(n, True) for n in names]) == (
        SUPPORTED, "Supported by the model: context deletion, randomised weights, stability under noise all passed."
    )  # fmt: skip
    verdict, sentence = judged([row(names[0], None), row(names[1], False), row(names[2], True)])
    assert verdict == NOT_SUPPORTED
    assert sentence == (
        "Not supported by the model: randomised weights (with all 3 modules randomised the map keeps a rank "
        "correlation of -0.90, SSIM 0.25; of 0.5 on, of either sign, it would not be about the trained weights)."
    )
    verdict, sentence = judged([row(names[0], True), row(names[1], None), row(names[2], True)])
    assert (verdict, sentence) == (NOT_JUDGED, "Not judged: randomised weights (Too small).")
    # where the context is not used, the place of the evidence is the test instead
    rows = [row(names[0], None), row("evidence_at_m", True), row(names[1], True), row(names[2], True)]
    assert judged(rows)[0] == SUPPORTED
    assert judged([replace(r, passed=False) if r.name == "evidence_at_m" else r for r in rows])[0] == NOT_SUPPORTED
    assert judged([])[0] == NOT_JUDGED


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
