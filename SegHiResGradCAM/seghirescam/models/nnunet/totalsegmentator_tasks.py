"""What TotalSegmentator 2.18 does with each of its nnU-Net data sets (facts of its map_tasks_config.py and nnunet.py).

Only what changes the prediction is kept: which data sets make up a task, whether the image is resampled before nnU-Net
sees it, which folds are used, and what is done before or after that we cannot repeat.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    """datasets: numbers in DatasetNNN_*.  resampled: to the voxel size of the plans, first.  crop: what the image is
    cropped to with the help of another task.  folds: () = all there are."""

    datasets: tuple[int, ...]
    resampled: bool = True
    crop: str = ""
    folds: tuple[str, ...] = ("0",)


TASKS = {
    "total": Task((291, 292, 293, 294, 295)),
    "total_fast": Task((297,)),
    "total_fastest": Task((298,)),
    "total_v3": Task((831, 832, 833, 834, 835)),
    "total_v3_fast": Task((836,)),
    "total_v3_fastest": Task((837,)),
    "total_mr": Task((850, 851)),
    "total_fast_mr": Task((852,)),
    "total_fastest_mr": Task((853,)),
    "body": Task((299,)),
    "body_fast": Task((300,)),
    "body_mr": Task((597,)),
    "body_mr_fast": Task((598,)),
    "vertebrae_mr": Task((756,)),
    "lung_vessels": Task((117,), crop="the lungs"),
    "lung_vessels_LEGACY": Task((258,), resampled=False, crop="the lungs"),
    "cerebral_bleed": Task((150,), resampled=False, crop="the brain"),
    "hip_implant": Task((260,), resampled=False, crop="the hips and femurs"),
    "pleural_pericard_effusion": Task((315,), resampled=False, crop="the lungs", folds=()),
    "liver_vessels": Task((8,), resampled=False, crop="the liver"),
    "head_glands_cavities": Task((775,), crop="the skull"),
    "headneck_bones_vessels": Task((776,), crop="the neck"),
    "head_muscles": Task((777,), crop="the skull"),
    "headneck_muscles": Task((778, 779), crop="the neck"),
    "oculomotor_muscles": Task((351,), crop="the skull"),
    "lung_nodules": Task((913,), crop="the lungs"),
    "kidney_cysts": Task((789,), crop="the kidneys, liver, spleen and colon"),
    "breasts": Task((527,)),
    "ventricle_parts": Task((552,), crop="the brain"),
    "liver_segments": Task((570,), crop="the liver"),
    "liver_segments_mr": Task((576,), crop="the liver"),
    "liver_lesions": Task((591,), crop="the liver"),
    "liver_lesions_mr": Task((589,), crop="the liver"),
    "craniofacial_structures": Task((115,), crop="the skull"),
    "abdominal_muscles": Task((952,), crop="the trunk"),
    "teeth": Task((113,), crop="the teeth"),
    "trunk_cavities": Task((343,)),
    "brain_aneurysm": Task((615,), folds=()),
    "vertebrae_body": Task((305,)),
    "vertebrae_pp": Task((803,)),
    "heartchambers_highres": Task((301,), resampled=False, crop="the heart"),
    "appendicular_bones": Task((304,)),
    "appendicular_bones_mr": Task((855,)),
    "tissue_types": Task((481,)),
    "tissue_types_mr": Task((925,)),
    "tissue_4_types": Task((485,)),
    "face": Task((303,)),
    "face_mr": Task((856,)),
    "brain_structures": Task((409,), crop="the brain"),
    "thigh_shoulder_muscles": Task((857,)),
    "coronary_arteries": Task((509,), crop="the heart"),
    "coronary_arteries_LEGACY": Task((507,), crop="the heart"),
    "aortic_sinuses": Task((920,), crop="the heart"),
}


def task_of(dataset: int) -> str:
    """The task a data set belongs to, "" for one this list does not know (then it is taken as resampled)."""
    return next((name for name, task in TASKS.items() if dataset in task.datasets), "")


def step_of(task: str) -> float:
    """Window step as a fraction of the patch: wider for the whole-body tasks, in every resolution."""
    return 0.8 if task == "total" or task.startswith("total_") else 0.5
