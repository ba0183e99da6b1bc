"""How much code a second question passes through: whoever reads along should not have to open more of it."""

import sys
from pathlib import Path

import pytest

import seghirescam
from seghirescam.demo.case import load_case
from seghirescam.session.opening import open_session

ENGINE = Path(seghirescam.__file__).parent
#: counted today; when the rooms were made 165 and 39, before them 153 and 31.  What came since: many pixel sets in one
#: question, float32 that is float32, one wait for the device, and noise to average over
MOST_FUNCTIONS, MOST_FILES = 211, 45


def test_a_second_question_on_the_demo_passes_through_no_more_functions_and_files_than_today():
    pytest.importorskip("SimpleITK")
    image, segments = load_case()
    session = open_session(seghirescam.open_model("demo:shortcut"), image)
    session.ask(segments["Lesion"], class_index="lesion")
    seen = set()

    def note(frame, event, argument):
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(str(ENGINE)) and not code.co_name.startswith("<"):
            seen.add((code.co_filename, code.co_firstlineno))

    calls, before = session.forward_calls, sys.getprofile()
    sys.setprofile(note)
    try:
        session.ask(segments["Ring"], class_index="look-alike")
    finally:
        sys.setprofile(before)
    assert session.forward_calls == calls
    assert len(seen) <= MOST_FUNCTIONS and len({file for file, _ in seen}) <= MOST_FILES
