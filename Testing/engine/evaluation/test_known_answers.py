"""The benchmark with known answers: hand-set networks, statistics against closed forms, the script, its tables."""

import csv
import json
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from benchmarks.known import analytic, cheat, maps, phantom, run, stats, summary, tables, trained
from benchmarks.known.store import Store, read
from seghirescam.evaluation.metrics.location import mean_distance, share_in
from seghirescam.evaluation.trust.layer_numbers import layer_numbers
from seghirescam.models.demo_networks.network import SmallUNet
from seghirescam.models.demo_networks.preprocessing import CLASSES, LESION, LOOK_ALIKE, normalised
from seghirescam.models.plain import PlainModel

HIRES, GRAD = "seg_hires_grad_cam", "seg_grad_cam"


@pytest.mark.parametrize("setting", analytic.SETTINGS, ids=lambda s: s.name)
def test_a_displaced_cause_is_found_exactly_and_nothing_without_influence_is_shown(setting):
    known = analytic.known(setting)
    found = layer_numbers(
        known.model, known.image, known.pixels, class_index=1, layer=analytic.LAYER, methods=(HIRES, GRAD)
    )
    hires, grad = found.explanations
    density = hires.resampled_to(known.image.grid).array
    assert found.phantom[HIRES][0.0].value == 0
    assert found.gap[HIRES].value < 1e-12
    assert share_in(density, known.cause).value == pytest.approx(1, abs=1e-12)
    assert mean_distance(density, known.cause, known.image.grid).value == 0
    assert share_in(density, known.organ).value == 0
    # closed form: one weight a channel, so Grad-CAM shows both cues by their activation
    cue = np.maximum(known.image.array[0] - 1, 0)
    decoy = cue[known.decoy].sum() / cue.sum()
    assert decoy > 0.4
    assert found.phantom[GRAD][0.0].value == pytest.approx(decoy, abs=1e-6)
    assert share_in(grad.resampled_to(known.image.grid).array, known.cause).value == pytest.approx(1 - decoy, abs=1e-6)


@pytest.mark.parametrize("setting", analytic.SETTINGS, ids=lambda s: s.name)
def test_the_hand_set_network_segments_the_organ_because_of_the_cue_alone(setting):
    from seghirescam.protocol.image import Image
    from seghirescam.session.explain import predict

    known = analytic.known(setting)
    assert predict(known.model, known.image, 1).weights[known.organ].all()
    without_cue, without_organ = known.image.array.copy(), known.image.array.copy()
    without_cue[0, known.cause] = 0
    without_organ[0, known.organ] = 0
    assert not predict(known.model, Image(without_cue, known.image.grid), 1).weights[known.organ].any()
    assert predict(known.model, Image(without_organ, known.image.grid), 1).weights[known.organ].all()


def test_ring_and_marker_come_and_go_without_changing_anything_else():
    plain = phantom.make_case(5, ring=False, marker=False)
    both = phantom.make_case(5, ring=True, marker=True)
    changed = plain.image.array[0] != both.image.array[0]
    near = phantom.EDGE_MM
    assert (
        changed.any()
        and not changed[(both.region("marker", near).weights + both.region("lesion", near).weights) == 0].any()
    )
    assert plain.region("body").ml == both.region("body").ml
    assert {rule: set(np.unique(both.labels(rule))) for rule in phantom.CAUSE} == {"honest": {0, 1}, "shortcut": {0, 1}}
    only_ring = phantom.make_case(5, ring=True, marker=False)
    assert only_ring.labels("honest").max() == LESION and only_ring.labels("shortcut").max() == LOOK_ALIKE


def test_marker_and_lesion_stay_apart_after_growing_and_lie_inside_the_image():
    for seed in (*phantom.REPORT_SEEDS[:20], *phantom.CHECK_SEEDS[:10]):
        case = phantom.make_case(seed)
        marker, lesion = (case.region(n, cheat.TAU_MM).weights > 0 for n in ("marker", "lesion"))
        assert marker.any() and not (marker & lesion).any()
        assert np.linalg.norm(case.body_centre - case.marker_centre) == pytest.approx(phantom.MARKER_DISTANCE_MM)
    assert not set(phantom.TRAIN_SEEDS) & {*phantom.REPORT_SEEDS, *phantom.CHECK_SEEDS}
    assert not set(phantom.REPORT_SEEDS) & set(phantom.CHECK_SEEDS)


def test_auroc_is_the_mann_whitney_statistic_with_ties_as_halves():
    rng = np.random.default_rng(0)
    low, high = rng.integers(0, 5, 9).astype(float), rng.integers(1, 7, 11).astype(float)
    expected = mannwhitneyu(high, low).statistic / (low.size * high.size)
    assert stats.auroc(low, high) == pytest.approx(expected, abs=1e-12)
    assert stats.auroc([1, 2], [3, 4]) == 1 and stats.auroc([3, 4], [1, 2]) == 0 and stats.auroc([1], [1]) == 0.5
    assert math.isnan(stats.auroc([], [1.0])) and stats.auroc([None, 1, math.nan], [2]) == 1
    below, above = stats.auroc_interval(low, high)
    assert below <= stats.auroc(low, high) <= above < 1 or above == 1
    assert stats.auroc_interval([1, 2, 3], [4, 5, 6]) == (1, 1)


def test_the_bootstrap_interval_is_that_of_a_plain_resampling_loop():
    low, high = np.array([0.1, 0.4, 0.35, 0.8]), np.array([0.3, 0.7, 0.9, 0.45, 0.6])
    rng = np.random.default_rng(3)
    areas = []
    for _ in range(200):
        chosen = high[rng.integers(5, size=5)], low[rng.integers(4, size=4)]
        areas.append(np.mean([(h > x) + 0.5 * (h == x) for h in chosen[0] for x in chosen[1]]))
    expected = np.quantile(areas, [0.025, 0.975])
    assert stats.auroc_interval(low, high, seed=3, resamples=200) == pytest.approx(tuple(expected))


def test_wilcoxon_of_ten_pairs_on_one_side_is_two_over_two_to_the_ten_and_few_pairs_have_no_p():
    one = np.arange(10) + np.linspace(0.1, 1, 10)
    assert stats.wilcoxon(one, np.arange(10)) == pytest.approx(2 / 2**10)
    assert stats.wilcoxon([1.0] * 6, [1.0] * 6) == 1
    assert math.isnan(stats.wilcoxon([1, 2, 3, 4, None], [0, 0, 0, 0, 0]))


def test_holm_multiplies_by_what_is_left_never_falls_and_leaves_nan_out():
    assert stats.holm([0.01, 0.04, 0.03, math.nan]) == pytest.approx([0.03, 0.06, 0.06, math.nan], nan_ok=True)
    assert stats.holm([0.6, 0.9]) == [1.0, 1.0]
    assert stats.quartiles([1, 2, 3, 4, 5, None]) == (3, 2, 4)


def _rows():
    """Maps of two methods and four models, two cases each; method "b" has no evidence in one of them."""
    rows = []
    for rule, share in (("honest", 0.1), ("shortcut", 0.6)):
        for seed in (0, 1):
            for case in (2000, 2001):
                for name, factor in ((HIRES, 1.0), ("b", 0.5)):
                    nothing = name == "b" and rule == "honest" and seed == 0 and case == 2001
                    value = None if nothing else factor * (share + 0.1 * seed + 0.02 * (case - 2000))
                    rows.append({
                        "tier": 1, "seed": case, "model": f"{rule}{seed}", "rule": rule, "layer": cheat.PRIMARY,
                        "method": name, "title": name.upper(), "status": "zero_map" if nothing else "ok",
                        "share_cue": value, "gain_logit": value,
                    })  # fmt: skip
    return rows


def test_models_are_means_over_their_cases_and_statuses_are_counted():
    models = summary.by_model(_rows(), {"honest0": True, "honest1": False, "shortcut0": True, "shortcut1": True})
    by_name = {(m["model"], m["method"]): m for m in models}
    assert by_name["honest0", HIRES]["share_cue"] == pytest.approx(0.11)
    assert by_name["honest0", "b"]["share_cue"] == pytest.approx(0.05)
    assert by_name["honest0", "b"]["status"] == "ok 1, zero_map 1" and by_name["honest0", "b"]["gains"] == 1
    first, second = summary.by_method(models, _rows(), cheat.PRIMARY)
    assert first["auroc"] == 1 and first["models"] == 4 and first["learned"] == 3 and first["auroc_learned"] == 1
    assert second["status"] == "ok 7, zero_map 1"
    assert first["shortcut_share_cue"] == pytest.approx((0.61 + 0.71) / 2)
    assert math.isnan(second["p_cue"])  # two pairs tell nothing


def test_pairs_are_means_over_the_cases_that_both_methods_have():
    one = [{"model": "m", "rule": "honest", "seed": s, "x": v} for s, v in ((0, 1.0), (1, 3.0), (2, None))]
    other = [{"model": "m", "rule": "honest", "seed": s, "x": v} for s, v in ((1, 5.0), (2, 7.0), (3, 9.0))]
    assert summary._paired(one, other, "x", "honest") == ([3.0], [5.0])
    assert summary._paired(one, other, "x", "shortcut") == ([], [])


def test_rows_come_back_from_csv_and_a_finished_unit_is_known(tmp_path):
    store = Store(tmp_path / "x.csv", ("model", "seed", "status", "share_cue"))
    store.add([{"model": "honest0", "seed": 2000, "status": "ok", "share_cue": 0.123456}])
    store.add([{"model": "honest0", "seed": 2001, "status": "zero_map", "share_cue": math.nan}])
    again = Store(tmp_path / "x.csv", store.columns)
    assert again.rows == [
        {"model": "honest0", "seed": 2000, "status": "ok", "share_cue": 0.1235},
        {"model": "honest0", "seed": 2001, "status": "zero_map", "share_cue": None},
    ]
    assert again.has(model="honest0", seed=2001) and not again.has(model="honest0", seed=2002)
    assert list(tmp_path.iterdir()) == [tmp_path / "x.csv"]


def test_every_method_and_every_map_that_knows_nothing_gets_a_row_with_numbers():
    import torch

    torch.manual_seed(0)
    network = SmallUNet("batch", len(CLASSES)).eval()
    model = PlainModel(network, CLASSES, normalise=normalised, divisor=16)
    case = phantom.make_case(2000, ring=True, marker=True)
    marker, lesion = (case.region(n).weights > 0 for n in ("marker", "lesion"))
    asked = maps.Asked(
        model, case.image, case.region("body"), LESION, rival=LOOK_ALIKE, own=lesion, cue=marker,
        primary=cheat.PRIMARY, head=cheat.HEAD, layers=(cheat.PRIMARY,),
    )  # fmt: skip
    asked = replace(asked, seed=1)
    found = {row["method"]: row for row in maps.rows(asked, slow=False, gains=False)}
    plain = {name for name, m in maps.variants().items() if not m.needs_context}
    assert set(found) == plain | set(maps.BASELINES)
    assert {row["layer"] for name, row in found.items() if name in plain} == {cheat.PRIMARY}
    body = found["paint_the_prediction"]
    assert (body["share_own"], body["share_cue"]) == (1, 0)
    assert body["v90_ml"] == pytest.approx(0.9 * case.region("body").ml)
    # the mean of n uniform numbers over 1/2 spreads by 1 / sqrt(3 n)
    assert found["random"]["lift_cue"] == pytest.approx(1, abs=4 / math.sqrt(3 * marker.sum()))
    assert all(row["gain_status"] == "not_measured" for row in found.values())
    missing = set(maps.methods()) - {name.partition(" ")[0] for name in maps.variants()}
    assert not missing


def test_the_script_measures_the_analytic_tier_and_makes_its_table_from_the_csv(tmp_path, capsys):
    assert run.main(["--tier", "0", "--out", str(tmp_path / "out"), "--work", str(tmp_path / "work")]) == 0
    rows = read(tmp_path / "out" / "analytic.csv")
    assert {row["model"] for row in rows} == {s.name for s in analytic.SETTINGS}
    assert {row["method"] for row in rows} == set(maps.variants()) | set(maps.BASELINES)
    for row in rows:
        if row["method"] == HIRES:
            assert (row["phantom"], row["share_cue"], row["mm_cue"], row["share_own"]) == (0, 1, 0, 0)
            assert row["gap"] < 1e-12
    text = (tmp_path / "out" / "table.md").read_text(encoding="utf-8")
    assert "| **Seg-HiRes-Grad CAM** (features) | 0.00 | 0.00 | 1.00 | 0.0 | 0.00 | ok |" in text
    assert tables.markdown(tmp_path / "out") == text and text.strip() in capsys.readouterr().out
    about = json.loads((tmp_path / "out" / "about.json").read_text())["tier 0"]
    assert {"command", "date", "torch", "machine", "last_run"} <= set(about)


def test_models_that_did_not_learn_are_counted_and_not_replaced(tmp_path, monkeypatch):
    monkeypatch.setattr(trained, "CHECK_SEEDS", phantom.CHECK_SEEDS[:2])
    words = ["--tier", "1", "--quick", "--out", str(tmp_path / "out"), "--work", str(tmp_path / "work")]
    assert run.main(words) == 0
    with open(tmp_path / "out" / "trained.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(r["model"], r["status"]) for r in rows] == [("honest0", "not learned"), ("shortcut0", "not learned")]
    text = (tmp_path / "out" / "table.md").read_text(encoding="utf-8")
    assert "0 of 1 honest, 0 of 1 shortcut" in text
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "work").rglob("*") if path.is_file()}
    assert run.main(words) == 0  # goes on from what is there: nothing is trained or measured again
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "work").rglob("*") if path.is_file()}
    assert (tmp_path / "out" / "table.md").read_text(encoding="utf-8") == text
