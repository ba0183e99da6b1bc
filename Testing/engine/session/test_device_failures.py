"""GPUs that do not compute: what their libraries say is understood, the CPU goes on where nobody asked for the GPU."""

import subprocess
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from engine.cli_cases import VOLUME, run
from engine.workers import Model, Running, image
from seghirescam.models import recognise
from seghirescam.protocol.arrays import write_array
from seghirescam.protocol.errors import SegHiResCamError
from seghirescam.session import devices
from seghirescam.session.hardware.device_failures import DeviceError, LostDeviceError, is_lost
from seghirescam.session.memory import MemoryLimitError, named_shortage
from seghirescam.worker.jobs import Jobs

SHORT = [
    "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 8.00 GiB",
    "CUDA error: out of memory",
    "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`",
    "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
    "cuDNN error: CUDNN_STATUS_NOT_INITIALIZED",
    "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
    "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED",
    "FIND was unable to find an engine to execute this computation",
    "GET was unable to find an engine to execute this computation",
    "Unable to find an engine to execute this computation",
    "CUDNN_BACKEND_TENSOR_DESCRIPTOR: no valid execution plans built",
    "MPS backend out of memory (MPS allocated: 8.00 GB)",
    "HIP out of memory. Tried to allocate 20.00 MiB",
    "[enforce fail at alloc_cpu.cpp:113] DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes",
]
FAILED = {
    "CUDA error: no kernel image is available for execution on the device": "built without code for this GPU",
    "CUDA error: CUDA-capable device(s) is/are busy or unavailable": "The GPU is busy",
    "The NVIDIA driver on your system is too old (found version 11040)": "driver does not work with this PyTorch",
    "CUDA driver version is insufficient for CUDA runtime version": "driver does not work with this PyTorch",
    "Found no NVIDIA driver on your system.": "driver does not work with this PyTorch",
    "cuDNN error: CUDNN_STATUS_EXECUTION_FAILED": "refused to compute (cuDNN error: CUDNN_STATUS_EXECUTION_FAILED)",
    "The operator 'aten::max_pool3d' is not currently implemented for the MPS device.": "does not exist on Apple's GPU",
}
LOST = [
    "CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be asynchronously reported",
    "CUDA error: device-side assert triggered",
    "CUDA error: unspecified launch failure",
    "CUDA error: misaligned address",
    "CUDA error: the launch timed out and was terminated",
    "CUDA error: uncorrectable ECC error encountered",
    "CUDA error: unknown error",
    "CUDA error: GPU is lost",
]
#: of a network, not of a device
OTHERS = [
    "Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu!",
    "Given groups=1, weight of size [4, 1, 3, 3, 3], expected input[1, 2, 8, 8, 8] to have 1 channels",
    "shapes do not fit", "",
]  # fmt: skip


def raised(error):
    with pytest.raises(BaseException) as caught, named_shortage("cuda:0"):
        raise error
    return caught.value


@pytest.mark.parametrize("text", SHORT)
def test_every_way_to_say_that_memory_is_short(text):
    found = raised(RuntimeError(text))
    assert type(found) is MemoryLimitError and found.code == "memory" and found.sentence.startswith("The memory of the")


def test_a_shortage_is_told_also_where_the_gpu_does_not_answer_how_much_there_is():
    found = raised(torch.OutOfMemoryError("CUDA out of memory"))  # and here there is none to answer
    assert found.sentence == "The memory of the GPU does not suffice for this."


@pytest.mark.parametrize("text", FAILED)
def test_a_gpu_that_does_not_compute_is_one_sentence_with_what_to_do(text):
    found = raised(RuntimeError(text))
    assert type(found) is DeviceError and found.code == "device" and not is_lost(RuntimeError(text))
    assert FAILED[text] in found.sentence and "CPU" in found.hint and found.numbers["device"] == "cuda:0"


@pytest.mark.parametrize("text", LOST)
def test_after_these_nothing_of_the_process_computes_there_again(text):
    found = raised(RuntimeError(text))
    assert type(found) is LostDeviceError and found.code == "device_lost" and is_lost(RuntimeError(text))
    assert "cannot use it again" in found.sentence and "Traceback" not in str(found)


@pytest.mark.parametrize("text", OTHERS)
def test_a_network_s_own_error_stays_what_it_is(text):
    error = RuntimeError(text)
    assert raised(error) is error and not is_lost(error)
    ours = SegHiResCamError("CUDA error: out of memory")
    assert raised(ours) is ours
    value = ValueError("CUDA error: no kernel image")
    assert raised(value) is value


@pytest.mark.parametrize(("code", "kind"), [(2, MemoryLimitError), (209, DeviceError), (700, LostDeviceError)])
def test_cuda_s_own_code_goes_before_the_words(code, kind):
    error = torch.AcceleratorError("CUDA error: said in words nobody has seen yet")
    error.error_code = code
    assert type(raised(error)) is kind


# a GPU that is chosen by us, or by the user


class Gpu:
    """Stands in for ``cuda:0``: PyTorch says that it is there, and moving a network to it fails."""

    def __init__(self, monkeypatch, error):
        self.error, self.tried = error, 0
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr("seghirescam.worker.jobs.best_device", lambda: "cuda:0")
        to = torch.nn.Module.to

        def moved(network, where):
            if torch.device(where).type == "cuda":
                self.tried += 1
                raise self.error
            return to(network, where)

        monkeypatch.setattr(torch.nn.Module, "to", moved)
        monkeypatch.setattr(torch.cuda, "is_initialized", lambda: False)


def request(folder, model, **words):
    picture = image()
    name = write_array(folder, "image.npy", picture.array)
    return {
        "do": "explain", "id": 1, "model": model.source, "consent_sha256": model.sha256, "class_index": 1,
        "pixel_sets": [{"kind": "whole_image"}], "layers": ["enc1"],
        "image": {"array": name, "grid": picture.grid.to_json()}, **words,
    }  # fmt: skip


@pytest.mark.parametrize("text", [*FAILED, *SHORT[:2]])
def test_a_gpu_of_our_choice_that_does_not_compute_leaves_it_to_the_cpu_and_says_so(tmp_path, monkeypatch, text):
    model, jobs = Model(tmp_path / "m"), Jobs(tmp_path)
    truth = jobs.do(request(tmp_path, model, device="cpu"), lambda *told: None)
    kept = np.load(tmp_path / truth["explanations"][0]["array"])
    gpu = Gpu(monkeypatch, RuntimeError(text))
    found = jobs.do(request(tmp_path, model), lambda *told: None)
    notes = found["explanations"][0]["facts"]["notes"]
    assert found["session"]["device"] == "cpu" and gpu.tried == 1
    assert np.array_equal(np.load(tmp_path / found["explanations"][0]["array"]), kept)
    assert sum(note.startswith("Computed on the CPU:") for note in notes) == 1, notes
    again = jobs.do(request(tmp_path, model), lambda *told: None)
    assert any(note.startswith("Computed on the CPU:") for note in again["explanations"][0]["facts"]["notes"])
    assert gpu.tried == (1 if text in FAILED else 2)  # one that does not compute is not tried again, memory may be free


@pytest.mark.parametrize(("device", "text"), [("cuda:0", next(iter(FAILED))), (None, LOST[0])])
def test_a_device_the_user_chose_and_a_lost_one_end_in_one_sentence(tmp_path, monkeypatch, device, text):
    model, jobs = Model(tmp_path / "m"), Jobs(tmp_path)
    Gpu(monkeypatch, RuntimeError(text))
    words = {"device": device} if device else {}
    with pytest.raises(DeviceError) as caught:
        jobs.do(request(tmp_path, model, **words), lambda *told: None)
    assert "CPU" in caught.value.hint


@pytest.mark.parametrize("device", ["auto", "cuda:0"])
def test_a_command_goes_on_on_the_cpu_or_says_in_one_sentence_why_not(capsys, tmp_path, monkeypatch, device):
    text = next(iter(FAILED))
    gpu = Gpu(monkeypatch, RuntimeError(text))
    monkeypatch.setattr("seghirescam.session.devices.best_device", lambda: "cuda:0")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    out = tmp_path / "prediction.seg.nrrd"
    code, _, err = run(capsys, "predict", "demo:honest", "--image", VOLUME, "--out", out, "--device", device)
    assert gpu.tried == 1 and "This PyTorch was built without code for this GPU." in err and "Traceback" not in err
    if device == "auto":
        assert code == 0 and out.is_file() and "Computed on the CPU: This PyTorch" in err
    else:
        assert code == 2 and not out.exists()


def test_a_network_that_moved_half_way_is_brought_home(monkeypatch):
    from seghirescam.cam.isolation.network_place import placed

    network, places = torch.nn.Sequential(torch.nn.Linear(2, 2)), []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)

    def moved(self, where):
        places.append(str(where))
        if str(where) == "cuda:0":
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self

    monkeypatch.setattr(torch.nn.Module, "to", moved)
    with pytest.raises(torch.OutOfMemoryError), placed(network, "cuda:0"):
        pass
    assert places == ["cuda:0", "cpu"]


# what the greeting asks of a driver


def two_gpus(monkeypatch):
    gib = 2**30
    known = [
        SimpleNamespace(name="first", total_memory=8 * gib, uuid="0a-1"),
        SimpleNamespace(name="second", total_memory=24 * gib, uuid="0b-2"),
    ]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_properties", known.__getitem__)
    for opening in ("mem_get_info", "memory_reserved", "set_device", "current_stream", "init"):
        monkeypatch.setattr(torch.cuda, opening, lambda *words: pytest.fail("a context would be opened"))


def test_gpus_are_told_without_a_context_on_any_of_them(monkeypatch):
    two_gpus(monkeypatch)
    told = "GPU-0a-1, 7168\nGPU-0b-2, 1024\n"
    monkeypatch.setattr(subprocess, "run", lambda *words, **more: SimpleNamespace(stdout=told))
    first, second, cpu = devices.devices()
    assert (first["device"], first["total_bytes"], first["free_bytes"]) == ("cuda:0", 8 * 2**30, 7 * 2**30)
    assert (second["device"], second["total_bytes"], second["free_bytes"]) == ("cuda:1", 24 * 2**30, 2**30)
    assert cpu["device"] == "cpu" and "problem" not in cpu and devices.best_device() == "cuda:0"


def test_without_the_driver_s_tool_the_largest_gpu_is_chosen(monkeypatch):
    two_gpus(monkeypatch)

    def missing(*words, **more):
        raise FileNotFoundError("nvidia-smi")

    monkeypatch.setattr(subprocess, "run", missing)
    assert devices.best_device() == "cuda:1" and devices.devices()[0]["free_bytes"] == 24 * 2**30


@pytest.mark.parametrize("broken", ["is_available", "device_count", "get_device_properties"])
def test_a_broken_driver_leaves_the_cpu_and_its_reason(monkeypatch, broken):
    two_gpus(monkeypatch)

    def fails(*words):
        raise RuntimeError("Unexpected error from cudaGetDeviceCount()\nError 803")

    monkeypatch.setattr(torch.cuda, broken, fails)
    (cpu,) = devices.devices()
    assert cpu["device"] == "cpu" and cpu["problem"] == "Unexpected error from cudaGetDeviceCount()"
    assert devices.best_device() == "cpu"


def test_a_driver_that_only_warns_is_told_too(monkeypatch):
    import warnings

    def warned():
        warnings.warn("CUDA initialization: The NVIDIA driver on your system is too old", stacklevel=1)
        return False

    monkeypatch.setattr(torch.cuda, "is_available", warned)
    (cpu,) = devices.devices()
    assert "too old" in cpu["problem"]


# after an error that stays


def losing(folder, calls):
    """A factory model whose network loses the GPU at its first real pass."""
    model = Model(folder, raises=calls)
    file = Path(model.source["factory"])
    leaves, lost = 'raise SystemExit("the author leaves")', f"raise RuntimeError({LOST[0]!r})"
    file.write_text(file.read_text(encoding="utf-8").replace(leaves, lost), encoding="utf-8")
    model.sha256 = recognise(model.source).consent_hash(model.source)
    return model


def test_a_worker_that_has_lost_its_gpu_answers_and_ends(tmp_path):
    worker = Running(tmp_path / "seghirescam-worker-lost")
    worker.hello()
    answer = worker.until(worker.explain(losing(tmp_path / "m", 1), image()))
    assert answer["code"] == "device_lost" and "illegal memory access" in answer["sentence"]
    last = worker.next()
    assert last["id"] is None and last["error"]["code"] == "device_lost"
    assert worker.next() is None and worker.process.wait(timeout=60) == 0
    worker.end()
