"""Leaves the sessions of the use cases out of the wheel; all else stands in pyproject.toml."""

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithoutSessions(build_py):
    """Take the modules of a package but ``noxfile.py``, which needs the checkout."""

    def find_package_modules(self, package: str, package_dir: str) -> list[tuple[str, str, str]]:
        """Return package, name and file of each module."""
        modules = super().find_package_modules(package, package_dir)
        return [module for module in modules if module[1] != "noxfile"]


setup(cmdclass={"build_py": BuildWithoutSessions})
