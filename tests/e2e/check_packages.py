"""What a machine gets beside the program: manual pages, completions and the unit of systemd, each by
the tool that it is for. The unit's own lines start, reload and end the program.
"""

import os
import re
import shlex
import shutil
import subprocess

from harness import ROOT, Skipped, check, expect, fetched, free_port, http, until
from services import Simulator, ready

FOLDER = ROOT / "deploy" / "systemd"
UNIT = FOLDER / "scf-exporter.service"
PROGRAM = "/usr/bin/scf-exporter"
CONFIG = "/etc/scf-exporter/scf-exporter.yaml"
DEFAULTS = "/etc/default/scf-exporter"
# Out of 10, by `systemd-analyze security`: what is open, weighed.
EXPOSURE = 1.5
RELOADED = "scf_exporter_config_last_reload_successful"


def said(context, *arguments):
    """What the program prints."""
    done = subprocess.run([context.binary, *arguments], capture_output=True, text=True)
    expect(done.returncode == 0 and not done.stderr, f"{arguments}: {done.stderr}")
    return done.stdout


def manual_pages(context):
    """{name of a manual page: its text}, of the program and of each command."""
    first = said(context, "man")
    commands = re.findall(r"^scf-exporter-([a-z-]+)\(1\)$", first.replace("\\", ""), re.MULTILINE)
    expect("run" in commands and len(commands) > 5, f"the commands are {commands}")
    pages = {f"scf-exporter-{command}": said(context, "man", command) for command in commands}
    return {"scf-exporter": first, **pages}


def _need(*programs):
    """The first of `programs` that is here."""
    for program in programs:
        if shutil.which(program):
            return program
    raise Skipped(f"{' and '.join(programs)} are not on this machine")


class Pages:
    """The manual pages in a folder in which man finds them."""

    def __init__(self, context):
        self.texts = manual_pages(context)
        self.folder = context.path("man")
        (self.folder / "man1").mkdir(parents=True)
        for name, text in self.texts.items():
            (self.folder / "man1" / f"{name}.1").write_text(text)


@check("pages: groff renders each manual page without a warning, and man finds it by its name")
def pages(context):
    groff = _need("groff")
    found = context.shared(Pages)
    for name in found.texts:
        done = subprocess.run(
            [groff, "-man", "-Tascii", "-ww", "-P-cbou", found.folder / "man1" / f"{name}.1"],
            capture_output=True, text=True,
        )
        expect(done.returncode == 0 and not done.stderr, f"{name}: {done.stderr[:1000]}")
        expect("NAME" in done.stdout and "OPTIONS" in done.stdout, f"{name}: {done.stdout[:500]}")
        # Groff says what it does not know, and renders on.
        if name == "scf-exporter-run":
            words = set(re.findall(r"--[a-z][a-z.-]+[a-z]", done.stdout))
            expect({"--config.file", "--web.listen-address", "--state.path"} <= words, words)
            titles = [line for line in done.stdout.splitlines() if re.match(r"[A-Z][A-Z ]+$", line)]
            needed = {"EXIT STATUS", "ENVIRONMENT", "FILES", "SIGNALS", "EXAMPLES", "CREDENTIALS"}
            expect(needed <= set(titles), f"only the sections {titles}")
            expect("SIGHUP" in done.stdout and "TENCENTCLOUD_SECRET_ID" in done.stdout, done.stdout[-3000:])
    if not shutil.which("man"):
        raise Skipped("groff rendered all, but man is not on this machine")
    for name in found.texts:
        done = subprocess.run(
            [_need("man"), name], capture_output=True, text=True,
            env={**os.environ, "MANPATH": str(found.folder), "MANPAGER": "cat", "LC_ALL": "C.UTF-8"},
        )
        expect(done.returncode == 0 and name in done.stdout, f"man {name}: {done.stderr}")


def _completed(script, *words):
    """What bash offers for the last of `words`."""
    done = subprocess.run(
        ["bash", "--norc", "-c", """
            source "$1"; shift
            function=$(complete -p scf-exporter | sed -E 's/.* -F ([^ ]+) .*/\\1/')
            COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
            "$function" "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
            printf '%s\\n' "${COMPREPLY[@]}"
        """, "bash", script, *words],
        capture_output=True, text=True,
    )
    expect(done.returncode == 0 and not done.stderr, f"{words}: {done.stderr}")
    return set(done.stdout.split())


@check("completions: bash completes a command, a flag and a value")
def completions(context):
    script = context.path("completions.bash")
    script.write_text(said(context, "completions", "bash"))
    _need("bash")
    done = subprocess.run(["bash", "-n", script], capture_output=True, text=True)
    expect(done.returncode == 0 and not done.stderr, done.stderr)
    for words, answer in (
        (("ru",), {"run"}),
        (("check",), {"check-config", "check-web-config"}),
        (("run", "--web.li"), {"--web.listen-address"}),
        (("demo", "--sim.faults", "t"), {"typical"}),
        (("completions", "z"), {"zsh"}),
        (("man", "he"), {"health"}),
        (("run", "--nothing"), set()),
    ):
        seen = _completed(script, "scf-exporter", *words)
        expect(seen == answer, f"{words}: {seen}, not {answer}")


@check("completions: zsh reads its script, fish completes a command, a flag and a value")
def other_shells(context):
    folder = fetched("get-shells.sh", "zsh or fish")
    for shell in ("zsh", "fish"):
        script = context.path(f"completions.{shell}")
        script.write_text(said(context, "completions", shell))
        done = subprocess.run([f"{folder}/{shell}", "-n", script], capture_output=True, text=True)
        expect(done.returncode == 0 and not done.stderr, f"{shell}: {done.stderr}")
    for line, answer in (("ru", "run"), ("run --web.li", "--web.listen-address"),
                         ("demo --sim.faults t", "typical")):
        done = subprocess.run(
            [f"{folder}/fish", "--no-config", "-c",
             f'source {script}; complete --do-complete "scf-exporter {line}"'],
            capture_output=True, text=True, env={**os.environ, "HOME": str(context.directory)},
        )
        seen = {each.split("\t")[0] for each in done.stdout.splitlines()}
        expect(seen == {answer}, f"{line}: {seen} {done.stderr}")


@check("unit: systemd finds nothing to say about it, and every manual page that it names")
def verified(context):
    analyze = _need("systemd-analyze")
    text = UNIT.read_text(encoding="utf-8")
    folder = context.path("unit")
    folder.mkdir()
    expect(text.count(PROGRAM) == 1, "the program is not named once")
    environment = {**os.environ, "MANPATH": str(context.shared(Pages).folder)}

    def complaints(text):
        unit = folder / UNIT.name
        unit.write_text(text.replace(PROGRAM, str(context.binary)))
        done = subprocess.run([analyze, "verify", unit], capture_output=True, text=True,
                              env=environment)
        return done.stdout + done.stderr

    # Without man nobody can look up the pages.
    good = text if shutil.which("man") else re.sub(r"(?m)^Documentation=.*\n", "", text)
    expect(not complaints(good), complaints(good))
    for right, wrong in (
        ("ProtectSystem=strict", "ProtectSystem=sternly"), ("Restart=", "Restarts="),
    ):
        expect(complaints(good.replace(right, wrong)), f"{wrong} was not seen")


@check(f"unit: what it leaves open is below {EXPOSURE} of 10")
def exposed(context):
    analyze = _need("systemd-analyze")
    done = subprocess.run([analyze, "security", "--offline=true", "--no-pager", UNIT],
                          capture_output=True, text=True)
    told = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    if not told:
        raise Skipped(f"this systemd cannot judge a file: {done.stderr.strip()[:200]}")
    expect(float(told[1]) < EXPOSURE, f"{told[0]}\n{done.stdout[-4000:]}")


def settings(section="Service"):
    """{setting: its values in order} of one section of the unit."""
    found, current = {}, None
    for line in UNIT.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            current = line.strip("[]")
        elif current == section and "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def _uncommented(values):
    """The file of variables as a user fills it in: its own lines, with a value."""
    text = (FOLDER / "scf-exporter.default").read_text(encoding="utf-8")
    for key, value in values.items():
        text, changed = re.subn(rf"(?m)^#{key}=.*$", f"{key}={value}", text)
        expect(changed == 1, f"{key} stands there {changed} times")
    # As systemd reads it: a line a variable, no shell.
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


class Service:
    """The program as the unit starts it, with its files in the scratch directory."""

    def __init__(self, context):
        self.simulator = Simulator(context, "--seed", 9, "--functions", 4, name="sim-unit")
        self.config = context.path("unit.yaml")
        self.text = (FOLDER / "scf-exporter.yaml").read_text(encoding="utf-8")
        self.configure(f"    endpoint: {self.simulator.url}\n")
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        lines = settings()
        expect(lines["EnvironmentFile"] == [f"-{DEFAULTS}"], lines["EnvironmentFile"])
        places = {CONFIG: str(self.config), "%S": str(context.path("unit-state"))}
        context.path("unit-state").mkdir()
        variables = {}
        for line in lines["Environment"]:
            key, value = line.split("=", 1)
            for place, here in places.items():
                value = value.replace(place, here)
            expect("%" not in value, f"nobody fills in {line}")
            variables[key] = value
        # What the file says wins, as in systemd.
        variables.update(_uncommented({
            **self.simulator.keys(), "SCF_EXPORTER_WEB_LISTEN_ADDRESS": f"127.0.0.1:{port}",
        }))
        # Read at once: by default the first read comes within the interval of reads.
        variables["SCF_EXPORTER_POLL_INTERVAL"] = "1s"
        self.words = shlex.split(lines["ExecStart"][0].replace(PROGRAM, str(context.binary)))
        self.variables = variables
        self.process = context.start("unit", self.words, **variables)
        ready(self.process, self.url)

    def configure(self, more):
        self.config.write_text(self.text + more)

    def reload(self):
        """What systemd runs for `systemctl reload`."""
        (line,) = settings()["ExecReload"]
        expect("$MAINPID" in line, line)
        words = shlex.split(line.replace("$MAINPID", str(self.process.child.pid)))
        subprocess.run(words, check=True)

    def shows(self, line):
        until(line, lambda: f"\n{line}\n" in http(f"{self.url}/metrics")[1], 10, every=0.1)


@check("unit: its own lines start the program, reload it and end it")
def runs(context):
    service = Service(context)
    service.shows(f"{RELOADED} 1")
    kept = context.path("unit-state") / "scf-exporter"
    expect(any(kept.iterdir()), f"{kept} holds no state")
    service.configure("    nonsense: true\n")
    service.reload()
    service.shows(f"{RELOADED} 0")
    service.configure(f"    endpoint: {service.simulator.url}\n")
    service.reload()
    service.shows(f"{RELOADED} 1")
    limit = int(settings()["TimeoutStopSec"][0])
    expect(service.process.stop(limit) == 0, f"ended with {service.process.child.returncode}")
    # A configuration that is at fault is not tried again.
    service.configure("    nonsense: true\n")
    wrong = context.start("unit-wrong", service.words, **service.variables)
    expect([str(wrong.wait(10))] == settings()["RestartPreventExitStatus"],
           f"ended with {wrong.child.returncode}: {wrong.output()[-500:]}")
    service.simulator.process.stop()
