"""The release workflow, as far as it can be judged without GitHub: by actionlint, and by running the
scripts that it calls.
"""

import json
import os
import re
import shutil
import subprocess

from harness import ROOT, check, expect, fetched

WORKFLOW = ROOT / ".github" / "workflows" / "release.yaml"
TAG, IMAGE = "v9.8.7", "ghcr.io/Somebody/scf-exporter"
# What release-check.sh reads, beside itself.
READ = ("Cargo.toml", "CHANGELOG.md", "README.md", "README.zh-CN.md", "docs", "deploy/helm",
        "scripts/release-check.sh", "scripts/release-notes.sh")
CHART = "deploy/helm/scf-exporter"
# What is done before a tag, as (file, pattern, replacement).
PREPARED = (
    ("Cargo.toml", r'(?m)^version = ".+"$', 'version = "9.8.7"'),
    (f"{CHART}/Chart.yaml", r"(?m)^version: .+$", "version: 9.8.7"),
    (f"{CHART}/Chart.yaml", r"(?m)^appVersion: .+$", "appVersion: 9.8.7"),
    (f"{CHART}/values.yaml", r"(?m)^  repository: .+$", "  repository: ghcr.io/somebody/scf-exporter"),
    ("CHANGELOG.md", r"(?m)^## ", "## 9.8.7 (2030-01-02)\n\n- [FEATURE] Something new.\n\n## "),
)


def _said(*words, **more):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, **more)


@check("release: actionlint finds nothing to say about the workflow")
def linted(context):
    actionlint = fetched("get-actionlint.sh", "actionlint")
    done = _said(actionlint, WORKFLOW)
    expect(done.returncode == 0, done.stdout + done.stderr)
    text = WORKFLOW.read_text(encoding="utf-8")
    for right, wrong in (("needs: checks", "needs: cheks"), ("matrix.arch", "matrix.arc")):
        file = context.path("release.yaml")
        file.write_text(text.replace(right, wrong))
        expect(_said(actionlint, file).returncode != 0, f"{wrong} was not seen")


@check("release: the workflow pins its actions, and calls scripts that exist in valid shell")
def steps(context):
    done = _said(
        context.clients / "mixin" / "bin" / "python", "-c",
        "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))", WORKFLOW,
    )
    expect(done.returncode == 0, done.stderr)
    workflow = json.loads(done.stdout)
    found = [step for job in workflow["jobs"].values() for step in job["steps"]]
    uses = [step["uses"] for step in found if "uses" in step]
    loose = [each for each in uses if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", each)]
    expect(uses and not loose, f"not pinned by commit: {loose}")
    runs = [step["run"] for step in found if "run" in step]
    for run in runs:
        done = _said("bash", "-n", input=run)
        expect(done.returncode == 0, f"{run}: {done.stderr}")
        # Text from outside reaches the shell through variables alone.
        expect("${{" not in run, f"an expression in a script: {run}")
    called = {word for run in runs for word in re.findall(r"(?:scripts/[\w.-]+|\.ci/\w+)", run)}
    expect(len(called) > 4, f"only {called}")
    missing = [path for path in called if not os.access(ROOT / path, os.X_OK)]
    expect(not missing, f"not there, or not to be run: {missing}")
    rust = re.search(r'(?m)^rust-version = "(.+)"$', (ROOT / "Cargo.toml").read_text())[1]
    image = re.search(r"(?m)^FROM rust:([\d.]+)", (ROOT / "Dockerfile").read_text())[1]
    expect(workflow["env"]["RUST"] == rust == image,
           f"Rust is {workflow['env']['RUST']}, {rust} and {image}")


class Tree:
    """A copy of what release-check.sh reads, prepared for the tag."""

    def __init__(self, context):
        self.root = context.path("release-tree")
        for name in READ:
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, self.root / name)
            else:
                shutil.copy(ROOT / name, self.root / name)
        for file, pattern, replacement in PREPARED:
            self.change(file, pattern, replacement)
        for path in [*self.root.rglob("*.md"), *self.root.rglob("*.gotmpl"), *self.root.rglob("values.yaml")]:
            text = path.read_text(encoding="utf-8")
            path.write_text(re.sub("published yet|没有发布|尚未发布", "published", text))

    def change(self, file, pattern, replacement):
        path = self.root / file
        text, changed = re.subn(pattern, replacement, path.read_text(encoding="utf-8"), count=1)
        expect(changed == 1, f"{pattern} is not in {file}")
        path.write_text(text)

    def judged(self, tag=TAG, image=IMAGE):
        return _said(self.root / "scripts" / "release-check.sh", tag, image)


@check("release: a tag that does not fit the tree is refused, with all that is missing")
def refused(context):
    tree = Tree(context)
    done = tree.judged()
    expect(done.returncode == 0, f"a tree that is prepared is refused: {done.stderr}")
    notes = _said(tree.root / "scripts" / "release-notes.sh", "9.8.7")
    expect(notes.stdout.strip() == "- [FEATURE] Something new.", f"the notes are {notes.stdout}")
    for tag, image, said in (
        ("v9.8.8", IMAGE, ("Cargo.toml lacks", "Chart.yaml lacks the line: version",
                           "Chart.yaml lacks the line: appVersion", "no section for 9.8.8")),
        ("9.8.7", IMAGE, ("not like v1.2.3",)),
        (TAG, "ghcr.io/else/scf-exporter", ("values.yaml lacks",)),
    ):
        done = tree.judged(tag, image)
        missed = [each for each in said if each not in done.stderr]
        expect(done.returncode == 1 and not missed, f"{tag} {image}: {missed} not in {done.stderr}")
    for page, sentence in (("docs/guide/README.md", "The image is not published yet."),
                           ("README.zh-CN.md", "目前没有发布任何安装包。")):
        tree.change(page, r"\A", f"{sentence}\n")
        done = tree.judged()
        expect(done.returncode == 1 and f"{page}:1:" in done.stderr, done.stderr)


@check("release: the archive holds the program, which runs, and what belongs to it")
def archive(context):
    folder = context.path("release-archive")
    done = _said(ROOT / "scripts" / "release-files.sh", context.binary, "archive",
                 env={**os.environ, "DIST": str(context.path("dist"))})
    expect(done.returncode == 0, done.stderr)
    (file,) = context.path("dist").iterdir()
    folder.mkdir()
    unpacked = _said("tar", "-xzf", file, "-C", folder)
    expect(unpacked.returncode == 0, unpacked.stderr)
    version = re.search(r'(?m)^version = "(.+)"$', (ROOT / "Cargo.toml").read_text())[1]
    (inside,) = folder.iterdir()
    expect(file.name == f"{inside.name}.tar.gz" and inside.name.startswith(f"scf-exporter-{version}.linux-"),
           f"{file.name} with {inside.name}")
    shown = _said(inside / "scf-exporter", "--version")
    expect(shown.returncode == 0 and version in shown.stdout, f"{shown}")
    for place, source in (("LICENSE", "LICENSE"), ("mixin/alerts.yaml", "deploy/mixin/alerts.yaml"),
                          ("systemd/scf-exporter.service", "deploy/systemd/scf-exporter.service"),
                          ("dashboards/scf-fleet.json", "dashboards/scf-fleet.json")):
        expect((inside / place).read_bytes() == (ROOT / source).read_bytes(), f"{place} is another")
