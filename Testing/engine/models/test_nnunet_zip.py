"""nnU-Net models as people release them: one or several in a zip file, unpacked within bounds, once, or not at all."""

import json
import stat
import struct
import zipfile

import numpy as np
import pytest

from engine import nnunet_maker as maker
from seghirescam import Grid, open_model
from seghirescam.models import recognise
from seghirescam.models.description import description
from seghirescam.models.nnunet import unpacking
from seghirescam.protocol.errors import ModelError
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.session.explain import explain

pytest.importorskip("nnunetv2")

NAME = "Dataset777_Toy/nnUNetTrainer__nnUNetPlans__3d_fullres"
FILES = ("plans.json", "dataset.json", "fold_0/checkpoint_final.pth")


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    root = tmp_path_factory.mktemp("nnunet")
    plans, dataset = maker.planned(root)
    return maker.trained(root, plans, dataset, steps=40)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SEGHIRESCAM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def packed(folder, path, *roots, without=()):
    """The model under each of the roots, as a release holds it: with folders, pictures, and what a Mac adds."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for root in roots or (f"{NAME}/",):
            if root:
                archive.writestr(root, "")
            for name in FILES:
                if name not in without:
                    archive.write(folder / name, root + name)
            archive.writestr(f"{root}fold_0/progress.png", b"no picture")
            archive.writestr(f"__MACOSX/{root}._plans.json", b"x")
    return path


def inside(cache):
    return sorted(str(p.relative_to(cache)) for p in cache.rglob("*") if p.is_file())


def test_it_answers_from_the_file_and_is_the_folder_it_was_made_of(original, tmp_path, cache):
    path = packed(original, tmp_path / "release.zip")
    told = description(str(path))
    assert told["kind"] == "nnunet_zip" and [c["name"] for c in told["classes"]] == ["background", "body", "core"]
    assert told["channels"] == ["CT"] and told["runs_author_code"] == ""
    assert not cache.exists()  # asked before anything was unpacked

    model, plain = open_model(str(path)), open_model(str(original))
    assert (model.name, model.kind, model.weights_hash) == (plain.name, plain.kind, plain.weights_hash)
    assert "cache folder" in model.loading[-1] and str(tmp_path) not in "".join(model.loading)
    assert [p.partition("/")[2].partition("/")[2] for p in inside(cache)] == sorted(f"{NAME}/{name}" for name in FILES)
    image, labels = maker.scene(Grid.from_spacing((20, 18, 22), (2.0, 2.0, 2.0)), 3)
    pixels = PixelSet((labels == 2).astype(np.float32), image.grid)
    ours, theirs = (explain(m, image, pixels, class_index=2)[0] for m in (model, plain))
    np.testing.assert_array_equal(ours.map, theirs.map)
    assert ours.score == theirs.score


def test_what_was_unpacked_serves_again_and_may_be_deleted(original, tmp_path, cache):
    path = packed(original, tmp_path / "release.zip")
    open_model(str(path))
    before = {name: (cache / name).stat().st_mtime_ns for name in inside(cache)}
    again = open_model(str(path))
    assert {name: (cache / name).stat().st_mtime_ns for name in inside(cache)} == before
    assert not any("unpacked" in note for note in again.loading)
    checkpoint = next(cache.rglob("*.pth"))
    checkpoint.write_bytes(checkpoint.read_bytes()[:100])  # a part that is not what was unpacked is unpacked anew
    assert open_model(str(path)).weights_hash == again.weights_hash
    renamed = path.rename(tmp_path / "other name.zip")
    open_model(str(renamed))
    assert len(list((cache / "nnunet").iterdir())) == 1  # by content, not by name


def test_of_several_models_one_is_named(original, tmp_path):
    lower = "Dataset777_Toy/nnUNetTrainer__nnUNetPlans__3d_lowres/"
    path = packed(original, tmp_path / "two.zip", f"{NAME}/", lower)
    assert recognise(str(path)).name == "nnunet_zip"
    with pytest.raises(ModelError, match="holds 2 trained models") as error:
        open_model(str(path))
    assert error.value.hint == "Choose one of: 'two.zip#3d_fullres', 'two.zip#3d_lowres'."
    for name in ("3d_fullres", NAME, NAME.rpartition("/")[2]):
        assert open_model(f"{path}#{name}").name.startswith("Dataset777_Toy")
    assert open_model({"nnunet": f"{path}#3d_lowres", "folds": [0], "mirroring": False}).windows.mirror_axes == ()
    with pytest.raises(ModelError, match="no model\\(s\\) called '2d'"):
        open_model(f"{path}#2d")


def test_a_model_at_the_top_of_its_zip_file(original, tmp_path):
    path = packed(original, tmp_path / "top.zip", "")
    assert open_model(str(path)).weights_hash == open_model(str(original)).weights_hash


def _with(path, name, content=b"x", mode=None, flag=0):
    entry = zipfile.ZipInfo(name)
    if mode is not None:
        entry.external_attr = mode << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(entry, content)


HOSTILE = {
    "upwards": (lambda p: _with(p, "../outside.txt"), "outside of its folder"),
    "upwards in it": (lambda p: _with(p, f"{NAME}/fold_0/../../../x"), "outside of its folder"),
    "absolute": (lambda p: _with(p, "/etc/outside"), "outside of its folder"),
    "a drive": (lambda p: _with(p, "C:/outside"), "outside of its folder"),
    "backslashes": (lambda p: _with(p, "..\\outside"), "outside of its folder"),
    "a link": (lambda p: _with(p, f"{NAME}/fold_1", b"/etc", stat.S_IFLNK | 0o777), "link"),
    "twice": (lambda p: _with(p, f"{NAME}/PLANS.json", b"{}"), "twice"),
    "a bomb": (lambda p: _bomb(p), "far more than it is"),
}


def _bomb(path):
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(200_000_000))


@pytest.mark.parametrize("fault", HOSTILE)
def test_a_hostile_file_is_refused_and_nothing_is_unpacked(original, tmp_path, cache, fault):
    path = packed(original, tmp_path / "release.zip")
    spoil, words = HOSTILE[fault]
    spoil(path)
    before = sorted(p.name for p in tmp_path.iterdir())
    for ask in (lambda: open_model(str(path)), lambda: description(str(path))):
        with pytest.raises(ModelError) as error:
            ask()
        assert words in error.value.sentence and error.value.hint and "\n" not in error.value.sentence
        assert str(tmp_path) not in error.value.sentence
    assert not inside(cache) if cache.exists() else True
    assert sorted(p.name for p in tmp_path.iterdir() if p != cache) == before


def test_damaged_members_and_a_full_disk_leave_nothing_behind(original, tmp_path, cache, monkeypatch):
    path = packed(original, tmp_path / "release.zip")
    with zipfile.ZipFile(path) as archive:
        entry = archive.getinfo(f"{NAME}/fold_0/checkpoint_final.pth")
        at = entry.header_offset + 30 + len(entry.filename) + entry.compress_size // 2
    content = bytearray(path.read_bytes())
    content[at : at + 8] = bytes(8)
    broken = tmp_path / "broken.zip"
    broken.write_bytes(content)
    with pytest.raises(ModelError, match="is damaged: 'checkpoint_final.pth' cannot be unpacked"):
        open_model(str(broken))
    assert not inside(cache)

    monkeypatch.setattr(unpacking, "MOST_BYTES", 1000)
    with pytest.raises(ModelError, match="would unpack to"):
        open_model(str(path))
    monkeypatch.setattr(unpacking, "MOST_BYTES", 10**12)
    monkeypatch.setattr(unpacking, "_SPARE", 10**18)
    with pytest.raises(ModelError, match="would unpack to .* free"):
        open_model(str(path))
    assert not inside(cache)


def test_a_size_that_lies_is_no_way_around_the_bounds(original, tmp_path, cache):
    path = packed(original, tmp_path / "release.zip")
    content = bytearray(path.read_bytes())
    name = f"{NAME}/fold_0/checkpoint_final.pth".encode()
    at = content.rindex(name) - 46  # its entry in the directory: the size it claims to have
    struct.pack_into("<L", content, at + 24, 1000)
    path.write_bytes(content)
    with pytest.raises(ModelError):
        open_model(str(path))
    assert not inside(cache)


def test_a_folder_that_cannot_be_written_is_said(original, tmp_path, monkeypatch):
    path = packed(original, tmp_path / "release.zip")
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("SEGHIRESCAM_CACHE", str(tmp_path / "file"))
    with pytest.raises(ModelError, match="cannot be unpacked into the cache folder") as error:
        open_model(str(path))
    assert "SEGHIRESCAM_CACHE" in error.value.hint


def test_bad_descriptions_are_refused_before_anything_is_unpacked(original, tmp_path, cache):
    path = packed(original, tmp_path / "release.zip", without=("dataset.json",))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(f"{NAME}/dataset.json", json.dumps({"labels": 3}))
    with pytest.raises(ModelError, match="lacks labels or channel_names"):
        open_model(str(path))
    assert not cache.exists()


def test_the_worker_and_so_the_panel_opens_it(worker, original, tmp_path):
    path = packed(original, tmp_path / "release.zip")
    told = worker.ask("describe", model=f"{path}#3d_fullres")
    assert told["kind"] == "nnunet_zip" and [c["name"] for c in told["classes"]] == ["background", "body", "core"]
