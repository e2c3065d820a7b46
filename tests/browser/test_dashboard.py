"""The dashboard in Chromium: a job is submitted, watched, looked into, and given more money."""

import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from gateway.api.app import create_app
from gateway.api.front_door import FrontDoor
from tests.gateway.api.office import at_the_desk, open_office
from tests.gateway.api.trained import copy_database, train
from tests.waiting import wait_until
from tests.worker.fake_night import make_tasks

pytestmark = pytest.mark.browser

PHONE, WIDE = (390, 844), (1280, 900)


class Screen:
    """A browser with the dashboard open."""

    def __init__(self, driver: webdriver.Chrome, address: str) -> None:
        self.driver, self._address = driver, address

    def open(self, path: str) -> None:
        self.driver.get(f"{self._address}/dashboard{path}")

    def find(self, selector: str) -> WebElement:
        wait_until(lambda: bool(self.driver.find_elements(By.CSS_SELECTOR, selector)))
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def press(self, words: str) -> None:
        """The link, button or disclosure with these words."""
        self.driver.find_element(
            By.XPATH, f"//*[self::a or self::button or self::summary][normalize-space()='{words}']"
        ).click()

    def wait_for(self, words: str) -> None:
        wait_until(lambda: words in self.text)

    @property
    def text(self) -> str:
        return str(self.driver.execute_script("return document.querySelector('main').innerText"))

    def complaints(self) -> list[str]:
        """What the browser logged as an error, the policy's refusals among them."""
        return [str(line["message"]) for line in self.driver.get_log("browser") if line["level"] == "SEVERE"]


@contextmanager
def serving(door: FrontDoor) -> Iterator[str]:
    """The address of the application behind a socket."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(create_app(door), log_config=None, access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        try:
            wait_until(lambda: server.started)
            yield f"http://localhost:{bound.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="module")
def address(server_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that answers."""
    with copy_database(server_url, name="browser", template=migrated_template) as url:
        train(url, tmp_path_factory.mktemp("training"))
        with (
            open_office(url, tmp_path_factory.mktemp("office")) as office,
            at_the_desk(office.door.settings, answering=True),
            serving(office.door) as at,
        ):
            yield at


@pytest.fixture
def screen(address: str) -> Iterator[Screen]:
    """Debian's Chromium, without a window."""
    options = webdriver.ChromeOptions()
    options.binary_location = find_program("chromium")
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=Service(find_program("chromedriver")))
    driver.set_window_size(*WIDE)
    yield Screen(driver, address)
    driver.quit()


def find_program(name: str) -> str:
    path = shutil.which(name)
    assert path is not None, f"{name} is not installed: `make install-browser`"
    return path


@pytest.fixture
def job_file(tmp_path: Path) -> Path:
    """Forty tasks."""
    file = tmp_path / "evening.jsonl"
    file.write_text("".join(f"{task.payload}\n" for task in make_tasks(40)), encoding="utf-8")
    return file


def submit(screen: Screen, job_file: Path) -> None:
    screen.open("/jobs")
    screen.press("Submit a job")
    screen.find("input[type=file]").send_keys(str(job_file))
    amount = screen.find("input[name=amount]")
    amount.clear()
    amount.send_keys("100%")
    screen.find("form.fields button").click()
    wait_until(lambda: "/jobs/" in screen.driver.current_url, seconds=90)


def test_a_job_is_submitted_watched_looked_into_and_given_more(screen: Screen, job_file: Path) -> None:
    submit(screen, job_file)
    screen.wait_for("evening.jsonl")
    screen.wait_for("40 of 40")  # without loading the page again
    screen.wait_for("completed")
    wait_until(lambda: len(screen.driver.find_elements(By.CSS_SELECTOR, ".chart canvas")) == 4)
    before = screen.find("[data-part=job_tiles]").text
    screen.press("Raise the budget")
    amount = screen.find("input[name=amount]")
    unit = str(amount.get_attribute("placeholder")).split()[1]
    amount.send_keys(f"1000 {unit}", Keys.ENTER)
    wait_until(lambda: screen.find("[data-part=job_tiles]").text != before)
    screen.press("Browse all 40")
    screen.press("task-7")
    screen.wait_for("Why ")
    assert "chosen" in screen.text
    assert screen.complaints() == []


def test_the_colours_that_were_chosen_stay(screen: Screen) -> None:
    screen.open("/jobs")
    read = "return getComputedStyle(document.body).backgroundColor"
    colours = {}
    for theme in ("Light", "Dark"):
        screen.find("#theme").send_keys(theme)
        screen.open("/budgets")
        colours[theme] = screen.driver.execute_script(read)
    assert colours["Light"] != colours["Dark"]


def test_the_keyboard_reaches_the_page(screen: Screen) -> None:
    screen.open("/jobs")
    screen.driver.switch_to.active_element.send_keys(Keys.TAB)
    assert screen.driver.switch_to.active_element.text == "Skip to the page"
    screen.driver.switch_to.active_element.send_keys(Keys.ENTER)
    assert screen.driver.switch_to.active_element.get_attribute("id") == "main"


@pytest.mark.parametrize("path", ["/jobs", "/strategies", "/budgets", "/workers", "/submit"])
def test_nothing_is_wider_than_a_phone(screen: Screen, path: str) -> None:
    width, height = PHONE
    screen.driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": True}
    )
    screen.open(path)
    assert screen.driver.execute_script("return document.documentElement.scrollWidth") <= width
    assert screen.complaints() == []
