"""What a new user gets wrong, and whether the message says what to do."""

import html
import re
import socket
import time

from check_sdk import simulator
from harness import check, expect, free_port, http, until
from services import Simulator

REGION = ("--region", "ap-guangzhou")
RUN = ("run", "--api", "v2", *REGION, "--state.path", "")


def says(text, *words):
    """Fails unless every word stands in `text`, in any case."""
    missing = [word for word in words if word.lower() not in text.lower()]
    expect(not missing, f"{missing} missing in: {text[:1500]}")


def _has(text, words):
    return all(word.lower() in text.lower() for word in words)


def refuses(context, name, words, *arguments, **variables):
    """The program must end by itself, with an exit code, no panic and all of `words`."""
    process = context.exporter(name, *arguments, **variables)
    code = process.wait(20)
    text = process.output()
    expect(code not in (0, 101) and code > 0, f"exit code {code}: {text[:1500]}")
    says(text, *words)
    return text


def keeps_serving(
    context, name, words, *arguments, source=("--api", "v2", *REGION), reads=False, **variables
):
    """The program must say all of `words`, show them at `/` and go on serving its metrics; it is
    ready only where it `reads` all the same."""
    port = free_port()
    with context.exporter(
        name, "run", *source, "--state.path", "", "--web.listen-address", f"127.0.0.1:{port}",
        "--poll.interval", "1s", *arguments, **variables,
    ) as process:

        def told():
            line = next(
                (line for line in process.output().splitlines() if _has(line, words)), None
            )
            expect(line, f"no line has all of {words}: {process.output()[-1500:]}")
            return True

        def shown():
            status, page = http(f"http://127.0.0.1:{port}/")
            expect(status == 200, f"the page for people: {status}")
            # What is wrong with a source stands above the tables, each cause by itself.
            parts = re.findall(r"<(td|li|article)\b[^>]*>(.*?)</\1>", page, re.DOTALL)
            cells = [html.unescape(part) for _, part in parts]
            expect(any(_has(cell, words) for cell in cells), f"no cell has all of {words}: {cells}")
            return True

        until("the message", told, 30)
        until("the message at /", shown, 10)
        status, text = http(f"http://127.0.0.1:{port}/metrics")
        expect(status == 200 and "scf_exporter_build_info" in text, f"/metrics: {status}")

        def readiness():
            status, text = http(f"http://127.0.0.1:{port}/-/ready")
            expect(status == (200 if reads else 503), f"/-/ready: {status} {text}")
            expect(reads or "never read with success" in text, f"/-/ready does not say why: {text}")
            return True

        until("what a probe is told", readiness, 30)
        expect(process.running(), "it ended")
        return process.output()


@check("faults: a wrong key is named by its code, and the key is not shown")
def wrong_key(context):
    sim = context.shared(simulator)
    key = "wrong-key-that-nobody-may-see"
    output = keeps_serving(
        context, "wrong-key", ["4100", "key"], "--endpoint", sim.url,
        TENCENTCLOUD_SECRET_ID=sim.secret_id, TENCENTCLOUD_SECRET_KEY=key,
    )
    expect(key not in output, "the key is in the output")


@check("faults: an unknown id is named by its code")
def unknown_id(context):
    sim = context.shared(simulator)
    keeps_serving(
        context, "unknown-id", ["4104", "id"], "--endpoint", sim.url,
        TENCENTCLOUD_SECRET_ID="AKIDnobody", TENCENTCLOUD_SECRET_KEY="k",
    )


def _new_user(what, words, api, *flags, region="ap-guangzhou", reads=False, more=()):
    """A first start on a simulated cloud with `flags` must say which setting to change; `reads` says
    whether it reads all the same, once there are calls."""
    name = "-".join(re.findall(r"\w+", what))

    @check(f"faults: {what} with {api}: the message and the page name {words[-1]}")
    def fault(context):
        sim = Simulator(
            context, "--seed", 5, "--functions", 3, "--rate", 50, "--faults", "none", *flags,
            name=f"sim-{name}-{api}",
        )
        if reads:
            until("calls that are over", lambda: _age(sim) > 3, 20)
        keeps_serving(
            context, f"{name}-{api}", words, "--endpoint", sim.url, *more,
            source=("--api", api, "--region", region), reads=reads, **sim.keys(),
        )
        sim.process.stop()


def _age(sim):
    """How many calls were over three seconds ago."""
    before = int(time.time() * 1000) - 3000
    entries = sim.truth(visible_before_ms=before).values()
    return sum(sum(entry["invocations"].values()) for entry in entries)


for _api in ("v3", "cls"):
    _new_user("a wrong region", ("UnsupportedRegion", "`region`"), _api, region="ap-nowhere")
    _new_user(
        "functions that may not be listed", ("UnauthorizedOperation", "scf:ListFunctions"),
        _api, "--deny", "ListFunctions",
    )
_new_user(
    "logs that may not be read", ("UnauthorizedOperation", "scf:GetFunctionLogs"), "v3",
    "--deny", "GetFunctionLogs",
)
_new_user(
    "logs that may not be read", ("UnauthorizedOperation", "cls:SearchLog"), "cls",
    "--deny", "SearchLog",
)
_new_user(
    "details that may not be read", ("UnauthorizedOperation", "scf:GetFunction"), "cls",
    "--deny", "GetFunction",
)
# What needs the details alone is missing, and said so; the rest is counted.
_new_user(
    "details that may not be read", ("UnauthorizedOperation", "scf:GetFunction", "timeouts"), "v3",
    "--deny", "GetFunction", reads=True,
)
_new_user(
    "namespaces that may not be listed", ("UnauthorizedOperation", "scf:ListNamespaces"), "v3",
    "--deny", "ListNamespaces", reads=True,
)
_new_user("an action taken offline", ("ActionOffline", "`api: cls`"), "v3", "--offline-logs")
_new_user(
    "a topic without an index", ("ResourceNotFound.IndexNotExist", "index"), "cls",
    "--index", "missing",
)
# No error reports this one. An early watermark lets the exporter notice it early.
_new_user(
    "a topic with a full-text index alone", ("SCF_", "index"), "cls", "--index", "full-text",
    reads=True, more=("--poll.delivery-delay", "1s", "--poll.sweep-interval", "1s"),
)


def _refused_keys(api):
    @check(f"faults: a wrong key and an unknown id with {api} are named by their codes")
    def refused(context):
        sim = context.shared(simulator)
        key = "wrong-key-that-nobody-may-see"
        source = ("--api", api, *REGION)
        output = keeps_serving(
            context, f"wrong-key-{api}", ["AuthFailure.SignatureFailure", "key"],
            "--endpoint", sim.url, source=source,
            TENCENTCLOUD_SECRET_ID=sim.secret_id, TENCENTCLOUD_SECRET_KEY=key,
        )
        expect(key not in output, "the key is in the output")
        keeps_serving(
            context, f"unknown-id-{api}", ["AuthFailure.SecretIdNotFound", "id"],
            "--endpoint", sim.url, source=source,
            TENCENTCLOUD_SECRET_ID="AKIDnobody", TENCENTCLOUD_SECRET_KEY="k",
        )


for _api in ("v3", "cls"):
    _refused_keys(_api)


@check("faults: an endpoint out of reach is named")
def unreachable(context):
    port = free_port()
    keeps_serving(
        context, "unreachable", [f"127.0.0.1:{port}", "connect"],
        "--endpoint", f"http://127.0.0.1:{port}", "--function", "f",
        TENCENTCLOUD_SECRET_ID="AKIDtest", TENCENTCLOUD_SECRET_KEY="k",
    )


@check("faults: a state directory that cannot be written is named")
def state_directory(context):
    # Permission bits do not bind root; a path below a regular file binds everybody.
    file = context.path("a-file")
    file.write_text("not a directory")
    refuses(
        context, "state-directory", [str(file / "state"), "--state.path"],
        *RUN[:-1], file / "state", "--endpoint", "http://127.0.0.1:9",
        "--web.listen-address", f"127.0.0.1:{free_port()}",
        TENCENTCLOUD_SECRET_ID="AKIDtest", TENCENTCLOUD_SECRET_KEY="k",
    )


@check("faults: a port in use is named")
def port_in_use(context):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        refuses(
            context, "port-in-use", [address, "port", "--web.listen-address"],
            *RUN, "--endpoint", "http://127.0.0.1:9", "--web.listen-address", address,
            TENCENTCLOUD_SECRET_ID="AKIDtest", TENCENTCLOUD_SECRET_KEY="k",
        )


@check("faults: no keys anywhere: the places to put them are listed")
def no_keys(context):
    refuses(
        context, "no-keys", ["TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY"],
        *RUN, "--endpoint", "http://127.0.0.1:9",
        "--web.listen-address", f"127.0.0.1:{free_port()}",
    )


@check("faults: no source at all: both ways to name one are shown")
def no_source(context):
    refuses(context, "no-source", ["--region", "sources"], "run", "--state.path", "")


@check("faults: a broken configuration file is reported whole, by line and column")
def broken_file(context):
    file = context.path("broken.yaml")
    file.write_text(
        "sources:\n"
        "  - api: v2\n"
        "    regoin: ap-guangzhou\n"
        "poll:\n"
        "  interval: soon\n"
    )
    for arguments in (("check-config", file), ("run", "--config.file", file)):
        text = refuses(
            context, f"broken-{arguments[0]}", ["broken.yaml:3:5", "region", "broken.yaml:5:13"],
            *arguments,
        )
        expect("panicked" not in text, text)


@check("faults: a configuration file that does not exist is named")
def missing_file(context):
    file = context.path("nowhere.yaml")
    refuses(context, "missing-file", [str(file)], "run", "--config.file", file)


@check("faults: an unknown flag is refused with the usage")
def unknown_flag(context):
    refuses(context, "unknown-flag", ["--poll.intervall", "--help"], "run", "--poll.intervall", "1s")
