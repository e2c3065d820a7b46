"""The dashboard as an application of its own: its pages, with errors as pages and strict headers around them."""

from fastapi import APIRouter, FastAPI
from starlette.staticfiles import StaticFiles

from db.job_samples import SampledTasks
from gateway.api.front_door import FrontDoor
from gateway.dashboard import (
    batch_page,
    budget_page,
    budgets_page,
    job_actions,
    job_page,
    jobs_page,
    sign_in_page,
    strategies_page,
    submit_page,
    task_page,
    tasks_page,
    workers_page,
)
from gateway.dashboard.error_pages import answer_with_pages
from gateway.dashboard.final_jobs import FinalJobs
from gateway.dashboard.headers import SecurityHeaders
from gateway.dashboard.job_lines import Use
from gateway.dashboard.pages import make_pages
from gateway.dashboard.spending_traces import SpendingTraces
from gateway.dashboard.visits import Visits

PATH = "/dashboard"
START = "/jobs"

ROUTES: tuple[APIRouter, ...] = (
    jobs_page.routes,
    job_page.routes,
    job_actions.routes,
    submit_page.routes,
    batch_page.routes,
    tasks_page.routes,
    task_page.routes,
    strategies_page.routes,
    budgets_page.routes,
    budget_page.routes,
    workers_page.routes,
    sign_in_page.routes,
)


def create_dashboard(door: FrontDoor) -> FastAPI:
    """An application to be mounted under PATH."""
    dashboard = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    dashboard.state.door = door
    dashboard.state.visits = Visits()
    dashboard.state.pages = make_pages()
    dashboard.state.traces = SpendingTraces()
    dashboard.state.final_jobs = FinalJobs[Use]()
    dashboard.state.final_samples = FinalJobs[SampledTasks]()
    answer_with_pages(dashboard)
    for routes in ROUTES:
        dashboard.include_router(routes)
    dashboard.mount("/static", StaticFiles(packages=[("gateway.dashboard", "static")]))
    dashboard.add_middleware(SecurityHeaders)
    return dashboard
