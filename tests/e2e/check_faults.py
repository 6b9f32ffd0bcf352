"""What a new user gets wrong, and whether the message says what to do."""

import socket

from check_sdk import simulator
from harness import check, expect, free_port, http, until

RUN = ("run", "--api", "v2", "--region", "ap-guangzhou", "--state.path", "")


def says(text, *words):
    """Fails unless every word stands in `text`, in any case."""
    missing = [word for word in words if word.lower() not in text.lower()]
    expect(not missing, f"{missing} missing in: {text[:1500]}")


def refuses(context, name, words, *arguments, **variables):
    """The program must end by itself, with an exit code, no panic and all of `words`."""
    process = context.exporter(name, *arguments, **variables)
    code = process.wait(20)
    text = process.output()
    expect(code not in (0, 101) and code > 0, f"exit code {code}: {text[:1500]}")
    says(text, *words)
    return text


def keeps_serving(context, name, words, *arguments, **variables):
    """The program must say all of `words` and go on serving its metrics."""
    port = free_port()
    with context.exporter(
        name, *RUN, "--web.listen-address", f"127.0.0.1:{port}", "--poll.interval", "1s",
        *arguments, **variables,
    ) as process:

        def told():
            says(process.output(), *words)
            return True

        until("the message", told, 30)
        status, text = http(f"http://127.0.0.1:{port}/metrics")
        expect(status == 200 and "scf_exporter_build_info" in text, f"/metrics: {status}")
        until("ready after the first failure",
              lambda: http(f"http://127.0.0.1:{port}/-/ready")[0] == 200, 30)
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
