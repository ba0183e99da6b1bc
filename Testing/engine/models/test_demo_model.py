"""The demo networks: opening, preparing any orientation, and a training that can be repeated."""

import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch

from demo_training import train
from seghirescam.demo.case import FOLDER, load_case
from seghirescam.models import open_model, recognise
from seghirescam.models.demo_networks import demo_weights
from seghirescam.models.demo_networks.demo_model import DemoModel
from seghirescam.models.demo_networks.network import SmallUNet
from seghirescam.models.demo_networks.preprocessing import LESION
from seghirescam.protocol.errors import ImageError, ModelError
from seghirescam.protocol.grid import Grid, canonical
from seghirescam.protocol.image import Image
from seghirescam.session.explain import predict


@pytest.fixture(scope="module")
def case():
    return load_case()


@pytest.fixture(scope="module", params=["honest", "shortcut"])
def model(request):
    return open_model(f"demo:{request.param}")


def found_in(model, image, like: Grid):
    """The predicted lesion as a mask on a common grid."""
    return predict(model, image, LESION).on(like).weights >= 0.5


def dice(a, b):
    return 2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b))


def test_both_models_find_the_lesion_of_the_shipped_case(model, case):
    image, segments = case
    common = canonical(image.grid, 4.0)
    truth = segments["Lesion"].on(common).weights >= 0.5
    assert dice(found_in(model, image, common), truth) > 0.85


def test_any_orientation_gives_the_same_input_to_the_last_bit(model, case):
    image, _ = case
    prepared = model.prepare(image)
    array, matrix = image.array[0], image.grid.ijk_to_ras
    # store the volume as S-P-L: axes permuted, two of them flipped
    turned = np.ascontiguousarray(array.transpose(2, 0, 1)[::-1, :, ::-1])
    step = np.eye(4)
    step[:3, :3] = [[0, 0, -1], [-1, 0, 0], [0, 1, 0]]  # (i, j, k) of the input from those of the turned volume
    step[:3, 3] = [array.shape[2] - 1, array.shape[1] - 1, 0]
    other = model.prepare(Image(turned, Grid(turned.shape, matrix @ step)))
    assert other.grid.same_as(prepared.grid)
    torch.testing.assert_close(other.tensor, prepared.tensor, rtol=0, atol=1e-5)


def test_another_spacing_and_a_crop_give_the_same_lesion(model, case):
    image, _ = case
    common = canonical(image.grid, 4.0)
    reference = found_in(model, image, common)
    # thick slices, finer in plane, and a volume that ends elsewhere
    box = Image(image.array[:, 4:90, 6:120, 3:93], image.grid.strided((1, 1, 1), (4, 6, 3), (86, 114, 90)))
    # the crop's 4 mm voxels lie half a voxel off, and the body is eight voxels wide: a rim differs
    assert dice(found_in(model, box, common), reference) > 0.9
    thick = image.array[:, ::2] / 2 + image.array[:, 1::2] / 2
    grid = image.grid.strided((2, 1, 1), (0.5, 0, 0), thick.shape[1:])
    fine = Image(np.repeat(thick, 2, axis=3), grid.strided((1, 1, 0.5), (0, 0, -0.25), (48, 128, 192)))
    assert dice(found_in(model, fine, common), reference) > 0.9


def test_an_odd_volume_is_padded_at_the_far_ends(model, case):
    image, _ = case
    cut = Image(image.array[:, :50, :66, :40], image.grid.strided((1, 1, 1), (0, 0, 0), (50, 66, 40)))
    prepared = model.prepare(cut)
    assert prepared.valid == (25, 33, 20) and prepared.grid.shape == (32, 48, 32)
    assert tuple(prepared.tensor.shape) == (1, 1, 32, 48, 32) and prepared.notes
    np.testing.assert_allclose(prepared.grid.ras([-0.5] * 3), cut.grid.ras([-0.5] * 3))


def test_images_that_cannot_be_prepared_are_refused(model, case):
    image, _ = case
    with pytest.raises(ImageError, match="1 channel"):
        model.prepare(Image(np.repeat(image.array, 2, axis=0), image.grid))
    with pytest.raises(ImageError, match="single slice"):
        model.prepare(Image(image.array[:, :1], image.grid.strided((1, 1, 1), (0, 0, 0), (1, 128, 96))))
    broken = image.array.astype(np.float32)
    broken[0, 5, 5, 5] = np.nan
    with pytest.raises(ImageError, match="1 voxel"):
        model.prepare(Image(broken, image.grid))
    assert not model.prepare(Image(np.full(image.grid.shape, 7), image.grid)).tensor.any()


def test_questions_before_loading_need_no_torch():
    code = (
        "import sys; from seghirescam.models import recognise; kind = recognise('demo:honest');"
        "print([c.name for c in kind.classes('demo:honest')], repr(kind.runs_author_code('demo:honest')),"
        "kind.requirements('demo:honest'), 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['background', 'lesion', 'look-alike'] '' ('safetensors',) False"


def test_sources_that_are_no_demo_model_are_refused(tmp_path):
    with pytest.raises(ModelError, match="honest, shortcut"):
        open_model("demo:cheating")
    with pytest.raises(ModelError, match="No model was recognised"):
        recognise(tmp_path / "absent.safetensors")
    short = tmp_path / "short.safetensors"
    short.write_bytes(b"\x03\x00")
    with pytest.raises(ModelError, match="cannot be read"):
        demo_weights.metadata(short)


def test_a_weights_file_keeps_the_network_and_refuses_damage(tmp_path):
    torch.manual_seed(0)
    network = SmallUNet("instance", deep_supervision=True).eval()
    path = tmp_path / "some.safetensors"
    demo_weights.save(network, path, "honest", "instance")
    assert path.stat().st_size < 1.5e6
    model = open_model(path)
    assert model.norm == "instance" and len(model.weights_hash) == 64
    image = torch.randn(1, 1, 32, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(model.networks[0](image), network(image), rtol=0, atol=0.05)
    damaged = tmp_path / "damaged.safetensors"
    shutil.copy(path, damaged)
    damaged.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ModelError, match="damaged"):
        DemoModel(damaged)


def test_the_network_names_its_levels_and_returns_one_tensor_in_eval_mode():
    network = SmallUNet("batch", deep_supervision=True)
    assert sum(p.numel() for p in SmallUNet("batch").parameters()) == 689_691
    names = dict(network.named_modules())
    assert all(f"encoder.{i}" in names for i in range(5)) and all(f"decoder.{i}" in names for i in range(4))
    image = torch.randn(2, 1, 16, 32, 16)
    outputs = network.train()(image)
    assert [tuple(o.shape) for o in outputs] == [(2, 3, 16 >> i, 32 >> i, 16 >> i) for i in range(4)]
    assert tuple(network.eval()(image).shape) == (2, 3, 16, 32, 16)


def made_up_cases(count=4):
    """Noise with a bright block, at the real size: with 2x2x2 deepest cells torch's bf16 weight gradients vary."""
    cases = object.__new__(train.Cases)
    rng = torch.Generator().manual_seed(3)
    labels = torch.zeros(count, 48, 64, 48, dtype=torch.uint8)
    labels[:, 8:20, 8:20, 8:20] = 1
    cases.seeds = range(count)
    cases.inputs = torch.randn(count, 1, 48, 64, 48, generator=rng) + labels[:, None]
    cases.labels = {"honest": labels}
    return cases


def test_training_is_reproducible_to_the_bit():
    cases = made_up_cases()
    first, log = train.train(cases, "honest", "batch", steps=2)
    second, again = train.train(cases, "honest", "batch", steps=2)
    assert log["loss_every_25"] == again["loss_every_25"]
    for name, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[name]), name
    other, _ = train.train(cases, "honest", "batch", steps=1, seed=1)
    assert not torch.equal(other.head.weight, first.head.weight)


def test_training_overwrites_nothing(tmp_path):
    (tmp_path / "honest.safetensors").write_bytes(b"precious")
    with pytest.raises(SystemExit, match="Nothing is overwritten"):
        train.main(["--out", str(tmp_path), "--models", "honest"])
    with pytest.raises(SystemExit, match="Nothing is overwritten"):
        train.main(["--out", str(FOLDER)])
    assert (tmp_path / "honest.safetensors").read_bytes() == b"precious"
