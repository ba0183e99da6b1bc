"""The page in a real browser: nothing asked of anybody, nothing complained about, seen in light, dark and on paper."""

import io
import re

import numpy as np
import pytest

from engine import browser
from engine.cohort_cases import table
from engine.report_cases import reported
from seghirescam.cli import main

pytestmark = pytest.mark.skipif(browser.found() is None, reason=browser.NONE)
HEIGHT = 900


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    _, folder = reported(tmp_path_factory.mktemp("reported") / "plan", 2)
    assert main(["report", str(folder), "--quiet"]) == 0
    return folder


def pixels(png):
    image = pytest.importorskip("PIL.Image")
    return np.asarray(image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def test_a_browser_shows_all_of_it_and_asks_nobody(made, tmp_path):
    page = made / "report.html"
    with browser.Browser(tmp_path / "profile") as window:
        seen = {}
        for dark in (False, True):
            window.open(page, height=HEIGHT, dark=dark)
            asked = [one["request"]["url"] for one in window.all("Network.requestWillBeSent")]
            assert asked and all(url == page.as_uri() or url.startswith("data:") for url in asked)
            assert not window.all("Network.loadingFailed") and not window.all("Runtime.exceptionThrown")
            assert not window.all("Runtime.consoleAPICalled") and not window.all("Log.entryAdded")
            seen[dark] = pixels(window.screenshot())
        cases = {row["image"] for row in table(made)}
        assert window.value("document.querySelectorAll('section.case').length") == len(cases) == 3
        assert window.value("document.querySelectorAll('table.all tbody tr').length") == len(table(made))
        loaded = "[...document.images].every(one => one.complete && one.naturalWidth > 100)"
        assert window.value("document.images.length") == 8 and window.value(loaded)
        # nothing is wider than a laptop's screen, and only tables may be scrolled
        assert window.value("document.documentElement.scrollWidth") <= 1366
        paper = window.printed()
    for dark, shot in seen.items():
        assert shot.shape == (HEIGHT, 1366, 3) and shot.std() > 10, "the page is blank"
        assert (np.median(shot) < 60) == dark
    assert paper.startswith(b"%PDF") and len(re.findall(rb"/Type\s*/Page\b", paper)) >= 2


def test_a_script_that_somebody_put_into_the_page_does_not_run_or_fetch(made, tmp_path):
    """What the page says of itself to the browser holds: no script, no picture from elsewhere."""
    text = (made / "report.html").read_text(encoding="utf-8")
    more = "<script>document.title = 'ran'</script><img src='http://127.0.0.1:9/x.png'></main>"
    (tmp_path / "page.html").write_text(text.replace("</main>", more), encoding="utf-8")
    with browser.Browser(tmp_path / "profile") as window:
        window.open(tmp_path / "page.html")
        assert window.value("document.title") == "What a cohort's models looked at"
        told = " ".join(one["entry"]["text"] for one in window.all("Log.entryAdded"))
        assert "Content Security Policy" in told
        asked = [one["response"]["url"] for one in window.all("Network.responseReceived")]
        assert not any(url.startswith("http") for url in asked)
