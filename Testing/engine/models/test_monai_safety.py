"""Bad and dangerous bundles: nothing of the author's runs without a yes to exactly this content; one clear sentence."""

import json
import os
import pickle
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import torch

from engine.monai_bundles import (
    CT,
    LOADED,
    UNET,
    config,
    ct_like,
    metadata,
    monai_logits,
    monai_tensor,
    oblique,
    sliding,
    slow_fusion,
    write_bundle,
    write_nifti,
)
from seghirescam import Grid, Image, open_model
from seghirescam.models import recognise
from seghirescam.protocol.errors import ConsentError, DependencyError, ImageError, ModelError

pytest.importorskip("monai")
pytest.importorskip("nibabel")

SIMPLE = UNET | {"out_channels": 3}


def asked_everything(source):
    """Every question that is answered before consent, and an attempt to open; returns the sentence on code."""
    kind = recognise(source)
    why = kind.runs_author_code(source)
    kind.requirements(source), kind.classes(source), kind.channels(source), kind.files(source)
    kind.consent_hash(source)
    for consent in (False, "", "0" * 64):
        with pytest.raises((ConsentError, ModelError)):
            kind.open(source, consent=consent)
    with pytest.raises(ModelError, match="Nothing was run"):
        open_model(source)
    return why


def touching(path):
    return f"$__import__('os').system('touch {path}')"


@pytest.mark.parametrize(
    "place",
    ["network argument", "network", "transform argument", "inferer", "hidden in a reference", "network target",
     "transform target", "inferer target", "nested target", "lambda"],
)  # fmt: skip
def test_code_where_we_read_is_listed_and_never_runs_without_a_yes(tmp_path, place):
    canary = tmp_path / "canary"
    code, target = touching(canary), {"_target_": "os.system", "command": f"touch {canary}"}
    about, word = {
        "network argument": (config(SIMPLE | {"dropout": code}), "__import__('os').system"),
        "network": (config(code), "__import__"),
        "transform argument": (config(preprocessing=[*CT, CT[-1] | {"dtype": code}]), "__import__"),
        "inferer": (config(inferer=sliding() | {"overlap": code}), "__import__"),
        "hidden in a reference": (config(SIMPLE | {"dropout": "$@x * 2"}, x=code), "__import__"),
        "network target": (config(target), "os.system is called"),
        "transform target": (config(preprocessing=[*CT, target]), "os.system is called"),
        "inferer target": (config(inferer=target), "os.system is called"),
        "nested target": (config(SIMPLE | {"norm": target}), "os.system is called"),
        "lambda": (config(preprocessing=[*CT, {"_target_": "Lambdad", "keys": "image", "func": code}]), "Lambdad"),
    }[place]
    folder = write_bundle(tmp_path / "b", about, state={"w": torch.zeros(1)})
    why = asked_everything(folder)
    assert word in why and "with all your rights" in why and not canary.exists()


@pytest.mark.parametrize(
    "target",
    ["builtins.eval", "monai.utils.module.optional_import", "monai.networks.nets.os.system", "subprocess.Popen",
     "monai.bundle.scripts.run", "torch.load", "monai.transforms.io.array.LoadImage", "$@network_def.forward",
     "monai.networks.nets.TorchVisionFCModel", "scripts.net.UNet", "monai.apps.download_url", "evil.UNet"],
)  # fmt: skip
def test_only_listed_classes_of_monai_are_networks(tmp_path, target):
    folder = write_bundle(tmp_path / "b", config({"_target_": target}), state={"w": torch.zeros(1)})
    assert recognise(folder).runs_author_code(folder)
    with pytest.raises(ConsentError, match="Nothing was run"):
        recognise(folder).open(folder)


def test_code_that_the_prediction_does_not_need_is_never_run(tmp_path):
    canary = tmp_path / "canary"
    code = touching(canary)
    about = config(imports=["$import os", code], initialize=[code], run=[code], device=code, datalist=code)
    about["postprocessing"]["transforms"].append({"_target_": "Lambdad", "keys": "pred", "func": code})
    folder = write_bundle(tmp_path / "b", about, state=_state())
    (folder / "scripts").mkdir()
    (folder / "scripts" / "__init__.py").write_text(f"open({str(canary)!r}, 'w')", encoding="utf-8")
    assert recognise(folder).runs_author_code(folder) == ""
    model = open_model(folder)
    prepared = model.prepare(ct_like(oblique()))
    assert any("Lambda" in note and "not applied" in note for note in prepared.notes)
    assert not canary.exists()


def test_the_questions_before_opening_import_neither_torch_nor_monai(tmp_path):
    folder = write_bundle(tmp_path / "b")
    code = (
        "import sys; from seghirescam.models import recognise; s = sys.argv[1]; k = recognise(s);"
        "k.requirements(s), k.runs_author_code(s), k.classes(s), k.channels(s), k.files(s), k.consent_hash(s);"
        "print(k.name, sorted({'torch', 'monai', 'nibabel', 'yaml'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "monai_bundle []"


SCRIPT = """
from pathlib import Path
Path({canary!r}).write_text("ran", encoding="utf-8")
from monai.networks.nets import UNet
def make(classes):
    return UNet(spatial_dims=3, in_channels=1, out_channels=classes, channels=[4, 8, 16], strides=[2, 2],
                num_res_units=1, norm="batch")
"""


def scripted(tmp_path):
    """A bundle that cannot be data: its network comes from scripts/, a transform has a lambda."""
    canary = tmp_path / "canary"
    chain = [*CT[:-1], {"_target_": "Lambdad", "keys": "image", "func": "$lambda x: x * 2"}]
    about = config({"_target_": "scripts.net.make", "classes": "@classes"}, chain, sliding((16, 16, 8), 0.5))
    folder = write_bundle(tmp_path / "b", about, state=_state())
    (folder / "scripts").mkdir()
    (folder / "scripts" / "__init__.py").write_text("", encoding="utf-8")
    (folder / "scripts" / "net.py").write_text(SCRIPT.format(canary=str(canary)), encoding="utf-8")
    return folder, canary


def _state():
    from monai.networks.nets import UNet

    torch.manual_seed(7)
    arguments = {k: v for k, v in SIMPLE.items() if k != "_target_"}
    return UNet(**arguments).state_dict()


def test_with_a_yes_to_this_content_a_bundle_with_code_opens_and_predicts_as_monai(tmp_path, monkeypatch):
    folder, canary = scripted(tmp_path)
    kind = recognise(folder)
    why = asked_everything(folder)
    assert "scripts.net.make is called" in why and "Lambdad" in why and "2 Python file(s)" in why
    assert not canary.exists()
    digest = kind.consent_hash(folder)
    model = kind.open(folder, consent=digest)
    assert canary.exists() and model.windows.size == (16, 16, 8) and model.head == "softmax"
    assert not any(name.partition(".")[0] == "scripts" for name in sys.modules)
    image = ct_like(oblique())
    prepared = model.prepare(image)
    monkeypatch.syspath_prepend(str(folder))
    theirs = monai_tensor(folder, write_nifti(tmp_path / "i.nii", image))
    assert np.abs(prepared.tensor[0].numpy() - theirs.numpy()).max() < 1e-5
    logits = monai_logits(folder, theirs).numpy()
    assert np.abs(slow_fusion(model, prepared) - logits).max() < 1e-5
    for name in [n for n in sys.modules if n.partition(".")[0] == "scripts"]:
        del sys.modules[name]
    # another script, another configuration, one more file: another content
    for name in ("scripts/net.py", "configs/inference.json", "new.txt"):
        path = folder / name
        before = path.read_text(encoding="utf-8") if path.exists() else None
        path.write_text((before or "") + "\n", encoding="utf-8")
        canary.unlink(missing_ok=True)
        with pytest.raises(ConsentError):
            kind.open(folder, consent=digest)
        assert not canary.exists()
        path.unlink() if before is None else path.write_text(before, encoding="utf-8")
    assert kind.consent_hash(folder) == digest


def test_what_an_author_s_code_raises_is_one_sentence(tmp_path):
    folder, _ = scripted(tmp_path)
    for text, error, match in (
        ("raise SystemExit(3)", ModelError, "'inference.json' failed"),
        ("import a_library_nobody_has", DependencyError, "a_library_nobody_has"),
    ):
        (folder / "scripts" / "net.py").write_text(text, encoding="utf-8")
        with pytest.raises(error, match=match):
            open_model(folder, consent=True)


class Payload:
    def __init__(self, canary):
        self.canary = canary

    def __reduce__(self):
        return os.system, (f"touch {self.canary}",)


def test_a_checkpoint_with_a_payload_is_refused_also_after_a_yes(tmp_path):
    canary = tmp_path / "canary"
    folder, ran = scripted(tmp_path)
    torch.save({"state_dict": Payload(canary)}, folder / "models" / "model.pt")
    for consent in (False, True):
        with pytest.raises((ModelError, ConsentError)):
            recognise(folder).open(folder, consent=consent)
    assert not canary.exists() and not ran.exists()
    plain = write_bundle(tmp_path / "plain")
    (plain / "models" / "model.pt").write_bytes(pickle.dumps(Payload(canary)))
    with pytest.raises(ModelError, match="holds Python objects"):
        open_model(plain)
    assert not canary.exists()


def test_damaged_missing_and_foreign_weights_each_have_their_sentence(tmp_path):
    folder = write_bundle(tmp_path / "b")
    weights = folder / "models" / "model.pt"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match=r"'model.pt' is damaged \(\d+ bytes"):
        open_model(folder)
    weights.write_bytes(whole)
    other = write_bundle(tmp_path / "other", config(UNET | {"channels": [4, 8, 8]}))
    weights.write_bytes((other / "models" / "model.pt").read_bytes())
    with pytest.raises(ModelError, match="'model.pt' do not fit this network: .*of another shape"):
        open_model(folder)
    weights.rename(folder / "models" / "model.ts")
    with pytest.raises(ModelError, match=r"has no models/model.pt, only the program 'model.ts'"):
        open_model(folder)
    (folder / "models" / "model.ts").unlink()
    with pytest.raises(ModelError, match="has no weights"):
        open_model(folder)
    # a name that leads out of the bundle is not followed
    outside = config()
    outside["checkpointloader"]["load_path"] = "$@bundle_root + '/../plain.pt'"
    torch.save(_state(), tmp_path / "plain.pt")
    write_bundle(folder, outside, state=_state())
    weights.unlink()
    with pytest.raises(ModelError, match="has no weights"):
        open_model(folder)


def test_wrong_channels_classes_and_metadata_each_have_their_sentence(tmp_path):
    folder = write_bundle(tmp_path / "b")
    model = open_model(folder)
    with pytest.raises(ImageError, match=r"expects 1 channel\(s\) \(CT\), the image has 2"):
        model.prepare(ct_like(oblique(), channels=2))
    with pytest.raises(ModelError.__mro__[1], match="no class 'spleen'.*0 = background"):
        model.class_index("spleen")
    nothing = Image(np.full((1, 14, 30, 26), -1000.0), oblique())
    with pytest.raises((ImageError, ModelError), match=r"cropped the whole image away|preprocessing failed"):
        model.prepare(nothing)
    about = folder / "configs" / "metadata.json"
    for text, match in (
        ("{", "metadata.json' cannot be understood"), ("{}", "does not say what the network's outputs are"),
        (json.dumps(metadata(("a", "b"))), "name 2 classes, its network returns 3"),
    ):  # fmt: skip
        about.write_text(text, encoding="utf-8")
        with pytest.raises(ModelError, match=match) as caught:
            open_model(folder)
        assert str(tmp_path) not in str(caught.value)
    about.unlink()
    with pytest.raises(ModelError, match=r"has no configs/metadata.json"):
        recognise(folder).classes(folder)


@pytest.mark.parametrize(
    ("changes", "match"),
    [({"network_def": None, "network": None}, "has no 'network_def'"),
     ({"network_def": SIMPLE | {"out_channels": "@nowhere"}}, "'@nowhere' refers to nothing"),
     ({"network_def": SIMPLE | {"out_channels": "$@a"}, "a": "@b", "b": "$@a + 1"}, "refers to itself"),
     ({"network_def": SIMPLE | {"stride": [2, 2]}}, "cannot build the network UNet with these arguments"),
     ({"inferer": sliding(overlap=1.5)}, "windows have overlap"),
     ({"inferer": sliding((16, 16))}, "does not fit a network with 3")],
)  # fmt: skip
def test_faulty_configurations_each_have_their_sentence(tmp_path, changes, match):
    folder = write_bundle(tmp_path / "b", config() | changes, state={"w": torch.zeros(1)})
    with pytest.raises(ModelError, match=match):
        open_model(folder)


def test_a_zip_whose_members_would_leave_it_is_refused(tmp_path):
    folder = write_bundle(tmp_path / "b")
    for bad in ("../../evil.txt", "/tmp/evil.txt", "b/../../evil.txt", "C:\\evil.txt", "b\\..\\..\\evil.txt"):
        path = tmp_path / "slip.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for file in folder.rglob("*.*"):
                archive.write(file, f"b/{file.relative_to(folder).as_posix()}")
            archive.writestr(bad, "evil")
        with pytest.raises(ModelError, match="would lie outside its folder"):
            recognise(path).classes(path)
        with pytest.raises(ModelError, match="would lie outside its folder"):
            open_model(path)
    assert not (tmp_path / "evil.txt").exists() and not (tmp_path.parent / "evil.txt").exists()
    (tmp_path / "no.zip").write_bytes(b"PK")
    with pytest.raises(ModelError, match="no zip file, or was cut short"):
        open_model(tmp_path / "no.zip")


def test_pretrained_is_never_fetched(tmp_path, monkeypatch):
    import socket

    def refused(*_, **__):
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refused)
    network = {"_target_": "FlexibleUNet", "spatial_dims": 3, "in_channels": 1, "out_channels": 3,
               "backbone": "efficientnet-b0", "pretrained": True, "decoder_channels": [8, 8, 8, 8, 8]}  # fmt: skip
    from monai.networks.nets import FlexibleUNet

    words = {k: v for k, v in network.items() if k != "_target_"} | {"pretrained": False}
    folder = write_bundle(tmp_path / "b", config(network, LOADED), state=FlexibleUNet(**words).state_dict())
    model = open_model(folder)
    assert model.prepare(ct_like(Grid.from_spacing((12, 12, 12)))).tensor.shape[1] == 1
