"""What the panel offers as pixel sets stands in their forms."""

from dataclasses import dataclass

import pytest

from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.protocol.recipes import FORMS, Recipe
from SegHiResGradCAMLib.panel.question.Choices import PixelSetChoice, pixelSetChoices


@pytest.fixture
def form():
    """One that nobody but this test knows."""

    @dataclass(frozen=True, eq=False)
    class UpperHalf(Recipe):
        kind, word, title = "upper_half", "upper-half", "Upper half of the segment"
        given = "pixels"

        pixels: PixelSet

    yield UpperHalf
    del FORMS["upper_half"]


def test_a_new_form_is_offered_by_its_title(form):
    choice = pixelSetChoices()["UPPER_HALF"]
    assert (choice.value, choice.label(), choice.needsSegment) == ("upper_half", "Upper half of the segment", True)


def test_the_panel_offers_the_forms_it_offered():
    assert [(c.name, c.value, c.needsSegment) for c in PixelSetChoice] == [
        ("SEGMENT", "segment", True), ("PREDICTED", "predicted", False),
        ("SEGMENT_AND_PREDICTED", "segment_and_predicted", True), ("COMPONENT", "component", True),
        ("FALSE_POSITIVES", "false_positives", True), ("FALSE_NEGATIVES", "false_negatives", True),
        ("WHOLE_IMAGE", "whole_image", False),
    ]  # fmt: skip


def test_every_form_that_the_panel_offers_has_a_title_that_can_be_translated():
    from seghirescam.protocol.recipes import FORMS
    from SegHiResGradCAMLib.panel.question.Choices import _TITLES

    assert {kind: form.title for kind, form in FORMS.items() if form.title} == _TITLES
