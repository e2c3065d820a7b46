"""The peers of the queue's bench do their work: every task ends as a row, or measuring ends with an error."""

import pytest

from bench.queue_peer_celery import BATCH_TASKS
from bench.queue_peers import PEERS


@pytest.mark.slow
@pytest.mark.parametrize("name", PEERS)
def test_a_peer_settles_every_task(name: str, server_url: str) -> None:
    rate = PEERS[name](2 * BATCH_TASKS, server_url=server_url)
    assert rate.tasks == 2 * BATCH_TASKS
    assert rate.enqueued_per_second > 0
    assert rate.settled_per_second > 0
