"""A screen in Streamlit's own test harness."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest


def run(screen: object, **query: str) -> AppTest:
    at = AppTest.from_function(screen, default_timeout=20)  # type: ignore[arg-type]
    for name, value in query.items():
        at.query_params[name] = value
    return checked(at.run())


def checked(at: AppTest) -> AppTest:
    assert not at.exception, at.exception
    return at


def texts(at: AppTest) -> str:
    return "\n".join(text.value for text in at.text)
