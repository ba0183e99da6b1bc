"""The harmless part of MONAI's expressions: the same values as MONAI's own, and nothing that calls anything."""

import pytest

from seghirescam.models.monai.bundle_config import read_as_data
from seghirescam.models.monai.bundle_expression import Dtype, NotData, calculated

VALUES = {"@a": 3, "@b::0": 4, "@names": ["x", "y", "z"], "@root": ".", "@flag": False}


@pytest.mark.parametrize(
    "text",
    ["@a + @b::0", "len(@names)", "@a / 2 if @flag else @a // 2", "@root + '/models/model.pt'", "[1, @a, 2.5]",
     "(@a, -@a)", "@a > 2 and @flag", "not @flag or @a", "@names[1]", "@names[-2:]", "{'k': @a}['k']", "None is None",
     "1 < @a <= 3", "max(@a, 7) % 4", "'y' in @names", "@names + ['w']", "2 * @names", "int(2.9)", "True"],
)  # fmt: skip
def test_values_are_those_of_python(text):
    plain = text
    for name, value in VALUES.items():
        plain = plain.replace(name, f"({value!r})")
    assert calculated(text, VALUES.__getitem__) == eval(plain)


def test_number_types_stay_words():
    found = calculated("torch.float32", VALUES.__getitem__)
    assert isinstance(found, Dtype) and found == "torch.float32"
    assert calculated("monai.utils.CommonKeys.IMAGE", VALUES.__getitem__) == "image"


@pytest.mark.parametrize(
    "text",
    ["__import__('os')", "open('x')", "@a.__class__", "().__class__.__bases__", "[x for x in @names]", "lambda: 1",
     "f'{@a}'", "@names.append(1)", "torch.load('x')", "'a' * 10**9", "9**9**9", "[1] * 99999", "(x := 1)", "import os",
     "@names.pop()", "max(*@names)", "len(obj=1)", "exec('1')", "1 +", "'%999999999d' % 1", "@names[99]", "1 / 0",
     "a" * 3000, "(" * 500 + ")" * 500, "'\\x00'.join(@names)", "getattr(@a, 'real')", "9999999 * 9999999",
     "torch.float32.__class__", "@a.to.__globals__", "b'x'", "1j", "..."],
)  # fmt: skip
def test_everything_else_is_refused(text):
    with pytest.raises(NotData):
        calculated(text, VALUES.__getitem__)


def test_references_are_followed_as_monai_follows_them():
    pytest.importorskip("monai")
    from monai.bundle import ConfigParser

    about = {
        "sizes": {"one": [8, 16], "two": "@sizes#one#1"}, "classes": 3, "list": [{"n": 5}, "@##classes"],
        "network_def": {
            "_target_": "UNet", "spatial_dims": 3, "in_channels": "@list::0::n", "out_channels": "$@classes + @list#1",
            "channels": "$@sizes::one + [@sizes#two * 2]", "strides": ["$2", "@#_x"], "_desc_": "a sentence",
        },
    }  # fmt: skip
    del about["network_def"]["strides"][1]
    about["network_def"]["strides"].append("@##out")
    about["network_def"] |= {"out": 2}
    parts = read_as_data(about)
    assert not parts.findings and not parts.faults
    parser = ConfigParser(about)
    parser.parse(True)
    for name in ("in_channels", "out_channels", "channels", "strides"):
        assert parts.network.arguments[name] == parser.get_parsed_content(f"network_def#{name}"), name


def test_a_configuration_that_explodes_is_a_fault_not_a_hang():
    about = {"a0": ["x"] * 10, **{f"a{n}": [f"@a{n - 1}"] * 10 for n in range(1, 12)}}
    parts = read_as_data(about | {"network_def": {"_target_": "UNet", "channels": "@a11"}})
    assert parts.network is None and "too large" in parts.faults[0]
    deep = []
    for _ in range(500):
        deep = [deep]
    assert read_as_data({"network_def": {"_target_": "UNet", "channels": deep}}).faults


def test_a_disabled_transform_and_the_default_foreground_function_are_data():
    chain = [{"_target_": "Flipd", "keys": "image", "_disabled_": True},
             {"_target_": "CropForegroundd", "keys": "image", "source_key": "image", "select_fn": "$lambda x: x > 0"},
             {"_target_": "Compose", "transforms": [{"_target_": "monai.transforms.Resized", "keys": "image"}]},
    ]  # fmt: skip
    parts = read_as_data(
        {"network_def": {"_target_": "UNet"}, "preprocessing": {"_target_": "Compose", "transforms": chain}}
    )
    assert [c.name for c in parts.preprocessing] == ["CropForeground", "Resize"] and not parts.findings
    assert "select_fn" not in parts.preprocessing[0].arguments
    chain[1]["select_fn"] = "$lambda x: x > 0 or __import__('os')"
    assert read_as_data({"network_def": {"_target_": "UNet"}, "preprocessing": chain}).findings
