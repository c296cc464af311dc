"""Hosting, joining, and frames between members."""

import tempfile
import unittest
from pathlib import Path

import lanparty
from lanparty import EventKind, Phase, Reason, Role, Status
from support import ROOM, SERVER_NAME, WAIT, PartyTest, frame


class Joining(PartyTest):
    def test_host_and_join(self):
        relay = self.host()
        self.assertRegex(relay.address, r"^127\.0\.0\.1:\d+$")
        ann = self.join(relay, name="Ann")
        bob = self.join(relay, name="Bob")
        self.assertEqual(self.until(ann, EventKind.JOINED).code or ROOM, ROOM)
        for here, there, name in ((ann, bob, "Bob"), (bob, ann, "Ann")):
            event = self.until(here, EventKind.PEER_JOINED)
            (peer,) = here.peers()
            self.assertEqual((peer.name, peer.role, peer.paused), (name, Role.CLIENT, False))
            self.assertEqual((event.peer, event.mac, event.name), (peer.peer, peer.mac, name))
            self.assertEqual(peer.mac, there.identity.mac)
            self.assertEqual(here.phase, Phase.JOINED)
            room = here.room()
            self.assertEqual((room.code, room.members, room.gateway_peer), (ROOM, 2, 0))
            self.assertEqual(there.room().self_peer, peer.peer)
            self.assertGreaterEqual(room.mtu, 1280)
        (room,) = relay.rooms()
        self.assertEqual((room.code, room.members, room.mtu), (ROOM, 2, ann.room().mtu))
        members = {member.name: member for member in relay.members(ROOM)}
        self.assertEqual(sorted(members), ["Ann", "Bob"])
        self.assertEqual(members["Ann"].mac, ann.identity.mac)
        self.assertEqual(members["Ann"].peer, ann.room().self_peer)
        self.assertEqual(self.until(relay, EventKind.ROOM_OPENED).code, ROOM)
        self.assertEqual(self.until(relay, EventKind.MEMBER_JOINED, name="Bob").mac, bob.identity.mac)
        self.assertEqual(relay.stats().connections, 2)
        with self.assert_status(Status.NOT_FOUND):
            relay.members("ELSEWHERE")

    def test_a_gateway_is_seen(self):
        relay = self.host()
        gateway = self.join(relay, role="gateway", name="Ann")
        client = self.join(relay, name="Bob")
        self.assertTrue(self.until(client, EventKind.JOINED).gateway_present)
        self.assertEqual(client.room().gateway_peer, gateway.room().self_peer)
        self.assertEqual([peer.role for peer in client.peers()], [Role.GATEWAY])

    def test_second_gateway_refused(self):
        relay = self.host()
        first = self.join(relay, role=Role.GATEWAY, name="Ann")
        second = lanparty.Session.start(self.config(relay, role=Role.GATEWAY, name="Bob"))
        self.addCleanup(second.close)
        with self.assert_status(Status.GATEWAY_PRESENT) as refused:
            second.wait_joined(WAIT)
        self.assertIsInstance(refused.error, lanparty.RefusedError)
        self.assertEqual(self.until(second, EventKind.ENDED).status, Status.GATEWAY_PRESENT)
        client = self.join(relay, name="Carol")
        self.until(first, EventKind.PEER_JOINED)
        self.assertEqual(first.phase, Phase.JOINED)
        self.greet(first, client)

    def test_wrong_certificate(self):
        relay, other = self.host(), self.host()
        with self.assert_status(Status.CERTIFICATE_UNKNOWN) as unknown:
            self.join(relay, certificate=other.certificate)
        self.assertIsInstance(unknown.error, lanparty.TrustError)
        with self.assert_status(Status.CERTIFICATE_NAME):
            self.join(relay, server_name="elsewhere.example")
        # A file's path does as well as the bytes.
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "relay-cert.der")
            with self.assertRaises(FileNotFoundError):
                self.join(relay, certificate=path)
            path.write_bytes(relay.certificate)
            self.join(relay, certificate=path)

    def test_nobody_answers(self):
        relay = self.host()
        address, certificate = relay.address, relay.certificate
        relay.close()
        with self.assertRaises(TimeoutError) as late:
            lanparty.join(address, ROOM, certificate=certificate, server_name=SERVER_NAME, timeout=0.2)
        self.assertIsInstance(late.exception, lanparty.WaitTimeoutError)
        with self.assertRaises(ConnectionError) as gone:
            lanparty.join(
                address,
                ROOM,
                certificate=certificate,
                server_name=SERVER_NAME,
                retry=False,
                idle_timeout="1s",
                keep_alive="400ms",
            )
        self.assertIsInstance(gone.exception, lanparty.NetworkError)


class Frames(PartyTest):
    def test_exchange_frames(self):
        relay = self.host()
        ann, bob = self.pair(relay)
        for here, there in ((ann, bob), (bob, ann)):
            for batch in range(3):
                frames = [
                    frame(there.identity.mac, here.identity.mac, bytes([batch, number]) * (number + 20))
                    for number in range(8)
                ]
                self.send(here, frames)
                self.assertEqual(self.recv_many(there, len(frames)), frames)
            shortest = frame(there.identity.mac, here.identity.mac, b"")
            longest = frame(there.identity.mac, here.identity.mac, bytes(range(250)) * 6)
            self.assertEqual((len(shortest), len(longest)), (14, 1514))
            # Anything with the buffer interface is a frame.
            for one in (shortest, bytearray(longest), memoryview(longest)):
                self.assertEqual(here.port.send(one), 1)
                self.assertEqual(self.recv(there), one)
        with self.assert_status(Status.FRAME_LENGTH):
            ann.port.send([longest, b"short"])
        self.assertEqual(bob.port.recv_batch(timeout=0), [])

    def test_batches_use_one_memory(self):
        relay = self.host()
        ann, bob = self.pair(relay)
        first, second = (frame(bob.identity.mac, ann.identity.mac, text) for text in (b"first", b"again"))
        self.send(ann, first)
        (view,) = bob.port.recv_batch(timeout=WAIT)
        self.assertTrue(view.readonly)
        kept = bytes(view)
        self.send(ann, second)
        bob.port.recv_batch(timeout=WAIT)
        self.assertEqual((kept, view), (first, second))

    def test_a_full_queue(self):
        port = lanparty.Port.virtual(capacity=4)
        frames = [bytes(14)] * 6
        self.assertEqual(port.send(frames), 4)
        self.assertEqual(port.send(frames), 0)

    def test_broadcast(self):
        relay = self.host()
        ann, bob, carol = (self.join(relay, name=name) for name in ("Ann", "Bob", "Carol"))
        self.meet(ann, bob, carol)
        query = frame(lanparty.BROADCAST, ann.identity.mac, b"who plays?")
        self.send(ann, query)
        for other in (bob, carol):
            self.assertEqual(self.recv(other), query)
        # What comes to Ann next is an answer, not her own query.
        answer = frame(ann.identity.mac, bob.identity.mac, b"I do")
        self.send(bob, answer)
        self.assertEqual(self.recv(ann), answer)
        self.assertEqual(ann.port.recv_batch(timeout=0), [])


class Leaving(PartyTest):
    def test_relay_killed_and_back(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "relay-cert.der")
            relay = self.host(dev_cert_der_out=file)
            address, certificate = relay.address, relay.certificate
            self.assertEqual(file.read_bytes(), certificate)
            ann, bob = self.pair(relay, backoff_min="50ms", backoff_max="200ms")
            self.greet(ann, bob)
            relay.close()
            del relay
            for session in (ann, bob):
                self.assertTrue(self.until(session, EventKind.DISCONNECTED).text)
            relay = self.host(address, dev_cert_der_out=file)
            self.assertEqual((relay.address, relay.certificate), (address, certificate))
            for session in (ann, bob):
                self.assertTrue(self.until(session, EventKind.JOINED).again)
            for session in (ann, bob):
                if not session.peers():
                    self.until(session, EventKind.PEER_JOINED)
            self.greet(ann, bob, b"here again")
            self.assertEqual(ann.stats().reconnects, 1)

    def test_kick(self):
        relay = self.host()
        ann, bob = self.pair(relay)
        relay.kick(ROOM, bob.room().self_peer, "no bots")
        ended = self.until(bob, EventKind.ENDED)
        self.assertEqual(ended.status, Status.PEER_CLOSED)
        self.assertIn("no bots", ended.text)
        with self.assertRaises(lanparty.EndError):
            bob.next_event(WAIT)
        with self.assertRaises(EOFError):
            bob.port.recv(WAIT)
        left = self.until(ann, EventKind.PEER_LEFT)
        self.assertEqual((left.name, left.reason), ("Bob", Reason.KICKED))
        self.assertEqual(ann.peers(), [])
        for room, peer in ((ROOM, 4242), ("ELSEWHERE", 1)):
            with self.assert_status(Status.NOT_FOUND) as stranger:
                relay.kick(room, peer)
            self.assertIsInstance(stranger.error, LookupError)

    def test_last_words(self):
        relay = self.host()
        ann, bob = self.pair(relay)
        self.assertTrue(bob.close("dinner is ready"))
        left = self.until(ann, EventKind.PEER_LEFT)
        self.assertEqual((left.reason, left.text), (Reason.NORMAL, "dinner is ready"))
        self.assertEqual(self.until(bob, EventKind.ENDED).status, Status.OK)


class SideBySide(PartyTest):
    def test_two_instances(self):
        parties = []
        for _ in range(2):
            relay = self.host()
            parties.append((relay, *self.pair(relay)))
        (first, ann, _), (second, carol, dave) = parties
        self.assertNotEqual(first.address, second.address)
        self.send(ann, frame(lanparty.BROADCAST, ann.identity.mac, b"only here"))
        self.greet(carol, dave)
        self.assertEqual(carol.port.recv_batch(timeout=0) + dave.port.recv_batch(timeout=0), [])
        for session in parties[0][1:]:
            self.assertTrue(session.close())
        self.assertTrue(first.close())
        self.greet(carol, dave, b"still here")
        self.assertEqual((carol.phase, len(second.rooms())), (Phase.JOINED, 1))

    def test_reinitialise(self):
        for _ in range(2):
            relay = self.host()
            ann, bob = self.pair(relay)
            self.greet(ann, bob)
            for thing in (ann, bob, relay):
                self.assertTrue(thing.close())
            del thing, relay, ann, bob


if __name__ == "__main__":
    unittest.main()
