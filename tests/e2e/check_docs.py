"""The guide, page by page, as a reader follows it: each command as it stands, in an empty directory.

The simulated cloud stands in for an account, free ports for those on the page, a short scrape interval
for the one there. What needs Docker, a cluster, root or a build is not run, with a word about it.
"""

import json
import re
import shutil
import subprocess

import services
from harness import ROOT, Skipped, check, expect, fetched, free_port, http, until
from services import Simulator

GUIDE = ROOT / "docs" / "guide"
# Commands of which a block is not run.
ABSENT = ("cargo ", "docker ", "helm ", "kubectl ", "make ", "sudo ", "systemctl ")
# Commands that go on until they are told to stop.
SERVERS = ("scf-exporter run", "scf-exporter demo", "prometheus ")
STOP = "<!-- Ctrl-C -->"
# Seconds; a busy machine needs a while.
PATIENCE = 90


def blocks(page):
    """[(language, text)] of a page in their order, with ("stop", "") where the reader ends a server."""
    found, language, text = [], None, []
    for line in page.splitlines():
        if language is not None and line == "```":
            found.append((language, "\n".join(text) + "\n"))
            language = None
        elif language is not None:
            text.append(line)
        elif line.startswith("```"):
            language, text = line[3:], []
        elif line == STOP:
            found.append(("stop", ""))
    return found


class Reader:
    """Follows one page in a directory of its own."""

    def __init__(self, context, sim, page):
        self.context, self.page = context, page
        self.directory = context.path(f"docs-{page.stem}")
        self.directory.mkdir()
        programs = context.path(f"docs-{page.stem}-programs")
        programs.mkdir()
        (programs / "scf-exporter").symlink_to(context.binary.resolve())
        self.ports = {"10112": str(free_port()), "9090": str(free_port())}
        self.keys = sim.keys()
        self.environment = {
            "PATH": f"{programs}:{context.prometheus}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.directory),
            "SCF_EXPORTER_ENDPOINT": sim.url,
            "SCF_EXPORTER_WEB_LISTEN_ADDRESS": f"127.0.0.1:{self.ports['10112']}",
            **self.keys,
        }
        self.servers, self.output, self.again, self.ran, self.left = {}, lambda: "", None, 0, []

    def follow(self):
        """Runs the page from its top to its end."""
        try:
            for language, text in blocks(self.page.read_text()):
                self._step(language, self._here(text))
        finally:
            self._stop(*list(self.servers))
        print(f"      {self.page.name}: {self.ran} blocks run"
              + "".join(f"; not run: {line}" for line in self.left))

    def _step(self, language, text):
        if language == "stop":
            self._stop("scf-exporter")
        elif language == "sh":
            self._shell(text)
        elif language == "text":
            until(f"{self.page.name} says what is printed", lambda: self._printed(text), PATIENCE)
        elif language == "yaml":
            name = re.match(r"# ([\w.-]+\.yaml|[\w.-]+\.yml)\n", text)
            expect(name or "sources:" not in text, f"a configuration without a name: {text}")
            if name:
                (self.directory / name[1]).write_text(text)

    def _here(self, text):
        """The text with ports and keys of this run, and without long waits."""
        text = text.replace("scrape_interval: 15s", "scrape_interval: 2s")
        for port, here in self.ports.items():
            text = text.replace(port, here)
        return re.sub(r"(TENCENTCLOUD_SECRET_\w+)=\.\.\.", lambda key: f"{key[1]}={self.keys[key[1]]}", text)

    def _shell(self, script):
        commands = script.replace("\\\n", " ").strip().splitlines()
        if any(line.startswith(ABSENT) for line in commands):
            self.left.append(commands[0])
            return
        self.ran += 1
        if commands[-1].startswith(SERVERS):
            self._serve(commands)
        else:
            until(f"{self.page.name}: {script}", lambda: self._run(script), PATIENCE, every=1)

    def _run(self, script):
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", script], env=self.environment, cwd=self.directory,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
        )
        text = done.stdout + done.stderr
        self.output = lambda: text
        # What is printed may need a while: the block of it asks again.
        self.again = script
        expect(done.returncode == 0, f"exit code {done.returncode}: {text[-600:]}")
        return True

    def _serve(self, commands):
        name = commands[-1].split()[0]
        expect(name not in self.servers, f"{self.page.name}: {name} is to be ended before it starts again")
        script = "\n".join([*commands[:-1], f"exec {commands[-1]}"])
        label = f"docs-{self.page.stem}-{self.ran}-{name}"
        process = self.context.start(label, ["bash", "-e", "-c", f"cd {self.directory}\n{script}"],
                                     **self.environment)
        self.servers[name], self.output, self.again = process, process.output, None
        path, port = ("/-/healthy", "10112") if name == "scf-exporter" else ("/-/ready", "9090")

        def answers():
            expect(process.running(), f"it ended: {process.output()[-600:]}")
            return http(f"http://127.0.0.1:{self.ports[port]}{path}")[0] == 200

        until(f"{self.page.name}: {commands[-1]}", answers, PATIENCE)

    def _stop(self, *names):
        for name in names:
            if name in self.servers:
                code = self.servers.pop(name).stop()
                expect(code == 0, f"{self.page.name}: {name} ended with {code}")

    def _printed(self, text):
        missing = [line for line in text.splitlines() if not _holds(self.output(), line)]
        if missing and self.again:
            self._run(self.again)
        expect(not missing, f"not printed: {missing}; but: {self.output()[-1500:]}")
        return True


def _holds(output, line):
    """Whether there is a line as `line` says: N is some number, `...` any text."""
    words = re.escape(" ".join(line.split())).replace(r"\ ", " ")
    pattern = re.sub(r"\bN\b", r"[0-9.]+", words).replace(r"\.\.\.", ".*")
    return any(re.search(pattern, " ".join(one.split())) for one in output.splitlines())


def _follow(name):
    page = GUIDE / f"{name}.md"

    @check(f"docs: {page.name} works as written, in an empty directory")
    def followed(context):
        sim = Simulator(context, "--seed", "31", "--rate", "20", name=f"sim-docs-{name}")
        Reader(context, sim, page).follow()
        sim.process.stop()


def _runs(language, text):
    return language == "sh" and not any(line.startswith(ABSENT) for line in text.splitlines())


# Of what no block can be run, `tests/docs_guide/deploy.rs` and a check below look at the commands.
for _page in sorted(GUIDE.glob("*.md")):
    if any(_runs(*block) for block in blocks(_page.read_text())):
        _follow(_page.stem)


@check("docs: every query of the guide is one to Prometheus")
def queries(context):
    found = []
    for page in sorted(GUIDE.glob("*.md")):
        for language, text in blocks(page.read_text()):
            # An expression begins at the margin, the lines that go on with it do not.
            lines = [line for line in text.splitlines() if line and not line.startswith("#")]
            joined = re.sub(r"\n +", " ", "\n".join(lines)).splitlines()
            found += joined if language == "promql" else []
    expect(len(found) >= 8, f"only {found}")
    rules = [{"record": f"guide:query:{at}", "expr": query} for at, query in enumerate(found)]
    file = context.path("guide-rules.yaml")
    file.write_text(json.dumps({"groups": [{"name": "guide", "rules": rules}]}))  # JSON is YAML
    done = subprocess.run([context.prometheus / "promtool", "check", "rules", file],
                          capture_output=True, text=True)
    expect(done.returncode == 0, done.stdout + done.stderr)


@check("docs: the policies hold the actions that the exporter calls, and no other")
def policies(context):
    text = (GUIDE / "apis.md").read_text()
    read = []
    for api in ("cls", "v3", "v2"):
        _, _, section = text.partition(f"\n### {api}\n")
        policy = json.loads(next(text for language, text in blocks(section) if language == "json"))
        granted = {action for one in policy["statement"] for action in one["action"]}
        sim = Simulator(context, "--functions", "5", "--rate", "20", name=f"sim-policy-{api}")
        port = free_port()
        exporter = context.exporter(
            f"policy-{api}", "run", "--api", api, "--region", "ap-guangzhou", "--endpoint", sim.url,
            "--state.path", "", "--web.listen-address", f"127.0.0.1:{port}", **sim.keys(),
        )
        read.append((api, granted, f"http://127.0.0.1:{port}", exporter))
    for api, granted, url, exporter in read:
        called = until(f"{api}: it is read", lambda: _called(url, len(granted)), 60)
        expect(called == granted, f"{api}: called {called}, granted {granted}")
        expect(exporter.stop() == 0, f"{api}: it does not end cleanly")


@check("docs: what the page on Kubernetes writes is what helm and kubectl read")
def kubernetes(context):
    helm = fetched("get-helm.sh", "Helm")
    if not shutil.which("kubectl"):
        raise Skipped("kubectl is not on this machine")
    # The reader's directory, with the copy of the repository beside it.
    directory = context.path("docs-overlay")
    directory.mkdir()
    (context.path("scf-exporter")).symlink_to(ROOT)
    page = (GUIDE / "kubernetes.md").read_text()
    for language, text in blocks(page):
        name = re.match(r"# ([\w.-]+)\n", text)
        if language == "yaml" and name:
            (directory / name[1]).write_text(text)

    def said(command):
        done = subprocess.run(["bash", "-e", "-c", command], cwd=directory, capture_output=True, text=True)
        expect(done.returncode == 0, f"{command}: {done.stderr[-1500:]}")
        return done.stdout

    def rendered(verb, more=""):
        command = next(line for line in page.splitlines() if line.startswith(f"helm {verb} "))
        command = command.replace(f"helm {verb}", f"{helm} template --kube-version 1.31.0")
        return said(command.replace(" deploy/", " ../scf-exporter/deploy/") + more)

    installed = rendered("install")
    for part in ("REGISTRY/scf-exporter:0.1.0", "kind: ServiceMonitor", "honorLabels: true", "kind: PrometheusRule",
                 "grafana_dashboard", "key: secret-id"):
        expect(part in installed, f"helm install: there is no {part}")
    expect(rendered("upgrade") == installed, "helm upgrade makes something else")
    without_keys = rendered("install", " --values identity.yaml")
    expect("secretKeyRef" not in without_keys and "role-arn:" in without_keys, "keys are asked for")
    expect("runAsUser: 65532" in installed, "no user is set")
    on_openshift = rendered("install", " --values openshift.yaml")
    users = ("runAsUser", "runAsGroup", "fsGroup:")
    expect(not any(key in on_openshift for key in users), "OpenShift would refuse the user")

    overlay = said("kubectl kustomize .")
    for part in ("image: REGISTRY/scf-exporter:0.1.0", "region: ap-singapore"):
        expect(part in overlay, f"the overlay has no {part}")
    created = [block for language, block in blocks(page) if "create secret" in block][0]
    created = created.replace("\\\n", " ").splitlines()[-1]
    secret = said(f"{created} --dry-run=client -o yaml")
    expect("secret-id:" in secret and "namespace: monitoring" in secret, secret)


@check("docs: what troubleshooting says of a failed start is what the program says")
def failed_starts(context):
    section = (GUIDE / "troubleshooting.md").read_text().split("## It does not start")[1].split("\n## ")[0]
    told = re.findall(r"^\| `([^`]+)` \|", section, re.M)
    # A state of a later version cannot be had from this one; the store's own tests have it.
    told.remove("has layout N, this version knows layout N")
    directory = context.path("docs-starts")
    directory.mkdir()
    sim = Simulator(context, "--functions", "2", name="sim-docs-starts")
    (directory / "slip.yaml").write_text("sources: [{api: cls, region: ap-guangzhou, regoin: ap-guangzhou}]\n")
    (directory / "keyless.yaml").write_text("sources: [{api: cls, region: ap-guangzhou, endpoints: {"
                                            f"scf: '{sim.url}', metadata: 'http://127.0.0.1:1'}}}}]\n")
    (directory / "spoilt").mkdir()
    (directory / "spoilt" / "scf-exporter.redb").write_text("something else")
    one = ("run", "--api", "cls", "--region", "ap-guangzhou", "--endpoint", sim.url,
           "--web.listen-address", "127.0.0.1:0")
    port = sim.url.rpartition(":")[2]
    first = context.exporter("docs-first", *one, "--state.path", directory / "taken", **sim.keys())
    until("it serves", lambda: "message=serving" in first.output(), 20)
    starts = (  # exit code, arguments, variables
        (2, ("check-config", "slip.yaml"), {}),
        (2, ("run",), {}),
        (1, ("run", "--config.file", "keyless.yaml", "--web.listen-address", "127.0.0.1:0"), {}),
        (1, ("demo", "--web.listen-address", f"127.0.0.1:{port}"), {}),
        (1, (*one, "--state.path", "taken"), sim.keys()),
        (1, (*one, "--state.path", "spoilt"), sim.keys()),
    )
    expect(len(told) == len(starts), f"other messages than these are told: {told}")
    for message, (code, command, keys) in zip(told, starts):
        done = subprocess.run([context.binary, *command], cwd=directory, capture_output=True, text=True,
                              env={"HOME": str(directory), **keys}, timeout=30)
        expect(done.returncode == code, f"{command}: exit code {done.returncode}, not {code}")
        expect(message in done.stderr, f"{message}: not said by {command}: {done.stderr}")


def _called(url, least):
    """The actions called once all is read, as CAM names them."""
    expect(http(f"{url}/-/ready")[0] == 200, "not ready")
    called = set()
    for labels, value in services.scraped(url, "scf_exporter_api_requests_total"):
        service = "cls" if labels["api"] == "cls" else "scf"
        if value:
            called.add(f"{service}:{labels['action']}")
    expect(len(called) >= least, f"only {called}")
    return called
