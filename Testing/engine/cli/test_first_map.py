"""From a bare environment to the first right map of one's own network, by the lines of
docs/how-to/own_network.md (README has those of Python): they are counted, run as they stand, and each map is compared
with an autograd that knows nothing of us."""

import ast
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from engine import packages
from engine.own_network import her_network
from seghirescam.cli import main
from seghirescam.io.volumes import read_volume

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGE = ROOT / "docs" / "how-to" / "own_network.md"
_SECTION = re.search(r"<!-- first:start -->(.*)<!-- first:end -->", PAGE.read_text("utf-8"), re.S)[1]
FLAT, SOLID = re.findall(r"```bash\n(.*?)```", _SECTION, re.S)
FLAT_PYTHON, SOLID_PYTHON = re.findall(r"```python\n(.*?)```", _SECTION, re.S)
WAYS = {"2D commands": FLAT, "3D commands": SOLID, "2D Python": FLAT_PYTHON, "3D Python": SOLID_PYTHON}


def lines_of(text):
    """As typed: one that ends in a backslash goes on; what is a comment or empty does nothing."""
    lines = text.replace("\\\n", " ").splitlines()
    return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]


def words_typed(way):
    """Every word of a way that is not Python's, a shell's or a library's own name."""
    found = set()
    for line in lines_of(WAYS[way]):
        if "Python" not in way:
            words = shlex.split(line)
            found |= set(words) if words[0] == "seghirescam" else set()
            continue
        for node in ast.walk(ast.parse(line)):
            if isinstance(node, ast.Attribute):
                found.add(node.attr)
            elif isinstance(node, ast.Name):
                found.add(node.id)
            elif isinstance(node, ast.keyword):
                found.add(node.arg)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return found - {"seghirescam", "torch"}


def concepts():
    """{what it is: the words it is typed as}, as the page lists them."""
    rows = re.findall(r"^\| (.+?) \| (`.+`) \|$", _SECTION, re.M)
    return {name: set(re.findall(r"`([^`]+)`", words)) for name, words in rows}


@pytest.mark.parametrize("way", WAYS)
def test_three_commands_or_six_lines_and_at_most_six_concepts_which_are_listed(way):
    assert len(lines_of(WAYS[way])) <= (6 if "Python" in way else 3)
    assert all(";" not in line and "&&" not in line for line in lines_of(WAYS[way]))
    met = {next((name for name, words in concepts().items() if word in words), word) for word in words_typed(way)}
    assert met <= set(concepts()), "a word on the way is not listed"
    assert len(met) <= 6, met


def test_the_list_holds_nothing_that_is_not_typed_and_no_word_twice():
    listed = [word for words in concepts().values() for word in words]
    assert len(listed) == len(set(listed)) and len(concepts()) == 7
    assert set(listed) == {word for way in WAYS for word in words_typed(way)}


# ---- what a new user has


def flat_case(folder):
    """Her net.py, unet.pth and slice.png; (network, input as the network is fed, M)."""
    network, _ = her_network(folder)
    pixels = np.random.default_rng(2).integers(0, 255, (16, 32), np.uint8)
    sitk.WriteImage(sitk.GetImageFromArray(pixels), str(folder / "slice.png"))
    x = torch.from_numpy(pixels.astype(np.float32))[None, None]
    with torch.no_grad():  # so that it draws a third of the picture
        network.outc.bias -= torch.quantile(network(x), 0.7)
    torch.save(network.state_dict(), folder / "unet.pth")
    with torch.no_grad():
        return network, x, network(x)[0, 0] > 0


def solid_case(folder):
    """liver.pt of a MONAI UNet and ct.nii.gz, read as MONAI reads it."""
    nets = pytest.importorskip("monai.networks.nets")
    nibabel = pytest.importorskip("nibabel")
    torch.manual_seed(1)
    network = nets.UNet(3, 1, 2, channels=(4, 8, 16), strides=(2, 2)).eval()
    torch.save(network.state_dict(), folder / "liver.pt")
    values = np.random.default_rng(3).normal(size=(16, 12, 8)).astype(np.float32)  # x, y, z
    nibabel.save(nibabel.Nifti1Image(values, np.diag([1.5, 1.5, 3.0, 1.0])), folder / "ct.nii.gz")
    x = torch.from_numpy(np.asarray(nibabel.load(folder / "ct.nii.gz").dataobj, np.float32).copy())[None, None]
    with torch.no_grad():
        return network, x, network(x)[0].argmax(dim=0) == 1


def by_autograd(network, x, inside, channel, layer):
    """Seg-HiRes-Grad CAM by hand: ``[x, y(, z)]`` cells, and S."""
    kept = []
    handle = network.get_submodule(layer).register_forward_hook(lambda m, i, o: kept.append(o))
    score = network(x)[0, channel][inside].sum()
    handle.remove()
    (gradient,) = torch.autograd.grad(score, kept[0])
    return (gradient * kept[0])[0].sum(dim=0).detach().numpy(), float(score.detach())


def right(shown, layer, case, channel):
    """The map that was shown is the one by hand, and so is its score."""
    network, x, inside = case
    expected, score = by_autograd(network, x, inside, channel, layer)
    found = np.squeeze(shown.map)
    assert 0 < int(inside.sum()) < inside.numel() and np.abs(expected).max() > 0
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=2e-5 * np.abs(expected).max())
    assert shown.score == pytest.approx(score, rel=1e-4)


def rightly_written(folder, case, channel):
    """The one map in why/, a density on the image's grid: by hand, placed by its own words."""
    import seghirescam

    (sidecar,) = folder.glob("why*/01_*.json")
    back = seghirescam.Explanation.load(sidecar)
    network, x, inside = case
    expected, score = by_autograd(network, x, inside, channel, back.layer.name)
    assert back.score == pytest.approx(score, rel=1e-4)
    (written,) = folder.glob("why*/01_*.nii.gz")
    volume = read_volume(written)
    each = 1.0 if x.ndim == 4 else volume.grid.voxel_volume  # a photo's map is per pixel
    total = float(volume.array.sum(dtype=np.float64)) * each
    assert total == pytest.approx(float(expected.sum(dtype=np.float64)), rel=1e-3)
    return expected


def run_commands(text, capsys):
    for line in lines_of(text):
        words = shlex.split(line)
        if words[0] == "seghirescam":
            code = main(words[1:])
            told = capsys.readouterr()
            assert code == 0, told.err
    return told


def run_python(text, folder):
    """The lines in a fresh namespace, in the user's folder, where net.py lies; what ``found`` is then."""
    sys.path.insert(0, str(folder))
    space = {}
    try:
        exec(compile(text, "her lines", "exec"), space)
    finally:
        sys.path.remove(str(folder))
        sys.modules.pop("net", None)
    return space["found"]


def on_its_cells(capsys, folder, line):
    """The same question once more with the layer's own cells, to compare cell by cell."""
    words = shlex.split(line)
    words[words.index("--out") + 1] = "cells/"
    assert main([*words[1:], "--grid", "layer"]) == 0
    capsys.readouterr()
    (written,) = folder.glob("cells/01_*.nii.gz")
    return read_volume(written)


@pytest.mark.parametrize("way", ["2D commands", "3D commands"])
def test_the_commands_of_the_page_lead_to_the_right_map(way, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    flat = way.startswith("2D")
    case = (flat_case if flat else solid_case)(tmp_path)
    told = run_commands(WAYS[way], capsys)
    assert "No class was named: explained is" in told.err
    expected = rightly_written(tmp_path, case, 0 if flat else 1)
    cells = on_its_cells(capsys, tmp_path, lines_of(WAYS[way])[-1]).array[0]
    found = np.squeeze(cells) if flat else cells
    found = found if found.shape == expected.shape else found.transpose(2, 1, 0)
    np.testing.assert_allclose(found, expected, atol=2e-5 * np.abs(expected).max())


@pytest.mark.parametrize("way", ["2D Python", "3D Python"])
def test_the_lines_of_the_page_lead_to_the_right_map(way, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flat = way.startswith("2D")
    case = (flat_case if flat else solid_case)(tmp_path)
    found = run_python(WAYS[way], tmp_path)
    right(found, found.layer.name, case, 0 if flat else 1)
    assert (tmp_path / ("why.nii.gz" if flat else "why_liver.nii.gz")).exists()


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """The package's folder as the sdist holds it."""
    folder = tmp_path_factory.mktemp("package")
    return packages.unpacked(packages.sdist(folder), folder / "unpacked")


@pytest.mark.slow
@pytest.mark.parametrize("way", ["2D commands", "3D commands"])
def test_from_a_bare_environment_with_the_installing_command_too(way, source, tmp_path):
    """pip installs the sdist's folder into an empty environment by the page's line; then the lines are typed."""
    shell = packages.bare_environment(tmp_path / "bare")
    work = tmp_path / "work"
    work.mkdir()
    case = (flat_case if way.startswith("2D") else solid_case)(work)
    for line in lines_of(WAYS[way]):
        where = source if "pip install" in line else work
        done = subprocess.run(line, shell=True, cwd=where, env=shell, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    rightly_written(work, case, 0 if way.startswith("2D") else 1)


@pytest.mark.slow
def test_the_wheel_in_a_bare_environment_gives_the_readme_s_first_map(source, tmp_path):
    shell = packages.bare_environment(tmp_path / "bare")
    made = packages.wheel(source, tmp_path / "wheels")
    work = tmp_path / "work"
    work.mkdir()
    flat_case(work)
    (first, _) = re.findall(r"```python\n(.*?)```", README.split("<!-- own:start -->")[1], re.S)[:2]
    (work / "first.py").write_text(f"{first}print(found.status, seghirescam.__file__)\n", encoding="utf-8")
    install = ["python", "-m", "pip", "install", "-q", f"{made}[files]"]
    done = subprocess.run(install, cwd=work, env=shell, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    done = subprocess.run(["python", "first.py"], cwd=work, env=shell, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("ok ") and str(tmp_path / "bare") in done.stdout and (work / "why.nii.gz").exists()
