"""The order in which a group's tasks are asked."""

from collections.abc import Sequence

from worker.attempt import Assigned


def order_by_prefix(tasks: Sequence[Assigned]) -> list[Assigned]:
    """Tasks that begin alike next to each other, such as questions about one document.

    Engines keep what they computed of a prompt's beginning for the next one, for as long as there is room for it. What
    a strategy puts before its tasks is the same in all of a group.
    """
    return sorted(tasks, key=lambda assigned: [message.content for message in assigned.line.prompt.messages])
