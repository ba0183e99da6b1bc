import vtk

from stage.scene import HeadlessScene


def test_vtk_errors_are_collected(stageScene):
    reader = vtk.vtkXMLImageDataReader()
    reader.SetFileName("/does/not/exist.vti")
    reader.Update()
    assert any("exist" in text for text in stageScene.messages.errors)
    stageScene.messages.clear()


def test_there_is_one_scene_for_each_process(stageScene):
    assert HeadlessScene.instance() is stageScene


def test_clearing_removes_what_a_test_added_and_keeps_the_colours(stageScene, mrml):
    before = mrml.GetNumberOfNodes()
    mrml.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    stageScene.clear()
    assert mrml.GetNumberOfNodes() == before
    assert mrml.GetNodeByID("vtkMRMLColorTableNodeGrey") is not None
