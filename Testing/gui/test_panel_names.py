"""A patient's name with a space, planted where hospitals put it, reaches no file, log, message or picture."""

import json
import zlib

import numpy as np
import pytest

import slicer
from SegHiResGradCAMLib import readImage, readPixelSet
from SegHiResGradCAMLib.scene.nodes.Attachments import attachedTo
from SegHiResGradCAMLib.worker.WorkerProcess import WorkerProcess
from stage.builders import addSegmentation, addVolume
from stage.gui import click
from stage.panel import MODULE, Panel, writeModel

NAME = "Zebra Quagga"


def hidden(text):
    """No part of the name, however it is written."""
    return not any(word in text.lower() for word in ("zebra", "quagga"))


@pytest.fixture
def panel(stageScene):
    opened = Panel()
    yield opened
    opened.close()


@pytest.fixture
def case(stageScene, tmp_path):
    """A volume and a segmentation called after the patient, with DICOM's attributes and files of that name."""
    values = np.random.default_rng(1).normal(100, 20, (24, 24, 24)).astype(np.float32)
    volume = addVolume(values, np.diag([2.0, 2.0, 2.0, 1.0]), f"{NAME} CT")
    mask = np.zeros(values.shape, dtype=bool)
    mask[8:16, 8:16, 8:16] = True
    segmentation = addSegmentation(volume, lesion=mask)
    segmentation.SetName(f"{NAME} segments")
    for node in (volume, segmentation):
        node.SetAttribute("DICOM.PatientName", NAME)
        node.SetDescription(NAME)
    storage = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLVolumeArchetypeStorageNode")
    storage.SetFileName(str(tmp_path / NAME / f"{NAME}.nrrd"))
    volume.SetAndObserveStorageNodeID(storage.GetID())
    return volume, segmentation


@pytest.fixture
def spoken(monkeypatch):
    """Every byte that went to the worker's stdin or came from its stdout and stderr."""
    heard, send, lines, log = [], WorkerProcess.send, WorkerProcess.lines, WorkerProcess.log

    def listening(ask):
        def take(process):
            found = ask(process)
            heard.extend(found)
            return found

        return take

    monkeypatch.setattr(WorkerProcess, "send", lambda process, line: (heard.append(line), send(process, line)))
    monkeypatch.setattr(WorkerProcess, "lines", listening(lines))
    monkeypatch.setattr(WorkerProcess, "log", listening(log))
    return heard


def test_the_name_is_in_no_file_no_log_no_message_and_no_words_of_ours(panel, case, spoken, tmp_path):
    folder = tmp_path / NAME
    model = writeModel(folder)
    panel.widget.ask = lambda question: True
    panel.widget.chooseFolder = lambda former: str(tmp_path / "out")
    (tmp_path / "out").mkdir()
    panel.ui.volumeSelector.setCurrentNode(case[0])
    panel.presenter.pick(segmentation=case[1], segmentId="lesion")
    panel.chooseModelFile(model)
    panel.applyAndWait()
    ui = panel.ui
    assert ui.errorLabel.text == ""
    panel.waitChecked()
    panel.open(ui.paintButton)
    click(ui.paintButton)
    panel.waitIdle()
    panel.waitIdle()
    panel.open(ui.segmentsButton)
    click(ui.segmentsButton)
    panel.waitIdle()
    assert ui.errorLabel.text == "" and ui.numbersLabel.text
    panel.open(ui.tableButton)
    click(ui.tableButton)
    click(ui.exportButton)
    panel.waitIdle()  # the page comes from the worker
    voxels, sidecar, page = (next((tmp_path / "out").glob(f"*{end}")) for end in (".nrrd", ".json", ".html"))
    legend = slicer.modules.colors.logic().GetColorLegendDisplayNode(panel.node)
    texts = {
        "sidecar": sidecar.read_text(encoding="utf-8"),
        "voxels": voxels.read_bytes().split(b"\n\n")[0].decode(),
        "page": page.read_text(encoding="utf-8"),
        "names of files": voxels.name + sidecar.name + page.name,
        "facts": ui.factsText.plainText + " ".join(option.tip for option in panel.presenter.desk.results.lines()),
        "status": ui.statusLabel.text,
        "tables": " ".join(path.read_text(encoding="utf-8") for path in (tmp_path / "out").glob("*.csv")),
        "what was found out": " ".join((ui.numbersLabel.text, ui.paintTextLabel.text, ui.segmentsTextLabel.text)),
        "nodes beside it": " ".join(
            " ".join([one.GetName(), *map(one.GetAttribute, one.GetAttributeNames())]) for one in attachedTo(panel.node)
        ),
        "legend": legend.GetTitleText(),
        "node": " ".join([panel.node.GetName(), *map(panel.node.GetAttribute, panel.node.GetAttributeNames())]),
    }
    folder.joinpath("weights.safetensors").write_bytes(b"broken")
    panel.applyAndWait()
    assert ui.errorLabel.text
    texts |= {"error": ui.errorLabel.text, "details": ui.detailsText.plainText}
    texts["log"] = "\n".join(panel.presenter.engine._client.log)
    for where, text in texts.items():
        assert hidden(text), where
    # what is asked may name the model's own path, and nothing else: the worker opens it there
    asked = [json.loads(line) for line in spoken if line.startswith(b'{"') and b'"do"' in line]
    assert {message["do"] for message in asked} - {"cancel"} == {
        "describe", "explain", "trust", "paint", "by_segment", "picture",
    }  # fmt: skip
    for message in asked:
        assert hidden(json.dumps({key: value for key, value in message.items() if key != "model"}))
    said = b"\n".join(line for line in spoken if b'"do"' not in line).decode("utf-8", "replace")
    assert "explanations" in said and hidden(said)


def test_the_figure_of_the_demo_says_and_holds_no_name(case, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib").use("Agg")
    from matplotlib.figure import Figure
    from matplotlib.text import Text

    monkeypatch.syspath_prepend(str(MODULE.parents[1] / "examples"))
    from demo_figure import Told, draw_honest_vs_shortcut
    from methods_figure import draw_methods_and_layers

    from seghirescam import PlainModel
    from seghirescam.session.explain import explain

    torch = pytest.importorskip("torch")
    image, pixels = readImage(case[0]), readPixelSet(case[1], "lesion", case[0])
    drawn, save = [], Figure.savefig

    def listen(figure, path, **words):
        drawn.extend(text.get_text() for text in figure.findobj(Text))
        save(figure, path, **words)
        save(figure, tmp_path / "figure.pdf")

    monkeypatch.setattr(Figure, "savefig", listen)
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Conv3d(1, 4, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv3d(4, 2, 1)).eval()
    (found,) = explain(PlainModel(network, ["rest", "lesion"]), image, pixels, class_index=1, layers=["0"])
    methods, layers, models = ("seg_hires_grad_cam", "seg_grad_cam"), ("encoder.2", "decoder.3"), ("honest", "shortcut")
    maps = {(m, method, layer): found for m in models for method in methods for layer in layers}
    regions = {"lesion": pixels, "marker": pixels}
    lesion = pixels.weights > 0
    told = [
        Told("honest", found, lesion, lesion, 0.908, 0.001),
        Told("shortcut", found, lesion, lesion & False, 0.5, 0),
    ]
    for draw, facts, words in (
        (draw_methods_and_layers, (image, regions, maps, models, methods, layers), ("Seg-Grad-CAM", "shortcut")),
        (draw_honest_vs_shortcut, (image, image, regions, told, 8.0), ("shortcut", "lesion 91 %", "marker 0 %")),
    ):
        drawn.clear()
        draw(tmp_path / "figure.png", *facts)
        texts = " ".join(drawn)
        assert all(word in texts for word in words)  # the texts were heard
        assert hidden(texts)
        assert hidden((tmp_path / "figure.png").read_bytes().decode("latin-1"))
        pdf = (tmp_path / "figure.pdf").read_bytes()
        assert hidden(pdf.decode("latin-1")) and hidden(unpacked(pdf))
        assert str(tmp_path) not in pdf.decode("latin-1")
    # who still draws a lesion without the marker, and who does not
    assert drawn.count("a lesion") == 2 and drawn.count("still a lesion") == drawn.count("lesion gone") == 1


def unpacked(pdf):
    """The compressed parts of a PDF in readable form."""
    found = []
    for part in pdf.split(b"stream\n")[1:]:
        try:
            found.append(zlib.decompressobj().decompress(part).decode("latin-1"))
        except zlib.error:
            pass  # the words after an "endstream"
    assert found
    return "\n".join(found)
