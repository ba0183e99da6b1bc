"""The command line's manners: light to start, one JSON object, one sentence for a mistake, and Ctrl-C at any time."""

import io
import json
import re
import signal
import subprocess
import sys
import time

import pytest

import seghirescam.cli
from engine.cli_cases import ENVIRONMENT, SEGMENTS, VOLUME, factory, left, process, run, volume
from seghirescam.cli.console import Console
from seghirescam.cli.parser import COMMANDS
from seghirescam.cli.question_options import method_names


@pytest.mark.parametrize("words", [["--help"], ["explain", "--help"], ["figure", "--help"], ["models", "demo:honest"]])
def test_help_and_models_load_no_torch_and_no_other_heavy_library(words):
    code = (
        "import sys\nfrom seghirescam.cli import main\n"
        f"try:\n    main({words!r})\nexcept SystemExit:\n    pass\n"
        "print('LOADED', *sorted({name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=ENVIRONMENT)
    loaded = set(done.stdout.rpartition("LOADED")[2].split())
    assert not loaded & {"torch", "scipy", "SimpleITK", "matplotlib", "monai", "nnunetv2", "safetensors"}
    assert "usage: seghirescam" in done.stdout or "demo:honest" in done.stdout


def test_every_command_has_a_help_with_an_example_that_can_be_parsed(capsys):
    from seghirescam.cli.parser import understood

    for module in COMMANDS:
        name = module.__name__.rpartition(".")[2]
        code, out, _ = run(capsys, name, "--help")
        assert code == 0 and module.HELP in out and "example:" in out
        words = module.EXAMPLE.replace("\\\n", " ").split()
        assert words[:2] == ["seghirescam", name] and understood(words[1:]).command == name


def test_the_words_of_the_help_are_those_of_the_engine():
    from seghirescam.cam.methods import methods
    from seghirescam.protocol.question import DEFAULT_METHOD

    assert method_names() == sorted(methods()) and DEFAULT_METHOD in methods()


def test_the_package_names_the_command():
    import tomllib
    from pathlib import Path

    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["scripts"] == {"seghirescam": "seghirescam.cli:main"}


def test_models_tells_what_opening_would_do_and_does_none_of_it(capsys, tmp_path):
    source = factory(tmp_path / "m", channels=("CT", "PET"), requirements=["no-such-package-anywhere>=1"])
    code, out, _ = run(capsys, "models", source, "demo:honest", "--json")
    first, second = json.loads(out)["models"]
    assert code == 0 and not (tmp_path / "m" / "canary").exists()
    assert (first["kind"], first["channels"]) == ("factory", ["CT", "PET"])
    assert [c["name"] for c in first["classes"]] == ["background", "organ", "lesion"]
    assert first["missing"] == ["no-such-package-anywhere>=1"] and "net.py" in first["runs_author_code"]
    assert re.fullmatch("[0-9a-f]{64}", first["consent_sha256"])
    assert (second["kind"], second["runs_author_code"]) == ("demo", "")
    assert str(tmp_path) not in out


def test_models_goes_on_behind_a_path_it_does_not_know_and_ends_with_2(capsys, tmp_path):
    (tmp_path / "notes.txt").write_text("no model", encoding="utf-8")
    code, out, _ = run(capsys, "models", tmp_path / "notes.txt", "demo:honest", "--json")
    first, second = json.loads(out)["models"]
    assert code == 2 and first["error"]["code"] == "model" and second["kind"] == "demo"
    assert str(tmp_path) not in out


def test_json_is_one_object_alone_on_stdout_also_when_the_model_prints(capsys, tmp_path):
    source = factory(tmp_path / "m", before="print('hello from the author')")
    words = ("layers", source, "--image", volume(tmp_path), "--consent", "--json")
    code, out, err = run(capsys, *words)
    data = json.loads(out)
    assert code == 0 and out.count("\n") == 1 and "hello from the author" in err
    # the ReLU between them is a function, no module, so two layers can be named
    assert [layer["name"] for layer in data["layers"]] == ["down", "up"]
    assert data["layers"][0]["stride"] == [2, 2, 2] and data["layers"][0]["cells"] == [4, 5, 6]


def test_a_mistake_with_json_is_an_object_too(capsys):
    code, out, err = run(capsys, "layers", "demo:honest", "--image", "absent.nrrd", "--json")
    error = json.loads(out)["error"]
    assert code == 2 and error["code"] == "image" and error["sentence"] == "The image 'absent.nrrd' is not there."
    assert err == "Error: The image 'absent.nrrd' is not there. Check the path.\n"


ASK = ("explain", "demo:honest", "--image", VOLUME)
LESION = ("--segment", f"{SEGMENTS}:Lesion")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("models",), "The following arguments are required: PATH. Try: seghirescam models --help"),
        (("explode",), "invalid choice: 'explode'"),
        ((*ASK, "--out", "{out}"), r"No class was named\. Add --class NAME"),
        ((*ASK, "--out", "{out}", "--class", "liver"), r"no class 'liver'\. Choose one of: 0 = background, 1 = lesion"),
        ((*ASK, "--out", "{out}", "--class", "7"), r"no class 7\. Choose one of"),
        (
            (*ASK, "--out", "{out}", "--class", "1", "--layer", "encoder.9"),
            r"'encoder.9' cannot be explained.*Main layers: e",
        ),
        ((*ASK, "--out", "{out}", "--class", "1", "--layer", "main", "--layer", "head"), "stand alone"),
        ((*ASK, "--out", "{out}", "--class", "1", "--method", "magic"), "no method 'magic'.*seg_hires_grad_cam"),
        ((*ASK, "--out", "{out}", "--class", "1", "--score", "contrast"), r"needs a rival class\. Add --rival"),
        ((*ASK, "--out", "{out}", "--class", "1", "--rival", "2"), "contrast score only"),
        ((*ASK, "--out", "{out}", "--class", "1", "--pixel-set", "segment"), r"needs a segment\. Add --segment"),
        ((*ASK, "--out", "{out}", "--class", "1", "--pixel-set", "voxel"), r"needs a place\. Add --at"),
        (
            (*ASK, "--out", "{out}", "--class", "1", "--pixel-set", "voxel", "--at", "0", "0", "900"),
            "outside the image",
        ),
        ((*ASK, "--out", "{out}", "--class", "1", "--segment", f"{SEGMENTS}:9"), "no label '9'.*1 = Lesion, 2 = Ring"),
        ((*ASK, "--out", "{out}", "--class", "1", "--segment", SEGMENTS), "holds 3 labels and none was chosen"),
        ((*ASK, "--out", "{out}", "--class", "1", "--segment", "gone.nrrd:1"), "'gone.nrrd' is not there"),
        ((*ASK, "--out", "{out}", "--class", "1", "--device", "toaster"), "no device called 'toaster'"),
        ((*ASK, "--out", "{out}", "--class", "1", "--device", "cuda:99"), "'cuda:99' is not available"),
        ((*ASK, "--out", "{out}", "--class", "1", "--tolerance", "2"), "share lies between 0 and 1"),
        ((*ASK, "--image", VOLUME, "--out", "{out}", "--class", "1"), "2 images were given for 1 channel"),
        ((*ASK, "--out", __file__, "--class", "1"), "is a file. Name a folder"),
        (("predict", "demo:honest", "--image", VOLUME, "--out", "{out}/p.tiff"), "ends in none of .seg.nrrd"),
        (
            ("figure", SEGMENTS, "--image", VOLUME, "--out", "{out}/f.png"),
            "is no sidecar that 'seghirescam explain' wrote",
        ),
        (("figure", "{out}", "--image", VOLUME, "--out", "{out}/f.bmp"), "ends in none of .png"),
        (("layers", "nowhere", "--image", VOLUME), "No model was recognised in 'nowhere'"),
    ],
)
def test_a_mistake_costs_one_sentence_and_exit_code_2_and_leaves_nothing(capsys, tmp_path, words, sentence):
    out = tmp_path / "out"
    code, told, err = run(capsys, *(str(word).replace("{out}", str(out)) for word in words))
    assert code == 2 and told == ""
    assert err.startswith("Error: ") and err.count("\n") == 1 and "Traceback" not in err
    assert re.search(sentence, err), err
    assert left(tmp_path) == [] and "/work/" not in err


def test_debug_adds_the_traceback(capsys):
    code, _, err = run(capsys, "layers", "nowhere", "--image", VOLUME, "--debug")
    assert code == 2 and err.startswith("Traceback") and "Error: No model was recognised in 'nowhere'" in err


def test_an_unexpected_failure_is_exit_code_1_without_a_traceback(capsys, monkeypatch):
    def broken(options, console):
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(seghirescam.cli.models, "run", broken)
    code, out, err = run(capsys, "models", "demo:honest")
    assert (code, out) == (1, "")
    assert err.startswith("Internal error (RuntimeError).") and "Traceback" not in err


def test_a_folder_with_something_in_it_is_left_alone_unless_told_otherwise(capsys, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")
    words = (*ASK, "--class", "lesion", *LESION, "--layer", "encoder.2", "--out", tmp_path)
    code, _, err = run(capsys, *words)
    assert code == 2 and "is not empty" in err and left(tmp_path) == ["thesis.txt"]
    code, _, _ = run(capsys, *words, "--overwrite")
    assert code == 0 and (tmp_path / "thesis.txt").read_text(encoding="utf-8") == "mine" and len(left(tmp_path)) == 5


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_the_bar_is_drawn_on_a_terminal_only_never_falls_and_is_wiped():
    terminal, pipe, quiet = Terminal(), io.StringIO(), Terminal()
    for err, settings in ((terminal, {}), (pipe, {}), (quiet, {"quiet": True})):
        console = Console(io.StringIO(), err, **settings)
        for fraction, phase in (
            (0.0, "reading"),
            (0.5, "running the network"),
            (0.2, "differentiating"),
            (1.0, "done"),
        ):
            console.progress(fraction, phase)
        console.answer({}, "text")
    drawn = re.findall(r"(\d+) %  (\w+)", terminal.getvalue())
    assert [(int(p), w) for p, w in drawn] == [(0, "reading"), (50, "running"), (50, "differentiating"), (100, "done")]
    assert terminal.getvalue().endswith("\r") and terminal.getvalue().isascii()
    assert pipe.getvalue() == quiet.getvalue() == ""


def test_ctrl_c_during_the_computation_is_exit_code_130_and_leaves_nothing(tmp_path):
    forward = "Path(MARK).write_text('here'); import time; time.sleep(600)"
    mark = tmp_path / "m" / "mark"
    # the first call on fake tensors lists the layers; only a real image reaches the sleep
    source = factory(
        tmp_path / "m",
        before=f"MARK = {str(mark)!r}\nfrom torch._subclasses import FakeTensor",
        forward=f"if x.abs().sum() > 0:\n            {forward}",
    )
    image = volume(tmp_path)
    (tmp_path / "place").mkdir()
    words = (
        "explain",
        source,
        "--image",
        image,
        "--class",
        "organ",
        "--pixel-set",
        "whole",
        "--layer",
        "down",
        "--consent",
    )
    child = process(*words, "--out", tmp_path / "place" / "out")
    try:
        while not mark.exists() and child.poll() is None:
            time.sleep(0.05)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=60)
    finally:
        child.kill()
    assert (child.returncode, out, err) == (130, "", "Cancelled. Nothing was written.\n")
    assert left(tmp_path / "place") == []
