"""A confined child that says what it can still do: `python -m tests.ingest.stubs.confined MODE`."""

from __future__ import annotations

import gc
import os
import resource
import subprocess
import sys
import threading

from ingest.child.confine import allow_processor_time, confine, private_stdout, read_secrets
from ingest.sandbox.wire import write_frame


def greets() -> str:
    assert gc.isenabled()
    return "hello"


def tells_secrets() -> object:
    fd = next((int(one.partition("=")[2]) for one in sys.argv if one.startswith("--secrets-fd=")), None)
    secrets = read_secrets(fd)
    said = f"{sys.argv} {os.environ}"
    return {"secrets": secrets, "elsewhere": any(secret in said for secret in secrets)}


def starts_a_program() -> str:
    return subprocess.run(["/bin/echo", "hello"], capture_output=True, text=True, check=True).stdout


def reads_the_accounts_with_a_program() -> str:
    ended = subprocess.run(["/bin/cat", "/etc/passwd"], capture_output=True, text=True, check=False)
    return ended.stdout or "refused"


def ends_a_program() -> str:
    thread = threading.Thread(target=print)
    thread.start()
    thread.join()
    try:
        subprocess.run(["/bin/sleep", "60"], timeout=0.1, check=False)
    except subprocess.TimeoutExpired:
        return "ended"
    return "ran on"


def counts_its_seconds() -> object:
    allow_processor_time(10)
    first = resource.getrlimit(resource.RLIMIT_CPU)[0]
    allow_processor_time(20)
    return [0 < first < 10**6, resource.getrlimit(resource.RLIMIT_CPU)[0] > first]


if __name__ == "__main__":
    out = private_stdout()
    confine(out, 1 << 30, may_execute=True)
    write_frame(out, {"said": globals()[sys.argv[1]]()})
