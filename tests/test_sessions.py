"""Environments of the sessions: what decides that they are made, and how uv is told of a site."""

import pytest

import sessions
from sessions import checks, environments, registry


def test_pip_wheelhouses_are_handed_to_uv_and_missing_ones_dropped(tmp_path):
    here, gone = tmp_path / "wheels", tmp_path / "gone"
    here.mkdir()
    settings = environments.uv_settings(
        {"PIP_FIND_LINKS": f"{here} {gone} https://wheels.example/links"}
    )
    assert settings["UV_FIND_LINKS"] == f"{here},https://wheels.example/links"


def test_uv_is_told_of_no_wheelhouse_where_there_is_none(tmp_path):
    assert "UV_FIND_LINKS" not in environments.uv_settings({})
    assert "UV_FIND_LINKS" not in environments.uv_settings(
        {"PIP_FIND_LINKS": str(tmp_path / "gone")}
    )


def test_index_and_certificates_of_a_site_are_handed_to_uv():
    settings = environments.uv_settings(
        {"PIP_INDEX_URL": "https://mirror/simple", "PIP_CERT": "/ca.crt"}
    )
    assert settings["UV_DEFAULT_INDEX"] == "https://mirror/simple"
    assert settings["SSL_CERT_FILE"] == "/ca.crt"


def test_an_environment_is_current_until_what_decides_its_contents_changes(tmp_path, monkeypatch):
    for name in ("PYPROJECT", "CONSTRAINTS"):
        file = tmp_path / name
        file.write_text("numpy>=2\n")
        monkeypatch.setattr(environments, name, file)
    before = environments.fingerprint(["test", "lint"])
    assert environments.fingerprint(["lint", "test"]) == before
    assert environments.fingerprint(["test"]) != before
    (tmp_path / "CONSTRAINTS").write_text("numpy==2.1\n")
    assert environments.fingerprint(["test", "lint"]) != before


def test_tests_of_a_use_case_leave_out_its_neighbours(tmp_path, monkeypatch):
    monkeypatch.setattr(checks, "ROOT", tmp_path)
    monkeypatch.setattr(registry, "ROOT", tmp_path)
    wings = ["combustion/physics", "combustion/tests"]
    for folder in ("ai4sim", "combustion", *wings, "combustion/unets", "combustion/gnns", "wmed"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "__init__.py").touch()
    (tmp_path / "combustion/models.py").touch()
    parts = checks.relative(checks.parts_of(tmp_path / "combustion/unets"))
    assert parts == ["ai4sim", "combustion/models.py", *wings, "combustion/unets"]
    assert checks.relative(checks.parts_of(tmp_path / "wmed")) == ["ai4sim", "wmed"]


def test_a_noxfile_outside_the_table_is_an_error(tmp_path, monkeypatch):
    for module in (sessions, checks, registry):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    with pytest.raises(ValueError, match=r"tool\.ai4sim\.use-cases.*combustion/piv"):
        sessions.define_sessions(str(tmp_path / "combustion/piv/noxfile.py"), download="x")
