"""`apportion predictors`: which trained version of each strategy's predictor serves."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from sqlalchemy.orm import Session

from db.errors import NoSuchRow
from db.predictors import PredictorVersion, find_earlier, list_predictors
from db.session import run_in_transaction, session_scope
from gateway.commands.strategy_life import name_person
from gateway.exit_codes import ExitCode
from gateway.json_option import print_json, tell
from gateway.promotion_report.gather import PromotionReport, gather_promotion
from gateway.promotion_report.markdown import write_markdown
from gateway.promotion_report.plots import draw_plots
from gateway.promotion_report.sentences import say_kind
from gateway.report.amounts import UNKNOWN, say_share
from gateway.report.plots.svg_file import as_file
from worker.database import open_database
from worker.errors import NoSuchPredictor
from worker.predictors import promote_by_hand
from worker.settings import read_settings
from worker.strategy_life import require_versions
from worker.submission import TENANT

LISTED = 200


def list_all(console: Console, *, as_json: bool) -> ExitCode:
    """One row for each version, the newest of a strategy first."""
    with open_database(read_settings()) as database, session_scope(database) as session:
        versions = list_predictors(session, tenant_id=TENANT, limit=LISTED)
    tell(console, draw_predictors(versions), [asdict(version) for version in versions], as_json=as_json)
    return ExitCode.DONE


def draw_predictors(versions: Sequence[PredictorVersion]) -> Table:
    """A row for each."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="dim", caption=None if versions else "none yet")
    for heading in ("id", "strategy", "version", "state", "kind", "outcomes", "right", "log loss", "trained"):
        table.add_column(heading, justify="left" if heading in {"strategy", "state", "kind", "trained"} else "right")
    for version in versions:
        table.add_row(*_describe(version))
    return table


def show_version(console: Console, *, predictor_id: int, folder: Path | None, as_json: bool) -> ExitCode:
    """Why the version serves or does not. NoSuchPredictor."""
    with open_database(read_settings()) as database, session_scope(database) as session:
        try:
            report = gather_promotion(session, tenant_id=TENANT, predictor_id=predictor_id)
        except NoSuchRow:
            raise _say_missing(predictor_id) from None
    tell_report(console, report, folder=folder, as_json=as_json)
    return ExitCode.DONE


def tell_report(console: Console, report: PromotionReport, *, folder: Path | None, as_json: bool) -> None:
    """Printed, as words or as JSON; with a folder as a page there, with its plots."""
    if as_json:
        print_json(console, report.to_json())
    elif folder is None:
        console.print(write_markdown(report, plots={}), markup=False)
    else:
        _write_page(console, report, folder=folder)


def _write_page(console: Console, report: PromotionReport, *, folder: Path) -> None:
    drawn = draw_plots(report)
    folder.mkdir(parents=True, exist_ok=True)
    for title, svg in drawn.items():
        (folder / f"{title.lower()}.svg").write_text(as_file(svg), encoding="utf-8")
    page = write_markdown(report, plots={title: f"{title.lower()}.svg" for title in drawn})
    (folder / "report.md").write_text(page, encoding="utf-8")
    console.print(f"the report is in {folder / 'report.md'}", markup=False)


def promote_version(console: Console, *, predictor_id: int, as_json: bool) -> ExitCode:
    """The version serves; NoSuchPredictor, PredictorArtefactError where it is damaged."""
    with open_database(read_settings()) as database:
        version = run_in_transaction(database, partial(_promote, predictor_id=predictor_id))
    return _tell(console, version, as_json=as_json)


def roll_back(console: Console, *, strategy: str, as_json: bool) -> ExitCode:
    """The version before serves; NoSuchPredictor where there is none, NoSuchStrategy."""

    def restore(session: Session) -> PredictorVersion:
        require_versions(session, name=strategy)
        earlier = find_earlier(session, tenant_id=TENANT, strategy=strategy)
        if earlier is None:
            raise NoSuchPredictor(f"strategy {strategy} has no version before the one that serves")
        return _promote(session, predictor_id=earlier)

    with open_database(read_settings()) as database:
        version = run_in_transaction(database, restore)
    return _tell(console, version, as_json=as_json)


def _promote(session: Session, *, predictor_id: int) -> PredictorVersion:
    try:
        return promote_by_hand(session, tenant_id=TENANT, predictor_id=predictor_id, person=name_person())
    except NoSuchRow:
        raise _say_missing(predictor_id) from None


def _say_missing(predictor_id: int) -> NoSuchPredictor:
    return NoSuchPredictor(f"there is no predictor {predictor_id}: `apportion predictors list` lists those there are")


def _tell(console: Console, version: PredictorVersion, *, as_json: bool) -> ExitCode:
    words = f"version {version.version} serves strategy {version.strategy} from now on"
    tell(console, words, asdict(version), as_json=as_json)
    return ExitCode.DONE


def _describe(version: PredictorVersion) -> tuple[str, ...]:
    figures: Mapping[str, Any] = version.figures or {}
    loss = figures.get("held_out_log_loss")
    return (
        str(version.id),
        version.strategy,
        str(version.version),
        version.state.value,
        say_kind(figures) or UNKNOWN,
        f"{figures['outcomes']:,}" if "outcomes" in figures else UNKNOWN,
        say_share(figures.get("mean_correct")),
        UNKNOWN if loss is None else f"{loss:.3f}",
        f"{version.created_at:%Y-%m-%d %H:%M}",
    )
