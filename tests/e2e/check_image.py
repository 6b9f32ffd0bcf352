"""The image, without a builder of images: what the Dockerfile copies, the command lines that it names.

What is static in it, and started where there is nothing else, is scripts/static.sh's part.
"""

import json
import os
import re
import shutil
import subprocess

from check_packages import PROGRAM
from harness import ROOT, check, expect, free_port, until
from services import Simulator, ready


def _last_stage():
    """What the Dockerfile says of the image itself, without continued lines."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    return text, text.rpartition("\nFROM ")[2]


def _said(stage, keyword):
    """The one instruction of this kind."""
    (found,) = re.findall(rf"(?m)^{keyword} +(.+)$", stage)
    return found


@check("image: cargo takes what the Dockerfile copies for the build")
def copied(context):
    text, _ = _last_stage()
    folder = context.path("image-source")
    folder.mkdir()
    for line in re.findall(r"(?m)^COPY (?!--from)(.+)$", text):
        *sources, target = line.split()
        for source in sources:
            path = ROOT / source
            if path.is_dir():
                shutil.copytree(path, folder / target)
            else:
                shutil.copy(path, folder / target)
    done = subprocess.run(
        ["cargo", "metadata", "--locked", "--no-deps", "--format-version=1"],
        cwd=folder, capture_output=True, text=True,
    )
    expect(done.returncode == 0, done.stderr)
    packages = json.loads(done.stdout)["packages"]
    targets = [target for package in packages for target in package["targets"]]
    missing = [target["src_path"] for target in targets
               if not os.path.exists(target["src_path"])]
    expect(len(packages) == 4 and len(targets) > 8 and not missing, f"missing: {missing}")


@check("image: what it starts runs on a state directory of its own, and its health check tells")
def healthy(context):
    text, stage = _last_stage()
    (entry,) = json.loads(_said(stage, "ENTRYPOINT"))
    expect(entry == PROGRAM, f"it starts {entry}")
    (argument,) = json.loads(_said(stage, "CMD"))
    shown = subprocess.run([context.binary, argument], capture_output=True, text=True)
    expect(shown.returncode == 0 and "Usage" in shown.stdout, shown.stderr)
    key, _, value = _said(stage, "ENV").partition("=")
    expect(f"VOLUME {value}\n" in stage, f"{key} is no volume")
    state = context.path("state-image")
    port = free_port()
    simulator = Simulator(context, "--seed", 3, "--functions", 4, name="sim-image")
    # As at the top of the Dockerfile, and where the simulator is.
    (line,) = re.findall(r"(?m)^#.* scf-exporter (run .+)$", text)
    exporter = context.exporter(
        "image", *line.split(), "--endpoint", simulator.url, "--poll.interval", "1s",
        "--web.listen-address", f"127.0.0.1:{port}", **{key: str(state)}, **simulator.keys(),
    )
    first, *words = json.loads(re.search(r"HEALTHCHECK .*CMD (\[.+\])", stage)[1])
    expect(first == PROGRAM, f"the health check is {first}")

    def health():
        done = subprocess.run(
            [context.binary, *words], capture_output=True, text=True,
            env={"SCF_EXPORTER_HEALTH_URL": f"http://127.0.0.1:{port}/-/healthy"},
        )
        return done

    def passes():
        done = health()
        expect(done.returncode == 0, done.stderr)
        return True

    expect("EXPOSE 10112\n" in stage, "another port is exposed")
    until("it is healthy", passes, 20)
    ready(exporter, f"http://127.0.0.1:{port}")
    expect(any(state.iterdir()), "there is no state")
    expect(exporter.stop() == 0, f"ended with {exporter.child.returncode}")
    simulator.process.stop()
    done = health()
    expect(done.returncode == 1 and "Connection refused" in done.stderr, f"ended: {done}")
