"""``seghirescam cohort FOLDER --model M``: datasets in their published layouts, asked and written as plans."""

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest

from engine.cli_cases import run
from engine.cohort_cases import GRID, network, patient, table, tables
from engine.volume_files import PATIENT
from seghirescam.cohort.layouts import LAYOUTS, kits23
from seghirescam.cohort.layouts.as_plan import write_plan
from seghirescam.cohort.layouts.folder_plan import OPTIONS, FolderPlan, taken_words
from seghirescam.cohort.plans.expanded import expanded
from seghirescam.cohort.plans.row import PlanError
from seghirescam.io.label_maps import read_labels, write_labels

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "paper_data.md"


def touched(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")
    return folder


def prostate(folder, cases=2):
    """An nnU-Net dataset that can be read: cases with an organ and a lesion."""
    for name in ("imagesTr", "labelsTr"):
        (folder / name).mkdir(parents=True)
    for number in range(cases):
        name = patient(folder, number)
        (folder / f"{name}.nii.gz").rename(folder / "imagesTr" / f"{name}_0000.nii.gz")
        drawn = read_labels(folder / f"{name}.seg.nrrd")
        labels = drawn.layers[0]
        write_labels(folder / "labelsTr" / f"{name}.nii.gz", labels, GRID, {})
        for path in (*folder.glob("*.seg.*"), *(folder / "labelsTr").glob("*.json")):
            path.unlink()
    about = {"channel_names": {"0": "image"}, "labels": {"background": 0, "organ": 1, "lesion": 2}}
    (folder / "dataset.json").write_text(json.dumps(about | {"file_ending": ".nii.gz", "numTraining": cases}))
    return folder


def kits(folder):
    for number in (0, 10):
        touched(folder, *(f"case_{number:05d}/{name}" for name in (kits23.IMAGE, kits23.SEGMENTATION)))
    return folder


@pytest.fixture(scope="module")
def where(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    network(folder, "net0", 0), network(folder, "net1", 1)
    prostate(folder / "Dataset005_Prostate")
    return folder


def test_an_nnunet_folder_is_recognised_and_asked_as_the_plan_written_of_it(where, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(where)
    words = ["cohort", "Dataset005_Prostate", "--model", "net0.model.json", "--model", "net1.model.json"]
    answered = ["--evaluate", "none", "--consent", "--json"]
    code, out, err = run(capsys, *words, *answered, "--out", tmp_path / "run")
    told = json.loads(out)
    assert (code, told["answered"], told["failed"]) == (0, 8, 0)  # 2 cases x 2 models x 2 classes
    assert "read in the layout nnunet: it has dataset.json beside imagesTr" in err
    found = {(line["class name"], line["group"], line["pixel set"]) for line in table(tmp_path / "run")}
    assert found == {("organ", "Tr", "segment"), ("lesion", "Tr", "segment")}
    # the size that is asked about is the label's, voxel by voxel
    organs = {line["size"] for line in table(tmp_path / "run") if line["class name"] == "organ"}
    drawn = [read_labels(path).layers[0] for path in sorted((where / "Dataset005_Prostate/labelsTr").glob("*"))]
    assert sorted(map(float, organs)) == pytest.approx(sorted((one == 1).sum() * GRID.voxel_ml for one in drawn))
    assert all(line["dice"] for line in table(tmp_path / "run"))
    code, out, _ = run(capsys, *words, "--write-plan", tmp_path / "plan.csv", "--json")
    assert (code, json.loads(out)) == (0, {"file": "plan.csv", "questions": 8})
    assert run(capsys, "cohort", tmp_path / "plan.csv", *answered, "--out", tmp_path / "again")[0] == 0
    assert tables(tmp_path / "run") == tables(tmp_path / "again")
    assert PATIENT not in (tmp_path / "run" / "table.csv").read_text()


def test_a_dataset_that_was_moved_is_gone_on_with(where, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(where)
    shutil.copytree(where / "Dataset005_Prostate", tmp_path / "a")
    words = ["--model", "net0.model.json", "--class", "lesion", "--evaluate", "none", "--consent", "--json"]
    told = json.loads(run(capsys, "cohort", tmp_path / "a", *words, "--out", tmp_path / "run")[1])
    assert told["computed"] == 2
    (tmp_path / "a").rename(tmp_path / "b")
    told = json.loads(run(capsys, "cohort", tmp_path / "b", *words, "--out", tmp_path / "run")[1])
    assert (told["computed"], told["before"]) == (0, 2)


def test_the_prediction_may_be_asked_about_and_the_mask_stays_the_reference(where, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(where)
    words = ["cohort", "Dataset005_Prostate", "--model", "net0.model.json", "--class", "organ", "--consent", "--quiet"]
    words += ["--pixel-set", "predicted", "--rival", "lesion", "--score", "contrast", "--evaluate", "none"]
    assert run(capsys, *words, "--out", tmp_path / "run")[0] in (0, 3)
    lines = table(tmp_path / "run")
    assert {line["pixel set"] for line in lines if line["status"] != "failed"} == {"predicted"}
    assert {(line["reference size status"], line["rival"]) for line in lines} == {("ok", "2")}


def bids(folder, description=True):
    touched(folder, *(f"sub-0{n}/anat/sub-0{n}_{kind}.nii.gz" for n in (1, 2) for kind in ("T1w", "FLAIR")))
    return touched(folder, "dataset_description.json") if description else folder


def test_bids_is_recognised_too_and_its_words_are_options(tmp_path, capsys):
    words = ["cohort", bids(tmp_path / "ds"), "--model", "demo:honest", "--class", "lesion", "--class", "lesion"]
    code, _, err = run(capsys, *words, "--channel", "FLAIR", "--channel", "T1w", "--write-plan", tmp_path / "p.csv")
    first, second = expanded(tmp_path / "p.csv")
    assert code == 0 and "layout bids: it has dataset_description.json" in err
    assert [Path(one).name for one in first.images] == ["sub-01_FLAIR.nii.gz", "sub-01_T1w.nii.gz"]
    assert (first.target, first.pixels, first.group, second.group) == ("lesion", "predicted", "sub-01", "sub-02")


def test_a_folder_s_rows_are_its_layout_s_for_every_model(tmp_path, monkeypatch):
    kits(tmp_path / "kits")
    monkeypatch.chdir(tmp_path)
    plan = FolderPlan(Path("kits"), "kits23", ("m", "demo:honest", "m"), {"classes": ("tumor",)})
    found = list(plan.rows())
    model = str(tmp_path / "m")
    assert [(row.case, row.model) for row in found] == [
        ("case_00000", model), ("case_00010", model), ("case_00000", "demo:honest"), ("case_00010", "demo:honest"),
    ]  # fmt: skip
    assert found[:2] == list(kits23.rows(tmp_path / "kits", model=model, classes=["tumor"]))
    assert next(plan.rows_inside()).segment == "case_00000/segmentation.nii.gz"
    assert {name: list(taken_words(name)) for name in LAYOUTS} == {
        "nnunet": ["split", "classes"], "bids": ["channels", "classes", "pipeline"], "kits23": ["classes"],
        "cityscapes": ["split", "classes", "by_train_id"], "opg": ["split", "classes"],
    }  # fmt: skip
    assert {word for name in LAYOUTS for word in taken_words(name)} == set(OPTIONS)
    with pytest.raises(PlanError, match="exists already"):
        touched(tmp_path, "p.csv") and write_plan(tmp_path / "p.csv", found)


@pytest.mark.parametrize(
    "words, says",
    [
        (["kits", "--model", "m"], "does not tell its layout"),
        (["kits", "--layout", "kits", "--model", "m"], "There is no layout 'kits'"),
        (["kits", "--layout", "kits23"], "No model was named"),
        (["kits", "--layout", "kits23", "--model", "m", "--split", "val"], "kits23 takes no --split"),
        (["kits", "--layout", "kits23", "--model", "m", "--class", "liver"], "no class 'liver'"),
        (["kits", "--layout", "kits23", "--model", "m", "--pixel-set", "odd"], "There is no pixel set 'odd'"),
        (["kits", "--layout", "kits23", "--model", "m", "--pixel-set", "voxel"], "There is no pixel set 'voxel'"),
        (["both", "--model", "m"], "may be nnunet or bids"),
        (["nowhere", "--layout", "kits23", "--model", "m"], "'nowhere' is no folder"),
        (["plan.csv", "--class", "tumor"], "--class goes with a dataset's folder, and 'plan.csv' is a file"),
        (["demo:plan", "--write-plan", "x.csv"], "--write-plan goes with a dataset's folder"),
        (["sub", "--model", "m"], "does not tell its layout"),
    ],
)
def test_a_mistake_is_one_sentence_and_nothing_is_written(tmp_path, capsys, monkeypatch, words, says):
    kits(tmp_path / "kits"), bids(tmp_path / "both"), bids(tmp_path / "sub", False)
    touched(tmp_path, "both/dataset.json", "both/imagesTr/a_0000.nii.gz", "plan.csv")
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    code, out, err = run(capsys, "cohort", *words, *([] if "--write-plan" in words else ["--out", "r"]))
    assert code == 2 and says in err and not out and sorted(tmp_path.rglob("*")) == before


def test_the_how_to_page_s_commands_are_understood_as_they_stand(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kits(tmp_path / "kits23" / "dataset")
    stem = "frankfurt_000000_000294"
    touched(tmp_path / "cityscapes", f"leftImg8bit/val/frankfurt/{stem}_leftImg8bit.png")
    touched(tmp_path / "cityscapes", f"gtFine/val/frankfurt/{stem}_gtFine_labelIds.png")
    touched(tmp_path / "opg_multiclass", "test/images/image_1.jpg", "test/masks/mask_1.png")
    page = PAGE.read_text(encoding="utf-8")
    commands = re.search(r"<!-- one command each -->\n```bash\n(.*?)```", page, re.DOTALL)[1].replace("\\\n", " ")
    questions = {}
    for number, line in enumerate(commands.strip().splitlines()):
        words = shlex.split(line, comments=True)[1:]
        words[words.index("--out") :] = ["--write-plan", f"{number}.csv", "--json"]
        code, out, err = run(capsys, *words)
        assert code == 0, err
        questions[words[words.index("--layout") + 1]] = json.loads(out)["questions"]
    assert questions == {"kits23": 2, "cityscapes": 1, "opg": 32}
