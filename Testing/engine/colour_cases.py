"""A colour picture and a 2D network of three channels."""

import json

import numpy as np
import SimpleITK as sitk
import torch
from safetensors.torch import save_file


def picture(folder, name="photo.png", rows=12, columns=16, alpha=None):
    """Red grows downwards, green to the right, blue is 7; returns the path."""
    pixels = np.zeros((rows, columns, 3 if alpha is None else 4), np.uint8)
    pixels[..., 0] = 10 * np.arange(rows)[:, None]
    pixels[..., 1] = 5 * np.arange(columns)
    pixels[..., 2] = 7
    if alpha is not None:
        pixels[..., 3] = alpha
    sitk.WriteImage(sitk.GetImageFromArray(pixels, isVector=True), str(folder / name))
    return folder / name


CODE = """
import torch
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.up = nn.ConvTranspose2d(4, 2, 2, stride=2)
    def forward(self, x):
        return self.up(torch.relu(self.down(x)))
def build():
    return Net()
"""


def colour_model(folder):
    folder.mkdir()
    (folder / "net.py").write_text(CODE, encoding="utf-8")
    torch.manual_seed(0)
    parts = {"down": torch.nn.Conv2d(3, 4, 3, stride=2, padding=1), "up": torch.nn.ConvTranspose2d(4, 2, 2, stride=2)}
    save_file(
        {f"{n}.{k}": v for n, p in parts.items() for k, v in p.state_dict().items()}, folder / "weights.safetensors"
    )
    about = {
        "factory": "net.py", "weights": "weights.safetensors", "classes": ["background", "polyp"],
        "channels": ["red", "green", "blue"], "spatial_dims": 2, "divisor": 2,
    }  # fmt: skip
    (folder / "net.model.json").write_text(json.dumps(about), encoding="utf-8")
    return folder / "net.model.json"
