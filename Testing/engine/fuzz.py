"""Mutated bundles, archives, JSONs and plans, each described as a stranger's model is; a process of its own.

``python fuzz.py FOLDER FIRST LAST`` prints one JSON object: what went wrong, and what the dearest case took.  Every
case follows from its number.  Whatever could run writes the canary FOLDER/canary.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import resource
import shutil
import sys
import time
import traceback
import warnings
import zipfile
from pathlib import Path

SEED = 20261128
NASTY = [
    None, True, False, 0, -1, 1, 1.5, 1e308, -0.0, float("nan"), float("inf"), 10**400, 2**63, "", " ", "\0",
    "\ud800", "²", "٣", "-1", "1" * 5000, "x" * 100_000, "../../../etc/passwd", "/dev/zero", "/dev/stdin", "~",
    "a\nb", "<b>x</b>", "$", "%", "@", "$@x", "@network_def", "$(1,)*9999", "$((1,)*9999,)*9999",
    "$round(1, -999999999)", "%configs/other.json::x", "$__import__('os').system('touch CANARY')",
    "$open('CANARY', 'w')", "$().__class__", "$lambda x: x", "$" + "(" * 500, "$" + "-" * 1900 + "1",
    "$'a' * 10**9", "$[1] * @classes", "@a::b#c", [], {}, [[]], [[[[]]]], {"a": {"b": []}}, [None],
    [1, [2, [3]]], {"_target_": "os.system", "command": "touch CANARY"}, {"_target_": "UNet"}, {"_target_": 5},
    {"_target_": "UNet", "_disabled_": True}, {"_target_": "monai.networks.nets.UNet.__init__"},
    {"_target_": "Compose", "transforms": 5}, ["@network_def"] * 50, {"0": "a", "1": "a"}, {"0": []},
    list(range(300)), "nnunetv2.x.Y", "torch.nn.Conv3d", "os.system", ["ignore"],
    {"background": 0, "x": [1, 2]}, {"x": "1"}, {"x": [[]]},
]  # fmt: skip
CHUNKS = [
    b"", b"\0", b"\xff\xfe", b"[" * 5000, b"{\"a\":" * 3000, b"]" * 50, b'"' * 7, b"\\", b"&a [*a]", b"*a",
    b"<<: *x\n", b"!!python/object/apply:os.system ['touch CANARY']\n", b"? [a]\n", b"1" * 5000,
    b"1" + b":1" * 3000, b"NaN", b"-Infinity", b"PK\x05\x06", b"PK\x03\x04", b"PK\x01\x02",
    b"cos\nsystem\n(S'touch CANARY'\ntR.", b"\x80\x02", b"torch. save(x, 'CANARY')", b"\n" * 100, b"\t",
    b"%YAML 9.9\n", b"---\n", b"# ", b"u\xcc\x88", b"0x", b"1e999", b"'",
]  # fmt: skip
NAMES = [
    "models/../../x", "/abs", "a\\b", "C:\\x", "code/__torch__.py", "CODE/__torch__.py", "data.pkl",
    "constants.pkl", "x" * 300, "data/weights/model.pt", "data/sample_inputs/model.pt",
    "data/constants/opaque_obj_0", "extra/model.json", "version", "data/sample_inputs/a_weights_config.json",
    "data/weights/model_weights_config.json", "aotinductor/model/a.so", "a/", "configs/inference.json",
    "configs/inference.yaml", "configs/metadata.json", "models/model.pt", "scripts/a.py", "é", ".",
]  # fmt: skip


CHAIN = {"_target_": "Orientationd", "keys": "image", "axcodes": "RAS"}


def corpus(folder: Path, canary: Path) -> dict[str, list[Path]]:
    """Honest models of every kind, small, beside which payloads lie; kind -> files that may be changed."""
    import torch
    from safetensors.torch import save
    from torch import nn

    from engine import monai_bundles, programs

    evil = f"open({str(canary)!r}, 'w')\n"
    network = nn.Sequential(nn.Conv3d(1, 2, 3, padding=1), nn.ReLU()).eval()
    state = network.state_dict()
    config = monai_bundles.config()
    config["imports"] = [f"$open({str(canary)!r}, 'w')"]
    metadata = {"name": "b", "network_data_format": {
        "inputs": {"image": {"num_channels": 1, "channel_def": {"0": "CT"}}},
        "outputs": {"pred": {"num_channels": 3, "channel_def": {"0": "background", "1": "a", "2": "b"}}},
    }}  # fmt: skip
    found = {}

    def write(kind, name, data):
        path = folder / kind / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        found.setdefault(kind, []).append(path)
        return path

    for kind, name in (("bundle", "inference.json"), ("bundle_yaml", "inference.yaml")):
        write(kind, f"b/configs/{name}", json.dumps(config, indent=1))
        write(kind, "b/configs/metadata.json", json.dumps(metadata))
        for other in ("b/models/model.pt", "b/scripts/__init__.py", "b/scripts/own.py"):
            write(kind, other, programs.torch_saved(state) if other.endswith(".pt") else evil)
            found[kind].pop()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted((folder / "bundle").rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder / "bundle"))
    write("bundle_zip", "b.zip", packed.getvalue())
    plans = {
        "dataset_name": "Dataset001_X", "transpose_forward": [0, 1, 2], "transpose_backward": [0, 1, 2],
        "image_reader_writer": "SimpleITKIO", "configurations": {"3d_fullres": {"patch_size": [8, 8, 8]}},
    }  # fmt: skip
    plans["configurations"]["3d_fullres"]["architecture"] = {
        "network_class_name": "os.system", "arch_kwargs": {}, "_kw_requires_import": [],
    }  # fmt: skip
    write("nnunet", "T__P__3d_fullres/plans.json", json.dumps(plans))
    write("nnunet", "T__P__3d_fullres/dataset.json", json.dumps(
        {"channel_names": {"0": "CT"}, "labels": {"background": 0, "a": 1, "b": [1, 2], "ignore": 3}}))  # fmt: skip
    write(
        "nnunet", "T__P__3d_fullres/fold_0/checkpoint_final.pth", programs.torch_saved({"x": programs.Payload(canary)})
    )
    about = {
        "factory": "net.py", "weights": "w.safetensors", "classes": ["a", "b"], "channels": ["CT"], "head": "softmax",
        "spatial_dims": 3, "divisor": 2, "function": "build", "requirements": ["monai>=1.6"], "name": "x",
    }  # fmt: skip
    write("factory", "m.model.json", json.dumps(about))
    write("factory", "net.py", "import helper, pack.a\nfrom pack import b\n" + evil)
    write("factory", "helper.py", evil)
    write("factory", "pack/__init__.py", "from . import a, b\n" + evil)
    write("factory", "pack/b.py", evil)
    write("factory", "w.safetensors", save(state))
    about = {
        "monai": "UNet", "arguments": monai_bundles.UNET | {"out_channels": 2}, "weights": "w.safetensors",
        "classes": ["a", "b"], "channels": ["CT"], "window": [16, 16, 16], "preprocessing": [CHAIN],
    }  # fmt: skip
    about["arguments"].pop("_target_")
    write("network", "m.model.json", json.dumps(about))
    write("network", "w.safetensors", save(state))
    tensor = torch.zeros(1, 1, 4, 4, 4)
    sidecar = json.dumps({
        "classes": ["a", "b"], "channels": ["CT"], "intensity": [{"range": [0, 1]}], "spacing_mm": 1.5,
        "window": {"size": [8, 8, 8], "overlap": 0.5, "mode": "gaussian"},
    })  # fmt: skip
    extra = {"metadata.json": json.dumps(metadata)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        programs.save_exported(
            write("pt2", "m.pt2", b""), network, tensor, extra={"metadata.json": json.dumps(metadata)}
        )
        programs.save_script(write("ts", "m.ts", b""), network, extra=extra)
    write("pt2", "m.model.json", sidecar)
    write("ts", "m.model.json", sidecar)
    network = {"_target_": "SegResNetDS", "in_channels": 1, "out_channels": 3, "norm": "INSTANCE_NVFUSER"}
    about = {"network": network, "roi_size": [8, 8, 8], "class_names": ["a", "b"], "modality": "CT", "sigmoid": False}
    write("auto3dseg", "m.pt", programs.torch_saved({"state_dict": state, "config": about}))
    write("auto3dseg", "labels.csv", "LabelValue,Name\n1,liver\n2,tumour\n")
    demo = Path(sys.modules["seghirescam"].__file__).parent / "demo" / "honest.safetensors"
    write("demo", "m.safetensors", demo.read_bytes())
    return found


#: where in a kind's folder the model is
SOURCES = {
    "bundle": "b", "bundle_yaml": "b", "bundle_zip": "b.zip", "nnunet": "T__P__3d_fullres", "factory": "m.model.json",
    "network": "m.model.json", "pt2": "m.pt2", "ts": "m.ts", "auto3dseg": "m.pt", "demo": "m.safetensors",
}  # fmt: skip


def changed_json(value, chance: random.Random):
    """One node of a JSON value replaced, removed, repeated, renamed or wrapped."""
    nodes = []

    def walk(item, holder, key):
        nodes.append((holder, key))
        for inner, part in (
            item.items() if isinstance(item, dict) else enumerate(item) if isinstance(item, list) else ()
        ):
            walk(part, item, inner)

    top = [value]
    walk(value, top, 0)
    holder, key = chance.choice(nodes)
    how = chance.randrange(6)
    if how <= 2:
        holder[key] = chance.choice(NASTY)
    elif how == 3 and holder is not top:
        del holder[key]
    elif how == 4:
        for _ in range(chance.choice((1, 5, 50, 90))):
            holder[key] = [holder[key]] if chance.random() < 0.5 else {"a": holder[key]}
    elif isinstance(holder, dict):
        other = chance.choice(["", "²", "_target_", "x" * 500, "\ud800", *holder])
        holder[other] = holder.pop(key)
    return top[0]


def changed_bytes(data: bytes, chance: random.Random) -> bytes:
    if not data:
        return chance.choice(CHUNKS)
    place, length = chance.randrange(len(data)), min(len(data), int(2 ** chance.uniform(0, 12)))
    how = chance.randrange(6)
    if how == 0:
        return data[:place] + bytes([chance.randrange(256)]) + data[place + 1 :]
    if how == 1:
        return data[:place] + data[place + length :]
    if how == 2:
        return data[:place] + chance.choice(CHUNKS) + data[place:]
    if how == 3:
        return data[:place] + data[place : place + length] * chance.choice((2, 10, 200)) + data[place:]
    if how == 4:
        return data[:place]
    other = chance.randrange(len(data))
    return data[:place] + data[other : other + length] + data[place + length :]


def changed_archive(data: bytes, chance: random.Random, payload: bytes) -> bytes:
    """A zip file with one member changed, renamed, added or packed otherwise; or bytes of the container itself."""
    if chance.random() < 0.25:
        return changed_bytes(data, chance)
    source, out = zipfile.ZipFile(io.BytesIO(data)), io.BytesIO()
    members = [(info.filename, source.read(info)) for info in source.infolist()]
    at = chance.randrange(len(members))
    name, content = members[at]
    root = name.partition("/")[0]
    how = chance.randrange(7)
    if how <= 1:
        members[at] = name, changed_text(name, content, chance)
    elif how == 2:
        other = chance.choice(
            [name.upper(), name + "\0x", name.replace("/", "//"), f"{root}/{chance.choice(NAMES)}", "x"]
        )
        members[at] = other, content
    elif how == 3:
        extra = chance.choice([payload, b"\0" * 3_000_000, content, b"{}", b"import os\n"])
        members.insert(chance.randrange(len(members) + 1), (f"{root}/{chance.choice(NAMES)}", extra))
    elif how == 4:
        members[at] = name, payload
    elif how == 5:
        members.append(members[at])
    else:
        members.pop(at)
    packing = chance.choice([zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w", packing) as target:
        warnings.simplefilter("ignore")
        for name, content in members:
            info = zipfile.ZipInfo(name[:60000])
            info.compress_type = packing
            target.writestr(info, content)
    return out.getvalue()


def changed_text(name, data, chance):
    if name.endswith((".json", ".yaml")) and chance.random() < 0.7:
        with contextlib.suppress(ValueError, RecursionError):  # the latter: nested by a former change
            value = changed_json(json.loads(data), chance)
            return json.dumps(value).encode("utf-8", "surrogatepass")
    return changed_bytes(data, chance)


def planted(data: bytes, canary: Path) -> bytes:
    return data.replace(b"CANARY", str(canary).encode())


def case(number: int, folder: Path, canary: Path, files: dict[str, list[Path]], payload: bytes):
    """The source of one case, written into a folder of its own."""
    chance = random.Random(SEED * 1_000_003 + number)
    kind = list(SOURCES)[number % len(SOURCES)]
    place = folder / "case"
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(folder / "corpus" / kind, place)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        path = place / chance.choice(files[kind]).relative_to(folder / "corpus" / kind)
        data = path.read_bytes()
        if zipfile.is_zipfile(io.BytesIO(data)):
            with contextlib.suppress(Exception):  # changed before beyond what can be taken apart
                data = changed_archive(data, chance, payload)
        else:
            data = changed_text(path.name, data, chance)
        path.write_bytes(planted(data, canary))
    source = place / SOURCES[kind]
    if chance.random() < 0.1 and source.suffix == ".json":  # as the worker's client sends it
        with contextlib.suppress(ValueError, AttributeError, TypeError):
            found = json.loads(source.read_text(encoding="utf-8", errors="surrogateescape"))
            found = {str(k): v for k, v in found.items()}
            for key in ("factory", "weights"):
                if isinstance(found.get(key), str):
                    found[key] = str(place / found[key])
            return kind, found
    if kind == "nnunet" and chance.random() < 0.3:
        return kind, {
            "nnunet": str(source),
            chance.choice(["folds", "checkpoint", "mirroring", "x"]): chance.choice(NASTY),
        }
    return kind, source


def asked(source, chance: random.Random) -> str:
    """Everything that is asked of a model before a yes, and what opening answers without one. How it ended."""
    from seghirescam.models import recognise
    from seghirescam.models.description import description, stamp
    from seghirescam.models.programs import exported
    from seghirescam.protocol.errors import SegHiResCamError
    from seghirescam.protocol.messages import line
    from seghirescam.protocol.privacy import Names

    try:
        kind = recognise(source)
    except SegHiResCamError as error:
        line(Names().hide_in(error.to_json()))
        return "unknown"
    ended = kind.name
    questions = [kind.requirements, kind.runs_author_code, kind.classes, description, lambda s: stamp(kind, s)]
    questions += [getattr(kind, name) for name in ("channels", "consent_hash", "files") if hasattr(kind, name)]
    for ask in questions:
        try:
            told = ask(source)
            line({"told": told if isinstance(told, dict) else str(told)})
        except SegHiResCamError as error:
            text = line(Names().hide_in(error.to_json()))
            assert len(text) < 20_000 and "\n" not in error.sentence, f"{len(text)} bytes of error"
            ended = f"{kind.name} refused"
    if kind.name in ("exported", "torchscript", "factory"):
        for consent in (False, "0" * 64):
            try:
                kind.open(source, consent=consent)
                raise AssertionError("it opened without a yes")
            except SegHiResCamError:
                pass
    if kind.name == "exported" and chance.random() < 0.3:
        # even after a yes: what torch gets holds nothing of the file's that it could unpickle
        with contextlib.suppress(SegHiResCamError):
            content = exported.content_of(source)
            exported._loaded(exported._copy(exported.opened(content, "m.pt2", whole=True), content, "m.pt2"), "m.pt2")
    return ended


def main(folder: Path, first: int, last: int) -> dict:
    import seghirescam  # noqa: F401
    from engine import programs

    canary = folder / "canary"
    files = corpus(folder / "corpus", canary)
    payload = programs.torch_saved((programs.Payload(canary),))
    for kind, name in SOURCES.items():  # what is imported once is not a case's
        asked(folder / "corpus" / kind / name, random.Random(0))
    assert not canary.exists(), "a corpus ran"
    idle = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    faults, ended, dearest = [], {}, [0.0, -1]
    for number in range(first, last):
        kind, source = case(number, folder, canary, files, payload)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started = time.process_time()
        try:
            how = asked(source, random.Random(number))
        except BaseException as error:
            how = "fault"
            where = traceback.extract_tb(error.__traceback__)[-1]
            faults.append(f"{number} {kind}: {type(error).__name__}: {str(error)[:200]} at {where.name}:{where.lineno}")
            print(faults[-1], file=sys.stderr, flush=True)
        seconds = time.process_time() - started
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - max(before, idle)) / 1024
        ended[how] = ended.get(how, 0) + 1
        dearest = max(dearest, [seconds, number])
        if seconds > 2 or grown > 200:
            faults.append(f"{number} {kind}: {seconds:.1f} s, {grown:.0f} MB")
        if canary.exists():
            canary.unlink()
            faults.append(f"{number} {kind}: code ran")
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - idle) / 1024
    return {"faults": faults, "ended": ended, "dearest": dearest, "peak_mb": peak}


if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[1])
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    warnings.simplefilter("ignore")
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
