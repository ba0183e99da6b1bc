"""From a run's table to comparisons: what is paired with what, what is averaged, held, left out and told."""

import numpy as np
import pytest

from engine.stats_cases import digest, line, run_of, signed_rank
from seghirescam.cohort.statistics.compared import called, compared
from seghirescam.cohort.statistics.conclusions import heading, limits, sentences
from seghirescam.cohort.statistics.observed import StatisticsError, observed
from seghirescam.cohort.statistics.pairing import factor_of
from seghirescam.cohort.statistics.plain_words import form_words, layer_words, method_words, number_words

pytest.importorskip("statsmodels")
NAMES = {digest(word)[:12]: word for word in ("one", "two", "three")}


def told(found, one):
    return " ".join(sentences(one, found, NAMES))


def numbers(seed, n=9):
    rng = np.random.default_rng(seed)
    return rng.uniform(size=n), rng.uniform(size=n)


def test_two_models_case_by_case(tmp_path):
    a, b = numbers(1)
    lines = [line(f"c{n}", model, value[n]) for n in range(9) for model, value in (("one", a), ("two", b))]
    found = observed(run_of(tmp_path / "run", lines))
    (only,) = compared(found, factor_of(found))
    assert (only.pairs.by, NAMES[only.pairs.a], NAMES[only.pairs.b]) == ("model", "one", "two")
    assert sorted(zip(only.pairs.a_values, only.pairs.b_values, strict=True)) == sorted(zip(a, b, strict=True))
    assert only.test.p == only.p_holm == pytest.approx(signed_rank(a - b)[2])
    assert only.pairs.held["method"] == "hires" and only.pairs.held["layer"] == "deep" and only.family == 1
    assert only.pairs.images == [digest(unit)[:12] for unit in only.pairs.units]
    held = "(hires, deep, class lesion, asked about the segment)"
    assert heading(only, found, NAMES) == f"1. Share of the evidence in the pixel set: one against two {held}"


def test_pixel_sets_of_a_case_are_averaged_first_over_those_that_both_have(tmp_path):
    rng, lines, expected = np.random.default_rng(3), [], []
    for n in range(8):
        a, b = rng.uniform(size=3), rng.uniform(size=3)
        kept = [0, 1, 2] if n != 4 else [0, 2]  # the second lesion of the fifth case has no number with model two
        for lesion in range(3):
            lines.append(line(f"c{n}", "one", a[lesion], label=f"lesion {lesion}"))
            gone = lesion not in kept
            lines.append(line(f"c{n}", "two", None if gone else b[lesion], label=f"lesion {lesion}",
                              status="zero_map" if gone else "ok"))  # fmt: skip
        expected.append(a[kept].mean() - b[kept].mean())
    found = observed(run_of(tmp_path / "run", lines))
    (only,) = compared(found, "model")
    assert np.subtract(only.pairs.a_values, only.pairs.b_values) == pytest.approx(expected)
    assert (only.test.n, only.pairs.sets, only.pairs.sets_left) == (8, 23, 1)
    assert only.test.p == pytest.approx(signed_rank(expected)[2])
    assert "23 pixel sets of 8 cases were averaged; 1 more had a number on one side at most" in told(found, only)


def test_what_has_no_number_is_left_out_and_counted_by_reason(tmp_path):
    a, b = numbers(4)
    lines = [line(f"c{n}", model, value[n]) for n in range(9) for model, value in (("one", a), ("two", b))]
    lines += [line("empty", "one", None, status="empty_reference"), line("empty", "two", 0.5)]
    lines += [line("zero", "one", 0.3), line("zero", "two", None, status="zero_map"), line("alone", "one", 0.2)]
    found = observed(run_of(tmp_path / "run", lines, failed=2))
    (only,) = compared(found, "model")
    assert only.test.n == 9 and only.pairs.without == {"empty_reference": 1, "zero_map": 1, "not_asked": 1}
    assert only.test.p == pytest.approx(signed_rank(a - b)[2]) and found.failed == 2
    said = told(found, only)
    assert (
        "3 more cases were left out" in said and "the map is zero: 1" in said and "was not asked, or failed: 1" in said
    )
    assert any("2 questions of the run failed" in one for one in limits(found, "model", [only]))
    assert any("With 10 and fewer cases" in one for one in limits(found, "model", [only]))


def test_three_models_and_two_methods_are_one_family_of_tests(tmp_path):
    rng = np.random.default_rng(5)
    lines = [
        line(f"c{n}", model, rng.uniform() + (model == "three"), method=method)
        for n in range(7) for model in ("one", "two", "three") for method in ("hires", "grad")
    ]  # fmt: skip
    found = observed(run_of(tmp_path / "run", lines))
    every = compared(found, "model")
    sides = [(NAMES[one.pairs.a], NAMES[one.pairs.b], one.pairs.held["method"]) for one in every]
    assert sorted(sides) == sorted(
        (a, b, m) for m in ("hires", "grad") for a, b in (("one", "two"), ("one", "three"), ("two", "three"))
    )
    assert {one.family for one in every} == {6}
    by_p = sorted(every, key=lambda one: one.test.p)
    assert by_p[0].p_holm == pytest.approx(6 * by_p[0].test.p)
    by_method = compared(found, "method")
    assert [one.pairs.by for one in by_method] == ["method"] * 3 and {one.family for one in by_method} == {3}
    assert (by_method[0].pairs.a, by_method[0].pairs.b) == ("hires", "grad")  # in the table's order


def test_a_layer_is_held_where_there_are_several_and_told_where_each_question_has_its_own(tmp_path):
    a, b = numbers(6)
    layers = ("deep", "fine")
    lines = [
        line(f"c{n}", model, value[n], layer=layers[n % 2 if model == "one" else 0])
        for n in range(9) for model, value in (("one", a), ("two", b))
    ]  # fmt: skip
    found = observed(run_of(tmp_path / "own", lines))
    (only,) = compared(found, "model")
    assert only.test.n == 9 and "layer" not in only.pairs.held and set(only.pairs.layers) == set(layers)
    assert "The layer was not held" in told(found, only)
    lines = [
        line(f"c{n}", model, value[n] + k, layer=layer)
        for n in range(9) for model, value in (("one", a), ("two", b)) for k, layer in enumerate(layers)
    ]  # fmt: skip
    found = observed(run_of(tmp_path / "both", lines))
    assert [one.pairs.held["layer"] for one in compared(found, "model")] == ["deep", "fine"]
    every = compared(found, "layer")
    assert (every[0].pairs.a, every[0].pairs.b) == layers
    assert every[0].test.difference == pytest.approx(-1) and every[0].test.rank_biserial == -1


def test_models_with_images_of_their_own_meet_in_the_plan_s_case_and_not_without_it(tmp_path):
    a, b = numbers(8)
    lines = [
        line(f"c{n}", model, value[n], image=f"c{n} for {model}") for n in range(9)
        for model, value in (("one", a), ("two", b))
    ]  # fmt: skip
    found = observed(run_of(tmp_path / "run", lines))
    assert compared(found, "model")[0].test.p == pytest.approx(signed_rank(a - b)[2])
    (tmp_path / "run" / "cases.csv").unlink()
    found = observed(run_of(tmp_path / "bare", lines, cases=False))
    (only,) = compared(found, "model")
    assert only.test.n == 0 and only.pairs.without == {"not_asked": 18} and only.test.p is None


def test_cases_of_one_patient_are_one_unit_where_that_is_asked_for(tmp_path):
    a, b = numbers(9, 14)
    lines = [
        line(f"c{n}", model, value[n], group=f"patient {n // 2}") for n in range(14)
        for model, value in (("one", a), ("two", b))
    ]  # fmt: skip
    run = run_of(tmp_path / "run", lines)
    assert compared(observed(run), "model")[0].test.n == 14
    found = observed(run, unit="group")
    (only,) = compared(found, "model")
    expected = (a - b).reshape(7, 2).mean(axis=1)
    assert only.test.n == 7 and only.test.p == pytest.approx(signed_rank(expected)[2])
    assert sorted(np.subtract(only.pairs.a_values, only.pairs.b_values)) == pytest.approx(sorted(expected))
    assert "7 groups" in told(found, only)
    with pytest.raises(StatisticsError, match="Not every case has a group"):
        observed(run_of(tmp_path / "none", [line("c", "one", 1.0)]), unit="group")


def test_evidence_in_a_label_and_lifts(tmp_path):
    a, b = numbers(10)
    lines = [
        line(f"c{n}", model, 0.5, chance=0.25, by_label={"marker": value[n], "lesion": 0.1}) for n in range(9)
        for model, value in (("one", a), ("two", b))
    ]  # fmt: skip
    run = run_of(tmp_path / "run", lines)
    found = observed(run, label="marker")
    (only,) = compared(found, "model")
    assert only.test.p == pytest.approx(signed_rank(a - b)[2]) and found.of == "share"
    assert only.pairs.held["class_name"] == "lesion"
    assert heading(only, found, NAMES).startswith("1. Share of the evidence in 'marker': one against two")
    (only,) = compared(observed(run, "share inside lift"), "model")
    assert set(only.pairs.a_values) == {2.0} and only.test.status == "no_difference"
    with pytest.raises(StatisticsError, match="in a label 'ring'.*marker, lesion"):
        observed(run, label="ring")
    with pytest.raises(StatisticsError, match="no number 'dice2'.*share inside"):
        observed(run, "dice2")
    with pytest.raises(StatisticsError, match="only one method"):
        factor_of(observed(run), "method")


def test_numbers_in_different_units_are_not_compared(tmp_path):
    lines = [
        line(f"c{n}", "one", float(n), method=method, of="total", unit=unit) for n in range(7)
        for method, unit in (("hires", "logit"), ("score", "probability"))
    ]  # fmt: skip
    found = observed(run_of(tmp_path / "run", lines), "total")
    (only,) = compared(found, factor_of(found))
    assert (only.test.status, only.test.p, only.p_holm) == ("units_differ", None, None)
    assert "different units (logit and probability)" in told(found, only)


def shifted(tmp_path, d, form="segment", unit=""):
    lines = [
        line(f"c{n}", model, value, form=form, of="total", unit=unit) for n, x in enumerate(d)
        for model, value in (("one", float(x)), ("two", 0.0))
    ]  # fmt: skip
    found = observed(run_of(tmp_path / f"run{abs(hash(tuple(d)))}{form}", lines), "total")
    (only,) = compared(found, "model")
    return only, told(found, only)


def test_the_sentences_say_what_may_be_concluded_and_what_not(tmp_path):
    only, said = shifted(tmp_path, range(1, 11))
    assert only.differs and "May be concluded: over cases like these, total is systematically larger with one" in said
    assert "p = 0.002 (exact), p = 0.002 after Holm over 1; rank-biserial correlation 1.00" in said
    only, said = shifted(tmp_path, [-x for x in range(1, 11)])
    assert only.differs and "systematically larger with two" in said
    only, said = shifted(tmp_path, [1, -2, 3, -4, 5, -6, 7, -8])
    assert not only.differs and "No difference was shown. That is no proof that there is none" in said
    assert f"from {only.test.low:.4g} to {only.test.high:.4g}" in said


def test_the_sentences_say_why_there_is_no_test_and_what_to_be_careful_with(tmp_path):
    _, said = shifted(tmp_path, [1, 2, 3, 4, 5])
    assert "No test: 5 of the 6 cases that one needs have both numbers" in said and "May be" not in said
    _, said = shifted(tmp_path, [0, 0, 0, 1, 2, 3])
    assert "No test: only 3 of 6 cases differ, and 6 must" in said
    _, said = shifted(tmp_path, [0] * 6)
    assert "equal in all 6 cases" in said
    _, said = shifted(tmp_path, range(1, 12), "predicted", "logit")
    assert "asked about its own prediction" in said and "A logit of one network is no logit of another" in said


def test_a_small_p_without_a_side_is_told_as_such(tmp_path):
    # many small differences one way, fewer large ones the other: a small p, and no side
    only, said = shifted(tmp_path, [-x for x in range(1, 59)] + list(range(100, 142)))
    assert only.differs and only.test.rank_biserial > 0 > only.test.difference
    assert "neither is the larger one" in said and "May be concluded" not in said


def test_models_are_called_by_no_path(tmp_path):
    found = observed(run_of(tmp_path / "run", [line("c", word, 1.0) for word in ("demo:honest", "/data/anna/net")]))
    honest, other = digest("demo:honest")[:12], digest("/data/anna/net")[:12]
    others = {"hires": "hires", "deep": "deep"}
    assert called(found, {}) == others | {honest: "honest network", other: other}
    assert called(found, {"/data/anna/net": "ours", honest[:4]: "theirs"}) == others | {honest: "theirs", other: "ours"}


def test_methods_layers_and_pixel_sets_have_a_stranger_s_words():
    assert method_words("seg_hires_grad_cam") == "Seg-HiRes-Grad CAM" and method_words("mine") == "mine"
    assert layer_words("encoder.2", "encoder", "4x4x4") == "encoder at stride 4 (encoder.2)"
    assert layer_words("x.0", "decoder", "1x2x2") == "decoder at stride 1 x 2 x 2 (x.0)"
    assert layer_words("input", "", "") == "input"
    assert form_words("predicted") == "asked about the predicted class" and form_words("given") == "given"
    assert number_words("share", "marker") == "share of the evidence in 'marker'"
    assert number_words("completeness", "") == "completeness"
