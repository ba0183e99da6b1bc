"""Operations on files are found in TorchScript code however it is written; what torch really runs is the measure."""

import io
import zipfile

import pytest
import torch
from torch import nn

from engine import programs
from seghirescam.models.programs import torchscript, torchscript_scan
from seghirescam.protocol.errors import ModelError

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")

HIDDEN = {
    "a space": "torch. save(x, path)",
    "another": "torch .save(x, path)",
    "joined lines": "torch.\\\n    save(x, path)",
    "a remark": "(torch. # only\n  save)(x, path)",
    "ops": "ops.aten.save(x, path)",
    "form feed": "torch.\x0csave(x, path)",
    "its name": "f = torch.save\n    _0 = f(x, path)",
    "torch's name": "t = torch\n    _0 = t.save(x, path)",
    "ops' name": "o = ops.aten\n    _0 = o.save(x, path)",
    "brackets": "(torch).save(x, path)",
    "by getattr": 'getattr(torch, "save")(x, path)',
    "after a number": "_1 = 1.\n    torch.save(x, path)",
    "after a hexadecimal": "_1 = 0x1.\n    torch.save(x, path)",
    "after a text": "_1 = '''a\\'''' + \"#\"\n    torch.save(x, path)",
    "after dots": "_1 = x[...]\n    torch.save(x, path)",
    "capitals": "torch.save(x, path)",
}


class Writes(nn.Module):
    def __init__(self, path: str):
        super().__init__()
        self.conv, self.path = nn.Conv3d(1, 2, 1), path

    def forward(self, x):
        torch.save(x, self.path)
        return self.conv(x)


@pytest.mark.parametrize("how", HIDDEN)
def test_no_way_of_writing_hides_an_operation_on_files(tmp_path, how):
    canary = tmp_path / "canary"
    path = programs.save_script(tmp_path / "a.ts", Writes(str(canary)).eval())
    written = zipfile.ZipFile(io.BytesIO(path.read_bytes()))
    with zipfile.ZipFile(path, "w") as target:
        for name in written.namelist():
            data = written.read(name)
            if name.endswith("/code/__torch__.py"):
                data = data.replace(b"torch.save(x, path)", HIDDEN[how].encode())
            if not name.endswith(".debug_pkl"):
                target.writestr(name.replace("/code/", "/CODE/") if how == "capitals" else name, data)
    for ask in (torchscript.KIND.runs_author_code, lambda p: torchscript.KIND.open(p, consent=True)):
        with pytest.raises(ModelError, match=r"reads or writes files.* It was not opened\."):
            ask(path)
    assert not canary.exists()
    torch.jit.load(io.BytesIO(path.read_bytes()))(torch.zeros(1, 1, 4, 4, 4))
    assert canary.exists()  # torch takes it for what it is


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("x = self.save(torch.relu(y)).torch.load  # torch.save(x)", []),
        ("s = 'torch.save(x)' + \"ops\"", []),
        ("a = ops.prim.NumToTensor(torch.size(x, 2))", []),
        ("import __torch__.torch.save", []),
        ("ops.image.read_file(p)", ["the library 'image'"]),
        ("a = [ops.aten]", ["'ops' under another name"]),
        ("x = ops.aten.from_file", ["'from_file'"]),
        ("'unfinished\ntorch.load", ["a text without an end", "'load'"]),
        ("x.1.\ntorch.save; a1.torch.save; y . torch . save", ["'save'"]),
        ("'a\\'#' + torch.load  # '", ["'load'"]),
    ],
)
def test_words_are_told_from_texts_and_remarks(code, found):
    assert list(torchscript_scan.suspicious(code.encode())) == found


def test_code_under_any_capitals_is_looked_at_and_too_much_of_it_is_refused(tmp_path):
    path = programs.save_script(tmp_path / "a.ts", nn.Conv3d(1, 2, 1).eval())
    programs.added(path, "a/CODE/more.py", b"# torch.save\n" + b"x" * 3_000_001)
    with pytest.raises(ModelError, match="damaged"):
        torchscript.KIND.runs_author_code(path)
