"""What a real Prometheus answers of a whole run with kills, a stop and an outage: the truth.

The truth is summed up here, from the file that the simulated cloud plays; the cloud's own count
has to agree with it.

`increase()` extrapolates to the ends of its range. It does not where the range ends with the last
sample, and where the first sample is zero, for Prometheus never extrapolates a counter below zero.
So all is asked at the instant of the last scrape, over a range that begins before the first one,
and then `increase()` has to be the number of calls itself: a first increment that comes without a
zero before it is missing, and is found. Beside it stands the plain arithmetic: no resets, the
least value is zero, and the last is the truth.
"""

import json
import math
import threading
import time
from collections import Counter

import services
import world
from harness import check, expect, free_port, until
from services import READS, Prometheus, Simulator

# How each exporter reads, by the job of its scrapes. One cloud serves them all.
SOURCES = {
    "cls": ("--api", "cls"),
    "v3": ("--api", "v3", "--read", "region"),
    "v2": ("--api", "v2", "--read", "region"),
}
# What Prometheus asks for, by name; each exporter is scraped once a protocol.
PROTOCOLS = {
    "text": "PrometheusText0.0.4",
    "openmetrics": "OpenMetricsText1.0.0",
    "protobuf": "PrometheusProto",
}
JOBS = {f"{source}-{protocol}": source for source in SOURCES for protocol in PROTOCOLS}

FUNCTIONS, CALLS = 120, 3000
# Seconds: from the cloud's start to the first call, for the zeros before it; the traffic; and what
# happens in it. The cloud is away from one instant to the other, which ends after its last call.
LEAD, TRAFFIC = 15, 50
KILLS, TERM, OUTAGE = (8, 20, 38), 29, (42, 52)
# The bounds that the documents promise: seconds of a run, bytes of memory.
RUN_BOUNDS = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900,
)
MEMORY_BOUNDS = tuple(
    size << 20 for size in (4, 8, 16, 32, 64, 128, 256, 384, 512, 768, 1024, 1536, 2048, 3072)
)
# Longer than the scrape interval of a second: each new series is scraped at zero.
ZERO_FIRST = "3s"
STATUSES = {0: 200}  # Of a replayed call that failed the cloud says 430, whatever its code.


class Run:
    """The whole story, in a thread of its own: the other checks go on beside it."""

    def __init__(self, context):
        self.context = context
        self.ports = {source: free_port() for source in SOURCES}
        self.exporters, self.stopped_with, self.asked_at = {}, {}, {}
        self.lines, self.error = [], None
        self._thread = threading.Thread(target=self._tell, daemon=True)
        self._thread.start()

    def done(self):
        """This, once the story is told; what went wrong in it is raised here."""
        self._thread.join()
        if self.error:
            raise self.error
        return self

    def _tell(self):
        try:
            self._story()
        except Exception as error:  # Whatever it is, the checks tell it.
            self.error = error

    def _story(self):
        self.first_call = time.time() + LEAD
        rows = self.context.path("truth.jsonl")
        visible_ms = _write(rows, int(self.first_call * 1000))
        with open(rows, encoding="ascii") as lines:
            self.lines = [json.loads(line) for line in lines]
        self.cloud_address = f"127.0.0.1:{free_port()}"
        self._cloud(rows)
        for source in SOURCES:
            self._start(source)
        self.prometheus = Prometheus(self.context, {
            f"{source}-{name}":
                services.classic_by(protocol, f"127.0.0.1:{self.ports[source]}")
            for source in SOURCES
            for name, protocol in PROTOCOLS.items()
        }, name="prometheus-truth")
        happenings = [(at, self._kill) for at in KILLS] + [
            (TERM, self._stop),
            (OUTAGE[0], self._cloud_goes),
            (OUTAGE[1], lambda: self._cloud(rows)),
            (visible_ms / 1000 + 1, lambda: None),
        ]
        for at, happen in sorted(happenings, key=lambda entry: entry[0]):
            time.sleep(max(0.0, self.first_call + at - time.time()))
            happen()
        self.truth = self.simulator.truth()
        until("all exporters read to the end", self._all_counted, 40, every=1)
        # One instant for every question: what is asked later is asked of the same samples.
        self.asked_at = {job: self.prometheus.number(
            f'max(timestamp(scf_invocations_total{{job="{job}"}}))') for job in JOBS}

    def _cloud(self, rows):
        # The same seed and the same file are the same cloud, also after it was away.
        self.simulator = Simulator(
            self.context, "--seed", "11", "--faults", "typical", "--topics", "3",
            "--replay", rows, listen=self.cloud_address, name="sim-truth",
        )

    def _cloud_goes(self):
        self.simulator.process.kill()

    def _start(self, source):
        self.exporters[source] = self.context.exporter(
            f"truth-{source}", "run", *SOURCES[source], "--region", "ap-guangzhou",
            "--endpoint", self.simulator.url,
            "--state.path", self.context.path(f"state-truth-{source}"),
            "--web.listen-address", f"127.0.0.1:{self.ports[source]}",
            # An exporter that lost its state could not read the whole world anew.
            "--first-read", "5s", *READS, "--web.zero-first", ZERO_FIRST, **self.simulator.keys(),
        )

    def _kill(self):
        for source in SOURCES:
            self.exporters[source].kill()
            self._start(source)

    def _stop(self):
        for source in SOURCES:
            self.stopped_with[source] = self.exporters[source].stop()
            self._start(source)

    def _all_counted(self):
        calls = len(self.lines)
        seen = {job: sum(self.prometheus.invocations(job).values()) for job in JOBS}
        expect(all(count >= calls for count in seen.values()), f"{seen}, not {calls}")
        return True


def _write(path, first_call_ms):
    """The calls, with the times of day instead of offsets; when the last is visible, in ms."""
    visible_ms = world.write(
        path, seed=11, functions=FUNCTIONS, calls=CALLS, seconds=TRAFFIC,
        namespaces=("default", "team-1"),
    )
    with open(path, encoding="ascii") as lines:
        calls = [json.loads(line) for line in lines]
    with open(path, "w", encoding="ascii") as lines:
        for call in calls:
            call["start_ms"] = first_call_ms + call.pop("start_offset_ms")
            # Log topics tell whole milliseconds; so all APIs tell the same, and on bounds too.
            call["duration_ms"] = math.ceil(call["duration_ms"])
            lines.write(json.dumps(call) + "\n")
    return visible_ms + 1


class Truth:
    """What is to be found of the calls read through one API: dictionaries by labels."""

    def __init__(self, calls, source):
        cls = source == "cls"
        self.codes = Counter(
            (call["function_name"], str(STATUSES.get(call["ret_code"], 430) if cls
                                        else call["ret_code"]))
            for call in calls
        )
        billed = "duration_ms" if cls else "billed_ms"
        self.histograms = {
            "scf_invocation_duration_seconds": self._histogram(
                calls, "duration_ms", 1000, RUN_BOUNDS),
            "scf_invocation_billed_duration_seconds": self._histogram(
                calls, billed, 1000, RUN_BOUNDS),
            "scf_invocation_memory_usage_bytes": self._histogram(
                calls, "mem_bytes", 1, MEMORY_BOUNDS),
        }

    @staticmethod
    def _histogram(calls, field, units, bounds):
        """Counts, sums and cumulated buckets; sums in whole units, so that they are exact."""
        counts, sums, buckets = Counter(), Counter(), Counter()
        for call in calls:
            name, value = call["function_name"], call[field]
            counts[(name,)] += 1
            sums[(name,)] += value
            for bound in (*bounds, math.inf):
                buckets[(name, bound)] += value <= bound * units
        return counts, {key: value / units for key, value in sums.items()}, buckets


class Answers:
    """What Prometheus says of one job at its last scrape, of the whole run."""

    def __init__(self, run, job):
        self.prometheus, self.job = run.prometheus, job
        self.at = run.asked_at[job]
        # Since before the first scrape: Prometheus itself began later than this.
        self.span = f"{math.ceil(self.at - run.first_call) + LEAD + 5}s"

    def ask(self, function, metric, labels):
        """`function` over the whole run of each series of a metric: {the values of labels: it}."""
        series = f'{metric}{{job="{self.job}"}}'
        query = f"sum by ({', '.join(labels)}) ({function}({series}[{self.span}]))"
        found = self.prometheus.api("query", query=query, time=f"{self.at:.3f}")["result"]
        value = {"le": float}
        return {
            tuple(value.get(label, str)(entry["metric"].get(label, "")) for label in labels):
                float(entry["value"][1])
            for entry in found
        }

    def check(self, metric, labels, truth):
        """Every series of a counter is the truth, by its last value and by its increase."""
        for function in ("last_over_time", "increase"):
            seen = self.ask(function, metric, labels)
            wrong = {
                key: (truth.get(key, 0), seen.get(key, 0))
                for key in sorted({*truth, *seen})
                if not _equal(truth.get(key, 0), seen.get(key, 0))
            }
            some = list(wrong.items())[:8]
            expect(not wrong, f"{function} of {metric} over {self.span}: {len(wrong)} of "
                              f"{len(truth)} differ, (truth, seen) of some: {some}")
        if metric.endswith("_bucket"):
            return  # The count's own series tell it, and there are twenty times as many buckets.
        for function in ("resets", "min_over_time"):
            seen = self.ask(function, metric, labels)
            wrong = [(key, value) for key, value in seen.items() if value != 0]
            expect(not wrong, f"{function} of {metric} is not 0: {wrong[:8]}")


def _equal(truth, seen):
    # Sums of seconds are floats on their way; the counts below 2^53 among them are exact.
    return math.isclose(truth, seen, rel_tol=1e-12) if truth != int(truth) else truth == seen


@check("truth: the cloud's own count of 120 functions is what its file holds", early=Run)
def cloud(context):
    run = context.shared(Run).done()
    found = services.by_code(run.truth)
    expected = world.counts(context.path("truth.jsonl"))
    different = services.difference(expected, found)
    expect(not different, different)
    expect(len(run.truth) >= 100, f"only {len(run.truth)} functions")


@check("truth: Prometheus was there before the first call, and saw each kill, stop and start")
def story(context):
    run = context.shared(Run).done()
    for source, code in run.stopped_with.items():
        expect(code == 0, f"exit code {code} on SIGTERM, reading {source}")
    for job in JOBS:
        answers = Answers(run, job)
        first = run.prometheus.api(
            "query", query=f'up{{job="{job}"}}[{answers.span}]', time=f"{answers.at:.3f}",
        )["result"][0]["values"][0][0]
        expect(first < run.first_call, f"{job}: scraped first {first - run.first_call:.1f} s late")
        starts = answers.ask("changes", "process_start_time_seconds", ("job",))[(job,)]
        expect(starts == len(KILLS) + 1, f"{job}: {starts} restarts, not {len(KILLS) + 1}")
        failed = run.prometheus.query(
            f'sum by (code) (scf_exporter_api_requests_total{{job="{job}"}})', ("code",)
        )
        expect(failed.get(("network",), 0) > 0, f"{job}: no request met the outage: {failed}")


def _counters(job):
    @check(f"truth: calls of every function and return code, first ones too, by {job}")
    def calls(context):
        run = context.shared(Run).done()
        truth = Truth(run.lines, JOBS[job])
        Answers(run, job).check(
            "scf_invocations_total", ("function_name", "ret_code"), truth.codes
        )

    @check(f"truth: count, sum and every bucket of every function, by {job}")
    def histograms(context):
        run = context.shared(Run).done()
        answers = Answers(run, job)
        for metric, (counts, sums, buckets) in Truth(run.lines, JOBS[job]).histograms.items():
            expect(len(counts) >= 100, f"only {len(counts)} functions")
            answers.check(f"{metric}_count", ("function_name",), counts)
            answers.check(f"{metric}_sum", ("function_name",), sums)
            answers.check(f"{metric}_bucket", ("function_name", "le"), buckets)


for _job in JOBS:
    _counters(_job)
