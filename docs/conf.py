"""Sphinx configuration: `./script.sh all docs` builds the site, warnings as errors."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from ai4sim import __version__  # noqa: E402

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
# References of torch, Lightning and NumPy lead out of this site.
nitpicky = False
