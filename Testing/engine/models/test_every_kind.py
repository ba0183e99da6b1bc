"""The table of kinds: every one is opened, predicted, explained, refused where damaged, and names the library it lacks.

What each library or author makes of these models is tested file by file beside this one; here no kind is forgotten.
"""

import json
import os
import subprocess
import sys
from functools import cache

import numpy as np
import pytest
import torch

from engine.kinds_made import MADE, Made
from engine.workers import ROOT
from seghirescam import open_model
from seghirescam.models import recognise
from seghirescam.models.description import description
from seghirescam.models.known_kinds import own_kinds
from seghirescam.protocol.errors import ConsentError, ModelError
from seghirescam.session.opening import open_session
from seghirescam.session.prediction import predicted_labels

for library in ("monai", "nnunetv2", "transformers", "SimpleITK"):
    pytest.importorskip(library)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """name -> :class:`Made`, each made once."""

    @cache
    def get(name) -> Made:
        return MADE[name](tmp_path_factory.mktemp(name))

    return get


@pytest.fixture
def case(request, made, monkeypatch):
    found = made(request.param)
    for key, value in found.environment.items():
        monkeypatch.setenv(key, value)
    return request.param, found


every = pytest.mark.parametrize("case", MADE, indirect=True)


def test_no_kind_is_forgotten():
    assert set(MADE) == {kind.name for kind in own_kinds()}, "make one in engine/kinds_made.py"


def pass_by_hand(model, network, tensor, layer, valid):
    """(logits ``[C, K, J, I]`` of the valid part, the layer's output): one forward of the network itself."""
    kept = []

    def keep(module, inputs, output):
        kept.append(output.detach().clone().requires_grad_())
        return kept[0].clone()

    handle = network.get_submodule(layer).register_forward_hook(keep)
    with torch.enable_grad():
        out = network(tensor)
    handle.remove()
    out = out[0] if isinstance(out, (list, tuple)) else out
    out = out[0] if out.ndim == 5 else out[0, :, None]
    return out[(slice(None), *(slice(0, n) for n in valid))], kept[0]


@every
def test_opened_predicted_and_explained_as_one_pass_by_hand(case):
    name, found = case
    told = description(found.source)
    assert told["kind"] == name and recognise(found.source).name == name
    if told["runs_author_code"]:
        with pytest.raises((ConsentError, ModelError)):
            open_model(found.source)
    model = open_model(found.source, consent=True)
    session = open_session(model, found.image)
    prepared = session.prepared()
    network = found.network or model.networks[0]
    assert len(model.networks) == 1
    if model.windows is not None:
        assert tuple(prepared.tensor.shape[2:]) == tuple(model.windows.size) and not model.windows.mirror_axes
    layers = [found.layer] if found.layer else "deepest"
    chosen = found.layer or session.layers()[-1].name
    if not found.layer:
        chosen = session.ask(class_index=1, layers="deepest")[0].layer.name
    logits, activation = pass_by_hand(model, network.eval(), prepared.tensor, chosen, prepared.valid)
    # predicted: as the largest logit says, where the image lies on the model's grid as it is
    labels, _ = predicted_labels(session, lambda fraction, phase: None)
    by_hand = logits.argmax(dim=0)
    assert labels.max() < len(model.classes) and len(np.unique(labels)) > 1
    if tuple(by_hand.shape) == labels.shape and model.axes is None:
        assert (by_hand.numpy() == labels).mean() >= 0.99
    # explained: where that class is predicted
    index = int(np.bincount(by_hand.flatten().numpy(), minlength=2)[1:].argmax()) + 1
    inside = by_hand == index
    assert inside.any()
    score = logits[index][inside].double().sum()
    (gradient,) = torch.autograd.grad(score, activation)
    truth = (gradient * activation).sum(dim=1)[0].detach().numpy()
    truth = truth if truth.ndim == 3 else truth[None]
    (shown,) = session.ask(class_index=index, layers=layers)
    assert shown.layer.name == chosen and shown.status == "ok"
    assert shown.score == pytest.approx(float(score.detach()), rel=2e-4)
    cut = truth[tuple(slice(0, n) for n in shown.map.shape)]
    np.testing.assert_allclose(shown.map, cut, rtol=2e-3, atol=2e-4 * np.abs(truth).max())


@every
def test_weights_that_were_cut_short_end_in_one_sentence(case, tmp_path):
    _, found = case
    content = found.weights.read_bytes()
    try:
        for size in (0, len(content) // 2, len(content) - 40):
            found.weights.write_bytes(content[:size])
            with pytest.raises(ModelError) as error:
                open_model(found.source, consent=True)
            told = error.value
            assert told.sentence and told.hint and "\n" not in told.sentence, (size, told.sentence)
            assert "Traceback" not in told.sentence and told.code == "model"
    finally:
        found.weights.write_bytes(content)
    assert open_model(found.source, consent=True).classes


def test_without_its_library_the_sentence_names_the_line_for_pip_and_nothing_else_is_asked_for(made):
    """All kinds in one process that has none of the libraries; those that need none open there."""
    wanted = {name: made(name) for name in MADE}
    environment = {key: value for one in wanted.values() for key, value in one.environment.items()}
    code = (
        "import json, sys\n"
        "for name in ('monai', 'nnunetv2', 'transformers', 'safetensors', 'segmentation_models_pytorch'):\n"
        "    sys.modules[name] = None\n"
        "from seghirescam import open_model\n"
        "told = {}\n"
        "for name, source in json.loads(sys.argv[1]).items():\n"
        "    try:\n"
        "        told[name] = ['opened', len(open_model(source, consent=True).classes), '']\n"
        "    except Exception as error:\n"
        "        told[name] = [type(error).__name__, getattr(error, 'sentence', str(error)),\n"
        "                      getattr(error, 'hint', '')]\n"
        "print(json.dumps(told))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps({name: one.source for name, one in wanted.items()})],
        capture_output=True, text=True, check=True,
        env=os.environ | environment | {"PYTHONPATH": str(ROOT / "SegHiResGradCAM")},
    )  # fmt: skip
    told = json.loads(done.stdout.splitlines()[-1])
    for name, one in wanted.items():
        kind, sentence, hint = told[name]
        if not one.needs:
            assert kind == "opened", (name, sentence)
            continue
        assert kind == "DependencyError", (name, kind, sentence)
        assert f"needs '{one.needs}', which is not installed" in sentence, (name, sentence)
        assert "python -m pip install" in hint and one.needs in hint.partition("pip install")[2], (name, hint)
