"""What a parametric map and a segmentation have in common: whose they are, who made them, how they reach the disk."""

from __future__ import annotations

from pathlib import Path

from ... import __version__
from ...protocol.arrays import DiskError
from ..file_content import hash_of
from .frames import Frames
from .libraries import libraries
from .source import SourceSeries

MAKER, MODEL = "SegHiResGradCAM", "seghirescam"
_UTF_8 = "ISO_IR 192"


def stand_in(series: SourceSeries, frames: Frames, size: tuple[int, int]):
    """A slice with what is taken over of the source and nothing else: all that highdicom gets to see of it."""
    hd, pydicom = libraries()
    found = pydicom.Dataset()
    found.update(series.header)
    found.SpecificCharacterSet = _UTF_8
    found.SOPClassUID, found.SOPInstanceUID = pydicom.uid.CTImageStorage, hd.UID()
    found.SeriesInstanceUID, found.Modality = series.series, "CT"
    found.Rows, found.Columns = size

    def numbers(values):
        return [pydicom.valuerep.DSfloat(v, auto_format=True) for v in values]

    found.ImageOrientationPatient = numbers(frames.turn.tolist())
    found.ImagePositionPatient = numbers(frames.places[0].tolist())
    found.PixelSpacing = numbers(frames.spacing[1:])
    found.SliceThickness = numbers(frames.spacing[:1])[0]
    found.file_meta = pydicom.dataset.FileMetaDataset()
    found.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    return found


def equipment() -> dict:
    """highdicom's words for who made it."""
    return {
        "manufacturer": MAKER, "manufacturer_model_name": MODEL, "software_versions": __version__,
        "device_serial_number": __version__,
    }  # fmt: skip


def contributors(facts: dict) -> list:
    """The network that was explained. facts: of a sidecar."""
    hd, pydicom = libraries()
    known = {"model": "not named", "model_kind": "not named", "weights_sha256": ""}
    provenance = known | {word: value for word, value in facts["provenance"].items() if value}
    return [
        hd.ContributingEquipment(
            manufacturer=short(provenance["model_kind"]),
            manufacturer_model_name=short(provenance["model"]),
            software_versions=f"sha256:{provenance['weights_sha256'][:48]}",
            purpose_of_reference=pydicom.sr.codedict.codes.DCM.ProcessingEquipment,
            contribution_description=f"The network that was explained; SHA-256 of its weights: "
            f"{provenance['weights_sha256']}",
        )
    ]


def algorithm(name: str, text: str = ""):
    """text: its parameters."""
    hd, pydicom = libraries()
    found = hd.AlgorithmIdentificationSequence(
        name=short(name),
        family=pydicom.sr.codedict.codes.cid7162.ArtificialIntelligence,
        version=__version__,
        source=MAKER,
    )
    if text:
        found[0].AlgorithmParameters = text
    return found


def finish(found, series: SourceSeries) -> None:
    """What is said of every object: nobody else's words, the research note, and how it was de-identified."""
    for word in ("PatientIdentityRemoved", "LongitudinalTemporalInformationModified", "DeidentificationMethod",
                 "DeidentificationMethodCodeSequence", "IssuerOfPatientID"):  # fmt: skip
        if word in series.header:
            setattr(found, word, series.header[word].value)
    found.ReferringPhysicianName, found.SpecificCharacterSet = "", _UTF_8
    found.ContentQualification = "RESEARCH"


def short(text: str, most: int = 64) -> str:
    """Fit for LO: no backslash, no line ends, so many characters."""
    clean = " ".join(str(text).replace("\\", "/").split())
    return clean if len(clean) <= most else f"{clean[: most - 3]}..."


def save(found, path) -> str:
    """Returns the file's SHA-256. Raises DiskError."""
    try:
        found.save_as(path, enforce_file_format=True)
        return hash_of(Path(path))
    except OSError as error:
        raise DiskError(
            "A DICOM object could not be written whole.", "Free some space there, or choose another folder."
        ) from error
