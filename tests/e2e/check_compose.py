"""What the Compose file starts, without Docker: the exporter by its very command line, and a real
Prometheus by its very configuration, with the names of services and mounts put right.
"""

import json
import re
import subprocess
import time

import services
from harness import ROOT, check, expect, free_port, http, until
from services import Store

FOLDER = ROOT / "deploy" / "compose"
# A setting of this version that earlier ones refuse; they have a feature flag instead.
NATIVE_SINCE, NATIVE_LINE = (3, 8), "    scrape_native_histograms: true\n"


def _commands():
    """{program: its arguments}; they stand in the file as JSON, which is YAML."""
    text = (FOLDER / "compose.yaml").read_text(encoding="utf-8")
    exporter, prometheus = (
        json.loads(command) for command in re.findall(r"^    command: (\[.+\])$", text, re.MULTILINE)
    )
    return exporter, prometheus


def _put(text, changes):
    """`text` with every change made, each of which has to be there to be made."""
    for before, after in changes.items():
        expect(before in text, f"{before} is nowhere")
        text = text.replace(before, after)
    return text


class Stack(Store):
    """Exporter and Prometheus of the Compose file, on loopback ports."""

    def __init__(self, context):
        self.exporter_port, self.port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        exporter, prometheus = _commands()
        self.exporter = context.exporter("compose-exporter", *(
            _put(word, {":10112": f"127.0.0.1:{self.exporter_port}"}) if ":10112" in word else word
            for word in exporter
        ))
        native = services.version(context.prometheus) >= NATIVE_SINCE
        self.config = context.path("compose-prometheus.yaml")
        self.config.write_text(_put((FOLDER / "prometheus.yaml").read_text(encoding="utf-8"), {
            "exporter:10112": f"127.0.0.1:{self.exporter_port}",
            "localhost:9090": f"127.0.0.1:{self.port}",
            "/etc/prometheus/rules": str(ROOT / "deploy" / "mixin"),
            **({} if native else {NATIVE_LINE: ""}),
        }))
        places = {
            "--config.file=": self.config,
            "--storage.tsdb.path=": context.path("compose-prometheus"),
            "--enable-feature=": "exemplar-storage" if native
                                 else "exemplar-storage,native-histograms",
        }
        words = []
        for word in prometheus:
            start = next((start for start in places if word.startswith(start)), None)
            words.append(f"{start}{places[start]}" if start else word)
        self.process = context.start("compose-prometheus", [
            context.prometheus / "prometheus", *words,
            f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn",
        ])
        self.promtool = context.prometheus / "promtool"
        self.began = time.time()


def _seen(stack):
    """What there is once two scrapes have seen calls of the demo."""
    for query in (
        "sum(rate(scf_invocations_total[1m])) > 0",
        'sum(rate(scf_invocation_duration_seconds_bucket{le="+Inf"}[1m])) > 0',
        "histogram_count(sum(rate(scf_invocation_duration_seconds[1m]))) > 0",
        "scf_exporter_config_last_reload_successful == 1",
        'up{job="scf-exporter"} == 1',
        'up{job="prometheus"} == 1',
    ):
        expect(stack.query(query), f"no answer to {query}")
    return True


@check("compose: Prometheus takes the configuration and the rules, and answers its health check",
       early=Stack)
def configuration(context):
    stack = context.shared(Stack)
    for command in (
        ("check", "config", stack.config),
        # As in the file, but for the address.
        ("check", "ready", f"--url={stack.url}"),
    ):
        def passes(command=command):
            done = subprocess.run([stack.promtool, *command], capture_output=True, text=True)
            expect(done.returncode == 0, f"promtool {command}: {done.stdout}{done.stderr}"[:1500])
            return True

        until(f"promtool {command[1]}", passes, 20)
    text = (FOLDER / "compose.yaml").read_text(encoding="utf-8")
    expect('["CMD", "promtool", "check", "ready", "--url=http://127.0.0.1:9090"]' in text,
           "the health check is another one")


@check("compose: it scrapes the demo: calls, histograms of both kinds, exemplars, rules")
def scrapes(context):
    stack = context.shared(Stack)
    until("two scrapes see calls", lambda: _seen(stack), 120, every=1)
    exemplars = stack.api("query_exemplars", query="scf_invocation_duration_seconds_bucket",
                          start=stack.began, end=time.time())
    functions = {series["seriesLabels"]["function_name"] for series in exemplars}
    expect(len(functions) > 5, f"only {functions} have exemplars")
    namespaces = stack.query("count by (function_namespace) (scf_function_info)",
                             ("function_namespace",))
    expect(len(namespaces) == 2, f"the namespaces are {namespaces}")
    groups = stack.api("rules")["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    kinds = {rule["type"] for rule in rules}
    expect(kinds == {"alerting", "recording"}, f"the rules are {kinds}")
    broken = [rule["name"] for rule in rules if rule.get("lastError")]
    expect(not broken, f"these rules fail: {broken}")
    status, _ = http(f"http://127.0.0.1:{stack.exporter_port}/-/healthy")
    expect(status == 200, f"the exporter is not healthy: {status}")
    stack.process.stop()
    stack.exporter.stop()
