"""The demo case without a download: nodes from the installed files, and what Slicer's Sample Data module is told."""

import hashlib
import inspect
import sys
import types
import urllib.request

import numpy as np
import pytest
import SimpleITK as sitk

import slicer
from SegHiResGradCAMLib import readImage, readPixelSet
from SegHiResGradCAMLib.scene.volumes import SampleDataSources
from SegHiResGradCAMLib.scene.volumes.SampleDataSources import loadDemoCase, registerSampleData

FIELDS = {
    "Segmentation_MasterRepresentation": "Binary labelmap",
    "Segmentation_ContainedRepresentationNames": "Binary labelmap|",
    "Segment0_ID": "Lesion",
    "Segment0_Name": "Lesion",
    "Segment0_LabelValue": "1",
    "Segment0_Layer": "0",
    "Segment0_Extent": "0 9 0 11 0 7",
    "Segment0_Color": "0.85 0.25 0.2",
    "Segment0_Tags": "|",
}


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A small case and two stand-ins for weights, in a folder whose name needs quoting in an address."""
    folder = tmp_path / "Slicer 5.12 ü"
    folder.mkdir()
    array = np.arange(8 * 12 * 10, dtype=np.int16).reshape(8, 12, 10)
    labels = np.zeros_like(array, dtype=np.uint8)
    labels[2:5, 3:7, 4:6] = 1
    for name, values, fields in (("case.nrrd", array, {}), ("case.seg.nrrd", labels, FIELDS)):
        image = sitk.GetImageFromArray(values)
        image.SetSpacing((2.0, 2.0, 2.0))
        image.SetOrigin((5.0, -6.0, 7.0))
        for key, value in fields.items():
            image.SetMetaData(key, value)
        sitk.WriteImage(image, str(folder / name))
    models = tuple(folder / f"{name}.safetensors" for name in ("honest", "shortcut"))
    for path in models:
        path.write_bytes(path.name.encode())
    monkeypatch.setattr(SampleDataSources, "VOLUME_FILE", folder / "case.nrrd")
    monkeypatch.setattr(SampleDataSources, "SEGMENTATION_FILE", folder / "case.seg.nrrd")
    monkeypatch.setattr(SampleDataSources, "MODEL_FILES", models)
    return folder


class RecordedLogic:
    """The two functions of Slicer 5.12's SampleDataLogic, with their parameters; anything else raises."""

    def __init__(self):
        self.categories, self.sources = {}, []

    def registerCustomSampleDataCategory(self, category, title):
        self.categories[category] = title

    def registerCustomSampleDataSource(
        self,
        category="Custom",
        sampleName=None,
        uris=None,
        fileNames=None,
        nodeNames=None,
        customDownloader=None,
        thumbnailFileName=None,
        loadFileTypes=None,
        loadFiles=None,
        loadFileProperties=None,
        checksums=None,
        loadFileType=None,
    ):
        self.sources.append({name: value for name, value in locals().items() if name != "self"})


@pytest.fixture
def sampleData(monkeypatch):
    logic = RecordedLogic()
    module = types.ModuleType("SampleData")
    module.SampleDataLogic = logic
    monkeypatch.setitem(sys.modules, "SampleData", module)
    return logic


def test_the_case_becomes_two_shown_nodes_on_one_grid(mrml, files):
    volume, segmentation = loadDemoCase(mrml)
    assert volume.GetName() == "Demo brain" and segmentation.GetName() == "Demo brain segments"
    assert volume.GetDisplayNode() is not None and segmentation.GetDisplayNode() is not None
    image = readImage(volume)
    assert image.array.shape == (1, 8, 12, 10)
    assert np.allclose(image.grid.ijk_to_ras[:3, 3], (-5, 6, 7))  # the file lies in LPS
    pixels = readPixelSet(segmentation, "Lesion", volume)
    assert np.array_equal(np.argwhere(pixels.weights > 0).min(axis=0), (2, 3, 4))
    assert pixels.weights.sum() == 3 * 4 * 2


def test_the_nodes_hold_no_path_of_this_machine(mrml, files):
    for node in loadDemoCase(mrml):
        assert node.GetStorageNode() is None
    assert str(files) not in slicer.util.getNode("Demo brain").__str__()


def test_a_second_load_gets_names_of_its_own(mrml, files):
    first, second = loadDemoCase(mrml), loadDemoCase(mrml)
    assert {node.GetName() for node in first}.isdisjoint({node.GetName() for node in second})


@pytest.mark.parametrize("name", ["case.nrrd", "case.seg.nrrd"])
def test_a_missing_file_is_one_sentence_and_leaves_the_scene_as_it_was(mrml, nodeIds, files, name):
    before = nodeIds()
    (files / name).unlink()
    with pytest.raises(OSError, match=f"{name} is missing"):
        loadDemoCase(mrml)
    assert nodeIds() == before


@pytest.mark.parametrize("name", ["case.nrrd", "case.seg.nrrd"])
def test_a_file_that_is_none_leaves_the_scene_as_it_was(mrml, nodeIds, files, stageScene, name):
    before = nodeIds()
    (files / name).write_text("not a nrrd file")
    with pytest.raises(OSError, match=f"{name} could not be read"):
        loadDemoCase(mrml)
    stageScene.messages.clear()  # VTK's own complaint is expected here
    assert nodeIds() == before


def test_the_sample_is_offered_with_addresses_that_need_no_network(sampleData, files, tmp_path):
    registerSampleData()
    assert sampleData.categories == {"SegHiResGradCAM": "Seg-HiRes-Grad CAM"}
    (source,) = sampleData.sources
    assert source["category"] == "SegHiResGradCAM" and source["sampleName"] == "SegHiResGradCAMDemo"
    assert source["nodeNames"] == ["Demo brain", "Demo brain segments", None, None]
    assert source["loadFileTypes"] == ["VolumeFile", "SegmentationFile", None, None]
    assert source["loadFiles"] == [True, True, False, False]
    assert all(len(source[key]) == 4 for key in ("uris", "fileNames", "checksums"))
    for uri, name, checksum in zip(source["uris"], source["fileNames"], source["checksums"], strict=True):
        assert uri.startswith("file:///")
        # what Sample Data does with an address
        copy, _ = urllib.request.urlretrieve(uri, tmp_path / name)
        assert "SHA256:" + hashlib.sha256(copy.read_bytes()).hexdigest() == checksum
        assert name.startswith("SegHiResGradCAMDemo-")
    assert source["fileNames"][1].endswith(".seg.nrrd")  # Slicer knows a segmentation by this


def test_without_the_case_nothing_is_offered(sampleData, files):
    (files / "case.seg.nrrd").unlink()
    registerSampleData()
    assert sampleData.sources == [] and sampleData.categories == {}


def test_without_the_networks_the_case_is_offered_alone(sampleData, files):
    for path in files.glob("*.safetensors"):
        path.unlink()
    registerSampleData()
    assert len(sampleData.sources[0]["uris"]) == 2


def test_the_sample_data_module_is_imported_only_when_asked_for():
    assert "import SampleData" in inspect.getsource(registerSampleData)
    assert not hasattr(SampleDataSources, "SampleData")


def test_the_thumbnail_has_the_size_sample_data_shows():
    header = SampleDataSources.THUMBNAIL_FILE.read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    assert (int.from_bytes(header[16:20]), int.from_bytes(header[20:24])) == (260, 280)


def test_the_shipped_case_loads_with_its_three_segments(mrml):
    if not SampleDataSources.VOLUME_FILE.exists():
        pytest.skip("the demo case has not been made yet")
    volume, segmentation = loadDemoCase(mrml)
    ids = segmentation.GetSegmentation().GetSegmentIDs()
    assert list(ids) == ["Lesion", "Ring", "Marker"]
    assert readPixelSet(segmentation, "Lesion", volume).weights.any()
