"""What a report says of a whole job, in the words that terminal and page share."""

from gateway.report.amounts import say_cost, say_cost_against, say_points, say_shadow_price, say_share
from gateway.report.measures import Saving
from gateway.report.values import JobReport

EVEN = 5e-5  # half of the last digit that is shown: no difference
NEAR = 0.005  # half a point: as good as planned


def say_right(report: JobReport) -> str:
    """What the accuracy is a share of, and how many tasks have an answer where some have none."""
    tasks = report.tasks
    some = f"; {tasks.answered:,} of {tasks.total:,} answered" if tasks.answered < tasks.total else ""
    return f"of {say_tasks(tasks.graded, 'graded')} are right{some}"


def say_certificate(report: JobReport) -> str:
    """How far the prediction for what was done is from the best that the budget allows."""
    planned = say_share(report.plan.accuracy)
    if report.tasks.waiting:
        return f"for what is answered so far; {planned} is planned"
    if report.gap is None:
        even = abs(report.plan.accuracy - report.predicted_accuracy) < EVEN
        return "the optimum for these predictions (proven)" if even else f"for what was answered; {planned} was planned"
    if report.gap < EVEN:
        return "the optimum for these predictions (proven)"
    digits = 2 if report.gap < 0.01 else 1
    return f"at most {100 * report.gap:.{digits}f} points below the optimum (certified)"


def say_price(report: JobReport) -> str | None:
    """What more money would have bought, where that is known."""
    tasks, budget, price = report.tasks, report.budget, report.plan.shadow_price
    if tasks.beyond_budget:
        burned = say_cost(budget.burned_quanta, report.unit) if budget.burned_quanta else None
        lost = f"; {burned} of it were burned by interrupted work" if burned else ""
        return f"the budget did not reach {say_tasks(tasks.beyond_budget)}{lost}"
    if price is None or tasks.waiting:
        return None
    if price > 0:
        return None if budget.burned_quanta else say_shadow_price(price, report.unit)
    if budget.cap_quanta is None or report.gap is None or report.gap >= NEAR:
        return None  # the plan found the money enough; what was done with it says otherwise
    return "the budget does not bind: more of it would not buy another right answer"


def say_counts(report: JobReport) -> str:
    """How the tasks ended."""
    tasks = report.tasks
    endings = (
        (tasks.failed, "refused by the engine"),
        (tasks.beyond_budget, "not reached by the budget"),
        (tasks.not_eligible, "that no strategy can serve"),
        (tasks.cancelled, "cancelled"),
        (tasks.waiting, "not answered yet"),
    )
    rest = "".join(f", {count:,} {words}" for count, words in endings if count)
    shared = f" ({tasks.shared:,} with an identical task's answer)" if tasks.shared else ""
    return f"{tasks.answered:,} of {tasks.total:,} answered{shared}{rest}{_say_relations(report)}"


def _say_relations(report: JobReport) -> str:
    earlier = "" if report.continues is None else f"; job {report.continues} has those that it was continued from"
    later = "" if report.continued_by is None else f"; job {report.continued_by} continues it"
    return earlier + later


def say_saving(saving: Saving) -> str:
    """The job against one strategy in a sentence."""
    verdict = f"{say_cost_against(saving.cost_share)}, {say_points(saving.accuracy_points)} points"
    return f"{saving.strategy} for every task: {verdict} (predicted)"


def say_tasks(count: int, kind: str = "") -> str:
    """A number of tasks: "1 task", "40 graded tasks"."""
    return " ".join(filter(None, (f"{count:,}", kind, "task" if count == 1 else "tasks")))
