"""A fleet for the dashboards, the stores that watch it, and a dashboard as Grafana reads it."""

import json
import math
import re
import time

import world
from harness import Skipped, expect, free_port, until
from services import READS, Prometheus, Simulator, Victoria, account_sources

# What Grafana would put in. The wide rate interval fits the scrape interval of one second.
VARIABLES = {
    "__rate_interval": "30s", "__interval": "15s", "__range": "2m", "__range_s": "120",
}
# What each Prometheus stores of a histogram, and so how it scrapes. Histograms without native
# buckets become some, of the bounds that they have: there is no `_bucket` left.
STORED = {
    "classic": {"scrape_protocols": ["OpenMetricsText1.0.0"]},
    "native": {
        "scrape_protocols": ["PrometheusProto"], "convert_classic_histograms_to_nhcb": True,
    },
}
# The account whose calls are a file, and so known one by one; and how long they go on, seconds.
EXACT, TRAFFIC = "exact", 20
FUNCTIONS, CALLS = 12, 1500
# Longer than the scrape interval of a second: each new series is scraped at zero.
ZERO_FIRST = "3s"


class Fleet:
    """Three accounts read by one exporter: two full of cold starts, errors and retries, and one
    whose calls stand in a file.
    """

    def __init__(self, context):
        self.sims, self.missing, self.rested = {}, None, False
        rows = context.path("fleet.jsonl")
        world.write(
            rows, seed=43, functions=FUNCTIONS, calls=CALLS, seconds=TRAFFIC,
            namespaces=("default", "team-1"),
        )
        with open(rows, encoding="ascii") as lines:
            self.calls = [json.loads(line) for line in lines]
        port = free_port()
        targets = {"static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
        # They are there before the first call is shown: what all have of it begins at zero.
        self.stores = {
            kind: Prometheus(
                context, {"fleet": {**targets, **settings}}, name=f"prometheus-fleet-{kind}",
                native=kind == "native", exemplars=True,
            )
            for kind, settings in STORED.items()
        }
        try:
            self.stores["VictoriaMetrics"] = Victoria(
                context, {"fleet": targets}, name="victoria-fleet"
            )
        except Skipped as missing:
            self.missing = str(missing)
        # Prometheus takes some seconds to begin, longer than a zero is shown.
        until("every store scrapes", self._scraped, 30)
        for number, account in enumerate(("prod", "staging", EXACT)):
            drawn = ("--faults", "typical", "--functions", 12, "--rate", 20, "--namespaces", 2)
            self.sims[account] = Simulator(
                context, "--seed", 41 + number, *(("--replay", rows) if account == EXACT else drawn),
                name=f"sim-fleet-{account}",
            )
        sources, variables = account_sources(self.sims)
        file = context.path("fleet.yaml")
        file.write_text(json.dumps({"sources": sources}))  # JSON is YAML
        context.exporter(
            "fleet", "run", "--config.file", file, "--state.path", context.path("state-fleet"),
            "--web.listen-address", f"127.0.0.1:{port}", *READS, "--web.zero-first", ZERO_FIRST,
            **variables,
        )
        self.began = time.monotonic()

    def _scraped(self):
        return all(store.query("up") for store in self.stores.values())

    def seconds(self):
        """How long the stores have watched."""
        return time.monotonic() - self.began

    def rest(self):
        """Ends the traffic, and waits until all stores have the same of all of it."""
        if self.rested:
            return
        for account, sim in self.sims.items():
            if account != EXACT:
                sim.process.stop()
        seen = []

        def still():
            seen.append([
                store.number("sum(scf_invocations_total)") for store in self.stores.values()
            ])
            expect(len(seen) > 3, "too early to tell")
            known = self.stores["classic"].number(
                f'sum(scf_invocations_total{{account="{EXACT}"}})')
            expect(known == len(self.calls), f"{known} of the {len(self.calls)} known calls")
            expect(
                all(count == seen[-1][0] for counts in seen[-4:] for count in counts),
                f"the counts are {seen[-4:]}",
            )
            return True

        until("nothing is counted any more", still, 40, every=1)
        self.rested = True

    def asker(self, kind):
        """What the store of a kind says of the whole run at its last scrape."""
        return Asker(self.stores[kind], self.seconds())


class Asker:
    """Asks one store over all that it has seen, at the instant of its last scrape.

    `increase` extrapolates to the ends of its range, but not where the range ends with the last
    sample nor where the first one is zero: so it is the number itself.
    """

    def __init__(self, store, seconds):
        self.store = store
        self.at = store.number("max(timestamp(scf_invocations_total))")
        self.seconds = math.ceil(seconds) + 30

    def watched(self):
        """For how long the store has scraped the exporter."""
        seen = f"timestamp(scf_exporter_build_info)[{self.seconds}s:1s]"
        first = f"min(min_over_time({seen}))"
        found = self.store.api("query", query=first, time=f"{self.at:.3f}")["result"]
        return self.at - float(found[0]["value"][1])

    def series(self, expression, board, labels=(), **chosen):
        """The answer to an expression: {the values of `labels`: value}; `chosen` variables."""
        span = f"{self.seconds}s"
        asked = board.fill(
            expression, __range=span, __range_s=str(self.seconds), __rate_interval=span, **chosen)
        found = self.store.api("query", query=asked, time=f"{self.at:.3f}")["result"]
        return {
            tuple(entry["metric"].get(label, "") for label in labels): float(entry["value"][1])
            for entry in found
        }

    def number(self, expression, board, **chosen):
        """The one value of an expression; fails while there is none."""
        values = list(self.series(expression, board, **chosen).values())
        expect(len(values) == 1, f"{expression} has {len(values)} values, not one")
        return values[0]


class Board:
    """A shipped dashboard."""

    def __init__(self, path):
        self.name = path.name
        self.document = json.loads(path.read_text(encoding="utf-8"))
        self.panels = [panel for panel in self.document["panels"] if panel["type"] != "row"]
        self.variables = self.document["templating"]["list"]

    def fill(self, expression, **chosen):
        """The expression as Grafana would send it, with every variable that is not chosen at
        "All", or at its default where it is a text.
        """
        everything = {
            variable["name"]: variable["query"] if variable["type"] == "textbox" else ".*"
            for variable in self.variables
        }
        for name, value in {**VARIABLES, **everything, **chosen}.items():
            expression = re.sub(rf"\$(?:{name}\b|\{{{name}(?::\w+)?\}})", value, expression)
        expect("$" not in expression, f"a variable is left in {expression}")
        return expression

    def query(self, title, legend=None):
        """The query of the panel with a title, or that of a column or legend in it."""
        panel = next(panel for panel in self.panels if panel["title"] == title)
        columns = {
            column: field.rpartition("#")[2]
            for step in panel.get("transformations", [])
            for field, column in step["options"].get("renameByName", {}).items()
        }
        for target in panel["targets"]:
            if legend in (None, target["legendFormat"]) or columns.get(legend) == target["refId"]:
                return target["expr"]
        raise KeyError(f"{title} has no {legend}")
