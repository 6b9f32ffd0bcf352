"""The web configuration file, held against Prometheus' own: the same files, promtool's verdict; the
same requests, the answers of a real node_exporter."""

import base64
import itertools
import re
import shutil
import socket
import ssl
import subprocess
import time
from http.client import HTTPConnection, HTTPException, HTTPSConnection

from harness import ROOT, Failed, check, expect, free_port, http, until
from services import Prometheus
from web_certs import lay_out

FILES = ROOT / "tests" / "data" / "web-config"
# Of the passwords `open sesame` and `another one`, as libxcrypt made them.
ALICE = "$2b$04$abcdefghijklmnopqrstuu/LVz6MZlItEy42I2juLihZ66HnQx/cy"
BOB = "$2y$05$ABCDEFGHIJKLMNOPQRSTUOZo0UbzekCKXK3md2H8LoWmpBtfPhuWG"
USERS = f"basic_auth_users:\n  alice: {ALICE}\n  bob: {BOB}\n"
TLS = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"
VERIFIED = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n"
HEADERS = {
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "sameorigin",
    "X-XSS-Protection": "1; mode=block",
    "Content-Security-Policy": "default-src 'self'",
}
PASSWORDS = {
    "no password": None,
    "wrong user": "carol:open sesame",
    "wrong password": "alice:another one",
    "right": "alice:open sesame",
    "right, the other": "bob:another one",
}
CLIENTS = (None, "stranger", "unnamed", "client", "lonely")

# Every file gets each request with each password, in the clear and by TLS with each client.
MATRIX = {
    "nothing": "{}\n",
    "users": USERS,
    "tls": TLS,
    "tls and users": TLS + USERS,
    "tls by RSA": TLS.replace("server.", "rsa."),
    "not asked": TLS + "  client_auth_type: NoClientCert\n",
    "asked": TLS + "  client_auth_type: RequestClientCert\n",
    "any": TLS + "  client_auth_type: RequireAnyClientCert\n",
    "verified if given": TLS + "  client_auth_type: VerifyClientCertIfGiven\n"
                               "  client_ca_file: ca.crt\n",
    "verified": TLS + VERIFIED,
    "verified, and users": TLS + VERIFIED + USERS,
    "verified by itself": TLS + VERIFIED.replace("ca.crt", "lonely.crt"),
    "verified by name": TLS + VERIFIED + "  client_allowed_sans: [scraper.example]\n",
    "any by name": TLS + "  client_auth_type: RequireAnyClientCert\n"
                         "  client_allowed_sans: [scraper.example]\n",
    "TLS 1.3": TLS + "  min_version: TLS13\n",
    "TLS 1.2": TLS + "  max_version: TLS12\n",
    "one suite": TLS + "  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]\n",
    "no HTTP/2": TLS + "http_server_config: {http2: false}\n",
    "headers": TLS + USERS + "http_server_config:\n  headers:\n" + "".join(
        f'    {name}: "{value}"\n' for name, value in HEADERS.items()),
}


def certificates(context):
    """The directory of all files that a web configuration names."""
    return lay_out(context.path("web"))


def verdict(argv, directory):
    """Whether a program takes a file, and what it says."""
    done = subprocess.run(argv, cwd=directory, capture_output=True, text=True)
    return done.returncode == 0, (done.stdout + done.stderr).strip()


@check("web configuration: the same files are accepted and refused as by promtool")
def same_verdicts(context):
    directory = context.shared(certificates)
    faults, files = [], 0
    for kind, theirs_want, ours_want in (
        ("good", True, True), ("bad", False, False), ("differ", True, False),
    ):
        for path in sorted((FILES / kind).glob("*.yml")):
            shutil.copy(path, directory / path.name)
            files += 1
            theirs = verdict([context.prometheus / "promtool", "check", "web-config", path.name],
                             directory)
            ours = verdict([context.binary, "check-web-config", path.name], directory)
            if (theirs[0], ours[0]) != (theirs_want, ours_want):
                faults.append(f"{kind}/{path.name}: promtool {theirs}, ours {ours}")
    print(f"    {files} files")
    expect(files >= 100, f"only {files} files")
    expect(not faults, "\n    ".join(faults))


class Server:
    """A server behind a web configuration: node_exporter, or ours."""

    def __init__(self, context, name, argv, directory, text):
        self.port = free_port()
        self.file = directory / f"{name}.yml"
        self.file.write_text(text)
        words = [word.format(port=self.port, file=self.file) for word in argv]
        self.process = context.start(name, words)
        self.directory = directory
        until(f"{name} listens", self._listens, 30)

    def _listens(self):
        expect(self.process.running(), f"it ended: {self.process.output()[-500:]}")
        return self.ask(path="/nothing")[0] is not None

    def context(self, client=None, versions=None, protocols=()):
        """How TLS is spoken: as which client, by which versions and protocols."""
        tls = ssl.create_default_context(cafile=self.directory / "ca.crt")
        # The authority of one test is not the one of another; who we are is what matters here.
        if client:
            tls.load_cert_chain(self.directory / f"{client}.crt", self.directory / f"{client}.key")
        if versions:
            tls.minimum_version = tls.maximum_version = versions
        if protocols:
            tls.set_alpn_protocols(list(protocols))
        return tls

    def ask(self, tls=None, password=None, path="/metrics"):
        """Status, headers and text of an answer; None, and what happened, where there is none."""
        given = {}
        if password is not None:
            given["Authorization"] = "Basic " + base64.b64encode(password.encode()).decode()
        if tls is None:
            connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        else:
            connection = HTTPSConnection("127.0.0.1", self.port, timeout=20,
                                                     context=tls)
        try:
            connection.request("GET", path, headers=given)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()
        except (OSError, HTTPException) as broken:
            return None, {}, str(broken)
        finally:
            connection.close()

    def protocol(self, *wanted):
        """What is spoken with somebody who speaks these; None where nothing comes of it."""
        tls = self.context(protocols=wanted)
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=20) as plain:
                with tls.wrap_socket(plain, server_hostname="localhost") as stream:
                    return stream.selected_alpn_protocol() or "none"
        except OSError:
            return None


def node_exporter(context):
    """The real thing; its path."""
    done = subprocess.run([ROOT / "scripts" / "get-node-exporter.sh"], stdout=subprocess.PIPE,
                          text=True)
    expect(done.returncode == 0, "node_exporter cannot be had here, see above")
    return done.stdout.strip()


def pair(context, name, text):
    """node_exporter and ours behind the same text."""
    directory = context.shared(certificates)
    name = re.sub(r"\W+", "-", name)
    theirs = Server(context, f"node-{name}", [
        context.shared(node_exporter), "--collector.disable-defaults", "--log.level=error",
        "--web.listen-address=127.0.0.1:{port}", "--web.config.file={file}",
    ], directory, text)
    return theirs, ours(context, f"ours-{name}", text)


def ours(context, name, text):
    """Our exporter behind a web configuration."""
    return Server(context, name, [
        str(context.binary), "demo", "--web.listen-address=127.0.0.1:{port}",
        "--web.config.file={file}", "--sim.listen=127.0.0.1:0", "--log.level=warn",
    ], context.shared(certificates), text)


def requests():
    """Every request of the matrix: (what it is, how it is asked of a server)."""
    for said, password in PASSWORDS.items():
        yield f"clear, {said}", lambda server, password=password: server.ask(password=password)
        for client in CLIENTS:
            yield (f"tls as {client}, {said}",
                   lambda server, client=client, password=password:
                   server.ask(server.context(client), password))
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        yield (f"{version.name} as client",
               lambda server, version=version: server.ask(server.context("client", version),
                                                          PASSWORDS["right"]))


@check("web configuration: the same requests get the status that node_exporter gives")
def same_statuses(context):
    faults, asked, seen = [], 0, {}
    for name, text in MATRIX.items():
        theirs, mine = pair(context, name, text)
        for said, ask in requests():
            wanted, got = ask(theirs), ask(mine)
            asked += 1
            seen[wanted[0]] = seen.get(wanted[0], 0) + 1
            if wanted[0] != got[0] or (wanted[0] == 400 and wanted[2] != got[2]):
                faults.append(f"{name}: {said}: node_exporter {wanted[0]} {wanted[2][:80]!r}, "
                              f"ours {got[0]} {got[2][:80]!r}")
            for header in (*HEADERS, "WWW-Authenticate"):
                # A page of ours may have some of its own.
                if header in wanted[1] and wanted[1][header] != got[1].get(header):
                    faults.append(f"{name}: {said}: {header} is {got[1].get(header)!r}, "
                                  f"with node_exporter {wanted[1][header]!r}")
        for wanted in (("h2", "http/1.1"), ("http/1.1",), ("h2",)):
            pairs = theirs.protocol(*wanted), mine.protocol(*wanted)
            if pairs[0] != pairs[1]:
                faults.append(f"{name}: of {wanted} node_exporter chose {pairs[0]}, ours {pairs[1]}")
        theirs.process.stop()
        mine.process.stop()
    print(f"    {asked} requests, statuses of node_exporter: {seen}")
    expect({200, 401, 400, None} <= set(seen), f"some status never came: {seen}")
    expect(not faults, "\n    ".join(faults[:20]))


@check("web configuration: the limit of requests is that of node_exporter")
def same_limit(context):
    for name, text in {
        "burst of three": "rate_limit: {interval: 1h, burst: 3}\n",
        "burst and users": "rate_limit: {interval: 1h, burst: 2}\n" + USERS,
        "no interval": "rate_limit: {interval: 0, burst: 1}\n",
        "below zero": "rate_limit: {interval: -1s, burst: 1}\n",
        "no burst": "rate_limit: {interval: 1h}\n",
    }.items():
        answers = []
        for server in pair(context, name, text):
            answers.append([server.ask()[0] for _ in range(6)])
            server.process.stop()
        expect(answers[0] == answers[1], f"{name}: node_exporter {answers[0]}, ours {answers[1]}")


@check("web configuration: it is read again while it runs, and a bad one is not taken")
def read_again(context):
    directory = context.shared(certificates)
    for name in ("rotated.crt", "rotated.key"):
        shutil.copy(directory / name.replace("rotated", "server"), directory / name)
    text = TLS.replace("server.", "rotated.") + USERS
    server = ours(context, "ours-read-again", text)
    right = PASSWORDS["right"]

    def status(password=right):
        return server.ask(server.context(), password)[0]

    def serial():
        pem = ssl.get_server_certificate(("127.0.0.1", server.port))
        done = subprocess.run(["openssl", "x509", "-noout", "-serial"], input=pem,
                              capture_output=True, text=True, check=True)
        return done.stdout

    expect(status() == 200, "the right password is not right")
    server.file.write_text(text.replace("  alice:", "  dora:"))
    until("the new user is known", lambda: status("dora:open sesame") == 200, 15)
    expect(status() == 401, "the old user still comes in")
    before = serial()
    for end in ("crt", "key"):
        shutil.copy(directory / f"rsa.{end}", directory / f"rotated.{end}")
    until("the new certificate is shown", lambda: serial() != before, 15)
    told = server.process.output().count("not taken")
    server.file.write_text("basic_auth_users: {alice: x}\n")
    until("the bad file is told",
          lambda: "basic_auth_users.alice" in server.process.output(), 15)
    expect(status("dora:open sesame") == 200, "a bad file is in force")
    server.file.write_text(text)
    until("a good file is taken again", lambda: status() == 200, 15)
    lines = [line for line in server.process.output().splitlines() if "not taken" in line]
    expect(len(lines) <= told + 2, f"a bad file is told more than once: {lines}")


@check("web configuration: a real Prometheus scrapes through TLS, a client certificate and a password")
def scraped(context):
    directory = context.shared(certificates)
    served = {}
    for name, http2 in (("two", True), ("one", False)):
        text = TLS + VERIFIED + USERS + f"http_server_config: {{http2: {str(http2).lower()}}}\n"
        served[name] = ours(context, f"ours-scraped-{name}", text)
    jobs = {
        name: {
            "scheme": "https",
            "basic_auth": {"username": "alice", "password": password},
            "tls_config": {
                "ca_file": str(directory / "ca.crt"),
                "cert_file": str(directory / "client.crt"),
                "key_file": str(directory / "client.key"),
            },
            "static_configs": [{"targets": [f"127.0.0.1:{served[by].port}"]}],
        }
        for name, by, password in (
            ("two", "two", "open sesame"), ("one", "one", "open sesame"), ("wrong", "two", "x"),
        )
    }
    prometheus = Prometheus(context, jobs, name="prometheus-web")

    def up():
        seen = prometheus.query("up", ["job"])
        wanted = {("two",): 1.0, ("one",): 1.0, ("wrong",): 0.0}
        if seen != wanted:
            raise Failed(f"up is {seen}")
        return True

    until("both are up and the wrong password is not", up, 30)
    # A connection that somebody keeps is no reason to stay.
    for name, server in served.items():
        began = time.monotonic()
        code = server.process.stop()
        took = time.monotonic() - began
        expect(code == 0 and took < 5, f"{name}: it ended with {code} after {took:.1f} s")


@check("listening: several addresses, and the sockets that systemd hands over")
def listeners(context):
    ports = [free_port() for _ in range(3)]
    words = list(itertools.chain.from_iterable(
        ("--web.listen-address", f"127.0.0.1:{port}") for port in ports[:2]))
    process = context.exporter("two-addresses", "demo", *words, "--sim.listen=127.0.0.1:0")
    for port in ports[:2]:
        until(f"port {port} answers",
              lambda port=port: http(f"http://127.0.0.1:{port}/-/healthy")[0] == 200, 20)
    process.stop()
    # What systemd does for a service with a .socket unit: a listening socket as descriptor 3.
    starter = context.path("as-systemd.py")
    starter.write_text(
        "import os, socket, sys\n"
        "server = socket.create_server(('127.0.0.1', int(sys.argv[1])))\n"
        "os.dup2(server.fileno(), 3)\n"
        "os.set_inheritable(3, True)\n"
        "os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()))\n"
        "os.execv(sys.argv[2], sys.argv[2:])\n")
    process = context.start("as-systemd", [
        "python3", starter, ports[2], context.binary, "demo", "--web.systemd-socket",
        "--sim.listen=127.0.0.1:0"])
    until("the socket that was handed over answers",
          lambda: http(f"http://127.0.0.1:{ports[2]}/-/healthy")[0] == 200, 20)
    process.stop()
    process = context.exporter("no-socket", "demo", "--web.systemd-socket",
                               "--sim.listen=127.0.0.1:0")
    expect(process.wait(20) == 1, "without a socket it runs")
    expect(".socket unit" in process.output(), f"it says {process.output()!r}")
