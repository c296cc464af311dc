"""Starts our programs for the peers' harness, peerbench.py and slowlink.py, which measures them as it does any other.

    peers.py tunnel PEER,... [peerbench.py's arguments]
    peers.py slowlink PEER,... --rate MBIT --secs N
"""
import argparse, os, subprocess, sys, time
from pathlib import Path

HARNESS = Path(os.environ["LANPARTY_HARNESS"])
PROGRAMS = Path(os.environ["LANPARTY_PROGRAMS"])
sys.path.insert(0, str(HARNESS))
# It builds its own tools.
subprocess.run(["sh", str(HARNESS / "run.sh"), "--list"], check=True, stdout=subprocess.DEVNULL)
import peerbench  # noqa: E402

# Where it finds the peers was decided when it was imported; this is only for what a run writes.
peerbench.WORK = Path(os.environ["LANPARTY_SCRATCH"])


class LanParty(peerbench.Peer):
    "lanparty-sdk: the relay and two clients with a TAP"
    unlimited = [f"--limit-client-{what}=unlimited" for what in ("bytes", "flood", "probes", "unknown-unicast")]

    def version(self):
        return peerbench.sh([str(PROGRAMS / "lanparty-relay"), "--version"]).split()[-1]

    def hub(self):
        self.cert = self.d / "relay-cert.der"
        self.pr.start("relay", [PROGRAMS / "lanparty-relay", "--listen", "443/udp", "--dev-cert-der-out", self.cert,
                                *self.unlimited, *os.environ["LANPARTY_RELAY_OPTIONS"].split()], "hub")
        end = time.time() + 5
        while time.time() < end and not any("listening on" in log.read_text(errors="replace") for log in self.d.glob("hub-*.log")):
            time.sleep(0.01)

    def client(self, who):
        self.pr.start(who, [PROGRAMS / "lanparty-client", "--relay", f"{peerbench.UNDER[who][1]}:443",
                            "--server-name", "lanparty-relay.local", "--relay-ca-cert", self.cert, "--room", "BENCH-1",
                            "--tap", "lp0", "--address", f"{peerbench.INNER[who]}/24", "--identity", self.d / f"{who}.json",
                            *os.environ["LANPARTY_CLIENT_OPTIONS"].split()], who)


peerbench.PEERS["lanparty"] = LanParty


def tunnel(names, arguments):
    sys.argv[1:] = names + arguments
    peerbench.main()


def slowlink(names, arguments):
    import slowlink as scenario
    parser = argparse.ArgumentParser()
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--secs", type=int, required=True)
    options = parser.parse_args(arguments)
    # Alice's link, at her end and at the hub's.
    scenario.UP = {"alice": "a0", "relay": "ra"}
    for name in names:
        scenario.one(name, options)


what, names, arguments = sys.argv[1], sys.argv[2].split(","), sys.argv[3:]
known = list(peerbench.PEERS) + ["bare"] * (what == "slowlink")
if unknown := [name for name in names if name not in known]:
    sys.exit(f"no such peers: {', '.join(unknown)}; there are {', '.join(known)}")
{"tunnel": tunnel, "slowlink": slowlink}[what](names, arguments)
