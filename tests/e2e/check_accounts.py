"""Two accounts in one process: nothing of one may get into the other."""

import json
import re

import services
import world
from harness import check, expect, free_port, http, until
from services import PACE, Simulator

ACCOUNTS = {"prod": 21, "staging": 22}


@check("accounts: two of them in one process are told apart, and each equals its truth")
def accounts(context):
    sims = {}
    for account, seed in ACCOUNTS.items():
        rows = context.path(f"{account}.jsonl")
        # The same functions in both: only the account tells them apart.
        world.write(rows, seed=seed, functions=5, calls=200, seconds=60, before=120)
        sims[account] = Simulator(
            context, "--seed", seed, "--faults", "none", "--replay", rows, name=f"sim-{account}"
        )
    sources, variables = services.account_sources(sims)
    file = context.path("accounts.yaml")
    file.write_text(json.dumps({"sources": sources}))  # JSON is YAML
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    expected = {
        (account, *key): count
        for account, sim in sims.items()
        for key, count in services.by_code(sim.truth(), "cls").items()
    }
    with context.exporter(
        "accounts", "run", "--config.file", file, "--state.path", "",
        "--web.listen-address", f"127.0.0.1:{port}", *PACE, **variables,
    ):

        def equal():
            seen = services.counted(url, label="account")
            different = services.difference(expected, seen)
            expect(not different, different)
            return True

        until("each account equals its truth", equal, 40)
        _, text = http(f"{url}/metrics")
    workload = [line for line in text.splitlines() if re.match(r"scf_(?!exporter_)\w+[{ ]", line)]
    without = [line for line in workload if 'account="' not in line]
    expect(len(workload) > 100 and not without, f"without the account: {without[:3]}")
    for sim in sims.values():
        sim.process.stop()
