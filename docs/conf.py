"""Sphinx configuration: `./script.sh all docs` builds the site, warnings as errors."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from ai4sim import __version__  # noqa: E402
from sessions.registry import folder_of, package_of, use_cases  # noqa: E402

# Listing the modules imports all of them, but nox takes the sessions of one noxfile only.
for use_case in use_cases().values():
    noxfile = f"{package_of(use_case)}.noxfile"
    sys.modules[noxfile] = ModuleType(noxfile)

project = "AI4Sim"
author = "The AI4Sim collaboration"
copyright = "The AI4Sim collaboration, Apache-2.0"  # noqa: A001 (Sphinx's name)
release = version = __version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "images"]
html_theme = "furo"
html_title = "AI4Sim"

autosummary_generate = True
autodoc_typehints = "none"  # they stand in the signature's docstring, with shape and unit
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_preserve_defaults = True
napoleon_google_docstring = False
napoleon_use_ivar = True
# The words of a shape, "(nodes, channels)", are taken for names of attributes.
suppress_warnings = ["ref.python"]


def escape_mathematics(
    app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Keep ``|grad c|`` and ``(batch, *space)`` in docstrings from being read as markup."""
    for number, line in enumerate(lines):
        pieces = re.split(r"(`+[^`]*`+)", line)  # what stands in backticks is left as it is
        pieces[::2] = [
            re.sub(r"(?<!\\)(\|(?=\S)|\*(?=\w+[,)\]]))", r"\\\1", text) for text in pieces[::2]
        ]
        lines[number] = "".join(pieces)


def find_images(app: Sphinx, relative_path: Path, parent_docname: str, content: list[str]) -> None:
    """Let the images of a README that is included here be found from here, however deep it lies."""
    content[0] = re.sub(r"image:: (\.\./)+docs/images/", "image:: /images/", content[0])


def write_pages(app: Sphinx) -> None:
    """Write the page of each use case, which includes its README."""
    folder = Path(app.srcdir) / "use_cases"
    folder.mkdir(exist_ok=True)
    for stale in folder.glob("*.rst"):
        if stale.stem not in use_cases():
            stale.unlink()
    for name, use_case in use_cases().items():
        page = folder / f"{name}.rst"
        text = f".. include:: ../../{folder_of(use_case)}/README.rst\n"
        if not page.is_file() or page.read_text() != text:
            page.write_text(text)


def setup(app: Sphinx) -> None:
    """Write pages, and mend docstrings and included files as they are read."""
    app.connect("builder-inited", write_pages)
    app.connect("autodoc-process-docstring", escape_mathematics)
    app.connect("include-read", find_images)
