"""The parameter node's text is what Slicer's own wrapper writes."""

import enum
from pathlib import Path
from typing import Annotated

import numpy as np
import pytest

import slicer
from slicer.parameterNodeWrapper import Choice, Default, Maximum, Minimum, WithinRange, parameterNodeWrapper
from stage.builders import addVolume


class Method(enum.Enum):
    FIRST = "1st"
    SECOND = "2nd"


@parameterNodeWrapper
class Parameters:
    volume: slicer.vtkMRMLScalarVolumeNode
    threshold: Annotated[float, WithinRange(0, 100)] = 42.5
    share: Annotated[float, Default(0.5), Minimum(0), Maximum(1)]
    count: int
    invert: bool = True
    label: str
    color: Annotated[str, Choice(["Viridis", "Inferno"])] = "Inferno"
    method: Method
    model: Path = Path("/models/a.pt")


@pytest.fixture
def node():
    return slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")


def test_defaults_are_written_as_text_on_construction(node):
    Parameters(node)
    texts = {name: node.GetParameter(name) for name in node.GetParameterNames()}
    assert texts == {
        "volume": "",
        "threshold": "42.5",
        "share": "0.5",
        "count": "0",
        "invert": "True",
        "label": "",
        "color": "Inferno",
        "method": "FIRST",
        "model": "/models/a.pt",
    }


def test_values_come_back_in_their_types(node):
    parameters = Parameters(node)
    volume = addVolume(np.zeros((2, 2, 2)))
    parameters.volume, parameters.method, parameters.count = volume, Method.SECOND, 7
    again = Parameters(node)
    assert again.volume is volume and again.method is Method.SECOND and again.count == 7
    assert again.threshold == 42.5 and again.invert is True and again.model == Path("/models/a.pt")
    assert node.GetNodeReferenceID("volume") == volume.GetID()


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("threshold", 101, ValueError),
        ("threshold", "5", TypeError),
        ("threshold", None, ValueError),
        ("color", "Jet", ValueError),
        ("label", None, ValueError),
        ("model", "/a/text", TypeError),
    ],
)
def test_an_invalid_value_raises_and_leaves_the_node_as_it_was(node, name, value, problem):
    parameters = Parameters(node)
    before = node.GetParameter(name)
    with pytest.raises(problem):
        setattr(parameters, name, value)
    assert node.GetParameter(name) == before


def test_an_enum_name_that_no_longer_exists_raises(node):
    node.SetParameter("method", "THIRD")
    with pytest.raises(ValueError, match="THIRD"):
        Parameters(node)


def test_a_type_the_stage_does_not_have_raises_at_the_class():
    with pytest.raises(NotImplementedError, match="list"):

        @parameterNodeWrapper
        class Bad:
            values: list[int]


def test_a_name_of_the_wrapper_itself_is_refused():
    with pytest.raises(ValueError, match="reserved"):

        @parameterNodeWrapper
        class Bad:
            default: int


def test_what_is_written_past_the_wrapper_arrives_when_the_node_is_modified(node):
    first, second = Parameters(node), Parameters(node)
    seen = []
    first.AddObserver("ModifiedEvent", lambda caller, event: seen.append((first.label, second.label)))
    second.label = "new"
    assert seen == [("new", "new")]
    node.SetParameter("label", "newer")
    assert first.label == second.label == "newer"


def test_a_dropped_wrapper_leaves_no_observer(node):
    before = node.HasObserver("ModifiedEvent")
    parameters = Parameters(node)
    del parameters
    assert node.HasObserver("ModifiedEvent") == before
    node.SetParameter("label", "x")


def test_a_removed_node_reads_as_none(node):
    parameters = Parameters(node)
    parameters.volume = addVolume(np.zeros((2, 2, 2)))
    slicer.mrmlScene.RemoveNode(parameters.volume)
    assert parameters.volume is None
