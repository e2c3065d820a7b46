"""What second chances came to in a job, and how that is said."""

from sqlalchemy.orm import Session

from db.jobs import Job
from db.second_chances import count_second_chances
from gateway.report.amounts import say_cost
from gateway.report.values import SecondChanceReport
from router.units import Unit


def read_second_chances(session: Session, *, job: Job) -> SecondChanceReport | None:
    """As it stands now; None of a job without second chances."""
    if not job.second_chances:
        return None
    counts = count_second_chances(session, job_id=job.id)
    return SecondChanceReport(
        failures={count.failure: count.tasks for count in counts},
        asked=sum(count.asked for count in counts),
        replaced=sum(count.replaced for count in counts),
        cost_quanta=sum(count.cost for count in counts),
        graded=sum(count.graded for count in counts),
        turned_right=sum(count.right_after - count.right_before for count in counts),
    )


def say_second_chances(chances: SecondChanceReport, *, unit: Unit) -> str:
    """How many tasks had one and why, what that cost, and what it bought."""
    if not chances.invalid:
        return "no answer was invalid by itself"
    why = ", ".join(f"{count:,} {failure.replace('_', ' ')}" for failure, count in chances.failures.items())
    said = f"{chances.invalid:,} invalid answers ({why}), {chances.asked:,} asked once more"
    if not chances.asked:
        return said
    said += f" for {say_cost(chances.cost_quanta, unit)}, {chances.replaced:,} replaced"
    if not chances.graded:
        return said
    each = chances.quanta_per_right
    price = "" if each is None else f", {say_cost(each, unit)} each"
    return f"{said}: {chances.turned_right:+,.4g} right of {chances.graded:,} graded{price}"
