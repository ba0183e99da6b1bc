"""Programs and factory files that end in an activation are read as networks in memory are."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from engine.last_activations import CODE, GRID, MASK, SHAPE, Net, image, pixels
from engine.programs import describe, save_exported, save_script
from seghirescam import Grid, Image, open_model
from seghirescam.session.opening import open_session


@pytest.mark.parametrize("kind", ["exported", "script", "trace", "factory"])
@pytest.mark.parametrize("last", ["sigmoid", "softmax"])
def test_programs_and_files_are_read_alike(tmp_path, kind, last):
    classes = 1 if last == "sigmoid" else 3
    network = Net(nn.Sigmoid() if last == "sigmoid" else nn.Softmax(dim=1), classes).float()
    network.scale = None
    names = ["background", "lesion"] if classes == 1 else ["background", "lesion", "other"]
    x = torch.zeros(1, 1, *SHAPE)
    if kind == "factory":
        ended = {"sigmoid": "torch.sigmoid({})", "softmax": "torch.softmax({}, 1)"}[last]
        code = CODE.format(classes=classes, last=ended.format("self.second(self.first(x).relu())"))
        (tmp_path / "net.py").write_text(code)
        save_file(network.state_dict(), tmp_path / "w.safetensors")
        source = tmp_path / "n.model.json"
        words = {"factory": "net.py", "weights": "w.safetensors", "classes": names}
        source.write_text(json.dumps(words))
    else:
        sequential = nn.Sequential(network.first, nn.ReLU(), network.second, network.last)
        path = tmp_path / ("n.pt2" if kind == "exported" else "n.ts")
        if kind == "exported":
            save_exported(path, sequential, x)
        else:
            save_script(path, sequential, x if kind == "trace" else None)
        source = describe(path, classes=names, window={"size": list(SHAPE)})
        source = path
    target = open_model(source, consent=True)
    picture = Image(image().array.astype(np.float32), GRID)
    logits = network.logits(torch.tensor(picture.array)[None])[0].detach().numpy()
    place = 0 if classes == 1 else 1
    session = open_session(target, picture)
    wanted = logits[0] > 0 if classes == 1 else logits.argmax(0) == 1
    np.testing.assert_array_equal(session.predict("lesion").weights > 0, wanted)
    (found,) = session.ask(pixels(), class_index="lesion", layers="first" if kind == "factory" else "0")
    assert found.score == pytest.approx(float((logits[place] * MASK).sum()), rel=1e-4)
    a = network.first(torch.tensor(picture.array)[None]).detach().requires_grad_()
    score = (network.second(a.relu())[0, place] * torch.tensor(MASK, dtype=torch.float32)).sum()
    (g,) = torch.autograd.grad(score, a)
    np.testing.assert_allclose(found.map, (g * a).sum(dim=1)[0].detach().numpy(), rtol=1e-3, atol=1e-4)


def test_predict_writes_what_the_sigmoid_of_a_program_decides(tmp_path):
    from seghirescam.cli import main
    from seghirescam.io.volumes import read_volume, write_volume

    class Program(nn.Module):
        def __init__(self):
            super().__init__()
            self.c = nn.Conv3d(1, 1, 1)

        def forward(self, x):
            return torch.sigmoid(self.c(x) * 0 + 4 * x - 8)  # above one half where x > 2

    x = np.zeros((16, 16, 16), np.float32)
    x[4:8, 4:8, 4:8] = 3
    write_volume(tmp_path / "x.nii.gz", x, Grid.from_spacing(x.shape))
    path = describe(
        save_exported(tmp_path / "n.pt2", Program().eval(), torch.zeros(1, 1, 16, 16, 16)),
        classes=["background", "lesion"],
    )
    out = tmp_path / "p.nii.gz"
    assert main(["predict", str(path), "--image", str(tmp_path / "x.nii.gz"), "--consent", "--out", str(out)]) == 0
    assert (read_volume(out).array == 1).sum() == 64


def test_what_is_read_otherwise_is_no_repetition(tmp_path, capsys):
    """A word of the description changes the question, and is no part of the weights' hash."""
    from seghirescam.cli import main
    from seghirescam.io.volumes import write_volume

    code = CODE.format(classes=2, last="torch.sigmoid(self.second(self.first(x).relu()))")
    (tmp_path / "net.py").write_text(code)
    network = Net(None, 2).float()
    save_file(network.state_dict(), tmp_path / "w.safetensors")
    words = {"factory": "net.py", "weights": "w.safetensors", "classes": ["a", "b"]}
    source, picture = tmp_path / "n.model.json", tmp_path / "x.nii.gz"
    source.write_text(json.dumps(words))
    write_volume(picture, image().array[0].astype(np.float32), GRID)
    asked = ["explain", str(source), "--consent", "--image", str(picture), "--out"]
    question = ["--class", "b", "--pixel-set", "whole", "--layer", "first"]
    assert main([*asked, str(tmp_path / "o"), *question]) == 0
    (sidecar,) = (tmp_path / "o").glob("01_*.json")
    assert main([*asked, str(tmp_path / "again"), "--repeat", str(sidecar)]) == 0
    source.write_text(json.dumps({**words, "activation": "none"}))
    assert main([*asked, str(tmp_path / "other"), "--repeat", str(sidecar)]) == 2
    assert "read otherwise than the sidecar tells (head, activation)" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()
