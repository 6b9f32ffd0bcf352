"""Every query of the shipped dashboards answers on stores that saw a living fleet.

They are a Prometheus with classic histograms alone, one with native histograms alone, and
VictoriaMetrics, where it can be had.
"""

import json
import math
import re
import time

from check_truth import MEMORY_BOUNDS, RUN_BOUNDS
from harness import ROOT, Skipped, check, expect, free_port, until
from services import READS, Prometheus, Simulator, Victoria

# What Grafana would put in. The wide rate interval fits the scrape interval of one second.
VARIABLES = {"__rate_interval": "30s", "__interval": "15s", "__range": "2m"}
# What each Prometheus stores of a histogram, and so how it scrapes. Histograms without native
# buckets become some, of the bounds that they have: there is no `_bucket` left.
STORED = {
    "classic": {"scrape_protocols": ["PrometheusText0.0.4"]},
    "native": {
        "scrape_protocols": ["PrometheusProto"], "convert_classic_histograms_to_nhcb": True,
    },
}
# Queries with one answer: a sum or a ratio made of means, and quantiles over all functions, of
# what has the bounds of run times or of memory; those of commits are others.
MEAN = ("histogram_avg(sum(increase(scf_", "histogram_avg(sum(rate(scf_")
QUANTILE = re.compile(r"histogram_quantile\([\d.]+, sum\(\w+\(scf_invocation_")
# Long enough for a rate of what happens seldom, such as a cold start.
SEEN_SECONDS = 30


class Fleet:
    """Two accounts full of cold starts, errors and retries, read by one exporter."""

    def __init__(self, context):
        self.sims, self.missing = [], None
        sources, variables = [], {}
        for number, account in enumerate(("prod", "staging")):
            sim = Simulator(
                context, "--seed", 41 + number, "--faults", "typical", "--functions", 12,
                "--rate", 20, "--namespaces", 2, name=f"sim-fleet-{account}",
            )
            variable = f"KEY_OF_{account.upper()}"
            self.sims.append(sim)
            variables[variable] = sim.secret_key
            sources.append({
                "account": account, "api": "cls", "region": "ap-guangzhou", "endpoint": sim.url,
                "credentials": {
                    "secret_id": sim.secret_id, "secret_key": f"${{{variable}}}",
                },
            })
        file = context.path("fleet.yaml")
        file.write_text(json.dumps({"sources": sources}))  # JSON is YAML
        port = free_port()
        targets = {"static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
        # They are there before the first call is shown: what both have of it begins at zero.
        self.stores = {
            kind: Prometheus(
                context, {"fleet": {**targets, **settings}}, name=f"prometheus-fleet-{kind}",
                native=kind == "native",
            )
            for kind, settings in STORED.items()
        }
        try:
            self.stores["VictoriaMetrics"] = Victoria(
                context, {"fleet": targets}, name="victoria-fleet"
            )
        except Skipped as missing:
            self.missing = str(missing)
        context.exporter(
            "fleet", "run", "--config.file", file, "--state.path", context.path("state-fleet"),
            "--web.listen-address", f"127.0.0.1:{port}", *READS, "--web.zero-first", "3s",
            **variables,
        )
        self.began = time.monotonic()

    def seconds(self):
        """How long the stores have watched."""
        return time.monotonic() - self.began

    def rest(self):
        """Ends the traffic, and waits until both Prometheus have the same of all of it."""
        for sim in self.sims:
            sim.process.stop()
        seen = []

        def still():
            seen.append([
                self.stores[kind].number("sum(scf_invocations_total)") for kind in STORED
            ])
            expect(len(seen) > 3, "too early to tell")
            expect(
                all(count == seen[-1][0] for counts in seen[-4:] for count in counts),
                f"the counts are {seen[-4:]}",
            )
            return True

        until("nothing is counted any more", still, 20, every=1)


def fill(expression, names, **spans):
    """The expression as Grafana would send it with every variable at "All"."""
    for name, value in {**VARIABLES, **spans, **{name: ".*" for name in names}}.items():
        expression = re.sub(rf"\$(?:{name}\b|\{{{name}(?::\w+)?\}})", value, expression)
    expect("$" not in expression, f"a variable is left in {expression}")
    return expression


def queries(dashboard):
    """(panel title, expression) of every target."""
    for panel in dashboard["panels"]:
        for target in [*panel.get("targets", [])]:
            yield panel["title"], target["expr"]


def _names(dashboard):
    return [variable["name"] for variable in dashboard["templating"]["list"]]


def _silent(store, dashboard, seconds):
    """The titles and queries that have no answer; a heatmap draws what any of its queries has."""
    names, silent = _names(dashboard), []
    for panel in dashboard["panels"]:
        asked = [target["expr"] for target in panel.get("targets", [])]
        without = [text for text in asked if not store.answers(fill(text, names), seconds)]
        if panel["type"] == "heatmap" and len(without) < len(asked):
            continue
        silent += [f"{panel['title']}: {text}" for text in without]
    return silent


def _answers(path, kind):
    @check(f"dashboards: every query of {path.name} answers on {kind}", early=Fleet)
    def answers(context):
        fleet = context.shared(Fleet)
        if kind not in fleet.stores:
            raise Skipped(fleet.missing)
        time.sleep(max(0.0, SEEN_SECONDS - fleet.seconds()))
        dashboard = json.loads(path.read_text(encoding="utf-8"))
        buckets = fleet.stores[kind].query('count({__name__=~"scf_.+_bucket"})')
        expect(bool(buckets) == (kind != "native"), f"{kind} has {buckets} classic buckets")
        silent = _silent(fleet.stores[kind], dashboard, fleet.seconds())
        expect(not silent, "no answer from: " + "; ".join(silent))


def _variables(path):
    @check(f"dashboards: every variable of {path.name} has values")
    def values(context):
        fleet = context.shared(Fleet)
        dashboard = json.loads(path.read_text(encoding="utf-8"))
        for variable in dashboard["templating"]["list"]:
            if variable["type"] != "query":
                continue
            asked = re.fullmatch(r"label_values\((.+),\s*(\w+)\)", variable["query"]["query"])
            expect(asked, f"variable {variable['name']} is no label_values query")
            selector, label = asked.groups()
            for kind in STORED:
                found = fleet.stores[kind].api(
                    f"label/{label}/values", **{"match[]": fill(selector, _names(dashboard))}
                )
                expect(found, f"no value for {variable['name']} on {kind}")


def _agrees(path):
    @check(f"dashboards: quantiles (within a bucket) and sums of {path.name} agree on both kinds")
    def agrees(context):
        fleet = context.shared(Fleet)
        fleet.rest()
        dashboard = json.loads(path.read_text(encoding="utf-8"))
        # Over all that both have seen: from zero to the same end.
        span = f"{math.ceil(fleet.seconds()) + 30}s"
        quantiles = means = 0
        for _, expression in queries(dashboard):
            if not expression.startswith(MEAN) and not QUANTILE.match(expression):
                continue
            asked = fill(expression, _names(dashboard), __range=span, __rate_interval=span)
            classic, native = (fleet.stores[kind].number(asked) for kind in STORED)
            if expression.startswith(MEAN):
                # The stores scrape at different instants, and a rate goes from scrape to scrape.
                expect(
                    math.isclose(native, classic, rel_tol=0.05),
                    f"{native} of native is not {classic} of classic: {asked}",
                )
                means += 1
                continue
            bounds = MEMORY_BOUNDS if "_bytes" in expression else RUN_BOUNDS
            upper = next(bound for bound in bounds if classic <= bound)
            lower = max((bound for bound in bounds if bound < upper), default=0)
            expect(
                abs(native - classic) <= upper - lower,
                f"{native} of native is a bucket away from {classic} of classic: {asked}",
            )
            quantiles += 1
        expect(quantiles >= 6 and means >= 2, f"only {quantiles} quantiles and {means} means")
        for store in fleet.stores.values():
            store.process.stop()


for _path in sorted((ROOT / "dashboards").glob("*.json")):
    for _kind in (*STORED, "VictoriaMetrics"):
        _answers(_path, _kind)
    _variables(_path)
    _agrees(_path)
