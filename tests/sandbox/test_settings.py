"""Every setting: its text form, its default, and that nothing else is accepted."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta
from typing import Any

import pytest

from reconciler.errors import UsageError
from reconciler.sandbox.settings import Settings, Suites, from_environment, parse_span

SPANS = {
    "13d": timedelta(days=13),
    "-1h": timedelta(hours=-1),
    "250ms": timedelta(milliseconds=250),
    "1.5s": timedelta(seconds=1.5),
    "2w": timedelta(weeks=2),
    "90": timedelta(seconds=90),
    "10us": timedelta(microseconds=10),
    "0": timedelta(),
}


@pytest.mark.parametrize("text", SPANS)
def test_spans_of_time(text: str) -> None:
    """A number with a unit, seconds without one, possibly negative."""
    assert SPANS[text] == parse_span(text)


@pytest.mark.parametrize("text", ["", "h", "1 h", "1y", "1h30m", "--1h", "1e3s", "٣s", "9" * 16 + "w"])
def test_other_texts_are_no_spans(text: str) -> None:
    """Refused rather than guessed."""
    with pytest.raises(ValueError, match="span"):
        parse_span(text)


def test_every_setting_survives_its_text_form() -> None:
    """What is printed can be set again."""
    settings = Settings(
        clock_offset=timedelta(days=-3, microseconds=1), module=False, page_cap=7, suites=Suites.OLDER
    )
    assert settings == Settings().with_texts(settings.as_texts())
    assert {field.name for field in fields(Settings)} == settings.as_texts().keys()


def test_the_environment_names_settings() -> None:
    """RECONCILER_SANDBOX_ and the setting's name; other variables are none of ours."""
    environ = {
        "RECONCILER_SANDBOX_SEARCH_LAG": "30s",
        "RECONCILER_SANDBOX_SUITES": "older",
        "RECONCILER_SANDBOX_MODULE": "off",
        "RECONCILER_SANDBOX_IDENTITY": "second",
        "RECONCILER_SERVER": "x",
    }
    expected = Settings(
        search_lag=timedelta(seconds=30), suites=Suites.OLDER, module=False, identity="second"
    )
    assert expected == from_environment(environ)


WRONG: list[tuple[str, str, str]] = [
    ("serach_lag", "1s", "no setting 'serach_lag'"),
    ("latency", "soon", "latency cannot be 'soon'"),
    ("suites", "newest", "suites cannot be 'newest'"),
    ("module", "yes", "module cannot be 'yes'"),
    ("page_cap", "0", "page_cap cannot be '0'"),
]


@pytest.mark.parametrize(("name", "text", "message"), WRONG)
def test_what_is_not_offered_is_named(name: str, text: str, message: str) -> None:
    """With what is expected, or the next step."""
    with pytest.raises(UsageError) as caught:
        Settings().with_texts({name: text})
    assert message in caught.value.detail
    assert caught.value.expected or caught.value.hint


def test_settings_are_frozen() -> None:
    """A running sandbox is changed through its store, which replaces them."""
    settings: Any = Settings()
    with pytest.raises(AttributeError):
        settings.module = False
