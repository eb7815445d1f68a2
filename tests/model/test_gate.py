"""The gate follows how the server takes it, and a batch asks a busy server again; people never wait for either."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from fake_server import Fail, FakeServer, Hang, Say

from docqa.errors import ModelBusy, ModelTimeout
from docqa.model import ModelClient, Urgency
from docqa.model import gate as gates
from docqa.model.gate import Gate
from docqa.settings import ModelSettings

SCHEMA: dict[str, object] = {"type": "object"}
HELLO = [{"role": "user", "content": "Hello"}]


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(gates, "LONGEST_PAUSE", 0.001)


def passed(gate: Gate, urgency: Urgency = Urgency.BATCH) -> float:
    """Go through and come out again; ModelBusy if there is no place for it at once."""
    with gate.passed(urgency, 0.02) as entered:
        return entered


def test_refusals_halve_what_goes_through_and_successes_raise_it_one_by_one() -> None:
    gate = Gate(8, 5)
    together = [passed(gate), passed(gate)]
    for entered in together:
        gate.refused(entered)
    assert gate.limit == 4, "two that were sent together tell the same"
    gate.refused(passed(gate))
    assert gate.limit == 2
    for _ in range(3):
        gate.went_well()
    assert gate.limit == 3
    for _ in range(99):
        gate.went_well()
    assert gate.limit == 8
    for _ in range(9):
        gate.refused(passed(gate))
    assert gate.limit == 1


def test_people_pass_what_holds_a_batch_back(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(2, 5)
    gate.refused(passed(gate))
    with gate.passed(Urgency.BATCH, 1):
        with pytest.raises(ModelBusy, match="no place"):
            passed(gate)
        passed(gate, Urgency.INTERACTIVE)
    monkeypatch.setattr(gates, "LONGEST_PAUSE", 1000)
    monkeypatch.setattr(gates, "FIRST_PAUSE", 1000)
    gate.refused(passed(gate))
    with pytest.raises(ModelBusy, match="no place"):
        passed(gate)
    passed(gate, Urgency.INTERACTIVE)


def test_a_pause_that_was_asked_for_is_kept() -> None:
    gate = Gate(2, 5)
    gate.refused(passed(gate), 1000)
    with pytest.raises(ModelBusy, match="no place"):
        passed(gate)


def asked(server: FakeServer, urgency: Urgency = Urgency.BATCH, **settings: object) -> object:
    client = ModelClient(ModelSettings(base_url=server.url, **settings))  # type: ignore[arg-type]
    try:
        return client.complete_json(HELLO, SCHEMA, 100, urgency).value
    finally:
        client.close()


def test_a_batch_asks_a_busy_server_again_and_people_are_told() -> None:
    with FakeServer(Fail(429), Fail(503), Fail(429, retry_after="0"), Fail(503), Say('{"a":1}')) as server:
        assert asked(server) == {"a": 1}
    assert len(server.chats) == 5
    with FakeServer(Fail(429)) as server, pytest.raises(ModelBusy):
        asked(server, Urgency.INTERACTIVE)
    assert len(server.chats) == 3


def test_a_batch_is_not_patient_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "LONGEST_PAUSE", 0.2)
    with FakeServer(Fail(429)) as server, pytest.raises(ModelBusy, match="overloaded"):
        asked(server, total_timeout=2.0)
    assert len(server.chats) > 1
    with FakeServer(Fail(429, retry_after="3600")) as server, pytest.raises(ModelBusy) as caught:
        asked(server)
    assert len(server.chats) == 1
    assert "3600 seconds" in caught.value.hint


def test_a_server_that_is_silent_gets_less_to_do() -> None:
    with FakeServer(Hang()) as server:
        client = ModelClient(ModelSettings(base_url=server.url, read_timeout=0.1))
        with pytest.raises(ModelTimeout):
            client.complete_json(HELLO, SCHEMA, 100)
        assert client._gate.limit == 4
        client.close()


def test_many_at_once_are_let_in_as_the_server_takes_them() -> None:
    """A server with room for two refuses everybody else; all are served in the end, and nobody is lost."""
    room, lock, inside = 2, threading.Lock(), [0]

    class Small(FakeServer):
        def next_order(self) -> Say | Fail:
            with lock:
                full = inside[0] >= room
                inside[0] += not full
            if full:
                return Fail(429)
            threading.Event().wait(0.01)
            with lock:
                inside[0] -= 1
            return Say('{"a":1}')

    with Small() as server:
        client = ModelClient(ModelSettings(base_url=server.url, requests_at_once=8))
        replies: list[object] = []

        def ask() -> None:
            replies.append(client.complete_json(HELLO, SCHEMA, 100).value)

        threads = [threading.Thread(target=ask) for _ in range(24)]
        run_all(threads)
        client.close()
    assert replies == [{"a": 1}] * 24


def run_all(threads: list[threading.Thread]) -> None:
    act: list[Callable[[threading.Thread], None]] = [threading.Thread.start, threading.Thread.join]
    for each in act:
        for thread in threads:
            each(thread)
