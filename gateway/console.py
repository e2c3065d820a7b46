"""The console of every command."""

import os
from collections.abc import Iterable

from rich.console import Console


class CommandConsole(Console):
    """A console whose reader may leave: `apportion run ... | head` falls silent, and the job goes on."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, highlight=False)

    def on_broken_pipe(self) -> None:
        """Rich would end the process here, in the middle of paid work."""
        self.quiet = True
        sink = os.open(os.devnull, os.O_WRONLY)
        os.dup2(sink, self.file.fileno())  # what is still buffered has to go somewhere at exit
        os.close(sink)


def write_out(console: Console, texts: Iterable[str]) -> None:
    """The texts on standard output as they are; whoever reads them may leave."""
    try:
        for text in texts:
            console.file.write(text)
        console.file.flush()
    except BrokenPipeError:
        console.on_broken_pipe()
