"""A worker of the bare pipeline: claims blocks of tasks, and settles each in the transaction that claims it.

    python -m bench.queue_bare_worker

It says that it is ready, waits for a line, works until nothing is left, prints its seconds of processor, and waits for
one more line: as long as it is connected, what its server's process has used can be read.
"""

import os
import sys
import time
from collections.abc import Iterable, Sequence

import msgspec
import psycopg

from bench.queue_job import MAX_TOKENS
from bench.queue_peer_rows import DATABASE_URL
from db.outcome_rows import OUTCOME_COLUMNS, NewOutcome, Origin, pack_origin, pack_outcome
from db.states import JobKind, OutcomeSource

TENANT, JOB_ID, STRATEGY_ID = "bare", 1, 1
WORDS = MAX_TOKENS[0]  # of an answer, which is then the reference: all are right

CLAIM = """
UPDATE bare.block SET taken = true
WHERE id = (SELECT id FROM bare.block WHERE NOT taken ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id, first_seq, last_seq
"""
READ = "SELECT seq, payload FROM bare.task WHERE job_id = %s AND seq BETWEEN %s AND %s"
CHARGE = "UPDATE bare.ledger SET spent = spent + %s"


class _Message(msgspec.Struct):
    content: str


class _Body(msgspec.Struct):
    messages: list[_Message]


class _Grader(msgspec.Struct):
    reference: str


class _Line(msgspec.Struct):
    body: _Body
    grader: _Grader


_read_line = msgspec.json.Decoder(_Line).decode


def copy_rows(connection: psycopg.Connection, *, table: str, columns: Sequence[str], rows: Iterable[bytes]) -> None:
    """As db.copying does, without a session."""
    count = len(columns).to_bytes(2)
    statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT binary)"
    with connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        copy.write(b"PGCOPY\n\xff\r\n\x00" + bytes(8))
        for row in rows:
            copy.write(count + row)
        copy.write(b"\xff\xff")


def _answer(seq: int, payload: str) -> NewOutcome:
    """What our engine without a model says, graded and priced."""
    line = _read_line(payload)
    content = line.body.messages[-1].content
    words = content.rpartition("\n")[2].split()
    answer = " ".join(words[:WORDS])
    prompt_tokens = len(content.split())
    return NewOutcome(
        seq=seq,
        answer=answer,
        prompt_tokens=prompt_tokens,
        output_tokens=WORDS,
        cost=prompt_tokens + WORDS,
        texts=(answer,),
        finish_reasons=("length",),
        correct=float(answer.strip() == line.grader.reference.strip()),
        latency_seconds=0.0,
        propensity=1.0,
    )


def _settle_block(connection: psycopg.Connection) -> bool:
    """Whether there was one."""
    with connection.transaction():
        block = connection.execute(CLAIM).fetchone()
        if block is None:
            return False
        number, first, last = block
        outcomes = [_answer(seq, payload) for seq, payload in connection.execute(READ, (JOB_ID, first, last))]
        begin = pack_origin(
            Origin(
                tenant_id=TENANT,
                job_id=JOB_ID,
                kind=JobKind.RUN,
                arm=0,
                strategy_id=STRATEGY_ID,
                grp_id=number,
                fence=1,
                source=OutcomeSource.ENGINE,
            )
        )
        rows = (pack_outcome(begin, outcome) for outcome in outcomes)
        copy_rows(connection, table="bare.outcome", columns=OUTCOME_COLUMNS, rows=rows)
        connection.execute(CHARGE, (sum(outcome.cost for outcome in outcomes),))
    return True


def main() -> None:
    """Work."""
    with psycopg.connect(os.environ[DATABASE_URL], autocommit=True) as connection:
        print("ready", flush=True)
        sys.stdin.readline()
        began = time.process_time()
        while _settle_block(connection):
            pass
        print(time.process_time() - began, flush=True)
        sys.stdin.readline()


if __name__ == "__main__":
    main()
