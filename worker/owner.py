"""Who holds a lease: a name that people can find the process by."""

import os
import socket


def name_owner() -> str:
    """This process on this machine."""
    return f"{socket.gethostname()}:{os.getpid()}"
