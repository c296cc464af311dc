#!/usr/bin/env python3
"""A small launcher: hosts or joins a LAN party, lists the players, and asks "who is there?" in raw Ethernet frames.

    launcher.py host --listen 127.0.0.1:4433 --cert-out relay.der
    launcher.py join 127.0.0.1:4433 PARTY --cert relay.der --name Bob

The program itself is the network card: no driver, no administrator's rights.
"""

import argparse
import contextlib
import signal
import sys
import time

import lanparty

SERVER_NAME = "lanparty-relay.local"  # what a relay's self-made certificate is for
ETHERTYPE = b"\x88\xb5"  # free for experiments
QUERY, ANSWER = b"LPQ?", b"LPA!"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    host = commands.add_parser("host", help="a relay in this process, and a member of its room")
    host.add_argument("--room", default="PARTY", metavar="CODE")
    host.add_argument("--listen", default="127.0.0.1:0", metavar="ADDR")
    host.add_argument("--cert-out", metavar="FILE", help="keep the certificate here, for the others")
    join = commands.add_parser("join", help="a member of a room elsewhere")
    join.add_argument("relay")
    join.add_argument("room")
    join.add_argument(
        "--cert", metavar="FILE", help="the relay's certificate, if no public authority knows it"
    )
    for command, name in ((host, "Ann"), (join, "Bob")):
        command.add_argument(
            "--server-name", default=SERVER_NAME, metavar="NAME", help="whom the certificate is for"
        )
        command.add_argument("--name", default=name)
        command.add_argument("--seconds", type=float, metavar="N", help="leave after so long")
        command.add_argument("--answers", type=int, metavar="N", help="leave after so many answers")
    return parser.parse_args()


def say(line):
    print(line, flush=True)


def show_player(name, role, rtt):
    ping = "-" if rtt is None else f"{rtt * 1000:.1f} ms"
    say(f"player {name} ({role.name.lower()}) {ping}")


class Round:
    """One stay in a room."""

    def __init__(self, session, name):
        self.session = session
        self.name = name.encode()
        self.answers = 0
        self.ask_at = 0.0

    def play(self, seconds, answers):
        """Until the time is over, so many have answered, or the session has ended."""
        end = None if seconds is None else time.monotonic() + seconds
        while self.take_events():
            now = time.monotonic()
            if (end is not None and now >= end) or (answers is not None and self.answers >= answers):
                break
            if now >= self.ask_at:
                self.ask_at = now + 1
                self.send(lanparty.BROADCAST, QUERY)
            # The frames are views of one memory, which the next call uses again.
            for frame in self.session.port.recv_batch(timeout=0.1):
                self.take(bytes(frame))

    def send(self, target, word):
        """One frame of the game: addresses, EtherType, a word, a name. If the queue is full it is lost, as on any LAN."""
        self.session.port.send(target + self.session.identity.mac + ETHERTYPE + word + self.name)

    def take(self, frame):
        source, ethertype, word, name = frame[6:12], frame[12:14], frame[14:18], frame[18:]
        if ethertype != ETHERTYPE:
            return
        if word == QUERY:
            self.send(source, ANSWER)
        elif word == ANSWER:
            self.answers += 1
            text = name.decode("utf-8", "replace")  # anybody may have sent it
            say("answer from " + "".join(char if char.isprintable() else "?" for char in text))

    def take_events(self):
        """What has happened. False once the session is over."""
        try:
            while True:
                event = self.session.next_event(timeout=0)
                if event.line:
                    say(f"status: {event.line}")
                if event.kind == lanparty.EventKind.PEER_JOINED:
                    self.ask_at = 0.0
                    show_player(event.name, event.role, None)  # nobody knows the ping yet
        except lanparty.WaitTimeoutError:
            return True
        except lanparty.EndError:
            return False


def main():
    options = arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as clean as Ctrl-C
    with contextlib.ExitStack() as stack:
        if options.command == "host":
            kept = {"dev_cert_der_out": options.cert_out} if options.cert_out else {}
            relay = stack.enter_context(lanparty.host(options.listen, **kept))
            say(f"hosting {options.room} on {relay.address}")
            address, certificate = relay.address, relay.certificate
        else:
            address, certificate = options.relay, options.cert
        session = stack.enter_context(
            lanparty.join(
                address,
                options.room,
                certificate=certificate,
                server_name=options.server_name,
                name=options.name,
            )
        )
        room = session.room()
        say(f"joined {room.code} as member {room.self_peer} (MTU {room.mtu})")
        stay = Round(session, options.name)
        with contextlib.suppress(KeyboardInterrupt):
            stay.play(options.seconds, options.answers)
        for peer in session.peers():
            show_player(peer.name, peer.role, peer.rtt)
        for line in session.user_lines():
            say(f"status: {line}")
        session.close("see you")  # the others learn of it at once
    say("left")


if __name__ == "__main__":
    try:
        main()
    except (lanparty.LanPartyError, OSError) as error:
        sys.exit(f"launcher: {error}")
