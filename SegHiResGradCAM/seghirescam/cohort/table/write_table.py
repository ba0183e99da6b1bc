"""The tables of a run, streamed from its questions in the order of their keys: CSV always, Parquet where pyarrow is.

The order and the columns follow from the content alone, so that the bytes are the same from any way of running.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...protocol.csv_text import write_rows
from ...protocol.writing.swap import settle
from ..content_key import SHORT
from ..run_folder import BY_LABEL, TABLE, RunFolder, written
from .columns import BY_LABEL_FIRST, BY_LABEL_WORDS, FIRST, KEYS, WHOLE, WORDS, columns_of, numbers_in

#: cells at once in a Parquet file's group
_GROUP = 200_000


@dataclass(frozen=True, slots=True)
class Answered:
    """A finished question of the plan. group: the plan's words, of several rows of the same content all."""

    key: str
    hashes: tuple[str, ...]
    group: str = ""


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A failed one: number in the plan, what is known of its content, why."""

    number: int
    hashes: tuple[str, ...]
    group: str
    code: str
    sentence: str


def write_tables(run: RunFolder, answered: Sequence[Answered], failed: Sequence[Unanswered]) -> dict[str, int]:
    """{file name: its lines}. Files are replaced whole.

    Raises DiskError, and FileNotFoundError for a question that is not there any more.
    """
    order = sorted(answered, key=lambda one: one.key)
    failures = sorted(failed, key=lambda one: one.number)

    def lines(part: str) -> Iterator[dict]:
        for one in order:
            facts = run.question(one.key)
            if facts is None:
                raise FileNotFoundError(f"The question {one.key} is gone.")
            base = _keys(one.hashes, one.key) | {"group": one.group}
            for line in facts[part]:
                yield base | line
        if part == "lines":
            yield from map(_failure, failures)

    found = _both(run, TABLE, WORDS, FIRST, lambda: lines("lines"))
    return found | _both(run, BY_LABEL, BY_LABEL_WORDS, BY_LABEL_FIRST, lambda: lines("by_label"))


def _both(
    run: RunFolder, name: str, words: Sequence[str], first: Sequence[str], lines: Callable[[], Iterator[dict]]
) -> dict[str, int]:
    """One table in both forms; lines: all of them, anew at each call."""
    columns = [*KEYS, *words, *_columns(lines(), first)]
    found = {f"{name}.csv": _written(run, f"{name}.csv", lambda path: _csv(path, columns, lines()))}
    if _pyarrow() is not None:
        made = _written(run, f"{name}.parquet", lambda path: _parquet(path, columns, words, lines()))
        found[f"{name}.parquet"] = made
    return found


def _keys(hashes: Sequence[str], key: str) -> dict[str, str]:
    image, model, segment, reference = (one[:SHORT] for one in hashes)
    return {
        "image": image, "model": model, "segment": segment, "reference": reference, "question": key[2 * SHORT :][:16],
    }  # fmt: skip


def _failure(one: Unanswered) -> dict:
    told = {"status": "failed", "error": one.code, "sentence": one.sentence, "plan row": one.number}
    return _keys(one.hashes, "") | {"group": one.group} | told


def _columns(lines: Iterable[dict], first: Sequence[str]) -> list[str]:
    """Of the numbers, in the order in which sorted lines have them; chance and lift where one has them."""
    with_chance: dict[str, bool] = dict.fromkeys(first, False)
    for line in lines:
        for name in numbers_in(line):
            with_chance[name] = with_chance.get(name, False) or f"{name} chance" in line
    return [column for name, chance in with_chance.items() for column in columns_of(name, chance)]


def _written(run: RunFolder, name: str, work: Callable[[Path], int]) -> int:
    with written(), run.scratch() as scratch:
        count = work(scratch / name)
        settle(scratch / name)
        os.replace(scratch / name, run.path / name)
        return count


def _csv(path: Path, columns: Sequence[str], lines: Iterable[dict]) -> int:
    count = 0

    def counted() -> Iterator[dict]:
        nonlocal count
        for line in lines:
            count += 1
            yield line

    write_rows(path, columns, counted())
    return count


def _pyarrow():
    try:
        import pyarrow.parquet
    except ImportError:
        return None
    return pyarrow


def _parquet(path: Path, columns: Sequence[str], words: Sequence[str], lines: Iterable[dict]) -> int:
    arrow = _pyarrow()
    texts = {*KEYS, *words} - set(WHOLE)

    def kind(name: str):
        if name in WHOLE:
            return arrow.int64()
        return arrow.string() if name in texts or name.endswith((" unit", " status")) else arrow.float64()

    schema = arrow.schema([(name, kind(name)) for name in columns])
    count = 0
    with arrow.parquet.ParquetWriter(path, schema) as writer:
        for group in _groups(lines, max(1, _GROUP // len(columns))):
            writer.write_table(arrow.Table.from_pylist(group, schema=schema))
            count += len(group)
        if not count:
            writer.write_table(schema.empty_table())
    return count


def _groups(lines: Iterable[dict], most: int) -> Iterator[list[dict]]:
    group: list[dict] = []
    for line in lines:
        group.append(line)
        if len(group) == most:
            yield group
            group = []
    if group:
        yield group
