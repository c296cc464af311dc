using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using LanParty;

/// <summary>Bad input: a status, a message, and an unchanged world.</summary>
internal static unsafe class ArgumentTests
{
    public static void NullEverywhere()
    {
        using (var party = new Party())
        using (SessionOptions options = party.Options())
        using (var relayOptions = new RelayOptions())
        using (var batch = new FrameBatch())
        {
            Attendee ann = party.Join("Ann");
            var calls = new Dictionary<string, Action>
            {
                ["Identity.LoadOrCreate"] = () => Identity.LoadOrCreate(null),
                ["MacAddress.Parse"] = () => MacAddress.Parse(null),
                ["MacAddress(byte[])"] = () => new MacAddress((byte[])null),
                ["MacAddress.CopyTo"] = () => ann.Mac.CopyTo(null, 0),
                ["Port.NewSink"] = () => Port.NewSink(null),
                ["Port.NewTap"] = () => Port.NewTap(null),
                ["Port.NewAfPacket"] = () => Port.NewAfPacket(null),
                ["Port.TrySend(byte[])"] = () => ann.Port.TrySend((byte[])null),
                ["Port.TrySend(segment)"] = () => ann.Port.TrySend(default(ArraySegment<byte>)),
                ["Port.TrySend(batch)"] = () => ann.Port.TrySend((FrameBatch)null),
                ["Port.Send"] = () => ann.Port.Send(null),
                ["Port.Receive"] = () => ann.Port.Receive(null),
                ["Port.TryReceive(byte[])"] = () => ann.Port.TryReceive((byte[])null, out _),
                ["Port.TryReceive(segment)"] = () => ann.Port.TryReceive(default(ArraySegment<byte>), out _),
                ["FrameBatch.TryAdd(byte[])"] = () => batch.TryAdd((byte[])null),
                ["FrameBatch.TryAdd(segment)"] = () => batch.TryAdd(default(ArraySegment<byte>)),
                ["SessionOptions.Relay"] = () => options.Relay = null,
                ["SessionOptions.Room"] = () => options.Room = null,
                ["SessionOptions.Name"] = () => options.Name = null,
                ["SessionOptions.ServerName"] = () => options.ServerName = null,
                ["SessionOptions.Identity"] = () => options.Identity = null,
                ["SessionOptions.Port"] = () => options.Port = null,
                ["SessionOptions.Set, key"] = () => options.Set(null, "1"),
                ["SessionOptions.Set, value"] = () => options.Set("name", null),
                ["SessionOptions.LoadToml"] = () => options.LoadToml(null),
                ["SessionOptions.TrustCertificates"] = () => options.TrustCertificates(null),
                ["SessionOptions.TrustCertificateFile"] = () => options.TrustCertificateFile(null),
                ["Session.Start"] = () => Session.Start(null),
                ["Session.Join"] = () => Session.Join(null),
                ["Session.Bridge"] = () => ann.Session.Bridge(null),
                ["RelayOptions.Listen"] = () => relayOptions.Listen = null,
                ["RelayOptions.Set, key"] = () => relayOptions.Set(null, "1"),
                ["RelayOptions.Set, value"] = () => relayOptions.Set("listen", null),
                ["RelayOptions.LoadToml"] = () => relayOptions.LoadToml(null),
                ["RelayOptions.SetCertificate, chain"] = () => relayOptions.SetCertificate(null, new byte[1]),
                ["RelayOptions.SetCertificate, key"] = () => relayOptions.SetCertificate(new byte[1], null),
                ["Relay.Bind"] = () => Relay.Bind(null),
                ["Relay.SetCertificate, chain"] = () => party.Relay.SetCertificate(null, new byte[1]),
                ["Relay.SetCertificate, key"] = () => party.Relay.SetCertificate(new byte[1], null),
                ["Relay.GetMembers"] = () => party.Relay.GetMembers(null),
                ["Relay.Kick"] = () => party.Relay.Kick(null, 1),
                ["Log.Start"] = () => Log.Start(LogLevel.Info, null),
            };
            foreach (KeyValuePair<string, Action> call in calls) Check.Throws<ArgumentNullException>(call.Value, call.Key);

            // Below that, the library itself refuses a null handle.
            IntPtr error;
            Refused(LanPartyStatus.Null, NativeMethods.lanparty_session_stats(new SessionHandle(), null, out error), error);
            Refused(LanPartyStatus.Null, NativeMethods.lanparty_port_close(new PortHandle(), out error), error);
            Refused(LanPartyStatus.Null, NativeMethods.lanparty_relay_bind(new RelayConfigHandle(), out _, out error), error);
            Refused(LanPartyStatus.Null, NativeMethods.lanparty_session_stats(ann.Session.Handle, null, out error), error);
            NativeMethods.lanparty_session_free(IntPtr.Zero);

            // A null where it means "none" is none.
            Check.That(ann.Session.Close(null, Party.Wait), "close without words");
        }
    }

    private static void Refused(LanPartyStatus expected, int status, IntPtr error) =>
        Check.Fails(expected, () => LanPartyException.Check(status, error), "a raw call");

    public static void WrongStructSize()
    {
        using (var party = new Party())
        {
            Attendee ann = party.Join("Ann");
            SessionHandle session = ann.Session.Handle;
            SizesOf(sizeof(lanparty_event), "event",
                (IntPtr p, out IntPtr e) => NativeMethods.lanparty_session_next_event(session, 1000, (lanparty_event*)p, out e));
            SizesOf(sizeof(lanparty_room), "room",
                (IntPtr p, out IntPtr e) => NativeMethods.lanparty_session_room(session, (lanparty_room*)p, out e));
            SizesOf(sizeof(lanparty_stats), "stats",
                (IntPtr p, out IntPtr e) => NativeMethods.lanparty_session_stats(session, (lanparty_stats*)p, out e));
            SizesOf(sizeof(lanparty_diagnostics), "diagnostics",
                (IntPtr p, out IntPtr e) => NativeMethods.lanparty_session_diagnostics(session, (lanparty_diagnostics*)p, out e));
            SizesOf(sizeof(lanparty_port_info), "port info",
                (IntPtr p, out IntPtr e) => NativeMethods.lanparty_port_info_get(ann.Port.Handle, (lanparty_port_info*)p, out e));
            SizesOf(sizeof(lanparty_relay_stats), "relay stats", (IntPtr p, out IntPtr e) =>
                NativeMethods.lanparty_relay_stats_get(party.Relay.Handle, (lanparty_relay_stats*)p, out e));

            lanparty_peer peer;
            foreach (int size in new[] { 0, sizeof(lanparty_peer) - 1 })
            {
                int status = NativeMethods.lanparty_session_peers(
                    session, &peer, (UIntPtr)size, (UIntPtr)1, out _, out IntPtr error);
                Refused(LanPartyStatus.StructSize, status, error);
            }
            var sink = new lanparty_frame_sink();
            int made = NativeMethods.lanparty_port_new_sink(&sink, out PortHandle port, out IntPtr sinkError);
            Refused(LanPartyStatus.StructSize, made, sinkError);
            Check.That(port == null || port.IsInvalid, "a port came of it");
        }
    }

    private delegate int StructCall(IntPtr target, out IntPtr error);

    private static void SizesOf(int size, string what, StructCall call)
    {
        const int Beyond = 64;
        const byte Untouched = 0xa5;
        var memory = new byte[size + Beyond];
        for (int i = 0; i < memory.Length; i++) memory[i] = Untouched;
        fixed (byte* p = memory)
        {
            foreach (int wrong in new[] { 0, size - 4 })
            {
                *(uint*)p = (uint)wrong;
                int status = call((IntPtr)p, out IntPtr refused);
                Refused(LanPartyStatus.StructSize, status, refused);
                Check.That(memory.Skip(4).All(b => b == Untouched), $"{what}: written in spite of the error");
            }
            *(uint*)p = (uint)memory.Length;
            int good = call((IntPtr)p, out IntPtr error);
            Check.Equal(LanPartyStatus.Ok, LanPartyException.Check(good, error), $"{what}: a larger struct");
            Check.That(memory.Skip(size).All(b => b == Untouched), $"{what}: written beyond what is known");
            Check.That(memory.Skip(4).Take(size - 4).Any(b => b != Untouched), $"{what}: nothing was written");
        }
    }

    public static void NonUtf8()
    {
        // Half a surrogate pair has no UTF-8; it is refused before the library sees it.
        const string Half = "a\ud800b";
        using (var party = new Party())
        using (SessionOptions options = party.Options())
        using (var relayOptions = new RelayOptions())
        {
            Attendee ann = party.Join("Ann");
            var calls = new Dictionary<string, Action>
            {
                ["relay"] = () => new SessionOptions(Role.Client, Half),
                ["room"] = () => new SessionOptions(Role.Client, null, Half),
                ["name"] = () => options.Name = Half,
                ["key"] = () => options.Set(Half, "1"),
                ["toml"] = () => options.LoadToml(Half),
                ["relay's key"] = () => relayOptions.Set(Half, "1"),
                ["relay's value"] = () => relayOptions.Listen = Half,
                ["relay's toml"] = () => relayOptions.LoadToml(Half),
                ["identity's path"] = () => Identity.LoadOrCreate(Half),
                ["adapter"] = () => Port.NewTap(Half),
                ["adapter's address"] = () => Port.NewTap("lan0", Half),
                ["interface"] = () => Port.NewAfPacket(Half),
                ["words of a leaver"] = () => ann.Session.Close(Half),
                ["members"] = () => party.Relay.GetMembers(Half),
                ["kick"] = () => party.Relay.Kick(Half, 1),
                ["words of a kick"] = () => party.Relay.Kick(Party.Code, 1, Half),
                ["words of a relay"] = () => party.Relay.Close(Half),
            };
            foreach (KeyValuePair<string, Action> call in calls) Check.Throws<EncoderFallbackException>(call.Value, call.Key);

            byte[] bad = { (byte)'a', 0xff, 0 };
            byte[] key = Native.Bytes("name");
            int status = NativeMethods.lanparty_session_config_set(
                options.Handle, key, Native.Length(key), bad, Native.Length(bad), out IntPtr error);
            Refused(LanPartyStatus.NotUtf8, status, error);

            // What is UTF-8 comes back as it was.
            const string Name = "Zoë \U0001f3ae";
            party.Join(Name);
            Check.Equal(Name, ann.SeesPeer(Name).Name, "a name beyond ASCII");
        }
    }

    public static void TinyBuffers()
    {
        using (var party = new Party())
        {
            party.Pair(out Attendee ann, out Attendee bob);
            string address = party.Relay.Address;
            int needed = Encoding.UTF8.GetByteCount(address) + 1;
            foreach (int capacity in new[] { 0, 1, needed - 1, needed, needed + 1 })
            {
                var buffer = new byte[capacity];
                int status = NativeMethods.lanparty_relay_address(
                    party.Relay.Handle, buffer, (UIntPtr)capacity, out UIntPtr size, out IntPtr error);
                LanPartyStatus expected = capacity < needed ? LanPartyStatus.Truncated : LanPartyStatus.Ok;
                Check.Equal(expected, LanPartyException.Check(status, error), $"an address into {capacity} bytes");
                Check.Equal(needed, (int)size, $"bytes needed, told with {capacity}");
            }
            int count = NativeMethods.lanparty_session_peers(
                ann.Session.Handle, null, (UIntPtr)sizeof(lanparty_peer), UIntPtr.Zero, out UIntPtr peers, out IntPtr none);
            Check.Equal(LanPartyStatus.Truncated, LanPartyException.Check(count, none), "peers into nothing");
            Check.Equal(1, (int)peers, "peers that there are");

            byte[] frame = ann.Frame(bob.Mac, 1000, 5);
            ann.Port.Send(frame);
            BufferTooSmallException small = Check.Throws<BufferTooSmallException>(
                () => bob.Port.TryReceive(new byte[999], out _, Party.Wait), "999 bytes for 1000");
            Check.Equal(1000, small.Needed, "bytes needed");
            using (var batch = new FrameBatch(4, 100))
                Check.Throws<BufferTooSmallException>(() => bob.Port.Receive(batch, Party.Wait), "a batch of 100 bytes");
            var exact = new byte[1000];
            Check.That(bob.Port.TryReceive(exact, out int length, Party.Wait), "the frame was lost");
            Check.That(Frames.Equal(frame, exact, length), "the frame differs");
        }
    }

    public static void BadConfig()
    {
        using (var options = new SessionOptions(Role.Client))
        using (var relayOptions = new RelayOptions("127.0.0.1:0"))
        {
            LanPartyException e = Check.Fails(LanPartyStatus.UnknownKey, () => options.Set("nmae", "Ann"), "a key with a slip");
            Check.Contains("name", e.Message, "the nearest key");
            e = Check.Fails(
                LanPartyStatus.UnknownKey, () => relayOptions.Set("max-clients-per-rom", "4"), "a relay's key with a slip");
            Check.Contains("max-clients-per-room", e.Message, "the nearest key");
            Check.Fails(LanPartyStatus.BadValue, () => options.Set("mtu", "many"), "a word for a number");
            Check.Fails(LanPartyStatus.BadValue, () => relayOptions.Set("max-clients-per-room", "0"), "no clients");
            foreach (Action<string> load in new Action<string>[] { options.LoadToml, relayOptions.LoadToml })
            {
                e = Check.Fails(LanPartyStatus.BadValue, () => load("# one\n# two\nworkers = = 1\n"), "a slip in line 3");
                Check.Contains("line 3", e.Message, "the line");
            }

            Check.Fails(LanPartyStatus.Missing, () => Session.Start(options), "no relay and no room");
            options.Relay = "127.0.0.1:1";
            e = Check.Fails(LanPartyStatus.Missing, () => Session.Start(options), "no room");
            Check.Contains("room", e.Message, "what is missing");
            // A text with a mistake applies nothing: the room in it is still missing.
            const string Slip = "room = \"PARTY-42\"\nnmae = \"Ann\"\n";
            Check.Fails(LanPartyStatus.UnknownKey, () => options.LoadToml(Slip), "a slip in TOML");
            Check.Fails(LanPartyStatus.Missing, () => Session.Start(options), "nothing was applied");

            Check.Fails(LanPartyStatus.BadValue, () => options.Room = "a b", "a room with a space");
            Check.Fails(LanPartyStatus.InvalidArg, () => new SessionOptions((Role)7), "an unknown role");
            Check.Throws<ArgumentOutOfRangeException>(() => Port.NewVirtual(-1), "a negative capacity");
            Check.Fails(LanPartyStatus.InvalidArg, () => Port.NewVirtual(0, 60000), "an MTU of 60000");
            Check.Throws<FormatException>(() => MacAddress.Parse("02:00:00:00:00"), "five pairs");
        }
        using (var port = Port.NewVirtual())
            Check.Throws<ArgumentOutOfRangeException>(() => port.TryReceive(new byte[60], out _, -2), "a timeout of -2");
    }
}
