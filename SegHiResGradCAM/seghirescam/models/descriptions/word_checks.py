"""The words that all descriptions share, checked in one place, and the sentence for a word that is none.

``name``; ``classes`` and ``channels``: lists of words; ``spatial_dims``: 2 or 3; ``head``, ``activation``, ``axes``,
``output``: :mod:`description_words`; ``assumed``: the words, or ``arguments.<name>``, that ``seghirescam init`` had to
assume: results say so until the list no longer names them.  Standard library only.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence

from ...protocol.errors import ModelError
from ...protocol.untrusted import short
from .. import description_words
from .description_file import UNREAD

_LISTS = ("classes", "channels", "requirements", "assumed")
_SHOWN = 5


def refuse_unknown_words(words: dict, known: Collection[str], needed: Collection[str] = ()) -> None:
    """Raises ModelError for the first word that is none, with the nearest one; else for those that are missing."""
    for word in words:
        if word in known or word in UNREAD:
            continue
        near = difflib.get_close_matches(str(word), sorted(known), n=1, cutoff=0.6)
        meant = f"; did you mean '{near[0]}'?" if near else "."
        raise ModelError(
            f"{short(repr(str(word)), 80)} is no word of a model description{meant}",
            f"Known words: {', '.join(sorted(known))}.",
            word=str(word),
        )
    missing = [word for word in needed if not words.get(word)]
    if missing:
        raise ModelError(
            f"The model's description lacks {', '.join(missing)}.", f"Known words: {', '.join(sorted(known))}."
        )


def checked(values: dict, distinct: Sequence[str] = ("classes",)) -> dict:
    """The values with the shared words checked and lists as tuples; others as they are. Raises ModelError.

    distinct: lists whose words must differ.
    """
    found = dict(values)
    for word in _LISTS:
        if word in values:
            found[word] = _words(word, values[word], word in distinct)
    description_words.refuse_unknown(**{word: values.get(word) for word in description_words.WORDS})
    dims = values.get("spatial_dims", 3)
    if isinstance(dims, bool) or dims not in (2, 3) or not isinstance(dims, int):
        raise ModelError(
            f"The description's spatial_dims {seen(dims)} is unknown.", "Known: 2, 3.", word="spatial_dims"
        )
    if not isinstance(values.get("name", ""), str):
        sentence = f"The description must hold name as a word, not {seen(values['name'])}."
        raise ModelError(sentence, "Write it in quotation marks.", word="name")
    return found


def assumed_note(assumed: Sequence[str]) -> tuple[str, ...]:
    """The sentence of results for words nobody has confirmed; () where there are none."""
    if not assumed:
        return ()
    listed = ", ".join(short(word, 60) for word in assumed[:10]) + (", ..." if len(assumed) > 10 else "")
    return (
        f"Assumed when the model's description was written, and not confirmed since: {listed}. The comments there say "
        "how to check them; take confirmed ones off the list 'assumed'.",
    )


def seen(value: object) -> str:
    """A value for a sentence."""
    return short(repr(value), 80)


def _words(word, value, distinct):
    may_be_empty = word in ("requirements", "assumed")
    if (
        not isinstance(value, (list, tuple))
        or not (value or may_be_empty)
        or not all(isinstance(v, str) and v.strip() for v in value)
    ):
        raise ModelError(
            f"The description must hold {word} as a list of words, not {seen(value)}.",
            f'As {word} = ["first", "second"].' if word != "assumed" else 'As assumed = ["classes"].',
            word=word,
        )
    if distinct and len({v.strip().lower() for v in value}) != len(value):
        raise ModelError(f"Two {word} of the description have the same name.", "Name them apart.", word=word)
    return tuple(value)
