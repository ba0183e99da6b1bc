"""Numbers in the pages' sentences are those of the committed results; tables are compared by test_docs_pages."""

import csv
import json
import re
from functools import cache
from pathlib import Path
from statistics import mean, median

import pytest

ROOT = Path(__file__).parents[3]
RESULTS = ROOT / "Testing" / "benchmarks" / "results"
REPORT = ROOT / "Testing" / "demo_training" / "report_files"
HIRES, LAYER, AT_IMAGE = "seg_hires_grad_cam", "seg_layer_cam", ("input_x_gradient", "integrated_gradients", "saliency")
IMAGE_MAPS = (*AT_IMAGE, "seg_full_grad")


@cache
def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@cache
def data(name):
    return json.loads((RESULTS / name).read_text(encoding="utf-8"))


def known(method, column, layer="encoder.2"):
    (row,) = (r for r in rows(RESULTS / "known" / "methods.csv") if (r["method"], r["layer"]) == (method, layer))
    return float(row[column])


def image_ps():
    """Of the four maps of the image: p of marker, own cue and order."""
    columns = ("p_cue", "p_own", "p_gain")
    return [known(method, column, "input") for method in IMAGE_MAPS for column in columns]


def confused_with():
    """{honest network: how many shortcut networks have a smaller share on the marker}; of the entered table."""
    found = [r for r in rows(RESULTS / "known" / "entry.csv") if r["method"] == "Seg-HiRes-Grad CAM"]
    shares = {m: mean(float(r["share_cue"]) for r in found if r["model"] == m) for m in {r["model"] for r in found}}
    cheats = [share for model, share in shares.items() if model.startswith("shortcut")]
    return {m: n for m in shares if m.startswith("honest") and (n := sum(one < shares[m] for one in cheats))}


def why(column, model):
    found = rows(RESULTS / "known" / "better_why.csv")
    return mean(float(r[column]) for r in found if (r["model"], r["layer"]) == (model, "encoder.2"))


def explored(method):
    """The margin on exploring cases: smallest marker share of a shortcut network over the largest of an honest one."""
    found = [r for r in rows(RESULTS / "known" / "better_explored.csv") if r["method"] == method]
    shares = {m: mean(float(r["share_cue"]) for r in found if r["model"] == m) for m in {r["model"] for r in found}}
    groups = [[share for model, share in shares.items() if model.startswith(rule)] for rule in ("shortcut", "honest")]
    return min(groups[0]) / max(groups[1])


def explored_auroc(method):
    text = (RESULTS / "known" / "better_explored.md").read_text(encoding="utf-8")
    return float(re.search(rf"^\| {re.escape(method)} \| .*? \| .*? \| (\S+) \[", text, re.M)[1])


PAPER, FINER = "Seg-HiRes-Grad CAM", "Seg-HiRes-Grad CAM at encoder.1 (control)"


def measured(method):
    """(shares on the marker of the 20 shortcut networks, of the 20 honest ones), measured once."""
    found = [r for r in rows(RESULTS / "known" / "better_measured.csv") if r["method"] == method]
    shares = {m: mean(float(r["share_cue"]) for r in found if r["model"] == m) for m in {r["model"] for r in found}}
    return [[share for model, share in shares.items() if model.startswith(rule)] for rule in ("shortcut", "honest")]


def measured_margin(method):
    shortcut, honest = measured(method)
    return min(shortcut) / max(honest)


def measured_auroc(method):
    shortcut, honest = measured(method)
    return mean((one > other) + (one == other) / 2 for one in shortcut for other in honest)


@cache
def flips():
    text = (RESULTS / "causes" / "smallest_flips_report.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def cues_found(search, last=4023):
    """(how often the cue was found, of how many searches), both networks, seeds up to last."""
    cue = {"shortcut": "in_marker", "honest": "in_ring"}
    made = [row for row in flips() if row["search"] == search and row["seed"] <= last]
    return sum(row["found"] and row[cue[row["model"]]] >= 0.5 for row in made), len(made)


def flips_without_cue(model):
    """ml of the regions that flip a network whose cue may not be masked out, and the number of cases."""
    made = [row for row in flips() if (row["search"], row["model"]) == ("none", model)]
    return sorted(row["size"]["ml"] for row in made if row["found"]), len(made)


def ct(column, layer, rule, method=HIRES):
    found = rows(RESULTS / "known" / "ct.csv")
    return median(float(r[column]) for r in found if (r["method"], r["layer"], r["rule"]) == (method, layer, rule))


def lost(name, told=False):
    """ROAR: mean loss of Dice over the shares removed; or how many pairs the holes alone tell apart."""
    found = rows(RESULTS / "roar" / "roar.csv")
    if told:
        return mean(float(r["told_apart"]) for r in found if (r["mode"], r["row"]) == ("holes", name))
    whole = {r["seed"]: float(r["dice"]) for r in found if r["row"] == "nothing"}
    own = [r for r in found if (r["variant"], r["mode"], r["row"]) == ("context", "remove", name)]
    return mean(whole[r["seed"]] - float(r["dice"]) for r in own)


def at_level(region, layer, model="shortcut"):
    picked = [
        r for r in rows(REPORT / "evidence.csv") if (r["layer"], r["model"], r["norm"]) == (layer, model, "batch")
    ]
    return 100 * mean(float(r[region]) for r in picked if (r["method"], r["score"]) == (HIRES, "contrast"))


def on_marker(variant, norm="batch"):
    found = [
        r for r in rows(REPORT / "methods.csv") if (r["variant"], r["norm"], r["model"]) == (variant, norm, "shortcut")
    ]
    return mean(float(r["marker"]) for r in found)


def tail(name, column):
    return median(row[column] for row in data("tail.json")["rows"][name])


def forward():
    return median(row["cpu_s"] for row in data("tail.json")["rows"]["forward"])


def late_idle(paired):
    """Times of ours, Captum and torchcam beside the forward: of its own process, or of all of them."""
    lines = [json.loads(line) for line in (RESULTS / "late_idle.jsonl").read_text(encoding="utf-8").splitlines()][1:]
    by = {}
    for line in lines:
        by.setdefault(line["at"][0], []).append(line["result"])
    whole = median(one["again"]["cpu_s"] for one in by["forward|forward|-|fp32"])
    names = ("seghirescam|HiRes", "captum|HiRes", "torchcam|Grad-CAM")
    found = [by[f"{name}|late decoder|fp32"] for name in names]
    if paired:
        return [median(one["again"]["cpu_s"] / one["forward"]["cpu_s"] for one in own) for own in found]
    return [median(one["again"]["cpu_s"] for one in own) / whole for own in found]


def bf16(target):
    (row,) = (r for r in rows(RESULTS / "results.csv") if "bf16" in r["contestant"] and r["target"] == target)
    return float(row["correlation"])


CAMS = ("seg_grad_cam", "seg_grad_cam_pp", "seg_xgrad_cam", "seg_xres_cam", HIRES, LAYER)
#: (page, its words with {} for each number, [(value, how it is written)])
CLAIMS = [
    ("benchmarks/flips.md", "found in {} of {} searches", lambda: [(n, "d") for n in cues_found("map")]),
    ("benchmarks/flips.md", "the map finds {} of {}, the random order {} of {} and the reverse none",
     lambda: [(n, "d") for search in ("map", "random") for n in cues_found(search, 4013)]),
    ("benchmarks/flips.md", "still flips in {} of {} cases",
     lambda: [(len(flips_without_cue("shortcut")[0]), "d"), (flips_without_cue("shortcut")[1], "d")]),
    ("benchmarks/flips.md", "Large regions ({} to {} ml",
     lambda: [(flips_without_cue("shortcut")[0][at], ".0f") for at in (0, -1)]),
    ("benchmarks/known_answers.md", "({} against {} times chance, p = {} after Holm)",
     lambda: [(known(HIRES, "honest_lift_own"), ".1f"), (known("seg_grad_cam", "honest_lift_own"), ".1f"),
              (known("seg_grad_cam", "p_own"), ".3f")]),
    ("benchmarks/known_answers.md", "where it confuses a few ({};", lambda: [(known(HIRES, "auroc"), ".2f")]),
    ("benchmarks/known_answers.md", "8 and 9: their marker share is above that of {} and {} shortcut networks",
     lambda: [(confused_with()[f"honest{n}"], "d") for n in (8, 9)]),
    ("benchmarks/known_answers.md", "(sum over sum of magnitudes {} and {})",
     lambda: [(why("balance", f"honest{n}"), ".2f") for n in (8, 9)]),
    ("benchmarks/known_answers.md", "loses more to that ({} % is left, {} % and {} % in networks 8 and 9)",
     lambda: [(100 * why("left_after_channels", f"honest{n}"), ".0f") for n in (3, 8, 9)]),
    ("benchmarks/known_answers.md", "SmoothGrad makes it worse (AUROC {})",
     lambda: [(explored_auroc("SmoothGrad"), ".2f")]),
    ("benchmarks/known_answers.md", "({} for Seg-HiRes-Grad CAM, {} integrated). Adding the map at this level and all "
     "finer ones does ({})",
     lambda: [(explored(one), ".2f") for one in ("Seg-HiRes-Grad CAM", "integrated along the layer", "levels")]),
    ("benchmarks/known_answers.md", "order the context better (p = {} to {})",
     lambda: [(min(image_ps()), ".3f"), (max(image_ps()), ".3f")]),
    ("benchmarks/known_answers.md", "marker lift is {}x at stride 2, {}x at stride 4, {}x at stride 8",
     lambda: [(known(HIRES, "shortcut_lift_cue", f"encoder.{n}"), ".1f") for n in (1, 2, 3)]),
    ("benchmarks/known_answers.md", "show the segment whatever the reason was ({}x)",
     lambda: [(max(known(HIRES, "shortcut_lift_cue", f"decoder.{n}") for n in (2, 3)), ".1f")]),
    ("benchmarks/known_answers.md", "put {} times chance on this marker",
     lambda: [(known("edges", "shortcut_lift_cue", "-"), ".1f")]),
    ("benchmarks/known_answers.md", "puts {} % on the liver at the last decoder level",
     lambda: [(100 * ct("share_own", "decoder.3", "liver"), ".0f")]),
    ("benchmarks/known_answers.md", "and {} % at stride 4. Deleting the context in its order is worth {} logit for the "
     "liver and {} for the aorta",
     lambda: [(100 * ct("share_own", "encoder.2", "liver"), ".0f"),
              (abs(ct("gain_logit", "encoder.2", "liver")), ".2f"), (ct("gain_logit", "encoder.2", "aorta"), ".2f")]),
    ("benchmarks/roar.md", "with {} small trainings ({} h)",
     lambda: [(data("roar/roar.json")["trainings"], "d"), (data("roar/roar.json")["wall_hours"], ".1f")]),
    ("benchmarks/roar.md", "{} to {} of pairs are told apart from the holes alone, from the true cause's holes {}",
     lambda: [(min(lost(m, True) for m in CAMS), ".2f"), (max(lost(m, True) for m in CAMS), ".2f"),
              (lost("cause", True), ".2f")]),
    ("benchmarks/roar.md", "raises its mean loss from {} to {}, above that of the true cause ({})",
     lambda: [(lost(HIRES), ".2f"), (lost("hires_blurred_4_px"), ".2f"), (lost("cause"), ".2f")]),
    ("benchmarks/demo.md", "show the marker more clearly ({} % at stride 2)",
     lambda: [(at_level("marker", "encoder.1"), ".0f")]),
    ("benchmarks/speed.md", "all 16 channels, {} s, {} times cheaper than the plain forward of {} s",
     lambda: [(tail("tail upsamples.3", "channel_s"), ".3f"),
              (forward() / tail("tail upsamples.3", "channel_s"), ".1f"), (forward(), ".2f")]),
    ("benchmarks/speed.md", "32 of 256 channels, {} s, {} times cheaper",
     lambda: [(tail("tail bottleneck", "channel_s"), ".2f"),
              (forward() / tail("tail bottleneck", "channel_s"), ".2f")]),
    ("benchmarks/speed.md", "ours {}, Captum {}, torchcam {} times the plain forward; beside the plain forward of the "
     "same process {}, {} and {}",
     lambda: [(ratio, ".2f") for ratio in (*late_idle(False), *late_idle(True))]),
    ("explanation/limits.md", "(batch norm, stride 4) {} % of the evidence lie at the marker",
     lambda: [(at_level("marker", "encoder.2"), ".1f")]),
    ("benchmarks/known_answers.md", "is {} times the largest of an honest one (the sum: {} times)",
     lambda: [(measured_margin(FINER), ".1f"), (measured_margin("levels"), ".1f")]),
    ("benchmarks/known_answers.md", "the AUROC of Seg-HiRes-Grad CAM is {} at stride 4 and {} at stride 2",
     lambda: [(measured_auroc(PAPER), ".2f"), (measured_auroc(FINER), ".2f")]),
    ("how-to/gpu.md", "correlates with the float64 map at {}, at a late decoder layer at {}",
     lambda: [(bf16("bottleneck"), ".2f"), (bf16("late decoder"), ".3f")]),
]  # fmt: skip


@pytest.mark.parametrize("page, words, values", CLAIMS, ids=[f"{page}: {words[:40]}" for page, words, _ in CLAIMS])
def test_the_numbers_of_a_sentence_are_the_committed_ones(page, words, values):
    text = " ".join((ROOT / "docs" / page).read_text(encoding="utf-8").split())
    said = words.format(*(format(value, how) for value, how in values()))
    assert said in text, said


def test_the_confused_networks_are_those_whose_cells_add_up_to_less_than_zero():
    models = {r["model"] for r in rows(RESULTS / "known" / "better_why.csv")}
    assert len(models) == 20
    assert {model for model in models if why("balance", model) < 0} == set(confused_with()) == {"honest8", "honest9"}


def test_the_reverse_order_finds_no_cue_and_the_honest_network_no_flip_without_it():
    assert cues_found("reverse", 4013) == (0, 28) and flips_without_cue("honest") == ([], 24)


def test_the_sum_over_levels_and_the_finer_level_tell_all_new_networks_apart():
    assert [len(group) for group in measured("levels")] == [20, 20]
    assert measured_auroc("levels") == measured_auroc(FINER) == 1
    text = (RESULTS / "known" / "better_measured.md").read_text(encoding="utf-8")
    assert "+0.062 [+0.000 to +0.150]" in text and "is: **not shown to be better**" in text


def test_integrated_gradients_put_six_times_as_much_on_the_marker():
    assert round(on_marker("integrated_gradients") / on_marker(HIRES)) == 6
    assert on_marker("seg_eigen_grad_cam") == pytest.approx(on_marker(HIRES), rel=0.05)


def test_two_thirds_of_the_shortcut_networks_map_lie_elsewhere():
    assert at_level("elsewhere", "encoder.2") == pytest.approx(200 / 3, abs=1)


def test_the_citation_s_and_the_changelog_s_version_and_date_are_one():
    import seghirescam

    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    version, date = (re.search(rf"^{key}: (.+)$", citation, re.M)[1] for key in ("version", "date-released"))
    assert version == seghirescam.__version__
    assert f"## {version} ({date})" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "10.59275/j.melba.2024-ebd3" in citation


def test_every_version_of_the_changelog_is_dated():
    found = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert found and all(re.fullmatch(r"\d+\.\d+\.\d+ \(\d{4}-\d\d-\d\d\)|Unreleased", one) for one in found)
