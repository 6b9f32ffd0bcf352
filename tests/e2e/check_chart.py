"""The chart for Helm and the manifests made from it: by Helm, by Kubernetes' own schemas, and by the
program that they start.
"""

import copy
import json
import multiprocessing.pool
import pathlib
import subprocess

import services
from check_rules import changed_by_hand, documented, mixin_shows
from harness import ROOT, check, expect, fetched, free_port, until
from services import Simulator

CHART = ROOT / "deploy" / "helm" / "scf-exporter"
MANIFESTS = ROOT / "deploy" / "kubernetes" / "scf-exporter.yaml"
EVERYTHING = ROOT / "tests" / "e2e" / "chart_everything.yaml"
MIXIN = ROOT / "deploy" / "mixin"
BOARDS = sorted((ROOT / "dashboards").glob("*.json"))
# Which one does not matter: helm asks no cluster here, and takes an old one unless told.
KUBE = "1.31.0"
KINDS = {"ConfigMap", "NetworkPolicy", "Service", "ServiceAccount", "StatefulSet"}
OPERATORS = {"PrometheusRule", "ServiceMonitor", "VMServiceScrape"}
# What is wrong with it, as Helm's --set takes it, and the key that has to be named.
REFUSED = {
    "replicas=2": "replicas",
    "image.digest=x": "digest",
    "image.digets=x": "digets",
    "extraVolumes[0].secret.secretName=x": "extraVolumes",
    "extraVolumeMounts[0].name=x": "extraVolumeMounts",
    "persistence.existingClaim=Not_A_Name": "existingClaim",
    "serviceMonitor.sampleLimit=-1": "sampleLimit",
    "vmServiceScrape.interval=15": "interval",
    "vmServiceScrape.relabelings[0].action=drop": "relabelings",
    "podSecurityContext.runAsUser=somebody": "runAsUser",
    "securityContext.readOnlyRootFilesystem=maybe": "readOnlyRootFilesystem",
    "topologySpreadConstraints[0].maxSkew=1": "topologySpreadConstraints",
    "prometheusRule.runbookURLPattern=https://wiki.example.com/": "runbookURLPattern",
    "prometheusRule.objective=99": "objective",
    "prometheusRule.alertLabels=x": "alertLabels",
    "prometheusRule.alerts.ScfFunctionSilent.severty=info": "severty",
    "prometheusRule.alerts.ScfFunctionSilent.for=soon": "for",
    "prometheusRule.alerts.ScfFunctionSilent.thresholds.usual_invocations=many": "usual_invocations",
    "image.pullPolicy=Sometimes": "pullPolicy",
    "config.sources[0].api=v4": "api",
    "config.sources=null": "sources",
    "config.web.listen_address=:1": "web",
    "config.password=x": "password",
    "credentials.existingSecret=Not_A_Name": "existingSecret",
    "persistence.size=ten": "size",
    "service.port=70000": "port",
    "serviceMonitor.interval=15": "interval",
    "networkPolicy.enabled=maybe": "enabled",
    "terminationGracePeriodSeconds=0": "terminationGracePeriodSeconds",
}
# What only the chart itself can know.
UNKNOWN = {
    "prometheusRule.alerts.ScfFunctionQuiet.enabled=false": "ScfFunctionQuiet is unknown",
    "prometheusRule.alerts.ScfFunctionSilent.thresholds.calls=1":
        "ScfFunctionSilent.thresholds: calls is unknown",
}
# Values that are as by default with everything, as they leave other values without effect.
INSTEAD = {("persistence", "existingClaim"): "old-claim"}
# A key that the object of this kind does not have, by the way to it.
PLANTED = {
    "StatefulSet": ("spec", "template", "spec", "containers", 0, "port"),
    "Service": ("spec", "ports", 0, "targetport"),
    "NetworkPolicy": ("spec", "egress", 0, "port"),
    "ServiceAccount": ("automount",),
    "ConfigMap": ("file",),
    "Pod": ("spec", "containers", 0, "command_line"),
    "ServiceMonitor": ("spec", "endpoints", 0, "every"),
    "VMServiceScrape": ("spec", "endpoints", 0, "every"),
    "PrometheusRule": ("spec", "groups", 0, "rules", 0, "expression"),
}


class Helm:
    """Helm and what its output is judged by."""

    def __init__(self, context):
        self.context = context
        self.program = fetched("get-helm.sh", "Helm")
        self.files = 0

    def run(self, *arguments):
        """What one command of Helm's says and whether it went well."""
        done = subprocess.run([self.program, *map(str, arguments)], capture_output=True, text=True)
        # Links to rules and dashboards are meant.
        said = [line for line in done.stderr.splitlines() if "found symbolic link in path" not in line]
        return done.returncode == 0, done.stdout, "\n".join(said)

    def template(self, *arguments, chart=CHART):
        """What the chart renders, as text."""
        good, text, said = self.run(
            "template", "scf-exporter", chart, "--namespace=monitoring", f"--kube-version={KUBE}",
            *arguments,
        )
        expect(good and not said, f"helm template {arguments}: {said[-2000:]}")
        return text

    def written(self, text):
        """A file of the scratch directory with `text`."""
        self.files += 1
        path = self.context.path(f"chart-{self.files}.yaml")
        path.write_text(text)
        return path


class Rendered:
    """The chart with its default values, and with everything in another way."""

    def __init__(self, context):
        helm = context.shared(Helm)
        self.plain, self.full = helm.template(), helm.template("--values", EVERYTHING)
        files = [CHART / "values.yaml", EVERYTHING, MIXIN / "rules.yaml", MIXIN / "alerts.yaml",
                 helm.written(self.plain), helm.written(self.full)]
        found = judged(*files)
        defaults, values, rules, alerts, plain, full = (found[str(file)] for file in files)
        (self.defaults,), (self.values,) = defaults["documents"], values["documents"]
        self.rules = {"rules": rules["documents"][0], "alerts": alerts["documents"][0]}
        self.faults = {**plain["faults"], **full["faults"]}
        self.plain_objects, self.full_objects = plain["documents"], full["documents"]


def judged(*files):
    """{file: its documents and what is wrong with them}."""
    place = fetched("get-kube-schemas.sh", "the schemas of Kubernetes")
    done = subprocess.run(
        [f"{place}/python/bin/python", ROOT / "tests" / "e2e" / "judge_manifests.py",
         f"{place}/crds", *files],
        capture_output=True, text=True,
    )
    expect(done.returncode == 0, done.stderr[-2000:])
    return json.loads(done.stdout)


def _of(objects, kind):
    return [each for each in objects if each["kind"] == kind]


@check("chart: Helm finds nothing to say about it")
def linted(context):
    helm = context.shared(Helm)
    for more in ((), ("--values", EVERYTHING)):
        good, said, wrong = helm.run("lint", "--strict", CHART, *more)
        expect(good and "[WARNING]" not in said, said + wrong)


@check("chart: every object is one that Kubernetes and the operator know, to the last key")
def valid(context):
    rendered = context.shared(Rendered)
    expect(not rendered.faults, f"refused: {rendered.faults}")
    kinds = {each["kind"] for each in rendered.plain_objects}
    expect(kinds == KINDS | {"Pod"}, f"by default there are {kinds}")
    kinds = {each["kind"] for each in rendered.full_objects}
    # TLS leaves the pod of helm test out: it could not check the certificate.
    expect(kinds == KINDS | OPERATORS, f"with everything: {kinds}")
    # What judges them has to see what is wrong.
    planted = []
    for kind, (*way, key) in PLANTED.items():
        document = copy.deepcopy(_of(rendered.full_objects + rendered.plain_objects, kind)[0])
        document["metadata"]["name"] = "planted"
        place = document
        for step in way:
            place = place[step]
        place[key] = "x"
        planted.append(document)
    file = context.shared(Helm).written("\n---\n".join(map(json.dumps, planted)))
    found = judged(file)[str(file)]["faults"]
    missed = set(PLANTED) - {name.split()[0] for name in found}
    # Without Go the definitions of the operators are not there, which their script tells.
    if not (pathlib.Path(fetched("get-kube-schemas.sh", "the schemas")) / "crds").is_dir():
        missed -= OPERATORS
    expect(not missed, f"a wrong key was not seen in {missed}")


def _leaves(values, way=()):
    """The ways to all that a user sets; what is his own to fill counts as one."""
    for key, value in values.items():
        inner = isinstance(value, dict) and value and key not in ("config", "requests", "limits")
        yield from _leaves(value, (*way, key)) if inner and key != "labels" else [(*way, key)]


def _at(values, way):
    for key in way:
        values = values[key]
    return values


@check("chart: each value has an effect")
def effective(context):
    helm, rendered = context.shared(Helm), context.shared(Rendered)
    ways = list(_leaves(rendered.defaults))
    expect(len(ways) > 40, f"{len(ways)} values")
    variants = []
    for way in ways:
        values = copy.deepcopy(rendered.values)
        before, usual = _at(values, way), _at(rendered.defaults, way)
        # A switch that is on by default is on with everything, too: there it goes off.
        back = not before if before == usual and isinstance(before, bool) else usual
        back = INSTEAD.get(way, back)
        expect(before != back, f"{'.'.join(way)} is as by default in {EVERYTHING.name}")
        _at(values, way[:-1])[way[-1]] = back
        variants.append(helm.written(json.dumps(values)))
    with multiprocessing.pool.ThreadPool(2) as pool:
        texts = pool.map(lambda file: helm.template("--values", file), variants)
    idle = [".".join(way) for way, text in zip(ways, texts) if text == rendered.full]
    expect(not idle, f"no effect: {idle}")


@check("chart: a value that is wrong, or that there is none of, is refused by its name")
def refused(context):
    helm = context.shared(Helm)
    for setting, key in REFUSED.items():
        good, _, said = helm.run("template", CHART, f"--kube-version={KUBE}", "--set", setting)
        expect(not good, f"{setting} was taken")
        expect("don't meet the specifications of the schema" in said and key in said,
               f"{setting}: {said}")
    for setting, named in UNKNOWN.items():
        good, _, said = helm.run("template", CHART, f"--kube-version={KUBE}",
                                 "--set", "prometheusRule.enabled=true", "--set", setting)
        expect(not good and named in said, f"{setting}: {said}")


@check("chart: its README is what the values say, and each value has a text")
def readme(context):
    fetched("get-helm-docs.sh", "helm-docs")
    done = subprocess.run([ROOT / "scripts" / "chart-readme.sh", "-"], capture_output=True, text=True)
    expect(done.returncode == 0, done.stderr)
    text = (CHART / "README.md").read_text(encoding="utf-8")
    expect(done.stdout == text, "README.md of the chart is old: run scripts/chart-readme.sh")
    rows = [row.split(" | ") for row in text.splitlines() if row.startswith("| ")][1:]
    texts = {row[0].removeprefix("| "): row[-1].removesuffix(" |").strip() for row in rows}
    without = [name for name, said in texts.items() if not said]
    expect(len(texts) > 60 and not without, f"{len(texts)} values, without a text: {without}")
    ways = {".".join(way) for way in _leaves(context.shared(Rendered).defaults)}
    # Some are described as a whole.
    missing = {way for way in ways if way not in texts and way.split(".")[0] not in texts}
    expect(not missing, f"not in README.md: {missing}")


@check("chart: rules and alerts are changed as the runbook says, and as the mixin does")
def changed_rules(context):
    helm = context.shared(Helm)
    values, expected = documented("yaml"), mixin_shows(context, documented("jsonnet"))
    file = helm.written(helm.template("--values", helm.written(values)))
    found = judged(file)[str(file)]
    expect(not found["faults"], f"{found['faults']}")
    given = _rules(found["documents"])
    expect(given == {part: expected["changed"][0][part] for part in ("rules", "alerts")},
           "the mixin gives something else")
    expect(given == changed_by_hand(expected["files"]), "it is not what the runbook says")


def _rules(objects):
    return {
        each["metadata"]["name"].rpartition("-")[2]: each["spec"] for each in _of(objects, "PrometheusRule")
    }


@check("chart: OpenShift's user, and a claim of one's own, take the place of the chart's")
def replaced(context):
    helm = context.shared(Helm)
    own = helm.written(json.dumps({
        "podSecurityContext": {"runAsUser": None, "runAsGroup": None, "fsGroup": None},
        "persistence": {"existingClaim": "old-claim"},
    }))
    file = helm.written(helm.template("--values", own))
    found = judged(file)[str(file)]
    expect(not found["faults"], f"{found['faults']}")
    (workload,) = (each["spec"] for each in _of(found["documents"], "StatefulSet"))
    (test,) = (each["spec"] for each in _of(found["documents"], "Pod"))
    for pod in (workload["template"]["spec"], test):
        context_of_pod = pod["securityContext"]
        expect(not {"runAsUser", "runAsGroup", "fsGroup"} & context_of_pod.keys(), f"{context_of_pod}")
        expect(context_of_pod["runAsNonRoot"] is True, f"{context_of_pod}")
    expect("volumeClaimTemplates" not in workload, "it still claims a volume")
    (state,) = (each for each in workload["template"]["spec"]["volumes"] if each["name"] == "state")
    expect(state["persistentVolumeClaim"] == {"claimName": "old-claim"}, f"{state}")


@check("chart: its rules and dashboards are those of the project, in the packed chart as well")
def contents(context):
    helm, rendered = context.shared(Helm), context.shared(Rendered)
    file = helm.written(helm.template("--set", "prometheusRule.enabled=true"))
    given = _rules(judged(file)[str(file)]["documents"])
    expect(given == rendered.rules, f"the rules are others: {list(given)}")
    maps = _of(rendered.full_objects, "ConfigMap")
    boards = {
        name: text for each in maps for name, text in each["data"].items() if name.endswith(".json")
    }
    expect(boards == {path.name: path.read_text(encoding="utf-8") for path in BOARDS},
           f"the dashboards are others: {list(boards)}")
    folder = context.path("chart-packed")
    good, said, wrong = helm.run("package", CHART, "--destination", folder)
    expect(good, said + wrong)
    (packed,) = folder.glob("*.tgz")
    text = helm.template("--values", EVERYTHING, chart=packed)
    expect(text == rendered.full, "the packed chart renders something else")


@check("manifests: deploy/kubernetes is what the chart renders, and good to apply")
def manifests(context):
    context.shared(Helm)
    done = subprocess.run([ROOT / "scripts" / "manifests.sh", "-"], capture_output=True, text=True)
    expect(done.returncode == 0, done.stderr)
    expect(done.stdout == MANIFESTS.read_text(encoding="utf-8"),
           "deploy/kubernetes is old: run scripts/manifests.sh")
    folder = MANIFESTS.parent
    found = judged(MANIFESTS, folder / "kustomization.yaml")
    faults = found[str(MANIFESTS)]["faults"]
    expect(not faults, f"refused: {faults}")
    kinds = {each["kind"] for each in found[str(MANIFESTS)]["documents"]}
    expect(kinds == KINDS, f"there are {kinds}")
    (kustomization,) = found[str(folder / "kustomization.yaml")]["documents"]
    files = {path.name for path in folder.glob("*.yaml")} - {"kustomization.yaml"}
    expect(set(kustomization["resources"]) == files, f"not named, or not there: {files}")


@check("chart: the pod's command line runs, and its probes are answered")
def pod(context):
    rendered = context.shared(Rendered)
    simulator = Simulator(context, "--seed", 5, "--functions", 4, name="sim-chart")
    (workload,) = _of(rendered.plain_objects, "StatefulSet")
    (container,) = workload["spec"]["template"]["spec"]["containers"]
    (settings,) = (
        each["data"] for each in _of(rendered.plain_objects, "ConfigMap")
        if each["metadata"]["name"] == "scf-exporter"
    )
    # The file as it is, but for where the cloud is.
    file = context.path("scf-exporter-pod.yaml")
    text = settings["scf-exporter.yaml"]
    expect(text.rstrip().endswith("region: ap-guangzhou"), text)
    file.write_text(f"{text.rstrip()}\n  endpoint: {simulator.url}\n")
    port = free_port()
    places = {
        "--config.file=/etc/scf-exporter/scf-exporter.yaml": f"--config.file={file}",
        "--web.listen-address=:10112": f"--web.listen-address=127.0.0.1:{port}",
        "--state.path=/var/lib/scf-exporter": f"--state.path={context.path('state-chart')}",
    }
    words = container["args"]
    expect(set(words) == {"run", *places}, f"the arguments are {words}")
    exporter = context.exporter(
        "chart-exporter", *(places.get(word, word) for word in words), **simulator.keys(),
        # Read at once: by default the first read comes within the interval of reads.
        SCF_EXPORTER_POLL_INTERVAL="1s",
    )
    # The command line of the pod of helm test.
    (test,) = _of(rendered.plain_objects, "Pod")
    (service,) = _of(rendered.plain_objects, "Service")
    (asking,) = test["spec"]["containers"]
    expect(asking["image"] == container["image"], f"it runs {asking['image']}")
    selected = service["spec"]["selector"].items() <= test["metadata"]["labels"].items()
    expect(not selected, "the service would send scrapes to the pod of helm test")
    there = f"http://{service['metadata']['name']}:{service['spec']['ports'][0]['port']}/"

    def asked(port):
        words = [word.replace(there, f"http://127.0.0.1:{port}/") for word in asking["args"]]
        expect(words != asking["args"], f"it does not ask the service: {words}")
        return subprocess.run([context.binary, *words], capture_output=True, text=True)

    services.ready(exporter, f"http://127.0.0.1:{port}")
    done = asked(port)
    expect(done.returncode == 0, f"helm test would fail: {done.stderr}")
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        status, _ = services.http(f"http://127.0.0.1:{port}{container[probe]['httpGet']['path']}")
        expect(status == 200, f"{probe}: {status}")
    expect(exporter.stop() == 0, f"ended with {exporter.child.returncode}")
    simulator.process.stop()
    # Started anew without a cloud it is alive, and not ready.
    exporter = context.exporter(
        "chart-unready", *(places.get(word, word) for word in words), **simulator.keys(),
    )
    until("it is alive", lambda: services.http(f"http://127.0.0.1:{port}/-/healthy")[0] == 200, 20)
    done = asked(port)
    expect(done.returncode == 1 and "503" in done.stderr, f"helm test would succeed: {done}")
    exporter.stop()
