"""The whole check as a user starts it: on this computer, and on computers on which one thing is broken."""

import json
import os
import subprocess
import sys
import time

import pytest
import torch

from engine.cli_cases import ENVIRONMENT
from engine.doctor_cases import computer, doctor, findings, no_kernel, old_driver

DLL = (
    '[WinError 126] The specified module could not be found. Error loading "C:\\\\Users\\\\jane\\\\Lib\\\\site-packages'
    '\\\\torch\\\\lib\\\\fbgemm.dll" or one of its dependencies.'
)
NUMPY = (
    "A module that was compiled using NumPy 1.x cannot be run in\\nNumPy 2.4.6 as it may crash. To support both 1.x "
    "and 2.x\\nversions of NumPy, modules must be compiled with NumPy 2.0."
)
LIBRARY = "libcudart.so.13: cannot open shared object file: No such file or directory"


def test_here_a_map_is_made_nothing_is_written_and_nobody_is_asked_on_the_network(tmp_path):
    asked, work, place = tmp_path / "asked", tmp_path / "work", tmp_path / "start"
    work.mkdir()
    place.mkdir()
    (place / "sitecustomize.py").write_text(
        "import sys\nprint('hello from this computer') if 'torch_probe' in str(sys.orig_argv) else None\n"
        "watched = ('socket.connect', 'socket.bind', 'socket.getaddrinfo', 'socket.sendto')\n"
        f"sys.addaudithook(lambda event, words: event in watched and open({str(asked)!r}, 'a').write(event))"
    )
    environment = ENVIRONMENT | {"PYTHONPATH": os.pathsep.join([str(place), ENVIRONMENT["PYTHONPATH"]])}
    command = [sys.executable, "-m", "seghirescam", "doctor", "--json"]
    done = subprocess.run(command, env=environment, cwd=work, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert not asked.exists() and list(work.iterdir()) == []
    told = json.loads(done.stdout)
    found = findings(told)
    assert told["can_make_a_map"] and found["PyTorch"]["numbers"]["version"] == torch.__version__
    assert found["Map on the CPU"]["status"] == "ok" and found["Map on the CPU"]["numbers"]["seconds"] > 0
    assert told["text"].startswith("Maps can be made here: on the CPU")
    assert all(one["status"] in ("ok", "missing", "failed") for one in told["findings"])
    assert all(one["do"] for one in told["findings"] if one["status"] != "ok")


def test_without_any_package_it_says_what_is_missing_and_how_large_it_is(tmp_path):
    code, told = doctor(computer(tmp_path), "-S")
    found = findings(told)
    assert code == 2 and not told["can_make_a_map"]
    assert [name for name in ("numpy", "scipy", "torch", "safetensors") if found[name]["status"] == "missing"] == [
        "numpy", "scipy", "torch", "safetensors"]  # fmt: skip
    assert "0.7 GB on disk without CUDA, about 7.0 GB with it" in found["torch"]["said"]
    assert found["Map on the CPU"]["said"] == "not tried without numpy, scipy, torch, safetensors"
    assert found["Disk for packages"]["numbers"]["needed_bytes"] == 2 * (57 + 114 + 740 + 1) * 10**6


def test_the_command_itself_needs_nothing_but_python_and_others_point_to_it(tmp_path):
    command = [sys.executable, "-S", "-P", "-m", "seghirescam"]
    options = {"env": computer(tmp_path), "capture_output": True, "text": True, "check": False}
    done = subprocess.run([*command, "doctor"], **options)
    assert done.returncode == 2 and done.stdout.startswith("No map can be made here yet: numpy, not installed")
    done = subprocess.run([*command, "models", "demo:honest"], **options)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "Error: The packages that every command needs do not load (No module named 'numpy'). Run: seghirescam doctor\n"
    )


@pytest.mark.parametrize(
    ("text", "error", "said", "do"),
    [
        (DLL, "OSError", "[WinError 126]", "Visual C++ Redistributable"),
        (NUMPY, "ImportError", "A module that was compiled using NumPy 1.x", "different versions of numpy"),
        (LIBRARY, "ImportError", "libcudart.so.13", "Install it again"),
    ],
)
def test_a_torch_that_does_not_load_is_named_with_what_to_do(tmp_path, text, error, said, do):
    environment = computer(tmp_path, packages={"torch": f'raise {error}("""{text}""")'})
    code, told = doctor(environment)
    found = findings(told)["Packages load"]
    assert code == 2 and found["status"] == "failed"
    assert found["said"].startswith(f"torch does not load: {said}") and do in found["do"]
    assert "jane" not in json.dumps(told)


def test_a_torch_that_takes_its_process_with_it_is_survived(tmp_path):
    code, told = doctor(
        computer(tmp_path, packages={"torch": "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"})
    )
    found = findings(told)["Packages load"]
    assert code == 2 and "the process ended with code -11" in found["said"] and "Install torch again" in found["do"]


def test_a_torch_that_hangs_is_not_waited_for_without_end(tmp_path, monkeypatch):
    from seghirescam.doctor import examine

    for name, value in computer(tmp_path, packages={"torch": "import time; time.sleep(60)"}).items():
        monkeypatch.setenv(name, value)
    found = examine.examine(seconds=2.0)[-1]
    assert (found.name, found.status) == ("Packages load", "failed") and found.said == "no answer for 2 s"


def test_the_panels_check_ends_with_the_panels_process_and_a_users_does_not_ask_for_one(tmp_path):
    """Slicer may crash: its pipe closes, and nothing goes on computing for nobody."""
    started = tmp_path / "started"
    hangs = {"torch": f"open({str(started)!r}, 'w'); import time; time.sleep(60)"}
    command = [sys.executable, "-P", "-m", "seghirescam.doctor", "--json", "--attended"]
    environment = computer(tmp_path, packages=hangs)
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        while not started.exists():
            assert process.poll() is None
            time.sleep(0.02)
        process.stdin.close()
        assert process.wait(timeout=20) == 1 and process.stdout.read() == b""


def test_a_driver_too_old_for_the_build_leaves_the_cpu(tmp_path):
    code, told = doctor(computer(tmp_path, old_driver()))
    found = findings(told)
    assert (
        code == 0 and found["CUDA"]["status"] == "failed" and "too old (found version 11040)" in found["CUDA"]["said"]
    )
    assert found["CUDA"]["do"] == (
        "The GPU's driver does not work with this PyTorch. Update the driver or install the PyTorch that fits it, or "
        "choose the CPU as device."
    )
    assert "Maps can be made here: on the CPU." in told["text"]


def test_a_card_for_which_torch_has_no_code_is_named_and_leaves_the_cpu(tmp_path):
    code, told = doctor(computer(tmp_path, no_kernel()))
    found = findings(told)
    assert code == 0 and found["CUDA"]["status"] == "ok"
    assert (
        found["Card cuda:0"]["status"] == "failed"
        and "8.0 GiB free, compute capability 6.1" in found["Card cuda:0"]["said"]
    )
    assert "code for sm_75 sm_80 sm_86 sm_90 sm_100 sm_120 only" in found["Card cuda:0"]["said"]
    assert found["Map on cuda:0"]["said"] == "This PyTorch was built without code for this GPU."
    assert found["Map on cuda:0"]["do"] == "Install a PyTorch for it, or choose the CPU as device."


def test_a_computer_that_computes_other_maps_is_not_trusted(tmp_path):
    other = (
        "import torch\nforward = torch.nn.Conv3d.forward\n"
        "torch.nn.Conv3d.forward = lambda self, x: 1.001 * forward(self, x)"
    )
    code, told = doctor(computer(tmp_path, other))
    found = findings(told)["Map on the CPU"]
    assert (
        code == 2
        and found["status"] == "failed"
        and "it is not the map of other computers: its score is" in found["said"]
    )


def test_nothing_in_the_text_names_the_user_the_computer_or_a_place(tmp_path):
    home = tmp_path / "Doe_Jane"
    home.mkdir()
    raised = f"raise OSError('{home}/lib/torch/lib/libtorch.so: cannot open, asked by jdoe77 on radiology-ws9')"
    environment = computer(home, packages={"torch": raised}) | {
        "HOME": str(home), "USER": "jdoe77", "LOGNAME": "jdoe77", "HOSTNAME": "radiology-ws9",
        "HTTPS_PROXY": "http://jdoe77:secret@proxy.hospital.example:3128", "TMPDIR": str(home),
    }  # fmt: skip
    code, told = doctor(environment)
    text = json.dumps(told)
    assert code == 2 and "cannot open, asked by <name> on <name>" in findings(told)["Packages load"]["said"]
    assert findings(told)["Proxy"]["said"] == "set (https_proxy)"
    for planted in ("Doe_Jane", "jdoe77", "radiology-ws9", "secret", "hospital", str(tmp_path)):
        assert planted not in text
