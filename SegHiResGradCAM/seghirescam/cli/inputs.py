"""From the words of a command to an open model, its image and its session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace

from ..io.asked_images import assigned, in_colour, in_grey, read_image, refuse_absent
from ..models import recognise
from ..models.segmentation_model import SegmentationModel
from ..protocol.class_names import class_word
from ..protocol.question import ALL_MIRRORINGS, FP32, PRECISIONS, ComputeSettings


def add_model_and_image(parser) -> None:
    parser.add_argument("model", metavar="MODEL", help="a model: folder, file, or demo:honest")
    parser.add_argument(
        "--image", action="append", required=True, metavar="[CHANNEL=]PATH",
        help="NIfTI, NRRD, MetaImage or a folder with a DICOM series (FOLDER#2: its second one); once for each channel "
        "of the model, by its name or in the model's order; the others are resampled to the first; a colour image "
        "(PNG, JPEG, or a volume of vectors) stands for three channels: red, green, blue, and one grey image for all "
        "three where they are called so; demo:case: the shipped case",
    )  # fmt: skip
    consent = parser.add_argument_group(
        "consent, for models that run code of their author ('seghirescam models' tells)"
    )
    consent.add_argument("--consent", action="store_true", help="yes, run it")
    consent.add_argument("--consent-sha256", metavar="HASH", help="yes, if the code still has this SHA-256")


def add_device(parser) -> None:
    running = parser.add_argument_group("computing")
    running.add_argument(
        "--device", default="auto", help="auto (the GPU with the most free memory, else the CPU), cpu, cuda, cuda:1"
    )
    running.add_argument(
        "--precision", choices=PRECISIONS, default=FP32,
        help="tf32 (NVIDIA GPUs since Ampere), bf16 and fp16 compute faster and less exactly (default: fp32)",
    )  # fmt: skip
    running.add_argument(
        "--deterministic", action="store_true", help="on a GPU: only algorithms that give the same bits again, slower"
    )


class Opened:
    """Model and image of one command, read and checked in the order of what it costs. session: made when asked for."""

    def __init__(self, options, console, *, classes: Sequence[str] = (), settings: Mapping | None = None):
        """classes: names or indices the model must have; refused before anything is loaded, where it says which.
        settings: of the session, in the words of question.ComputeSettings; the options' device goes before."""
        self.options, self.console = options, console
        self.settings = {"precision": options.precision} | dict(settings or {})
        # also of a question that is repeated: it changes how, not what
        self.settings["deterministic"] = options.deterministic or self.settings.get("deterministic", False)
        kind, consent = checked(options, classes)
        self.may_move = options.device == "auto"
        check_device(options)
        console.progress(0.0, "opening the model")
        self.model = kind.open_told(options.model, consent, lambda share, phase: console.progress(0.02 * share, phase))
        for wanted in classes:
            self.class_index(wanted)
        self.model = self._previewed()
        console.progress(0.02, "reading the image")
        self.colour = in_colour(options.image, self.model.channels)
        #: by which the model's own reader places files whose headers disagree
        self.rule = self.model.header_rule
        self.image, self.channels = read_image(options.image, self.model.channels, console.note, self.rule)
        self._session = None
        #: the note where a GPU chosen by us had no room
        self.moved: tuple[str, ...] = ()

    def _previewed(self):
        """The model, or what of it is asked to run; a fold that is not there is refused before the image is read."""
        chosen = ComputeSettings(**self.settings)
        if (chosen.mirroring, chosen.folds) == (ALL_MIRRORINGS, ()):
            return self.model
        from ..models.preview import previewed

        return previewed(self.model, chosen.mirroring, chosen.folds)

    def class_index(self, wanted: str) -> int:
        return self.model.class_index(class_word(wanted, self.model.classes))

    def on_some_device(self, work):
        """(what ``work()`` gives, notes); on the CPU where a GPU chosen by us has no room or does not compute."""
        from ..session.hardware.device_failures import DeviceError, LostDeviceError
        from ..session.memory import MemoryLimitError

        note = getattr(self.options, "class_note", "")
        told = (note,) if note else ()
        try:
            return work(), told
        except (MemoryLimitError, DeviceError) as error:
            if not self.may_move or self.options.device == "cpu" or isinstance(error, LostDeviceError):
                raise
            note = f"Computed on the CPU: {error.sentence}"
        # outside the handler, whose traceback would keep the GPU's tensors alive
        self.options.device, self._session, self.moved = "cpu", None, (note,)
        return work(), (*told, note)

    @property
    def session(self):
        if self._session is None:
            # it keeps nothing between questions: its answers are explain.explain's, bit for bit
            self._session = self.new_session(keep=False)
        return self._session

    def new_session(self, keep: bool):
        """A session on the device that was chosen, and the model with it."""
        from ..session.devices import move
        from ..session.opening import open_session

        device = self.options.device
        for network in self.model.networks:
            move(network, device)
        return open_session(self.model, self.image, keep=keep, **self.settings | {"device": device})


def checked(options, classes: Sequence[str] = ()):
    """(kind, consent), after what can be refused before anything of the model is opened."""
    kind, consent = agreed(options)
    about = SimpleNamespace(classes=kind.classes(options.model))
    if about.classes:  # else the model must be opened first: a program without a description
        for wanted in classes:
            SegmentationModel.class_index(about, class_word(wanted, about.classes))
    channels = kind.channels(options.model)
    if channels and not (in_colour(options.image, channels) or in_grey(options.image, channels)):
        assigned(options.image, channels)
    refuse_absent(options.image)
    return kind, consent


def agreed(options):
    """(kind, consent) or ConsentError before anything of the model runs."""
    source = options.model
    kind = recognise(source)
    why = kind.runs_author_code(source)
    consent = options.consent_sha256 or options.consent
    if why and not consent:
        from ..protocol.errors import ConsentError

        digest = kind.consent_hash(source)
        bound = f", or --consent-sha256 {digest} for exactly this content" if digest else ""
        raise ConsentError(why, f"Nothing was run. If you trust its author, add --consent{bound}.", sha256=digest)
    return kind, consent


def check_device(options) -> None:
    """Settles ``auto``; raises ModelError for a device that is not there."""
    if options.device != "cpu":
        from ..session.devices import settled_device

        options.device = settled_device(options.device)
