"""Runs the commands of a shell in forks of a process that has imported what they need: `python -m` this, a socket.

Each is a process of its own with the folder, the environment and the three streams of whoever asks; only its imports,
seconds of them a command, are paid once.
"""

import importlib
import json
import os
import signal
import socket
import sys
import traceback

from gateway.cli import main
from router.warm_up import compile_kernels

# Imported by commands where they need it.
HEAVY = (
    *(
        "gateway.commands.calibrate",
        "gateway.commands.continue_job",
        "gateway.commands.doctor",
        "gateway.commands.plan",
    ),
    *("gateway.commands.probe", "gateway.commands.run", "gateway.commands.submit", "gateway.commands.train"),
    *("gateway.client.jobs", "gateway.api.app", "gateway.commands.serve", "sentence_transformers", "torch"),
)
LARGEST_REQUEST_BYTES = 2**20


def serve(path: str) -> None:
    """Answer until killed; a line on standard output says that it listens."""
    for name in HEAVY:
        importlib.import_module(name)
    compile_kernels()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        os.write(sys.stdout.fileno(), b"listening\n")
        while True:
            connection, _ = listening.accept()
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _run(connection)
            connection.close()


def _run(connection: socket.socket) -> None:
    """Be the command, and say its process and its exit code; does not come back."""
    request, streams, _, _ = socket.recv_fds(connection, LARGEST_REQUEST_BYTES, 3)
    asked = json.loads(request)
    connection.sendall(f"{os.getpid()}\n".encode())
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", encoding="utf-8", closefd=False) for number in (1, 2))
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    sys.argv = ["apportion", *asked["words"]]
    code = 1
    try:
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        connection.sendall(f"{code}\n".encode())
        os._exit(code)


if __name__ == "__main__":
    serve(sys.argv[1])
