"""Fixtures of the repository's own tests."""

import shutil

import pytest

from sessions.registry import ROOT

LEFT_OUT = shutil.ignore_patterns(
    ".?*", "__pycache__", "experiments", "images", "*.egg-info", "build"
)


@pytest.fixture(scope="session")
def checkout(tmp_path_factory):
    """A fresh clone."""
    folder = tmp_path_factory.mktemp("clone") / "ai4sim"
    shutil.copytree(ROOT, folder, ignore=LEFT_OUT)
    for data in [*folder.glob("*/data/raw"), *folder.glob("*/*/data/raw")]:
        shutil.rmtree(data.parent)
    return folder
