"""What an object takes over from its source's headers, word by word, and why; nothing else of them is ever copied.

Archives file an object by these: without the patient's and the study's identifiers it would belong to nobody.
"""

from __future__ import annotations

#: keyword -> why it is taken over
TAKEN_OVER = {
    "PatientName": "the archive files by it",
    "PatientID": "the archive files by it",
    "IssuerOfPatientID": "whose number PatientID is",
    "PatientBirthDate": "the archive files by it",
    "PatientSex": "the archive files by it",
    "StudyInstanceUID": "the study that was explained",
    "StudyDate": "the archive files by it",
    "StudyTime": "the archive files by it",
    "StudyID": "the archive files by it",
    "AccessionNumber": "the archive files by it",
    "FrameOfReferenceUID": "in whose millimetres it lies",
    "PatientIdentityRemoved": "what was de-identified says so still",
    "LongitudinalTemporalInformationModified": "what was de-identified says so still",
    "LossyImageCompression": "whether voxels of the source were lost",
}
#: of these codes the source's value is taken over and the standard's meaning written
DEIDENTIFICATION_CODES = "DeidentificationMethodCodeSequence"
#: free text of our own, where the source's method of de-identification is told in free text
DEIDENTIFIED = "As in the source series"
#: what every kind of object must state although the source may leave it out; empty then
MAY_BE_EMPTY = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex",
    "StudyDate", "StudyTime", "StudyID", "AccessionNumber",
)  # fmt: skip
#: without these no object can say what it belongs to, or where it lies
NEEDED = {
    "StudyInstanceUID": "study",
    "SeriesInstanceUID": "series",
    "SOPInstanceUID": "slice",
    "SOPClassUID": "kind of object",
    "FrameOfReferenceUID": "frame of reference",
}


def taken_over(header, into) -> None:
    """Fills ``into``, a pydicom dataset, from a source's header.

    Dates, times and words of the standard that are none are left empty.
    """
    from pydicom.sr.codedict import codes

    for word in MAY_BE_EMPTY:
        setattr(into, word, "")
    for word in TAKEN_OVER:
        if word in header:
            _take_over(header[word], into, word)
    methods = [_known(item, codes) for item in header.get(DEIDENTIFICATION_CODES) or ()]
    methods = [one for one in methods if one is not None]
    if methods:
        setattr(into, DEIDENTIFICATION_CODES, methods)
    elif str(into.get("PatientIdentityRemoved", "")).upper() == "YES":
        into.DeidentificationMethod = DEIDENTIFIED


def _take_over(element, into, word):
    from pydicom.valuerep import DA, TM

    # a name as text, which is spelled again in the object's own character set
    value = str(element.value or "")
    try:
        if element.VR in ("DA", "TM"):
            (DA if element.VR == "DA" else TM)(value)
        if word == "PatientSex" and value not in ("M", "F", "O", ""):
            raise ValueError
    except (ValueError, OverflowError):
        value = ""
    setattr(into, word, value)


def _known(item, codes):
    """The code again, its meaning from the standard (CID 7050); None for one of somebody's own."""
    from pydicom.dataset import Dataset

    value = str(item.get("CodeValue", ""))
    if str(item.get("CodingSchemeDesignator", "")) != "DCM":
        return None
    code = next((one for one in codes.cid7050.concepts.values() if one.value == value), None)
    if code is None:
        return None
    found = Dataset()
    found.CodeValue, found.CodingSchemeDesignator, found.CodeMeaning = code.value, "DCM", code.meaning
    return found
