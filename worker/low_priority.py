"""Work that lets others go first: on a machine with few cores a training would take half of a router's."""

import os
import threading

LOW_PRIORITY = 10  # nice: about a tenth of a core that somebody else wants too


def let_others_go_first() -> None:
    """The calling thread, and it alone, gives way to others from here on."""
    thread = threading.get_native_id()  # on Linux a thread has a priority of its own
    os.setpriority(os.PRIO_PROCESS, thread, max(LOW_PRIORITY, os.getpriority(os.PRIO_PROCESS, thread)))
