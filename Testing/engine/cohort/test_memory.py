"""What is held of every question of a large cohort, in bytes: a plan's row, and what the journal says of it."""

import hashlib
import tracemalloc

import pytest

from engine.cohort_cases import plan
from seghirescam.cohort.journal import Entry, Journal
from seghirescam.cohort.plans.expanded import expanded
from seghirescam.cohort.run_folder import RunFolder
from seghirescam.cohort.running.job import Plan
from seghirescam.cohort.settings import Settings

COUNT = 5000


@pytest.fixture
def traced():
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[0] / COUNT
    tracemalloc.stop()


def test_a_plan_holds_less_than_eight_hundred_bytes_a_question(tmp_path, traced):
    """1000 cases x 5 models, words as long as they are."""
    rows = [
        {"case": f"patient {n // 5}", "images": f"ct/patient_{n // 5}.nii.gz", "segment": f"seg/{n // 5}.seg.nrrd",
         "label": "1", "model": f"nnUNet_results/model_{n % 5}/fold_all", "target": "lesion", "group": "site a"}
        for n in range(COUNT)
    ]  # fmt: skip
    where = plan(tmp_path, rows)
    del rows
    before = traced()
    held = Plan.of(expanded(where), Settings().refuse)
    assert held.rows == COUNT and traced() - before < 800
    one, other = held.jobs[0].rows[0][1], held.jobs[1000].rows[0][1]
    assert one.images[0] is other.images[0] and one.target is other.target and one.model != other.model


def test_the_journal_holds_less_than_seven_hundred_bytes_a_question(tmp_path, traced):
    run = RunFolder(tmp_path / "run")
    run.begin({}, "plan", COUNT)
    journal = Journal(run)
    for n in range(COUNT):
        image, model, segment = (hashlib.sha256(word.encode()).hexdigest() for word in (f"i{n // 5}", f"m{n % 5}", "s"))
        key = image[:12] + model[:12] + hashlib.sha256(str(n).encode()).hexdigest()[:40]
        journal.note(f"{n:032x}", Entry(key, hashes=(image, model, segment, "")))
    journal.close()
    before = traced()
    known = journal.read()
    assert len(known) == COUNT and traced() - before < 700
    first, sixth = known[f"{0:032x}"], known[f"{5:032x}"]
    assert first.hashes[0] == hashlib.sha256(b"i0").hexdigest()[:12] and first.hashes[1] is sixth.hashes[1]
