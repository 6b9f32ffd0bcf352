#!/usr/bin/env python3
"""Plants each fault of tests/mutants in a copy of the tree and plays stories until one fails.

Prints a table and ends with 1 where a fault survives. The copy and what is built of it stay under
target/mutants, so that a fault costs one build of this crate.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / "target" / "mutants"
TREE = HOME / "tree"
BUILT = HOME / "target"
SEEDS = int(os.environ.get("SEEDS", "400"))
START = int(os.environ.get("START", "1"))
FAILED = re.compile(r"^seed (\d+) fails: (.*)", re.MULTILINE)


class Mutant:
    def __init__(self, path):
        head, self.find, self.replace = path.read_text().rstrip("\n").split("\n----\n")
        self.name = path.stem
        self.says, self.file = head.split("\n")

    def plant(self, text):
        if text.count(self.find) != 1:
            sys.exit(f"{self.name}: its text stands {text.count(self.find)} times in {self.file}")
        return text.replace(self.find, self.replace)


def copy_tree():
    """Makes the copy equal to the tree. What is equal stays untouched, and so stays built."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout
    names = {name for name in listed.decode().split("\0") if name and (ROOT / name).is_file()}
    for name in names:
        source, copy = ROOT / name, TREE / name
        if not copy.exists() or copy.read_bytes() != source.read_bytes():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)
    for copy in TREE.rglob("*"):
        if copy.is_file() and str(copy.relative_to(TREE)) not in names:
            copy.unlink()


def take_dependencies():
    """Begins with the dependencies that a test build of the tree has left, where there is one."""
    source, copy = ROOT / "target" / "debug", BUILT / "debug"
    if copy.exists() or not source.exists():
        return
    for part in ["deps", "build", ".fingerprint"]:
        own = shutil.ignore_patterns("*scf_exporter*", "scf-exporter*", *tests())
        shutil.copytree(source / part, copy / part, ignore=own, symlinks=True)


def tests():
    """The names of what is built of this crate's own tests and benchmarks."""
    files = [*ROOT.glob("tests/*.rs"), *ROOT.glob("benches/*.rs")]
    folders = [file.parent for file in ROOT.glob("tests/*/main.rs")]
    return [f"{path.stem}-*" for path in files + folders]


def play(seeds):
    """Plays stories; the first seed that failed and what it said, or None."""
    environment = dict(
        os.environ,
        CARGO_TARGET_DIR=str(BUILT),
        CARGO_INCREMENTAL="1",
        # Most seeds that find something are early ones: building takes longer than playing.
        CARGO_PROFILE_DEV_OPT_LEVEL="0",
        SIM_START=str(START),
        SIM_SEEDS=str(seeds),
        SIM_SHRINK="0",
    )
    cargo = os.environ.get("CARGO", "cargo")
    command = [cargo, "test", "--quiet", "--locked", "--test", "story", "stories_end_exact"]
    command += ["--", "--nocapture"]
    run = subprocess.run(command, cwd=TREE, env=environment, capture_output=True, text=True)
    found = FAILED.search(run.stdout)
    if found:
        return int(found[1]), found[2]
    if run.returncode != 0:
        sys.exit(f"the stories could not be played:\n{run.stdout[-2000:]}\n{run.stderr[-4000:]}")
    return None


def main():
    wanted = sys.argv[1:]
    mutants = [Mutant(path) for path in sorted((ROOT / "tests" / "mutants").glob("*.txt"))]
    mutants = [mutant for mutant in mutants if not wanted or mutant.name in wanted]
    copy_tree()
    take_dependencies()
    print("| mutant | what is planted | killed by seed | what it said |", flush=True)
    print("|---|---|---|---|", flush=True)
    survivors, last = [], START
    for mutant in mutants:
        began = time.monotonic()
        file = TREE / mutant.file
        text = file.read_text()
        file.write_text(mutant.plant(text))
        try:
            killed = play(SEEDS)
        finally:
            file.write_text(text)
        took = time.monotonic() - began
        if killed:
            seed, said = killed
            last = max(last, seed)
            print(f"| {mutant.name} | {mutant.says} | {seed} | {said} |", flush=True)
        else:
            survivors.append(mutant.name)
            print(f"| {mutant.name} | {mutant.says} | **none** | |", flush=True)
        print(f"{mutant.name}: {took:.0f} s", file=sys.stderr, flush=True)
    if (failed := play(last - START + 1)) is not None:
        sys.exit(f"without a fault seed {failed[0]} fails as well: {failed[1]}")
    if survivors:
        sys.exit(f"not found: {', '.join(survivors)}")


if __name__ == "__main__":
    main()
