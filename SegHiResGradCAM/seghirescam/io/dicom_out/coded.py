"""What a result is, in the codes of DICOM and SNOMED CT."""

from __future__ import annotations

import re

#: methods that do not look at gradients; every other one at a layer does
GRADIENT_FREE = frozenset({"cam", "seg_eigen_cam", "seg_score_cam", "seg_ablation_cam"})
#: BodyPartExamined (PS3.16, annex L) -> pydicom's word for the SNOMED CT concept
_BODY_PARTS = {
    "HEAD": "Head", "BRAIN": "Brain", "NECK": "Neck", "CHEST": "Chest", "ABDOMEN": "Abdomen", "PELVIS": "Pelvis",
    "SPINE": "Spine", "BREAST": "Breast", "LIVER": "Liver", "PROSTATE": "Prostate", "HEART": "Heart", "KNEE": "Knee",
}  # fmt: skip
#: names of classes that say one thing only -> (category, type)
_ORGANS = (
    "Liver", "Spleen", "Pancreas", "Kidney", "Stomach", "Lung", "Heart", "Brain", "Prostate", "Aorta", "Tooth",
    "Mandible", "Breast",
)  # fmt: skip
_ABNORMAL = {"lesion": "Lesion", "tumor": "Neoplasm", "tumour": "Neoplasm", "neoplasm": "Neoplasm"}


def quantity(method: str, part: str):
    """Of CID 217 "Visual explanation". part: of the layer; "input" for maps of the image itself."""
    from pydicom.sr.codedict import codes

    if part == "input":
        return codes.cid217.Saliency
    return codes.cid217.ClassActivation if method in GRADIENT_FREE else codes.cid217.GradientWeightedClassActivation


def unit(per: str = ""):
    """UCUM: scores have no unit. per: "ml" for densities."""
    from pydicom.sr.coding import Code

    return Code("/mL", "UCUM", "per milliliter") if per == "ml" else Code("1", "UCUM", "no units")


def body_part(word: str):
    """Of what a source says in BodyPartExamined; the whole body where that is no word we know."""
    from pydicom.sr.codedict import codes

    return getattr(codes.SCT, _BODY_PARTS.get(word.strip().upper(), "EntireBody"))


def property_of(class_name: str) -> tuple:
    """(category, type) of a class, where its name says one thing only; "tissue", Slicer's word, where not."""
    from pydicom.sr.codedict import codes

    word = re.sub(r"[^a-z]+", "", class_name.lower())
    for organ in _ORGANS:
        if word == organ.lower():
            return codes.SCT.AnatomicalStructure, getattr(codes.SCT, organ)
    if word in _ABNORMAL:
        return codes.SCT.MorphologicallyAbnormalStructure, getattr(codes.SCT, _ABNORMAL[word])
    return codes.SCT.Tissue, codes.SCT.Tissue


def region_of_evidence(method: str, part: str) -> tuple:
    """(category, type) of a region of a map."""
    from pydicom.sr.codedict import codes

    return codes.cid7150.SpatialAndRelationalConcept, quantity(method, part)
