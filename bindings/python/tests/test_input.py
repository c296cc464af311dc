"""Bad input: an error that says something, and an unchanged world."""

import ctypes
import inspect
import unittest
from ctypes import byref, c_size_t, c_uint64, c_void_p, sizeof

import lanparty
from lanparty import Status, _functions, _native, _structs
from lanparty._native import lib
from support import ROOM, SERVER_NAME, WAIT, PartyTest, frame


class Arguments(PartyTest):
    def test_null_everywhere(self):
        # None is refused wherever something must be given.
        relay = self.host()
        session = self.join(relay)
        port, config = session.port, lanparty.SessionConfig()
        for call in (
            lambda: lanparty.join(None, ROOM),
            lambda: lanparty.join(relay.address, None),
            lambda: lanparty.host(None),
            lambda: lanparty.Session.start(None),
            lambda: lanparty.Relay.bind(None),
            lambda: lanparty.Identity.load_or_create(None),
            lambda: lanparty.Mac(None),
            lambda: lanparty.Port.from_sink(None),
            lambda: lanparty.Port.tap(None),
            lambda: lanparty.Port.af_packet(None),
            lambda: port.send(None),
            lambda: port.send([None]),
            lambda: config.set(None, "1"),
            lambda: config.set("mtu", None),
            lambda: config.load_toml(None),
            lambda: config.trust(None),
            lambda: setattr(config, "identity", None),
            lambda: setattr(config, "port", None),
            lambda: session.bridge(None),
            lambda: session.stat(None),
            lambda: session.close(None),
            lambda: relay.members(None),
            lambda: relay.kick(None, 1),
            lambda: relay.kick(ROOM, None),
            lambda: relay.set_certificate(None, None),
            lambda: relay.close(None),
        ):
            with self.assertRaises((TypeError, ctypes.ArgumentError), msg=inspect.getsource(call)):
                call()
        self.assertEqual(session.phase, lanparty.Phase.JOINED)

    def test_null_to_every_function(self):
        # The package never does this; the library must bear it all the same.
        may = {
            "lanparty_log_set_callback": Status.OK,  # takes the callback away
            "lanparty_test_panic": Status.PANIC,
        }
        for name, (restype, argtypes) in _functions.FUNCTIONS.items():
            if not any(argtype is c_void_p or hasattr(argtype, "contents") for argtype in argtypes):
                continue
            with self.subTest(name):
                result = getattr(lib, name)(*(null(argtype) for argtype in argtypes))
                if name.endswith("_free"):
                    self.assertIsNone(result)
                elif name.startswith("lanparty_error_") and name != "lanparty_error_status":
                    self.assertIn(result, (lanparty.Kind.USAGE, 0, b""))
                else:
                    expected = may.get(name, Status.NULL)
                    if name == "lanparty_session_config_new":
                        expected = Status.NULL  # no place for the result
                    self.assertEqual(result, expected)

    def test_non_utf8(self):
        relay = self.host()
        session = self.join(relay)
        config = lanparty.SessionConfig()
        bad = "half a pair \ud800"
        for call in (
            lambda: lanparty.join(bad, ROOM),
            lambda: lanparty.join(relay.address, bad),
            lambda: lanparty.host(bad),
            lambda: lanparty.Identity.load_or_create(bad),
            lambda: lanparty.Port.tap(bad),
            lambda: lanparty.Port.tap("lan0", bad),
            lambda: lanparty.Port.af_packet(bad),
            lambda: config.set(bad, "1"),
            lambda: config.set("name", bad),
            lambda: config.load_toml(bad),
            lambda: session.close(bad),
            lambda: relay.members(bad),
            lambda: relay.kick(bad, 1),
            lambda: relay.kick(ROOM, 1, bad),
            lambda: relay.close(bad),
        ):
            with self.assert_status(Status.NOT_UTF8) as refused:
                call()
            self.assertIsInstance(refused.error, ValueError)
        # Bytes that get as far as the library are refused there.
        with self.assert_status(Status.NOT_UTF8):
            lanparty.Identity.load_or_create(b"\xff\xfe")
        raw = b"\xff"
        with self.assert_status(Status.NOT_UTF8):
            _native.call(lib.lanparty_session_config_set, config._handle.pointer, b"name", 4, raw, len(raw))
        self.assertEqual(session.phase, lanparty.Phase.JOINED)

    def test_numbers_out_of_range(self):
        for call in (
            lambda: lanparty.Port.virtual(capacity=-1),
            lambda: lanparty.Port.virtual(capacity=1 << 40),
            lambda: lanparty.Port.virtual(mtu=1 << 32),
            lambda: lanparty.Port.virtual(capacity=0xFFFFFFFF),
            lambda: lanparty.Port.virtual(mtu=1),
            lambda: lanparty.Port.virtual().recv(timeout=-1),
            lambda: lanparty.Port.virtual().recv(timeout=float("nan")),
            lambda: lanparty.Port.virtual().recv_batch(limit=0),
            lambda: lanparty.Port.virtual().recv_batch(limit=1000),
        ):
            with self.assertRaises(ValueError, msg=inspect.getsource(call)):
                call()


class Memory(PartyTest):
    def test_wrong_struct_size(self):
        relay = self.host()
        session = self.join(relay)
        port = session.port
        for function, handle, struct in (
            (lib.lanparty_session_room, session, _structs.Room),
            (lib.lanparty_session_stats, session, _structs.Stats),
            (lib.lanparty_session_diagnostics, session, _structs.Diagnostics),
            (lib.lanparty_relay_stats_get, relay, _structs.RelayStats),
            (lib.lanparty_port_info_get, port, _structs.PortInfo),
        ):
            with self.subTest(struct.__name__):
                self.check_size(lambda at: _native.call(function, handle._handle.pointer, at), struct)
        take = lib.lanparty_session_next_event
        self.check_size(lambda at: _native.call(take, session._handle.pointer, 5000, at), _structs.Event)
        # Elements of a list: their size is a parameter.
        count = c_size_t()
        for size in (0, sizeof(_structs.Peer) - 1):
            with self.assert_status(Status.STRUCT_SIZE):
                peers = (_structs.Peer * 4)()
                pointer = session._handle.pointer
                _native.call(lib.lanparty_session_peers, pointer, peers, size, 4, byref(count))

    def check_size(self, call, struct):
        class Larger(ctypes.Structure):
            _fields_ = [("known", struct), ("unknown", c_uint64 * 4)]

        larger = Larger()
        at = ctypes.cast(byref(larger), ctypes.POINTER(struct))
        for size in (0, 4, sizeof(struct) - 1):
            larger.known.struct_size = size
            with self.assert_status(Status.STRUCT_SIZE):
                call(at)
        larger.known.struct_size = sizeof(Larger)
        larger.unknown[:] = [0x5A5A] * 4
        ctypes.memset(ctypes.addressof(larger) + 4, 0xEE, sizeof(struct) - 4)
        self.assertEqual(call(at), Status.OK)
        self.assertEqual(larger.unknown[:], [0x5A5A] * 4)
        self.assertNotEqual(bytes(larger.known)[4:], b"\xee" * (sizeof(struct) - 4), "nothing was written")

    def test_tiny_buffers(self):
        relay = self.host()
        ann, bob = self.pair(relay)
        needed = c_size_t()
        address = relay.address.encode() + b"\0"
        for cap, status in ((0, 3), (1, 3), (len(address) - 1, 3), (len(address), 0)):
            buf = ctypes.create_string_buffer(b"?" * 64)
            done = _native.call(lib.lanparty_relay_address, relay._handle.pointer, buf, cap, byref(needed))
            self.assertEqual((done, needed.value), (status, len(address)))
            self.assertEqual(buf.raw[cap:64], b"?" * (64 - cap), "it wrote past the end")
            if status == Status.OK:
                self.assertEqual(buf.raw[:cap], address)

        array, count = (_structs.Peer * 1)(), c_size_t()
        size, pointer = sizeof(_structs.Peer), ann._handle.pointer
        self.assertEqual(
            _native.call(lib.lanparty_session_peers, pointer, array, size, 0, byref(count)), Status.TRUNCATED
        )
        self.assertEqual((count.value, array[0].peer), (1, 0))
        self.assertEqual(
            _native.call(lib.lanparty_session_peers, pointer, array, size, 1, byref(count)), Status.OK
        )
        self.assertEqual(array[0].name, b"Bob")

        sent = frame(bob.identity.mac, ann.identity.mac, b"a frame of some length")
        self.send(ann, sent)
        small, large = ctypes.create_string_buffer(16), ctypes.create_string_buffer(len(sent))
        frames = (_structs.Frame * 2)()
        recv, port = lib.lanparty_port_recv, bob.port._handle.pointer
        for buf, status, said in ((small, Status.TRUNCATED, len(sent)), (large, Status.OK, 1)):
            done = _native.call(recv, port, buf, len(buf), frames, 2, byref(count), 5000)
            self.assertEqual((done, count.value), (status, said))
        self.assertEqual(large.raw, sent)

    def test_more_peers_than_expected(self):
        relay = self.host()
        sessions = [self.join(relay, name=f"Player {number}") for number in range(20)]
        last = sessions[-1]
        while len(last.peers()) < 19:
            last.next_event(WAIT)
        self.assertEqual(len(relay.members(ROOM)), 20)
        self.assertEqual(sorted(peer.name for peer in last.peers()), sorted(f"Player {n}" for n in range(19)))


class Settings(PartyTest):
    def test_bad_config(self):
        config = lanparty.SessionConfig("127.0.0.1:1", ROOM)
        with self.assert_status(Status.UNKNOWN_KEY) as unknown:
            config.set("sever-name", SERVER_NAME)
        self.assertIn("server-name", str(unknown.error))
        self.assertIsInstance(unknown.error, ValueError)
        with self.assert_status(Status.BAD_VALUE) as bad:
            config.update(idle_timeout="soon")
        self.assertIn("idle-timeout", str(bad.error))
        with self.assert_status(Status.BAD_VALUE) as toml:
            config.load_toml('name = "Ann"\nretry = false\nmtu = = 3\n')
        self.assertIn("line 3", str(toml.error))
        with self.assert_status(Status.UNKNOWN_KEY):
            config.load_toml('name = "Ann"\nnonsense = 1\n')

        with self.assert_status(Status.MISSING) as missing:
            lanparty.Session.start(lanparty.SessionConfig(relay="127.0.0.1:1"))
        self.assertIn("room", str(missing.error))
        with self.assert_status(Status.MISSING) as missing:
            lanparty.Session.start(lanparty.SessionConfig(room=ROOM))
        self.assertIn("relay", str(missing.error))
        with self.assert_status(Status.ROOM_CODE):
            lanparty.SessionConfig(room="no room")
        with self.assert_status(Status.ADDRESS):
            lanparty.SessionConfig(relay="::::")
        with self.assert_status(Status.INVALID_ARG):
            lanparty.SessionConfig(role=lanparty.Role(7))
        with self.assertRaises(ValueError):
            lanparty.SessionConfig(role="spectator")
        with self.assert_status(Status.CERTIFICATE_FILE) as certificate:
            config.trust(b"no certificate")
        self.assertIsInstance(certificate.error, OSError)
        config.set("relay-ca-cert", "/there/is/no/such/file")
        with self.assert_status(Status.CERTIFICATE_FILE) as certificate:
            lanparty.Session.start(config)
        self.assertIsInstance(certificate.error, FileNotFoundError)
        self.assertIn("/there/is/no/such/file", str(certificate.error))
        with self.assert_status(Status.UNKNOWN_KEY):
            lanparty.host("127.0.0.1:0", max_clients_per_rom=3)
        with self.assertRaises(ValueError):
            lanparty.host("127.0.0.1:0", certificate=b"")

    def test_nothing_of_a_bad_toml_is_applied(self):
        relay = self.host()
        config = self.config(relay, name="Ann")
        with self.assert_status(Status.BAD_VALUE):
            config.load_toml('name = "Bob"\nretry = true\nmtu = "many"\n')
        with lanparty.Session.start(config) as session:
            session.wait_joined(WAIT)
            self.assertEqual([member.name for member in relay.members(ROOM)], ["Ann"])

    def test_toml(self):
        relay = self.host(toml="max-clients-per-room = 1\n")
        self.join(relay, toml='name = "Ann"\n')
        self.assertEqual([member.name for member in relay.members(ROOM)], ["Ann"])
        with self.assert_status(Status.ROOM_FULL) as full:
            self.join(relay, name="Bob")
        self.assertIsInstance(full.error, lanparty.RefusedError)

    def test_an_address_in_use(self):
        relay = self.host()
        with self.assert_status(Status.ADDRESS_IN_USE) as used:
            lanparty.host(relay.address)
        self.assertIsInstance(used.error, OSError)
        self.assertTrue(used.error.os_error)


def null(argtype):
    """NULL, or zero."""
    if argtype in (_structs.LogLine, _structs.Release):
        return argtype()
    if argtype is ctypes.c_char_p or argtype is c_void_p or hasattr(argtype, "contents"):
        return None
    return 0


if __name__ == "__main__":
    unittest.main()
