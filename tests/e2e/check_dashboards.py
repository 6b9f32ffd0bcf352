"""Every query of the shipped dashboards answers on a Prometheus filled by the replay."""

import json
import re

from check_restart import Replay
from harness import ROOT, check, expect

# What Grafana would put in. The wide rate interval fits the scrape interval of one second.
VARIABLES = {"__rate_interval": "30s", "__interval": "15s", "__range": "2m"}


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
    @check(f"dashboards: every query and variable of {path.name} answers")
    def answers(context):
        replay = context.shared(Replay)
        dashboard = json.loads(path.read_text(encoding="utf-8"))
        variables = dashboard["templating"]["list"]
        names = [variable["name"] for variable in variables]
        silent = []
        for title, expression in queries(dashboard):
            if not replay.prometheus.answers(fill(expression, names), replay.seconds()):
                silent.append(f"{title}: {expression}")
        for variable in variables:
            if variable["type"] != "query":
                continue
            asked = re.fullmatch(r"label_values\((.+),\s*(\w+)\)", variable["query"]["query"])
            expect(asked, f"variable {variable['name']} is no label_values query")
            selector, label = asked.groups()
            found = replay.prometheus.api(
                f"label/{label}/values", **{"match[]": fill(selector, names)}
            )
            if not found:
                silent.append(f"variable {variable['name']}")
        expect(not silent, "no answer from: " + "; ".join(silent))


for _path in sorted((ROOT / "dashboards").glob("*.json")):
    _answers(_path)
