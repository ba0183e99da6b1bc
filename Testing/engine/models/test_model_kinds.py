"""A model kind is one file: found where it lies, or offered by another package; what it leaves unsaid has a default."""

import hashlib
import importlib
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

import seghirescam
from engine.toys import ToyUNet
from seghirescam import PlainModel
from seghirescam.io.nifti_header import NIBABEL
from seghirescam.models import kinds, known_kinds, open_model, recognise
from seghirescam.models.description import description
from seghirescam.models.plain import state_hash
from seghirescam.models.segmentation_model import ModelKind, SegmentationModel
from seghirescam.models.slice_by_slice import SliceBySlice
from seghirescam.protocol.errors import ModelError
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image
from seghirescam.session.explain import explain

#: the whole of a kind that lies outside: what one hand-written file holds
TOY_KIND = """
from seghirescam import PlainModel
from seghirescam.models.segmentation_model import ModelKind

class ToyKind(ModelKind):
    name = "toy"
    title = "Toy network"

    def recognises(self, source):
        return str(source).endswith(".toy")

    def open(self, source, consent=False):
        import torch
        torch.manual_seed(int(open(source).read()))
        network = torch.nn.Sequential(torch.nn.Conv3d(1, 3, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv3d(3, 2, 1))
        return PlainModel(network, ["nothing", "thing"], name="toy")
"""


@pytest.fixture
def offer(tmp_path, monkeypatch):
    """Installs a package that offers kinds: (module's text, {name of the entry point: object})."""

    def install(text, entries, package="toykinds"):
        site = tmp_path / f"site_{package}"
        about = site / f"{package}-1.0.dist-info"
        about.mkdir(parents=True)
        (site / f"{package}.py").write_text(text)
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        lines = [f"{name} = {package}:{value}" for name, value in entries.items()]
        (about / "entry_points.txt").write_text("\n".join([f"[{known_kinds.GROUP}]", *lines]))
        monkeypatch.syspath_prepend(site)
        importlib.invalidate_caches()
        known_kinds.foreign_kinds.cache_clear()
        return site

    yield install
    monkeypatch.undo()
    known_kinds.foreign_kinds.cache_clear()
    for name in [name for name in sys.modules if name.startswith("toykinds")]:
        del sys.modules[name]


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "one.toy"
    path.write_text("3")
    return path


def image():
    values = np.random.default_rng(0).normal(size=(8, 8, 8)).astype(np.float32)
    return Image(values[None], Grid.from_spacing((8, 8, 8), (1, 1, 1)))


def test_a_kind_from_another_package_is_recognised_described_opened_and_explained(offer, source):
    with pytest.raises(ModelError, match="No model was recognised"):
        recognise(source)
    offer(TOY_KIND, {"toy": "ToyKind"})
    told = description(source)
    assert (told["kind"], told["kind_title"], told["classes"], told["channels"]) == ("toy", "Toy network", [], [])
    assert (told["requirements"], told["runs_author_code"], told["consent_sha256"]) == ([], "", "")
    assert recognise(source).files(source) == (source,)
    found = explain(open_model(source), image(), class_index="thing", layers="0")[0]
    assert found.provenance["model"] and np.isfinite(found.map).all() and np.abs(found.map).max() > 0


def test_the_command_line_knows_it_too(offer, source):
    site = offer(TOY_KIND, {"toy": "ToyKind"})
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), str(Path(seghirescam.__file__).parents[1])])}
    command = [sys.executable, "-m", "seghirescam", "models", str(source)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0 and "kind      toy" in done.stdout, done.stderr


def test_a_broken_kind_is_one_sentence_and_the_rest_goes_on(offer, source):
    offer("raise RuntimeError('/srv/somebody/secret')", {"broken": "KIND"}, "toykinds_broken")
    offer("KIND = 'a word'", {"word": "KIND"}, "toykinds_word")
    offer(
        "from seghirescam.models.segmentation_model import ModelKind\n"
        "class Falls(ModelKind):\n    name = title = 'falls'\n"
        "    order = 1\n    def recognises(self, source):\n        raise KeyError(source)\n",
        {"falls": "Falls"},
        "toykinds_falls",
    )
    offer(TOY_KIND, {"toy": "ToyKind"})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert recognise(source).name == "toy" and recognise("demo:honest").name == "demo"
    assert sorted(str(one.message) for one in caught) == [
        "The model kind 'broken' of another package cannot be loaded (RuntimeError).",
        "The model kind 'falls' of another package failed at a source (KeyError).",
        "The model kind 'word' of another package is not derived from ModelKind.",
    ]


def test_our_kinds_are_found_where_they_lie_the_special_before_the_general():
    names = [kind.name for kind in kinds()]
    assert names == [
        *("demo", "totalsegmentator", "nnunet_zip", "nnunet", "hugging_face", "monai_bundle", "monai_network"),
        "auto3dseg",
        *("exported", "torchscript", "factory"),
    ]
    assert all(isinstance(kind, ModelKind) for kind in kinds())


def test_looking_for_kinds_loads_no_torch_and_no_library_of_models():
    code = (
        "import sys; from seghirescam.models import kinds; kinds();"
        "print(sorted({'torch', 'monai', 'nnunetv2', 'scipy', 'SimpleITK'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_model_may_be_given_other_networks():
    first, second = ToyUNet(dims=2, classes=2), ToyUNet(dims=2, classes=2)
    model = PlainModel(first, ["nothing", "thing"], spatial_dims=2)
    other = model.with_networks([second])
    assert (model.network, other.network, other.networks) == (first, second, (second,))
    assert other.weights_hash == PlainModel(second, ["nothing", "thing"]).weights_hash != model.weights_hash
    slices = SliceBySlice(model)
    others = slices.with_networks(n for n in [second])
    assert others.networks == others.model.networks == (second,) and slices.model.networks == (first,)


def test_abilities_that_a_model_does_not_state_have_a_default():
    class Least(SegmentationModel):
        pass

    assert (Least.windows, Least.axes, Least.output, Least.activation) == (None,) * 4
    assert (Least.header_rule, Least.loading, Least.head_stated, Least.weights_hash) == (NIBABEL, (), True, "")
    model = Least()
    model.networks = (torch.nn.Identity(),)
    assert model.with_networks([]).networks == () and len(model.networks) == 1


def test_a_tensor_under_several_names_is_read_once_for_the_hash_and_still_counts():
    tensor, other = torch.arange(4.0), torch.arange(4.0)
    alone = hashlib.sha256(b"a" + tensor.numpy().tobytes()).hexdigest()
    assert state_hash([("a", tensor)]) == alone
    shared = hashlib.sha256(b"a" + tensor.numpy().tobytes() + b"b = a").hexdigest()
    assert state_hash([("a", tensor), ("b", tensor)]) == shared
    # equal values of their own are other weights, and so is a part of the same memory
    assert shared != state_hash([("a", tensor), ("b", other)]) != state_hash([("a", tensor), ("b", tensor[:2])])
    with torch.no_grad():
        tensor[3] = 7
    assert state_hash([("a", tensor), ("b", tensor)]) != shared
