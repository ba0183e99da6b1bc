"""A page as HTML: one template, everything escaped, styles and pictures within, no script, nothing fetched."""

from __future__ import annotations

from importlib import resources

from ...protocol.errors import DependencyError
from .page import Page

TEMPLATE = "page.html.j2"


def html(page: Page) -> str:
    """The whole file. Raises DependencyError."""
    return _environment().from_string(_text(TEMPLATE)).render(page=page)


def _environment():
    try:
        from jinja2 import Environment, StrictUndefined
    except ImportError as error:
        raise DependencyError.of("A report", "jinja2", '"seghirescam[report]"') from error
    return Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def _text(name: str) -> str:
    return (resources.files(__package__) / name).read_text(encoding="utf-8")
