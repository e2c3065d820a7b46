"""Judging: a strategy reads the answers of a job that no program can grade, and what it says becomes their labels."""

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import msgspec
from sqlalchemy.orm import Session

from db.jobs import Job, lock_job, read_job, update_meta
from db.judgements import VERDICTS_READ, UnjudgedAnswer, iterate_unjudged, list_unread_judgings
from db.labels import NewLabel, store_labels
from db.results import iterate_results
from db.session import run_in_transaction, session_scope
from db.states import FINAL_STATES, LabelSource
from db.tasks import NewTask, read_tasks
from router.decoding.task_prompt import TaskPrompt
from router.grading.judge import Judge
from router.grading.judge_prompt import build_judge_prompt, read_verdict
from router.units import Amount
from worker.bootstrap import Workshop
from worker.runs import StoreJob
from worker.submission import submit_judging
from worker.task_line import TaskLine, parse_task_line

NONCE_BYTES = 16
BEGUN = "judging"  # in a judged job's meta: the job in which workers are asked for its verdicts


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What came of judging a job; answers that are alike and were read once count each."""

    job_id: int
    asked: int
    judged: int  # answers with a judge's verdict that can be read
    unreadable: int  # whose judge gave none: they are asked again
    unanswered: int  # that the judge's engine failed to answer, or refused
    unreached: int  # that the budget did not reach, or that no context of the judge holds
    mean: float | None  # of the verdicts


class Question(NamedTuple):
    """One prompt for the judge, and whose answers its verdict is about."""

    answers: list[tuple[int, int]]  # seq and arm
    judge: Judge
    question: str
    answer: str


class Judging:
    """The answers of one job that wait for a judge, read by the one strategy of a workshop."""

    def __init__(self, workshop: Workshop, *, job: Job, budget: Amount) -> None:
        self._workshop, self._job, self._budget = workshop, job, budget
        self.done: list[int] = []  # judging jobs that came to their end

    def jobs(self) -> Iterator[StoreJob]:
        """Jobs to bring to their end in turn: what an earlier command left, then all that has no verdict yet."""
        for judging in self.list_unread():
            yield from self._follow(judging.id)
        with session_scope(self._workshop.database) as session:
            due = gather_questions(iterate_unjudged(session, job_id=self._job.id))
        if due:
            yield from self._follow(
                run_in_transaction(self._workshop.database, lambda session: self._submit(session, due))
            )

    def read_ended(self) -> bool:
        """Whether every judging job has ended; the verdicts of those that have are stored."""
        unread = self.list_unread()
        for judging in unread:
            if judging.state in FINAL_STATES:
                run_in_transaction(self._workshop.database, partial(store_verdicts, judging_id=judging.id))
        return all(judging.state in FINAL_STATES for judging in unread)

    def list_unread(self) -> list[Job]:
        """The judging jobs whose verdicts are not stored yet."""
        with session_scope(self._workshop.database) as session:
            unread = list_unread_judgings(session, job_id=self._job.id, strategy_id=self._workshop.strategy_ids[0])
            return [read_job(session, job_id=job_id) for job_id in unread]

    def begin(self) -> bool:
        """Whether workers are asked for verdicts from now on: where an answer waits, and once for a job."""
        return run_in_transaction(self._workshop.database, self._begin)

    def _begin(self, session: Session) -> bool:
        if BEGUN in lock_job(session, job_id=self._job.id).meta:
            return False
        due = gather_questions(iterate_unjudged(session, job_id=self._job.id))
        if due:
            update_meta(session, job_id=self._job.id, meta={BEGUN: self._submit(session, due)})
        return bool(due)

    def _follow(self, job_id: int) -> Iterator[StoreJob]:
        """Its verdicts are stored when it is asked for the next job: then this one has ended."""
        yield lambda: job_id
        run_in_transaction(self._workshop.database, lambda session: store_verdicts(session, judging_id=job_id))
        self.done.append(job_id)

    def _submit(self, session: Session, due: Sequence[Question]) -> int:
        (priced,) = self._workshop.pool.strategies
        nonce = draw_nonce(due)
        lines = [write_judge_line(question, model=priced.strategy.name, nonce=nonce) for question in due]
        return submit_judging(
            session,
            tasks=lines,
            judge=self._workshop.pool,
            strategy_id=self._workshop.strategy_ids[0],
            budget=self._budget,
            tenant_id=self._job.tenant_id,
            meta={
                "judges": self._job.id,
                "nonce": nonce,
                "answers": [question.answers for question in due],
                "strategy_file": str(self._workshop.pool.source.resolve()),
                "spec_hashes": [priced.strategy.spec_hash],
            },
        )


def gather_questions(answers: Iterator[UnjudgedAnswer]) -> list[Question]:
    """One for each answer whose grader is a judge; the same answer to the same question is read once."""
    found: dict[tuple[Judge, str, str], Question] = {}
    for own in answers:
        line = parse_task_line(own.payload)
        if line.grader is not None and isinstance(line.grader.rule, Judge):
            key = (line.grader.rule, quote_conversation(line.prompt), own.answer)
            found.setdefault(key, Question([], *key)).answers.append((own.seq, own.arm))
    return list(found.values())


def quote_conversation(prompt: TaskPrompt) -> str:
    """What was asked: a question alone as it stands, more than that with who said what."""
    if len(prompt.messages) == 1:
        return prompt.question
    return "\n\n".join(f"{message.role}: {message.content}" for message in prompt.messages)


def draw_nonce(questions: Sequence[Question]) -> str:
    """A code that none of the quoted texts knows."""
    quoted = "\n".join(f"{own.question}\n{own.answer}" for own in questions).casefold()
    while (nonce := secrets.token_hex(NONCE_BYTES)) in quoted:
        pass
    return nonce


def write_judge_line(question: Question, *, model: str, nonce: str) -> NewTask:
    """The judge's task, named after the first answer that it is about."""
    seq, arm = question.answers[0]
    messages = build_judge_prompt(question.judge, question=question.question, answer=question.answer, nonce=nonce)
    body = {"model": model, "messages": [msgspec.structs.asdict(message) for message in messages]}
    custom_id = f"{seq}.{arm}"
    payload = {"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": body}
    return NewTask(custom_id=custom_id, payload=json.dumps(payload))


def store_verdicts(session: Session, *, judging_id: int) -> int:
    """How many labels are new; nothing is stored twice, and a reply without a readable verdict says nothing."""
    judging = read_job(session, job_id=judging_id)
    lock_job(session, job_id=judging.meta["judges"])
    labels = [
        NewLabel(seq=seq, arm=arm, source=LabelSource.JUDGE, correct=verdict)
        for answers, verdict in _read_verdicts(session, judging)
        if verdict is not None
        for seq, arm in answers
    ]
    update_meta(session, job_id=judging_id, meta={VERDICTS_READ: True})
    return store_labels(
        session,
        tenant_id=judging.tenant_id,
        job_id=judging.meta["judges"],
        labels=labels,
        given_by=f"judging job {judging_id}",
    )


def count_judged(session: Session, *, job_id: int, judging_ids: Sequence[int]) -> Judged:
    """What these judging jobs of the job came to, together."""
    jobs = [read_job(session, job_id=judging_id) for judging_id in judging_ids]
    read = [pair for job in jobs for pair in _read_verdicts(session, job)]
    verdicts = [verdict for answers, verdict in read if verdict is not None for _ in answers]
    asked = sum(len(answers) for job in jobs for answers in job.meta["answers"])
    unreadable = sum(len(answers) for answers, verdict in read if verdict is None)
    unanswered = sum(_count_unanswered(session, job) for job in jobs)
    return Judged(
        job_id=job_id,
        asked=asked,
        judged=len(verdicts),
        unreadable=unreadable,
        unanswered=unanswered,
        unreached=asked - len(verdicts) - unreadable - unanswered,
        mean=sum(verdicts) / len(verdicts) if verdicts else None,
    )


def _count_unanswered(session: Session, judging: Job) -> int:
    """Answers whose reading ended in an error."""
    return sum(
        len(judging.meta["answers"][result.seq])
        for result in iterate_results(session, job_id=judging.id)
        if result.outcome is not None and result.outcome.error_code is not None
    )


def _read_verdicts(session: Session, judging: Job) -> Iterator[tuple[Sequence[tuple[int, int]], float | None]]:
    """Whose answers each reply is about, and what it says of them; what got no reply is left out."""
    judge_of = _read_judges(session, judging.meta)
    for result in iterate_results(session, job_id=judging.id):
        if result.outcome is not None and result.outcome.error_code is None:
            answers = judging.meta["answers"][result.seq]
            verdict = read_verdict(judge_of[answers[0][0]], result.outcome.answer, nonce=judging.meta["nonce"])
            yield answers, verdict


def _read_judges(session: Session, meta: Mapping[str, Any]) -> dict[int, Judge]:
    """The rubric of each judged task, by its seq."""
    seqs = sorted({answers[0][0] for answers in meta["answers"]})
    lines = {task.seq: parse_task_line(task.payload) for task in read_tasks(session, job_id=meta["judges"], seqs=seqs)}
    return {seq: _judge_of(line) for seq, line in lines.items()}


def _judge_of(line: TaskLine) -> Judge:
    assert line.grader is not None
    assert isinstance(line.grader.rule, Judge)
    return line.grader.rule
