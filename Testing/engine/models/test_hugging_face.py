"""Folders of Hugging Face's transformers: labels as the library's own, maps as an autograd that knows nothing of us."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from engine import hugging_faces as maker
from seghirescam import Grid, Image, open_model
from seghirescam.models import recognise
from seghirescam.models.description import description
from seghirescam.protocol.errors import ModelError, SegHiResCamError
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.session.opening import open_session
from seghirescam.session.prediction import predicted_labels

pytest.importorskip("transformers", reason="transformers is not installed: python -m pip install transformers")

#: a layer of each that its own name reaches, as transformers calls it
LAYERS = {
    "segformer": "segformer.stages.2.layer_norm", "upernet": "decode_head.fpn_bottleneck", "beit": "fpn.fpn1",
    "dpt": "neck.fusion_stage.layers.3.residual_layer2", "mobilevit": "segmentation_head.aspp.project",
    "maskformer": "model.pixel_level_module.decoder.fpn.layers.1",
    "mask2former": "model.pixel_level_module.decoder.mask_projection",
    "oneformer": "model.pixel_level_module.decoder.mask_projection",
}  # fmt: skip
#: transformers brings Mask2Former's masks to 384 x 384
SIZES = {"mask2former": 384}
ALL = (*maker.SEMANTIC, *maker.QUERIES)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root, made = tmp_path_factory.mktemp("faces"), {}

    def get(kind):
        if kind not in made:
            made[kind] = maker.folder(kind, root / kind, SIZES.get(kind, 64))
        return made[kind]

    return get


@pytest.fixture
def spoilt(folders, tmp_path):
    return Path(shutil.copytree(folders("segformer"), tmp_path / "spoilt"))


def changed(path, **words):
    found = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(found | words), encoding="utf-8")


def elsewhere(code):
    """What a fresh process prints."""
    paths = [str(Path(recognise.__code__.co_filename).parents[2]), *sys.path]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True).stdout


@pytest.mark.parametrize("kind", ALL)
def test_labels_are_the_librarys_and_the_map_is_that_of_an_independent_autograd(folders, kind):
    path, image = folders(kind), maker.photo()
    model = open_model(str(path))
    session = open_session(model, image)
    labels, _ = predicted_labels(session, lambda fraction, phase: None)
    theirs = maker.librarys_labels(path, image)
    assert labels.shape == (1, *theirs.shape) and len(np.unique(theirs)) > 1
    assert (labels[0] == theirs).mean() >= 0.9999

    chosen = int(np.bincount(theirs.ravel()).argmax())
    found = session.ask(class_index=chosen, layers=[f"model.{LAYERS[kind]}"])[0]
    # the same by hand: the library's network, a hook, autograd
    network, prepared = session.model.networks[0].model, session.prepared()
    kept = {}

    def keep(_, inputs, output):
        kept["a"] = output.detach().clone().requires_grad_()
        return kept["a"].clone()

    handle = dict(network.named_modules())[LAYERS[kind]].register_forward_hook(keep)
    task = {"task_inputs": session.model.networks[0].task} if kind == "oneformer" else {}
    out = network(pixel_values=prepared.tensor, **task)
    handle.remove()
    enlarge = {"size": prepared.tensor.shape[2:], "mode": "bilinear", "align_corners": False}
    if kind in maker.QUERIES:
        masks = out.masks_queries_logits
        if kind == "mask2former":
            masks = torch.nn.functional.interpolate(masks, size=(384, 384), mode="bilinear", align_corners=False)
        weights = torch.exp(out.class_queries_logits - out.class_queries_logits.logsumexp(-1, keepdim=True))
        per_pixel = sum(
            weights[0, q, :-1, None, None] / (1 + torch.exp(-masks[0, q])) for q in range(masks.shape[1])
        )  # [C, h, w]
        if per_pixel.shape[1:] != prepared.tensor.shape[2:]:
            per_pixel = torch.nn.functional.interpolate(per_pixel[None], **enlarge)[0]
        values = torch.log(per_pixel)
    else:
        values = torch.nn.functional.interpolate(out.logits, **enlarge)[0]
    inside = values.argmax(dim=0) == chosen
    score = values[chosen][inside].double().sum()
    (gradient,) = torch.autograd.grad(score, kept["a"])
    product = (gradient * kept["a"]).detach()
    if product.ndim == 3:  # tokens, in reading order
        side = int(product.shape[1] ** 0.5)
        product = product.transpose(1, 2).reshape(1, -1, side, side)
    truth = product.sum(dim=1)[0].numpy()
    assert found.score == pytest.approx(float(score.detach()), rel=1e-4)
    np.testing.assert_allclose(found.map[0], truth, rtol=1e-3, atol=1e-4 * np.abs(truth).max())


@pytest.mark.parametrize("kind", maker.QUERIES)
def test_a_score_that_is_no_logit_is_not_called_one(folders, kind):
    session = open_session(open_model(str(folders(kind))), maker.photo())
    for words, title in (({}, "log score of bone"), ({"score": "contrast", "rival": 1}, "log score of bone minus")):
        found = session.ask(PixelSet(np.ones((1, 57, 80)), session.image.grid), class_index="bone", **words)[0]
        assert found.unit == "log score" and found.score_title.startswith(title)
        assert "logit" not in json.dumps(found.score_title + found.unit)
        assert any("has no logit of a class" in note and "sum over its queries" in note for note in found.notes)
    logits = open_session(open_model(str(folders("segformer"))), maker.photo())
    one = logits.ask(PixelSet(np.ones((1, 57, 80)), session.image.grid), class_index="bone")[0]
    assert one.unit == "logit" and one.score_title == "logit of bone"


def test_undone_enlarging_gives_the_same_labels_where_the_pass_is_another(folders):
    from seghirescam.models.hugging_face.class_scores import before_enlarging, resized

    rng = np.random.default_rng(0)
    for small, large in (((16, 16), (64, 64)), ((384, 384), (512, 672)), ((13, 20), (52, 81))):
        values = rng.normal(size=(3, *small))
        big = resized(torch.from_numpy(values)[None], large)[0].numpy()
        np.testing.assert_allclose(before_enlarging(big, small), values, atol=1e-9)
    model, image = open_model(str(folders("segformer"))), maker.photo()
    session = open_session(model, image)
    first = session.logits()
    open_session(model, maker.photo(seed=3)).logits()  # another picture goes through in between
    labels = model.labels_on_input(first, session.prepared(), image)
    assert (labels[0] == maker.librarys_labels(folders("segformer"), image)).mean() >= 0.9999


def test_a_grey_volume_goes_through_slice_by_slice_and_says_how(folders):
    model = open_model(str(folders("segformer")))
    rng = np.random.default_rng(1)
    array = rng.normal(0, 300, (1, 3, 40, 48)).astype(np.float32)
    array[:, :, 10:30, 10:30] += 900
    image = Image(array, Grid.from_spacing((3, 40, 48), (4.0, 1.0, 1.0)))
    labels, notes = predicted_labels(open_session(model, image), lambda fraction, phase: None)
    assert any("red, green and blue alike" in note for note in notes)
    assert any("were scaled to that range" in note for note in notes)
    for k in range(3):
        low, high = array[0, k].min(), array[0, k].max()
        grey = np.round((array[0, k].astype(float) - low) * (255 / (float(high) - low))).astype(np.uint8)
        one = Image(np.repeat(grey[None, None], 3, axis=0), Grid.of_photo((1, 40, 48)))
        assert (labels[k] == maker.librarys_labels(folders("segformer"), one)).mean() >= 0.9999
    found = open_session(model, image).ask(PixelSet(array[0] > 600, image.grid), class_index=1)[0]
    assert found.status == "ok" and found.map.shape[0] == 3


def test_recognised_as_data_by_any_of_its_files(folders, tmp_path):
    path = folders("segformer")
    for source in (path, path / "config.json", path / "model.safetensors"):
        told = description(str(source))
        assert told["kind"] == "hugging_face" and told["channels"] == ["red", "green", "blue"]
        assert [c["name"] for c in told["classes"]] == list(maker.LABELS.values())
        assert told["runs_author_code"] == "" and told["requirements"][0].startswith("transformers")
    code = (
        "import sys; from seghirescam.models import recognise; "
        f"kind = recognise({str(path)!r}); kind.classes({str(path)!r}); kind.files({str(path)!r}); "
        "print(kind.name, sorted({'torch', 'transformers'} & set(sys.modules)))"
    )
    out = elsewhere(code)
    assert out.split(maxsplit=1)[0] == "hugging_face" and "transformers" not in out.partition(" ")[2]


REFUSED = {
    "other network": (lambda p: changed(p / "config.json", architectures=["ViTForImageClassification"]), "none of"),
    "other library": (lambda p: changed(p / "config.json", model_type="bert", architectures=None), "none of"),
    "code": (lambda p: changed(p / "config.json", auto_map={"AutoModel": "net.Net"}), "never run"),
    "processor's code": (lambda p: changed(p / "preprocessor_config.json", auto_map={"A": "b.C"}), "never run"),
    "quantised": (lambda p: changed(p / "config.json", quantization_config={"bits": 4}), "quantised"),
    "no weights": (lambda p: (p / "model.safetensors").unlink(), "lacks 'model.safetensors'"),
    "pickle": (lambda p: (p / "model.safetensors").rename(p / "pytorch_model.bin"), "could run code"),
    "no processor": (lambda p: (p / "preprocessor_config.json").unlink(), "lacks 'preprocessor_config.json'"),
    "cut": (lambda p: (p / "model.safetensors").write_bytes((p / "model.safetensors").read_bytes()[:-99]), "could not"),
    "labels": (lambda p: changed(p / "config.json", id2label={"0": "a", "2": "b"}), "do not run from 0"),
    "no JSON": (lambda p: (p / "config.json").write_text("{"), "no JSON"),
    "other shape": (lambda p: changed(p / "config.json", decoder_hidden_size=24), "."),
    "cropping": (lambda p: changed(p / "preprocessor_config.json", image_processor_type="MobileViTImageProcessor",
                                   do_center_crop=True, crop_size={"height": 32, "width": 32}), "cuts the middle"),
    "index": (lambda p: ((p / "model.safetensors").unlink(), (p / "model.safetensors.index.json").write_text(
        json.dumps({"weight_map": {"a": "../../etc/passwd.safetensors"}}))), "names no files"),
}  # fmt: skip


@pytest.mark.parametrize("fault", REFUSED)
def test_what_is_damaged_or_would_run_code_is_refused_in_one_sentence(spoilt, fault):
    spoil, words = REFUSED[fault]
    spoil(spoilt)
    assert recognise(str(spoilt)).name == "hugging_face"
    with pytest.raises(ModelError) as error:
        open_model(str(spoilt))
    assert words in error.value.sentence and error.value.hint
    assert "\n" not in error.value.sentence and str(spoilt.parent) not in error.value.sentence


def test_weights_that_are_no_numbers_are_refused(spoilt):
    from safetensors.torch import load_file, save_file

    state = load_file(spoilt / "model.safetensors")
    key = sorted(key for key, value in state.items() if value.ndim > 1)[0]
    state[key][0] = float("nan")
    save_file(state, spoilt / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match="NaN or infinite"):
        open_model(str(spoilt))


def test_without_the_library_the_sentence_names_the_line_for_pip(folders):
    code = (
        "import sys; sys.modules['transformers'] = None\n"
        "from seghirescam import open_model\n"
        f"try: open_model({str(folders('segformer'))!r})\n"
        "except Exception as error: print(type(error).__name__, error.sentence, error.hint)"
    )
    out = elsewhere(code)
    assert "DependencyError" in out and 'pip install "transformers' in out


def test_values_and_channels_that_no_picture_has(folders):
    model = open_model(str(folders("segformer")))
    with pytest.raises(SegHiResCamError, match="expects 3 channel"):
        model.prepare(Image(np.zeros((2, 1, 40, 40), np.float32), Grid.of_photo((1, 40, 40))))
    unit = maker.photo().array.astype(np.float32) / 255
    prepared = model.prepare(Image(unit, Grid.of_photo((1, 57, 80))))
    np.testing.assert_allclose(prepared.tensor, model.prepare(maker.photo()).tensor, atol=1e-6)
    assert any("multiplied by 255" in note for note in prepared.notes)


def test_the_worker_and_so_the_panel_knows_it(worker, folders, tmp_path):
    told = worker.ask("describe", model=str(folders("segformer")))
    assert told["kind"] == "hugging_face" and told["runs_author_code"] == "" and not told["missing"]
