"""What goes wrong around the panel: it says so in a sentence, stays usable, and leaves nothing behind."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import slicer
from engine.workers import cancelled_in_time
from SegHiResGradCAMLib import exportOverlay
from SegHiResGradCAMLib.setup.Dependencies import Dependencies
from stage.builders import addSegmentation, addVolume
from stage.gui import choose, click, events, typeText
from stage.panel import MODULE, Panel, writeModel

ROOT = MODULE.parents[1]
#: what is promised, and a margin for a busy machine
CANCEL_SECONDS = 2.0 + 1.0


@pytest.fixture
def panel(stageScene):
    opened = Panel()
    yield opened
    opened.close()


@pytest.fixture
def case(stageScene):
    """A small volume and a segment 'lesion', under names that must not get out."""
    values = np.random.default_rng(1).normal(100, 20, (24, 24, 24)).astype(np.float32)
    volume = addVolume(values, np.diag([2.0, 2.0, 2.0, 1.0]), "DOE^JANE 1970-01-01")
    mask = np.zeros(values.shape, dtype=bool)
    mask[8:16, 8:16, 8:16] = True
    segmentation = addSegmentation(volume, lesion=mask)
    segmentation.SetName("DOE^JANE segments")
    return volume, segmentation


def ask(panel, case, model):
    """The case and the model in the panel, consent given, ready to apply."""
    panel.widget.ask = lambda question: True
    panel.ui.volumeSelector.setCurrentNode(case[0])
    panel.presenter.pick(segmentation=case[1], segmentId="lesion")
    panel.chooseModelFile(model)
    assert panel.ui.classComboBox.currentText == "lesion", panel.ui.errorLabel.text
    assert panel.ui.applyButton.enabled, panel.ui.statusLabel.text


def nodes():
    return {node.GetID() for node in slicer.mrmlScene.GetNodes()}


def isAlive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not (state.exists() and state.read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] == "Z")


def untilGone(pid):
    events.waitUntil(lambda: not isAlive(pid), 10_000, "the worker is gone")


def test_a_model_with_code_is_asked_for_once_and_no_is_respected(panel, case, tmp_path):
    canary = tmp_path / "ran"
    model = writeModel(tmp_path / "model", extra=f"open({str(canary)!r}, 'w').close()")
    ask(panel, case, model)
    questions = []
    panel.widget.ask = lambda question: bool(questions.append(question))
    panel.applyAndWait()
    assert "not agreed to" in panel.ui.errorLabel.text and not canary.exists()
    assert "net.py" in questions[0] and str(tmp_path) not in questions[0]
    panel.widget.ask = lambda question: not questions.append(question)
    panel.applyAndWait()
    assert panel.ui.errorLabel.text == "" and canary.exists() and len(questions) == 2
    panel.applyAndWait()
    assert len(questions) == 2
    # changed content is asked for again
    source = model.with_name("net.py")
    source.write_text(source.read_text() + "\n# changed\n")
    panel.widget.ask = lambda question: bool(questions.append(question))
    panel.applyAndWait()  # the worker refuses: this is not what was agreed to
    assert panel.ui.errorLabel.text != ""
    panel.applyAndWait()
    assert len(questions) == 3 and "not agreed to" in panel.ui.errorLabel.text


def test_the_path_field_follows_the_model_and_not_every_letter(panel, case, tmp_path):
    model = writeModel(tmp_path / "model")
    ask(panel, case, model)
    assert panel.ui.modelComboBox.currentText == "small.model.json"
    typeText(panel.ui.modelPathLineEdit, str(tmp_path))  # a folder on the way to a file
    assert panel.ui.modelComboBox.currentText == "small.model.json" and panel.ui.modelComboBox.count == 3
    assert panel.ui.modelPathLineEdit.currentPath == str(tmp_path)
    panel.chooseModel("Demo network: shortcut")
    assert panel.ui.modelPathLineEdit.currentPath == ""
    panel.chooseModel("small.model.json")
    assert panel.ui.modelPathLineEdit.currentPath == str(model)


def test_a_path_that_names_nothing_is_said_and_nothing_is_asked_until_it_is_mended(panel, case, tmp_path):
    model = writeModel(tmp_path / "model")
    ask(panel, case, model)
    typeText(panel.ui.modelPathLineEdit, str(model)[:-5] + "x.json")
    assert not panel.ui.applyButton.enabled and not panel.ui.predictButton.enabled
    assert panel.ui.statusLabel.text == panel.ui.modelTextLabel.text
    assert panel.ui.statusLabel.text.startswith("There is no file or folder at the typed path")
    assert panel.ui.modelPathLineEdit.currentPath == str(model)[:-5] + "x.json"  # what was typed stays
    typeText(panel.ui.modelPathLineEdit, str(model))
    panel.waitIdle()
    assert panel.ui.applyButton.enabled and "2 classes" in panel.ui.modelTextLabel.text
    typeText(panel.ui.modelPathLineEdit, "nowhere")
    assert not panel.ui.applyButton.enabled
    panel.chooseModel("small.model.json")  # the same model, from the list
    assert panel.ui.applyButton.enabled and panel.ui.modelPathLineEdit.currentPath == str(model)
    panel.ui.modelPathLineEdit.currentPath = ""
    events.wait(50)
    assert panel.ui.applyButton.enabled and panel.ui.modelPathLineEdit.currentPath == ""


def test_unattended_the_answer_is_no(panel, case, tmp_path):
    ask(panel, case, writeModel(tmp_path / "model"))
    del panel.widget.ask
    panel.applyAndWait()
    assert "not agreed to" in panel.ui.errorLabel.text and len(panel.results) == 0


def test_cancel_ends_a_running_pass_and_the_scene_is_unchanged(panel, case, tmp_path):
    ask(panel, case, writeModel(tmp_path / "model", waits=300))
    before = nodes()

    def attempt():
        panel.apply()
        panel.waitComputing()
        started = time.monotonic()
        panel.apply()
        panel.waitIdle()
        return time.monotonic() - started

    assert cancelled_in_time(attempt)
    assert "Cancelled" in panel.ui.statusLabel.text and nodes() == before
    assert panel.ui.applyButton.enabled and panel.ui.inputsSection.enabled


def test_a_killed_worker_is_told_and_the_next_apply_starts_another(panel, case, tmp_path):
    model = writeModel(tmp_path / "model", waits=300)
    ask(panel, case, model)
    before = nodes()
    panel.apply()
    panel.waitComputing()
    os.kill(panel.workerPid(), signal.SIGKILL)
    panel.waitIdle()
    assert "ended" in panel.ui.errorLabel.text and "Traceback" not in panel.ui.errorLabel.text
    assert nodes() == before
    writeModel(tmp_path / "model", waits=0)  # other content: described and agreed to anew
    panel.chooseModelFile(model)
    panel.applyAndWait()
    if panel.ui.errorLabel.text:  # the code that was agreed to is another one
        panel.applyAndWait()
    assert panel.ui.errorLabel.text == "" and len(panel.results) == 1


def test_a_worker_that_prints_garbage_is_given_up(panel, case, tmp_path, monkeypatch):
    fake = tmp_path / "garbage.py"
    fake.write_text("import sys\nprint('{\"hello\": 3}\\nnonsense')\nsys.exit('it broke here')\n")
    client = sys.modules["SegHiResGradCAM"].WorkerClient
    monkeypatch.setattr(
        sys.modules["SegHiResGradCAM"], "WorkerClient", lambda s, p, **k: client(s, [sys.executable, str(fake)], **k)
    )
    panel.ui.volumeSelector.setCurrentNode(case[0])
    panel.chooseModel("Demo network: shortcut")
    assert "ended unexpectedly" in panel.ui.errorLabel.text
    assert "it broke here" in panel.ui.detailsText.plainText and panel.ui.detailsButton.collapsed
    assert panel.ui.inputsSection.enabled


def test_closing_the_scene_ends_the_worker_and_leaves_a_usable_panel(panel, case, tmp_path):
    ask(panel, case, writeModel(tmp_path / "model", waits=300))
    panel.apply()
    panel.waitComputing()
    pid = panel.workerPid()
    slicer.mrmlScene.Clear(0)
    untilGone(pid)
    events.wait(100)
    assert not panel.presenter.busy and panel.ui.statusLabel.text == "Choose a volume."
    assert panel.ui.demoButton.isVisible()
    panel.openDemo()
    panel.applyAndWait()
    assert panel.ui.errorLabel.text == "" and len(panel.results) == 1


def test_deleting_the_volume_stops_the_question(panel, case, tmp_path):
    ask(panel, case, writeModel(tmp_path / "model", waits=300))
    panel.apply()
    panel.waitComputing()
    pid = panel.workerPid()
    slicer.mrmlScene.RemoveNode(case[0])
    untilGone(pid)
    panel.waitIdle()
    assert "removed" in panel.ui.errorLabel.text
    assert panel.ui.volumeSelector.currentNode() is None and not panel.ui.applyButton.enabled
    assert not any(node.IsA("vtkMRMLScalarVolumeNode") for node in slicer.mrmlScene.GetNodes())


def test_reloading_the_module_ends_the_worker_and_keeps_the_question(panel, case, tmp_path):
    ask(panel, case, writeModel(tmp_path / "model", waits=300))
    panel.apply()
    panel.waitComputing()
    pid = panel.workerPid()
    panel.loaded.close()
    untilGone(pid)
    panel.loaded = type(panel.loaded)(MODULE)
    panel.widget = panel.loaded.widget()
    assert panel.ui.volumeSelector.currentNode() is case[0]
    assert panel.ui.classComboBox.currentText == "lesion" and panel.ui.applyButton.enabled


def test_reload_in_the_panel_itself_works(panel, case, tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] in ("SegHiResGradCAMLib", "seghirescam")]:
        monkeypatch.setitem(sys.modules, name, sys.modules[name])  # other tests go on with the modules they know
    ask(panel, case, writeModel(tmp_path / "model", waits=300))
    panel.apply()
    panel.waitComputing()
    pid, former = panel.workerPid(), panel.widget
    former.onReload()
    untilGone(pid)
    panel.widget = slicer.util.getModuleWidget("SegHiResGradCAM")
    assert panel.widget is not former and type(panel.presenter) is not type(former.presenter)
    assert panel.ui.volumeSelector.currentNode() is case[0] and panel.ui.applyButton.enabled


def test_leaving_the_module_lets_a_question_end_and_then_frees_the_worker(panel, case, tmp_path):
    ask(panel, case, writeModel(tmp_path / "model", waits=10))
    panel.apply()
    panel.waitComputing()
    pid = panel.workerPid()
    panel.loaded.exit()
    assert panel.presenter.busy
    panel.waitIdle()
    untilGone(pid)
    panel.loaded.enter()
    assert len(panel.results) == 1


def test_a_model_file_that_vanishes_is_named(panel, case, tmp_path):
    model = writeModel(tmp_path / "model")
    ask(panel, case, model)
    model.with_name("weights.safetensors").unlink()
    panel.applyAndWait()
    assert "weights.safetensors" in panel.ui.errorLabel.text and str(tmp_path) not in panel.ui.errorLabel.text
    panel.chooseModel("Demo network: shortcut")
    assert panel.ui.errorLabel.text == ""


def test_a_full_disk_for_the_arrays_is_one_sentence(panel, case, tmp_path, monkeypatch):
    ask(panel, case, writeModel(tmp_path / "model"))

    def full(*words, **named):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("SegHiResGradCAMLib.worker.WorkerFolder.npy_pieces", full)
    before = nodes()
    panel.applyAndWait()
    assert "No space left on device" in panel.ui.errorLabel.text and nodes() == before
    monkeypatch.undo()
    panel.applyAndWait()
    assert panel.ui.errorLabel.text == "" and len(panel.results) == 1


def test_an_empty_segment_is_refused_before_anything_runs(panel, case, tmp_path):
    ask(panel, case, writeModel(tmp_path / "model"))
    case[1].GetSegmentation().AddEmptySegment("nothing", "Lesion")
    panel.presenter.pick(segmentId="nothing")
    panel.applyAndWait()
    assert panel.ui.errorLabel.text.startswith("The segment 'Lesion' is empty.")


def test_a_patients_name_gets_nowhere(panel, case, tmp_path):
    folder = tmp_path / "DOE^JANE"
    model = writeModel(folder)
    ask(panel, case, model)
    panel.applyAndWait()
    assert panel.ui.errorLabel.text == ""
    client = panel.presenter.engine._client
    voxels, sidecar = exportOverlay(panel.node, tmp_path / "map.nrrd")
    texts = [sidecar.read_text(), "\n".join(client.log), panel.ui.factsText.plainText, panel.node.GetName()]
    texts += [panel.node.GetAttribute(name) for name in panel.node.GetAttributeNames()]
    texts += [voxels.read_bytes().decode("latin-1")]
    texts.append(json.dumps([list(panel.presenter.parameters.parameterNode.GetParameterNames())]))
    parameterNode = panel.presenter.parameters.parameterNode
    texts += [parameterNode.GetParameter(name) for name in parameterNode.GetParameterNames()]
    folder.joinpath("weights.safetensors").write_bytes(b"broken")
    panel.applyAndWait()
    assert panel.ui.errorLabel.text
    texts += [panel.ui.errorLabel.text, panel.ui.detailsText.plainText, "\n".join(client.log)]
    for text in texts:
        assert "DOE" not in text and "JANE" not in text and str(tmp_path) not in text


def test_missing_packages_are_offered_not_installed(panel, monkeypatch):
    missing = Dependencies("torch>=2.10", ("safetensors>=0.5",), "PyTorch 2.10 or later is needed.", True)
    monkeypatch.setattr(panel.presenter, "examine", lambda requirements=(): missing)
    panel.chooseModel("Demo network: shortcut")
    assert panel.ui.installLabel.text == missing.sentence and panel.ui.installButton.isVisible()
    assert panel.presenter.engine.hello is None
    click(panel.ui.installButton)  # nobody is there to say yes
    assert "Nothing was installed" in panel.ui.errorLabel.text and panel.ui.inputsSection.enabled
    choose(panel.ui.modelComboBox, "Demo network: honest")
    assert panel.ui.modelComboBox.currentText == "Demo network: honest"


def test_the_module_file_loads_no_torch_and_nothing_but_its_packages():
    script = f"""
import sys
sys.path[:0] = [{str(ROOT / "SegHiResGradCAM")!r}, {str(ROOT / "Testing")!r}]
import stage.gui
before = set(sys.modules)
from stage.gui import loadModule
loaded = loadModule({str(MODULE)!r})
container = loaded.widgetRepresentation()
assert loaded.module.__file__ == {str(MODULE)!r}
assert container.self().presenter.engine.hello is None
new = {{name.split('.')[0] for name in set(sys.modules) - before}}
import json, os
print(json.dumps(sorted(name for name in new if name not in sys.stdlib_module_names)))
sys.stdout.flush()
os._exit(0)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    ours = {"SegHiResGradCAM", "SegHiResGradCAMLib", "SegHiResGradCAMSubjectHierarchyPlugin", "seghirescam"}
    assert set(json.loads(done.stdout)) <= ours | {"vtk", "packaging"}  # both are part of Slicer
