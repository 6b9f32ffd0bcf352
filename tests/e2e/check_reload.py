"""Another configuration while it runs: by signal and by request, under load, and a bad one."""

import json
import random
import signal
import time

import services
from harness import check, expect, free_port, http, until
from services import Simulator

RELOADS = 30
SEED = 4
SUCCESSFUL = "scf_exporter_config_last_reload_successful"
# v3, by function: all that is read stands in names.
HALVES = ({"include": ["[a-m].*"]}, {"exclude": ["[a-m].*"]})


class Exporter:
    """The program on a configuration file that changes."""

    def __init__(self, context):
        self.file = context.path("reload.yaml")
        self.simulator = Simulator(
            context, "--seed", "8", "--functions", "12", "--rate", "30", "--faults", "typical",
            name="sim-reload",
        )
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.state = context.path("state-reload")
        self.configure([self.source("first", 0), self.source("second", 1)])
        self.process = context.exporter(
            "run-reload", "run", "--config.file", self.file, "--web.enable-lifecycle",
            "--web.zero-first", "0s", "--limits.requests-per-second", "200",
            "--poll.max-run-time", "60s", "--poll.delivery-delay", "60s",
            **self.simulator.keys(),
        )
        services.ready(self.process, self.url)

    def source(self, name, half):
        return {
            "name": name, "api": "v3", "region": "ap-guangzhou", "read": "function",
            "endpoint": self.simulator.url, "functions": HALVES[half],
        }

    def configure(self, sources, interval="1s", level="info", **more):
        document = {
            "web": {"listen_address": f"127.0.0.1:{self.port}"},
            "state": {"path": str(self.state)},
            "log": {"level": level},
            "poll": {
                "interval": interval, "idle_interval": "2s", "sweep_interval": "2s",
                "first_read": "1h",
            },
            "sources": sources,
            **more,
        }
        # JSON is YAML. Moved into place, as a ConfigMap is.
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps(document, indent=1))
        new.rename(self.file)

    def gauge(self, name):
        status, text = http(f"{self.url}/metrics")
        expect(status == 200, f"/metrics answered {status}")
        values = [line.split()[1] for line in text.splitlines() if line.startswith(f"{name} ")]
        expect(len(values) == 1, f"{name}: {values}")
        return float(values[0])

    def hang_up(self):
        """By SIGHUP; when it was taken over."""
        time_of = f"{SUCCESSFUL.removesuffix('successful')}success_timestamp_seconds"
        before = self.gauge(time_of)
        self.process.child.send_signal(signal.SIGHUP)
        until("a reload", lambda: self.gauge(time_of) > before, 60)

    def post(self):
        status, text = http(f"{self.url}/-/reload", data=b"", timeout=60)
        expect(status == 200, f"/-/reload answered {status}: {text}")

    def sources(self):
        return {labels["source"] for labels, _ in services.scraped(
            self.url, "scf_exporter_polls_total")}


@check("reload: sources added, removed and renamed under load leave the counters equal to the truth")
def under_load(context):
    exporter = context.shared(Exporter)
    dice = random.Random(SEED)
    for number in range(RELOADS):
        halves = dice.choice([(0, 1), (1, 0), (0,), (1,), (0, 1)])
        names = [f"{half}-{dice.choice('abc')}" for half in halves]
        exporter.configure(
            [exporter.source(name, half) for name, half in zip(names, halves)],
            interval=dice.choice(["1s", "2s"]),
        )
        (exporter.hang_up if number % 2 else exporter.post)()
        expect(exporter.sources() == set(names), f"{exporter.sources()} instead of {names}")
        time.sleep(dice.random() * 1.5)
    exporter.configure([exporter.source("first", 0), exporter.source("second", 1)])
    exporter.post()

    # The cloud goes on, so that what was visible some time ago has to be there now, and no more.
    expected = services.by_code(exporter.simulator.truth())
    expect(sum(expected.values()) > 500, f"the truth is too small: {sum(expected.values())}")

    def there():
        seen = services.counted(exporter.url)
        missing = {key: (seen.get(key, 0), count) for key, count in expected.items()
                   if seen.get(key, 0) < count}
        expect(not missing, f"missing, of {len(expected)}: {dict(list(missing.items())[:5])}")
        return True

    until("all that was visible is counted", there, 120)
    seen = services.counted(exporter.url)
    truth = services.by_code(exporter.simulator.truth())
    more = {key: (count, truth.get(key, 0)) for key, count in seen.items()
            if count > truth.get(key, 0)}
    expect(not more, f"counted twice: {more}")


@check("reload: a bad file changes nothing, and every fault is told with its line")
def bad_file(context):
    exporter = context.shared(Exporter)
    before = exporter.sources()
    exporter.configure([exporter.source("third", 0)], interval="soon", level="loud")
    status, text = http(f"{exporter.url}/-/reload", data=b"", timeout=60)
    expect(status == 500, f"/-/reload answered {status}: {text}")
    expect(exporter.gauge(SUCCESSFUL) == 0, "the gauge says that it worked")
    lines = exporter.file.read_text().splitlines()
    for key in ("interval", "level"):
        line = next(n for n, text in enumerate(lines, 1) if f'"{key}"' in text)
        place = f"{exporter.file}:{line}:"
        expect(place in text, f"no {place} in the answer: {text}")
        expect(place in exporter.process.output(), f"no {place} in the log")
    expect(exporter.sources() == before, f"{exporter.sources()} instead of {before}")
    exporter.configure([exporter.source("first", 0), exporter.source("second", 1)])
    exporter.hang_up()
    expect(exporter.gauge(SUCCESSFUL) == 1, "the gauge says that it failed")


@check("reload: the log level changes, and what needs a restart is said to")
def level(context):
    exporter = context.shared(Exporter)
    exporter.configure(
        [exporter.source("first", 0), exporter.source("second", 1)],
        level="debug", state={"path": "elsewhere"},
    )
    exporter.hang_up()
    until("a line of the level", lambda: "level=debug" in exporter.process.output(), 30)
    told = [line for line in exporter.process.output().splitlines() if "key=state.path" in line]
    expect(told, "nobody said that state.path stays")
    expect(exporter.gauge(SUCCESSFUL) == 1, "the rest was not taken over")


@check("reload: /-/quit ends it cleanly")
def quit(context):
    exporter = context.shared(Exporter)
    status, text = http(f"{exporter.url}/-/quit", data=b"")
    expect(status == 200, f"/-/quit answered {status}: {text}")
    code = exporter.process.wait(30)
    expect(code == 0, f"exit code {code}")
