from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from nlp_service.errors import BadInput
from nlp_service.settings import Settings, default_workers, read_settings

# The first two cells of a row of the settings table: | `NLP_PORT` | `8000` |
ROW = re.compile(r"^\| `(NLP_\w+)` \| ([^|]+) \|", re.MULTILINE)


def documented(repository: Path) -> dict[str, str]:
    return dict(ROW.findall((repository / "docs" / "operations.md").read_text("utf-8")))


def test_defaults_hold_without_any_variable() -> None:
    settings = read_settings()
    assert (settings.host, settings.port, settings.model, settings.deadline_s) == ("127.0.0.1", 8000, "fast", 10.0)


@pytest.mark.parametrize("name", ["NLP_PORT", "nlp_port", "Nlp_Port"])
def test_a_variable_is_read_in_any_case(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "9001")
    assert read_settings().port == 9001


def test_an_option_wins_over_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NLP_PORT", "9001")
    assert read_settings(port=9002).port == 9002


def test_an_option_that_was_not_given_leaves_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NLP_PORT", "9001")
    assert read_settings(port=None).port == 9001


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NLP_PORT", "")
    assert read_settings().port == 8000


@pytest.mark.parametrize("name", ["NLP_PROT", "nlp_prot"])
def test_an_unknown_variable_is_named_with_the_likely_one(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "9001")
    with pytest.raises(BadInput, match=rf"unknown setting {name}; did you mean NLP_PORT\?") as caught:
        read_settings()
    assert caught.value.param == name


def test_a_variable_of_another_program_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NLPX_PORT", "9001")
    monkeypatch.setenv("PORT", "9001")
    assert read_settings().port == 8000


def test_the_database_is_a_file_in_the_data_folder_unless_it_is_named() -> None:
    assert read_settings(data="/srv/kept").database == "/srv/kept/nlp_service.db"
    assert read_settings(data="/srv/kept", db="postgresql://host/name").database == "postgresql://host/name"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NLP_PORT", "65536"),  # one over the last port
        ("NLP_PORT", "-1"),
        ("NLP_PORT", "eight"),
        ("NLP_WORKERS", "0"),
        ("NLP_WORKERS", "65"),
        ("NLP_DEADLINE_S", "0"),  # the bound itself is refused
        ("NLP_DEADLINE_S", "nan"),
        ("NLP_DEADLINE_S", "inf"),
        ("NLP_QUEUE_MESSAGES", "0"),
        ("NLP_MAX_MESSAGES", "0"),
        ("NLP_MAX_TEXT", "0"),
        ("NLP_MAX_BODY_BYTES", "1023"),
        ("NLP_LLM_TIMEOUT_S", "0"),
        ("NLP_LLM_TIMEOUT_S", "inf"),
        ("NLP_LOG_LEVEL", "loud"),
        ("NLP_AUTH", "none"),
    ],
)
def test_a_refused_value_names_its_variable(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadInput, match=f"^{name}: ") as caught:
        read_settings()
    assert caught.value.param == name


LOOPBACK = ["127.0.0.1", "127.8.8.8", "::1", "localhost", "LOCALHOST"]
OTHERS = ["0.0.0.0", "::", "192.168.1.4", "example.org", "127.0.0.1.example.org"]


@pytest.mark.parametrize("host", LOOPBACK)
def test_without_keys_loopback_hosts_are_taken(host: str) -> None:
    assert read_settings(host=host, auth="off").host == host


@pytest.mark.parametrize("host", OTHERS)
def test_without_keys_any_other_host_is_refused(host: str) -> None:
    with pytest.raises(BadInput, match="NLP_HOST must be loopback"):
        read_settings(host=host, auth="off")


@pytest.mark.parametrize("host", [*LOOPBACK, *OTHERS])
def test_with_keys_any_host_is_taken(host: str) -> None:
    assert read_settings(host=host).host == host


def test_keys_are_asked_for_unless_that_is_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_settings().auth == "keys"
    monkeypatch.setenv("NLP_AUTH", "Off")
    assert read_settings().auth == "off"


def test_the_queue_must_hold_one_full_request() -> None:
    assert read_settings(queue_messages=512, max_messages=512).queue_messages == 512
    with pytest.raises(BadInput, match="NLP_QUEUE_MESSAGES is smaller than NLP_MAX_MESSAGES"):
        read_settings(queue_messages=511, max_messages=512)


@pytest.mark.parametrize(("given", "missing"), [("NLP_LLM_URL", "NLP_LLM_MODEL"), ("NLP_LLM_MODEL", "NLP_LLM_URL")])
def test_a_language_model_needs_an_address_and_a_name(
    monkeypatch: pytest.MonkeyPatch, given: str, missing: str
) -> None:
    monkeypatch.setenv(given, "http://model/v1")
    with pytest.raises(BadInput, match=f"^{missing} is missing"):
        read_settings()
    monkeypatch.setenv(missing, "http://model/v1")
    assert read_settings().llm_url == read_settings().llm_model == "http://model/v1"


def test_the_key_of_the_language_model_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NLP_LLM_KEY", "sk-hunter2")
    settings = read_settings()
    assert settings.llm_key.get_secret_value() == "sk-hunter2"
    assert "hunter2" not in f"{settings!r} {settings} {settings.model_dump_json()}"


def test_errors_never_show_the_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NLP_PORT", "hunter2")
    with pytest.raises(BadInput) as caught:
        read_settings()
    assert "hunter2" not in str(caught.value)
    assert caught.value.__context__ is None  # a traceback prints the context too


def test_settings_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValueError, match="frozen"):
        read_settings().port = 1


def test_log_level_is_read_in_any_case() -> None:
    assert read_settings(log_level="WARNING").log_level == "warning"


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no CPU affinity")
def test_workers_follow_the_cores_that_may_be_used() -> None:
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert default_workers() == 1
    finally:
        os.sched_setaffinity(0, allowed)


def test_a_body_of_escaped_chinese_fits_its_bound() -> None:
    settings = read_settings()
    assert settings.max_messages * settings.max_text * len(r"\u4e2d") < settings.max_body_bytes


def test_every_setting_is_documented_and_nothing_else(repository: Path) -> None:
    assert sorted(documented(repository)) == sorted(f"NLP_{name.upper()}" for name in Settings.model_fields)


@pytest.mark.parametrize("name", [name for name, field in Settings.model_fields.items() if not field.default_factory])
def test_the_documented_default_is_the_default(repository: Path, name: str) -> None:
    default = Settings.model_fields[name].default
    written = documented(repository)[f"NLP_{name.upper()}"].strip().strip("`").replace(",", "")
    assert (written == "true" if isinstance(default, bool) else type(default)(written)) == default
