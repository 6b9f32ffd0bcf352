"""The shipped rules and alerts: by promtool, as a mixin, on real stores, and up to a receiver."""

import copy
import http.server
import json
import math
import pathlib
import re
import subprocess
import threading
import time

from harness import ROOT, Skipped, check, expect, free_port, http as request, until
from services import PACE, READS, Prometheus, Simulator, scraped

MIXIN = ROOT / "deploy" / "mixin"
RULES, ALERTS = MIXIN / "rules.yaml", MIXIN / "alerts.yaml"
EXAMPLE = ROOT / "deploy" / "alertmanager" / "alertmanager.yaml"
RUNBOOK = ROOT / "docs" / "RUNBOOK.md"
CASES = sorted((ROOT / "tests" / "rules").glob("*.yaml"))
# How each store scrapes; one has classic histograms alone, the other native ones alone.
STORED = {
    "classic": {"scrape_protocols": ["PrometheusText0.0.4"]},
    "native": {"scrape_protocols": ["PrometheusProto"]},
}
# The windows that are long enough for the fleet here to be younger than they are.
WHOLE = ("increase6h", "increase1d")
# Long enough for what `increase` adds at the edge of its window to be little.
SEEN_SECONDS = 20
FAULT = "ScfExporterAuthenticationFailing"


class Cases:
    """promtool plays the cases, a process for each file, while other checks go on."""

    def __init__(self, context):
        self.processes = [
            context.start(f"cases-{path.stem}", [
                context.prometheus / "promtool", "test", "rules", path
            ])
            for path in CASES
        ]


@check("rules: every case of tests/rules holds, by promtool", early=Cases)
def cases(context):
    expect(CASES, "there are no cases")
    for process in context.shared(Cases).processes:
        code = process.wait(120)
        expect(code == 0, f"{process.name}: {process.output()[-3000:]}")


@check("rules: promtool finds nothing to say about the files")
def linted(context):
    done = subprocess.run(
        [context.prometheus / "promtool", "check", "rules", "--lint=all", "--lint-fatal",
         RULES, ALERTS],
        capture_output=True, text=True,
    )
    expect(done.returncode == 0, done.stdout + done.stderr)


@check("rules: vmalert takes the files, with the comments in their expressions")
def victoria(context):
    vmalert = context.victoria and pathlib.Path(context.victoria).with_name("vmalert")
    if not vmalert or not vmalert.exists():
        raise Skipped("vmalert cannot be had here: it comes with VictoriaMetrics")

    def judged(*files):
        return subprocess.run([vmalert, "-dryRun", *(f"-rule={file}" for file in files)],
                              capture_output=True, text=True)

    done = judged(RULES, ALERTS)
    expect(done.returncode == 0, done.stderr[-2000:])
    wrong = context.path("vmalert-wrong.yaml")
    wrong.write_text(ALERTS.read_text().replace("> 600 # threshold", "> # threshold"))
    expect(judged(wrong).returncode != 0, "vmalert does not see what is wrong")


def mixin_shows(context, *changed):
    """What the mixin gives, with these configurations too, and what its files hold."""
    done = subprocess.run(
        [context.clients / "mixin" / "bin" / "python", ROOT / "tests" / "e2e" / "mixin_json.py",
         ROOT, *changed],
        capture_output=True, text=True,
    )
    expect(done.returncode == 0, done.stderr[-2000:])
    return json.loads(done.stdout)


def documented(language):
    """The block of the runbook that changes alerts, in one of its two languages."""
    found = re.findall(rf"(?ms)^```{language}\n(.+?)^```$", RUNBOOK.read_text(encoding="utf-8"))
    (block,) = (block for block in found if "runbookURLPattern" in block)
    return block


def changed_by_hand(files):
    """What the settings of the runbook shall make of the files, written here once more."""
    rules, groups = copy.deepcopy(files["rules"]), copy.deepcopy(files["alerts"]["groups"])
    (objective,) = (rule for group in rules["groups"] for rule in group["rules"]
                    if rule["record"] == "fleet:scf_invocation_success:objective")
    expect(objective["expr"] == "vector(0.99)", f"it was {objective}")
    objective["expr"] = "vector(0.999)"
    for group in groups:
        group["rules"] = [rule for rule in group["rules"] if rule["alert"] != "ScfFunctionSilent"]
        for rule in group["rules"]:
            rule["labels"]["team"] = "cloud"
            rule["annotations"]["runbook_url"] = f"https://wiki.example.com/scf#{rule['alert'].lower()}"
    alerts = {rule["alert"]: rule for group in groups for rule in group["rules"]}
    throttled, stale = alerts["ScfFunctionThrottled"], alerts["ScfExporterPollStale"]
    throttled["labels"]["team"] = "quota"
    throttled["expr"] = throttled["expr"].replace("> 0.01 ", "> 0.05 ")
    stale["labels"]["severity"] = "warning"
    stale["for"] = "15m"
    stale["expr"] = stale["expr"].replace("> 600 ", "> 1800 ")
    return {"rules": rules, "alerts": {"groups": groups}}


# What a mixin is asked for in vain, and what has to be named.
UNKNOWN = {
    "{ ScfFunctionQuiet: { enabled: false } }": "alerts: ScfFunctionQuiet is unknown",
    "{ ScfFunctionSilent: { severty: 'info' } }": "alerts.ScfFunctionSilent: severty is unknown",
    "{ ScfFunctionSilent: { thresholds: { calls: 1 } } }":
        "alerts.ScfFunctionSilent.thresholds: calls is unknown",
}


@check("rules: the mixin gives what the files hold, and changes what the runbook says")
def mixin(context):
    unknown = [f"(import 'mixin.libsonnet') {{ _config+:: {{ alerts: {alerts} }} }}" for alerts in UNKNOWN]
    shown = mixin_shows(context, documented("jsonnet"), *unknown)
    for part, held in shown["files"].items():
        expect(held, f"no {part}")
        expect(shown["given"][part] == held, f"{part} of the mixin are not those of the files")
    changed, *errors = shown["changed"]
    expect(isinstance(changed, dict), changed)
    for part, wanted in changed_by_hand(shown["files"]).items():
        expect(changed[part] == wanted, f"{part} are changed in another way: {changed[part]}")
    for error, named in zip(errors, UNKNOWN.values()):
        expect(named in error, f"{error}, not {named}")


@check("rules: every anchor that an alert leads to is a heading of the runbook")
def anchors(context):
    text = ALERTS.read_text(encoding="utf-8")
    alerts = re.findall(r"^ +- alert: (\w+)$", text, re.MULTILINE)
    leads = re.findall(r"^ +runbook_url: docs/RUNBOOK\.md#(\w+)$", text, re.MULTILINE)
    headings = re.findall(r"^### (\w+)$", RUNBOOK.read_text(encoding="utf-8"), re.MULTILINE)
    expect(len(alerts) > 15 and len(leads) == len(alerts), f"{len(leads)} anchors of {alerts}")
    lost = set(leads) - {heading.lower() for heading in headings}
    expect(not lost, f"no heading for {lost}")


def _often(path, target):
    """A copy of a rule file whose groups are looked at each second; its expressions are as shipped."""
    text, changed = re.subn(r"(?m)^(    interval:) \d+m$", r"\1 1s", path.read_text())
    groups = text.count("\n  - name: ")
    expect(changed == groups > 0, f"{path} has {changed} intervals of {groups} groups")
    target.write_text(text)
    return str(target)


def _objectives(context):
    """The example of the runbook as a rule file, in which the objectives are those of all functions."""
    text = RUNBOOK.read_text(encoding="utf-8")
    example = re.search(r"```yaml\n(groups:\n.*?)```", text, re.DOTALL)[1]
    example, changed = re.subn(r'\{function_name=~?"[^"]+"\}', "", example)
    expect(changed == 2, f"the example names {changed} functions")
    path = context.path("objectives.yaml")
    path.write_text(example)
    return path


class Watched:
    """A fleet with cold starts, errors and retries, and two stores with the shipped rules."""

    def __init__(self, context):
        self.sim = Simulator(
            context, "--seed", 61, "--faults", "typical", "--functions", 10, "--rate", 20,
            name="sim-rules",
        )
        address = f"127.0.0.1:{free_port()}"
        self.url = f"http://{address}"
        settings = {"rule_files": [
            _often(path, context.path(f"watched-{path.name}"))
            for path in (RULES, ALERTS, _objectives(context))
        ]}
        self.stores = {
            kind: Prometheus(
                context,
                {"rules": {"static_configs": [{"targets": [address]}], **how}},
                name=f"prometheus-rules-{kind}", native=kind == "native", settings=settings,
            )
            for kind, how in STORED.items()
        }
        # A Prometheus looks at its targets some seconds after it is ready. It has to before the first
        # call is shown, so that all begins at zero for it.
        for store in self.stores.values():
            until("the first scrape", lambda store=store: store.query("up"), 20)
        context.exporter(
            "rules", "run", "--api", "cls", "--region", "ap-guangzhou", "--endpoint", self.sim.url,
            "--state.path", "", "--web.listen-address", address, *READS,
            "--web.zero-first", "3s", **self.sim.keys(),
        )
        self.began = time.monotonic()

    def groups(self, kind):
        """The rules as the store tells of them."""
        return [
            rule for group in self.stores[kind].api("rules")["groups"] for rule in group["rules"]
        ]


def _evaluates(kind):
    @check(f"rules: each is evaluated without error on {kind} histograms, and records", early=Watched)
    def evaluates(context):
        watched = context.shared(Watched)
        store = watched.stores[kind]
        native = store.query("count(scf_invocation_duration_seconds)")
        expect(bool(native) == (kind == "native"), f"{kind} has {native} native histograms")

        def recorded():
            rules = watched.groups(kind)
            expect(len(rules) > 30, f"only {len(rules)} rules were loaded")
            for rule in rules:
                expect(rule["health"] == "ok", f"{rule['name']}: {rule.get('lastError')}")
            names = [rule["name"] for rule in rules if rule["type"] == "recording"]
            silent = [name for name in names if not store.query(f"count({name})")]
            expect(not silent, f"nothing is recorded as {silent}")
            return True

        until("every rule was evaluated and records", recorded, 40)


for _kind in STORED:
    _evaluates(_kind)


class Receiver(http.server.BaseHTTPRequestHandler):
    """What Alertmanager sends its alerts to."""

    got = []

    def do_POST(self):
        self.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        """The requests need not be told."""

    @classmethod
    def has(cls, status):
        """The first alert FAULT that came with `status`, and its group."""
        return next((
            (alert, message) for message in list(cls.got) for alert in message["alerts"]
            if alert["labels"]["alertname"] == FAULT and alert["status"] == status
        ), None)


def _alertmanager(context, name, file):
    """A real Alertmanager on loopback with this configuration; its address."""
    if not context.alertmanager:
        raise Skipped("Alertmanager cannot be had here, see above")
    address = f"127.0.0.1:{free_port()}"
    context.start(name, [
        context.alertmanager, f"--config.file={file}",
        f"--storage.path={context.path(name)}", f"--web.listen-address={address}",
        "--cluster.listen-address=",
    ])
    until("Alertmanager is ready", lambda: request(f"http://{address}/-/ready")[0] == 200, 30)
    return address


def _receiving(context):
    """An Alertmanager that sends everything on to Receiver at once; its address."""
    # It ends with this process, as its thread does.
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    file = context.path("alertmanager.yml")
    file.write_text(json.dumps({  # JSON is YAML
        "route": {
            "receiver": "test", "group_by": ["alertname"],
            "group_wait": "0s", "group_interval": "1s", "repeat_interval": "1h",
        },
        "receivers": [{"name": "test", "webhook_configs": [
            {"url": f"http://127.0.0.1:{server.server_port}/", "send_resolved": True},
        ]}],
    }))
    return _alertmanager(context, "alertmanager", file)


def _fast(path, target):
    """A copy of a rule file in which a minute is a second: intervals, windows and waits.

    Limits and expressions stay. So five minutes of waiting are five seconds of this test.
    """
    text = re.sub(r"(\[|(?:interval|for): )(\d+)m\b", r"\g<1>\g<2>s", path.read_text())
    text = re.sub(r"\[(\d+)h\]", r"[\1m]", text)
    expect("[15s]" in text and "for: 5s" in text, f"{path} was not made faster")
    target.write_text(text)
    return str(target)


@check("rules: rights that are taken away alert through Alertmanager, and given back they resolve")
def alerted(context):
    manager = _receiving(context)
    cloud = free_port()
    name = iter(("before", "denied", "after"))

    def simulator(*flags):
        return Simulator(
            context, "--seed", 62, "--faults", "none", "--functions", 4, "--rate", 10, *flags,
            name=f"sim-alert-{next(name)}", listen=f"127.0.0.1:{cloud}",
        )

    sim = simulator()
    address = f"127.0.0.1:{free_port()}"
    context.exporter(
        "alert", "run", "--api", "cls", "--region", "ap-guangzhou", "--endpoint", sim.url,
        "--state.path", "", "--web.listen-address", address, *PACE, **sim.keys(),
    )
    store = Prometheus(
        context, {"scf": address}, name="prometheus-alert",
        settings={
            "rule_files": [_fast(ALERTS, context.path("fast-alerts.yaml"))],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [manager]}]}]},
        },
    )
    worked = 'scf_exporter_api_requests_total{action="SearchLog",code="ok"} > 3'
    until("the logs are read", lambda: store.query(worked), 30)
    expect(not store.query(f'ALERTS{{alertname="{FAULT}"}}'), "it alerts before there is a fault")

    sim.process.stop()
    sim = simulator("--deny", "SearchLog")  # The same seed has the same keys.
    alert, message = until("the alert has arrived", lambda: Receiver.has("firing"), 40)
    labels, notes = alert["labels"], alert["annotations"]
    expect(
        (labels["severity"], labels["action"], labels["instance"])
        == ("critical", "SearchLog", address)
        and labels["code"].startswith("UnauthorizedOperation"),
        f"other labels: {labels}",
    )
    expect(notes["runbook_url"].endswith(f"#{FAULT.lower()}"), f"other notes: {notes}")
    expect(labels["code"] in notes["description"], f"other notes: {notes}")
    expect(message["receiver"] == "test", f"{message}")
    expect(not Receiver.has("resolved"), "it resolves while the fault lasts")

    sim.process.stop()
    simulator()
    until("the alert is resolved", lambda: Receiver.has("resolved"), 60)


HERE = {"job": "scf", "instance": "a"}
PAY = {"region": "gz", "function_namespace": "default", "function_name": "pay"}
# Alerts that fire at the same time, and whether each one notifies.
AT_ONCE = (
    # Keys that are refused at one exporter, and a source of another one that is not read.
    ("ScfExporterAuthenticationFailing", {**HERE, "action": "SearchLog", "code": "AuthFailure"}, True),
    ("ScfExporterPollStale", {**HERE, "source": "one"}, False),
    ("ScfExporterWatermarkStuck", {**HERE, "source": "one"}, False),
    ("ScfExporterPollStale", {**HERE, "instance": "b", "source": "one"}, True),
    ("ScfExporterWatermarkStuck", {**HERE, "instance": "b", "source": "one"}, False),
    ("ScfExporterWatermarkStuck", {**HERE, "instance": "b", "source": "two"}, True),
    # Rows that were late before an exporter went down; the clock of another one.
    ("ScfExporterDown", {**HERE, "instance": "c"}, True),
    ("ScfExporterLateRows", {**HERE, "instance": "c", "disposition": "late"}, False),
    ("ScfExporterClockWrong", {**HERE, "source": "one"}, True),
    # A function whose calls time out, and another one that is throttled.
    ("ScfFunctionErrorBudgetBurnFast", PAY, True),
    ("ScfFunctionErrorBudgetBurnSlow", PAY, False),
    ("ScfFunctionTimeouts", PAY, False),
    ("ScfFunctionSilent", PAY, True),
    ("ScfFunctionThrottled", {**PAY, "function_name": "rush"}, True),
    ("ScfFunctionOutOfMemory", {**PAY, "function_name": "fat"}, True),
    ("ScfFunctionMemoryNearLimit", {**PAY, "function_name": "fat"}, False),
)


@check("rules: one cause notifies once, by the example for Alertmanager")
def inhibited(context):
    alerts = set(re.findall(r"- alert: (\w+)", ALERTS.read_text(encoding="utf-8")))
    text = EXAMPLE.read_text(encoding="utf-8")
    # An alert that is renamed would never be muted.
    for pattern in re.findall(r"alertname =~? \"(.+?)\"", text):
        matched = {name for name in alerts if re.fullmatch(pattern, name)}
        expect(matched, f"{pattern} matches no alert")
        choices = re.findall(r"\w+", pattern) if "(" not in pattern and "+" not in pattern else []
        expect(set(choices) <= alerts, f"there is no {set(choices) - alerts}")
    unknown = {name for name, _, _ in AT_ONCE} - alerts
    expect(not unknown, f"there is no {unknown}")
    address = _alertmanager(context, "alertmanager-example", EXAMPLE)
    posted = [{"labels": {"alertname": name, **labels}} for name, labels, _ in AT_ONCE]
    status, said = request(
        f"http://{address}/api/v2/alerts", data=json.dumps(posted).encode(),
        headers={"Content-Type": "application/json"},
    )
    expect(status == 200, said)

    def settled():
        status, said = request(f"http://{address}/api/v2/alerts")
        found = {
            tuple(sorted(alert["labels"].items())): alert["status"]["state"] == "active"
            for alert in json.loads(said)
        }
        for alert, (name, labels, notifies) in zip(posted, AT_ONCE):
            state = found.get(tuple(sorted(alert["labels"].items())))
            expect(state == notifies, f"{name} {labels}: notifies: {state}, not {notifies}")
        return True

    until("each alert is muted or not", settled, 20)


def _exact(page, where):
    """{function: invocations} on the exporter's page, of those outcomes that `where` takes."""
    counts = {}
    for labels, value in scraped(page, "scf_invocations_total"):
        name = labels["function_name"]
        counts[name] = counts.get(name, 0) + (value if where(labels["outcome"]) else 0)
    return counts


@check("rules: recorded counts and means are those of the exporter, on both kinds")
def agree(context):
    watched = context.shared(Watched)
    time.sleep(max(0.0, SEEN_SECONDS - (time.monotonic() - watched.began)))
    watched.sim.process.stop()
    functions = ("function_name",)
    totals = []

    def still():
        totals.append(_exact(watched.url, lambda outcome: True))
        expect(len(totals) > 6 and totals[-6:].count(totals[-1]) == 6, "still counting")
        return True

    until("nothing is counted any more", still, 30, every=1)
    sums, counts = (
        {labels["function_name"]: value for labels, value in
         scraped(watched.url, f"scf_invocation_duration_seconds_{end}")}
        for end in ("sum", "count")
    )
    expect(sum(totals[-1].values()) > 100, f"too few calls to tell: {totals[-1]}")
    for kind, store in watched.stores.items():
        for window in WHOLE:
            for name, where in (
                ("scf_invocations", lambda outcome: True),
                ("scf_invocation_failures", lambda outcome: outcome != "success"),
            ):
                truth = _exact(watched.url, where)
                found = store.query(f"function:{name}:{window}", functions)
                for function, count in truth.items():
                    seen = found.get((function,), 0)
                    # `increase` goes on to the edge of its window by half a scrape: of a series that
                    # is half a minute old that is a fiftieth, of one that came late more.
                    expect(
                        abs(seen - count) <= 0.03 * count + 0.5,
                        f"{name}:{window} of {function} on {kind} is {seen}, not {count}",
                    )
        means = store.query("function:scf_invocation_duration_seconds:avg1h", functions)
        for function, count in counts.items():
            if count == 0:
                expect((function,) not in means, f"{function} has a mean of no call on {kind}")
                continue
            mean = sums[function] / count
            expect(
                math.isclose(means[function,], mean, rel_tol=0.01),
                f"the mean of {function} on {kind} is {means[function,]}, not {mean}",
            )
        store.process.stop()
