using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Threading;
using LanParty;

/// <summary>What a session says about itself.</summary>
internal static class ReportTests
{
    public static void Pause()
    {
        using (var party = new Party())
        {
            party.Pair(out Attendee ann, out Attendee bob);
            bob.Session.SetPaused(true);
            Check.That(bob.Until(EventKind.Paused).IsPaused, "the own event");
            Check.That(ann.Until(EventKind.PeerPaused).IsPaused, "the other's event");
            Check.That(ann.Session.GetPeers().Single().IsPaused, "the peer is shown as paused");
            Check.That(bob.Session.GetDiagnostics().IsPaused, "diagnostics");
            bob.Port.Send(bob.Frame(ann.Mac, 60, 1));
            bob.Eventually(() => bob.Dropped("paused") > 0, "a frame sent while paused is counted");
            ann.ReceivesNothing("a frame sent while paused");

            bob.Session.SetPaused(false);
            Check.That(!bob.Until(EventKind.Paused).IsPaused, "the own event");
            Check.That(!ann.Until(EventKind.PeerPaused).IsPaused, "the other's event");
            bob.Reaches(ann, 2);
            ann.Reaches(bob, 3);
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct PollFd
    {
        internal int Fd;
        internal short Events;
        internal short Returned;
    }

    [DllImport("libc", EntryPoint = "poll")]
    private static extern int Poll(ref PollFd fd, UIntPtr count, int timeoutMs);

    private static bool Readable(long handle, int timeoutMs)
    {
        const short In = 1;
        var fd = new PollFd { Fd = checked((int)handle), Events = In };
        return Poll(ref fd, (UIntPtr)1, timeoutMs) == 1 && (fd.Returned & In) != 0;
    }

    public static void WaitHandles()
    {
        using (var party = new Party())
        {
            party.Pair(out Attendee ann, out Attendee bob);
            long port = bob.Port.WaitHandle;
            Check.That(!Readable(port, 0), "readable without a frame");
            ann.Port.Send(ann.Frame(bob.Mac, 60, 1));
            Check.That(Readable(port, Party.Wait), "not readable with a frame");
            bob.Receive("frame");
            Check.That(!Readable(port, 0), "readable though drained");

            long session = bob.Session.WaitHandle;
            while (bob.Session.TryNextEvent(0, out _)) { }
            Check.That(!Readable(session, 0), "readable without an event");
            bob.Session.SetPaused(true);
            Check.That(Readable(session, Party.Wait), "not readable with an event");
            bob.Until(EventKind.Paused);
            Check.That(!Readable(session, 0), "readable though drained");

            long relay = party.Relay.WaitHandle;
            Check.That(Readable(relay, Party.Wait), "the relay's handle");
            while (party.Relay.TryNextEvent(0, out _)) { }
            bob.Session.Close(null, Party.Wait);
            Check.That(Readable(relay, Party.Wait), "the relay's handle when somebody leaves");
            Check.That(Readable(port, Party.Wait), "the end of a port can be waited for");

            // What a descriptor has to be polled for, no event object of .NET can wait for.
            foreach (Func<WaitHandle> create in new Func<WaitHandle>[]
                { bob.Port.CreateWaitHandle, bob.Session.CreateWaitHandle, party.Relay.CreateWaitHandle })
            {
                try
                {
                    create().Dispose();
                    Check.That(false, "an event object where there is none");
                }
                catch (PlatformNotSupportedException e)
                {
                    Check.Contains("descriptor", e.Message, "what to do instead");
                }
            }
        }
    }

    public static void Diagnostics()
    {
        using (var folder = new TemporaryFolder())
        using (var party = new Party())
        {
            string path = folder.File("identity.json");
            MacAddress mac;
            using (Identity first = Identity.LoadOrCreate(path)) mac = first.Mac;
            Check.That(File.Exists(path), "no identity file");
            using (Identity again = Identity.LoadOrCreate(path))
            {
                Check.Equal(mac, again.Mac, "address read again");
                Check.Equal("", again.Warning, "warning");
                MacAddress wanted = MacAddress.Parse("02:1a:2b:3c:4d:5e");
                using (Identity changed = again.WithMac(wanted)) Check.Equal(wanted, changed.Mac, "address changed");
                Check.Fails(LanPartyStatus.BadMac, () => again.WithMac(MacAddress.Broadcast), "a group address");
            }
            File.WriteAllText(path, "nonsense");
            Check.Fails(LanPartyStatus.IdentityFile, () => Identity.LoadOrCreate(path), "nonsense for an identity");

            party.Pair(out Attendee ann, out Attendee bob);
            Diagnostics(ann, bob, party);
        }
    }

    private static void Diagnostics(Attendee ann, Attendee bob, Party party)
    {
        ann.Reaches(bob, 1);
        Stats sent = ann.Session.GetStats();
        Check.That(sent.TxFrames >= 1 && sent.TxBytes >= 60 && sent.TxDatagrams >= 1, "the sender's counters");
        Check.That(bob.Session.GetStats().RxFrames >= 1, "the receiver's counters");
        Check.Equal(ann.Session.GetStats().TxFrames, ann.Session.GetStat(Stat.TxFrames), "a counter by number");
        Check.Fails(LanPartyStatus.InvalidArg, () => ann.Session.GetStat((Stat)999), "an unknown counter");

        // A client speaks for one address only.
        ann.Port.Send(Frames.Make(bob.Mac, MacAddress.Parse("02:00:00:00:00:01"), 60, 1));
        ann.Eventually(() => ann.Session.GetDrops().Count > 0, "a frame from a foreign address is counted");
        Check.That(ann.Session.GetDrops().Keys.All(reason => reason.Length > 0), "a reason without a name");
        Check.That(ann.Session.GetStats().Drops > 0, "drops altogether");

        Diagnostics found = ann.Session.GetDiagnostics();
        Check.That(found.RelayReachable && found.IsJoined && found.IsBridged, "reachable, joined, bridged");
        Check.That(!found.IsGateway && !found.GatewayPresent && !found.IsPaused, "no gateway, not paused");
        Check.Equal(party.Address, found.RelayAddress, "the relay's address");
        Check.That(found.DatagramBudget > 1000, $"a budget of {found.DatagramBudget}");
        ann.Eventually(() => ann.Session.GetDiagnostics().RelayPing > TimeSpan.Zero, "a ping of the relay");

        IReadOnlyList<UserLine> lines = ann.Session.GetUserLines();
        Check.That(lines.Count > 0 && lines.All(l => l.Text.Length > 0), "lines for the user");
        Check.That(lines.All(l => l.Level == LogLevel.Info || l.Level == LogLevel.Warn), "levels of the lines");

        RelayStats relay = party.Relay.GetStats();
        Check.Equal(2L, relay.Connections, "connections");
        Check.That(relay.SentDatagrams > 0 && relay.SentBytes > 0, "what the relay sent");
        Member member = party.Relay.GetMembers(Party.Code).Single(m => m.Name == "Ann");
        Check.Equal(ann.Mac, member.Mac.Value, "address at the relay");
        Check.That(member.ReceivedDatagrams > 0 && member.Budget > 1000, "the member's counters");
        Check.Contains("full", Library.Describe(LanPartyStatus.RoomFull), "a status in words");
        Check.That(Library.Describe((LanPartyStatus)(-12345)).Length > 0, "an unknown status in words");
    }

    public static void AbiMismatch()
    {
        LanPartyException e = Check.Fails(LanPartyStatus.Unsupported, () => Library.CheckAbi(99), "ABI version 99");
        Check.Contains("99", e.Message, "what was found");
        Check.Contains(Library.AbiVersion.ToString(), e.Message, "what is needed");

        // In a process of its own, with a library of another version in the real one's place.
        string other = Environment.GetEnvironmentVariable("LANPARTY_OTHER_ABI");
        Check.That(!string.IsNullOrEmpty(other), "LANPARTY_OTHER_ABI does not name the folder of the other library");
        string said = Children.Start("abi-mismatch", other).Finish(0);
        Check.Contains("refused: Unsupported", said, "a library of another version");
        Check.Contains("ABI version 99", said, "its number");
        Check.Contains("still refused", said, "the second attempt");

        using (var empty = new TemporaryFolder())
            Check.Contains("not found", Children.Start("abi-mismatch", empty.File("nowhere")).Finish(0), "no library at all");
    }
}
