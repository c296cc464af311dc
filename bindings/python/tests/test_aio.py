"""The same in asyncio."""

import asyncio
import unittest

import lanparty
from lanparty import EventKind, Phase, Status
from support import ROOM, SERVER_NAME, WAIT, PartyTest, frame


class NoReaders(asyncio.SelectorEventLoop):
    """A loop that cannot watch descriptors, as there are on Windows."""

    def add_reader(self, *_):
        raise NotImplementedError


class Aio(PartyTest):
    def party(self, play, loop=None, met=True):
        """Runs `play(relay, ann, bob)`, when the two have `met`."""

        async def main():
            with lanparty.host("127.0.0.1:0") as relay:
                join = dict(certificate=relay.certificate, server_name=SERVER_NAME)
                async with lanparty.aio.join(relay.address, ROOM, name="Ann", **join) as ann:
                    bob = await lanparty.aio.join(relay.address, ROOM, name="Bob", **join)
                    async with bob:
                        if met:
                            await self.joined_by_bob(ann)
                        await play(relay, ann, bob)

        loop = loop or asyncio.new_event_loop()
        try:
            loop.run_until_complete(asyncio.wait_for(main(), 3 * WAIT))
        finally:
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()

    async def joined_by_bob(self, ann):
        """Until Ann knows that Bob is there: before that she has nobody to send to."""
        async for event in ann.events(timeout=WAIT):
            if event.kind == EventKind.PEER_JOINED:
                self.assertEqual(event.name, "Bob")
                return

    def test_exchange_frames(self):
        async def play(_, ann, bob):
            there = frame(bob.identity.mac, ann.identity.mac, b"hello")
            waiting = asyncio.ensure_future(bob.port.recv())
            await asyncio.sleep(0)
            self.assertEqual(ann.port.send(there), 1)
            self.assertEqual(await waiting, there)
            ann.port.send([there] * 3)
            count = 0
            while count < 3:
                count += len(await bob.port.recv_batch(timeout=WAIT))
            self.assertEqual(count, 3)
            self.assertEqual(await bob.port.recv_batch(timeout=0), [])
            with self.assertRaises(TimeoutError):
                await bob.port.recv(timeout=0.01)

        self.party(play)

    def test_events(self):
        async def play(relay, ann, bob):
            await bob.close("dinner")
            kinds = [event.kind async for event in bob.events(timeout=WAIT)]
            self.assertEqual(kinds[-1], EventKind.ENDED)
            while (await ann.next_event(WAIT)).kind != EventKind.PEER_LEFT:
                pass
            with self.assertRaises(TimeoutError):
                await ann.next_event(0.01)
            async for event in relay.events(timeout=WAIT):
                if event.kind == EventKind.MEMBER_LEFT:
                    break
            self.assertEqual(event.text, "dinner")

        self.party(play)

    def test_both_worlds_are_one(self):
        async def play(_, ann, bob):
            # A session of the other world has events for both.
            await self.joined_by_bob(ann.sync)
            self.assertEqual([peer.name for peer in ann.sync.peers()], ["Bob"])
            self.assertEqual(ann.sync.aio.phase, Phase.JOINED)
            there = frame(bob.identity.mac, ann.identity.mac, b"hello")
            self.assertEqual(ann.port.sync.send(there), 1)
            self.assertEqual(await bob.sync.port.aio.recv(), there)

        self.party(play, met=False)

    def test_bridge_again(self):
        async def play(_, ann, bob):
            port, twin = ann.port, ann.sync
            self.assertIs(ann.port, port)
            await ann.unbridge()
            self.assertFalse(port.info().bridged)
            with self.assertRaises(lanparty.NotFoundError):
                twin.port
            await ann.bridge(port)
            self.assertTrue(twin.port.info().bridged)
            there = frame(bob.identity.mac, ann.identity.mac, b"hello")
            self.assertEqual(ann.port.send(there), 1)
            self.assertEqual(await bob.port.recv(), there)

        self.party(play)

    def test_several_wait_for_one_port(self):
        async def play(_, ann, bob):
            there = frame(bob.identity.mac, ann.identity.mac, b"for one of you")
            waiting = [asyncio.ensure_future(bob.port.recv()) for _ in range(3)]
            await asyncio.sleep(0)
            for _ in waiting:
                ann.port.send(there)
            self.assertEqual(await asyncio.gather(*waiting), [there] * 3)
            # One that gives up leaves the others alone.
            waiting = [asyncio.ensure_future(bob.port.recv()) for _ in range(2)]
            await asyncio.sleep(0)
            waiting[0].cancel()
            ann.port.send(there)
            self.assertEqual(await waiting[1], there)
            with self.assertRaises(asyncio.CancelledError):
                await waiting[0]

        self.party(play)

    def test_close_while_waiting(self):
        async def play(_, ann, bob):
            async def all_frames():
                return [one async for one in bob.port]

            async def all_events():
                return [event.kind async for event in bob.events()]

            waiting = asyncio.gather(all_frames(), all_events())
            await asyncio.sleep(0)
            await bob.close()
            frames, events = await waiting
            self.assertEqual((frames, events[-1]), ([], EventKind.ENDED))

        self.party(play)

    def test_a_loop_without_readers(self):
        async def play(_, ann, bob):
            self.assertEqual((await ann.next_event(WAIT)).kind, EventKind.CONNECTING)
            await self.joined_by_bob(ann)
            there = frame(bob.identity.mac, ann.identity.mac, b"hello")
            waiting = asyncio.ensure_future(bob.port.recv(timeout=WAIT))
            await asyncio.sleep(0)
            ann.port.send(there)
            self.assertEqual(await waiting, there)
            with self.assertRaises(TimeoutError):
                await bob.port.recv(timeout=0.05)

        self.party(play, NoReaders(), met=False)

    def test_joining_fails(self):
        async def main(relay):
            with self.assertRaises(lanparty.TrustError):
                await lanparty.aio.join(
                    relay.address, ROOM, certificate=self.host().certificate, server_name=SERVER_NAME
                )
            session = lanparty.aio.Session.start(self.config(relay))
            await session.wait_joined(WAIT)
            self.assertEqual(session.phase, Phase.JOINED)
            self.assertTrue(await session.close())
            gone = relay.address
            relay.close()
            with self.assertRaises(TimeoutError):
                await lanparty.aio.join(
                    gone, ROOM, certificate=self.host().certificate, server_name=SERVER_NAME, timeout=0.2
                )
            # Given up from outside.
            waiting = lanparty.aio.join(gone, ROOM, certificate=self.host().certificate, timeout=None)
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(waiting, 0.1)

        asyncio.run(main(self.host()))

    def test_hosting(self):
        async def main():
            async with lanparty.aio.host("127.0.0.1:0") as relay:
                self.assertEqual(relay.rooms(), [])
                with self.assertRaises(TimeoutError):
                    await relay.next_event(timeout=0.01)
            with self.assert_status(Status.CLOSED):
                relay.rooms()
            self.assertEqual(relay.sync.aio.sync.close(), True)

        asyncio.run(main())


if __name__ == "__main__":
    unittest.main()
