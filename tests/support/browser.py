"""A headless Chromium, spoken to by its DevTools protocol over a pipe (https://chromedevtools.github.io/devtools-protocol/). Debian's package chromium."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

SECONDS = 60
"""A command that takes longer is stuck."""


class Browser:
    """One page in one browser. `messages` are those of its console, of what it blocked and of errors, since the page was opened."""

    def __init__(self, profile: Path) -> None:
        (commands, self._out), (self._in, answers) = os.pipe(), os.pipe()
        words = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", f"--user-data-dir={profile}"]
        # The browser reads from its descriptor 3 and writes to 4; those that become them are neither.
        theirs = [fcntl.fcntl(each, fcntl.F_DUPFD, 20) for each in (commands, answers)]
        self._process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{theirs[0]} 4>&{theirs[1]}', "bash", *words, "--remote-debugging-pipe", "about:blank"],
            pass_fds=theirs,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for each in (commands, answers, *theirs):
            os.close(each)
        self._unread, self._commands, self.messages = b"", 0, list[str]()
        self._session: str | None = None
        target = self._command("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._command("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._command(f"{domain}.enable")

    def open(self, page: Path, width: int, height: int = 900, *, dark: bool = False, query: str = "") -> None:
        """Show a file in a window of that size; a narrow one is a phone's. `query` is what the page searches for."""
        self.messages.clear()
        self._command("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=2 if width < 500 else 1, mobile=width < 500)
        self._command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self._command("Page.navigate", url=page.resolve().as_uri() + (f"?q={quote(query)}" if query else ""))
        self.evaluate("new Promise(done => document.readyState === 'complete' ? done() : addEventListener('load', done))")

    def print_like_paper(self) -> None:
        """Show it as on A4 from now on, within margins of 14 mm."""
        self._command("Emulation.setDeviceMetricsOverride", width=688, height=1016, deviceScaleFactor=1, mobile=False)
        self._command("Emulation.setEmulatedMedia", media="print")

    def evaluate(self, script: str) -> Any:
        """The value of some JavaScript in the page; a promise's when it is there."""
        done = self._command("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")

    def screenshot(self, file: Path) -> None:
        """A picture of the whole page."""
        file.write_bytes(base64.b64decode(self._command("Page.captureScreenshot", captureBeyondViewport=True)["data"]))

    def pdf(self, file: Path) -> None:
        """The page as it is printed, on A4."""
        printed = self._command("Page.printToPDF", printBackground=True, preferCSSPageSize=True, paperWidth=8.27, paperHeight=11.69)
        file.write_bytes(base64.b64decode(printed["data"]))

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(SECONDS)
        os.close(self._in)
        os.close(self._out)

    def _command(self, method: str, **parameters: Any) -> dict[str, Any]:
        """What the browser answers. Raises `AssertionError` where it refuses, and `TimeoutError`."""
        self._commands += 1
        command = {"id": self._commands, "method": method, "params": parameters, **({"sessionId": self._session} if self._session else {})}
        os.write(self._out, json.dumps(command).encode() + b"\0")
        for message in self._received():
            if message.get("id") == self._commands:
                assert "error" not in message, (method, message["error"])
                answer: dict[str, Any] = message["result"]
                return answer
            self._note(message)
        raise ConnectionError(f"the browser ended during {method}")

    def _note(self, message: dict[str, Any]) -> None:
        reported = message.get("params", {})
        match message.get("method"):
            case "Runtime.consoleAPICalled":
                self.messages.append(f"console: {reported['args']}")
            case "Runtime.exceptionThrown":
                self.messages.append(f"exception: {reported['exceptionDetails']}")
            case "Log.entryAdded":
                self.messages.append(f"log: {reported['entry']['text']}")
            case "Network.requestWillBeSent" if not reported["request"]["url"].startswith(("file:", "data:")):
                self.messages.append(f"request: {reported['request']['url']}")

    def _received(self) -> Iterator[dict[str, Any]]:
        while True:
            while b"\0" in self._unread:
                text, _, self._unread = self._unread.partition(b"\0")
                yield json.loads(text)
            if not select.select([self._in], [], [], SECONDS)[0]:
                raise TimeoutError("the browser does not answer")
            read = os.read(self._in, 1 << 20)
            if not read:
                return
            self._unread += read


@contextmanager
def browser() -> Iterator[Browser]:
    # Processes of the browser's own may write there a moment longer than the browser lives.
    with TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        opened = Browser(Path(profile))
        try:
            yield opened
        finally:
            opened.close()
