"""What the dashboard ships: nothing of it comes from elsewhere."""

import hashlib
from importlib.resources import files

import pytest

from gateway.dashboard.pages import ASSETS
from tests.gateway.dashboard.conftest import Browser

STATIC = files("gateway.dashboard").joinpath("static")
UPLOT = {  # of version 1.6.32, as its npm package has them
    "uPlot.iife.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
    "uPlot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
}


@pytest.mark.parametrize("name", UPLOT)
def test_the_chart_library_is_the_released_one(name: str) -> None:
    content = STATIC.joinpath("uplot", name).read_bytes()
    assert hashlib.sha256(content).hexdigest() == UPLOT[name]
    assert "MIT" in STATIC.joinpath("uplot", "LICENSE").read_text()


def test_every_page_names_what_is_served(browser: Browser) -> None:
    page = browser.open("/jobs")
    for name in ASSETS:
        assert f"/dashboard/static/{name}?" in page
        reply = browser.client.get(f"/dashboard/static/{name}")
        assert reply.status_code == 200
        assert "http" not in reply.text.replace("http://www.w3.org/", "").split("*/", 1)[-1]


def test_everything_together_is_small() -> None:
    assert sum(len(STATIC.joinpath(name).read_bytes()) for name in ASSETS) < 100_000
