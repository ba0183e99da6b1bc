"""Describing what a stranger wrote is bounded in time, memory and number, and ends in one sentence."""

import io
import json
import os
import pickle
import resource
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
import torch

import seghirescam
from seghirescam.cli import main
from seghirescam.models import recognise
from seghirescam.models.description import description
from seghirescam.models.monai import bundle_config, bundle_expression, yaml_text
from seghirescam.protocol import untrusted
from seghirescam.protocol.errors import ModelError
from seghirescam.protocol.privacy import Names

ENGINE = Path(seghirescam.__file__).parents[1]
LAUGHS = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)
)
MERGED = "a0: &a0 {k0: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [{','.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 9))


def spent(work):
    """(seconds of CPU, MiB the peak grew by) of something in a process of its own; it must end in ModelError."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        before = resource.getrusage(resource.RUSAGE_SELF)
        resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
        try:
            work()
            said = "nothing was refused"
        except ModelError as error:
            said = f"ModelError: {error}"
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        after = resource.getrusage(resource.RUSAGE_SELF)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        os.write(writer, json.dumps([cpu, (after.ru_maxrss - before.ru_maxrss) / 1024, said[:4000]]).encode())
        os._exit(0)
    os.close(writer)
    with open(reader, "rb") as file:
        text = file.read()
    os.waitpid(child, 0)
    assert text, "it was killed after 20 s"
    return json.loads(text)


def bundle(folder, name, text):
    (folder / "b" / "configs").mkdir(parents=True)
    data = text if isinstance(text, bytes) else text.encode()
    (folder / "b" / "configs" / name).write_bytes(data)
    (folder / "b" / "configs" / "metadata.json").write_text("{}")
    return folder / "b"


def vast_zip(folder, name="b.zip"):
    """400 kB that unpack to 400 MB."""
    with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("b/configs/inference.json", "{}")
        archive.writestr("b/configs/metadata.json", "{}")
        archive.writestr("b/docs/long.txt", b"0" * 400_000_000)
    return folder / name


def crowded_zip(folder):
    with zipfile.ZipFile(folder / "b.zip", "w") as archive:
        for n in range(30_000):
            archive.writestr(f"configs/{n}", b"")
        archive.writestr("configs/inference.json", "{}")
    return folder / "b.zip"


def nested(depth, start="[", end="]"):
    return start * depth + end * depth


def model_json(folder, text):
    (folder / "m.model.json").write_text(text)
    return folder / "m.model.json"


def pipe(folder, name):
    os.mkfifo(folder / name)
    return folder / name


def nnunet(folder, plans, dataset=b"{}"):
    place = folder / "Trainer__Plans__3d_fullres"
    (place / "fold_0").mkdir(parents=True)
    (place / "fold_0" / "checkpoint_final.pth").write_bytes(b"x")
    (place / "plans.json").write_bytes(plans)
    (place / "dataset.json").write_bytes(dataset)
    return place


def piped_nnunet(folder):
    place = nnunet(folder, b"{}")
    (place / "dataset.json").unlink()
    os.mkfifo(place / "dataset.json")
    return place


def program(folder, name, graph):
    with zipfile.ZipFile(folder / name, "w") as archive:
        archive.writestr("archive/archive_format", "pt2")
        archive.writestr("archive/models/model.json", graph)
    return folder / name


def endless_pickle(folder):
    """Twenty million steps; torch would take them one after the other."""
    path = program(folder, "m.pt2", "{}")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("archive/data/sample_inputs/model.pt", b"\x80\x04" + b"N0" * 10_000_000 + b"N.")
    return path


def much_code(folder):
    with zipfile.ZipFile(folder / "m.ts", "w") as archive:
        archive.writestr("m/constants.pkl", b"")
        archive.writestr("m/code/a.py", b"a;" * 1_400_000)
        archive.writestr("m/code/b.py", b"torch.save" + b"\n" * 100_000)
    return folder / "m.ts"


def laughing_pickle(folder):
    """An Auto3DSeg checkpoint whose class names are lists within lists, nine to the power of nine."""
    thing = ["x"]
    for _ in range(9):
        thing = [thing] * 9
    torch.save(
        {"state_dict": {}, "config": {"network": {"_target_": "SegResNetDS", "out_channels": 2}, "roi_size": [1],
                                      "class_names": thing}}, folder / "m.pt")  # fmt: skip
    return folder / "m.pt"


HOSTILE = {
    "yaml anchors": lambda f: bundle(f, "inference.yaml", LAUGHS + "network_def: *a8\n"),
    "yaml merges": lambda f: bundle(f, "inference.yaml", MERGED + "network_def: *a8\n"),
    "yaml to itself": lambda f: bundle(f, "inference.yaml", "network_def: &a [*a]\n"),
    "yaml brackets": lambda f: bundle(f, "inference.yaml", "network_def: " + "[" * 100_000),
    "yaml number": lambda f: bundle(f, "inference.yaml", "network_def: 1" + ":1" * 300_000),
    "yaml length": lambda f: bundle(f, "inference.yaml", "network_def: [" + "a," * 2_000_000 + "]"),
    "json depth": lambda f: bundle(f, "inference.json", '{"network_def": ' + nested(100_000) + "}"),
    "json objects": lambda f: bundle(f, "inference.json", '{"a":' * 100_000 + "1" + "}" * 100_000),
    "json values": lambda f: bundle(f, "inference.json", '{"network_def": [' + "{}," * 1_600_000 + "{}]}"),
    "json size": lambda f: bundle(f, "inference.json", '{"a": "' + "x" * 6_000_000 + '"}'),
    "expression": lambda f: bundle(f, "inference.json", json.dumps({"network_def": "$((1,)*9999,)*9999"})),
    "many expressions": lambda f: bundle(f, "inference.json", json.dumps({
        "a": "$(1,)*9999", "network_def": {"_target_": "UNet", "x": ["$@a == @a"] * 20_000}})),
    "references": lambda f: bundle(f, "inference.json", json.dumps(
        {"network_def": ["@a0"] * 9, "a9": 1} | {f"a{n}": [f"@a{n + 1}"] * 30 for n in range(9)})),
    "handlers": lambda f: bundle(f, "inference.json", json.dumps({
        "network_def": "x", "a": ["y"] * 40_000,
        "handlers": [{"_target_": "CheckpointLoader", "load_path": "@a"}] * 20_000})),
    "round": lambda f: bundle(f, "inference.json", json.dumps({"network_def": "$round(5, -1000000000)"})),
    "vast zip": vast_zip,
    "crowded zip": crowded_zip,
    "factory depth": lambda f: model_json(f, '{"factory": ' + nested(100_000) + "}"),
    "factory pipe": lambda f: pipe(f, "m.model.json"),
    "program pipe": lambda f: pipe(f, "m.pt2"),
    "weights pipe": lambda f: pipe(f, "m.safetensors"),
    "nnunet depth": lambda f: nnunet(f, b"{}", nested(100_000).encode()),
    "nnunet size": lambda f: nnunet(f, b"{}", b'{"labels": "' + b"x" * 6_000_000 + b'"}'),
    "nnunet pipe": piped_nnunet,
    "graph depth": lambda f: program(f, "m.pt2", nested(200_000)),
    "graph values": lambda f: program(f, "m.pt2", "[" + "{}," * 3_000_000 + "{}]"),
    "endless pickle": lambda f: endless_pickle(f),
    "much code": lambda f: much_code(f),
    "vast program": lambda f: vast_zip(f, "m.pt2"),
    "vast script": lambda f: vast_zip(f, "m.ts"),
    "class names": laughing_pickle,
    "long name": lambda f: f / ("x" * 300 + ".ts"),
    "long sidecar": lambda f: program(f, "x" * 250 + ".pt2", "{}"),
    "no text": lambda f: program(f, os.fsdecode(b"\xff\xfe.pt2"), "{}"),
    "a zero": lambda f: str(f) + "/a\0b.ts",
    "half a pair": lambda f: str(f) + "/\ud800.ts",
    "device": lambda f: Path("/dev/zero"),
}  # fmt: skip


@pytest.mark.parametrize("what", HOSTILE)
def test_what_would_not_end_is_refused_in_one_sentence_at_once(tmp_path, what):
    source = HOSTILE[what](tmp_path)
    cpu, mebibytes, said = spent(lambda: description(source))
    assert said.startswith("ModelError: ") and "\n" not in said and len(said) < 1000, said
    assert cpu < 2 and mebibytes < 200, (cpu, mebibytes)
    assert str(tmp_path) not in Names().hide(said)


@pytest.mark.parametrize("name", ["x" * 300 + ".ts", os.fsdecode(b"\xff\xfe.pt2"), "m.model.json", "gone.pt"])
def test_the_command_says_so_too_and_ends_as_with_other_errors(tmp_path, name):
    if name == "m.model.json":
        pipe(tmp_path, name)
    elif name.endswith(".pt2"):
        program(tmp_path, name, "{}")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "seghirescam", "models", str(tmp_path / name)], capture_output=True, text=True,
        timeout=60, env=os.environ | {"PYTHONPATH": str(ENGINE), "PYTHONUTF8": "1"}, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 2 and "Traceback" not in done.stderr + done.stdout
    assert len(done.stdout.splitlines()) == 2 and str(tmp_path) not in done.stdout + done.stderr


def test_a_file_whose_name_is_no_text_can_be_described(tmp_path, capsysbinary):
    path = tmp_path / os.fsdecode(b"caf\xe9.model.json")
    (tmp_path / "net.py").write_text("x = 1")
    (tmp_path / "w.safetensors").write_bytes(b"")
    path.write_text(json.dumps({"factory": "net.py", "weights": "w.safetensors", "classes": ["a"]}))
    assert main(["models", str(path)]) == 0
    assert b"caf\\udce9.model.json" in capsysbinary.readouterr().out


def test_yaml_with_anchors_as_people_use_them_is_read(tmp_path):
    text = "a: &a {x: 1, y: [1, 2]}\nb: {<<: *a, z: 3}\nc: [*a, *a]\n"
    assert yaml_text.yaml_value(text.encode()) == {
        "a": {"x": 1, "y": [1, 2]}, "b": {"x": 1, "y": [1, 2], "z": 3}, "c": [{"x": 1, "y": [1, 2]}] * 2}  # fmt: skip


@pytest.mark.parametrize("slow", [False, True], ids=["C", "Python"])
def test_aliases_count_as_what_they_stand_for(monkeypatch, slow):
    import yaml

    if slow:
        monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    started = time.process_time()
    for text in (LAUGHS, MERGED, "a: &a [*a]", "a: *b", "[" * 200, "a: 1" + ":1" * 1000):
        with pytest.raises(ValueError):
            yaml_text.yaml_value(text.encode())
    assert yaml_text.yaml_value(b"a: &a [1, 2]\nb: [*a, *a]") == {"a": [1, 2], "b": [[1, 2], [1, 2]]}
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    ("text", "fits"),
    [("[" * 100 + "]" * 100, True), ("[" * 101 + "]" * 101, False), ('"' + "[" * 500 + '"', True),
     ('["\\"", ' + "[" * 99 + '"]"' + "]" * 99 + "]", True), ("{" + '"a":{' * 100 + "}" * 101, False)],
)  # fmt: skip
def test_depth_is_counted_outside_of_texts(text, fits):
    if fits:
        assert untrusted.json_value(text.encode()) == json.loads(text)
    else:
        with pytest.raises(ValueError, match="too deeply"):
            untrusted.json_value(text.encode())


def test_zip_lists_are_looked_at_before_they_are_read(tmp_path):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for n in range(1000):
            archive.writestr(f"{n}", b"x")
    assert len(untrusted.opened_zip(data.getvalue()).namelist()) == 1000
    path = crowded_zip(tmp_path)
    for source in (path, path.read_bytes(), b"", b"PK\x05\x06" + b"\0" * 18 + b"x", data.getvalue()[:-1]):
        if source != b"PK\x05\x06" + b"\0" * 18 + b"x":
            with pytest.raises(untrusted.DamagedZip):
                untrusted.opened_zip(source)
    assert untrusted.zip_names(tmp_path) == untrusted.zip_names(b"no") == []


def test_parts_are_counted_as_often_as_they_stand_there():
    thing = [1]
    for _ in range(20):
        thing = [thing] * 9
    assert (
        untrusted.is_vast(thing) and not untrusted.is_vast([1] * 1000) and not untrusted.is_vast({"a": {"b": [1, 2]}})
    )
    assert untrusted.parts_of({"a": [1, 2]}, 100) == 5 and untrusted.parts_of("x" * 3000, 100) == 4


@pytest.mark.parametrize(
    "text",
    ["((1,)*9999,)*9999", "((1,)*9999,)*2", "[(1,)*5000]*3", "round(5, -1000000000)", "round(2.5, 10**9)",
     "{'a': (1,)*9999}['a']*2", "list((1,)*9999) + [1]*9999", "min((1,)*9999,)*99999"],
)  # fmt: skip
def test_expressions_that_grow_are_no_data(text):
    started = time.process_time()
    with pytest.raises(bundle_expression.NotData):
        bundle_expression.calculated(text, lambda reference: None)
    assert time.process_time() - started < 0.5
    assert bundle_expression.calculated("round(2.345, 2)", lambda reference: None) == 2.35


def test_one_budget_holds_for_a_whole_configuration():
    big = {"network_def": {"_target_": "UNet", "x": ["$(1,)*999"] * 5000}}
    started = time.process_time()
    parts = bundle_config.read_as_data(big)
    assert parts.faults and parts.network is None and time.process_time() - started < 2


def test_a_pickle_is_only_looked_at_where_it_is_small(tmp_path):
    path = tmp_path / "m.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("m/data.pkl", pickle.dumps("config state_dict network _target_ roi_size" + "x" * 3_000_000))
    with pytest.raises(ModelError, match="damaged or cut short"):
        recognise(path)
