"""The smallest Celery application: a worker of it says how many rings it heard."""

from celery import Celery

app = Celery("rings")


@app.task(name="ring", ignore_result=True)
def ring() -> None:
    """Nothing to do; the worker counts."""
