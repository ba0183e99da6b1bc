"""Colour images: the right channel, the right place, the right way up; and a 2D colour network explained."""

import numpy as np
import pytest

from engine.cli_cases import run
from engine.colour_cases import colour_model, picture
from engine.volume_files import PATIENT
from seghirescam.cli.sidecars import read_sidecar
from seghirescam.io.colour_images import is_rgb, read_rgb
from seghirescam.io.volumes import read_volume, write_volume
from seghirescam.models import open_model
from seghirescam.protocol.errors import ImageError
from seghirescam.protocol.recipes import Box, WholeImage
from seghirescam.session.explain import explain

sitk = pytest.importorskip("SimpleITK")


@pytest.mark.parametrize("name, alpha", [("a.png", None), ("a.png", 255), ("a.tif", None), ("a.bmp", None)])
def test_the_channels_are_red_green_blue_and_the_first_row_lies_in_front(tmp_path, name, alpha):
    image = read_rgb(picture(tmp_path, name, alpha=alpha))
    assert image.array.shape == (3, 1, 12, 16) and image.array.dtype == np.uint8
    assert np.array_equal(image.array[0, 0, :, 3], 10 * np.arange(12))
    assert np.array_equal(image.array[1, 0, 3], 5 * np.arange(16))
    assert (image.array[2] == 7).all()
    first, below, right = (image.grid.ras(at) for at in ((0, 0, 0), (0, 1, 0), (0, 0, 1)))
    assert below - first == pytest.approx((0, -1, 0)) and right - first == pytest.approx((-1, 0, 0))


def test_a_jpeg_is_read_to_what_its_compression_leaves(tmp_path):
    image = read_rgb(picture(tmp_path, "a.jpg"))
    assert np.abs(image.array[0, 0, :, 3].astype(int) - 10 * np.arange(12)).max() <= 12


def test_a_volume_of_vectors_keeps_its_place(tmp_path):
    array = np.random.default_rng(0).integers(0, 255, (4, 5, 6, 3)).astype(np.uint8)
    itk = sitk.GetImageFromArray(array, isVector=True)
    itk.SetSpacing((0.5, 0.6, 2.0))
    itk.SetOrigin((3.0, 4.0, 5.0))
    sitk.WriteImage(itk, str(tmp_path / "v.nrrd"))
    image = read_rgb(tmp_path / "v.nrrd")
    assert np.array_equal(image.array, np.moveaxis(array, -1, 0))
    assert image.grid.spacing_kji == pytest.approx((2.0, 0.6, 0.5)) and image.grid.ras((0, 0, 0)) == pytest.approx(
        (-3, -4, 5)
    )


def test_what_is_no_colour_image_is_refused_in_a_sentence(tmp_path):
    grey = np.zeros((4, 5), np.uint8)
    sitk.WriteImage(sitk.GetImageFromArray(grey), str(tmp_path / "grey.png"))
    with pytest.raises(ImageError, match=r"'grey.png' has one value per voxel \(a grey image\)"):
        read_rgb(tmp_path / "grey.png")
    veil = np.full((12, 16), 255, np.uint8)
    veil[3] = 0
    with pytest.raises(ImageError, match="is transparent in places"):
        read_rgb(picture(tmp_path, "veil.png", alpha=veil))
    with pytest.raises(ImageError, match="colour or vector image"):
        read_volume(picture(tmp_path))
    assert is_rgb(tmp_path / "photo.png") and not is_rgb(tmp_path / "grey.png") and not is_rgb(tmp_path / "absent.png")


def test_a_photograph_is_one_image_for_a_model_of_three_channels(capsys, tmp_path):
    folder = tmp_path / PATIENT
    folder.mkdir()
    source, path = colour_model(folder / "m"), picture(folder, f"{PATIENT}.png")
    words = ("--class", "polyp", "--pixel-set", "whole", "--layer", "down", "--consent", "--out", folder / "why")
    code, _, err = run(capsys, "explain", source, "--image", path, *words)
    assert code == 0, err
    stored = read_sidecar(next((folder / "why").glob("01_*.json")))
    model, image = open_model(source, consent=True), read_rgb(path)
    (found,) = explain(model, image, WholeImage(), class_index="polyp", layers="down")
    assert np.array_equal(stored.density_on(image.grid)[0], found.resampled_to(image.grid).array)
    assert [c["name"] for c in stored.facts["request"]["channels"]] == ["red", "green", "blue"]


def test_its_contact_sheet_shows_the_colours(capsys, tmp_path):
    source, path = colour_model(tmp_path / "m"), picture(tmp_path)
    words = ("--class", "polyp", "--pixel-set", "whole", "--method", "seg_hires_grad_cam", "--consent", "--dpi", 60)
    code, _, err = run(capsys, "compare", source, "--image", path, *words, "--layer", "down", "--out", tmp_path / "out")
    assert code == 0, err
    sheet = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "out" / "contact_sheet.png")))
    assert sheet.shape[2] in (3, 4) and (tmp_path / "out" / "contact_sheet.pdf").stat().st_size > 1000


def test_three_grey_volumes_still_are_three_channels(capsys, tmp_path):
    source = colour_model(tmp_path / "m")
    image = read_rgb(picture(tmp_path))
    for n, name in enumerate(("r", "g", "b")):
        write_volume(tmp_path / f"{name}.nrrd", image.array[n], image.grid)
    given = [word for n in "rgb" for word in ("--image", tmp_path / f"{n}.nrrd")]
    low, high = image.grid.ras((0, 2, 2)), image.grid.ras((0, 6, 6))
    box = ["--pixel-set", "box", "--box", *np.minimum(low, high) - 0.5, *np.maximum(low, high) + 0.5]
    words = ("--class", "polyp", "--layer", "down", "--consent")
    code, _, err = run(capsys, "explain", source, *given, *words, *box, "--out", tmp_path / "grey")
    assert code == 0, err
    # a photo has columns and rows
    box = ["--pixel-set", "box", "--box", 1.5, 1.5, -0.5, 6.5, 6.5, 0.5]
    words = ("--image", tmp_path / "photo.png", *words, *box)
    code, _, err = run(capsys, "explain", source, *words, "--out", tmp_path / "rgb")
    assert code == 0, err
    a, b = (read_volume(next((tmp_path / name).glob("01*.nii.gz"))) for name in ("grey", "rgb"))
    # the volumes lie in a patient, per ml (1 mm voxels), the photo's map is per pixel
    assert a.array == pytest.approx(1000 * b.array, rel=1e-6) and a.array.any()
    (truth,) = explain(
        open_model(source, consent=True), image, Box.between(np.minimum(low, high) - 0.5, np.maximum(low, high) + 0.5),
        class_index=1, layers="down",
    )  # fmt: skip
    assert np.array_equal(b.array[0], truth.resampled_to(image.grid).array)


# ---- one grey image for a network of red, green and blue


def _grey(folder, name="grey.png"):
    pixels = np.random.default_rng(4).integers(0, 255, (12, 16), np.uint8)
    sitk.WriteImage(sitk.GetImageFromArray(pixels), str(folder / name))
    return folder / name, pixels


@pytest.mark.parametrize("name", ["grey.png", "grey.nii.gz"])
def test_one_grey_image_goes_into_all_three_colours_and_every_result_says_so(capsys, tmp_path, name):
    import json

    import torch

    import seghirescam
    from seghirescam.io.colour_images import GREY

    model, (path, pixels) = colour_model(tmp_path / "m"), _grey(tmp_path, name)
    words = ("explain", model, "--consent", "--image", path, "--pixel-set", "whole", "--layer", "down")
    code, out, err = run(capsys, *words, "--class", "polyp", "--grid", "layer", "--out", tmp_path / "why", "--json")
    assert code == 0, err
    (result,) = json.loads(out)["results"]
    assert result["notes"].count(GREY) == 1
    # by hand: three times the same values, autograd
    network = open_model(model, consent=True).network
    x = torch.from_numpy(np.repeat(pixels[None, None].astype(np.float32), 3, axis=1))
    a = network.down(x).detach().requires_grad_()
    score = network.up(torch.relu(a))[0, 1].sum()
    (gradient,) = torch.autograd.grad(score, a)
    truth = (gradient * a).sum(dim=1)[0].detach().numpy()
    found = read_volume(tmp_path / "why" / result["map"]).array[0, 0]
    np.testing.assert_allclose(found, truth, atol=1e-5 * np.abs(truth).max())
    assert result["score"] == pytest.approx(float(score.detach()), rel=1e-5)
    (sidecar,) = (tmp_path / "why").glob("01_*.json")
    channels = read_sidecar(sidecar).facts["request"]["channels"]
    assert [one["name"] for one in channels] == ["red", "green", "blue"] and len({c["sha256"] for c in channels}) == 1
    # the verbs: the same of a file and of an array
    for image in (path, pixels.astype(np.float32)):
        (shown,) = seghirescam.explain(model, image, [WholeImage()], target="polyp", layers=["down"], consent=True)
        np.testing.assert_allclose(shown.map[0], truth, atol=1e-5 * np.abs(truth).max())
        assert shown.notes.count(GREY) == 1


def test_where_a_channel_is_named_or_the_channels_are_no_colours_one_image_is_too_few(capsys, tmp_path):
    import json

    import torch

    import seghirescam

    model, (path, pixels) = colour_model(tmp_path / "m"), _grey(tmp_path)
    words = ("explain", model, "--consent", "--pixel-set", "whole", "--class", "polyp", "--out", tmp_path / "why")
    code, _, err = run(capsys, *words, "--image", f"red={path}")
    assert code == 2 and "no image was given for green, blue" in err
    about = json.loads(model.read_text(encoding="utf-8")) | {"channels": ["T1", "T2", "FLAIR"]}
    model.write_text(json.dumps(about), encoding="utf-8")
    code, _, err = run(capsys, *words, "--image", path)
    assert code == 2 and "no image was given for T2, FLAIR" in err and not (tmp_path / "why").exists()
    with pytest.raises(ImageError, match="expects 3 channel"):
        seghirescam.explain(model, path, consent=True)
    network = torch.nn.Conv2d(3, 2, 1)  # a bare module does not say that its channels are colours
    with pytest.raises(seghirescam.protocol.errors.ModelError) as error:
        seghirescam.explain(network, pixels.astype(np.float32), classes=2)
    assert "takes 3 input channel" in error.value.sentence and "three times" in error.value.hint


def test_a_hugging_face_model_says_it_once_too(capsys, tmp_path):
    import json

    pytest.importorskip("transformers")
    from engine import hugging_faces
    from seghirescam.io.colour_images import GREY

    hugging_faces.folder("segformer", tmp_path / "m", 64)
    path, _ = _grey(tmp_path)
    words = ("explain", tmp_path / "m", "--image", path, "--class", "bone", "--pixel-set", "whole", "--json")
    code, out, err = run(capsys, *words, "--out", tmp_path / "why")
    assert code == 0, err
    assert json.loads(out)["results"][0]["notes"].count(GREY) == 1
