"""A real browser without a window, told what to do through two pipes (Chrome's DevTools protocol): no port."""

from __future__ import annotations

import base64
import fcntl
import itertools
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NONE = f"no browser is installed ({', '.join(NAMES)})"
_SECONDS = 120


def found() -> str | None:
    return next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """profile: an empty folder for what it keeps.  A context; its process ends with it."""

    def __init__(self, profile: Path):
        self.profile, self.events = profile, []
        self._count, self._held, self._session = itertools.count(1), b"", None

    def __enter__(self) -> Browser:
        ours_in, low_out = os.pipe()
        low_in, ours_out = os.pipe()
        # out of the way of the 3 and 4 that the browser takes
        theirs_in, theirs_out = (fcntl.fcntl(one, fcntl.F_DUPFD, 10) for one in (low_in, low_out))
        os.close(low_in)
        os.close(low_out)
        words = [
            found(), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
            "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
            f"--user-data-dir={self.profile}", "--remote-debugging-pipe",
        ]  # fmt: skip
        # the browser reads what it is told from 3 and answers on 4
        shell = f'exec "$@" 3<&{theirs_in} 4>&{theirs_out} {theirs_in}<&- {theirs_out}>&-'
        self._process = subprocess.Popen(
            ["bash", "-c", shell, "bash", *words], pass_fds=(theirs_in, theirs_out),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        os.close(theirs_in)
        os.close(theirs_out)
        self._in, self._out = ours_in, ours_out
        page = self.do("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.do("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.do(f"{domain}.enable")
        return self

    def __exit__(self, *what) -> None:
        try:
            self._session = None
            self.do("Browser.close")
            self._process.wait(30)
        except Exception:
            self._process.kill()
            self._process.wait(30)
        os.close(self._in)
        os.close(self._out)

    def open(self, path: Path, width: int = 1366, height: int = 900, dark: bool = False) -> None:
        """Until the page is loaded; ``events`` holds what happened from here on."""
        self.do("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.do("Emulation.setEmulatedMedia", features=[scheme])
        self.events = []
        self.do("Page.navigate", url=path.absolute().as_uri())
        end = time.monotonic() + _SECONDS
        while not self.all("Page.loadEventFired"):
            self._next(end)

    def all(self, event: str) -> list[dict]:
        return [one["params"] for one in self.events if one["method"] == event]

    def value(self, script: str):
        """What a line of JavaScript gives, in the page."""
        return self.do("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def screenshot(self) -> bytes:
        return base64.b64decode(self.do("Page.captureScreenshot", format="png")["data"])

    def printed(self) -> bytes:
        """As a PDF."""
        return base64.b64decode(self.do("Page.printToPDF", printBackground=True)["data"])

    def do(self, method: str, **params) -> dict:
        number = next(self._count)
        words = {"id": number, "method": method, "params": params}
        if self._session is not None:
            words["sessionId"] = self._session
        os.write(self._out, json.dumps(words).encode() + b"\0")
        end = time.monotonic() + _SECONDS
        while True:
            told = self._next(end)
            if told.get("id") == number:
                assert "error" not in told, told
                return told["result"]

    def _next(self, end: float) -> dict:
        while b"\0" not in self._held:
            left = end - time.monotonic()
            assert left > 0 and select.select([self._in], [], [], left)[0], "the browser says nothing"
            more = os.read(self._in, 1 << 20)
            assert more, "the browser has ended"
            self._held += more
        message, _, self._held = self._held.partition(b"\0")
        told = json.loads(message)
        if "method" in told:
            self.events.append(told)
        return told
