"""Every format in a real Prometheus with native histograms on, and the text in VictoriaMetrics.

One world whose calls are all over before the exporter starts: what it shows does not change, so a
store has it whole with one scrape. Counts, sums, quantiles and exemplars are held against the file
that the simulated cloud plays.
"""

import http.server
import json
import math
import threading
import time
import urllib.request
from collections import Counter
from fractions import Fraction

import services
import world
from check_truth import MEMORY_BOUNDS, RUN_BOUNDS
from harness import HTTP, check, expect, free_port, until
from services import PACE, Prometheus, Simulator, Victoria

CALLS = 1200
# What a call brings to each histogram: the field of its line, and base units per unit of that.
HISTOGRAMS = {
    "scf_invocation_duration_seconds": ("duration_ms", 1000, RUN_BOUNDS),
    "scf_invocation_billed_duration_seconds": ("billed_ms", 1000, RUN_BOUNDS),
    "scf_invocation_memory_usage_bytes": ("mem_bytes", 1, MEMORY_BOUNDS),
}
# Those that have exemplars.
EXEMPLIFIED = ("scf_invocation_duration_seconds", "scf_invocation_memory_usage_bytes")
QUANTILES = (0.5, 0.9, 0.99)
# A native bucket is so many times as wide as the one before it, at the finest schema, 3.
BUCKETS_PER_DOUBLING = 8
CLASSIC, NATIVE = "classic", "native"
# The job that scrapes an exporter of its own, which shows no classic buckets to it.
ONLY = "protobuf-native-only"
# How each job scrapes, and which kinds of histograms are to be found of it.
JOBS = {
    "text": ({"scrape_protocols": ["PrometheusText0.0.4"]}, {CLASSIC}),
    "openmetrics": ({"scrape_protocols": ["OpenMetricsText1.0.0"]}, {CLASSIC}),
    "protobuf": ({"scrape_protocols": ["PrometheusProto"]}, {NATIVE}),
    "protobuf-both": (
        {"scrape_protocols": ["PrometheusProto"], "always_scrape_classic_histograms": True},
        {CLASSIC, NATIVE},
    ),
    ONLY: ({"scrape_protocols": ["PrometheusProto"]}, {NATIVE}),
}


class Past:
    """An exporter that has read a world to its end, and the Prometheus that scrapes it."""

    def __init__(self, context):
        rows = context.path("native.jsonl")
        world.write(rows, seed=51, functions=4, calls=CALLS, seconds=60, before=120)
        self.codes = world.counts(rows)
        with open(rows, encoding="ascii") as lines:
            self.calls = [json.loads(line) for line in lines]
        self.busiest = Counter(call["function_name"] for call in self.calls).most_common(1)[0][0]
        sim = Simulator(
            context, "--seed", "51", "--faults", "none", "--replay", rows, name="sim-native"
        )
        self.began = time.time()
        self.address = self._exporter(context, sim, "native")
        only = self._exporter(context, sim, "native-only", "--web.native-histograms-only")
        self.prometheus = Prometheus(
            context,
            {
                job: {
                    "static_configs": [{"targets": [only if job == ONLY else self.address]}],
                    **settings,
                }
                for job, (settings, _) in JOBS.items()
            },
            name="prometheus-native", native=True,
        )

    @staticmethod
    def _exporter(context, sim, name, *flags):
        address = f"127.0.0.1:{free_port()}"
        context.exporter(
            name, "run", "--api", "v3", "--read", "region", "--region", "ap-guangzhou",
            "--endpoint", sim.url, "--state.path", "", "--web.listen-address", address,
            *flags, *PACE, **sim.keys(),
        )
        return address

    def has_all(self, store, job):
        """Waits until `store` has counted every call of the world, and tells them by code."""

        def equal():
            found = store.query(
                f'sum by (function_name, ret_code) (scf_invocations_total{{job="{job}"}})',
                ("function_name", "ret_code"),
            )
            different = services.difference(self.codes, {k: v for k, v in found.items() if v})
            expect(not different, f"{job}: {different}")
            return True

        until(f"{job} has counted every call", equal, 40)

    def values(self, metric, function=None):
        """What the calls of a function, or all, brought to a histogram: fractions, ascending."""
        field, units, _ = HISTOGRAMS[metric]
        return sorted(
            # The text of a float is what stands in the file.
            Fraction(str(call[field])) / units
            for call in self.calls
            if function in (None, call["function_name"])
        )


def _exact(store, past, job, kinds):
    """Counts and sums of each function and over all are the truth's, by each kind."""
    for metric in HISTOGRAMS:
        series = f'{metric}{{job="{job}"}}'
        stored = {
            CLASSIC: (f'{metric}_count{{job="{job}"}}', f'{metric}_sum{{job="{job}"}}'),
            NATIVE: (f"histogram_count({series})", f"histogram_sum({series})"),
        }
        for kind in kinds:
            count, total = stored[kind]
            functions = {call["function_name"] for call in past.calls}
            truth = {(name,): past.values(metric, name) for name in functions}
            found = store.query(count, ("function_name",))
            expected = {key: len(values) for key, values in truth.items()}
            expect(found == expected, f"{job}: {count} is {found}, not {expected}")
            found = store.query(total, ("function_name",))
            # One float each, which is the one nearest to the exact sum.
            expected = {key: float(sum(values)) for key, values in truth.items()}
            expect(found == expected, f"{job}: {total} is {found}, not {expected}")
            everything = past.values(metric)
            found = store.number(f"sum({count})")
            expect(found == len(everything), f"{job}: {kind} count of {metric} is {found}")
            # Floats that were added up: each addition may round.
            found, expected = store.number(f"sum({total})"), float(sum(everything))
            expect(math.isclose(found, expected, rel_tol=1e-12), f"{job}: {found}, {expected}")


def _bucket(kind, value, bounds):
    """The lower and the upper bound of the bucket that holds `value`."""
    if kind == CLASSIC:
        upper = next(bound for bound in bounds if value <= Fraction(str(bound)))
        return max((bound for bound in bounds if bound < upper), default=0), upper
    index = math.ceil(math.log2(value) * BUCKETS_PER_DOUBLING)
    return 2 ** ((index - 1) / BUCKETS_PER_DOUBLING), 2 ** (index / BUCKETS_PER_DOUBLING)


def _quantiles(past, job, kinds):
    """Each quantile lies in the bucket that holds the truth's."""
    for metric, (_, _, bounds) in HISTOGRAMS.items():
        for kind in kinds:
            name, by = (f"{metric}_bucket", " by (le)") if kind == CLASSIC else (metric, "")
            for function, wanted in ((past.busiest, past.busiest), (None, ".+")):
                values = past.values(metric, function)
                series = f'{name}{{job="{job}",function_name=~"{wanted}"}}'
                for q in QUANTILES:
                    found = past.prometheus.number(f"histogram_quantile({q}, sum{by} ({series}))")
                    rank = q * len(values)
                    # Where the rank is whole, all from one value to the next is such a quantile.
                    first = values[math.ceil(rank - 1e-6) - 1]
                    last = values[math.floor(rank + 1e-6)]
                    low, high = _bucket(kind, first, bounds)[0], _bucket(kind, last, bounds)[1]
                    expect(
                        low * (1 - 1e-9) <= found <= high * (1 + 1e-9),
                        f"{job}: {q} of {kind} {series} is {found}, not within {low} and {high}; "
                        f"the truth is {float(first)} to {float(last)}",
                    )


def _stored(job, kinds):
    @check(f"native: counters, counts, sums and quantiles are the truth's by {job}", early=Past)
    def stored(context):
        past = context.shared(Past)
        past.has_all(past.prometheus, job)
        for metric in HISTOGRAMS:
            for kind, name in ((CLASSIC, f"{metric}_bucket"), (NATIVE, metric)):
                series = past.prometheus.query(f'count({name}{{job="{job}"}})')
                expect(bool(series) == (kind in kinds), f"{job}: {len(series)} of {name}")
        _exact(past.prometheus, past, job, kinds)
        _quantiles(past, job, kinds)


for _job, (_, _kinds) in JOBS.items():
    _stored(_job, _kinds)


def _exemplars(past, job, metric):
    """[(labels of the series, the newest exemplar, the calls it can mean)] of a metric."""
    found = []
    for series in past.prometheus.api(
        "query_exemplars", query=f'{metric}{{job="{job}"}}',
        start=past.began, end=time.time(),
    ):
        labels, exemplar = series["seriesLabels"], series["exemplars"][-1]
        expect(set(exemplar["labels"]) == {"request_id"}, f"{job}: {exemplar}")
        # Attempts of one request have its id in common.
        calls = [
            call for call in past.calls
            if call["request_id"] == exemplar["labels"]["request_id"]
            and call["function_name"] == labels["function_name"]
        ]
        expect(calls, f"{job}: {exemplar} of {labels} is no call of the function")
        found.append((labels, exemplar, calls))
    return found


def _of_buckets(past, job, metric):
    """Each bucket that holds calls has one of them, and a failed one where it holds any."""
    field, units, bounds = HISTOGRAMS[metric]
    held = {}
    for call in past.calls:
        upper = _bucket(CLASSIC, Fraction(str(call[field])) / units, bounds)[1]
        held.setdefault((call["function_name"], float(upper)), []).append(call)
    found = set()
    for labels, exemplar, calls in _exemplars(past, job, f"{metric}_bucket"):
        place = (labels["function_name"], float(labels["le"]))
        inside = [call for call in calls if call in held.get(place, [])]
        expect(inside, f"{job}: {exemplar} is not in {place}")
        _same_value(job, exemplar, inside, field, units)
        failures = [call for call in held[place] if call["ret_code"] != 0]
        expect(
            inside[0]["ret_code"] != 0 or not failures,
            f"{job}: {exemplar} of {place} is a success before {len(failures)} failures",
        )
        found.add(place)
    expect(found == set(held), f"{job}: without exemplar or call: {found ^ set(held)}")


def _same_value(job, exemplar, calls, field, units):
    values = {float(Fraction(str(call[field])) / units) for call in calls}
    expect(float(exemplar["value"]) in values, f"{job}: {exemplar}, not {values}")


def _led(job, kinds):
    @check(f"native: exemplars lead from buckets and return codes to calls by {job}")
    def led(context):
        past = context.shared(Past)
        past.has_all(past.prometheus, job)
        codes = set()
        for labels, exemplar, calls in _exemplars(past, job, "scf_invocations_total"):
            expect(
                labels["ret_code"] == str(calls[0]["ret_code"]) and float(exemplar["value"]) == 1,
                f"{job}: {exemplar} of {labels} is {calls}",
            )
            codes.add((labels["function_name"], labels["ret_code"]))
        expect(codes == set(past.codes), f"{job}: no exemplar of {set(past.codes) - codes}")
        for metric in EXEMPLIFIED:
            if CLASSIC in kinds:
                _of_buckets(past, job, metric)
                continue
            # Prometheus 3.5 takes those of the first function only.
            some = _exemplars(past, job, metric)
            expect(some, f"{job}: no exemplar of {metric}")
            for _, exemplar, calls in some:
                _same_value(job, exemplar, calls, *HISTOGRAMS[metric][:2])


for _job, (_, _kinds) in JOBS.items():
    if _job != "text":  # Text has no exemplars.
        _led(_job, _kinds)


class Wishes(http.server.BaseHTTPRequestHandler):
    """A target that notes what its scraper accepts."""

    seen = []

    def do_GET(self):
        self.seen.append(self.headers["Accept"])
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()

    def log_message(self, *_):
        """The requests need not be told."""


class Text:
    """A VictoriaMetrics that scrapes the exporter, and a target that notes how it asks."""

    def __init__(self, context):
        self.past = context.shared(Past)
        # It ends with this process, as its thread does.
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Wishes)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.store = Victoria(
            context, {"victoria": self.past.address, "wishes": f"127.0.0.1:{server.server_port}"}
        )


@check("native: VictoriaMetrics asks for text, and has the truth's counters, counts and sums",
       early=Text)
def victoria(context):
    text = context.shared(Text)
    text.past.has_all(text.store, "victoria")
    _exact(text.store, text.past, "victoria", {CLASSIC})
    wish = until("VictoriaMetrics scraped the other target", lambda: Wishes.seen, 10)[0]
    request = urllib.request.Request(
        f"http://{text.past.address}/metrics", headers={"Accept": wish}
    )
    with HTTP.open(request, timeout=10) as answer:
        found = answer.headers["Content-Type"]
    expect(found == "text/plain; version=0.0.4; charset=utf-8", f"{wish} brings {found}")
    text.store.process.stop()
    text.past.prometheus.process.stop()
