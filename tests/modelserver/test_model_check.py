"""`docqa model check`: what a good server shows, what a bad one does wrongly, what another engine lacks."""

from __future__ import annotations

import io
import json
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest
from fake_server import EVERYTHING, Body, Fail, FakeServer, Order, Say, model_card
from PIL import Image
from pydantic import SecretStr

from docqa.cli import main
from docqa.modelserver.check import LINES, READ_IT, WORDS_A_LINE, Finding, Outcome, made_up_words, prove
from docqa.settings import ModelSettings

PERSON = {"name": "Ada Brook", "age": 41, "married": True, "children": ["Tom", "Ines"]}
SEED = 7


class Model(FakeServer):
    """A server whose model can read: it knows what is printed on the page, because it knows the random numbers."""

    def __init__(self, can: tuple[str, ...] = EVERYTHING, engine: str = "vllm") -> None:
        super().__init__(Say(""), key="secret", can=can)
        self.cards = [model_card(owned_by=engine)]
        self.others = {"/version": Body(b'{"version": "0.33.0"}')}
        self.small_print: Order = Say(" ".join(word for line in made_up_words(Random(SEED)) for word in line))
        self.person: Order = Say(json.dumps(PERSON))
        self.sound: Order = Say("a tone")
        self.fetches = False

    def next_order(self) -> Order:
        said = json.dumps(self.asked[-1].body)
        if "input_audio" in said:
            return self.sound
        if "response_format" in said:
            return self.person
        if "http://127" in said:
            return self._remote(said)
        return self.small_print if READ_IT in said else Say("Yes")

    def _remote(self, said: str) -> Order:
        if not self.fetches:
            return Fail(400, "The URL must be from one of the allowed domains: ['invalid.local'].")
        address = said.split('"url": "')[1].split('"')[0]
        with pytest.raises(OSError):
            urllib.request.urlopen(address, timeout=5)
        return Fail(400, "Failed to load the image.")


@pytest.fixture
def model() -> Iterator[Model]:
    with Model() as server:
        yield server


def settings_for(server: FakeServer, key: str = "secret") -> ModelSettings:
    return ModelSettings(base_url=server.url, api_key=SecretStr(key), read_timeout=5)


def found(server: FakeServer, **changed: object) -> dict[str, Finding]:
    settings = settings_for(server).model_copy(update=changed)
    return {finding.name: finding for finding in prove(settings, Random(SEED))}


def failed(findings: dict[str, Finding]) -> set[str]:
    assert all(finding.hint for finding in findings.values() if finding.outcome is Outcome.FAILED)
    return {name for name, finding in findings.items() if finding.outcome is Outcome.FAILED}


def test_a_good_server_passes_every_check(model: Model) -> None:
    findings = found(model)
    assert {finding.outcome for finding in findings.values()} == {Outcome.OK}, findings
    assert "read 30 of 30" in findings["small print"].message
    assert "1,094 tokens" in findings["image budget"].message
    assert not any(finding.hint for finding in findings.values())


def test_the_page_it_has_to_read_holds_small_print_and_nothing_to_guess(model: Model) -> None:
    found(model)
    asked = next(chat for chat in model.chats if READ_IT in json.dumps(chat.body) and "data:" in json.dumps(chat.body))
    url = asked.body["messages"][0]["content"][0]["image_url"]["url"]  # type: ignore[index]
    with urllib.request.urlopen(url) as page:
        image = Image.open(io.BytesIO(page.read()))
    assert image.size == (1_344, 1_872)
    box = image.point(lambda level: 255 * (level < 128)).getbbox()
    assert box is not None
    points = 842 / image.height
    assert (box[3] - box[1]) * points == pytest.approx(LINES * 9, abs=6)  # six lines of 6 points on 9
    words = [word for line in made_up_words(Random()) for word in line]
    assert len(set(words)) == LINES * WORDS_A_LINE
    assert words != [word for line in made_up_words(Random()) for word in line]


def test_a_model_that_cannot_read_is_told_from_one_that_misreads_a_word(model: Model) -> None:
    words = [word for line in made_up_words(Random(SEED)) for word in line]
    model.small_print = Say(" ".join(["", *words[1:]]))
    assert failed(found(model)) == set()
    model.small_print = Say(" ".join(words[:20]) + " lorem ipsum")
    findings = found(model)
    assert failed(findings) == {"small print"}
    assert "read 20 of 30 made-up words in 6-point print" in findings["small print"].message


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ('{"name": "Ada", ' + "\n " * 300, "white space|JSON|repeats"),
        ("Sure! Here is the JSON.", "not JSON"),
        (json.dumps(PERSON | {"age": "41"}), "does not keep to the schema"),
        (json.dumps(PERSON | {"more": 1}), "does not keep to the schema"),
    ],
    ids=["white space without end", "no JSON", "another type", "one field too many"],
)
def test_json_that_goes_wrong(reply: str, said: str, model: Model) -> None:
    model.person = Say(reply)
    findings = found(model)
    assert failed(findings) == {"json"}
    assert findings["json"].hint.endswith('"disable_any_whitespace": true}\'.')


def test_json_that_was_cut_off(model: Model) -> None:
    model.person = Say('{"name": "Ada', "length")
    assert "cut off" in found(model)["json"].message


def test_a_small_image_budget(model: Model) -> None:
    model.can.discard("request_budget")
    model.budget = 280
    findings = found(model)
    assert failed(findings) == {"image budget"}
    assert findings["image budget"].message == "An A4 page costs 268 tokens, not 1,094."
    assert "max_soft_tokens" in findings["image budget"].hint


def test_a_small_budget_in_the_settings(model: Model) -> None:
    findings = found(model, image_budget=280)
    assert "Set model.image_budget to 1120" in findings["image budget"].hint


def test_a_server_that_fetches_images_is_caught(model: Model) -> None:
    model.fetches = True
    findings = found(model)
    assert failed(findings) == {"remote images"}
    assert "--allowed-media-domains" in findings["remote images"].hint


def test_a_server_elsewhere_cannot_be_seen_fetching(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("docqa.modelserver.check.LOOPBACK", ("http://10.1.2.3",))
    findings = found(model)
    assert findings["remote images"].outcome is Outcome.UNSUPPORTED
    assert not any("http://127" in json.dumps(chat.body) for chat in model.chats)


def test_a_server_without_a_key(model: Model) -> None:
    model.key = ""
    findings = found(model)
    assert failed(findings) == {"key"}
    assert "VLLM_API_KEY" in findings["key"].hint


@pytest.mark.parametrize("version", ["0.32.1", "0.9.0", "unknown"])
def test_an_old_vllm(version: str, model: Model) -> None:
    model.others["/version"] = Body(json.dumps({"version": version}).encode())
    assert failed(found(model)) == {"version"}


def test_a_frame_that_docqa_does_not_know_is_found(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("docqa.modelserver.check.FRAMES", ("<|turn>", "[[SYSTEM-OVERRIDE]]"))
    findings = found(model)
    assert failed(findings) == {"special tokens"}


def test_a_model_without_eyes(model: Model) -> None:
    model.can.discard("images")
    assert {"image budget", "small print"} <= failed(found(model))


def test_another_engine_lacks_things_and_that_is_no_fault() -> None:
    with Model(can=("usage", "images", "json_schema", "logprobs", "thinking"), engine="llamacpp") as server:
        server.sound = Fail(400, "audio input is not supported")
        findings = found(server)
    assert failed(findings) == set()
    lacking = {name for name, finding in findings.items() if finding.outcome is Outcome.UNSUPPORTED}
    assert lacking == {"version", "hearing", "priority", "image uuid", "tokenize"}
    assert findings["priority"].message.startswith("Not supported by this engine.")
    assert findings["version"].message.startswith("llama.cpp")


def test_a_server_that_says_and_does_little() -> None:
    with Model(can=("images",), engine="somebody") as server:
        findings = found(server)
    assert failed(findings) == set()
    assert findings["json"].outcome is findings["image budget"].outcome is Outcome.UNSUPPORTED
    assert "The server does not say what a page costs" in findings["image budget"].message


def test_a_server_that_is_not_there_or_serves_something_else(model: Model) -> None:
    (away,) = prove(ModelSettings(base_url="http://127.0.0.1:9/v1", connect_timeout=0.5))
    assert (away.outcome, away.name) == (Outcome.FAILED, "server")
    model.cards = [model_card("another")]
    (other,) = prove(settings_for(model))
    assert other.message == "It serves another, not gemma-4-12b."
    assert other.hint == "Set model.name to the model that the server serves."


# ── the command ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def check(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., object]:
    """`check(server, *arguments)` runs the command: its exit code and its lines."""
    monkeypatch.setattr("docqa.modelserver.check.Random", lambda: Random(SEED))

    def run(server: FakeServer, *arguments: str) -> tuple[int, list[str]]:
        toml = f'[model]\nbase_url = "{server.url}"\napi_key = "secret"\n'
        (tmp_path / "docqa.toml").write_text(toml, encoding="utf-8")
        code = main(["model", "check", "--store", str(tmp_path), *arguments])
        return code, capsys.readouterr().out.splitlines()

    return run


def test_every_line_says_how_it_ended(check: Callable[..., tuple[int, list[str]]], model: Model) -> None:
    code, lines = check(model)
    assert code == 0
    assert lines[0].startswith("ok             server: It answers and serves gemma-4-12b (vllm)")
    model.budget, model.can = 280, model.can - {"request_budget", "priority"}
    code, lines = check(model)
    assert code == 1
    assert any(line.startswith("FAILED         image budget: An A4 page costs 268") for line in lines)
    assert any(line.startswith("not supported  priority: Not supported by this engine.") for line in lines)


def test_as_json_it_is_one_object_a_line(check: Callable[..., tuple[int, list[str]]], model: Model) -> None:
    code, lines = check(model, "--json")
    findings = [json.loads(line) for line in lines]
    assert code == 0
    assert all(finding.keys() == {"name", "outcome", "message", "hint"} for finding in findings)
    assert {finding["outcome"] for finding in findings} == {"ok"}


def test_without_a_server_in_the_settings_there_is_nothing_to_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["model", "check", "--store", str(tmp_path)]) == 2
    assert "No model server is set" in capsys.readouterr().err
