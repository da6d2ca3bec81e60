"""A real JupyterLab, and a page of Chromium that looks at it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.driver import Lab, Server, looking, serving


@pytest.fixture(scope="session")
def browser(chromium_path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=chromium_path, args=["--no-sandbox", "--disable-gpu"]
        )
        yield started
        started.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("jupyter")) as started:
        yield started


@pytest.fixture
def lab(browser: Browser, server: Server) -> Iterator[Lab]:
    """A fresh page, which must not leave this machine nor log an error."""
    with looking(browser, server) as opened:
        yield opened
    assert opened.requests == []
    assert opened.errors == []
