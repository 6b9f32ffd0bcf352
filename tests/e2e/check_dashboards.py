"""Every query of the shipped dashboards answers on stores that saw a living fleet, and what it
answers is the truth where that is known.

The stores are a Prometheus with classic histograms alone, one with native histograms alone, and
VictoriaMetrics, where it can be had.
"""

import math
import re
import time
from collections import Counter, defaultdict

from check_truth import MEMORY_BOUNDS, RUN_BOUNDS
from fleet import EXACT, STORED, Board, Fleet
from harness import ROOT, Skipped, check, expect

# Long enough for a rate of what happens seldom, such as a cold start.
SEEN_SECONDS = 30
# Queries with one answer: a sum or a ratio made of means, and quantiles over all functions, of
# what has the bounds of run times or of memory; those of commits are others.
MEAN = ("histogram_avg(sum(increase(scf_inv", "histogram_avg(sum(rate(scf_inv")
QUANTILE = re.compile(r"histogram_quantile\([\d.]+, sum\(\w+\(scf_invocation_")
# What the simulator gives to every function of a file, in GiB; a call is billed by milliseconds.
MEMORY_GIB = 0.125
KINDS = (*STORED, "VictoriaMetrics")
BOARDS = {path.stem: Board(path) for path in sorted((ROOT / "dashboards").glob("*.json"))}
ALL, ONE, SELF = (BOARDS[name] for name in ("scf-fleet", "scf-function", "scf-exporter"))


def _fleet(context, kind):
    fleet = context.shared(Fleet)
    if kind not in fleet.stores:
        raise Skipped(fleet.missing)
    return fleet


def _silent(store, board, seconds):
    """The titles and queries that have no answer; a heatmap draws what any of its queries has."""
    silent = []
    for panel in board.panels:
        asked = [target["expr"] for target in panel["targets"]]
        without = [text for text in asked if not store.answers(board.fill(text), seconds)]
        if panel["type"] == "heatmap" and len(without) < len(asked):
            continue
        silent += [f"{panel['title']}: {text}" for text in without]
    return silent


def _answers(board, kind):
    @check(f"dashboards: every query of {board.name} answers on {kind}", early=Fleet)
    def answers(context):
        fleet = _fleet(context, kind)
        time.sleep(max(0.0, SEEN_SECONDS - fleet.seconds()))
        buckets = fleet.stores[kind].query('count({__name__=~"scf_.+_bucket"})')
        expect(bool(buckets) == (kind != "native"), f"{kind} has {buckets} classic buckets")
        silent = _silent(fleet.stores[kind], board, fleet.seconds())
        expect(not silent, "no answer from: " + "; ".join(silent))


def _variables(board):
    @check(f"dashboards: every variable of {board.name} has values, and alerts can be asked for")
    def values(context):
        fleet = context.shared(Fleet)
        for variable in board.variables:
            if variable["type"] != "query":
                continue
            asked = re.fullmatch(r"label_values\((.+),\s*(\w+)\)", variable["query"]["query"])
            expect(asked, f"variable {variable['name']} is no label_values query")
            selector, label = asked.groups()
            for kind in STORED:
                found = fleet.stores[kind].api(
                    f"label/{label}/values", **{"match[]": board.fill(selector)}
                )
                expect(found, f"no value for {variable['name']} on {kind}")
        for annotation in board.document["annotations"]["list"]:
            # No rules are loaded here: it must parse, and finds nothing.
            fleet.stores["classic"].query(board.fill(annotation["expr"]))


def _exemplars(kind):
    @check(f"dashboards: the diamonds of one function on {kind} are its own calls")
    def exemplars(context):
        fleet = _fleet(context, kind)
        calls = {call["request_id"]: call for call in fleet.calls}
        # Of native histograms Prometheus 3.5 takes those of the first function alone, of whichever
        # account it is; those of the known calls are looked at closely.
        account = EXACT if kind == "classic" else ".*"
        now, asked = time.time(), 0
        for panel in ONE.panels:
            found = []
            for target in panel["targets"]:
                if target.get("exemplar"):
                    found += fleet.stores[kind].api(
                        "query_exemplars", query=ONE.fill(target["expr"], account=account),
                        start=now - fleet.seconds(), end=now,
                    )
                    asked += 1
            expect(
                found or not any(target.get("exemplar") for target in panel["targets"]),
                f"{panel['title']} has no exemplar",
            )
            for series in found:
                function = series["seriesLabels"]["function_name"]
                for exemplar in series["exemplars"]:
                    request = exemplar["labels"].get("request_id")
                    expect(request, f"{panel['title']}: {exemplar} has no request id")
                    if series["seriesLabels"]["account"] != EXACT:
                        continue
                    expect(request in calls, f"{panel['title']}: {exemplar} is no call")
                    expect(
                        calls[request]["function_name"] == function,
                        f"{panel['title']}: {exemplar} is no call of {function}",
                    )
        expect(asked >= 6, f"only {asked} queries ask for exemplars")


class Truth:
    """What the calls of a file are on the dashboards; `of` chooses one function."""

    def __init__(self, calls, of=None):
        self.calls = [call for call in calls if of in (None, call["function_name"])]
        self.total = len(self.calls)
        self.failed = Counter(call["function_name"] for call in self.calls if call["ret_code"])
        self.by_function = defaultdict(list)
        for call in self.calls:
            self.by_function[call["function_name"]].append(call)
        self.failures = sum(self.failed.values())
        self.retries = sum(call["retry"] > 0 for call in self.calls)

    def billed(self, calls=None):
        """Billed seconds: log topics tell whole milliseconds, rounded up."""
        calls = self.calls if calls is None else calls
        return sum(math.ceil(call["duration_ms"]) for call in calls) / 1000

    def within(self, share, field, calls=None):
        """The bounds of the classic bucket in which the quantile lies, seconds or bytes."""
        calls = self.calls if calls is None else calls
        units, bounds = (1000, RUN_BOUNDS) if field == "duration_ms" else (1, MEMORY_BOUNDS)
        values = sorted(math.ceil(call[field]) for call in calls)
        value = values[math.ceil(share * len(values)) - 1] / units
        upper = next(bound for bound in bounds if value <= bound)
        return max((bound for bound in bounds if bound < upper), default=0), upper


def _near(what, seen, truth):
    expect(math.isclose(seen, truth, rel_tol=1e-6, abs_tol=1e-6), f"{what}: {seen}, not {truth}")


def _in_bucket(what, seen, bounds):
    # A native bucket may reach over the bound of a classic one, by a tenth at most.
    lower, upper = bounds
    expect(lower / 1.1 <= seen <= upper * 1.1, f"{what}: {seen} is not within {bounds}")


def _stats(ask, board, truth, **chosen):
    """The figures of the first rows that both dashboards of functions have."""
    for title, value in (
        ("Error ratio", truth.failures / truth.total),
        ("Throttled", 0),
        ("Invocations", truth.total),
        ("Billed GB-seconds", truth.billed() * MEMORY_GIB),
    ):
        _near(title, ask.number(board.query(title), board, **chosen), value)
    p95 = ask.number(board.query("Duration, p95"), board, **chosen)
    _in_bucket("Duration, p95", p95, truth.within(0.95, "duration_ms"))


def _fleet_is_true(kind):
    @check(f"dashboards: sums, tops, columns and quantiles of the fleet are the truth on {kind}")
    def true(context):
        fleet = _fleet(context, kind)
        fleet.rest()
        ask, truth = fleet.asker(kind), Truth(fleet.calls)
        _stats(ask, ALL, truth, account=EXACT)
        functions = truth.by_function
        bad = [name for name, calls in functions.items() if truth.failed[name] / len(calls) > 0.05]
        for title, value in (
            ("Functions with over 5 % errors", len(bad)),
            ("Timeouts and out of memory", 0),
            ("Functions called", len(functions)),
            ("Functions known", len(functions)),
            ("Billed time", truth.billed()),
        ):
            _near(title, ask.number(ALL.query(title), ALL, account=EXACT), value)
        for title, of in (
            ("Top by errors", truth.failed),
            ("Top by cost", {
                name: truth.billed(calls) * MEMORY_GIB for name, calls in functions.items()
            }),
        ):
            seen = ask.series(ALL.query(title), ALL, ("function_name",), account=EXACT)
            most = sorted(of.values(), reverse=True)[:10]
            expect(len(seen) == len(most), f"{title}: {seen}")
            for (name,), value in seen.items():
                _near(f"{title}: {name}", value, of[name])
            _near(f"{title}: all", sum(seen.values()), sum(most))
        for place, seen in (
            ("Top by latency", ask.series(
                ALL.query("Top by latency"), ALL, ("function_name",), account=EXACT)),
            ("p95 of the table", ask.series(
                ALL.query("All functions", "Duration, p95"), ALL, ("function_name",),
                account=EXACT)),
        ):
            expect(len(seen) >= 10, f"{place}: {seen}")
            for (name,), value in seen.items():
                _in_bucket(f"{place}: {name}", value,
                           truth.within(0.95, "duration_ms", functions[name]))
        for column, of in (
            ("Calls", {name: len(calls) for name, calls in functions.items()}),
            ("Failed", dict(truth.failed)),
            ("Memory", {name: MEMORY_GIB * 2**30 for name in functions}),
        ):
            seen = ask.series(
                ALL.query("All functions", column), ALL, ("function_name",), account=EXACT)
            seen = {name: round(value, 6) for (name,), value in seen.items() if value}
            expect(seen == of, f"{column}: {seen}, not {of}")


def _function_is_true(kind):
    @check(f"dashboards: what is told of one function is the truth on {kind}")
    def true(context):
        fleet = _fleet(context, kind)
        fleet.rest()
        ask = fleet.asker(kind)
        busiest = Counter(call["function_name"] for call in fleet.calls).most_common(1)[0][0]
        truth, chosen = Truth(fleet.calls, busiest), {"account": EXACT, "function": busiest}
        _stats(ask, ONE, truth, **chosen)
        share = ask.number(ONE.query("Memory against the limit"), ONE, **chosen)
        _in_bucket("Memory against the limit", share * MEMORY_GIB * 2**30,
                   truth.within(0.95, "mem_bytes"))
        if kind not in STORED:
            return  # VictoriaMetrics divides by the time between samples, not by the range.
        for title, labels, of in (
            ("Invocations by outcome", ("outcome",), {
                ("success",): truth.total - truth.failures,
                ("function_error",): truth.failures,
            }),
            ("Retries", (), {(): truth.retries}),
            ("Billed GB-seconds per second", (), {(): truth.billed() * MEMORY_GIB}),
            ("Billed time per second", (), {(): truth.billed()}),
        ):
            # A rate over the whole run, times its length, is what happened in it.
            seen = ask.series(ONE.query(title), ONE, labels, **chosen)
            seen = {key: value * ask.seconds for key, value in seen.items() if value}
            expect(set(seen) == set(of), f"{title}: {seen}, not {of}")
            for key, value in seen.items():
                _near(f"{title} {key}", value, of[key])


def _exporter_is_true(kind):
    @check(f"dashboards: the exporter's own figures add up on {kind}")
    def true(context):
        fleet = _fleet(context, kind)
        fleet.rest()
        ask = fleet.asker(kind)
        for title, value in (
            ("Exporters", 1), ("Configuration", 1), ("Commit errors", 0), ("Overflow", 0),
            ("Truncated reads", 0),
        ):
            _near(title, ask.number(SELF.query(title), SELF), value)
        age = ask.number(SELF.query("Age of the data"), SELF)
        expect(0 <= age < 120, f"the data are {age} s old")
        if kind in STORED:
            # The exporter's own counters are not held at zero first: a scrape may miss their start.
            counted = ask.series(SELF.query("Records by disposition"), SELF, ("disposition",))
            calls = ask.number(ALL.query("Invocations"), ALL)
            rows = counted[("counted",)] * ask.seconds
            expect(0.9 * calls < rows < 1.01 * calls, f"{rows} rows counted are {calls} calls")
        series = ask.series(SELF.query("Functions with series", "functions {{instance}}"), SELF)
        known = ask.number(ALL.query("Functions known"), ALL)
        _near("functions with series", sum(series.values()), known)


def _extrapolation(ask, expression, board):
    """How far apart extrapolation may put the mean of native histograms and that of classic ones.

    Prometheus stretches the growth of a histogram by half of the time between two samples at the
    start of its range, also where it began at zero: one with n samples by 0.5 / (n - 1) of itself.
    Histograms that began at different times get different weights in the mean by that.
    """
    samples = f"count_over_time({re.search(r'scf_invocation_[a-z_]+', expression)[0]}[$__range])"
    stretched = [
        1 + 0.5 / (ask.number(f"{end}({samples} > 1)", board) - 1) for end in ("min", "max")
    ]
    return stretched[0] / stretched[1] - 1


def _agree(context):
    fleet = context.shared(Fleet)
    fleet.rest()
    asked = {kind: fleet.asker(kind) for kind in STORED}
    quantiles = means = 0
    for board in BOARDS.values():
        for expression in (t["expr"] for panel in board.panels for t in panel["targets"]):
            if not expression.startswith(MEAN) and not QUANTILE.match(expression):
                continue
            classic, native = (asked[kind].number(expression, board) for kind in STORED)
            if expression.startswith(MEAN):
                allowed = 1e-6 + _extrapolation(asked["native"], expression, board)
                expect(
                    math.isclose(native, classic, rel_tol=allowed),
                    f"{native} of native is not {classic} of classic, within {allowed}: "
                    f"{expression}",
                )
                means += 1
                continue
            bounds = MEMORY_BOUNDS if "_bytes" in expression else RUN_BOUNDS
            upper = next(bound for bound in bounds if classic <= bound)
            lower = max((bound for bound in bounds if bound < upper), default=0)
            expect(
                abs(native - classic) <= upper - lower,
                f"{native} of native is a bucket away from {classic} of classic: {expression}",
            )
            quantiles += 1
    expect(quantiles >= 10 and means >= 3, f"only {quantiles} quantiles and {means} means")
    for store in fleet.stores.values():
        store.process.stop()


for _board in BOARDS.values():
    for _kind in KINDS:
        _answers(_board, _kind)
    _variables(_board)
for _kind in STORED:
    _exemplars(_kind)
for _kind in KINDS:
    _fleet_is_true(_kind)
    _function_is_true(_kind)
    _exporter_is_true(_kind)
# It stops the stores, and so comes last.
check("dashboards: quantiles (within a bucket) and sums of all agree on both kinds")(_agree)
