"""Commands as processes of their own, without the seconds in which each would import torch.

A server imports the packages once. Each command is a fork of it, with an environment, a working
directory and files for its output, that runs a script as ``__main__``. It ends as the interpreter
ends any program: with a traceback, the code of a SystemExit, or by a signal.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import select
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

OUTPUT, ERRORS = "stdout", "stderr"
"""Names of the files that a command prints into."""
LAZY = (
    "matplotlib.pyplot",
    "matplotlib.backends.backend_agg",
    "rich.console",
    "rich.table",
    "safetensors.torch",
    "tensorboard.backend.event_processing.event_accumulator",
    "torch._dynamo",
    "torch._export",
    "torch.export",
    "torch.utils.tensorboard",
)
"""Modules that commands import when they need them; imported by the server too."""


def serve() -> dict[str, Any] | None:
    """Fork a process for each request; return in it, with the request, and None at the end."""
    for line in sys.stdin:
        request: dict[str, Any] = json.loads(line)
        child = os.fork()
        if child == 0:
            return request
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
    return None


def nothing(*arguments: object) -> None:
    """Do nothing."""


def become(
    script: str,
    arguments: list[str],
    cwd: str,
    environment: dict[str, str],
    without: list[str],
) -> None:
    """Run a script as a process begins it, with its output in files of the working directory."""
    os.setsid()  # without a terminal, as tasks of SLURM are
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    for descriptor, name in enumerate((os.devnull, OUTPUT, ERRORS)):
        file = os.open(name, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, descriptor)
        os.close(file)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for function in without:
        module, _, attribute = function.rpartition(".")
        setattr(importlib.import_module(module), attribute, nothing)
    sys.argv = [script, *arguments]
    sys.path[0] = str(Path(script).parent)
    runpy.run_path(script, run_name="__main__")


class ForkServer:
    """A process that starts commands, one at a time.

    Parameters
    ----------
    modules : iterable of str
        What the commands import.
    """

    def __init__(self, modules: Iterable[str]) -> None:
        line = [sys.executable, "-m", __name__, *modules]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._server = subprocess.Popen(line, env={**os.environ, "OMP_NUM_THREADS": "1"}, **pipes)
        assert self._server.stdin is not None and self._server.stdout is not None
        self._requests, self._answers = self._server.stdin, self._server.stdout
        self._code: int | None = None
        self.pid = 0

    def start(
        self,
        script: Path,
        arguments: Sequence[object],
        cwd: Path,
        environment: Mapping[str, str],
        without: Sequence[str] = (),
    ) -> None:
        """Start a command; :attr:`pid` is its process. Functions `without` do nothing in it."""
        request = {
            "script": str(script),
            "arguments": [str(argument) for argument in arguments],
            "cwd": str(cwd),
            "environment": dict(environment),
            "without": list(without),
        }
        self._requests.write(json.dumps(request).encode() + b"\n")
        self._requests.flush()
        self._code, self.pid = None, self._read(300)

    def poll(self, timeout: float = 0) -> int | None:
        """Return the exit code, as of :class:`subprocess.Popen`; None: it still runs."""
        if self._code is None and select.select([self._answers], [], [], timeout)[0]:
            self._code = self._read(1)
        return self._code

    def wait(self, timeout: float) -> int:
        """Return the exit code.

        Raises
        ------
        TimeoutError
            It was not done in time, and has been killed.
        """
        code = self.poll(timeout)
        if code is None:
            os.kill(self.pid, signal.SIGKILL)
            self._code = self._read(60)
            raise TimeoutError(f"a command was not done in {timeout} s")
        return code

    def _read(self, timeout: float) -> int:
        """Read a number, one line, that the server writes at once."""
        if not select.select([self._answers], [], [], timeout)[0]:
            raise TimeoutError(f"no answer of the server in {timeout} s")
        line = b""
        while not line.endswith(b"\n"):
            byte = os.read(self._answers.fileno(), 1)
            if not byte:
                raise RuntimeError("the server of commands has ended")
            line += byte
        return int(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the server."""
        if self.poll() is None and self.pid:
            os.kill(self.pid, signal.SIGKILL)
        self._requests.close()
        self._server.wait(60)
        self._answers.close()


if __name__ == "__main__":
    for name in (*sys.argv[1:], *LAZY):
        importlib.import_module(name)
    wanted = serve()
    if wanted is not None:
        become(**wanted)
