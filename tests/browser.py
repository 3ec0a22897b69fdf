"""A real Chromium at a real server of the console, for tests of what a person sees; skipped where there is none."""

import os
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import axe_core_python
import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from werkzeug.serving import make_server

from tests.console_desk import Desk

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WHY_NOT = "no Chromium is installed: `make browser` installs Debian's"
AXE = (Path(axe_core_python.__file__).parent / "axe.min.js").read_text()
PHONE, DESK = {"width": 360, "height": 740}, {"width": 1280, "height": 800}
# Rules of these weights fail a page (axe-core's own words).
_GRAVE = ("serious", "critical")


@dataclass
class Site:
    """An application on a port of this machine, and the browser in front of it."""

    url: str
    browser: Browser

    def open(self, desk: Desk | None = None, viewport: Mapping[str, int] = DESK) -> "Visit":
        """A window of its own; with `desk` it is logged in as that operator."""
        context = self.browser.new_context(viewport={"width": viewport["width"], "height": viewport["height"]})
        if desk is not None:
            held = desk.client.get_cookie("iuran")
            assert held is not None
            context.add_cookies([{"name": "iuran", "value": held.value, "url": self.url}])
        return Visit(self.url, context, context.new_page())


class Visit:
    """One window; keeps whatever the browser complained of, which includes every breach of the page's policy."""

    def __init__(self, url: str, context: BrowserContext, page: Page) -> None:
        self.url, self.context, self.page = url, context, page
        self.complaints = list[str]()
        page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda asked: None if self._is_ours(asked.url) else self.complaints.append(asked.url))

    def _is_ours(self, url: str) -> bool:
        return url.startswith((self.url, "data:"))

    def go(self, path: str) -> str:
        self.page.goto(self.url + path)
        return self.page.inner_text("main")

    def faults(self) -> list[str]:
        """What axe-core finds grave on the page as it stands."""
        self.page.evaluate(AXE)
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found["violations"] if one["impact"] in _GRAVE
        ]

    def overflow(self) -> int:
        """By how many pixels the page is wider than its window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))

    def close(self) -> None:
        self.context.close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip(WHY_NOT)
    # Chromium's own sandbox refuses root, under which machines of CI run.
    args = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=args)
        yield browser
        browser.close()


@contextmanager
def served(app: Flask, browser: Browser) -> Iterator[Site]:
    """The application on a port of its own."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Site(f"http://127.0.0.1:{server.server_port}", browser)
    server.shutdown()


@pytest.fixture(scope="session")
def site(strict_app: Flask, chromium: Browser) -> Iterator[Site]:
    with served(strict_app, chromium) as site:
        yield site
