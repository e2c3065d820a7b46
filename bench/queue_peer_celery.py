"""Celery as a peer: one message a task, run one by one or collected by celery-batches. Run by Celery's own command."""

from celery import Celery
from celery_batches import Batches, SimpleRequest

from bench.queue_peer_rows import answer_task, settle_many, settle_one

BATCH_TASKS = 500

app = Celery("peer")
app.conf.update(
    task_ignore_result=True,
    worker_prefetch_multiplier=0,  # no limit: the fastest for tasks as short as these
    broker_connection_retry_on_startup=True,
)


@app.task(name="peer.answer")
def answer(task_id: int, payload: str) -> None:
    """One task, one row, one commit."""
    settle_one(answer_task(task_id, payload))


@app.task(name="peer.answer_batch", base=Batches, flush_every=BATCH_TASKS, flush_interval=1)
def answer_batch(requests: list[SimpleRequest]) -> None:
    """The tasks of a batch, a row each, one commit."""
    settle_many([answer_task(*request.args) for request in requests])
