"""A faulty engine behind OpenAI's HTTP API, as a process of its own: killed and started again at its address.

The test holds its standard input; when that ends, so does the process.
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.faulty_engine import FaultyEngine
from tests.faults.script import Script, read_script
from tests.worker.engines.engine_front import EngineFront
from tests.worker.engines.stub_server import StubServer

CHECKOUT = Path(__file__).parent.parent.parent


class StubEngine:
    """The process as a test sees it; the model that it serves is `engine_front.MODEL`."""

    def __init__(self, script_path: Path) -> None:
        self._script_path = script_path
        self._process: subprocess.Popen[str] | None = None
        self.base_url = ""

    def start(self) -> None:
        """Serve, where it served before, from a new process, which plays the script anew."""
        self.kill()
        port = self.base_url.removesuffix("/v1").rpartition(":")[2] or "0"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.stub_engine", str(self._script_path), port],
            cwd=CHECKOUT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.base_url = self._process.stdout.readline().strip()
        assert self.base_url, "the stub engine did not start; its error is above"

    def has_crashed(self) -> bool:
        """Whether it was killed, by its script or a test, and is to be started again."""
        assert self._process is not None
        return self._process.poll() is not None

    def kill(self) -> None:
        """End the process as a crash does."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()


@contextmanager
def run_stub_engine(script: Script, *, folder: Path) -> Iterator[StubEngine]:
    """A running stub engine; its script is kept in the folder."""
    path = folder / "script.json"
    script.write(path)
    engine = StubEngine(path)
    engine.start()
    try:
        yield engine
    finally:
        engine.kill()


async def _serve_until_input_ends(script: Script, port: int) -> None:
    server = StubServer(EngineFront(FaultyEngine("stub", script)), port=port)
    await server.start()
    print(server.base_url, flush=True)  # noqa: T201  # the test reads it
    await asyncio.to_thread(sys.stdin.read)
    await server.stop()


if __name__ == "__main__":
    asyncio.run(_serve_until_input_ends(read_script(Path(sys.argv[1])), int(sys.argv[2])))
