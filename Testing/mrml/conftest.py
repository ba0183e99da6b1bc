"""One scene per process, emptied before each test; VTK errors and left-over nodes fail the test that made them."""

import stage  # noqa: F401  before anything imports slicer

# isort: split
import sys
import threading

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


@pytest.fixture
def panels(tmp_path):
    """Makes panels that are closed at the end, each with nothing left behind."""
    from engine.workers import is_running, waited
    from mrml.clients import Panel

    made = []

    def make(python=None, **options):
        made.append(Panel(tmp_path / f"temporary {len(made)}", python, **options))
        return made[-1]

    threads = threading.active_count()
    yield make
    for panel in made:
        pid = panel.client.hello.pid if panel.client.hello else None
        panel.client.close()
        assert panel.client.state == "off" and panel.folders() == []
        assert pid is None or waited(lambda pid=pid: not is_running(pid))
    assert threading.active_count() == threads


@pytest.fixture
def model(tmp_path):
    """A factory model with two classes."""
    from engine.workers import Model

    return Model(tmp_path / "model")


@pytest.fixture
def launcher(tmp_path):
    """As PythonSlicer: spawns the interpreter, waits for it and returns its code. (words to start it, both pids)"""
    path, pids = tmp_path / "launcher.py", tmp_path / "pids"
    path.write_text(
        "import os, subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, *sys.argv[1:]])\n"
        f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
        "sys.exit(child.wait())\n"
    )
    return [sys.executable, str(path)], lambda: [int(word) for word in pids.read_text().split()]
