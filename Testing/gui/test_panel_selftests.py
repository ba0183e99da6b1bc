"""Slicer's own self-tests, run here on the stage: the same files that ctest and "Reload and Test" run in Slicer."""

import importlib.util
import unittest

import pytest

from stage.gui import loadModule
from stage.panel import MODULE

SELF_TEST = MODULE.parents[1] / "Testing" / "Python" / "SegHiResGradCAMSelfTest.py"


@pytest.fixture
def loaded(stageScene):
    module = loadModule(MODULE)
    module.widget()
    yield module
    module.close()


def cases(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return unittest.defaultTestLoader.loadTestsFromModule(module)


def test_the_self_tests_for_ctest_pass(loaded):
    result = unittest.TestResult()
    cases(SELF_TEST).run(result)
    assert [text for _case, text in result.errors + result.failures] == []
    assert result.testsRun == 5 and result.skipped == []


def test_reload_and_test_passes(loaded):
    loaded.runTest()
