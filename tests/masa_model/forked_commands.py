"""The training commands in processes that have torch loaded already: a kill costs a second, not ten.

What is loaded before a command begins writes nothing, so a kill meanwhile leaves nothing to test. Run as a
script, this is the process that has loaded it: for each line of JSON it forks, and says which process it made
and how that ended.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).parents[2]


class Forker:
    """Runs commands one after the other, and kills them in time."""

    def __init__(self) -> None:
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        self._server = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,  # nothing of what it says may wait where select does not see it
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path},
        )

    def __enter__(self) -> Forker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.kill()
        self._server.communicate()

    def run(self, name: str, arguments: tuple[object, ...], said: Path, seconds: float | None) -> bool:
        """Run a command; after so many seconds kill it. Whether it was killed."""
        request = {"name": name, "arguments": list(map(str, arguments)), "said": str(said)}
        self._server.stdin.write(json.dumps(request).encode() + b"\n")
        process = int(self._server.stdout.readline())
        if not select.select([self._server.stdout], [], [], seconds)[0]:
            os.kill(process, signal.SIGKILL)
        code = int(self._server.stdout.readline())
        assert code in (0, -signal.SIGKILL), said.read_text()
        return code != 0


def serve() -> None:
    import masa_cli.finetune
    import masa_cli.pretrain
    import torch

    import masa_model.pictures.recorder
    import masa_model.pictures.run_pictures
    import masa_model.training.finetune
    import masa_model.training.pretrain  # noqa: F401

    commands = {"masa-pretrain": masa_cli.pretrain.main, "masa-finetune": masa_cli.finetune.main}
    torch.set_num_threads(1)
    for line in iter(sys.stdin.buffer.readline, b""):
        request = json.loads(line)
        process = os.fork()
        if process == 0:
            descriptor = os.open(request["said"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(descriptor, 1)
            os.dup2(descriptor, 2)
            try:
                commands[request["name"]](request["arguments"], prog_name=request["name"])
            except SystemExit as leaving:
                sys.stdout.flush()
                os._exit(leaving.code or 0)
        print(process, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)


if __name__ == "__main__":
    serve()
