"""A model's file may be called after a patient: nothing we write holds its name, unless its description says so."""

import contextlib
import gzip
import json
import re
import shutil
import zlib

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.text import Text
from torch import nn

from engine import monai_bundles, programs
from engine.cli_cases import factory, run, volume
from seghirescam import open_model
from seghirescam.io.label_maps import write_labels
from seghirescam.io.volumes import read_volume

NAME = "Doe_John_1970"
#: parts of it, however they are joined; a single one stands in "does"
SEARCHED = re.compile("doe.{0,2}john|john.{0,2}1970")


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.Conv3d(1, 4, 3, stride=2, padding=1)
        self.act = nn.ReLU()
        self.up = nn.ConvTranspose3d(4, 3, 2, stride=2)

    def forward(self, x):
        return self.up(self.act(self.down(x)))


def program(folder, kind="exported"):
    torch.manual_seed(0)
    tensor = torch.zeros(1, 1, 8, 8, 8)
    if kind == "exported":
        return programs.save_exported(folder / f"{NAME}.pt2", Net().eval(), tensor, multiple=2)
    return programs.save_script(folder / f"{NAME}.pt", Net().eval(), tensor)


def bundle(folder, kind):
    meta = monai_bundles.metadata()
    del meta["name"]
    monai_bundles.write_bundle(folder / NAME, monai_bundles.config(preprocessing=monai_bundles.LOADED), meta)
    if kind == "monai_bundle":
        return folder / NAME
    return shutil.make_archive(str(folder / NAME), "zip", folder, NAME)


def auto3dseg(folder, kind):
    from engine.auto3dseg import write

    return write(folder / f"{NAME}.pt")


@pytest.mark.parametrize(
    ("kind", "made"),
    [
        ("exported", program), ("torchscript", program), ("monai_bundle", bundle), ("monai_bundle zip", bundle),
        ("auto3dseg", auto3dseg),
    ],
)  # fmt: skip
def test_a_model_that_nobody_named_is_called_by_its_kind_and_its_hash(tmp_path, kind, made):
    model = open_model(made(tmp_path, kind), consent=True)
    assert model.name == f"{kind.partition(' ')[0]} {model.weights_hash[:8]}"


@pytest.mark.parametrize("kind", ["exported", "torchscript"])
def test_a_name_that_the_description_gives_is_shown(tmp_path, kind):
    path = program(tmp_path, kind)
    programs.describe(path, name="liver by John")
    assert open_model(path, consent=True).name == "liver by John"


def readable(path) -> str:
    """Everything a search could find: unpacked volumes and PDF streams too."""
    content = path.read_bytes()
    if path.name.endswith(".gz"):
        content = gzip.decompress(content)
    if path.name.endswith(".nrrd"):
        head, _, rest = content.partition(b"\n\n")
        with contextlib.suppress(OSError):
            content = head + gzip.decompress(rest)
    for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", content, re.DOTALL):
        with contextlib.suppress(zlib.error):
            content += zlib.decompress(stream)
    return content.decode("latin-1").lower()


def test_no_output_of_any_command_holds_the_name_of_a_model_image_or_label_file(capsys, tmp_path, monkeypatch):
    place, out = tmp_path / NAME, tmp_path / "out"
    place.mkdir()
    image = volume(place, f"{NAME}.nii.gz")
    mask = np.zeros((8, 10, 12), np.uint8)
    mask[3:6, 3:7, 4:8] = 1
    write_labels(place / f"{NAME}.seg.nrrd", mask, read_volume(image).grid, {1: "organ"})
    drawn = []
    save = Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig",
        lambda figure, *words, **more: drawn.extend(t.get_text() for t in figure.findobj(Text))
        or save(figure, *words, **more),
    )  # fmt: skip
    labels = place / f"{NAME}.seg.nrrd"
    common = (program(place), "--consent", "--image", image)
    asked = ("--segment", labels, "--class", "1")
    said, why = "", out / "why"
    for words in (
        ("predict", *common, "--out", out / "p.nii.gz"),
        ("predict", *common, "--out", out / "p.seg.nrrd"),
        ("explain", *common, *asked, "--layer", "down", "--format", "nrrd", "--out", why),
        ("compare", *common, *asked, "--method", "cam,seg_grad_cam", "--layer", "down", "--dpi", "60", "--out",
         out / "c"),
        ("paint", *common, *asked, "--region", labels, "--out", out / "painted"),
        ("evaluate", *common, *asked, "--layer", "down", "--labels", labels, "--reference", labels, "--out", out / "e"),
        ("figure", why, "--image", image, "--out", out / "f.svg"),
        ("report", why, "--image", image),
        ("report", out / "painted", "--out", out / "far.html"),
    ):  # fmt: skip
        code, told, err = run(capsys, *words, "--json")
        assert code == 0, err
        said += told
    files = [path for path in out.rglob("*") if path.is_file()]
    assert len(files) > 25 and len(drawn) > 20
    everything = [readable(path) + path.name.lower() for path in files] + ["\n".join(drawn).lower(), said.lower()]
    for text in everything:
        assert not SEARCHED.search(text)
        assert str(tmp_path).lower() not in text
    told = json.loads((why / "run.json").read_text(encoding="utf-8"))["model"]["name"]
    assert re.fullmatch("exported [0-9a-f]{8}", told)


def test_the_search_finds_a_name_that_is_there(tmp_path):
    source = factory(tmp_path / "m", name=NAME)
    assert open_model(source, consent=True).name == NAME
    (tmp_path / "x.nii.gz").write_bytes(gzip.compress(NAME.encode()))
    assert SEARCHED.search(readable(tmp_path / "x.nii.gz"))
