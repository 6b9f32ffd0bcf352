"""Every query of the shipped dashboards answers on stores that saw a living fleet, and what it
answers is the truth where that is known.

The stores are a Prometheus with classic histograms alone, one with native histograms alone, and
VictoriaMetrics, where it can be had.
"""

import calendar
import datetime
import math
import re
import time
from collections import Counter, defaultdict

from check_truth import MEMORY_BOUNDS, RUN_BOUNDS
from fleet import EXACT, STORED, Board, Fleet
from harness import ROOT, Skipped, check, expect

# Long enough for a rate of what happens seldom, such as a cold start.
SEEN_SECONDS = 30
# Queries with one answer: a sum made of means, and quantiles over all functions, of what has the
# bounds of run times or of memory; those of commits are others.
MEAN = re.compile(r"\(?histogram_avg\(sum\((?:increase|rate)\(scf_inv")
QUANTILE = re.compile(
    r"max\(max_over_time\([^()]*\)\) < \(histogram_quantile\([\d.]+, sum\(\w+\(scf_invocation_")
# What the simulator gives to every function of a file, in GiB and seconds; a call is billed by
# milliseconds.
MEMORY_GIB, TIMEOUT = 0.125, 60
# The prices at which the dashboards begin.
PRICE_GB_SECOND, PRICE_MILLION = 0.00011108, 1.33
# The columns of a table that say which function it is.
WHO = {"Function", "Namespace", "Region", "Account", "Runtime"}
# How long after the last scrape the figures below are asked for, seconds; they are counts.
LATE = 0.9
COUNTS = (
    "Invocations", "Calls at once, mean", "Billed GB-seconds", "Cost of the time range", "Throttled",
)
# Percentiles as a share of the limit.
SHARES = ("p95 of timeout", "p95 of memory", "Memory used against the limit")
# What is not shown of functions that are read through log topics, as all of the fleet are.
NOT_OF_CLS = "billed time"
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
        asked = [t["expr"] for t in panel["targets"] if t["legendFormat"] != NOT_OF_CLS]
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


@check("dashboards: billed time is not shown where it is the run time by definition", early=Fleet)
def billed(context):
    fleet = _fleet(context, "classic")
    query = ONE.fill(ONE.query("Run time and billed time per second", NOT_OF_CLS))
    expect(not fleet.stores["classic"].answers(query, fleet.seconds()), f"{query} has an answer")


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

    def run_time(self, calls=None):
        """Seconds, which are billed too: log topics tell whole milliseconds, rounded up."""
        calls = self.calls if calls is None else calls
        return sum(math.ceil(call["duration_ms"]) for call in calls) / 1000

    def gb_seconds(self, calls=None):
        return self.run_time(calls) * MEMORY_GIB

    def cost(self, calls=None):
        calls = self.calls if calls is None else calls
        return self.gb_seconds(calls) * PRICE_GB_SECOND + len(calls) / 1e6 * PRICE_MILLION

    def within(self, share, field, calls=None):
        """The bounds of the classic bucket in which the quantile lies, seconds or bytes; no bound
        is above what is configured.
        """
        calls = self.calls if calls is None else calls
        units, bounds, limit = {
            "duration_ms": (1000, RUN_BOUNDS, TIMEOUT),
            "mem_bytes": (1, MEMORY_BOUNDS, MEMORY_GIB * 2**30),
        }[field]
        values = sorted(math.ceil(call[field]) for call in calls)
        value = values[math.ceil(share * len(values)) - 1] / units
        upper = next(bound for bound in bounds if value <= bound)
        # A native bucket may reach over the bound of a classic one, by a tenth at most.
        lower = max((bound for bound in bounds if bound < upper), default=0)
        return lower / 1.1, min(upper * 1.1, limit)


def _hold(what, seen, truth, more=0.0):
    """Whether a figure is the truth: a number, or the bounds between which it lies.

    A count may be larger than the truth by the share `more`, which is what extrapolation adds.
    """
    lower, upper = truth if isinstance(truth, tuple) else (truth, truth * (1 + more))
    rounding = 1e-6 * max(abs(upper), 1) + (0.5 if more else 0)
    expect(lower - rounding <= seen <= upper + rounding, f"{what}: {seen}, not {truth} (+ {more})")


def _stats_are_true(ask, board, truth, more=0.0, **chosen):
    """Every figure of a dashboard is looked at, and is what `truth` says: {title: value}."""
    titles = {panel["title"] for panel in board.panels if panel["type"] == "stat"}
    expect(set(truth) == titles, f"{set(truth) ^ titles} is not looked at, or not there")
    for title, value in truth.items():
        _hold(title, ask.number(board.query(title), board, **chosen), value, more)


def _table_is_true(ask, board, title, truth, **chosen):
    """Every cell of a table is what `truth` says: {column: {function: value}}."""
    panel = next(panel for panel in board.panels if panel["title"] == title)
    order = next(step for step in panel["transformations"] if step["id"] == "organize")
    columns = set(order["options"]["renameByName"].values()) - WHO
    expect(set(truth) == columns, f"{title}: {set(truth) ^ columns} is not looked at, or not there")
    for column, of in truth.items():
        seen = ask.series(board.query(title, column), board, ("function_name",), **chosen)
        # A function that never failed has no failures to show.
        lost = [name for name, value in of.items() if value and (name,) not in seen]
        expect(not lost, f"{title}, {column}: {lost} have no cell")
        for (name,), value in seen.items():
            _hold(f"{title}, {column} of {name}", value, of[name])


def _of_both(ask, truth):
    """The figures that both dashboards of functions have."""
    month, seconds = datetime.datetime.now(datetime.timezone.utc), ask.seconds
    days = calendar.monthrange(month.year, month.month)[1]
    left = days * 86400 - seconds
    cost = truth.cost()
    return {
        "Error ratio": truth.failures / truth.total,
        "Throttled": 0,
        "Duration, p95": truth.within(0.95, "duration_ms"),
        "Invocations": truth.total,
        "Calls at once, mean": truth.run_time() / seconds,
        "Cold start ratio": 0,
        "Billed GB-seconds": truth.gb_seconds(),
        "Cost of the time range": cost,
        "Cost today": cost,
        "Cost this month": cost,
        # The store has seen the exporter for a time that is known up to the steps of a subquery.
        "Forecast for this month": tuple(
            cost + cost / (ask.watched() + late) * left for late in (15, -16)
        ),
    }


def _fleet_figures(ask, truth):
    functions = truth.by_function
    bad = [name for name, calls in functions.items() if truth.failed[name] / len(calls) > 0.05]
    return {
        **_of_both(ask, truth),
        "Functions failing": len(bad),
        "Timeouts and OOM": 0,
        "Age of the data": (0, 120),
        "Functions called": len(functions),
        "Functions known": len(functions),
    }


def _fleet_is_true(kind):
    @check(f"dashboards: every figure, bar and cell of the fleet is the truth on {kind}")
    def true(context):
        fleet = _fleet(context, kind)
        fleet.rest()
        ask, truth = fleet.asker(kind), Truth(fleet.calls)
        functions = truth.by_function
        _stats_are_true(ask, ALL, _fleet_figures(ask, truth), account=EXACT)

        def each(figure):
            return {name: figure(calls) for name, calls in functions.items()}

        for title, of in (
            ("Top by errors", dict(truth.failed)),
            ("Top by cost", each(truth.cost)),
            ("Top by latency", each(lambda calls: truth.within(0.95, "duration_ms", calls))),
            ("Top by throttling", {}),
        ):
            seen = ask.series(ALL.query(title), ALL, ("function_name",), account=EXACT)
            expect(len(seen) == min(len(of), 10), f"{title}: {seen}")
            for (name,), value in seen.items():
                _hold(f"{title}: {name}", value, of[name])
            if of and not isinstance(next(iter(of.values())), tuple):
                most = sorted(of.values(), reverse=True)[:10]
                _hold(f"{title}: all", sum(seen.values()), sum(most))
        memory = MEMORY_GIB * 2**30
        used = ask.series(
            ALL.query("Memory: configured and used", "Used, p99"), ALL, ("function_name",),
            account=EXACT)
        wasted = {
            name: truth.gb_seconds(calls) * (1 - used[(name,)] / memory)
            for name, calls in functions.items()
        }
        _table_is_true(ask, ALL, "Memory: configured and used", {
            "Configured": each(lambda _: memory),
            "Used, p99": each(lambda calls: truth.within(0.99, "mem_bytes", calls)),
            "Share used": {name: value / memory for (name,), value in used.items()},
            "GB-seconds": each(truth.gb_seconds),
            "Unused": wasted,
            "Cost of unused": {name: value * PRICE_GB_SECOND for name, value in wasted.items()},
        }, account=EXACT)
        # When a call ended is known from the start of the file on, and when that was is not.
        last = each(lambda calls: max(
            call["start_offset_ms"] + call["duration_ms"] for call in calls))
        told = ask.series(
            ALL.query("All functions", "Last call"), ALL, ("function_name",), account=EXACT)
        start = sum(told[(name,)] - end for name, end in last.items()) / len(last)
        _table_is_true(ask, ALL, "All functions", {
            "Calls": each(len),
            "Failed": {name: truth.failed[name] for name in functions},
            "Error ratio": each(lambda calls: truth.failed[calls[0]["function_name"]] / len(calls)),
            "p95": each(lambda calls: truth.within(0.95, "duration_ms", calls)),
            "Cold starts": each(lambda _: 0),
            "Cost": each(truth.cost),
            "Memory": each(lambda _: memory),
            "Timeout": each(lambda _: TIMEOUT),
            "Last call": {
                name: (start + end - 2000, start + end + 2000) for name, end in last.items()
            },
        }, account=EXACT)


def _function_is_true(kind):
    @check(f"dashboards: every figure of one function is the truth on {kind}")
    def true(context):
        fleet = _fleet(context, kind)
        fleet.rest()
        ask = fleet.asker(kind)
        busiest = Counter(call["function_name"] for call in fleet.calls).most_common(1)[0][0]
        truth, chosen = Truth(fleet.calls, busiest), {"account": EXACT, "function": busiest}
        memory = MEMORY_GIB * 2**30
        took, used = truth.within(0.95, "duration_ms"), truth.within(0.95, "mem_bytes")
        most = truth.within(0.99, "mem_bytes")
        now = ask.at * 1000
        _stats_are_true(ask, ONE, {
            **_of_both(ask, truth),
            "Error budget used": truth.failures / truth.total / 0.01,
            "p95 of timeout": tuple(bound / TIMEOUT for bound in took),
            "p95 of memory": tuple(bound / memory for bound in used),
            "Unused memory": tuple(1 - bound / memory for bound in reversed(most)),
            "Last invocation": (now - 300_000, now),
        }, **chosen)
        if kind not in STORED:
            return  # VictoriaMetrics divides by the time between samples, not by the range.
        billed = truth.gb_seconds()
        for title, legend, labels, of in (
            ("Invocations by outcome", None, ("outcome",), {
                ("success",): truth.total - truth.failures,
                ("function_error",): truth.failures,
            }),
            ("Retries", None, (), {(): truth.retries}),
            ("Billed GB-seconds per second", None, (), {(): billed}),
            ("Run time and billed time per second", "run time", (), {(): truth.run_time()}),
            ("Calls at once", None, (), {(): truth.run_time()}),
            ("Cost an hour", None, (), {(): truth.cost() * 3600}),
        ):
            # A rate over the whole run, times its length, is what happened in it.
            seen = ask.series(ONE.query(title, legend), ONE, labels, **chosen)
            seen = {key: value * ask.seconds for key, value in seen.items() if value}
            expect(set(seen) == set(of), f"{title}: {seen}, not {of}")
            for key, value in seen.items():
                _hold(f"{title} {key}", value, of[key])


def _exporter_is_true(kind):
    @check(f"dashboards: the exporter's own figures add up on {kind}")
    def true(context):
        fleet = _fleet(context, kind)
        fleet.rest()
        ask = fleet.asker(kind)
        _stats_are_true(ask, SELF, {
            "Age of the data": (0, 120), "Failed polls": (0, 1), "Rows not counted": 0,
            "Truncated reads": 0, "Overflow": 0, "Commit errors": 0, "Configuration": 1,
            "Exporters": 1,
        })
        began = (ask.at - fleet.seconds() - 10) * 1000, ask.at * 1000
        for column, bounds in (("Started", began), ("Config loaded", began)):
            _hold(column, ask.number(SELF.query("Versions", column), SELF), bounds)
        if kind in STORED:
            # The exporter's own counters are not held at zero first: a scrape may miss their start.
            counted = ask.series(SELF.query("Records by disposition"), SELF, ("disposition",))
            calls = ask.number(ALL.query("Invocations"), ALL)
            rows = counted[("counted",)] * ask.seconds
            expect(0.9 * calls < rows < 1.01 * calls, f"{rows} rows counted are {calls} calls")
        series = ask.series(SELF.query("Functions with series"), SELF)
        known = ask.number(ALL.query("Functions known"), ALL)
        _hold("functions with series", sum(series.values()), known)


def _extrapolated(kind):
    @check(f"dashboards: figures between two scrapes on {kind} are off by what extrapolation adds")
    def off(context):
        fleet = _fleet(context, kind)
        fleet.rest()
        ask, truth = fleet.asker(kind), Truth(fleet.calls)
        ask.at += LATE
        # Prometheus goes on for the time to the edge as it went on between the samples, of which
        # there is one a second.
        seen = f'count_over_time(scf_invocations_total{{account="{EXACT}"}}[{ask.seconds}s])'
        more = LATE / (ask.number(f"min({seen} > 1)", ALL) - 1)
        figures = {
            title: value for title, value in _fleet_figures(ask, truth).items()
            if title in COUNTS
        }
        expect(len(figures) == len(COUNTS), f"{COUNTS} are not all there")
        changed = 0
        for title, value in figures.items():
            number = ask.number(ALL.query(title), ALL, account=EXACT)
            _hold(title, number, value, more)
            changed += number > value * (1 + 1e-6)
        expect(changed, "nothing was extrapolated, so that nothing was looked at")


def _below_limits(kind):
    @check(f"dashboards: no percentile lies above a configured limit on {kind}")
    def below(context):
        fleet = _fleet(context, kind)
        fleet.rest()
        ask = fleet.asker(kind)
        labels = ("account", "region", "function_namespace", "function_name")
        limits = {
            name: ask.series(name, ALL, labels)
            for name in ("scf_function_timeout_seconds", "scf_function_memory_limit_bytes")
        }
        asked = 0
        for board in (ALL, ONE):
            for panel in board.panels:
                if panel["title"] in SHARES:
                    continue
                for target in panel["targets"]:
                    text = target["expr"]
                    name = next((name for name in limits if f"{name}{{" in text), None)
                    if "histogram_quantile(" not in text or name is None:
                        continue
                    asked += 1
                    for key, value in ask.series(text, board, labels).items():
                        of = limits[name]
                        most = of.get(key, max(of.values()))
                        expect(not value > most, f"{panel['title']}: {value} of {key}, above {most}")
        expect(asked >= 10, f"only {asked} percentiles")
        # What the buckets alone say does lie above.
        raw = ask.series(
            "histogram_quantile(0.99, sum by (account, region, function_namespace, function_name)"
            " (increase(scf_invocation_memory_usage_bytes[$__range])))"
            " or histogram_quantile(0.99, sum by (le, account, region, function_namespace,"
            " function_name) (increase(scf_invocation_memory_usage_bytes_bucket[$__range])))",
            ALL, labels)
        of = limits["scf_function_memory_limit_bytes"]
        above = [key for key, value in raw.items() if value > of.get(key, math.inf)]
        expect(above, "no function comes near its limit, so that nothing was looked at")
        for panel in (panel for board in (ALL, ONE) for panel in board.panels):
            if panel["title"] in SHARES:
                for target in panel["targets"]:
                    for key, value in ask.series(target["expr"], ALL, labels).items():
                        expect(0 <= value <= 1, f"{panel['title']}: {value} of {key}")


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
        targets = [target for panel in board.panels for target in panel["targets"]]
        for expression in (t["expr"] for t in targets if t["legendFormat"] != NOT_OF_CLS):
            if not MEAN.match(expression) and not QUANTILE.match(expression):
                continue
            classic, native = (asked[kind].number(expression, board) for kind in STORED)
            if MEAN.match(expression):
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
    _below_limits(_kind)
for _kind in STORED:
    _extrapolated(_kind)
# It stops the stores, and so comes last.
check("dashboards: quantiles (within a bucket) and sums of all agree on both kinds")(_agree)
