"""seghirescam check: a table and a verdict, the same as JSON, refusals before anything is computed."""

import json

import numpy as np
import pytest

from engine.cli_cases import factory, run, volume
from seghirescam.io.label_maps import write_labels
from seghirescam.io.volumes import read_volume
from seghirescam.models import open_model
from seghirescam.session.opening import open_session

pytest.importorskip("monai")


@pytest.fixture
def case(tmp_path):
    """(function that writes the description, image, segment that the model draws when fed x, y, z)"""
    path = volume(tmp_path, shape=(10, 12, 14))
    describe = lambda **words: factory(tmp_path / "m", **words)  # noqa: E731
    image, model = read_volume(path), open_model(describe(axes="xyz"), consent=True)
    session = open_session(model, image)
    labels = model.labels_on_input(session.logits(), session.prepared(), image)
    (tmp_path / "m" / "canary").unlink()
    counts = np.bincount(labels.ravel(), minlength=3)[1:]
    index = 1 + int(counts.argmax())
    names = {1: "organ", 2: "lesion"}
    segment = tmp_path / "segment.seg.nrrd"
    write_labels(segment, (labels == index).astype(np.uint8), image.grid, {1: names[index]})
    return describe, path, segment, names[index]


def test_the_table_the_verdict_and_what_to_write(case, capsys):
    describe, path, segment, name = case
    words = ("check", describe(axes="zyx"), "--image", path, "--segment", f"{segment}:{name}", "--consent")
    code, out, err = run(capsys, *words)
    assert code == 0 and "Up to " in err and "predictions" in err
    lines = out.splitlines()
    assert lines[0].split() == ["changed", "to", "Dice", "predicted", "voxels"]
    axes = next(line for line in lines if line.startswith("axes"))
    assert "x, y, z" in axes and "1.000" in axes
    assert 'Write "axes": "xyz".' in lines[-1]
    code, out, _ = run(capsys, *words, "--json", "--quiet")
    told = json.loads(out)
    assert code == 0 and told["class_name"] == name and told["verdict"]["write"] == '"axes": "xyz"'
    assert told["verdict"]["finding"] == "a change fits better" and told["rows"][0]["change"] == ""
    assert len(told["rows"]) > 10 and str(path.parent) not in out


def test_fed_rightly(case, capsys):
    describe, path, segment, name = case
    words = ("--image", path, "--segment", segment, "--class", name, "--consent", "--quiet")
    code, out, _ = run(capsys, "check", describe(axes="xyz"), *words)
    assert code == 0 and "The model fits as it is fed" in out


def test_refusals_before_anything_runs(case, capsys, tmp_path):
    describe, path, segment, name = case
    source = describe(axes="xyz")
    code, _, err = run(capsys, "check", source, "--image", path, "--consent")
    assert code == 2 and "Add --segment" in err
    code, _, err = run(capsys, "check", source, "--image", path, "--segment", f"{segment}:{name}")
    assert code == 2 and "--consent" in err
    code, _, err = run(
        capsys, "check", source, "--image", path, "--segment", f"{segment}:{name}", "--class", "x", "--consent"
    )
    assert code == 2 and "no class 'x'" in err
    assert not (tmp_path / "m" / "canary").exists()


def test_a_repeated_map_is_refused_where_the_description_prepares_images_otherwise(case, capsys, tmp_path):
    describe, path, segment, name = case
    words = ("explain", "--image", path, "--segment", f"{segment}:{name}", "--class", name, "--consent")
    steps = [{"orientation": "RAS"}, {"z_score": "all"}]
    code, _, err = run(capsys, *words[:1], describe(preprocessing=steps), *words[1:], "--out", tmp_path / "one")
    assert code == 0, err
    (sidecar,) = (f for f in (tmp_path / "one").glob("*.json") if "provenance" in json.loads(f.read_text()))
    assert json.loads(sidecar.read_text())["provenance"]["preprocessing"] == steps
    again = ("--image", path, "--segment", f"{segment}:{name}", "--repeat", sidecar, "--consent")
    code, _, err = run(capsys, "explain", describe(preprocessing=steps), *again, "--out", tmp_path / "two")
    assert code == 0, err
    name = json.loads(sidecar.read_text())["file"]["name"]
    assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    code, _, err = run(capsys, "explain", describe(preprocessing=steps[:1]), *again, "--out", tmp_path / "three")
    assert code == 2 and "prepares images otherwise" in err and '{"z_score": "all"}' in err
    assert not (tmp_path / "three").exists()
