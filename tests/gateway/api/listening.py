"""The application behind a real socket, in a thread of the test: for clients that want an address."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from gateway.api.app import create_app
from gateway.api.front_door import FrontDoor
from tests.waiting import wait_until


@contextmanager
def listen(door: FrontDoor) -> Iterator[str]:
    """The address, for as long as the block lasts."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(create_app(door), log_config=None, access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            wait_until(lambda: server.started)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
