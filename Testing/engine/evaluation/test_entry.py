"""A stranger's method in the benchmark: nine lines outside the package, one command, the engine's own numbers."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[3]
STRANGER = """
import torch

def method(model, image, pixel_set, layer):
    kept = []
    hook = model.network.get_submodule(layer).register_forward_hook(lambda module, inputs, out: kept.append(out))
    score = model.score(model.network(model.input(image)), pixel_set)
    hook.remove()
    (gradient,) = torch.autograd.grad(score, kept[0])
    return (gradient * kept[0]).sum(1)[0]

def wrong(model, image, pixel_set, layer):
    return method(model, image, pixel_set, layer)[:2]

def raises(model, image, pixel_set, layer):
    raise RuntimeError("out of ideas")
"""


def entered(folder, *words, code=0):
    """Runs the command where the stranger sits; stdout and stderr."""
    (folder / "stranger.py").write_text(STRANGER, encoding="utf-8")
    command = [sys.executable, str(ROOT / "Testing" / "benchmarks" / "known" / "enter.py"), *words]
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | {"OMP_NUM_THREADS": "1"}
    said = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert said.returncode == code, said.stderr
    return said.stdout, said.stderr


def rows(folder):
    with open(folder / "entry.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """With two networks, hardly trained."""
    return tmp_path_factory.mktemp("stranger")


def quick(folder, *words, **more):
    return entered(folder, *words, "--quick", "--work", str(folder / "networks"), **more)


@pytest.mark.slow
def test_a_stranger_s_nine_lines_get_the_engine_s_numbers_and_the_same_bytes_twice(folder):
    assert len(STRANGER.split("def wrong")[0].strip().splitlines()) < 10
    said, _ = quick(folder, "stranger.py", "--out", "one")
    found = {(row["method"], row["model"]): row for row in rows(folder / "one")}
    numbers = ("share_cue", "lift_cue", "share_own", "lift_own", "gain_logit")
    for model in ("honest0", "shortcut0"):
        mine, ours = found["stranger", model], found["Seg-HiRes-Grad CAM", model]
        for name in numbers:
            assert float(mine[name]) == pytest.approx(float(ours[name]), rel=1e-3), name
        painted, even = found["paint the prediction", model], found["random", model]
        assert (painted["share_own"], painted["share_cue"]) == ("1", "0")
        assert float(even["lift_own"]) == pytest.approx(1, abs=0.1)
    assert "| stranger | 2 of 2 | 2 of 2 |" in said
    quick(folder, "stranger.py", "--out", "two")
    for name in ("entry.csv", "entry.md"):
        assert (folder / "one" / name).read_bytes() == (folder / "two" / name).read_bytes()


@pytest.mark.slow
def test_what_is_no_map_has_failed_there_and_the_others_are_measured(folder):
    words = ("stranger.py:wrong", "stranger.py:raises", "stranger.py", "--no-baselines", "--out", "bad")
    said, told = quick(folder, *words, code=1)
    by_method = {}
    for row in rows(folder / "bad"):
        by_method.setdefault(row["method"], []).append(row)
    assert [row["status"] for row in by_method["stranger"]] == ["ok", "ok"]
    for name, note in (("wrong", "A map has the shape of the image"), ("raises", "RuntimeError: out of ideas")):
        failed = by_method[f"stranger:{name}"]
        assert [row["status"] for row in failed] == ["failed"] * 2 and note in failed[0]["note"]
    assert "| stranger:raises | 0 of 2 | 0 of 2 | - [---] |" in said and told.startswith("4 maps failed")


def test_a_file_that_is_not_there_or_has_no_method_is_one_sentence(folder):
    for word, sentence in (("nothing.py", "There is no file nothing.py."),
                           ("stranger.py:other", "stranger.py has no function 'other'.")):  # fmt: skip
        assert sentence in entered(folder, word, code=2)[1]


def test_a_method_that_leaves_its_network_and_image_changed_changes_nobody_elses_numbers():
    """Hooks left behind, as guided backpropagation does, weights set to 0, the image overwritten."""
    from benchmarks.known.entry import entered_baselines, scoring
    from benchmarks.known.phantom import REPORT_SEEDS, make_case
    from seghirescam.models.demo_networks.network import SmallUNet
    from seghirescam.models.demo_networks.preprocessing import CLASSES, DIVISOR, normalised
    from seghirescam.models.plain import PlainModel

    def spoils(model, image, pixel_set, layer):
        model.network.register_forward_hook(lambda module, inputs, out: out * 0)
        for one in model.network.parameters():
            one.data.zero_()
        image.array[:] = 0
        return image.array[0]

    torch.manual_seed(0)
    model = PlainModel(SmallUNet().eval(), CLASSES, normalise=normalised, divisor=DIVISOR, name="untrained")
    case = make_case(REPORT_SEEDS[0], ring=True, marker=True)
    ours = dict(list(entered_baselines.BASELINES.items())[:1])

    def numbers(methods):
        return dict(scoring._of_case(methods, model, case, case.region("body"), "encoder.2", False))

    alone = numbers(ours)
    together = numbers({"spoils": spoils, **ours})
    assert together["Seg-HiRes-Grad CAM"] == alone["Seg-HiRes-Grad CAM"] == numbers(ours)["Seg-HiRes-Grad CAM"]
