"""The page of one result: what was asked about a case, what was found, its figures, and every map of it."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ... import __version__
from ...figures.report.odd import RULE, order
from ...figures.report.page import NOTHING, Page, Picture
from ..evaluation_files import RESULT as EVALUATION
from ..manifest import NAME as MANIFEST
from ..manifest import Run
from ..outputs import OutputError
from ..sidecars import FORMAT as SIDECAR
from ..sidecars import Stored
from .links import NO_LINKS, Links
from .result_sections import evaluated, explained, judged_map
from .result_tables import csv_table, painting_tables, sentences
from .shown_image import ShownImage

#: figures, and bytes of one: larger ones are named
MOST_FIGURES, MOST_BYTES = 12, 6_000_000
MOST_SECTIONS = 60
#: of a laptop, what a figure may take of it
_SCREEN = (1150, 1000)
_TITLES = {
    "explain": "What a model looked at", "compare": "Methods and layers compared", "paint": "A region masked out",
    "disagree": "Two models on one case", "causes": "What the score is made of", "flip": "What flips the prediction",
    "evaluate": "Is the map faithful?",
}  # fmt: skip
_SCALE = (
    "Share inside: of the positive evidence, what lies in the pixel set; lift: that share beside the share that evenly "
    "spread evidence would have. Completeness: what the map adds up to, of the score."
)


@dataclass
class ResultPage:
    """image: path of the image to draw behind the maps, or None.  signed: both signs of every map."""

    folder: Path
    run: Run
    links: Links
    image: str | None
    progress: object
    signed: bool = False

    def page(self) -> Page:
        """Raises OutputError, ImageError, DependencyError."""
        self.progress(0.0, "reading")
        facts = json.loads((self.folder / MANIFEST).read_text(encoding="utf-8"))
        names = sorted(self.run.files)
        told = {name: self._json(name) for name in names if name.endswith(".json")}
        stored = [Stored((self.folder / name).parent, one) for name, one in told.items() if _format(one) == SIDECAR]
        shown = ShownImage.of(self.image, stored, self.signed)
        judged = [judged_map(one.facts) for one in stored]
        first = sorted(range(len(stored)), key=lambda n: order([judged[n]], f"{n:06d}"))
        sections = []
        for n, place in enumerate(first[:MOST_SECTIONS]):
            self.progress(0.1 + 0.8 * n / len(stored), f"map {n + 1} of {len(stored)}")
            sections.append(explained(stored[place], place + 1, judged[place], shown, self.links))
        evaluation = told.get(EVALUATION)
        if evaluation is not None:
            found = [evaluated(one, n) for n, one in enumerate(evaluation["evaluations"], start=1)]
            found.sort(key=lambda pair: order([pair[1]], pair[0].name))
            judged += [one for _, one in found]
            sections += [section for section, _ in found[:MOST_SECTIONS]]
        odd = sum(bool(one.oddities) for one in judged)
        result = told.get("result.json") or {}
        tables = [
            *painting_tables(result),
            *(csv_table(name, self._file(name)) for name in names if name == "table.csv"),
        ]
        pictures, notes = self._figures(names)
        count = f"{len(judged)} map{'s' * (len(judged) != 1)}"
        called = (facts.get("model") or {}).get("name") or "A model"
        lead = f"{called}: {count}, {odd} with something odd." if judged else ""
        return Page(
            title=_TITLES.get(self.run.command, f"A result of seghirescam {self.run.command}"),
            lead=lead or f"{called}.",
            facts=self._facts(facts),
            rule=RULE,
            tables=tuple(tables),
            texts=tuple(sentences(result)),
            pictures=tuple(pictures),
            sections=tuple(sections),
            sections_title="Maps, the odd ones first",
            sections_note=self._note(len(judged), len(stored)),
            notes=(_SCALE, *notes, *(_list(result.get("notes")) or _list((evaluation or {}).get("notes"))))
            + (() if self.links.linking else (NO_LINKS,)),
            made_by=f"Made by seghirescam {__version__} from the files that run.json lists.",
        )

    def _json(self, name: str) -> dict:
        try:
            facts = json.loads(self._file(name).read_text(encoding="utf-8"))
        except ValueError:
            facts = None
        return facts if isinstance(facts, dict) else {}

    def _file(self, name: str) -> Path:
        """Raises OutputError for one that is not there any more as it was written."""
        if not self.run.holds(self.folder, name):
            raise OutputError(f"'{name}' is not what the run in this folder wrote.", "Run the command again.")
        return self.folder / name

    def _figures(self, names: list[str]) -> tuple[list[Picture], list[str]]:
        found, notes = [], []
        caption = self._file("caption.txt").read_text(encoding="utf-8").strip() if "caption.txt" in names else ""
        for name in [name for name in names if name.endswith(".png")][:MOST_FIGURES]:
            path = self._file(name)
            if path.stat().st_size > MOST_BYTES:
                notes.append(f"{name} is larger than {MOST_BYTES // 10**6} MB, and not shown here.")
                continue
            png = path.read_bytes()
            # the sheets draw their caption; read aloud it is the picture's description
            told = caption if "sheet" in name else ""
            found.append(Picture(png, told or f"The figure {name}", "", _wide(png)))
        return found, notes

    def _facts(self, facts: dict) -> tuple[tuple[str, str], ...]:
        request, model = facts.get("request") or {}, facts.get("model") or {}
        when = datetime.fromtimestamp((self.folder / MANIFEST).stat().st_mtime, UTC)
        asked = _list(request.get("questions")) or [request.get("question") or {}]
        told = [("Asked by", f"seghirescam {self.run.command}, version {facts.get('engine_version')}")]
        told.append(
            ("Model", f"{model.get('name')}, {model.get('kind')}, weights {_short(request.get('weights_sha256'))}")
        )
        told.append(("Image", _channels(request.get("channels")) or NOTHING))
        if request.get("segment_sha256"):
            told.append(("Segment", _short(request["segment_sha256"])))
        told += [("Question", text) for text in dict.fromkeys(_question(one) for one in asked if one)]
        told.append(("Date", f"{when:%Y-%m-%d %H:%M} UTC, when run.json was written; a result itself records no time"))
        return tuple(told)

    def _note(self, count: int, maps: int) -> str:
        told = [f"The first {MOST_SECTIONS} of {count} by this rule."] if count > MOST_SECTIONS else []
        told += ["No image was given (--image), so the maps stand alone."] if maps and not self.image else []
        return " ".join(told)


def _wide(png: bytes) -> int:
    """In CSS pixels, so that a figure of 150 dpi has its size on paper and none is wider or taller than a screen."""
    wide, tall = struct.unpack(">II", png[16:24])
    return max(1, round(min(_SCREEN[0], wide * 96 / 150, _SCREEN[1] * wide / max(1, tall))))


def _format(facts: dict) -> str:
    good = isinstance(facts.get("file"), dict) and {"request", "pixel_set_file", "layer"} <= facts.keys()
    return facts.get("format", "") if good else ""


def _question(question: dict) -> str:
    told = {name: value for name, value in sorted(question.items()) if value not in (None, [], "", False)}
    return "; ".join(
        f"{name.replace('_', ' ')}: {' '.join(map(str, value)) if isinstance(value, list) else value}"
        for name, value in told.items()
    )


def _channels(channels: object) -> str:
    """Of one model, or of two."""
    found = _list(channels)
    if found and isinstance(found[0], list):
        return "; ".join(f"{side}: {_channels(one)}" for side, one in zip("AB", found, strict=False))
    return ", ".join(f"{one.get('name')} {_short(one.get('sha256'))}" for one in found if isinstance(one, dict))


def _short(digest: object) -> str:
    """A hash's first digits; of several models all."""
    if isinstance(digest, list):
        return ", ".join(_short(one) for one in digest)
    return str(digest)[:12] if digest else NOTHING


def _list(value: object) -> list:
    return value if isinstance(value, list) else []
