#!/usr/bin/env python3
"""Writes what translators start from: Resources/Translations/SegHiResGradCAM_en-US.ts, in Qt Linguist's format.

    python3 tools/write_translations.py            after a text has changed
    python3 tools/write_translations.py --check    changes nothing; exit code 1 if the file on disk differs

As Slicer's update_translations.py makes it, with lupdate: the contexts of slicer.i18n, messages by context and place; a
place is a file without a line, so that moving a text changes nothing.  It is what SlicerLanguageTranslations takes.
Standard library only.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from xml.sax.saxutils import escape

import user_texts

FILE = user_texts.ROOT / "Resources" / "Translations" / "SegHiResGradCAM_en-US.ts"
#: as lupdate writes them
_QUOTES = {"'": "&apos;", '"': "&quot;"}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="only compare")
    options = parser.parse_args(arguments)
    text = template()
    if FILE.exists() and FILE.read_bytes().decode("utf-8") == text:
        return 0
    if options.check:
        print("The texts have changed. Write them again:  python3 tools/write_translations.py")
        return 1
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_bytes(text.encode("utf-8"))
    print(f"written: {FILE.relative_to(user_texts.ROOT)}")
    return 0


def texts() -> dict[str, dict[str, list[str]]]:
    """context -> text -> files it stands in."""
    found: dict[str, dict[str, list[str]]] = {}
    listed = [one for form in user_texts.forms() for one in user_texts.of_form(form)]
    listed += [one for source in user_texts.sources() for one in user_texts.wrapped(source)]
    for one in listed:
        files = found.setdefault(one.context, {}).setdefault(one.text, [])
        if one.file not in files:
            files.append(one.file)
    return found


def template(translated=lambda text: None) -> str:
    """The .ts file.  translated(text): a translation, None while there is none."""
    lines = ['<?xml version="1.0" encoding="utf-8"?>', "<!DOCTYPE TS>", '<TS version="2.1" language="en-US">']
    for context, messages in sorted(texts().items()):
        lines += ["<context>", f"    <name>{escape(context)}</name>"]
        for text, files in sorted(messages.items()):
            found = translated(text)
            told = ' type="unfinished">' if found is None else f">{escape(found, _QUOTES)}"
            lines += [
                "    <message>",
                *(f'        <location filename="{escape(Path(file).as_posix(), _QUOTES)}"/>' for file in files),
                f"        <source>{escape(text, _QUOTES)}</source>",
                f"        <translation{told}</translation>",
                "    </message>",
            ]
        lines += ["</context>"]
    return "\n".join([*lines, "</TS>", ""])


if __name__ == "__main__":
    sys.exit(main())
