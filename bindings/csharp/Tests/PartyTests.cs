using System;
using System.Collections.Generic;
using System.Linq;
using LanParty;

/// <summary>What a party does.</summary>
internal static class PartyTests
{
    public static void HostAndJoin()
    {
        using (var party = new Party())
        {
            party.Pair(out Attendee ann, out Attendee bob);

            Room room = ann.Session.Room;
            Check.Equal(Party.Code, room.Code, "code");
            Check.Equal(2, room.Members, "members");
            Check.That(room.Mtu >= 576, $"an MTU of {room.Mtu}");
            Check.That(room.SelfPeer != 0 && room.SelfPeer != bob.Session.Room.SelfPeer, "own numbers");
            Check.That(!room.HasGateway, "there is no gateway");
            Check.Equal(Phase.Joined, ann.Session.Phase, "phase");
            Check.Equal(Phase.Joined, bob.Session.Phase, "phase");

            Peer peer = ann.Session.GetPeers().Single();
            Check.Equal("Bob", peer.Name, "name of the peer");
            Check.Equal(Role.Client, peer.Role, "role of the peer");
            Check.Equal(bob.Mac, peer.Mac.Value, "address of the peer");
            Check.Equal(bob.Session.Room.SelfPeer, peer.Number, "number of the peer");
            Check.Equal("Ann", bob.Session.GetPeers().Single().Name, "name of the other peer");

            Room atRelay = party.Relay.GetRooms().Single();
            Check.Equal(Party.Code, atRelay.Code, "code at the relay");
            Check.Equal(2, atRelay.Members, "members at the relay");
            Check.Equal(room.Number, atRelay.Number, "number of the room");
            IReadOnlyList<Member> members = party.Relay.GetMembers(Party.Code);
            Check.Equal("Ann Bob", string.Join(" ", members.Select(m => m.Name).OrderBy(n => n)), "names at the relay");
            Check.Fails(LanPartyStatus.NotFound, () => party.Relay.GetMembers("NO-SUCH-ROOM"), "members of no room");

            var kinds = new List<EventKind>();
            while (party.Relay.TryNextEvent(0, out RelayEvent e)) kinds.Add(e.Kind);
            Check.Equal("RoomOpened MemberJoined MemberJoined", string.Join(" ", kinds), "events at the relay");
        }
    }

    public static void ExchangeFrames()
    {
        using (var party = new Party())
        {
            party.Pair(out Attendee ann, out Attendee bob);
            Exchange(ann, bob);
            Exchange(bob, ann);

            foreach (int length in new[] { 14, 1514 })
            {
                byte[] frame = ann.Frame(bob.Mac, length, length);
                ann.Port.Send(frame);
                Check.That(frame.SequenceEqual(bob.Receive($"frame of {length} bytes")), $"{length} bytes differ");
            }
            Check.Fails(LanPartyStatus.FrameLength, () => ann.Port.TrySend(new byte[13]), "a frame of 13 bytes");
        }
    }

    private static void Exchange(Attendee from, Attendee to)
    {
        const int Count = 8;
        var frames = Enumerable.Range(0, Count).Select(i => from.Frame(to.Mac, 60 + 100 * i, i)).ToList();
        using (var batch = new FrameBatch())
        {
            foreach (byte[] frame in frames) Check.That(batch.TryAdd(frame), "the batch is full");
            Check.Equal(Count, from.Port.TrySend(batch), "frames sent");
            int received = 0;
            while (received < Count)
            {
                int count = to.Port.Receive(batch, Party.Wait);
                Check.That(count > 0, $"only {received} frames came");
                for (int i = 0; i < count; i++, received++)
                    Check.That(frames[received].SequenceEqual(batch[i]), $"frame {received} differs");
            }
        }
    }

    public static void SpanOverloads()
    {
        using (var party = new Party())
        {
            party.Pair(out Attendee ann, out Attendee bob);
            byte[] frame = ann.Frame(bob.Mac, 100, 3);
            Span<byte> buffer = new byte[2000];
            Check.That(ann.Port.TrySend(new ReadOnlySpan<byte>(frame)), "not sent");
            Check.That(bob.Port.TryReceive(buffer.Slice(100), out int length, Party.Wait), "not received");
            Check.That(frame.SequenceEqual(buffer.Slice(100, length).ToArray()), "the frame differs");
        }
    }

    public static void Broadcast()
    {
        using (var party = new Party())
        {
            party.Pair(out Attendee ann, out Attendee bob);
            Attendee third = party.Join("Player 3");
            ann.SeesPeer("Player 3");
            byte[] frame = ann.Frame(MacAddress.Broadcast, 60, 7);
            ann.Port.Send(frame);
            Check.That(frame.SequenceEqual(bob.Receive("broadcast")), "the frame differs");
            Check.That(frame.SequenceEqual(third.Receive("broadcast")), "the frame differs");
            ann.ReceivesNothing("its own broadcast");
            Check.Equal(1L, ann.Session.GetStats().TxFloodFrames, "flooded frames");
        }
    }

    public static void SecondGatewayRefused()
    {
        using (var party = new Party())
        {
            Attendee first = party.Join("First", Role.Gateway);
            Check.That(first.Session.Room.HasGateway, "the gateway is in the room");
            Attendee second = party.Begin("Second", Role.Gateway);
            Check.Fails(LanPartyStatus.GatewayPresent, () => second.Session.WaitJoined(Party.Wait), "a second gateway");
            SessionEvent ended = second.Until(EventKind.Ended);
            Check.Equal(LanPartyStatus.GatewayPresent, ended.Status, "why the second ended");
            Check.Equal(Phase.Ended, second.Session.Phase, "phase of the second");
            Check.Equal(Phase.Joined, first.Session.Phase, "phase of the first");
            Attendee ann = party.Join("Ann");
            first.SeesPeer("Ann");
            Check.Equal(Role.Gateway, ann.Session.GetPeers().Single().Role, "role seen by a client");
            ann.Reaches(first, 1);
        }
    }

    public static void WrongCertificate()
    {
        using (var party = new Party())
        using (var other = new Party())
        {
            using (var options = new SessionOptions(Role.Client, party.Address, Party.Code) { ServerName = Party.CertName })
            {
                options.TrustCertificates(other.Certificate);
                LanPartyException e = Check.Fails(
                    LanPartyStatus.CertificateUnknown, () => Session.Join(options, Party.Wait), "another's certificate");
                Check.Equal(ErrorKind.Trust, e.Kind, "kind");
            }
            using (SessionOptions options = party.Options())
            {
                options.ServerName = "another.example";
                Check.Fails(LanPartyStatus.CertificateName, () => Session.Join(options, Party.Wait), "another name");
            }
            using (var options = new SessionOptions(Role.Client, party.Address, Party.Code))
            {
                options.DangerousAcceptAnyCertificate();
                using (Session session = Session.Join(options, Party.Wait))
                    Check.Equal(Phase.Joined, session.Phase, "any certificate");
            }
        }
    }

    public static void RelayKilledAndBack()
    {
        using (var folder = new TemporaryFolder())
        using (var party = new Party(folder.File("relay.der")))
        {
            party.Pair(out Attendee ann, out Attendee bob);
            ann.Reaches(bob, 1);
            party.Relay.Dispose();
            SessionEvent lost = ann.Until(EventKind.Disconnected);
            Check.That(lost.Text.Length > 0, "no cause was given");
            bob.Until(EventKind.Disconnected);
            Check.That(ann.Session.Phase != Phase.Ended, "the session gave up");

            party.Relay = Party.Open(party.Address, folder.File("relay.der"));
            Check.That(party.Relay.Certificate.SequenceEqual(party.Certificate), "the certificate is another one");
            Check.That(ann.Until(EventKind.Joined).Again, "AGAIN is not set");
            Check.That(bob.Until(EventKind.Joined).Again, "AGAIN is not set");
            ann.Reaches(bob, 2);
            bob.Reaches(ann, 3);
            Check.Equal(1L, ann.Session.GetStat(Stat.Reconnects), "reconnects");
        }
    }

    public static void Kick()
    {
        using (var party = new Party())
        {
            party.Pair(out Attendee ann, out Attendee bob);
            Check.Fails(LanPartyStatus.NotFound, () => party.Relay.Kick(Party.Code, 4711), "kick of a stranger");
            Check.Fails(LanPartyStatus.NotFound, () => party.Relay.Kick("NO-SUCH-ROOM", 1), "kick out of no room");
            party.Relay.Kick(Party.Code, bob.Session.Room.SelfPeer, "no cheating");

            SessionEvent ended = bob.Until(EventKind.Ended);
            Check.Equal(LanPartyStatus.PeerClosed, ended.Status, $"why ({ended.Text})");
            Check.Contains("no cheating", ended.Text + ended.Line, "the relay's words");
            Check.That(!bob.Session.TryNextEvent(Party.Wait, out _) && bob.Session.EventsEnded, "events after the last");
            Check.That(!bob.Port.TryReceive(new byte[2048], out _, Party.Wait) && bob.Port.Ended, "the port did not end");

            SessionEvent left = ann.Until(EventKind.PeerLeft, "Bob");
            Check.Equal(LeaveReason.Kicked, left.Reason, "reason");
            Check.Equal(0, ann.Session.GetPeers().Count, "peers that are left");
        }
    }
}
