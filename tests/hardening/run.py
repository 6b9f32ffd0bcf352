#!/usr/bin/env python3
"""Attacks the real program from outside, row by row, and prints the table of docs/SECURITY.md.

usage: run.py [TEXT...]     only the rows whose names hold one of the texts

SCF_E2E_BINARY names another program than target/release/scf-exporter. In each row a new exporter
counts a simulated cloud while it is attacked for some seconds; a scraper asks it all the while. A row
holds if every scrape was answered, the counts equal the cloud's own in the end, and the memory at its
peak is under the bound. The last line is `N held, N failed`.
"""

import os
import pathlib
import resource
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]
sys.dont_write_bytecode = True

import services  # noqa: E402
from harness import ROOT, Context, Failed, expect, free_port, http, until  # noqa: E402

import clients  # noqa: E402
import clouds  # noqa: E402

SECONDS = 8
MIB = 1 << 20
# A cloud that is read while its clients and its neighbour misbehave.
CLOUD = ("--seed", "17", "--functions", "400", "--rate", "200", "--faults", "none")
# In the time of a scrape's own limit in Prometheus.
SCRAPE_SECONDS = 10


class Row:
    """One attack: `act(exporter, until)` misbehaves until that moment; `limits` bind the process."""

    def __init__(self, name, act=None, cloud=None, bound=48, limits=None, seconds=SECONDS):
        self.name = name
        self.act = act
        self.cloud = cloud
        self.bound = bound
        self.seconds = seconds
        self.limits = limits or {}


ROWS = [
    Row("nothing"),
    Row("10,000 idle connections", clients.idle(10_000), bound=64, seconds=30),
    Row("200 slow heads", clients.slow_heads(200)),
    Row("200 slow readers", clients.slow_readers(200), bound=128),
    Row("heads without end", clients.endless_heads(16)),
    Row("addresses of 1 MB", clients.long_addresses(16)),
    Row("malformed HTTP", clients.malformed(16)),
    Row("storm of scrapes", clients.storm(32), bound=160),
    Row("100 connections, 64 files", clients.idle(100), limits={resource.RLIMIT_NOFILE: 64}),
    Row("cloud: answers of 2 GB", cloud=clouds.huge, bound=160),
    Row("cloud: nested 10,000 deep", cloud=clouds.deep),
    Row("cloud: answers without end", cloud=clouds.endless),
    Row("cloud: gzip bombs", cloud=clouds.bomb, bound=160),
    Row("disk full", limits={resource.RLIMIT_FSIZE: MIB}),
]


class Watched:
    """An exporter that reads the good cloud, and a bad one beside it where the row has one."""

    def __init__(self, context, row, sim, bad):
        number = ROWS.index(row)
        file = context.path(f"row-{number}.yaml")
        key = context.path("key")
        key.write_text(sim.secret_key)
        keys = f"credentials: {{secret_id: {sim.secret_id}, secret_key_file: {key}}}"
        sources = [f"{{name: good, account: good, api: cls, region: ap-guangzhou, endpoint: '{sim.url}', {keys}}}"]
        if bad:
            for api in ("v2", "v3", "cls"):
                sources.append(
                    f"{{name: bad-{api}, account: {api}, api: {api}, region: ap-shanghai, "
                    f"endpoint: '{bad.url}', {keys}}}"
                )
        file.write_text(f"sources: [{', '.join(sources)}]\n")
        port = free_port()
        self.address = ("127.0.0.1", port)
        self.url = f"http://127.0.0.1:{port}"
        argv = [context.binary, "run", "--config.file", file, "--state.path",
                context.path(f"state-{number}"), "--web.listen-address", f"127.0.0.1:{port}",
                *services.PACE]
        words = ["trap '' XFSZ;"]
        for what, flag, unit in ((resource.RLIMIT_NOFILE, "n", 1), (resource.RLIMIT_FSIZE, "f", 512)):
            if what in row.limits:
                words.append(f"ulimit -S -{flag} {row.limits[what] // unit};")
        script = " ".join([*words, 'exec "$@"'])
        self.process = context.start(f"exporter-{number}", ["sh", "-c", script, "sh", *argv])
        until("the first scrape", lambda: self.get("/metrics"), 20)
        until("all functions", lambda: services.counted(self.url), 20)
        self.limited = list(row.limits)

    def get(self, path):
        expect(self.process.running(), f"it ended: {self.process.output()[-2000:]}")
        status, body = http(f"{self.url}{path}", timeout=SCRAPE_SECONDS)
        expect(status == 200, f"{path} answered {status}")
        return body

    def unbind(self):
        """Takes the row's limits away again."""
        for what in self.limited:
            hard = resource.prlimit(self.process.child.pid, what)[1]
            resource.prlimit(self.process.child.pid, what, (hard, hard))

    def peak(self):
        """Most memory that it ever had, in bytes."""
        text = pathlib.Path(f"/proc/{self.process.child.pid}/status").read_text()
        return int(text.split("VmHWM:")[1].split()[0]) * 1024


class Scraper(threading.Thread):
    """Asks for the metrics over and over, on a new connection each time."""

    def __init__(self, watched):
        super().__init__(daemon=True)
        self.watched, self.done = watched, threading.Event()
        self.took, self.failed = [], []

    def run(self):
        while not self.done.wait(0.1):
            began = time.monotonic()
            try:
                self.watched.get("/metrics")
                self.took.append(time.monotonic() - began)
            except (Failed, OSError) as error:
                self.failed.append(f"{error} after {time.monotonic() - began:.1f} s")

    def worst(self):
        return max(self.took, default=float("nan"))


def caught_up(watched, sim, seconds=40):
    """Every invocation that was visible before now is counted, and none twice."""
    least = services.by_code(sim.truth(visible_before_ms=int(time.time() * 1000)), "cls")

    def equal():
        seen = services.counted(watched.url)
        most = services.by_code(sim.truth(), "cls")
        behind = {key: count for key, count in least.items() if seen.get(key, 0) < count}
        beyond = {key: count for key, count in seen.items() if count > most.get(key, 0)}
        expect(not beyond, f"counted more than there are: {beyond}")
        expect(not behind, f"not counted: {len(behind)} of {len(least)}")
        return sum(least.values())

    return until("all is counted", equal, seconds)


def hold(context, row, sim):
    """Plays one row; the cells of its line."""
    bad = row.cloud() if row.cloud else None
    try:
        watched = Watched(context, row, sim, bad)
        scraper = Scraper(watched)
        scraper.start()
        deadline = time.monotonic() + row.seconds
        what = row.act(watched.address, deadline) if row.act else ""
        time.sleep(max(0.0, deadline - time.monotonic()))
        scraper.done.set()
        scraper.join()
        if bad:
            what = bad.told()
        if resource.RLIMIT_FSIZE in row.limits:
            refused = watched.get("/metrics").partition("\nscf_exporter_commit_errors_total ")[2]
            what = f"{refused.split()[0]} commits refused"
            expect(float(refused.split()[0]) > 0, "the disk was never full")
        watched.unbind()
        invocations = caught_up(watched, sim)
        peak = watched.peak()
        expect(watched.process.stop() == 0, "it did not end well")
    finally:
        if bad:
            bad.close()
    expect(not scraper.failed, f"scrapes failed: {scraper.failed[:3]}")
    expect(peak < row.bound * MIB, f"{peak / MIB:.0f} MiB where {row.bound} are allowed")
    return (row.name, what, f"{len(scraper.took)}", f"{scraper.worst() * 1e3:.0f}",
            f"{invocations:,}", f"{peak / MIB:.0f} / {row.bound}")


def main():
    wanted = [
        row for row in ROWS if len(sys.argv) == 1 or any(text in row.name for text in sys.argv[1:])
    ]
    # Ten thousand connections have as many ends here.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    binary = os.environ.get("SCF_E2E_BINARY", ROOT / "target" / "release" / "scf-exporter")
    context = Context(binary, "", "")
    failed = 0
    print("| attack | what came of it | scrapes | slowest, ms | counted, none lost | peak MiB / bound |")
    print("|---|---|---|---|---|---|", flush=True)
    try:
        sim = services.Simulator(context, *CLOUD)
        for row in wanted:
            try:
                print("| " + " | ".join(hold(context, row, sim)) + " |", flush=True)
            except Failed as failure:
                failed += 1
                print(f"FAIL {row.name}: {failure}", flush=True)
    finally:
        context.close()
    print(f"\n{len(wanted) - failed} held, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
