"""The first installation, every step failing once: one sentence with what to do, and the panel usable afterwards.

pip really runs, in a process of its own: without a network, behind a proxy that refuses, or (``SAYS``) as a program
that ends as pip did on other people's computers, with its words.
"""

import os

import pytest

import slicer
from engine.doctor_cases import computer, no_kernel, old_driver
from SegHiResGradCAMLib.setup import Dependencies as words
from SegHiResGradCAMLib.setup.Dependencies import Dependencies
from SegHiResGradCAMLib.setup.Installer import examine
from stage.gui import click, events
from stage.panel import PATIENCE_MS, Panel

MISSING = Dependencies("torch>=2.10", ("a-package-that-nobody-has",), "PyTorch 2.10 or later is needed.", True)
NOWHERE = "http://127.0.0.1:9"

_NOT = "ERROR: Could not install packages due to an OSError: "
_RETRYING = (
    "WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None)) after connection "
    "broken by "
)
_NONE = "ERROR: Could not find a version that satisfies the requirement"
#: what pip and light-the-torch said elsewhere (pip#10045, light-the-torch#176, pip#9190, pypa and pytorch forums)
SAYS = {
    "no space": (f"{_NOT}[Errno 28] No space left on device\n", "There is not enough room on the disk."),
    "no space on Windows": (
        f"{_NOT}[WinError 112] There is not enough space on the disk\n",
        "There is not enough room on the disk. PyTorch needs",
    ),
    "path limit": (
        f"{_NOT}[Errno 2] No such file or directory: 'C:\\\\Users\\\\jane\\\\AppData\\\\Local\\\\slicer.org\\\\Slicer"
        "\\\\lib\\\\Python\\\\Lib\\\\site-packages\\\\torch-2.13.0.dist-info\\\\licenses\\\\third_party\\\\LICENSE.txt'\n"
        "HINT: This error might have occurred since this system does not have Windows Long Path support enabled. You "
        "can find information on how to enable this at https://pip.pypa.io/warnings/enable-long-paths\n",
        "A file's path is too long for Windows. Turn on Windows' long paths (LongPathsEnabled)",
    ),
    "in use": (
        f"{_NOT}[WinError 5] Access is denied: 'c:\\\\slicer\\\\lib\\\\site-packages\\\\torch\\\\lib\\\\c10.dll'\n"
        "Consider using the `--user` option or check the permissions.\n",
        "A file that must be replaced is in use. Restart Slicer",
    ),
    "not ours": (
        f"{_NOT}[Errno 13] Permission denied: '/opt/Slicer/lib/Python/lib/python3.12/site-packages/safetensors'\n"
        "Consider using the `--user` option or check the permissions.\n",
        "Slicer's folder may not be written.",
    ),
    "certificate": (
        f"{_RETRYING}'SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify "
        "failed: unable to get local issuer certificate (_ssl.c:1006)'))': /simple/safetensors/\n"
        f"{_NONE} safetensors>=0.5 (from versions: none)\n",
        "The server's certificate was not accepted.",
    ),
    "name of the server": (
        f"{_RETRYING}'NameResolutionError(\"HTTPSConnection(host='pypi.org', port=443): Failed to resolve 'pypi.org' "
        "([Errno -3] Temporary failure in name resolution)\")': /simple/safetensors/\n"
        f"{_NONE} safetensors>=0.5 (from versions: none)\n",
        "There is no connection to the package server.",
    ),
    "nothing offered": (
        f"{_NONE} safetensors>=0.5 (from versions: none)\nERROR: No matching distribution found for safetensors>=0.5\n",
        "The package server offered nothing: there is no connection to it, or no build for this Python.",
    ),
    "broken off": (
        "pip._vendor.urllib3.exceptions.ReadTimeoutError: HTTPSConnectionPool(host='files.pythonhosted.org', "
        "port=443): Read timed out.\n",
        "The download broke off. Try again",
    ),
    "no build": (
        f"{_NONE} torch>=2.10 (from versions: 2.2.0, 2.2.1, 2.2.2)\nERROR: No matching distribution found for torch\n",
        "There is no build of a package for this Python and system.",
    ),
    "something else": ("ERROR: Exception:\nKeyError: 'x'\n", "The installation failed. The details say why"),
}


@pytest.fixture
def panel(stageScene, monkeypatch):
    opened = Panel()
    monkeypatch.setattr(opened.presenter, "examine", lambda requirements=(): MISSING)
    monkeypatch.setattr(opened.presenter.installer, "_ask", lambda question: True)
    yield opened
    opened.close()


def install(panel):
    panel.chooseModel("Demo network: shortcut")
    click(panel.ui.installButton)
    assert panel.ui.statusLabel.text == "Installing..." and not panel.ui.installButton.isVisible()
    events.waitUntil(lambda: not panel.presenter.installer.busy, PATIENCE_MS, "pip has ended")
    panel.waitIdle()


def isUsable(panel):
    """Models can be chosen, the demo case opens, and the installation is offered again."""
    panel.chooseModel("Demo network: honest")
    panel.presenter.run.openCase()
    panel.waitIdle()
    assert panel.ui.volumeSelector.currentNode().GetName() == "Demo brain"
    assert panel.ui.installButton.isVisible() and panel.ui.installButton.enabled and panel.ui.setupCheckButton.enabled
    return panel.ui.modelComboBox.currentText == "Demo network: honest"


@pytest.mark.parametrize("case", SAYS)
def test_what_pip_said_elsewhere_is_one_sentence_with_what_to_do(panel, monkeypatch, tmp_path, case):
    said, sentence = SAYS[case]
    (tmp_path / "pip").mkdir()
    (tmp_path / "pip" / "__init__.py").touch()
    says = f"import sys, time\ntime.sleep(0.3)\nprint({said!r}, end='')\nsys.exit(1)\n"
    (tmp_path / "pip" / "__main__.py").write_text(says)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    install(panel)
    told = panel.ui.errorLabel.text
    assert told.startswith(sentence) and told.count(". ") <= 2 and "jane" not in told
    assert said.splitlines()[0] in panel.ui.detailsText.plainText
    assert isUsable(panel)


@pytest.mark.parametrize(
    ("variable", "sentence"),
    [
        ("PIP_INDEX_URL", "There is no connection to the package server. Check the network"),
        ("PIP_PROXY", "The proxy of your network let nothing through. Set HTTPS_PROXY"),
    ],
)
def test_pip_without_a_network_and_behind_a_proxy_that_refuses(panel, monkeypatch, variable, sentence):
    for name in [name for name in os.environ if name.upper().startswith("PIP_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_RETRIES", "1")
    monkeypatch.setenv("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    monkeypatch.setenv(
        "PIP_INDEX_URL", f"{NOWHERE}/simple" if variable == "PIP_INDEX_URL" else "https://pypi.invalid/simple"
    )
    monkeypatch.setenv(variable, f"{NOWHERE}/simple" if variable == "PIP_INDEX_URL" else NOWHERE)
    install(panel)
    assert panel.ui.errorLabel.text.startswith(sentence)
    assert "a-package-that-nobody-has" in panel.ui.detailsText.plainText
    assert isUsable(panel)


def test_a_launcher_that_is_not_there_is_told_and_can_be_tried_again(panel, monkeypatch):
    monkeypatch.setattr("sys.executable", "/nowhere/PythonSlicer")
    panel.chooseModel("Demo network: shortcut")
    click(panel.ui.installButton)
    assert panel.ui.errorLabel.text.startswith("The installation failed.")
    assert "FileNotFoundError" in panel.ui.detailsText.plainText and isUsable(panel)


@pytest.mark.parametrize(("onDisk", "sentence"), [(False, words.NO_EXTENSION), (True, words.RESTART)])
def test_without_the_extension_and_before_the_restart_that_loads_it(stageScene, monkeypatch, onDisk, sentence):
    monkeypatch.setattr(type(slicer.app.extensionsManagerModel()), "installed", {"PyTorch"} if onDisk else set())
    monkeypatch.setattr(
        "SegHiResGradCAMLib.setup.Dependencies.isInstalled", lambda r, v=None: not r.startswith("torch")
    )
    found = examine(("scipy>=1",))
    assert found.sentence == sentence and not found.installable
    opened = Panel()
    try:
        opened.chooseModel("Demo network: shortcut")
        assert opened.ui.installLabel.text == sentence and not opened.ui.installButton.isVisible()
        assert opened.ui.statusLabel.text and not opened.ui.applyButton.enabled
        assert opened.presenter.run.openCase() and opened.ui.setupCheckButton.enabled
    finally:
        opened.close()


@pytest.mark.parametrize(
    ("broken", "device"),
    [
        (old_driver, "PyTorch 2.13 - CPU only: slow (the GPU's driver does not work with it)"),
        (no_kernel, "PyTorch 2.13 - CUDA (NVIDIA GeForce GTX 1080, 8 GiB)"),
    ],
)
def test_a_card_that_is_no_use_leaves_the_map_to_the_cpu(stageScene, monkeypatch, tmp_path, broken, device):
    monkeypatch.setenv("PYTHONPATH", computer(tmp_path, broken())["PYTHONPATH"])
    opened = Panel()
    try:
        opened.openDemo()
        opened.applyAndWait()
        assert opened.ui.errorLabel.text == "" and opened.node is not None
        assert opened.ui.deviceTextLabel.text == device
        facts = opened.ui.factsText.plainText
        assert "cpu" in facts.lower()
        if broken is no_kernel:
            assert "This PyTorch was built without code for this GPU." in facts
    finally:
        opened.close()
