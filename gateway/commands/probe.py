"""`apportion probe`: a new strategy answers a few chosen tasks and joins the pool."""

from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console, Group
from rich.text import Text

from db.session import run_in_transaction, session_scope
from db.states import StrategyMode
from db.strategy_modes import read_mode
from gateway.commands.figures_table import draw_figures
from gateway.commands.finish_job import tell_drained
from gateway.commands.run import read_tasks_of
from gateway.commands.working import working
from gateway.exit_codes import ExitCode
from gateway.graded_tasks import keep_graded, require_sandbox
from gateway.json_option import choose_progress_console, tell
from gateway.known_strategy import find_strategy
from gateway.report.amounts import say_share
from router.figures import Fallback
from router.predictor import PredictorConfig
from worker.bootstrap import open_workshop
from worker.placement import Placement, Reception, offer
from worker.pool import read_strategy_file
from worker.probing import ProbeRequest, Probing
from worker.progress import Progress, Stage
from worker.recording import hash_task_file
from worker.runs import drive_jobs
from worker.settings import read_settings
from worker.submission import TENANT


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the command line says."""

    strategy: str
    probes: int
    adaptive: bool
    seed: int


def probe_strategy(
    console: Console,
    *,
    job_file: Path,
    strategy_file: Path,
    asked: Asked,
    mode: StrategyMode | None = None,
    as_json: bool,
) -> ExitCode:
    """Only tasks that the strategy has not answered yet are asked; it is placed by all that it has answered.

    `mode` is what the caller is going to use it for; without it the strategy stays what it is.
    """
    pool = read_strategy_file(strategy_file)
    position = find_strategy(pool, strategy_file, asked.strategy)
    tasks = read_tasks_of(job_file, pool=pool)
    graded = keep_graded(job_file, tasks)
    settings = read_settings()
    if not settings.has_workers:  # those grade elsewhere
        require_sandbox(job_file, graded)
    with (
        working(choose_progress_console(console, as_json=as_json), settings) as work,
        open_workshop(settings, strategy_file=strategy_file, watch=work.view.show) as workshop,
    ):
        if len(graded) < len(tasks):
            work.view.note(f"{len(tasks) - len(graded):,} of {len(tasks):,} tasks have no grader and are left out")
        request = ProbeRequest(
            tasks=graded,
            tasks_sha256=hash_task_file(job_file),
            count=asked.probes,
            adaptive=asked.adaptive,
            seed=asked.seed,
        )
        probing = Probing(workshop, position=position, request=request, tell=work.view.note)
        end = drive_jobs(probing.own, jobs=probing.jobs(), draining=work.draining)
        if end is not None and not end.completed:
            return tell_drained(console, settings, job_id=end.job_id, remedy="the same command", as_json=as_json)
        work.view.show(Progress(stage=Stage.PLACING))
        placement = probing.place()
        reception = run_in_transaction(
            workshop.database, lambda session: offer(session, strategy_id=probing.strategy_id, placement=placement)
        )
        with session_scope(workshop.database) as session:
            mode = mode or read_mode(session, tenant_id=TENANT, name=asked.strategy)
    own = placement.challenger
    row = (own.strategy.name, own.figures.outcomes, own.figures)
    said = describe_placement(placement, reception, mode=mode)
    table = draw_figures([row], caption="log loss on outcomes the placement had not seen")
    value = {"strategy": own.strategy.name, "figures": asdict(own.figures), "reception": reception.value, "said": said}
    tell(console, Group(table, Text(said)), value, as_json=as_json)
    return ExitCode.DONE


def describe_placement(placement: Placement, reception: Reception, *, mode: StrategyMode) -> str:
    """What the strategy is predicted by from now on."""
    name = placement.challenger.strategy.name
    if reception is Reception.KNOWN:
        return f"{name} keeps its predictor, which learnt from these outcomes already"
    if reception is Reception.OUTWEIGHED:
        return (
            f"{name} keeps its predictor, which learnt from more outcomes than there are probes; `apportion train` "
            "learns from both"
        )
    joins = "can be routed to" if mode is StrategyMode.ENABLED else f"is placed ({mode})"
    return f"{name} {joins}: {_describe_way(placement)}; `apportion train` tries a predictor of its own"


def _describe_way(placement: Placement) -> str:
    figures = placement.challenger.figures
    if figures.fallback is Fallback.COLD_START:
        clusters = f"the probes nearest in {placement.past_tasks:,} past tasks"
        if not placement.known_strategies:
            return f"a task is predicted by {clusters}"
        return f"a task is predicted half by {clusters}, half by what {placement.known_strategies} strategies did there"
    if figures.fallback is Fallback.IMPUTED:
        return (
            f"its predictor learnt from what it would have done with {placement.past_tasks:,} past tasks, by what "
            f"{placement.known_strategies} strategies did there and with its probes"
        )
    why = {
        Fallback.CONSTANT: f"fewer than {PredictorConfig().minimum_tasks} distinct tasks have a grade",
        Fallback.CONSTANT_ACCURACY: f"nearly all answers are {'right' if figures.mean_correct > 0.5 else 'wrong'}",
    }[figures.fallback]
    return f"{why}, so its accuracy is taken to be {say_share(figures.mean_correct)} for every task"
