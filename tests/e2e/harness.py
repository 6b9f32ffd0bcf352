"""Processes, ports and waiting for the end-to-end checks. Standard library only."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
# No proxy may stand between the checks and the loopback interface.
HTTP = urllib.request.build_opener(urllib.request.ProxyHandler({}))
CHECKS = []
# What takes its time by itself, by the check that it is for.
EARLY = {}


class Failed(Exception):
    """A check did not hold; the text says what was expected and what was seen."""


class Skipped(Exception):
    """A check needs what this machine cannot have; the text says what."""


def fetched(script, what):
    """What a script of scripts/ prints, which fetches what is not there: the path of `what`."""
    done = subprocess.run([ROOT / "scripts" / script], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise Skipped(f"{what} cannot be had here, see above")
    return done.stdout.strip()


def check(name, early=None):
    """Enters a function of one Context as the check `name`, in the order of the files.

    `early` builds a shared value that is started before the first check and looked at by this one.
    """

    def enter(function):
        CHECKS.append((name, function))
        if early:
            EARLY[name] = early
        return function

    return enter


def expect(condition, text):
    """Fails the check with `text` unless `condition` holds."""
    if not condition:
        raise Failed(text)


def free_port():
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def http(url, timeout=10, data=None, headers=None):
    """Status and text of one request; a status outside 2xx is an answer, not an exception."""
    request = urllib.request.Request(url, data=data, headers=headers or {})
    try:
        with HTTP.open(request, timeout=timeout) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.read().decode()


def get_json(url):
    """The JSON document at `url`."""
    status, text = http(url)
    expect(status == 200, f"{url} answered {status}: {text[:300]}")
    return json.loads(text)


def until(what, probe, seconds, every=0.25):
    """Calls `probe` until it returns something true, at most `seconds`; that value.

    `probe` may raise Failed or a network error to say why not yet: the last reason is reported.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            value, reason = probe(), "not yet"
        except (Failed, OSError) as error:
            value, reason = None, error
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failed(f"{what}: not within {seconds} s: {reason}")
        time.sleep(every)


class Process:
    """One child process with its output in files; ended by its own id."""

    def __init__(self, name, argv, environment, directory):
        self.name = name
        self.argv = [str(word) for word in argv]
        self.out = directory / f"{name}.out"
        self.err = directory / f"{name}.err"
        with open(self.out, "ab") as out, open(self.err, "ab") as err:
            self.child = subprocess.Popen(
                self.argv, env=environment, cwd=directory,
                stdin=subprocess.DEVNULL, stdout=out, stderr=err,
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def output(self):
        """What it wrote so far, standard error after standard output."""
        return self.out.read_text(errors="replace") + self.err.read_text(errors="replace")

    def running(self):
        return self.child.poll() is None

    def wait(self, seconds):
        """Its exit code; fails the check if it is still running after `seconds`."""
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.name} is still running after {seconds} s") from None

    def kill(self):
        """`kill -9`: no chance to tidy up."""
        self.child.kill()
        self.child.wait()

    def stop(self, seconds=30):
        """SIGTERM, and SIGKILL if that is not enough; its exit code."""
        if self.running():
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.child.returncode


class Context:
    """What the checks share: the programs, a scratch directory, the processes started."""

    def __init__(self, binary, prometheus, clients, victoria=None, alertmanager=None):
        self.binary = pathlib.Path(binary)
        self.prometheus = pathlib.Path(prometheus)
        self.clients = pathlib.Path(clients)
        self.victoria = victoria
        self.alertmanager = alertmanager
        self._scratch = tempfile.TemporaryDirectory(prefix="scf-e2e-")
        self.directory = pathlib.Path(self._scratch.name)
        self.processes = []
        self._shared = {}

    def path(self, name):
        """A place in the scratch directory."""
        return self.directory / name

    def start(self, name, argv, **variables):
        """Starts a program that sees PATH, the scratch directory as home, and `variables`."""
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(self.directory),
            **variables,
        }
        process = Process(name, argv, environment, self.directory)
        self.processes.append(process)
        return process

    def exporter(self, name, *arguments, **variables):
        """Starts the program under test."""
        return self.start(name, [self.binary, *arguments], **variables)

    def shared(self, build):
        """The value of `build(self)`, made once; a failure to build is kept as well."""
        if build not in self._shared:
            try:
                self._shared[build] = (build(self), None)
            except Exception as error:
                self._shared[build] = (None, error)
        value, error = self._shared[build]
        if error is not None:
            raise error
        return value

    def close(self):
        """Ends every process, the newest first, and removes the scratch directory."""
        for process in reversed(self.processes):
            process.stop(seconds=5)
        self._scratch.cleanup()
