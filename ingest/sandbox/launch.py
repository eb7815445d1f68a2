"""How a child is started: the command, the environment, and what bubblewrap lets it see.

Where bubblewrap works, a child sees a machine of its own: no network, no other process, no file but Python's and the
system's programs, and nothing that can be written. Not here: what a child gives up by itself (`ingest.child.confine`).
"""

from __future__ import annotations

import functools
import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path

#: What is run first: `python -c START module arguments…` is `python -m module arguments…` without the collector, which
#: takes a sixth of the start while modules are loaded (measured). `ingest.child.confine` switches it on.
_START = (
    "import gc, sys; gc.disable(); import runpy; del sys.argv[0]; runpy.run_module(sys.argv[0], None, '__main__', True)"
)

#: What a child sees of the system: programs and libraries, no settings, no accounts, no one's files.
_SYSTEM = ("/usr", "/etc/ld.so.cache", "/etc/alternatives")
_ROOT_FOLDERS = ("/bin", "/lib", "/lib32", "/lib64")  #: links into /usr, or folders on older systems
_DEVICES = ("/dev/null", "/dev/urandom")


def command_for(bubblewrap: str | None, module: str, arguments: Sequence[str]) -> list[str]:
    """Python on a module of ours, without `site`: it takes longer than Python itself, and children need none of it."""
    python = [os.path.realpath(sys.executable), "-S", "-P", "-s", "-c", _START, module, *arguments]
    return python if bubblewrap is None else [bubblewrap, *_view(module), "--", *python]


def _view(module: str) -> list[str]:
    """The machine as a child sees it: programs and Python's files, read-only, and nothing else.

    No /proc: through it a file that is open for reading could be opened for writing. No session of its own inside: it
    has one from outside, and is in the group that is killed from its first moment on. Bubblewrap's --die-with-parent
    begins a little later, and what is left by a bubblewrap killed before would live on.
    """
    view = ["--unshare-all", "--die-with-parent", "--cap-drop", "ALL"]
    for folder in map(Path, _ROOT_FOLDERS):
        if folder.is_symlink():
            view += ["--symlink", str(folder.readlink()), str(folder)]
        else:
            view += ["--ro-bind-try", str(folder), str(folder)]
    for path in (*_SYSTEM, *_python_files(module)):
        view += ["--ro-bind-try", path, path]
    for device in _DEVICES:
        view += ["--dev-bind", device, device]
    return [*view, "--dir", "/tmp", "--remount-ro", "/", "--chdir", "/"]


@functools.cache
def _python_files(module: str) -> tuple[str, ...]:
    """Python, its packages, and our packages without the folder they lie in: the store may be there, too."""
    base = Path(sys.base_prefix)
    lib = [str(base / name) for name in ("bin", "lib", "lib64")]
    ours = [str(root / package) for package, root in _roots(module).items()]
    found = [os.path.realpath(sys.executable), *lib, *_packages(), *ours]
    return tuple(path for path in dict.fromkeys(found) if not path.startswith("/usr/") and Path(path).exists())


def _packages() -> list[str]:
    return [entry for entry in sys.path if entry.endswith(("site-packages", "dist-packages"))]


def _roots(module: str) -> dict[str, Path]:
    """The top packages that a child runs code of, and the folder each lies in."""
    names = dict.fromkeys((module.partition(".")[0], "ingest", "docqa"))
    specs = {name: importlib.util.find_spec(name) for name in names}
    return {
        name: Path(next(iter(spec.submodule_search_locations))).parent
        for name, spec in specs.items()
        if spec is not None and spec.submodule_search_locations
    }


def environment_for(module: str) -> dict[str, str]:
    """What a child may know of this process's environment: where Python's packages are, nothing else."""
    library = str(Path(os.__file__).parent)
    standard = [entry for entry in sys.path if entry.startswith(library) and entry not in _packages()]
    path = [*standard, *map(str, _roots(module).values()), *_packages()]
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return kept | threads | {"LANG": "C.UTF-8", "PYTHONPATH": os.pathsep.join(dict.fromkeys(path))}
