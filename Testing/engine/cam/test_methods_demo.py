"""All methods on the demo: completeness in float32, and the table of which methods see through the shortcut."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from demo_training import methods_table
from engine import toys
from engine.contexts import context
from seghirescam.cam.methods import methods
from seghirescam.cam.methods.full_grad import SegFullGrad
from seghirescam.cam.methods.lift import SegLiftCam
from seghirescam.demo.case import load_case
from seghirescam.models.demo_networks.demo_model import DemoModel
from seghirescam.models.demo_networks.preprocessing import LESION
from seghirescam.session.explain import explain
from seghirescam.session.whole import WholeSession

DEMO = ("honest", "shortcut")


@pytest.fixture(scope="module")
def case():
    pytest.importorskip("SimpleITK")
    return load_case()


def demo_models():

    from seghirescam.demo.case import FOLDER

    return [DemoModel(path) for path in sorted(FOLDER.glob("*.safetensors"))]


@pytest.mark.parametrize("which", [0, 1], ids=DEMO)
def test_full_grad_and_lift_print_their_gaps_on_the_demo_models(which, case):
    session = WholeSession(demo_models()[which], case[0])
    full, lift = session.ask(class_index=LESION, methods=[SegFullGrad("signed"), SegLiftCam(4)], layers="encoder.2")[
        ::-1
    ]
    assert abs(full.provenance["gap"]) < 1e-4 and "the gap is" in " ".join(full.notes)
    assert full.total == pytest.approx(full.score, rel=1e-4)
    assert "4 steps (midpoints)" in " ".join(lift.notes) and abs(lift.provenance["gap"]) < 0.5


@pytest.mark.parametrize("kind", ["none", "batch", "instance"])
@pytest.mark.parametrize("dims", [2, 3])
def test_full_grad_is_complete_in_float32(dims, kind):
    net = toys.make(dims=dims, kind=kind).float()
    found = SegFullGrad().compute(context(net, toys.image(dims, 16).float(), toys.mask(dims, 16).float()))
    assert abs(found.balance.gap) < 1e-4


def row(model, variant, marker, lesion=0.5, chance=0.01, norm="batch"):
    return methods_table.MethodRow(
        1, model, norm, variant, variant.upper(), "encoder.2", "ok", lesion, marker, 0.1, 0.02, chance, 2.0
    )


def test_the_table_says_yes_only_where_the_marker_beats_both_chance_and_the_honest_network():
    rows = [
        *(row("honest", "a", 0.05), row("shortcut", "a", 0.30)),  # 30x chance, 6x honest
        *(row("honest", "b", 0.20), row("shortcut", "b", 0.30)),  # 1.5x honest
        *(row("honest", "c", 0.01), row("shortcut", "c", 0.14)),  # 14x chance
        *(row("honest", "d", 0.0), row("shortcut", "d", 0.15)),
        *(row("honest", "e", np.nan, np.nan), row("shortcut", "e", 0.3)),
        replace(row("honest", "x", np.nan), status="refused: It cannot."),
    ]
    text = methods_table.table(rows)
    verdicts = {line.split(" ")[1]: line.split(" | ")[5] for line in text.splitlines() if line.startswith("| ")}
    assert verdicts["A"] == "yes (30.0x chance, 6.0x the honest network's)"
    assert verdicts["B"].startswith("no (30.0x chance, 1.5x") and verdicts["C"].startswith("no (14.0x chance, 14.0x")
    assert verdicts["D"] == "yes (15.0x chance, none in the honest network)" and verdicts["E"] == "no evidence"
    assert "- x was refused: It cannot." in text


def test_the_table_on_the_demo_case_tells_the_averaging_method_from_the_others(case, monkeypatch, tmp_path):
    image, segments = case
    made = SimpleNamespace(image=image, region=lambda name: segments[name.capitalize()])
    monkeypatch.setattr(methods_table, "make_case", lambda seed, **kinds: made)
    every = methods_table.variants()
    assert set(methods()) <= set(every)
    names = ("seg_hires_grad_cam", "seg_grad_cam", "seg_layer_cam", "guided_backpropagation")
    rows = methods_table.measure_case(demo_models(), 1, chosen={n: every[n] for n in names})
    methods_table.write_rows(tmp_path / "methods.csv", rows)
    assert repr(methods_table.read_rows(tmp_path / "methods.csv")) == repr(rows)
    refused = [r for r in rows if r.status.startswith("refused: ")]
    assert [r.variant for r in refused] == ["guided_backpropagation"] * 2 and len(rows) == 8
    of = {n: {m: [r for r in rows if (r.variant, r.model) == (n, m)] for m in DEMO} for n in names[:3]}
    found = {n: methods_table.sees_through(of[n])[:3] for n in of}
    assert found == {"seg_hires_grad_cam": "yes", "seg_grad_cam": "no ", "seg_layer_cam": "yes"}
    hires = of["seg_hires_grad_cam"]["shortcut"][0]
    (map_,) = explain(demo_models()[1], image, class_index=LESION, layers="encoder.2", score="contrast", rival=2)
    placed = np.clip(map_.resampled_to(segments["Marker"].grid).array, 0, None)
    assert 0 < hires.marker < 1 and placed.sum() > 0


def test_methods_work_on_saved_programs_too(tmp_path):
    from engine.programs import save_exported
    from seghirescam import Grid, Image, PlainModel, open_model
    from seghirescam.protocol.recipes import WholeImage

    net = toys.make(kind="instance").float()
    tensor = toys.image().float()
    model = open_model(str(save_exported(tmp_path / "net.pt2", net, tensor)), consent=True)
    image = Image(tensor[0].numpy(), Grid.from_spacing((8, 8, 8)))
    wanted = [SegFullGrad("signed"), "seg_ablation_cam", SegLiftCam(2)]
    found = explain(model, image, WholeImage(), class_index=1, methods=wanted, layers="deepest")
    names = [c.name for c in model.classes]
    eager = explain(PlainModel(net, names), image, WholeImage(), class_index=1, methods=wanted, layers="deepest")
    for f, slow in zip(found, eager, strict=True):
        assert np.abs(f.map - slow.map).max() < 1e-4 * np.abs(slow.map).max(), f.method


def test_a_table_is_continued_by_the_same_question_only(tmp_path):
    """Else rows of two scores, or of two networks of one name, would stand in one table."""
    path, asked = tmp_path / "new" / "methods.csv", {"score": "contrast", "weights_sha256": {"honest": "a"}}
    methods_table.claim_table(path, asked)
    methods_table.claim_table(path, {"score": "logit"})  # nothing was measured yet
    methods_table.claim_table(path, asked)
    path.write_text("seed\n", encoding="utf-8")
    methods_table.claim_table(path, dict(asked))
    for other in ({**asked, "score": "logit"}, {**asked, "weights_sha256": {"honest": "b"}}):
        with pytest.raises(SystemExit, match="holds rows of other networks or another score"):
            methods_table.claim_table(path, other)
    path.with_suffix(".json").unlink()
    with pytest.raises(SystemExit):
        methods_table.claim_table(path, asked)
    assert path.read_text(encoding="utf-8") == "seed\n"
