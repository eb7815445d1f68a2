"""A spoken question: any WAV file becomes the sound that the model takes, and nothing that is none gets as far."""

from __future__ import annotations

import base64
import io
import json
import struct
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fake_server import Fail, FakeServer, Say, closed_port
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from docqa import cli
from docqa.ask.voice import MOST_SECONDS, RATE, TOKEN_SAMPLES, prepare, resample, transcribe
from docqa.errors import BadAudio, ModelRefused
from docqa.model import ModelClient
from docqa.settings import ModelSettings
from docqa.store import Store

Sound = NDArray[np.float64]


def tone(hertz: float, rate: int, seconds: float = 0.5, loudness: float = 0.5) -> Sound:
    return loudness * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


def wav(data: bytes, rate: int, bits: int = 16, channels: int = 1, kind: int = 1, extensible: bool = False) -> bytes:
    head = struct.pack(
        "<HHIIHH", 0xFFFE if extensible else kind, channels, rate, 0, channels * bits // 8 & 0xFFFF, bits
    )
    if extensible:
        head += struct.pack("<HHIH", 22, bits, 0, kind) + bytes(14)
    chunks = struct.pack("<4sI", b"LIST", 3) + b"abc\0"  # of an odd length, as players write them
    chunks += struct.pack("<4sI", b"fmt ", len(head)) + head + struct.pack("<4sI", b"data", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WAVE" + chunks


def in_24_bits(sound: Sound) -> bytes:
    return b"".join(int(value).to_bytes(3, "little", signed=True) for value in (sound * 8_388_607).round())


#: Kind, bits → samples as they stand in the file.
WRITTEN: dict[tuple[int, int], Callable[[Sound], bytes]] = {
    (1, 8): lambda sound: (sound * 127 + 128).round().astype("u1").tobytes(),
    (1, 16): lambda sound: (sound * 32_767).round().astype("<i2").tobytes(),
    (1, 24): in_24_bits,
    (1, 32): lambda sound: (sound * 2_147_483_647).round().astype("<i4").tobytes(),
    (3, 32): lambda sound: sound.astype("<f4").tobytes(),
    (3, 64): lambda sound: sound.astype("<f8").tobytes(),
}


def heard(clip_wav: bytes) -> Sound:
    """What is in a clip, read by another reader than ours."""
    with wave.open(io.BytesIO(clip_wav)) as reader:
        assert (reader.getnchannels(), reader.getsampwidth(), reader.getframerate()) == (1, 2, RATE)
        return np.frombuffer(reader.readframes(reader.getnframes()), "<i2") / 32_768


def pitch(sound: Sound) -> float:
    return float(np.abs(np.fft.rfft(sound)).argmax() * RATE / len(sound))


@pytest.mark.parametrize("extensible", [False, True], ids=["plain", "extensible"])
@pytest.mark.parametrize(("kind", "bits"), WRITTEN)
def test_every_kind_of_sample_is_read(kind: int, bits: int, extensible: bool) -> None:
    sound = tone(440, 44_100)
    clip = prepare(wav(WRITTEN[kind, bits](sound), 44_100, bits, kind=kind, extensible=extensible))
    again = heard(clip.wav)
    assert clip.seconds == 0.5
    assert clip.tokens == 13
    assert len(again) == 13 * TOKEN_SAMPLES
    expected = 0.9 * tone(440, RATE, 0.5, 1.0)
    assert np.abs(again[200:7_800] - expected[200:7_800]).max() < (0.05 if bits == 8 else 0.02)
    assert not again[8_000:].any()  # filled up with silence


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 44_100, 47_999, 48_000, 192_000])
def test_every_rate_keeps_its_pitch_and_its_length(rate: int) -> None:
    clip = prepare(wav(WRITTEN[1, 16](tone(1_000, rate, 1.0)), rate))
    assert pitch(heard(clip.wav)) == pytest.approx(1_000, abs=1)
    assert len(heard(clip.wav)) == RATE


def test_tones_that_cannot_be_held_do_not_come_back_as_others() -> None:
    """11 kHz would be heard as 5 kHz if every third sample were simply taken."""
    sound = resample(tone(11_000, 48_000, 1.0) + tone(3_000, 48_000, 1.0, 0.01), 48_000, RATE)
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    assert spectrum.argmax() == 3_000
    assert spectrum[4_900:5_100].max() < spectrum[3_000] / 100


def test_channels_are_mixed_and_a_constant_offset_goes() -> None:
    left, right = tone(500, RATE), tone(900, RATE)
    stereo = np.stack([left, right], axis=1).reshape(-1) / 2 + 0.2
    spectrum = np.abs(np.fft.rfft(heard(prepare(wav(WRITTEN[3, 32](stereo), RATE, 32, 2, kind=3)).wav)))
    width = len(spectrum) * 2 / RATE
    assert spectrum[round(500 * width)] == pytest.approx(spectrum[round(900 * width)], rel=0.1)
    assert spectrum[0] < spectrum[round(500 * width)] / 50


@given(st.integers(RATE // 100, RATE))
@example(TOKEN_SAMPLES)
@example(TOKEN_SAMPLES + 1)
@example(TOKEN_SAMPLES + 160)
def test_a_clip_is_whole_tokens_long(samples: int) -> None:
    clip = prepare(wav(WRITTEN[1, 16](np.resize([0.5, -0.5], samples)), RATE))
    assert len(heard(clip.wav)) == clip.tokens * TOKEN_SAMPLES
    assert 0 <= clip.tokens * TOKEN_SAMPLES - samples < TOKEN_SAMPLES


def test_thirty_seconds_are_taken_and_not_one_sample_more() -> None:
    sound = WRITTEN[1, 8](tone(300, 8_000, MOST_SECONDS))
    assert prepare(wav(sound, 8_000, 8)).tokens == 750
    with pytest.raises(BadAudio, match=r"30\.0 seconds long; 30 are the most"):
        prepare(wav(sound + b"\x80", 8_000, 8))


def test_a_quiet_recording_is_raised_and_a_silent_one_refused() -> None:
    assert np.abs(heard(prepare(wav(WRITTEN[1, 16](tone(300, RATE, loudness=0.2)), RATE)).wav)).max() > 0.85
    whisper = np.abs(heard(prepare(wav(WRITTEN[1, 16](tone(300, RATE, loudness=0.01)), RATE)).wav)).max()
    assert whisper == pytest.approx(0.1, rel=0.05)
    for silence in (np.zeros(RATE), np.full(RATE, 0.4), tone(300, RATE, loudness=0.002)):
        with pytest.raises(BadAudio, match="silent"):
            prepare(wav(WRITTEN[1, 16](silence), RATE))


GOOD = wav(WRITTEN[1, 16](tone(300, RATE, 0.1)), RATE)
NOT_A_NUMBER = struct.pack("<ff", 0.5, float("nan"))
REFUSED = {
    "nothing": (b"", "not a WAV file"),
    "an mp3": (b"ID3\x04" + bytes(100), "not a WAV file"),
    "only a head": (GOOD[:12], "no format or no sound"),
    "a short format": (GOOD[:12] + struct.pack("<4sI", b"fmt ", 4) + bytes(4), "no format or no sound"),
    "an empty sound": (wav(b"", RATE), "holds no sound"),
    "half a sample": (wav(b"\x01", RATE), "holds no sound"),
    "another codec": (wav(bytes(100), RATE, kind=85), r"format 85, 16 bits"),
    "seven bits": (wav(bytes(100), RATE, bits=7), "7 bits"),
    "no rate": (wav(bytes(100), 0), "0 samples a second"),
    "a huge rate": (wav(bytes(100), 0xFFFFFFFF), "which cannot be"),
    "no channels": (wav(bytes(100), RATE, channels=0), "in 0 channels"),
    "many channels": (wav(bytes(100), RATE, channels=65_535), "in 65535 channels"),
    "no numbers": (wav(NOT_A_NUMBER, RATE, 32, kind=3), "no numbers"),
    "a large file": (bytes(65 << 20), "65 MB; 64 are the most"),
    "only parts": (b"RIFF\0\0\0\0WAVE" + struct.pack("<4sI", b"junk", 0) * 2_000 + GOOD[12:], "no format"),
}


@pytest.mark.parametrize(("content", "said"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_recording_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(BadAudio, match=said):
        prepare(content)


def test_a_length_that_is_too_large_ends_with_the_file() -> None:
    """Recorders that write to a pipe cannot know it, and say 0xffffffff."""
    endless = GOOD.replace(b"data" + struct.pack("<I", 3_200), b"data\xff\xff\xff\xff")
    assert endless != GOOD
    assert prepare(endless) == prepare(GOOD)


@given(st.binary(max_size=60), st.integers(0, 60))
def test_no_bytes_do_anything_but_be_read_or_refused(noise: bytes, place: int) -> None:
    try:
        clip = prepare(GOOD[:place] + noise + GOOD[place + len(noise) :])
    except BadAudio as error:
        assert error.hint
    else:
        assert len(heard(clip.wav)) == clip.tokens * TOKEN_SAMPLES


# ── what was understood ──────────────────────────────────────────────────────────────────────────────────────────────


def test_the_model_hears_one_clip_and_its_words_become_one_line() -> None:
    with FakeServer(Say(" What is the\n total\u200b of invoice 17? ")) as server:
        client = ModelClient(ModelSettings(base_url=server.url))
        assert transcribe(client, prepare(GOOD)) == "What is the total of invoice 17?"
        client.close()
        (asked,) = server.chats
    sound, text = asked.body["messages"][0]["content"]  # type: ignore[index]
    assert base64.b64decode(sound["input_audio"]["data"]) == prepare(GOOD).wav
    assert (sound["type"], sound["input_audio"]["format"]) == ("input_audio", "wav")
    assert text["text"].startswith("Transcribe the following speech segment")


def test_a_server_that_does_not_hear_says_so() -> None:
    with FakeServer(Fail(400, "audio input is not supported")) as server:
        client = ModelClient(ModelSettings(base_url=server.url))
        with pytest.raises(ModelRefused, match="audio input is not supported.*may not take sound") as refused:
            transcribe(client, prepare(GOOD))
        client.close()
    assert "typed questions work" in refused.value.hint


def test_a_reply_without_words_is_no_question() -> None:
    with FakeServer(Say(" \n\u200b")) as server:
        client = ModelClient(ModelSettings(base_url=server.url))
        with pytest.raises(BadAudio, match="No words"):
            transcribe(client, prepare(GOOD))
        client.close()


# ── the command ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    file = tmp_path / "question.wav"
    file.write_bytes(GOOD)
    return file


def test_a_spoken_question_is_shown_and_asked(
    recording: Path,
    small_store: Store,
    fake_embedder: object,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(cli, "Embedder", lambda settings: fake_embedder)
    with FakeServer(Say("What is the monthly rent?")) as server:
        monkeypatch.setenv("DOCQA_MODEL__BASE_URL", server.url)
        asked = ["ask", "--audio", str(recording), "--reader", "quote", "--json", "--store", str(small_store.folder)]
        assert cli.main(asked) == 0
    out, err = capsys.readouterr()
    assert err == "Understood: What is the monthly rent?\n"
    assert json.loads(out)["question"] == "What is the monthly rent?"


def test_a_transcript_alone_needs_no_store(
    recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store = ["--transcribe-only", "--store", str(tmp_path / "none")]
    with FakeServer(Say("What is the rent?")) as server:
        monkeypatch.setenv("DOCQA_MODEL__BASE_URL", server.url)
        assert cli.main(["ask", "--audio", str(recording), *store]) == 0
        assert capsys.readouterr().out == "What is the rent?\n"
        assert cli.main(["ask", "--audio", str(recording), "--json", *store]) == 0
        assert json.loads(capsys.readouterr().out) == {"question": "What is the rent?"}
    assert not (tmp_path / "none").exists()


def test_what_stands_in_the_way_of_a_spoken_question_is_said(
    recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def complaint(*arguments: str) -> tuple[int, str]:
        code = cli.main(["ask", *arguments, "--store", str(tmp_path / "none")])
        return code, capsys.readouterr().err

    assert complaint("--audio", str(recording)) == (
        2,
        "docqa: There is no model server to listen: model.base_url is not set. Set it, or type.\n",
    )
    monkeypatch.setenv("DOCQA_MODEL__BASE_URL", f"http://127.0.0.1:{closed_port()}/v1")
    assert complaint("--audio", str(tmp_path / "nothing.wav"))[0] == 2
    assert complaint("--audio", str(recording))[0] == 4
    recording.write_bytes(b"ID3")
    code, said = complaint("--audio", str(recording))
    assert (code, "not a WAV file" in said) == (2, True)
    assert complaint("a question", "--transcribe-only")[0] == 2
    for wrong in (["a question", "--audio", str(recording)], []):
        with pytest.raises(SystemExit):
            complaint(*wrong)
