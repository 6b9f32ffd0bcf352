"""A headless Chromium, driven through its own pipe. Standard library only."""

import base64
import json
import os
import shutil
import subprocess
import tempfile

FLAGS = (
    "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
    "--no-first-run", "--disable-background-networking", "--no-proxy-server",
)


class Browser:
    """One browser process; ends with the `with` block."""

    def __init__(self, program):
        self._profile = tempfile.mkdtemp(prefix="scf-browser-")
        read_here, write_there = os.pipe()
        read_there, write_here = os.pipe()
        # It reads commands from descriptor 3 and writes answers to 4.
        start = f'exec "$0" "$@" 3<&{read_there} 4>&{write_there}'
        self._child = subprocess.Popen(
            ["bash", "-c", start, program, *FLAGS, f"--user-data-dir={self._profile}"],
            pass_fds=(read_there, write_there),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        os.close(read_there)
        os.close(write_there)
        self._from, self._to = os.fdopen(read_here, "rb"), os.fdopen(write_here, "wb")
        self._rest, self._last, self._events = b"", 0, []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.call("Browser.close")
            self._child.wait(10)
        except (RuntimeError, OSError, subprocess.TimeoutExpired):
            self._child.kill()
            self._child.wait()
        self._from.close()
        try:
            self._to.close()
        except BrokenPipeError:
            pass
        # Its helpers may write a last word; what is left is in the system's folder for such things.
        shutil.rmtree(self._profile, ignore_errors=True)

    def call(self, method, session=None, **parameters):
        """The result of one command."""
        self._last += 1
        command = {"id": self._last, "method": method, "params": parameters}
        if session:
            command["sessionId"] = session
        self._to.write(json.dumps(command).encode() + b"\0")
        self._to.flush()
        while True:
            message = self._message()
            if message.get("id") == self._last:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message["result"]
            self._events.append(message)

    def wait(self, event, session):
        """Waits for an event; its parameters."""
        while True:
            for at, message in enumerate(self._events):
                if message.get("method") == event and message.get("sessionId") == session:
                    return self._events.pop(at)["params"]
            self._events.append(self._message())

    def told(self, event, session):
        """The parameters of the events of this name so far."""
        return [
            message["params"] for message in self._events
            if message.get("method") == event and message.get("sessionId") == session
        ]

    def _message(self):
        while b"\0" not in self._rest:
            piece = os.read(self._from.fileno(), 1 << 20)
            if not piece:
                raise RuntimeError("the browser ended")
            self._rest += piece
        whole, _, self._rest = self._rest.partition(b"\0")
        return json.loads(whole)

    def page(self, url, width=1280, height=800, dark=False, scripts=True, mobile=False):
        """A new tab that has loaded `url`."""
        return Page(self, url, width, height, dark, scripts, mobile)


class Page:
    """One tab."""

    def __init__(self, browser, url, width, height, dark, scripts, mobile):
        self._browser = browser
        target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        attached = browser.call("Target.attachToTarget", targetId=target, flatten=True)
        self._target, self._session = target, attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self._call(f"{domain}.enable")
        self._call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height,
            deviceScaleFactor=1, mobile=mobile,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._call("Emulation.setEmulatedMedia", features=[scheme])
        self._call("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.go(url)

    def _call(self, method, **parameters):
        return self._browser.call(method, self._session, **parameters)

    def go(self, url):
        """Loads `url`, its files included."""
        answer = self._call("Page.navigate", url=url)
        if answer.get("errorText"):
            raise RuntimeError(f"{url}: {answer['errorText']}")
        self._browser.wait("Page.loadEventFired", self._session)

    def ask(self, expression):
        """The value of a JavaScript expression, a promise's included."""
        answer = self._call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True,
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def complaints(self):
        """What the browser's console was told: errors of scripts, of loading, of the policy."""
        logged = self._browser.told("Log.entryAdded", self._session)
        thrown = self._browser.told("Runtime.exceptionThrown", self._session)
        return [entry["entry"]["text"] for entry in logged] + [
            one["exceptionDetails"]["text"] for one in thrown
        ]

    def offline(self, lost):
        """Takes the network away from the page, or gives it back."""
        self._call("Network.enable")
        self._call(
            "Network.emulateNetworkConditions", offline=lost, latency=0,
            downloadThroughput=-1, uploadThroughput=-1,
        )

    def picture(self, path):
        """Writes a PNG of what is seen."""
        shot = self._call("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(shot["data"]))

    def height(self):
        """Height of the whole page."""
        return self.ask("document.documentElement.scrollHeight")

    def close(self):
        self._browser.call("Target.closeTarget", targetId=self._target)
