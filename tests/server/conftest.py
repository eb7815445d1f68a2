"""One real vLLM for all tests of this folder, with a model of a million random parameters."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from vllm_server import KEY, MODEL, VllmServer

from docqa.model import ModelClient
from docqa.settings import ModelSettings

HERE = Path(__file__).parent
VENV = HERE.parents[1] / ".venv-model"


@pytest.fixture(scope="session")
def venv() -> Path:
    """Where vLLM is installed."""
    if not (VENV / "docqa-installed").exists():
        pytest.skip(f"There is no vLLM in {VENV.name}: `make test-model` installs it.")
    return VENV


@pytest.fixture(scope="session")
def tiny_model(venv: Path) -> Path:
    """The folder of the tiny model, made once for each version of its maker."""
    sources = [HERE / "tiny_gemma4.py", HERE / "chat_template.jinja"]
    version = hashlib.sha256(b"".join(file.read_bytes() for file in sources)).hexdigest()[:12]
    folder = venv / f"tiny-gemma4-{version}"
    if not folder.exists():
        unfinished = folder.with_suffix(".unfinished")
        subprocess.run([venv / "bin" / "python", sources[0], unfinished], check=True, capture_output=True)
        unfinished.rename(folder)
    return folder


@pytest.fixture(scope="session")
def server(venv: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VllmServer]:
    with VllmServer(venv, tiny_model, tmp_path_factory.mktemp("vllm") / "log") as server:
        yield server


@pytest.fixture(scope="session")
def settings(server: VllmServer) -> ModelSettings:
    """How docqa finds the server; patient, because two cores do a GPU's work."""
    return ModelSettings(
        base_url=server.url,
        name=MODEL,
        api_key=SecretStr(KEY),
        read_timeout=300,
        requests_at_once=32,
    )


@pytest.fixture
def connect(settings: ModelSettings) -> Iterator[Callable[..., ModelClient]]:
    """`connect(name=...)`: a client with these settings changed."""
    clients: list[ModelClient] = []

    def connect(**changed: object) -> ModelClient:
        clients.append(ModelClient(settings.model_copy(update=changed)))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()


@pytest.fixture(scope="session")
def client(settings: ModelSettings) -> Iterator[ModelClient]:
    client = ModelClient(settings)
    yield client
    client.close()
