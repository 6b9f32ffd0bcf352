"""The demo as a new user starts it, and over a kill that takes its cloud along."""

import os
import pty
import re
import select
import subprocess
import time

import services
from harness import check, expect, free_port, until
from services import PACE, Prometheus

SEED = 7
# The second world needs calls of its own: an id that was counted before counts no more.
OTHER_SEED = 8
# A row is due in Prometheus once it was visible for this long: a poll of every function and a
# scrape, with room for a busy machine.
DUE_MS = 8000


def _start(context, name, *arguments):
    """A demo of 25 functions: what starts it with a seed, its port and the truth's address."""
    web, cloud = free_port(), free_port()
    argv = (
        "demo", *arguments, "--web.listen-address", f"127.0.0.1:{web}",
        "--sim.listen", f"127.0.0.1:{cloud}", "--sim.functions", 25, "--sim.rate", 30,
        "--sim.faults", "none", "--state.path", context.path(f"state-{name}"), *PACE,
    )

    def start(seed):
        return context.exporter(name, *argv, "--sim.seed", seed)

    return start, web, f"http://127.0.0.1:{cloud}"


@check("demo: within 30 s at least 20 functions equal the simulator's truth, kill -9 included")
def demo(context):
    # Nothing is said about the API: the default is what a new user meets.
    start, web, truth_url = _start(context, "demo")
    exporter = start(SEED)
    prometheus = Prometheus(context, {"demo": f"127.0.0.1:{web}"}, name="prometheus-demo")
    seen = lambda: prometheus.invocations("demo")  # noqa: E731
    first = until(
        "the demo equals the truth",
        lambda: _between(seen, {}, {}, truth_url, "cls"), 30, every=1,
    )
    output = exporter.output()
    expect(f"127.0.0.1:{web}" in output, f"the demo does not say where to look: {output[:800]}")
    expect("through cls" in output, f"the demo does not say what it reads: {output[:800]}")

    ceiling = services.by_code(services.truth(truth_url), "cls")
    exporter.kill()
    # The cloud died with it; the new one starts a new world. What was counted of the old one
    # lies between the last scrape and the last truth, and the new world comes on top.
    exporter = start(OTHER_SEED)
    until(
        "the demo equals the truth of both worlds",
        lambda: _between(seen, first, ceiling, truth_url, "cls"), 40, every=1,
    )
    resets = prometheus.number("sum(resets(scf_invocations_total[5m]))")
    expect(resets == 0, f"counters went back {resets} times")
    prometheus.process.stop()
    expect(exporter.stop() == 0, "the demo does not end cleanly on SIGTERM")


@check("demo: the addresses come first, and on a terminal one line of progress is rewritten")
def terminal(context):
    main, end = pty.openpty()
    web = free_port()
    argv = [context.binary, "demo", "--web.listen-address", f"127.0.0.1:{web}"]
    # Its log goes to the same terminal, as a user sees it.
    program = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=end, stderr=end)
    os.close(end)
    seen, until_then = "", time.monotonic() + 40
    try:
        while len(re.findall("functions counted", seen)) < 2 and time.monotonic() < until_then:
            if select.select([main], [], [], 1)[0]:
                seen += os.read(main, 65536).decode()
        program.terminate()
        expect(program.wait(30) == 0, f"it ends with {program.returncode}")
    finally:
        program.kill()
        os.close(main)
    expect(seen.startswith("scf-exporter demo: "), f"something comes before the banner: {seen[:400]!r}")
    expect(f"http://127.0.0.1:{web}/metrics" in seen.splitlines()[2], f"no address: {seen[:400]!r}")
    lines = re.findall(r"\d+ s  [^\r\n]*functions counted[^\r\n]*[\r\n]+", seen)
    expect(len(lines) >= 2, f"no progress: {seen[-400:]!r}")
    for line in lines:
        expect(line.endswith("\x1b[K\r"), f"the line is not rewritten in place: {line!r}")


def _other(api):
    @check(f"demo: with --api {api} at least 20 functions equal the simulator's truth")
    def other(context):
        start, web, truth_url = _start(context, f"demo-{api}", "--api", api)
        seen = lambda: services.counted(f"http://127.0.0.1:{web}")  # noqa: E731
        with start(SEED) as exporter:
            until(
                "the demo equals the truth",
                lambda: _between(seen, {}, {}, truth_url, api), 30, every=1,
            )
            expect(f"through {api}" in exporter.output(), exporter.output()[:800])


for _api in ("v2", "v3"):
    _other(_api)


def _between(counted, floor, ceiling, truth_url, api):
    """Whether every count lies between what must be there and what can be there; the counts.

    `floor` and `ceiling` bound what an earlier world left behind.
    """
    due = int(time.time() * 1000) - DUE_MS
    least = services.by_code(services.truth(truth_url, visible_before_ms=due), api)
    seen = counted()
    most = services.by_code(services.truth(truth_url), api)
    expect(sum(least.values()) > 50, "the world has hardly begun")
    for key in {*least, *seen, *floor, *most}:
        low = least.get(key, 0) + floor.get(key, 0)
        high = most.get(key, 0) + ceiling.get(key, 0)
        count = seen.get(key, 0)
        expect(low <= count <= high, f"{key}: {count} is not within {low} and {high}")
    functions = {name for name, _ in seen}
    expect(len(functions) >= 20, f"only {len(functions)} functions were called so far")
    return seen
