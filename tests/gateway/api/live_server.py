"""`apportion serve` as a process, as a client meets it."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from worker.settings import Settings, give_environment

CHECKOUT = Path(__file__).parent.parent.parent.parent


@contextmanager
def serve(settings: Settings, *words: str) -> Iterator[str]:
    """The address of a server that runs for as long as the block lasts; it ends well."""
    command = [sys.executable, "-c", "from gateway.cli import main; main()", "serve", "--port", "0", *words]
    environment = give_environment(settings, os.environ | {"PYTHONPATH": str(CHECKOUT), "COLUMNS": "200"})
    log: list[str] = []
    with subprocess.Popen(
        [*command, "--strategies", str(settings.strategies)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        assert server.stderr is not None
        reading = threading.Thread(target=log.extend, args=(server.stderr,))
        reading.start()
        try:
            said = server.stdout.readline()  # it listens by then
            address = re.search(r"http://\S+/v1", said)
            assert address, said
            yield address[0]
        finally:
            server.terminate()
            code = server.wait(timeout=90)
            reading.join()
    assert code == 0, "".join(log)
    assert not [line for line in log if '"ERROR"' in line], "".join(log)
