"""Every query of the shipped dashboards answers on a Prometheus that saw a living fleet."""

import json
import re
import time

from harness import ROOT, check, expect, free_port
from services import PACE, Prometheus, Simulator

# What Grafana would put in. The wide rate interval fits the scrape interval of one second.
VARIABLES = {"__rate_interval": "30s", "__interval": "15s", "__range": "2m"}
# Long enough for a rate of what happens seldom, such as a cold start.
SEEN_SECONDS = 30


class Fleet:
    """Two accounts full of cold starts, errors and retries, read by one exporter."""

    def __init__(self, context):
        sources, variables = [], {}
        for number, account in enumerate(("prod", "staging")):
            sim = Simulator(
                context, "--seed", 41 + number, "--faults", "typical", "--functions", 12,
                "--rate", 20, "--namespaces", 2, name=f"sim-fleet-{account}",
            )
            variable = f"KEY_OF_{account.upper()}"
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
        context.exporter(
            "fleet", "run", "--config.file", file, "--state.path", context.path("state-fleet"),
            "--web.listen-address", f"127.0.0.1:{port}", *PACE, **variables,
        )
        self.prometheus = Prometheus(
            context, {"fleet": f"127.0.0.1:{port}"}, name="prometheus-fleet"
        )
        self.began = time.monotonic()

    def seconds(self):
        """How long Prometheus has watched."""
        return time.monotonic() - self.began


def fill(expression, names):
    """The expression as Grafana would send it with every variable at "All"."""
    for name, value in {**VARIABLES, **{name: ".*" for name in names}}.items():
        expression = re.sub(rf"\$(?:{name}\b|\{{{name}(?::\w+)?\}})", value, expression)
    expect("$" not in expression, f"a variable is left in {expression}")
    return expression


def queries(dashboard):
    """(panel title, expression) of every target."""
    for panel in dashboard["panels"]:
        for target in [*panel.get("targets", [])]:
            yield panel["title"], target["expr"]


def _answers(path):
    @check(f"dashboards: every query and variable of {path.name} answers", early=Fleet)
    def answers(context):
        fleet = context.shared(Fleet)
        time.sleep(max(0.0, SEEN_SECONDS - fleet.seconds()))
        dashboard = json.loads(path.read_text(encoding="utf-8"))
        variables = dashboard["templating"]["list"]
        names = [variable["name"] for variable in variables]
        silent = []
        for title, expression in queries(dashboard):
            if not fleet.prometheus.answers(fill(expression, names), fleet.seconds()):
                silent.append(f"{title}: {expression}")
        for variable in variables:
            if variable["type"] != "query":
                continue
            asked = re.fullmatch(r"label_values\((.+),\s*(\w+)\)", variable["query"]["query"])
            expect(asked, f"variable {variable['name']} is no label_values query")
            selector, label = asked.groups()
            found = fleet.prometheus.api(
                f"label/{label}/values", **{"match[]": fill(selector, names)}
            )
            if not found:
                silent.append(f"variable {variable['name']}")
        expect(not silent, "no answer from: " + "; ".join(silent))


for _path in sorted((ROOT / "dashboards").glob("*.json")):
    _answers(_path)
