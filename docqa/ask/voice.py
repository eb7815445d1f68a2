"""A spoken question: a recording in, the sound a model takes out, and the words it heard.

Recordings are WAV files from anywhere, so nothing their headers say is believed before it was counted. The model takes
16 kHz in one channel, 30 seconds at most; whatever came is brought to that so that no tone above 8 kHz comes back as a
false one below. What the model understood is a proposal: people read it before it is asked.

Not here: recording (the browser's matter) and answering (`docqa.ask.answer`).
"""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from docqa.errors import BadAudio, BadSettings, ModelRefused, PathMissing
from docqa.model import ModelClient
from docqa.settings import ModelSettings

Samples = NDArray[np.float64]

RATE = 16_000  #: samples a second that the model takes
MOST_SECONDS = 30  #: of one clip: 750 tokens of 40 ms
TOKEN_SAMPLES = 640  #: samples of one token; vLLM 0.33 miscounts a clip that does not end on one
RATES = range(4_000, 384_001)  #: samples a second that a microphone or a sound card may give
MOST_CHANNELS = 8
MOST_BYTES = 64 << 20  #: of a file; thirty seconds at 192 kHz, stereo, 32 bits have 46 MB
SILENCE = 0.003  #: of full scale; a recording that never gets louder (-50 dB) holds no speech
SPEECH_PEAK = 0.9  #: of full scale, to which a quiet recording is raised
FADE = 0.1  #: of the band that is kept: from 7.2 to 8 kHz, above what speech needs
MOST_CHUNKS = 1_000  #: of a file, before its sound
MOST_TOKENS = 200  #: of a transcript; thirty seconds of fast speech have 130 words
MOST_CHARACTERS = 1_000

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE  #: format tags
SAMPLE_KINDS: dict[tuple[int, int], np.dtype[Any]] = {
    (PCM, 8): np.dtype("u1"),
    (PCM, 16): np.dtype("<i2"),
    (PCM, 24): np.dtype("u1"),  # three bytes a sample, put together below
    (PCM, 32): np.dtype("<i4"),
    (FLOAT, 32): np.dtype("<f4"),
    (FLOAT, 64): np.dtype("<f8"),
}

#: As the model's card gives it for speech recognition, with the languages left open.
INSTRUCTION = (
    "Transcribe the following speech segment in its original language into text. Follow these specific instructions: "
    "only output the transcription, with no newlines. When transcribing numbers, write the digits."
)


@dataclass(frozen=True, slots=True)
class Clip:
    """Sound as the model takes it: 16 kHz, one channel, 16 bits, whole tokens."""

    wav: bytes
    seconds: float  #: of the recording, without what was added to fill its last token

    @property
    def tokens(self) -> int:
        """What it costs of the context, without its frame."""
        return math.ceil(self.seconds * RATE / TOKEN_SAMPLES)


def prepare(untrusted_wav: bytes) -> Clip:
    """Bring a recording into the form that the model takes. Raises BadAudio."""
    rate, samples = _read(untrusted_wav)
    sound = resample(samples - samples.mean(), rate, RATE)
    loudest = float(np.abs(sound).max())
    if loudest < SILENCE:
        raise BadAudio("The recording is silent.", "Check which microphone is used, and that it is not muted.")
    sound *= SPEECH_PEAK / max(loudest, SPEECH_PEAK / 10)  # by at most 20 dB: noise stays noise
    return clip_of(sound[: MOST_SECONDS * RATE])


def clip_of(sound: Samples) -> Clip:
    """Samples at RATE as a clip, filled up with silence to whole tokens."""
    return Clip(_written(np.pad(sound, (0, -len(sound) % TOKEN_SAMPLES))), len(sound) / RATE)


def hear(settings: ModelSettings, untrusted_wav: bytes) -> str:
    """What the model in the settings understands of a recording. Raises BadAudio, BadSettings, ModelError."""
    if settings.base_url is None:
        raise BadSettings("There is no model server to listen: model.base_url is not set.", "Set it, or type.")
    clip = prepare(untrusted_wav)
    with closing(ModelClient(settings)) as client:
        return transcribe(client, clip)


def read_recording(file: Path) -> bytes:
    """The bytes of a recording, as far as they can be one. Raises PathMissing."""
    try:
        with file.open("rb") as stream:
            return stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise PathMissing(f"{file} cannot be read: {error.strerror}.") from error


def transcribe(client: ModelClient, clip: Clip) -> str:
    """What the model heard, as one line to be read before it is asked. Raises ModelError, BadAudio."""
    try:
        heard = "".join(client.stream(_messages(clip), MOST_TOKENS))
    except ModelRefused as error:
        hint = "A model with hearing, such as Gemma 4 12B on vLLM, is needed; typed questions work as they are."
        raise ModelRefused(f"{error.message} It may not take sound.", hint) from error
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in heard).split())
    if not line:
        raise BadAudio("No words were understood in the recording.", "Speak closer to the microphone, or type.")
    return line[:MOST_CHARACTERS]


def _messages(clip: Clip) -> list[dict[str, object]]:
    sound = {"data": base64.b64encode(clip.wav).decode("ascii"), "format": "wav"}
    parts = [{"type": "input_audio", "input_audio": sound}, {"type": "text", "text": INSTRUCTION}]
    return [{"role": "user", "content": parts}]


# ── the file ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _read(untrusted: bytes) -> tuple[int, Samples]:
    """The rate and the samples of a WAV file, its channels averaged, full scale at 1. Raises BadAudio."""
    if len(untrusted) > MOST_BYTES:
        raise BadAudio(f"The recording has {len(untrusted) >> 20} MB; {MOST_BYTES >> 20} are the most.")
    if untrusted[:4] != b"RIFF" or untrusted[8:12] != b"WAVE":
        raise BadAudio("The recording is not a WAV file.")
    chunks = dict(_chunks(untrusted))
    if len(chunks.get(b"fmt ", b"")) < 16 or b"data" not in chunks:
        raise BadAudio("The WAV file is damaged: it has no format or no sound.")
    kind, channels, rate, bits = _format(chunks[b"fmt "])
    sample = SAMPLE_KINDS.get((kind, bits))
    if sample is None:
        raise BadAudio(f"The WAV file holds sound of a kind that cannot be read (format {kind}, {bits} bits).")
    if rate not in RATES or not 1 <= channels <= MOST_CHANNELS:
        raise BadAudio(f"The WAV file says {rate} samples a second in {channels} channels, which cannot be.")
    frame = channels * bits // 8
    data = chunks[b"data"]
    frames = len(data) // frame
    if not frames:
        raise BadAudio("The WAV file holds no sound.")
    if frames > MOST_SECONDS * rate:
        raise BadAudio(f"The recording is {frames / rate:.1f} seconds long; {MOST_SECONDS} are the most.")
    numbers = np.frombuffer(data[: frames * frame], sample)
    return rate, _scaled(numbers, bits).reshape(-1, channels).mean(axis=1)


def _chunks(untrusted: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The parts of a WAV file; one that claims more than there is ends with the file, as recorders write it."""
    place = 12
    for _ in range(MOST_CHUNKS):
        if place + 8 > len(untrusted):
            return
        name, length = struct.unpack_from("<4sI", untrusted, place)
        yield name, untrusted[place + 8 : place + 8 + length]
        place += 8 + length + length % 2


def _format(chunk: bytes) -> tuple[int, int, int, int]:
    """The format tag, channels, rate and bits a sample."""
    kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", chunk)
    if kind == EXTENSIBLE and len(chunk) >= 26:
        (kind,) = struct.unpack_from("<H", chunk, 24)
    return kind, channels, rate, bits


def _scaled(numbers: NDArray[np.generic], bits: int) -> Samples:
    """Samples as numbers from -1 to 1."""
    if numbers.dtype.kind == "f":
        sound = numbers.astype(np.float64)
        if not np.isfinite(sound).all():
            raise BadAudio("The WAV file is damaged: it holds values that are no numbers.")
        return np.clip(sound, -1.0, 1.0)
    if bits == 8:  # the only width without a sign
        return (numbers.astype(np.float64) - 128) / 128
    if bits == 24:
        low, middle, high = numbers.reshape(-1, 3).astype(np.int32).T
        return ((low | middle << 8 | high << 16) - ((high & 128) << 17)) / float(1 << 23)
    return numbers.astype(np.float64) / float(1 << (bits - 1))


def _written(sound: Samples) -> bytes:
    data = (np.clip(sound, -1.0, 1.0) * 32_767).round().astype("<i2").tobytes()
    head = struct.pack("<4sIHHIIHH", b"fmt ", 16, PCM, 1, RATE, RATE * 2, 2, 16)
    body = b"WAVE" + head + struct.pack("<4sI", b"data", len(data)) + data
    return struct.pack("<4sI", b"RIFF", len(body)) + body


# ── the rate ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def resample(samples: Samples, rate: int, wanted: int) -> Samples:
    """The same sound at another rate, without what that rate cannot hold: its spectrum, cut off and turned back.

    Faded out below the edge, so that speech does not ring; silence behind the end keeps end and beginning apart.
    """
    if rate == wanted:
        return samples.copy()
    common = math.gcd(rate, wanted)
    up, down = wanted // common, rate // common
    blocks = -(-(len(samples) + rate // 10) // down)
    blocks += -blocks % 8  # both lengths are then whole, even, and quick to transform
    spectrum = np.fft.rfft(samples, blocks * down)[: blocks * up // 2 + 1]
    faded = round(len(spectrum) * FADE)
    spectrum[len(spectrum) - faded :] *= (1 + np.cos(np.linspace(0, np.pi, faded))) / 2
    sound: Samples = np.fft.irfft(spectrum, blocks * up) * (up / down)
    return sound[: -(-len(samples) * up // down)]
