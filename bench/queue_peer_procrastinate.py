"""procrastinate as a peer: a queue in Postgres. Run by procrastinate's own command."""

import os

from procrastinate import App, PsycopgConnector

from bench.queue_peer_rows import DATABASE_URL, answer_task

AT_ONCE = 16  # tasks at once in each worker process
INSERT = "INSERT INTO peer_result (task_id, answer) VALUES (%(task_id)s, %(answer)s)"

connector = PsycopgConnector(conninfo=os.environ.get(DATABASE_URL, ""), max_size=AT_ONCE)
app = App(connector=connector)


@app.task(name="answer")
async def answer(task_id: int, payload: str) -> None:
    """One task, one row, one commit."""
    await connector.execute_query_async(INSERT, **answer_task(task_id, payload)._asdict())
