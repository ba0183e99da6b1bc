"""Slicer's self-test (ctest): demo case, real panel, real worker, no network. The headless suite runs the same file."""

import os
import tempfile
import time
import unittest
from importlib import metadata

import slicer

PATIENCE_SECONDS = 300


def hasTorch():
    from SegHiResGradCAMLib.setup.Dependencies import TORCH, isInstalled

    return isInstalled(TORCH)


class SegHiResGradCAMSelfTest(unittest.TestCase):
    """Methods are independent of each other; each starts with an empty scene."""

    def setUp(self):
        slicer.mrmlScene.Clear(0)
        slicer.app.processEvents()
        self.widget = slicer.util.getModuleWidget("SegHiResGradCAM")
        self.widget.initializeParameterNode()
        self.ui, self.presenter = self.widget.ui, self.widget.presenter

    def tearDown(self):
        slicer.mrmlScene.Clear(0)
        slicer.app.processEvents()

    def waitIdle(self, busy=None):
        end = time.monotonic() + PATIENCE_SECONDS
        while busy() if busy is not None else self.presenter.busy:
            self.assertLess(time.monotonic(), end, "the worker did not answer")
            slicer.app.processEvents()
            time.sleep(0.01)
        slicer.app.processEvents()

    def openDemo(self):
        self.ui.demoButton.click()
        self.waitIdle()
        self.assertEqual(self.ui.errorLabel.text, "")
        self.assertTrue(self.ui.applyButton.enabled, self.ui.statusLabel.text)

    @unittest.skipUnless(hasTorch(), "torch is not installed")
    def test_fromTheDemoCaseToAnOverlayInASavedScene(self):
        self.openDemo()
        self.ui.applyButton.click()
        self.waitIdle()
        self.assertEqual(self.ui.errorLabel.text, "")
        node = self.presenter.desk.node
        self.assertGreater(slicer.util.arrayFromVolume(node).max(), 0)
        self.assertTrue(node.GetDisplayNode().GetApplyThreshold())
        self.ui.share95Button.click()
        lowest = node.GetDisplayNode().GetLowerThreshold()
        name = node.GetName()
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "case.mrb")
            self.assertTrue(slicer.mrmlScene.WriteToMRB(path))
            slicer.mrmlScene.Clear(0)
            slicer.app.processEvents()
            self.assertTrue(slicer.mrmlScene.ReadFromMRB(path, True))
        self.widget.initializeParameterNode()
        slicer.app.processEvents()
        again = self.presenter.desk.node
        self.assertEqual(again.GetName(), name)
        self.assertAlmostEqual(again.GetDisplayNode().GetLowerThreshold(), lowest, delta=1e-4 * lowest)
        self.assertEqual(self.ui.shareSlider.value, 95)
        self.assertEqual(self.presenter.parameters.className, "lesion")

    @unittest.skipUnless(hasTorch(), "torch is not installed")
    def test_cancelLeavesTheSceneAsItWas(self):
        self.openDemo()
        before = slicer.mrmlScene.GetNumberOfNodes()
        self.ui.applyButton.click()
        self.assertEqual(self.ui.applyButton.text, "C&ancel")
        self.ui.applyButton.click()
        self.waitIdle()
        self.assertEqual(slicer.mrmlScene.GetNumberOfNodes(), before)
        self.assertEqual(self.ui.applyButton.text, "&Apply")
        self.assertTrue(self.ui.applyButton.enabled)

    @unittest.skipUnless(hasTorch(), "torch is not installed")
    def test_theNetworksOwnPredictionBecomesASegmentThatIsExplained(self):
        self.openDemo()
        self.presenter.pick(segmentation=None, segmentId="")
        self.ui.predictButton.click()
        self.waitIdle()
        self.assertEqual(self.ui.errorLabel.text, "")
        node = self.presenter.parameters.segmentation
        segmentation = node.GetSegmentation()
        names = {segmentation.GetSegment(i).GetName(): i for i in segmentation.GetSegmentIDs()}
        self.assertNotIn("background", names)
        volume = self.presenter.parameters.volume
        mask = slicer.util.arrayFromSegmentBinaryLabelmap(node, names["lesion"], volume)
        self.assertGreater(mask.sum(), 0)
        self.assertEqual(self.presenter.parameters.className, "lesion")
        self.ui.applyButton.click()
        self.waitIdle()
        self.assertEqual(self.ui.errorLabel.text, "")
        self.assertEqual(self.presenter.engine.cost["forward_calls_now"], 0)

    @unittest.skipUnless(hasTorch(), "torch is not installed")
    def test_whetherTheMapIsTrueIsSaidBesideItAndGoesWithIt(self):
        self.openDemo()
        slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)  # made when first asked for
        before = {node.GetID() for node in slicer.mrmlScene.GetNodes()}
        self.ui.applyButton.click()
        self.waitIdle()
        self.waitIdle(lambda: self.presenter.checks.job is not None)
        self.assertIn("Completeness gap", self.ui.numbersLabel.text)
        self.presenter.paint.choose("segment:Marker")
        self.ui.paintButton.click()
        self.waitIdle()
        self.assertEqual(self.ui.errorLabel.text, "")
        self.assertIn("changes its sign", self.ui.paintTextLabel.text)
        self.ui.segmentsButton.click()
        self.waitIdle()
        self.assertEqual(self.ui.errorLabel.text, "")
        self.assertIn("Marker", [option.text.split(": ")[-1] for option in self.presenter.paint.options()])
        tables = [node for node in slicer.mrmlScene.GetNodes() if node.IsA("vtkMRMLTableNode")]
        self.assertEqual(tables[-1].GetCellText(tables[-1].GetNumberOfRows() - 1, 0), "elsewhere")
        self.ui.removeButton.click()
        slicer.app.processEvents()
        self.assertEqual({node.GetID() for node in slicer.mrmlScene.GetNodes()} - before, set())

    def test_missingTorchIsSaidAndThePanelStaysUsable(self):
        from SegHiResGradCAMLib.setup.Dependencies import NO_EXTENSION, Dependencies

        def version(name):
            raise metadata.PackageNotFoundError(name)

        examine = self.presenter.examine
        self.presenter.examine = lambda requirements=(): Dependencies.examined(
            requirements, hasPyTorchExtension=False, version=version, system="Linux", machine="x86_64"
        )
        try:
            self.ui.demoButton.click()
            self.waitIdle()
            self.assertFalse(self.ui.applyButton.enabled)
            self.assertEqual(self.ui.statusLabel.text, NO_EXTENSION)
            self.assertEqual(self.ui.installLabel.text, NO_EXTENSION)
            self.assertIsNone(self.presenter.engine.hello)
        finally:
            self.presenter.examine = examine
        self.assertTrue(self.ui.volumeSelector.enabled)
