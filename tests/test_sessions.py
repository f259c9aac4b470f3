"""Environments of the sessions: what decides that they are made, and how uv is told of a site."""

from contextlib import chdir
from pathlib import Path
from types import SimpleNamespace

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


def declare(root: Path, folder: str) -> None:
    """Put a declaration of a use case into a checkout."""
    name = folder.replace("/", "_")
    text = f'USE_CASE = UseCase("{name}", "", Path(__file__).parent, "", "", "download")'
    imports = "from pathlib import Path\nfrom ai4sim.use_case import UseCase\n"
    (root / folder / "config.py").write_text(imports + text)


def test_tests_of_a_use_case_leave_out_its_neighbours(tmp_path, monkeypatch):
    monkeypatch.setattr(checks, "ROOT", tmp_path)
    wings = ["combustion/physics", "combustion/tests"]
    for folder in ("ai4sim", "combustion", *wings, "combustion/unets", "combustion/gnns", "wmed"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "__init__.py").touch()
    (tmp_path / "combustion/models.py").touch()
    for folder in ("combustion/unets", "combustion/gnns", "wmed"):
        declare(tmp_path, folder)
    parts = checks.relative(checks.parts_of(tmp_path / "combustion/unets"))
    assert parts == ["ai4sim", "combustion/models.py", *wings, "combustion/unets"]
    assert checks.relative(checks.parts_of(tmp_path / "wmed")) == ["ai4sim", "wmed"]


def test_use_cases_are_found_by_their_declarations(tmp_path):
    for folder in ("combustion/piv", "sea"):
        (tmp_path / folder).mkdir(parents=True)
        declare(tmp_path, folder)
    for folder, text in {
        "other": "DEPTH = 3\n",
        "broken": "print 1 # \xe9",
        "mine": "1 / 0",
    }.items():
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "config.py").write_bytes(text.encode("latin-1"))
    found = registry.use_cases(tmp_path)
    assert list(found) == ["combustion_piv", "sea"]
    assert found["sea"].data == tmp_path / "sea" / "data"


def test_two_use_cases_of_one_name_are_an_error(tmp_path):
    for folder in ("a/b", "a_b"):
        (tmp_path / folder).mkdir(parents=True)
        declare(tmp_path, folder)
    with pytest.raises(ValueError, match=r"a_b/config.py: use case 'a_b' .*a/b/config.py too"):
        registry.use_cases(tmp_path)


@pytest.mark.parametrize("chosen", [[], ["-k", "fit"]])
def test_a_use_case_runs_its_share_of_the_contract_whatever_tests_are_chosen(
    chosen, tmp_path, monkeypatch
):
    monkeypatch.setattr(checks, "REPORTS", tmp_path)
    calls = []
    session = SimpleNamespace(posargs=chosen, chdir=chdir)
    run = lambda *line, **variables: calls.append((line, variables))  # noqa: E731
    checks.run_tests(session, run, "wmed", [registry.ROOT / "wmed"])
    ((line, variables),) = calls
    assert {"wmed", checks.CONTRACT} <= set(line)
    assert [word for word in line if word.startswith("-k")] == chosen[:1]
    assert variables["CONTRACT_OF"] == "wmed"
    assert not any(word.startswith("--cov") for word in line)


@pytest.mark.parametrize(("chosen", "has_floor"), [([], True), (["-k", "fit"], False)])
def test_lines_are_counted_on_request_and_the_floor_holds_for_all_tests_only(
    chosen, has_floor, tmp_path, monkeypatch
):
    monkeypatch.setattr(checks, "REPORTS", tmp_path)
    calls = []
    session = SimpleNamespace(posargs=chosen, chdir=chdir)
    run = lambda *line, **_: calls.append(line)  # noqa: E731
    checks.run_tests(session, run, "wmed", [registry.ROOT / "wmed"], coverage=True)
    assert "--cov=wmed" in calls[0]
    assert (f"--cov-fail-under={checks.COVERAGE_FLOOR}" in calls[0]) is has_floor


def test_a_noxfile_without_a_declaration_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"combustion/piv/config.py: no USE_CASE; .*wmed"):
        sessions.define_sessions(str(tmp_path / "combustion/piv/noxfile.py"))


def test_a_use_case_without_requirements_of_its_own_needs_no_extra():
    tools = list(environments.DEVELOPMENT_EXTRAS)
    assert environments.extras_of(["wf_gwd"]) == sorted(tools)
    own = "wf_bias_correction"
    assert environments.extras_of(["wf_gwd", own]) == sorted([*tools, own])
