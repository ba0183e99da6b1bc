"""The rooms of both buildings, each with its storey and one sentence: what CONTRIBUTING's picture and the tests read.

A new room is one line here (``python3 tools/draw_rooms.py`` then draws it).  Arrows, that is imports, go from a storey
to a lower one and never back; rooms of one storey do not know each other, but for the pairs in ``BESIDE``.
"""

from __future__ import annotations

from dataclasses import dataclass

ENGINE, SLICER = "seghirescam", "SegHiResGradCAMLib"


@dataclass(frozen=True)
class Room:
    """storey: the higher, the nearer to the user; 0 is what everybody may know."""

    name: str
    storey: int
    what: str


#: the engine's rooms: folders directly below ``seghirescam``
ENGINE_ROOMS = (
    Room("cli", 8, "the command line: one file a command, and what commands share"),
    Room("verbs", 8, "what is typed in Python and notebooks: any network, array or file; results that show themselves"),
    Room("worker", 8, "the process Slicer talks to: its server, its jobs, one handler a request"),
    Room("figures", 7, "every picture: a map over its image, contact sheet, before and after, curves"),
    Room("doctor", 7, "can this computer make a map? what is missing, and a small map on each device"),
    Room("cohort", 6, "many cases, several models: plans, their running, one table"),
    Room("comparison", 5, "methods x layers on one scale; two models"),
    Room("evaluation", 4, "is the map faithful?"),
    Room("session", 3, "one case, many questions, whole or in windows; `explain` is the one verb"),
    Room("models", 2, "from what users have on disk to a `SegmentationModel`; one file a kind"),
    Room("io", 2, "volumes, DICOM, label maps, colour images on disk, and where their voxels lie"),
    Room("cam", 1, "the method: torch and tensors; knows no file, no model format, no patient"),
    Room("protocol", 0, "what travels, and what all need: standard library and numpy, never torch"),
    Room("demo", 1, "data: a real brain, an honest and a shortcut network; only their places are known elsewhere"),
)

#: folders within a room, without storeys: they may know each other, but never in a circle
SUB_ROOMS = {
    "cam/logits": "what a network returns becomes logits: final activation, output, head; and the score S",
    "cam/passes": "one pass: activations and gradients, recording only what they need",
    "cam/layers": "which layers exist, which is the default; running again what lies behind one",
    "cam/placement": "where a cell reads and writes; which sliding windows matter to M, with which weights",
    "cam/isolation": "one question at a time under torch settings of its own; random networks seeded and noticed",
    "cam/methods": "one small file a method family",
    "models/demo_networks": "the demo's two 3D U-Nets",
    "models/nnunet": "nnU-Net v2 folders and TotalSegmentator's weights",
    "models/monai": "MONAI bundles, networks of MONAI's list with weights, Auto3DSeg checkpoints",
    "models/programs": "torch.export and TorchScript programs",
    "models/hugging_face": "segmentation folders of Hugging Face, by transformers",
    "models/factory": "a Python file that builds a network, and its weights",
    "models/preprocessing": "what is done to an image before the network sees it, in a description's words",
    "models/weights": "reading weights a stranger wrote: what a pickle would run, names, prefixes",
    "session/sets": "many pixel sets in one question: kept small, handed over one by one, in groups that fit",
    "session/windows": "a question in sliding windows: every run once, for all pixel sets, layers and methods",
    "io/dicom_out": "results as DICOM objects of the study they explain: parametric maps, segmentations, identifiers",
    "cli/dicom": "results as DICOM objects: while explaining, and of what lies on disk",
    "cli/segments": "many segments or classes in one command: who is asked about which class, one map each, a table",
    "cli/cohorts": "the commands about many cases and several models",
    "cli/reports": "one HTML page to be read of a cohort's run, or of a result",
    "figures/report": "a page with pictures within: what it holds, what is odd first, small pictures, its template",
    "cli/two_models": "one command about two models: both opened for one case, maps of both, one sheet",
    "comparison/two_models": "where two models disagree about one case, and what each looked at",
    "models/descriptions": "a model's description: read with its lines, its words checked, published as a schema",
    "models/architectures": "which network weights belong to, by the names and shapes of their tensors; nothing runs",
    "session/hardware": "in what a device computes, and what it says when it cannot",
    "cli/interventions": "commands that change the image and run the model again: causes, flip",
    "cli/computer": "the command about this computer: what is here, what is missing",
    "worker/handlers": "one file a request",
    "cohort/plans": "what a cohort asks: rows from a CSV, a small YAML, or a folder in a layout of the field",
    "cohort/layouts": "folders as datasets are published, understood by their names: one file a layout",
    "cohort/running": "a plan's questions answered, by case and model, here or on a cluster; resumable in files",
    "cohort/statistics": "a run's table compared over cases: paired, tested, corrected, told in sentences",
    "cohort/table": "what was answered as one long table, streamed, the same from any way of running",
    "evaluation/metrics": "where the evidence is, how much, how alike two maps are; numpy, never torch",
    "evaluation/deletion": "did the network use it? curves of removal, and their gain over random orders",
    "evaluation/painting": "a region masked out, the network run again",
    "evaluation/causes": "what made it say so? the score shared out among channels or segments; the smallest flip",
    "evaluation/feeding": "is the model fed as it is meant to be? one thing changed at a time",
    "evaluation/trust": "is it about this model, does it hold still; the verdict",
    "protocol/display": "what showing a map needs to know: colours, thresholds, shares of the evidence",
    "protocol/wire": "how what a request carries travels between the two processes",
    "protocol/writing": "a place belongs to one run; all files or none; nothing left of what was killed",
}

#: the Slicer side's rooms: folders directly below ``SegHiResGradCAMLib``; the folders within them are features
SLICER_ROOMS = (
    Room("panel", 2, "what the panel shows and does, a folder a feature: its state, its view, its logic; no Qt"),
    Room("scene", 1, "MRML nodes in; overlays, tables and legends out"),
    Room("worker", 1, "the engine's process and the requests sent to it"),
    Room("setup", 0, "what must be installed, asked for and remembered"),
    Room("schedule", 0, "work that is done later or in short pieces; no Qt"),
)

#: rooms of one storey that may know each other, one way: the first imports the second
BESIDE = {("models", "io")}
#: data: who may import it, and nothing but these may
DATA = {"demo": ("cli", "verbs", "worker", "cohort/plans", "models/demo_networks")}
#: all that the Slicer side may import of the engine; the version is a fact for everybody
CORRIDOR = ("protocol", "demo/case")
#: packages from outside that ``protocol`` may load, within functions only: file -> package
PROTOCOL_MAY = {"protocol/resampling": "scipy", "protocol/components": "scipy"}

MOST_ROOMS, MOST_STOREYS = 15, 9
MOST_FILES, MOST_LINES, MOST_LINES_SLICER = 20, 400, 300
#: a verb has a file of its name in its own room, and one in each of these
VERB_ROOMS = ("cli", "worker")

#: what the tree does not keep yet, as patterns of the sentences (fnmatch).  This list only shrinks: a line that nothing
#: matches any more fails the test as well.
NOT_YET: tuple[str, ...] = ()
