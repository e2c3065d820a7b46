"""Invariants: queries that must return no row. They run after every database test and in `apportion doctor`."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

ROWS_SHOWN = 20


@dataclass(frozen=True, kw_only=True)
class Violation:
    """A row that an invariant query must not return."""

    invariant: str
    row: str


def find_violations(session: Session) -> list[Violation]:
    """Every broken invariant, at most 20 rows of each."""
    return [
        Violation(invariant=name, row=str(row._asdict()))
        for name, query in INVARIANTS.items()
        for row in session.execute(text(query)).fetchmany(ROWS_SHOWN)
    ]


_LEDGER_IS_BUDGET = """
    SELECT budget.id AS budget_id, budget.cap, budget.reserved, budget.spent, budget.burned, budget.overrun, total.*
    FROM budget CROSS JOIN LATERAL (
        SELECT coalesce(sum(cap_delta), 0) AS cap_sum, coalesce(sum(reserved_delta), 0) AS reserved_sum,
               coalesce(sum(spent_delta), 0) AS spent_sum, coalesce(sum(burned_delta), 0) AS burned_sum,
               coalesce(sum(overrun_delta), 0) AS overrun_sum
        FROM ledger_entry WHERE ledger_entry.budget_id = budget.id
    ) AS total
    WHERE (coalesce(cap, 0), reserved, spent, burned, overrun)
          IS DISTINCT FROM (cap_sum, reserved_sum, spent_sum, burned_sum, overrun_sum)
"""

_BUDGET_WITHIN_CAP = (
    "SELECT id AS budget_id, cap, spent, burned, reserved FROM budget WHERE spent + burned + reserved > cap"
)

# While a batch is open its deltas sum to what it holds; once it is settled or burned they sum to nothing.
_BATCH_RESOLVED_ONCE = """
    SELECT grp_id, fence, batch_no, sum(reserved_delta) AS still_held, array_agg(kind ORDER BY id) AS kinds
    FROM ledger_entry WHERE grp_id IS NOT NULL GROUP BY grp_id, fence, batch_no
    HAVING count(*) FILTER (WHERE kind = 'reserve') <> 1
        OR count(*) FILTER (WHERE kind IN ('settle', 'burn')) > 1
        OR (count(*) FILTER (WHERE kind IN ('settle', 'burn')) = 1 AND sum(reserved_delta) <> 0)
        OR (count(*) FILTER (WHERE kind = 'release') = 1 AND count(*) FILTER (WHERE kind = 'settle') = 0)
"""

_OPEN_BATCH_IS_HELD = """
    SELECT ledger_entry.grp_id, ledger_entry.fence, batch_no, sum(reserved_delta) AS still_held
    FROM ledger_entry JOIN grp ON grp.id = grp_id
    WHERE grp.state <> 'claimed' OR grp.fence <> ledger_entry.fence
    GROUP BY ledger_entry.grp_id, ledger_entry.fence, batch_no HAVING sum(reserved_delta) <> 0
"""

_COST_IS_CHARGED = """
    SELECT grp.id AS group_id, coalesce(ended.cost, 0) AS cost, coalesce(charged.cost, 0) AS charged
    FROM grp
    LEFT JOIN (
        SELECT grp_id, sum(cost) AS cost FROM
            (SELECT grp_id, cost FROM outcome UNION ALL SELECT grp_id, cost FROM attempt
             UNION ALL SELECT grp_id, cost FROM kept_answer AS kept WHERE NOT EXISTS (
                 SELECT FROM outcome AS final WHERE final.job_id = kept.job_id AND final.seq = kept.seq
                 AND final.grp_id = kept.grp_id)) AS done GROUP BY grp_id
    ) AS ended ON ended.grp_id = grp.id
    LEFT JOIN (
        SELECT grp_id, sum(spent_delta + overrun_delta + burned_delta) AS cost FROM ledger_entry GROUP BY grp_id
    ) AS charged ON charged.grp_id = grp.id
    WHERE coalesce(ended.cost, 0) <> coalesce(charged.cost, 0)
"""

# Counting is enough, since the keys allow one outcome and one live reason for each task and arm.
_COMPLETED_JOB_IS_ANSWERED = """
    SELECT job.id AS job_id, needed.count AS needed, answered.count AS outcomes, given_up.count AS reasons
    FROM job
    CROSS JOIN LATERAL (
        SELECT task_count * CASE kind WHEN 'run' THEN 1 ELSE cardinality(strategy_ids) END AS count
    ) AS needed
    CROSS JOIN LATERAL (SELECT count(*) FROM outcome WHERE outcome.job_id = job.id) AS answered
    CROSS JOIN LATERAL (
        SELECT count(*) FROM requeue WHERE requeue.job_id = job.id AND routed_at IS NULL
        AND reason IN ('budget_exhausted', 'not_eligible', 'cancelled')
    ) AS given_up
    WHERE job.finished_at IS NOT NULL AND needed.count <> answered.count + given_up.count
"""

_COMPLETED_JOB_IS_AT_REST = """
    SELECT job.id AS job_id, work.what FROM job CROSS JOIN LATERAL (
        SELECT 'group ' || id AS what FROM grp WHERE grp.job_id = job.id AND state <> 'done'
        UNION ALL SELECT 'window ' || id FROM task_window WHERE task_window.job_id = job.id AND state <> 'routed'
        UNION ALL SELECT 'reservation of ' || sum(reserved_delta) FROM ledger_entry WHERE ledger_entry.job_id = job.id
                  HAVING sum(reserved_delta) <> 0
    ) AS work
    WHERE job.finished_at IS NOT NULL
"""

_TASKS_ARE_COUNTED = """
    SELECT coalesce(job.id, counted.job_id) AS job_id, job.task_count, counted.count AS tasks
    FROM job FULL JOIN (SELECT tenant_id, job_id, count(*) FROM task GROUP BY tenant_id, job_id) AS counted
         ON job.id = counted.job_id AND job.tenant_id = counted.tenant_id
    WHERE job.task_count IS DISTINCT FROM coalesce(counted.count, 0)
"""

_OUTCOME_HAS_ITS_TASK = """
    SELECT outcome.job_id, outcome.seq FROM outcome LEFT JOIN task USING (job_id, seq) WHERE task.job_id IS NULL
"""

_OUTCOME_IS_OF_ITS_GROUP = """
    SELECT outcome.job_id, outcome.seq, outcome.grp_id, outcome.strategy_id FROM outcome
    LEFT JOIN grp ON grp.id = outcome.grp_id AND grp.job_id = outcome.job_id AND grp.kind = outcome.kind
         AND grp.arm = outcome.arm AND grp.strategy_id = outcome.strategy_id AND grp.tenant_id = outcome.tenant_id
    WHERE outcome.grp_id IS NOT NULL AND grp.id IS NULL
"""

_OUTCOME_OR_REASON = """
    SELECT outcome.job_id, outcome.seq, outcome.arm, requeue.reason FROM outcome JOIN requeue USING (job_id, seq, arm)
    WHERE requeue.routed_at IS NULL
"""

_MEMBERS_BELONG_TO_WINDOW = """
    (SELECT job_id, window_id, seq FROM grp CROSS JOIN unnest(seqs) AS seq)
    EXCEPT (SELECT job_id, id, seq FROM task_window CROSS JOIN unnest(seqs) AS seq)
"""

# Until a group is done, each of its members is either answered, back at routing, or its own alone.
_NO_TASK_IN_TWO_GROUPS = """
    SELECT grp.job_id, member.seq, grp.arm, array_agg(grp.id ORDER BY grp.id) AS group_ids
    FROM grp CROSS JOIN unnest(grp.seqs) AS member (seq)
    WHERE state <> 'done' AND NOT EXISTS (SELECT FROM requeue WHERE from_grp_id = grp.id AND requeue.seq = member.seq)
    GROUP BY grp.job_id, member.seq, grp.arm HAVING count(*) > 1
"""

# Set operations, which hash: looking each task up in the arrays of groups and windows takes hours at a million.
_NO_TASK_LOST = """
    WITH arms AS (
        SELECT id AS job_id, cursor_seq, arm
        FROM job CROSS JOIN unnest(CASE kind WHEN 'run' THEN ARRAY[0::bigint] ELSE strategy_ids END) AS arm
    )
    (
        SELECT job_id, seq, arm FROM arms JOIN task USING (job_id) WHERE seq < cursor_seq
    ) EXCEPT (
        SELECT job_id, seq, arm FROM outcome
        UNION ALL SELECT job_id, seq, arm FROM requeue WHERE routed_at IS NULL
        UNION ALL SELECT job_id, seq, arm FROM grp CROSS JOIN unnest(seqs) AS seq WHERE state <> 'done'
        UNION ALL SELECT job_id, seq, arm FROM task_window CROSS JOIN unnest(seqs) AS seq JOIN arms USING (job_id)
                  WHERE state <> 'routed'
        UNION ALL SELECT job_id, seq, 0 FROM twin
    )
"""

_TWIN_ENDS_WITH_ITS_LEADER = """
    WITH ended AS (
        SELECT job_id, seq FROM outcome WHERE arm = 0
        UNION ALL SELECT job_id, seq FROM requeue
                  WHERE routed_at IS NULL AND reason IN ('budget_exhausted', 'not_eligible', 'cancelled')
    ), own AS (
        SELECT job_id, seq FROM twin JOIN ended USING (job_id, seq)
    ), followed AS (
        SELECT twin.job_id, twin.seq FROM twin
        JOIN ended ON ended.job_id = twin.job_id AND ended.seq = twin.leader_seq
    )
    (SELECT *, 'without its leader' AS ended FROM own EXCEPT SELECT *, 'without its leader' FROM followed)
    UNION ALL (SELECT *, 'leader alone' FROM followed EXCEPT SELECT *, 'leader alone' FROM own)
"""

_COUNTS_ARE_RIGHT = """
    SELECT grp.id AS group_id, grp.answered, counted.answered AS counted, grp.settled, ended.settled AS ended,
           grp.started, ended.started AS begun
    FROM grp
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(cardinality(seqs)) FILTER (WHERE kind = 'settle'), 0) AS settled,
               coalesce(sum(cardinality(seqs)) FILTER (WHERE kind = 'reserve'), 0)
               - coalesce(sum(cardinality(seqs)) FILTER (WHERE kind = 'burn'), 0) AS started
        FROM ledger_entry WHERE ledger_entry.grp_id = grp.id
    ) AS ended
    LEFT JOIN (
        SELECT coalesce(outcome.grp_id, leader.grp_id) AS grp_id, count(*) AS answered,
               count(outcome.error_code) AS errors, count(outcome.correct) AS graded, sum(outcome.correct) AS correct
        FROM outcome
        LEFT JOIN twin ON outcome.source = 'twin' AND twin.job_id = outcome.job_id AND twin.seq = outcome.seq
        LEFT JOIN outcome AS leader
               ON leader.job_id = twin.job_id AND leader.seq = twin.leader_seq AND leader.arm = outcome.arm
        GROUP BY 1
    ) AS counted ON counted.grp_id = grp.id
    WHERE (grp.answered, grp.errors, grp.graded, grp.settled, grp.started)
          IS DISTINCT FROM (coalesce(counted.answered, 0), coalesce(counted.errors, 0), coalesce(counted.graded, 0),
                            ended.settled, ended.started)
       OR abs(grp.correct - coalesce(counted.correct, 0)) > 1e-6 * (1 + grp.graded)
"""

# What is kept for tasks that no window has cut yet is known to routing alone.
_PROMISE_COVERS_GROUPS = """
    SELECT budget.id AS budget_id, budget.kept, waiting.least FROM budget CROSS JOIN LATERAL (
        SELECT coalesce(sum(member.least), 0) AS least
        FROM job JOIN grp ON grp.job_id = job.id AND grp.state <> 'done'
        CROSS JOIN unnest(grp.seqs, grp.least) AS member (seq, least)
        WHERE job.budget_id = budget.id AND job.promised AND NOT EXISTS (
            SELECT FROM ledger_entry AS held WHERE held.grp_id = grp.id AND held.kind = 'reserve'
            AND member.seq = ANY (held.seqs) AND NOT EXISTS (
                SELECT FROM ledger_entry AS burned WHERE burned.grp_id = held.grp_id AND burned.fence = held.fence
                AND burned.batch_no = held.batch_no AND burned.kind = 'burn'))
    ) AS waiting
    WHERE budget.kept < waiting.least
"""

_NOTHING_IS_KEPT_FOR_NOBODY = """
    SELECT id AS budget_id, kept FROM budget
    WHERE kept > 0 AND NOT EXISTS (SELECT FROM job WHERE job.budget_id = budget.id AND finished_at IS NULL)
"""

# Where a window explored, each task has its chances, and its groups know those of their members.
_DRAWS_FIT_WINDOW = """
    SELECT exploration.window_id, cardinality(task_window.seqs) AS tasks, octet_length(best) / 2 AS draws
    FROM exploration JOIN task_window ON task_window.id = window_id JOIN job ON job.id = exploration.job_id
    WHERE octet_length(best) <> 2 * cardinality(task_window.seqs)
       OR octet_length(propensity) <> 4 * cardinality(task_window.seqs) * cardinality(job.strategy_ids)
       OR NOT explored <@ task_window.seqs
       OR EXISTS (SELECT FROM grp WHERE grp.window_id = exploration.window_id
                  AND octet_length(propensities) IS DISTINCT FROM 4 * cardinality(grp.seqs))
"""

_LOTS_FIT_WINDOW = """
    SELECT trial_window.window_id, tasks, apart, cardinality(trial_window.seqs) AS on_trial
    FROM trial_window JOIN task_window ON task_window.id = window_id
    WHERE NOT trial_window.seqs <@ task_window.seqs OR NOT cardinality(trial_window.seqs) <= apart OR NOT apart <= tasks
       OR NOT EXISTS (SELECT FROM exploration WHERE exploration.window_id = trial_window.window_id)
"""

_TRIED_IN_A_TRIAL = """
    SELECT id AS predictor_version_id FROM predictor_version AS tried
    WHERE state = 'on_trial' AND NOT EXISTS (
        SELECT FROM trial WHERE ended_at IS NULL AND trial.encoder = tried.encoder
                            AND tried.id = ANY (predictor_version_ids)
    )
"""

# A task with a kept answer has an outcome, or may still have its second chance.
_KEPT_ANSWER_SURVIVES = """
    SELECT kept.job_id, kept.seq, requeue.reason FROM kept_answer AS kept JOIN requeue USING (job_id, seq, arm)
    WHERE requeue.routed_at IS NULL AND reason NOT IN ('retry', 'recalled', 'second_chance')
"""

_KEPT_ANSWER_IS_AS_IT_WAS = """
    SELECT job_id, seq FROM kept_answer AS kept JOIN outcome AS final USING (job_id, seq, arm, grp_id)
    WHERE (kept.strategy_id, kept.fence, kept.answer, kept.response, kept.prompt_tokens, kept.output_tokens, kept.cost,
           kept.correct, kept.propensity, kept.source)
          IS DISTINCT FROM (final.strategy_id, final.fence, final.answer, final.response, final.prompt_tokens,
                            final.output_tokens, final.cost, final.correct, final.propensity, final.source)
"""

_SECOND_CHANCE_IS_THE_LAST = """
    SELECT kept.job_id, kept.seq, count(*) AS second_answers FROM kept_answer AS kept
    JOIN LATERAL (
        SELECT grp_id FROM outcome WHERE outcome.job_id = kept.job_id AND outcome.seq = kept.seq
        UNION ALL SELECT grp_id FROM attempt
                  WHERE attempt.job_id = kept.job_id AND attempt.seq = kept.seq AND error_code = 'second_answer_invalid'
    ) AS later ON later.grp_id <> kept.grp_id
    GROUP BY kept.job_id, kept.seq HAVING count(*) > 1
"""

INVARIANTS: dict[str, str] = {
    "the ledger's deltas add up to the budget": _LEDGER_IS_BUDGET,
    "no budget is over its cap": _BUDGET_WITHIN_CAP,
    "every batch is reserved once and resolved at most once": _BATCH_RESOLVED_ONCE,
    "only a held group has an open batch": _OPEN_BATCH_IS_HELD,
    "a group is charged what its outcomes and attempts cost": _COST_IS_CHARGED,
    "every task of a completed job has an outcome or a reason": _COMPLETED_JOB_IS_ANSWERED,
    "a completed job has no work under way": _COMPLETED_JOB_IS_AT_REST,
    "a job has the tasks that it counts": _TASKS_ARE_COUNTED,
    "every outcome has its task": _OUTCOME_HAS_ITS_TASK,
    "every outcome is of its group's job and strategy": _OUTCOME_IS_OF_ITS_GROUP,
    "no task has both an outcome and a reason for having none": _OUTCOME_OR_REASON,
    "a group's members belong to its window": _MEMBERS_BELONG_TO_WINDOW,
    "no task is in two groups": _NO_TASK_IN_TWO_GROUPS,
    "no task is lost": _NO_TASK_LOST,
    "a twin ends with the task that it repeats": _TWIN_ENDS_WITH_ITS_LEADER,
    "a group's counts are those of its entries and outcomes": _COUNTS_ARE_RIGHT,
    "what is promised covers the tasks that wait in groups": _PROMISE_COVERS_GROUPS,
    "a kept answer is not given up": _KEPT_ANSWER_SURVIVES,
    "a kept answer that is final is as it was": _KEPT_ANSWER_IS_AS_IT_WAS,
    "a task has one second chance": _SECOND_CHANCE_IS_THE_LAST,
    "a budget without open jobs keeps nothing free": _NOTHING_IS_KEPT_FOR_NOBODY,
    "how a window explored fits its tasks and groups": _DRAWS_FIT_WINDOW,
    "the lots of a window are of its tasks, with their chances": _LOTS_FIT_WINDOW,
    "what is on trial is in an open trial": _TRIED_IN_A_TRIAL,
}
