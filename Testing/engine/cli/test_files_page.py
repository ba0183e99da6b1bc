"""docs/reference/files.md against what `explain` writes: every key is told, and no key that is not there."""

import json
import re
from pathlib import Path

from engine.cli_cases import run, toy

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "files.md"


def told():
    table = PAGE.read_text(encoding="utf-8").split("<!-- sidecar:start -->")[1].split("<!-- sidecar:end -->")[0]
    return {
        key: set(re.findall(r"`(\w+)`", meaning))
        for keys, meaning in re.findall(r"^\| (`.+?`) \| (.+) \|$", table, re.M)
        for key in re.findall(r"`(\w+)`", keys)
    }


def test_the_page_tells_every_key_of_a_sidecar_and_of_the_manifest(tmp_path, capsys):
    model, image, labels = toy(tmp_path)
    words = ["--segment", f"{labels}:organ", "--class", "organ", "--layer", "down", "--consent"]
    code, _, err = run(capsys, "explain", model, "--image", image, *words, "--out", tmp_path / "why")
    assert code == 0, err
    (path,) = (tmp_path / "why").glob("01_*.json")
    facts = json.loads(path.read_text(encoding="utf-8"))
    assert set(facts) == set(told())
    for name in ("file", "grid", "layer", "evidence"):
        assert set(facts[name]) <= told()[name], name
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"`{key}`" in text for key in json.loads((tmp_path / "why" / "run.json").read_text(encoding="utf-8")))
    assert facts["format"] in text
