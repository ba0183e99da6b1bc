"""One scene per process, emptied before each test; VTK errors and left-over nodes fail the test that made them."""

import stage  # noqa: F401  before anything imports slicer

# isort: split
import pytest

from stage.scene import HeadlessScene


@pytest.fixture(autouse=True)
def stageScene():
    """The process's HeadlessScene, empty."""
    scene = HeadlessScene.instance()
    scene.clear()
    scene.messages.clear()
    yield scene
    assert scene.messages.errors == []


@pytest.fixture
def mrml(stageScene):
    """The vtkMRMLScene."""
    return stageScene.mrml


@pytest.fixture
def nodeIds(mrml):
    """Call it for the set of (id, name) of all nodes, to see what came or went."""
    return lambda: {(node.GetID(), node.GetName()) for node in mrml.GetNodes()}
