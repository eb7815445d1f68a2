"""The parent's side of the pipe, against children that break every rule: each ends in its error and leaves nobody."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator

import pytest

from docqa.errors import (
    RendererDied,
    RendererLied,
    RendererTimeout,
)
from ingest.sandbox import process

LONG = 30.0  # seconds that no test waits for
DOC = "d" * 64
Start = Callable[..., process.Child]


@pytest.fixture
def start(nobody_left: Callable[[str], bool]) -> Iterator[Start]:
    """`start(mode)`: a child that misbehaves in this way. Afterwards it, and whoever it started, must be gone."""
    token = uuid.uuid4().hex
    children = []

    def begin(mode: str, stopping: threading.Event | None = None) -> process.Child:
        module = "tests.ingest.stubs.misbehaving"
        children.append(process.Child(module, [mode, token], stopping or threading.Event()))
        return children[-1]

    yield begin
    for child in children:
        child.end()
    assert nobody_left(token)


class TestAChildThatMisbehaves:
    @pytest.mark.parametrize(
        "mode",
        [
            "floods",
            "announces_too_much_json",
            "announces_too_many_bytes",
            "sends_no_json",
            "sends_no_unicode",
            "sends_a_list",
            "sends_deep_json",
        ],
    )
    def test_is_told_from_an_honest_one(self, start: Start, mode: str) -> None:
        with pytest.raises(RendererLied):
            start(mode).receive(LONG)

    @pytest.mark.parametrize(
        "mode", ["says_nothing", "says_less_than_announced", "dies_in_the_lengths", "dies_of_a_signal"]
    )
    def test_that_dies_is_noticed(self, start: Start, mode: str) -> None:
        with pytest.raises(RendererDied):
            start(mode).receive(LONG)

    @pytest.mark.parametrize("mode", ["never_ends", "drips"])
    def test_that_takes_too_long_is_given_up(self, start: Start, mode: str) -> None:
        with pytest.raises(RendererTimeout, match="longer than 0.7 seconds"):
            start(mode).receive(0.7)

    def test_that_ignores_term_is_ended(self, start: Start) -> None:
        child = start("ignores_term")
        child.receive(LONG)
        child.end()
        assert not child.running

    @pytest.mark.parametrize("mode", ["has_a_child", "leaves_a_child"])
    def test_takes_its_own_children_with_it(self, start: Start, mode: str) -> None:
        with start(mode) as child:
            child.receive(LONG)

    def test_that_does_not_listen_is_given_up(self, start: Start) -> None:
        with pytest.raises(RendererTimeout):
            start("never_ends").send({}, bytes(4 << 20), 0.5)

    def test_that_closed_its_ears_is_given_up(self, start: Start) -> None:
        """It counts as dead at once where nothing is around it; bubblewrap keeps its end of the pipe open."""
        child = start("closes_its_ears")
        child.receive(LONG)
        with pytest.raises((RendererDied, RendererTimeout)):
            child.send({}, bytes(4 << 20), 1.0)

    def test_meets_its_limits(self, start: Start) -> None:
        header, _ = start("tries_its_limits").receive(LONG)
        assert header == {"memory": True, "file": True, "files": True}


class TestStopping:
    def test_ends_a_wait(self, start: Start) -> None:
        stopping = threading.Event()
        child = start("never_ends", stopping)
        threading.Timer(0.2, stopping.set).start()
        with pytest.raises(process.Stopped):
            child.receive(LONG)

    def test_ends_a_conversation(self, start: Start) -> None:
        """A child that always has the next page ready must not be listened to for ever."""
        stopping = threading.Event()
        child = start("talks_without_end", stopping)
        child.receive(LONG)
        stopping.set()
        with pytest.raises(process.Stopped):
            child.receive(LONG)

    def test_ends_a_letter_nobody_reads(self, start: Start) -> None:
        stopping = threading.Event()
        child = start("never_ends", stopping)
        threading.Timer(0.2, stopping.set).start()
        with pytest.raises(process.Stopped):
            child.send({}, bytes(4 << 20), LONG)

    def test_twice_is_once(self, start: Start) -> None:
        child = start("never_ends")
        assert child.running
        child.end()
        child.end()
        assert not child.running

    def test_a_child_that_ended_by_itself_is_cleared_away(self, start: Start) -> None:
        child = start("says_nothing")
        with pytest.raises(RendererDied):
            child.receive(LONG)
        child.end()
        assert not child.running
