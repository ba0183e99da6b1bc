"""The example of the paper's setting, with weights that were there before: figures into a folder, nothing trained."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "examples"


@pytest.fixture
def unet_2d(monkeypatch):
    pytest.importorskip("nilearn")
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import unet_2d

    return unet_2d


def test_the_network_is_a_u_net_of_five_levels_with_max_pooling_that_keeps_the_size(unet_2d):
    network = unet_2d.UNet2D().eval()
    sizes = {}
    for name, module in network.named_modules():
        if name.startswith(("encoder.", "decoder.")) and name.count(".") == 1:
            module.register_forward_hook(lambda m, i, o, name=name: sizes.update({name: tuple(o.shape[1:])}))
    x = torch.randn(1, 1, 32, 48)
    assert network(x).shape == (1, 3, 32, 48)
    widths = unet_2d.WIDTHS
    for n in range(5):
        assert sizes[f"encoder.{n}"] == (widths[n], 32 >> n, 48 >> n)
    for n in range(4):
        assert sizes[f"decoder.{n}"] == (widths[3 - n], 32 >> (3 - n), 48 >> (3 - n))


def test_dice_is_twice_the_overlap_over_both(unet_2d):
    labels = torch.zeros(1, 4, 4, dtype=torch.long)
    labels[0, 0] = 1
    logits = torch.zeros(1, 3, 4, 4)
    logits[0, 1, 0, :2] = 1  # half of the four lesion pixels, nothing else
    assert unet_2d.dice(lambda x: logits, None, labels) == {"lesion": round(2 * 2 / (2 + 4), 3), "look-alike": 0.0}


@pytest.mark.slow
def test_with_weights_of_an_earlier_run_the_figures_are_drawn_and_nothing_is_trained(unet_2d, tmp_path):
    torch.manual_seed(0)
    network = unet_2d.UNet2D()
    with torch.no_grad():
        network.head.bias.copy_(torch.tensor([0.0, 5.0, 0.0]))  # so that the class is predicted somewhere
    save_file(network.state_dict(), tmp_path / "unet_2d.safetensors")
    before = load_file(tmp_path / "unet_2d.safetensors")
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "paper_2d.py"), "--out", str(tmp_path)],
        capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "step" not in done.stdout and "summed over predicted lesion" in done.stdout
    for name in ("levels.png", "levels.pdf", "pixel_sets.png", "pixel_sets.pdf", "volume.png", "bibliography.bib"):
        assert (tmp_path / name).stat().st_size > 500, name
    after = load_file(tmp_path / "unet_2d.safetensors")
    assert all(torch.equal(before[k], after[k]) for k in before)
