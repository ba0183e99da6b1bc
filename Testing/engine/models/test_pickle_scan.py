"""What a program file would import is read off its bytes; nothing of it runs, and nothing hides."""

import contextlib
import hashlib
import io
import json
import os
import pickle
import zipfile

import pytest
import torch
from torch import nn

from engine import programs
from seghirescam.models.weights import pickle_scan
from seghirescam.models.weights.pickle_scan import UNRESOLVED, named_globals, scan
from seghirescam.protocol.errors import ModelError


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The bytes of two honest programs: fixed sizes, and sizes that are multiples of 2."""
    folder = tmp_path_factory.mktemp("programs")
    network = nn.Sequential(nn.Conv3d(1, 2, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool3d(2)).eval()
    tensor = torch.zeros(1, 1, 8, 8, 8)
    path = folder / "archive.pt2"  # the stem becomes the folder inside
    fixed = programs.save_exported(path, network, tensor, extra={"model.json": "{}"}).read_bytes()
    return {"fixed": fixed, "free": programs.save_exported(path, network, tensor, multiple=2).read_bytes()}


@pytest.fixture
def file(tmp_path, whole):
    path = tmp_path / "program.pt2"
    path.write_bytes(whole["fixed"])
    return path


def canary_of(path):
    return path.with_name("canary")


def refused(path, match):
    with pytest.raises(ModelError, match=match) as caught:
        scan(path.read_bytes(), path.name)
    assert "was not opened" in str(caught.value) or "damaged" in str(caught.value)
    assert str(path.parent) not in str(caught.value)


@pytest.mark.parametrize("protocol", range(6))
def test_globals_are_named_in_every_protocol(tmp_path, protocol):
    data = pickle.dumps([programs.Payload(tmp_path / "canary"), {"a": hashlib.sha256}, "os", "system"], protocol)
    name = f"{os.system.__module__}.system"
    assert name in named_globals(data)
    assert "_hashlib.openssl_sha256" in named_globals(data)
    assert not (tmp_path / "canary").exists()


def test_names_that_come_from_the_memo_are_seen(tmp_path):
    data = programs.memoised(tmp_path / "canary")
    assert named_globals(data) == {"posix.system"}
    assert not (tmp_path / "canary").exists()
    pickle.loads(data)  # it is a real one
    assert (tmp_path / "canary").exists()


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"\x80\x04\x8c\x02os\x94h\x00h\x00\x93.", {"os.os"}),
        (b"\x80\x04\x8c\x02os\x8c\x01ah\x07\x93.", {UNRESOLVED}),  # from an empty place of the memo
        (b"\x80\x04]\x8c\x01a\x93.", {UNRESOLVED}),  # a list is no name
        (b"\x80\x04\x8c\x01a2\x93.", {"a.a"}),  # duplicated
        (b"\x80\x02\x82\x01.", {UNRESOLVED}),  # from the registry of extensions
        (b"(ios\nsystem\n.", {"os.system"}),
        (b"\x80\x02cos\nsystem\n.", {"os.system"}),
        (b"\x80\x04(\x8c\x01x\x8c\x01y1\x8c\x02os\x8c\x06system\x93.", {"os.system"}),  # POP_MARK
        (b"\x80\x04\x8c\x02osp7\n0g7\n\x8c\x06system\x93.", {"os.system"}),  # PUT and GET
    ],
)  # fmt: skip
def test_stack_and_memo_are_followed(data, found):
    assert named_globals(data) == found


def test_what_is_no_pickle_or_more_than_one_is_refused():
    for data in (b"", b"hello", pickle.dumps(1) + pickle.dumps(2), pickle.dumps(1)[:-1]):
        with pytest.raises(ValueError):
            named_globals(data)


def test_what_torch_writes_passes(whole):
    for content in whole.values():
        scan(content, "program.pt2")


@pytest.mark.parametrize("where", ["sample_inputs/model.pt", "weights/weight_0"])
@pytest.mark.parametrize("how", ["saved", "memoised", "nested"])
def test_a_payload_is_named_and_does_not_run(file, where, how):
    data = programs.torch_saved((programs.Payload(canary_of(file)),))
    if how == "memoised":
        inner = io.BytesIO(programs.torch_saved(()))
        data = _with_member(inner, "archive/data.pkl", programs.memoised(canary_of(file)))
    if how == "nested":
        outer = io.BytesIO()
        with zipfile.ZipFile(outer, "w") as archive:
            archive.writestr("archive/other", data)
        data = outer.getvalue()

    def change(name, old):
        if name.endswith("model_weights_config.json") and "weights" in where:
            return old.replace(b'"use_pickle": false', b'"use_pickle": true')
        return data if name.endswith(where) else old

    programs.rewritten(file, change)
    refused(file, r"posix\.system")
    assert not canary_of(file).exists()


def _with_member(buffer, name, data):
    source, out = zipfile.ZipFile(buffer), io.BytesIO()
    with zipfile.ZipFile(out, "w") as target:
        for member in source.namelist():
            target.writestr(member, data if member == name else source.read(member))
    return out.getvalue()


def test_a_payload_in_torch_s_old_format_or_under_the_name_of_a_text_does_not_hide(file):
    programs.added(file, "archive/data/sample_inputs/other", programs.memoised(canary_of(file)))
    refused(file, r"posix\.system \(other\)")

    def change(name, old):
        if not name.endswith("model_weights_config.json"):
            return old
        table = json.loads(old)
        first = next(iter(table["config"].values()))
        first.update(path_name="version.json", use_pickle=True)
        return json.dumps(table).encode()

    programs.rewritten(file, change)
    programs.added(file, "archive/data/weights/version.json", programs.memoised(canary_of(file)))
    refused(file, r"posix\.system \(version\.json\)")
    assert not canary_of(file).exists()


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ('"target": "torch.ops.aten.relu_.default"', '"target": "torch.hub.load"', r"the operator 'torch\.hub\.load'"),
        ('"target": "torch.ops.aten.relu_.default"', '"target": "torch.ops.load_library"', "the operator"),
        ('"target": "torch.ops.aten.relu_.default"', '"target": "torch.ops.aten.from_file.default"', "the operator"),
        ('"target": "torch.ops.aten.relu_.default"', '"target": "_operator.attrgetter"', "the operator"),
        ('"target": "torch.ops.aten.relu_.default"', '"target": "torch.ops.aten.__class__.mro"', "the operator"),
        ("Mul(Integer(2), ", "__import__('os').system('touch x') or Mul(Integer(2), ", "the expression"),
        ("Mul(Integer(2), ", "exec('1') or Mul(Integer(2), ", "the expression"),
        ("Mul(Integer(2), ", "Mul((1).__class__, ", "the expression"),
        ('"name": "relu_"', '"name": "relu_): print(1)"', "the name"),
    ],
)  # fmt: skip
def test_graphs_that_name_more_than_operations_and_sizes_are_refused(file, whole, old, new, match):
    file.write_bytes(whole["free"])
    programs.rewritten(
        file, lambda name, data: data.replace(old.encode(), new.encode()) if "/models/" in name else data
    )
    assert file.read_bytes() != whole["free"]
    refused(file, match)


def test_machine_code_and_unknown_bytes_are_refused(file):
    programs.added(file, "archive/data/aotinductor/model/code.so", b"\x7fELF")
    programs.added(file, "archive/data/constants/opaque", b"\x00\x01\x02")
    refused(file, r"bytes that are no numbers, text or pickle \(opaque\).*machine code \(code\.so\)")


def test_files_that_two_readers_could_see_in_two_ways_are_refused(file, whole):
    content = whole["fixed"]
    file.write_bytes(b"#!/bin/sh\n" + content)
    refused(file, "damaged")
    file.write_bytes(content)
    with pytest.warns(UserWarning, match="Duplicate"):
        programs.added(file, "archive/models/model.json", b"{}")
    refused(file, "damaged")
    file.write_bytes(content)
    with zipfile.ZipFile(file, "a") as archive:
        archive.comment = b"PK"
    refused(file, "damaged")


def test_a_small_file_that_unpacks_to_a_huge_one_is_refused(file):
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("archive/data/other", b"0" * 50_000_000, zipfile.ZIP_DEFLATED)
    refused(file, "damaged")


def test_zip_files_too_deep_are_refused(file):
    data = programs.torch_saved((1,))
    for _ in range(5):
        outer = io.BytesIO()
        with zipfile.ZipFile(outer, "w") as archive:
            archive.writestr("archive/inner", data)
        data = outer.getvalue()
    programs.added(file, "archive/data/other", data)
    refused(file, "zip files within zip files")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.99])
def test_truncated_files_say_so_with_their_size(file, whole, share):
    content = whole["fixed"][: int(share * len(whole["fixed"]))]
    file.write_bytes(content)
    refused(file, rf"is damaged \({len(content)} bytes, SHA-256 ")


def test_a_changed_byte_is_noticed_where_every_byte_is_checked(whole):
    content = bytearray(whole["fixed"])
    place = zipfile.ZipFile(io.BytesIO(whole["fixed"])).getinfo("archive/data/weights/weight_0").header_offset + 200
    content[place] ^= 1
    pickle_scan.opened(bytes(content), "program.pt2")
    with pytest.raises(ModelError, match="damaged"):
        pickle_scan.opened(bytes(content), "program.pt2", whole=True)


def _decoy(file, table, entry, name, payload):
    """A table that calls a member raw numbers, and that member with a payload."""
    known = {"path_name": entry, "is_param": False, "use_pickle": False, "tensor_meta": {
        "dtype": 1, "sizes": [], "requires_grad": False, "device": {"type": "cpu", "index": None}, "strides": [],
        "storage_offset": {"as_int": 0}, "layout": 7,
    }}  # fmt: skip

    def change(member, old):
        if member == name:
            return payload
        if member == table:
            return json.dumps({"config": json.loads(old)["config"] | {"decoy": known}}).encode()
        return old

    programs.rewritten(file, change)
    names = zipfile.ZipFile(file).namelist()
    if table not in names:
        programs.added(file, table, json.dumps({"config": {"decoy": known}}).encode())
    if name not in names:
        programs.added(file, name, payload)


@pytest.mark.parametrize(
    ("table", "entry", "name"),
    [
        # a table torch never reads
        ("archive/data/sample_inputs/x_weights_config.json", "model.pt", "archive/data/sample_inputs/model.pt"),
        # a way out of the table's folder
        ("archive/data/weights/model_weights_config.json", "../sample_inputs/model.pt",
         "archive/data/weights/../sample_inputs/model.pt"),
        # objects are unpickled whatever the table says
        ("archive/data/constants/model_constants_config.json", "opaque_obj_0", "archive/data/constants/opaque_obj_0"),
        # the earlier format's weights come before the table
        ("archive/data/weights/model_weights_config.json", "model.pt", "archive/data/weights/model.pt"),
    ],
)  # fmt: skip
def test_no_table_in_the_file_can_switch_the_scan_off(file, table, entry, name):
    payload = programs.memoised(canary_of(file))
    if name.endswith("sample_inputs/model.pt"):
        payload = programs.torch_saved((programs.Payload(canary_of(file)),))
    _decoy(file, table, entry, name, payload)
    refused(file, r"posix\.system|a weight that is none")
    assert not canary_of(file).exists()


def test_what_torch_gets_is_a_copy_without_the_file_s_pickles(file, monkeypatch):
    """Even with the scan off, nothing of the file is unpickled: sample inputs, objects, code of guards stay behind."""
    from seghirescam.models.programs import exported

    payload = programs.torch_saved((programs.Payload(canary_of(file)),))

    def change(name, old):
        if name.endswith("/models/model.json"):
            return json.dumps(json.loads(old) | {"guards_code": [f"open({str(canary_of(file))!r}, 'w')"]}).encode()
        return payload if "/sample_inputs/" in name else old

    programs.rewritten(file, change)
    monkeypatch.setattr(exported, "scan", lambda *words: None)
    model = exported.KIND.open(file, consent=True)
    assert model.network(torch.zeros(1, 1, 8, 8, 8)).shape == (1, 2, 4, 4, 4)
    assert not canary_of(file).exists()

    def pickled(name, old):
        if name.endswith("model_weights_config.json"):
            return old.replace(b'"use_pickle": false', b'"use_pickle": true')
        return payload if "/weights/weight_" in name else old

    programs.rewritten(file, pickled)
    with pytest.raises(ModelError, match="weights that are Python objects"):
        exported.KIND.open(file, consent=True)
    assert not canary_of(file).exists()
    with contextlib.suppress(Exception):
        torch.export.load(io.BytesIO(file.read_bytes()))
    assert canary_of(file).exists()  # torch alone runs it


def test_weights_pickled_as_tensors_are_read(file, whole):
    from seghirescam.models.programs import exported

    expected = exported.KIND.open(file, consent=True).network(torch.ones(1, 1, 8, 8, 8))
    state = torch.export.load(io.BytesIO(whole["fixed"])).state_dict

    def change(name, old):
        if name.endswith("model_weights_config.json"):
            return old.replace(b'"use_pickle": false', b'"use_pickle": true')
        if "/weights/weight_" in name:
            return programs.torch_saved(list(state.values())[int(name[-1])])
        return old

    programs.rewritten(file, change)
    scan(file.read_bytes(), file.name)
    assert torch.equal(exported.KIND.open(file, consent=True).network(torch.ones(1, 1, 8, 8, 8)), expected)


@pytest.mark.parametrize(
    "spec",
    [
        [1, {"type": "collections.defaultdict", "children_spec": [], "context": {
            "default_factory_module": "antigravity", "default_factory_name": "fly", "dict_context": []}}],
        [1, {"type": "builtins.dict", "children_spec": [],
             "context": '{"\\u005f_enum__": true, "fqn": "antigravity:x", "name": "y"}'}],
        [1, {"type": "builtins.dict", "children_spec": [], "context": '[[{"__enum__": 1}]]'}],
    ],
)  # fmt: skip
def test_shapes_that_name_a_module_to_import_are_refused(file, spec):
    def change(name, old):
        if "/models/" not in name:
            return old
        graph = json.loads(old)
        for call in graph["graph_module"]["module_call_graph"]:
            if call["signature"]:
                call["signature"]["out_spec"] = json.dumps(spec)
        return json.dumps(graph).encode()

    programs.rewritten(file, change)
    refused(file, "the shape")


def test_names_that_differ_in_capitals_only_are_refused(file):
    programs.added(file, "archive/DATA/sample_inputs/model.pt", programs.memoised(canary_of(file)))
    refused(file, "damaged")


def test_the_format_of_torch_2_7_is_read_and_its_pickles_stay_behind(file, whole):
    """Written as torch.export.save did then: three pickles and the graph, without a folder."""
    from torch._export.serde.schema import SCHEMA_VERSION
    from torch._export.serde.serialize import serialize

    from seghirescam.models.programs import exported

    program = torch.export.load(io.BytesIO(whole["fixed"]))
    parts = serialize(program)
    content = {
        "serialized_exported_program.json": parts.exported_program, "serialized_state_dict.pt": parts.state_dict,
        "serialized_constants.pt": parts.constants, "serialized_example_inputs.pt": parts.example_inputs,
        "version": ".".join(map(str, SCHEMA_VERSION)),
    }  # fmt: skip

    def written(**changed):
        with zipfile.ZipFile(file, "w") as archive:
            for name, data in content.items():
                archive.writestr(name, changed.get(name.partition(".")[0], data))

    written()
    scan(file.read_bytes(), file.name)
    tensor = torch.ones(1, 1, 8, 8, 8)
    model = exported.KIND.open(file, consent=True)
    assert torch.equal(model.network(tensor), program.module()(tensor))
    for name in ("serialized_state_dict", "serialized_constants", "serialized_example_inputs"):
        written(**{name: programs.torch_saved({"a": programs.Payload(canary_of(file))})})
        refused(file, r"posix\.system")
        with contextlib.suppress(ModelError):
            data = file.read_bytes()
            exported._loaded(exported._copy(pickle_scan.opened(data, file.name), data, file.name), file.name)
        assert not canary_of(file).exists(), name


def test_pickles_of_endless_steps_are_refused_soon(file):
    import time

    data = b"\x80\x04" + b"N0" * 5_000_000 + b"N."
    programs.rewritten(file, lambda name, old: data if "/sample_inputs/" in name else old)
    for part in range(20):
        programs.added(file, f"archive/data/other{part}", b"\x80\x04" + b"N0" * 100_000 + b"N.")
    started = time.process_time()
    refused(file, "bytes that are no numbers, text or pickle")
    assert time.process_time() - started < 3
