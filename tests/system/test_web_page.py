"""The page in a browser: what it shows is what runs, to the admin all of it and to a tenant its own."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from tests.support.tools import require_tool
from tests.system.support.flowvisor import HOST, Flowvisor, Ports
from tests.system.support.processes import Program, python_module
from tests.system.test_demo import free_port

# It must start without a screen, without the Internet, and as root.
FLAGS = (
    *(
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-sync",
    ),
    *("--disable-background-networking", "--disable-component-update", "--window-size=1280,1000"),
)
WAIT_SECONDS = 20


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    options = ChromeOptions()
    options.binary_location = require_tool("chromium")
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(options, Service(require_tool("chromedriver")))
    try:
        yield driver
    finally:
        driver.quit()


class Network:
    """flowvisor with two slices, three emulated datapaths and two learning switches, in processes of their own."""

    def __init__(self, folder: Path) -> None:
        controllers = {"blue": free_port(), "crimson": free_port()}
        self.ports = Ports(free_port(), free_port())
        self.folder = folder
        slices = [
            {
                "kind": "flowspace",
                "name": name,
                "controllers": [f"tcp:{HOST}:{port}"],
                "flowspace": [{"datapaths": "all", "priority": 100, "match": {"in_port": ports}}],
            }
            for (name, port), ports in zip(controllers.items(), ([1, 3, 4], [2]), strict=True)
        ]
        self.flowvisor = Flowvisor(
            folder,
            slices,
            ports=self.ports,
            datapaths={"leaf-1": 1, "spine": 2, "leaf-2": 3},
            settings={"tokens": "tokens.yaml"},
        )
        self.network = Program(
            python_module(
                "tests.system.support.emulated", str(self.ports.datapaths), *map(str, controllers.values())
            ),
            log=folder / "network.log",
        )
        self.admin = self.token("operator")
        self.tenant = self.token("tenant", "--slice", "blue")

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.ports.admin}/"

    def token(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "flowvisor", "token", "create", *arguments]
        done = subprocess.run(
            [*command, "--config", self.folder / "flowvisor.yaml"], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def close(self) -> None:
        self.network.stop()
        self.flowvisor.close()


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    running = Network(tmp_path_factory.mktemp("network"))
    try:
        yield running
    finally:
        running.close()


class Page:
    """The page as somebody uses it: by what it says, and with the keyboard."""

    def __init__(self, browser: Chrome, network: Network) -> None:
        self.browser = browser
        browser.get("about:blank")
        browser.get(network.url)
        browser.execute_script("sessionStorage.clear()")
        browser.refresh()
        self.wait(lambda: browser.find_element(By.ID, "token").is_displayed(), "the form is shown")

    def wait(self, condition: object, what: str) -> None:
        def holds(_: object) -> object:
            return condition()  # type: ignore[operator]

        WebDriverWait(self.browser, WAIT_SECONDS, 0.1, [StaleElementReferenceException, IndexError]).until(
            holds, f"{what}; it says: {self.text()[:600]}"
        )

    def text(self) -> str:
        return self.browser.find_element(By.TAG_NAME, "body").text

    def sign_in(self, token: str) -> None:
        # The field has the focus already: nothing has to be clicked.
        self.browser.switch_to.active_element.send_keys(token, Keys.ENTER)

    def shows(self, *words: str) -> None:
        self.wait(lambda: all(word in self.text() for word in words), f"it shows {words}")

    def rows(self, caption: str) -> list[str]:
        for table in self.browser.find_elements(By.TAG_NAME, "table"):
            if table.find_element(By.TAG_NAME, "caption").text == caption:
                return [row.text for row in table.find_elements(By.CSS_SELECTOR, "tbody tr")]
        return []

    def follow(self, text: str) -> None:
        """Go to a link with the keyboard."""
        self.wait(lambda: self._focus(text), f"a link {text}")
        self.browser.switch_to.active_element.send_keys(Keys.ENTER)

    def _focus(self, text: str) -> bool:
        active = self.browser.switch_to.active_element
        active.send_keys(Keys.TAB)
        return self.browser.switch_to.active_element.text.splitlines()[0].startswith(text)

    def complaints(self) -> list[str]:
        return [
            entry["message"] for entry in self.browser.get_log("browser") if "401" not in entry["message"]
        ]


@pytest.fixture
def page(browser: Chrome, network: Network) -> Iterator[Page]:
    shown = Page(browser, network)
    yield shown
    assert shown.complaints() == []


def test_the_admin_sees_the_network_live(page: Page, network: Network) -> None:
    page.sign_in(network.admin)
    page.shows("Physical network", "operator, admin")
    page.wait(lambda: sum("✓ ready" in row for row in page.rows("Datapaths")) == 3, "three datapaths")
    page.wait(lambda: len(page.rows("Links")) == 2, "two cables")
    page.wait(lambda: {row.split()[0] for row in page.rows("Slices")} == {"blue", "crimson"}, "both slices")
    names = ("leaf-1", "leaf-2", "spine")
    page.wait(lambda: all(name in picture(page).text for name in names), "all of them in the picture")
    page.wait(lambda: len(picture_ports(page)) == 12, "their ports")
    page.wait(lambda: any(moving(row) for row in page.rows("Datapaths")), "messages that move")


def moving(row: str) -> bool:
    return any(word.endswith("/s") and word not in {"0/s", "–/s"} for word in row.split())


def picture(page: Page) -> WebElement:
    return page.browser.find_element(By.CSS_SELECTOR, "svg.network")


def picture_ports(page: Page) -> list[object]:
    return page.browser.find_elements(By.CSS_SELECTOR, "svg.network circle.port")


def test_a_slice_is_shown_as_its_tenant_sees_it_and_where_that_is(page: Page, network: Network) -> None:
    page.sign_in(network.admin)
    page.shows("Physical network")
    page.follow("blue")
    page.shows("What the tenant of blue sees", "Where that is")
    page.wait(lambda: len(page.rows("Virtual switches")) == 3, "three virtual switches")
    page.wait(lambda: any("✓ connected" in row for row in page.rows("Controllers")), "its controller")
    page.wait(lambda: len(page.browser.find_elements(By.CSS_SELECTOR, "svg.network")) == 2, "two pictures")
    assert page.browser.find_elements(By.CSS_SELECTOR, "circle.port.dim")  # crimson's


def test_a_tenant_is_shown_its_own_and_nothing_else(page: Page, network: Network) -> None:
    page.sign_in(network.tenant)
    page.shows("What the tenant of blue sees", "tenant of blue")
    page.wait(lambda: len(page.rows("Virtual switches")) == 3, "three virtual switches")
    everything = page.browser.page_source
    assert "crimson" not in everything
    assert "Where that is" not in everything


def test_what_happens_is_told_as_it_happens(page: Page, network: Network) -> None:
    page.sign_in(network.admin)
    page.shows("Physical network")
    page.follow("Events")
    network.network.kill()
    try:
        page.shows("datapath")
        page.wait(lambda: page.rows("Events, latest first"), "events")
    finally:
        network.network = Program(network.network.argv, log=network.folder / "network.log")


def test_who_has_no_token_is_told_so_and_sees_nothing(page: Page) -> None:
    page.sign_in("nonsense")
    page.shows("not a token")
    assert not page.browser.find_element(By.ID, "content").is_displayed()


def test_it_is_readable_in_the_dark_and_in_the_light(page: Page, network: Network) -> None:
    page.sign_in(network.admin)
    page.shows("Physical network")
    grounds = {}
    for scheme in ("dark", "light"):
        page.wait(lambda: page.rows("Datapaths"), "a table")
        feature = {"name": "prefers-color-scheme", "value": scheme}
        page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        for element in ("body", "th", ".good, .bad", "nav a"):
            assert contrast(page, element) >= 4.5, (scheme, element)  # WCAG 2.2, 1.4.3
        grounds[scheme] = luminance(page, "body", "background-color")
    assert grounds["dark"] < 0.1 < 0.8 < grounds["light"]


def contrast(page: Page, element: str) -> float:
    low, high = sorted((luminance(page, element, "color"), luminance(page, "table", "background-color")))
    return (high + 0.05) / (low + 0.05)


def luminance(page: Page, element: str, what: str) -> float:
    # In one step, because a look may replace the element at any time.
    script = "return getComputedStyle(document.querySelector(arguments[0])).getPropertyValue(arguments[1])"
    colour = page.browser.execute_script(script, element, what)
    parts = [float(part) / 255 for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_it_stays_where_somebody_is_while_it_is_live(page: Page, network: Network) -> None:
    page.sign_in(network.admin)
    page.shows("Physical network")
    page.wait(lambda: page.rows("Datapaths"), "a table")
    page.browser.find_element(By.CSS_SELECTOR, "main [role=region]").send_keys("")
    label = page.browser.switch_to.active_element.get_attribute("aria-label")
    time.sleep(2.5)  # more than one look
    assert label
    assert page.browser.switch_to.active_element.get_attribute("aria-label") == label
