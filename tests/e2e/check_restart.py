"""Exact counts in a real Prometheus, over kills of the exporter in mid-flight."""

import math
import time
from collections import Counter

import services
import world
from harness import check, expect, free_port, http, until
from services import PACE, Prometheus, Simulator

# Every way to read at once, each an exporter of its own on the same cloud: {its job: its flags}.
MODES = {
    "v2-function": ("--api", "v2", "--read", "function"),
    "v2-region": ("--api", "v2", "--read", "region"),
    "v3-function": ("--api", "v3", "--read", "function"),
    "v3-namespace": ("--api", "v3", "--read", "region"),
    "cls-topic": ("--api", "cls"),
}
TRAFFIC_SECONDS = 40
KILLS_AT = (14, 28)
# Shorter than the time up to the first kill: an exporter that lost its state could not read the
# whole world anew and come out right by accident.
FIRST_READ = "5s"


class Replay:
    """Finite traffic through a simulator, two exporters and a Prometheus; killed on the way."""

    def __init__(self, context):
        self.context = context
        rows = self.rows = context.path("world.jsonl")
        visible_ms = world.write(
            rows, seed=7, functions=20, calls=1500, seconds=TRAFFIC_SECONDS,
            namespaces=("default", "team-1"),
        )
        self.simulator = Simulator(
            context, "--seed", "7", "--faults", "typical", "--topics", "3", "--replay", rows
        )
        self.began = time.monotonic()
        self.ends = self.began + visible_ms / 1000 + 1
        self.ports = {mode: free_port() for mode in MODES}
        self.exporters = {}
        self._start_all()
        jobs = {mode: f"127.0.0.1:{port}" for mode, port in self.ports.items()}
        self.prometheus = Prometheus(context, jobs)
        for after in KILLS_AT:
            time.sleep(max(0.0, self.began + after - time.monotonic()))
            for exporter in self.exporters.values():
                exporter.kill()
            self._start_all()
        time.sleep(max(0.0, self.ends - time.monotonic()))
        self.truth = self.simulator.truth()

    def _start_all(self):
        for mode in MODES:
            self.start(mode)

    def start(self, mode):
        """Starts the exporter of one mode, on the state that it left behind."""
        self.exporters[mode] = self.context.exporter(
            f"run-{mode}", "run", *MODES[mode], "--region", "ap-guangzhou",
            "--endpoint", self.simulator.url,
            "--state.path", self.context.path(f"state-{mode}"),
            "--web.listen-address", f"127.0.0.1:{self.ports[mode]}",
            "--first-read", FIRST_READ, *PACE,
            **self.simulator.keys(),
        )

    def url(self, mode):
        return f"http://127.0.0.1:{self.ports[mode]}"

    def seconds(self):
        """How long ago the traffic began."""
        return time.monotonic() - self.began


@check("restart: the simulator's truth is what the replay file holds")
def truth(context):
    replay = context.shared(Replay)
    different = services.difference(world.counts(replay.rows), services.by_code(replay.truth))
    expect(not different, different)


def _counts(mode):
    api = MODES[mode][1]

    @check(f"restart: every function and return code is exact, read by {mode}")
    def exact(context):
        replay = context.shared(Replay)
        expected = services.by_code(replay.truth, api)
        expect(sum(expected.values()) > 1400, f"the truth is too small: {expected}")

        def equal():
            seen = replay.prometheus.invocations(mode)
            different = services.difference(expected, seen)
            expect(not different, different)
            return True

        until("Prometheus equals the truth", equal, 60)

    @check(f"restart: sums of time and memory are exact, read by {mode}")
    def sums(context):
        replay = context.shared(Replay)
        # A log topic tells run times in whole milliseconds, which are billed as they are.
        run, billed = (
            ("cls_duration_ms", "cls_duration_ms") if api == "cls"
            else ("duration_ms", "billed_ms")
        )
        for metric, field, unit in (
            ("scf_invocation_duration_seconds_sum", run, 1e-3),
            ("scf_invocation_billed_duration_seconds_sum", billed, 1e-3),
            ("scf_invocation_memory_usage_bytes_sum", "mem_bytes", 1.0),
        ):
            seen = replay.prometheus.query(
                f'sum by (function_name) ({metric}{{job="{mode}"}})', ("function_name",)
            )
            for name, entry in replay.truth.items():
                expected = entry[field] * unit
                found = seen.get((name,), math.nan)
                expect(
                    math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-9),
                    f"{metric} of {name}: expected {expected}, seen {found}",
                )

    @check(f"restart: the namespaces are those that the API tells, read by {mode}")
    def namespaces(context):
        replay = context.shared(Replay)
        seen = replay.prometheus.query(
            f'sum by (function_namespace) (scf_invocations_total{{job="{mode}"}})',
            ("function_namespace",),
        )
        expected = Counter()
        for entry in replay.truth.values():
            # v2 knows none.
            namespace = "default" if api == "v2" else entry["namespace"]
            expected[(namespace,)] += sum(entry["invocations"].values())
        expect(seen == expected, f"{seen} instead of {dict(expected)}")

    @check(f"restart: no counter ever went back, read by {mode}")
    def never_back(context):
        replay = context.shared(Replay)
        span = f"{int(replay.seconds()) + 60}s"
        for metric in ("scf_invocations_total", "scf_invocation_duration_seconds_count"):
            resets = replay.prometheus.number(f'sum(resets({metric}{{job="{mode}"}}[{span}]))')
            expect(resets == 0, f"{metric} was reset {resets} times")
        starts = replay.prometheus.number(
            f'changes(process_start_time_seconds{{job="{mode}"}}[{span}])'
        )
        expect(starts == len(KILLS_AT), f"Prometheus saw {starts} restarts, not {len(KILLS_AT)}")


for _mode in MODES:
    _counts(_mode)


@check("restart: a stop by SIGTERM is clean, and the state serves at once")
def graceful(context):
    replay = context.shared(Replay)
    mode = "v2-function"
    before = _invocation_lines(replay.url(mode))
    code = replay.exporters[mode].stop()
    expect(code == 0, f"exit code {code} on SIGTERM")
    # The cloud is out of reach now: what is served can only come from the state directory.
    port = free_port()
    with context.exporter(
        "run-from-state", "run", *MODES[mode], "--region", "ap-guangzhou",
        "--endpoint", f"http://127.0.0.1:{free_port()}",
        "--state.path", context.path(f"state-{mode}"),
        "--web.listen-address", f"127.0.0.1:{port}", *PACE, **replay.simulator.keys(),
    ):
        after = until("the first scrape", lambda: _invocation_lines(f"http://127.0.0.1:{port}"), 20)
    replay.start(mode)
    services.ready(replay.exporters[mode], replay.url(mode))
    expect(before == after, "the first scrape after the restart differs from the last before it")


def _invocation_lines(url):
    status, text = http(f"{url}/metrics")
    expect(status == 200, f"{url}/metrics answered {status}")
    return sorted(line for line in text.splitlines() if line.startswith("scf_invocations_total{"))
