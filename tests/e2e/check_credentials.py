"""Keys of a role end every few seconds, and nobody who looks at the metrics can tell."""

import json
import time

import services
from harness import check, expect, free_port, until
from services import PACE, Simulator

LIFETIME_SECONDS = 20
# Long enough for the third set of keys to end, and for some polls behind that.
WATCHED_SECONDS = 3 * LIFETIME_SECONDS + 5
ROLE = {"arn": "qcs::cam::uin/100000000001:roleName/scf-reader"}


class Ending:
    """An exporter on keys that end soon, started long before it is looked at."""

    def __init__(self, context, name, source):
        self.sim = Simulator(
            context, "--seed", "13", "--functions", "3", "--rate", "10", "--faults", "none",
            "--key-lifetime", f"{LIFETIME_SECONDS}s", name=f"sim-{name}",
        )
        file = context.path(f"{name}.yaml")
        source = source(self.sim) | {"region": "ap-guangzhou", "endpoint": self.sim.url}
        file.write_text(json.dumps({"sources": [source]}))  # JSON is YAML
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.began = time.monotonic()
        self.exporter = context.exporter(
            name, "run", "--config.file", file, "--state.path", "",
            "--web.listen-address", f"127.0.0.1:{port}", *PACE,
        )
        services.ready(self.exporter, self.url)

    def lasts(self):
        """Waits until several sets of keys have ended, and says what became of the polls."""
        time.sleep(max(0.0, self.began + WATCHED_SECONDS - time.monotonic()))
        polls = {
            labels["result"]: value
            for labels, value in services.scraped(self.url, "scf_exporter_polls_total")
        }
        requests = {
            (labels["action"], labels["code"]): value
            for labels, value in services.scraped(self.url, "scf_exporter_api_requests_total")
        }
        expect(polls["success"] > WATCHED_SECONDS / 2, f"only {polls} polls")
        expect(polls.get("failure", 0) == 0, f"polls failed: {polls}; {requests}")
        refused = {key: value for key, value in requests.items() if key[1] != "ok" and value}
        expect(not refused, f"requests were refused: {refused}")
        now = int(time.time() * 1000)
        least = services.by_code(self.sim.truth(visible_before_ms=now), "cls")

        def caught_up():
            seen = services.counted(self.url)
            behind = {key: count for key, count in least.items() if seen.get(key, 0) < count}
            expect(not behind, f"{behind} are not counted")
            return True

        until("what happened so far is counted", caught_up, 15)
        self.exporter.stop()
        self.sim.process.stop()
        return requests


def machine(context):
    """The role of the machine, as the whole chain finds it where nothing is configured."""
    return Ending(context, "role-machine", lambda sim: {"api": "cls"})


def machine_and_role(context):
    """A role taken on with the keys of the machine's role, both of which end."""
    return Ending(context, "role-assumed", lambda sim: {"api": "cls", "role": ROLE})


def key_and_role(context):
    """A role taken on with a permanent key."""
    def source(sim):
        file = context.path("assume.key")
        file.write_text(sim.secret_key)
        credentials = {"secret_id": sim.secret_id, "secret_key_file": str(file)}
        return {"api": "cls", "role": ROLE, "credentials": credentials}

    return Ending(context, "role-by-key", source)


@check("credentials: keys of the machine's role end three times, and no poll fails", early=machine)
def metadata(context):
    context.shared(machine).lasts()


def _assumed(build, what):
    @check(f"credentials: a role taken on by {what} ends three times, and no poll fails",
           early=build)
    def assumed(context):
        requests = context.shared(build).lasts()
        taken = requests.get(("AssumeRole", "ok"), 0)
        expect(taken >= 4, f"the role was taken on {taken} times in {WATCHED_SECONDS} s")


_assumed(machine_and_role, "the machine's role")
_assumed(key_and_role, "a permanent key")
