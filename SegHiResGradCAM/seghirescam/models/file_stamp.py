"""Whether a model's files are still those that were read: by what the file system says, and by their content.

Size and modification time can be kept by a copy (``cp -p``, ``os.utime``, an unpacked archive).  On POSIX the change
time cannot be set, but its clock is coarse: only a file that had been at rest when its content was hashed is trusted
by its times again.  On Windows that time is the creation's, so that there the content is hashed every time.
"""

from __future__ import annotations

import hashlib
import os
import time

#: no file system's clock is coarser (FAT: two seconds)
_AT_REST = 2.5

_KNOWN: dict[str, tuple] = {}


def file_stamp(path) -> tuple:
    """Changes whenever the file's content does. Raises OSError."""
    found = os.stat(path)
    facts = (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev)
    if os.path.isdir(path):
        return (str(path), *facts)
    name = os.path.abspath(path)
    known = _KNOWN.get(name)
    if known is not None and known[0] == facts and os.name != "nt":
        return (str(path), found.st_size, known[1])
    content = _content(path)
    newest = max(found.st_mtime, found.st_ctime)
    if time.time() - newest > _AT_REST:
        _KNOWN[name] = facts, content
    else:
        _KNOWN.pop(name, None)
    return (str(path), found.st_size, content)


def _content(path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
