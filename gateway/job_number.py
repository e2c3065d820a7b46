"""Jobs as people name them on the command line."""

from gateway.errors import UsageError

LARGEST = 2**63 - 1  # of a job's number in the database


def read_job_number(text: str) -> int:
    """The number of a job in the database; UsageError for a batch's id, which only a server knows."""
    if text.isascii() and text.isdecimal() and int(text) <= LARGEST:
        return int(text)
    if text.startswith("batch_"):
        raise UsageError(f"{text} is a batch of a server: name that in APPORTION_API_URL, or the job by its number")
    raise UsageError(f"{text!r} is no job's number: `apportion status` lists the latest")
