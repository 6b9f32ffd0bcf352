"""The Debian package: what is in it, and what installing, removing and purging it does, by dpkg in a
root of its own.
"""

import gzip
import os
import pathlib
import re
import shutil
import subprocess

from check_packages import CONFIG, DEFAULTS, PROGRAM, UNIT, FOLDER, manual_pages, said, settings
from harness import ROOT, Skipped, check, expect

# What the scripts of a package call, beside the shell itself.
CALLED = ("rm", "deb-systemd-helper")
STATE = "var/lib/private/scf-exporter"
# In a root of the user's own nobody else is needed to be root.
AS_ROOT = ("unshare", "--map-root-user", "--mount")


def _run(*words, **more):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, **more)


class Package:
    """The package of the program under test."""

    def __init__(self, context):
        for program in ("dpkg-deb", "dpkg-query"):
            if not shutil.which(program):
                raise Skipped(f"{program} is not on this machine")
        own = ROOT / ".cache" / "cargo-deb" / "bin" / "cargo-deb"
        if not own.exists() and not shutil.which("cargo-deb"):
            raise Skipped("there is no cargo-deb, which takes minutes to build: make package-check")
        self.file = context.path("scf-exporter.deb")
        # A quick pack: this one is not handed out.
        done = _run(ROOT / "scripts" / "deb.sh", context.binary, "--fast", "--output", self.file)
        expect(done.returncode == 0 and self.file.exists(), done.stdout + done.stderr[-2000:])
        self.folder = context.path("deb-files")
        for words in (("-x", self.file, self.folder), ("-e", self.file, self.folder / "DEBIAN")):
            done = _run("dpkg-deb", *words)
            expect(done.returncode == 0, done.stderr)

    def text(self, path):
        return (self.folder / path.lstrip("/")).read_text(encoding="utf-8")


@check("deb: it holds what the project has: program, unit, configuration, pages, completions")
def contents(context):
    package = context.shared(Package)
    program = package.folder / PROGRAM.lstrip("/")
    expect(program.read_bytes() == context.binary.read_bytes(), "the program is another one")
    unit = package.text("usr/lib/systemd/system/scf-exporter.service")
    expect(unit == UNIT.read_text(encoding="utf-8"), "the unit is another one")
    expect(package.text(CONFIG) == (FOLDER / "scf-exporter.yaml").read_text(encoding="utf-8"),
           "the configuration is another one")
    expect(package.text(DEFAULTS) == (FOLDER / "scf-exporter.default").read_text(encoding="utf-8"),
           "the variables are others")
    pages = {
        path.name.removesuffix(".1.gz"): gzip.decompress(path.read_bytes()).decode()
        for path in (package.folder / "usr/share/man/man1").iterdir()
    }
    expect(pages == manual_pages(context), f"the manual pages are others: {sorted(pages)}")
    named = re.findall(r"man:(\S+)\(1\)", settings("Unit")["Documentation"][0])
    expect(named and set(named) <= set(pages), f"the unit names {named}")
    for shell, place in {
        "bash": "usr/share/bash-completion/completions/scf-exporter",
        "zsh": "usr/share/zsh/vendor-completions/_scf-exporter",
        "fish": "usr/share/fish/vendor_completions.d/scf-exporter.fish",
    }.items():
        expect(package.text(place) == said(context, "completions", shell), f"{place} is another one")
    for folder, place in (("deploy/mixin", "mixin"), ("dashboards", "dashboards")):
        for path in (package.folder / "usr/share/scf-exporter" / place).iterdir():
            expect(path.read_bytes() == (ROOT / folder / path.name).read_bytes(), path.name)
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8").split()
    copyright = package.text("usr/share/doc/scf-exporter/copyright").split()
    expect(" ".join(licence) in " ".join(copyright), "the licence is not whole")


@check("deb: its fields, owners and modes are right, and no file is one that users change unasked")
def fields(context):
    package = context.shared(Package)
    control = dict(
        line.split(": ", 1) for line in package.text("DEBIAN/control").splitlines()
        if re.match(r"[A-Z][A-Za-z-]+: ", line)
    )
    version = re.search(r'(?m)^version = "(.+)"$', (ROOT / "Cargo.toml").read_text(encoding="utf-8"))
    expect(control["Package"] == "scf-exporter", control)
    expect(re.fullmatch(rf"{re.escape(version[1])}-\d+", control["Version"]), control)
    expect(control["Architecture"] == _run("dpkg", "--print-architecture").stdout.strip(), control)
    needed = {word.split()[0] for word in control["Depends"].split(", ")}
    # What is linked dynamically and what the cloud's certificates are judged by. libc6 itself needs
    # libgcc-s1. A static program needs no library.
    expect(needed in ({"libc6", "ca-certificates"}, {"ca-certificates"}), control["Depends"])
    expect(set(package.text("DEBIAN/conffiles").split()) == {CONFIG, DEFAULTS},
           package.text("DEBIAN/conffiles"))
    for line in _run("dpkg-deb", "-c", package.file).stdout.splitlines():
        mode, owner, *_, name = line.split()
        expect(owner in ("0/0", "root/root"), line)
        usual = "drwxr-xr-x" if name.endswith("/") else "-rw-r--r--"
        wanted = {f".{PROGRAM}": "-rwxr-xr-x", f".{DEFAULTS}": "-rw-------"}.get(name, usual)
        expect(mode == wanted, line)


class Scratch:
    """A root with just enough of this machine to run the package's scripts and its program."""

    def __init__(self, context):
        if _run(*AS_ROOT, "true").returncode != 0:
            raise Skipped("this machine lets nobody have a root of his own (unshare)")
        helper = shutil.which("deb-systemd-helper")
        if not helper:
            raise Skipped("deb-systemd-helper is not on this machine")
        self.root = context.path("deb-root")
        # As in Debian since 2023: one /usr, with links to it.
        for name in ("bin", "sbin", "lib", "lib64"):
            (self.root / "usr" / name).mkdir(parents=True)
            (self.root / name).symlink_to(f"usr/{name}")
        for name in ("dev", "etc", "tmp", "var/lib/dpkg/info", "var/lib/dpkg/updates"):
            (self.root / name).mkdir(parents=True)
        (self.root / "dev/null").touch()
        perl = _run("dpkg", "-L", "perl-base").stdout.split()
        files = [path for path in perl if pathlib.Path(path).is_file() and "/doc/" not in path]
        programs = [shutil.which(name) for name in ("sh", *CALLED)]
        for path in {*files, *programs}:
            self._copy(path)
        for path in {"/usr/bin/perl", *programs, context.binary}:
            for library in re.findall(r"(/\S+) \(0x", _run("ldd", path).stdout):
                self._copy(library)
        # What is installed on this machine counts as installed there, as far as it is needed.
        known = _run("dpkg-query", "-s", "libc6", "ca-certificates")
        if known.returncode != 0:
            raise Skipped(f"this machine lacks what the package needs: {known.stderr.strip()}")
        (self.root / "var/lib/dpkg/status").write_text(known.stdout)

    def _copy(self, path):
        target = self.root / str(path).lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            shutil.copy2(path, target)

    def dpkg(self, *words):
        """One run of dpkg on this root; what it says."""
        path = f"/usr/sbin:/sbin:{os.environ.get('PATH', '')}"
        done = _run(
            *AS_ROOT, "dpkg", f"--root={self.root}", "--no-pager", "--force-unsafe-io", *words,
            env={**os.environ, "PATH": path, "DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL,
        )
        expect(done.returncode == 0, f"dpkg {words}: {done.stdout}{done.stderr}"[-2000:])
        return done.stdout + done.stderr

    def program(self, *words):
        """What the installed program prints, in the root."""
        done = _run(*AS_ROOT, "chroot", self.root, PROGRAM, *words)
        expect(done.returncode == 0, f"{words}: {done.stdout}{done.stderr}")
        return done.stdout

    def status(self):
        shown = _run("dpkg-query", f"--admindir={self.root}/var/lib/dpkg", "-W",
                     "-f=${db:Status-Abbrev}", "scf-exporter")
        return shown.stdout.strip()

    def there(self, path):
        """Whether there is such a file, or a link to wherever it may be."""
        return os.path.lexists(self.root / path.lstrip("/"))

    def traces(self):
        """All that is still called after the package, but for dpkg's own list of what it knew."""
        found = [str(path.relative_to(self.root)) for path in self.root.rglob("*scf-exporter*")]
        return sorted(found)


@check("deb: installed, the program runs; removed, settings and counters stay; purged, nothing does")
def life(context):
    package, scratch = context.shared(Package), Scratch(context)
    wanted = "etc/systemd/system/multi-user.target.wants/scf-exporter.service"
    scratch.dpkg("--install", package.file)
    expect(scratch.status() == "ii", scratch.status())
    expect(scratch.program("--version") == said(context, "--version"), "another version runs")
    expect("cls" in scratch.program("check-config", CONFIG), "the configuration is not read")
    expect(not scratch.there(wanted), "the service starts by itself, without keys")

    # What its user does: settings, counters (as systemd keeps them), and the service at each start.
    edited = scratch.root / CONFIG.lstrip("/")
    edited.write_text(edited.read_text() + "# edited\n")
    (scratch.root / STATE).mkdir(parents=True)
    (scratch.root / STATE / "counters").write_text("1")
    (scratch.root / "var/lib/scf-exporter").symlink_to("private/scf-exporter")
    systemctl = shutil.which("systemctl")
    if systemctl:
        done = _run(systemctl, f"--root={scratch.root}", "enable", "scf-exporter.service")
        expect(done.returncode == 0 and scratch.there(wanted), done.stderr)
    scratch.dpkg("--install", package.file)
    expect(edited.read_text().endswith("# edited\n"), "a new installation undid a setting")
    expect(scratch.there(wanted) == bool(systemctl), "a new installation switched the service")

    scratch.dpkg("--remove", "scf-exporter")
    expect(scratch.status() == "rc", scratch.status())
    for path in (PROGRAM, "usr/lib/systemd/system/scf-exporter.service", "usr/share/scf-exporter"):
        expect(not scratch.there(path), f"{path} stayed")
    expect(edited.read_text().endswith("# edited\n"), "a setting is gone")
    for path in (DEFAULTS, f"{STATE}/counters", "var/lib/scf-exporter"):
        expect(scratch.there(path), f"{path} is gone")

    scratch.dpkg("--purge", "scf-exporter")
    expect(scratch.status() in ("", "un"), scratch.status())
    expect(not scratch.traces(), f"left behind: {scratch.traces()}")
