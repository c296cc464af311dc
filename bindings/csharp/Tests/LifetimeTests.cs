using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using LanParty;

/// <summary>Beginnings and ends.</summary>
internal static class LifetimeTests
{
    public static void CloseWhileWaiting()
    {
        using (var party = new Party())
        {
            Attendee ann = party.Join("Ann");
            using (var waiting = new CountdownEvent(2))
            {
                EventKind last = 0;
                bool portEnded = false;
                Exception failure = null;
                Thread events = Start(() =>
                {
                    waiting.Signal();
                    while (!ann.Session.EventsEnded)
                        if (ann.Session.TryNextEvent(Timeout.Infinite, out SessionEvent e)) last = e.Kind;
                }, e => failure = e);
                Thread frames = Start(() =>
                {
                    waiting.Signal();
                    portEnded = !ann.Port.TryReceive(new byte[2048], out _, Timeout.Infinite) && ann.Port.Ended;
                }, e => failure = e);
                Check.That(waiting.Wait(Party.Wait), "the threads did not start");
                Check.That(ann.Session.Close("good night", Party.Wait), "the close took too long");
                Check.That(events.Join(Party.Wait), "next_event was not woken");
                Check.That(frames.Join(Party.Wait), "recv was not woken");
                Check.That(failure == null, $"a waiting thread failed: {failure}");
                Check.Equal(EventKind.Ended, last, "the last event");
                Check.That(portEnded, "the port did not end");
            }
        }
    }

    private static Thread Start(Action body, Action<Exception> failed)
    {
        var thread = new Thread(() =>
        {
            try
            {
                body();
            }
            catch (Exception e)
            {
                failed(e);
            }
        }) { IsBackground = true };
        thread.Start();
        return thread;
    }

    public static void DoubleClose()
    {
        using (var party = new Party())
        {
            Attendee ann = party.Join("Ann");
            Check.That(ann.Session.Close(null, Party.Wait), "first close");
            Check.That(ann.Session.Close("again", Party.Wait), "second close");
            ann.Port.Close();
            ann.Port.Close();
            Check.That(party.Relay.Close(null, Party.Wait), "first close of the relay");
            Check.That(party.Relay.Close(null, Party.Wait), "second close of the relay");
            ann.Session.Dispose();
            ann.Session.Dispose();
            ann.Port.Dispose();
            ann.Port.Dispose();
            party.Relay.Dispose();
            party.Relay.Dispose();
        }
    }

    public static void UseAfterClose()
    {
        using (var party = new Party())
        using (Port spare = Port.NewVirtual())
        {
            Attendee ann = party.Join("Ann");
            Session session = ann.Session;
            Check.That(session.Close(null, Party.Wait), "close");
            Check.Fails(LanPartyStatus.Closed, () => session.Bridge(spare), "bridge");
            Check.Equal(Phase.Ended, session.Phase, "phase");
            session.GetStats();
            session.GetStat(Stat.RxFrames);
            session.GetDrops();
            session.GetPeers();
            session.GetUserLines();
            session.GetDiagnostics();
            Room room = session.Room;
            ann.Until(EventKind.Ended);
            Check.That(!session.TryNextEvent(Timeout.Infinite, out _) && session.EventsEnded, "events after the end");

            ann.Port.Close();
            Check.That(!ann.Port.TrySend(ann.Frame(MacAddress.Broadcast, 60)) && ann.Port.Ended, "send on a closed port");
            Check.Fails(LanPartyStatus.End, () => ann.Port.Send(ann.Frame(MacAddress.Broadcast, 60)), "send, throwing");
            Check.That(!ann.Port.TryReceive(new byte[2048], out _, Timeout.Infinite), "receive from a closed port");
            Check.That(ann.Port.Info.IsClosed, "info of a closed port");

            Relay relay = party.Relay;
            Check.That(relay.Close(null, Party.Wait), "close of the relay");
            while (relay.TryNextEvent(0, out _)) { }
            Check.That(relay.EventsEnded, "events of a closed relay");
            Check.Fails(LanPartyStatus.Closed, () => relay.Address.ToString(), "address");
            Check.Fails(LanPartyStatus.Closed, () => relay.Certificate.ToString(), "certificate");
            Check.Fails(LanPartyStatus.Closed, () => relay.GetRooms(), "rooms");
            Check.Fails(LanPartyStatus.Closed, () => relay.GetMembers(Party.Code), "members");
            Check.Fails(LanPartyStatus.Closed, () => relay.Kick(Party.Code, 1), "kick");
            Check.Fails(LanPartyStatus.Closed, () => relay.GetStats(), "stats");

            // Disposed of is more than closed: .NET has an exception for that.
            session.Dispose();
            ann.Port.Dispose();
            relay.Dispose();
            Check.Throws<ObjectDisposedException>(() => session.GetStats(), "stats of a disposed session");
            Check.Throws<ObjectDisposedException>(() => session.TryNextEvent(0, out _), "events of a disposed session");
            Check.Throws<ObjectDisposedException>(() => session.Close(), "close of a disposed session");
            Check.Throws<ObjectDisposedException>(() => session.Bridge(spare), "bridge of a disposed session");
            Check.Throws<ObjectDisposedException>(() => ann.Port.TrySend(new byte[60]), "send on a disposed port");
            Check.Throws<ObjectDisposedException>(() => ann.Port.TryReceive(new byte[60], out _), "receive from a disposed port");
            Check.Throws<ObjectDisposedException>(() => relay.Address.ToString(), "address of a disposed relay");
            var batch = new FrameBatch();
            batch.Dispose();
            batch.Dispose();
            Check.Throws<ObjectDisposedException>(() => batch.TryAdd(new byte[60]), "a disposed batch");
            Check.Throws<ObjectDisposedException>(() => spare.Receive(batch), "receive into a disposed batch");
            Check.Throws<ObjectDisposedException>(() => spare.TrySend(batch), "send from a disposed batch");
            SessionOptions options = party.Options();
            options.Dispose();
            Check.Throws<ObjectDisposedException>(() => Session.Start(options), "start with disposed options");
            Check.Throws<ObjectDisposedException>(() => options.Name = "Ann", "disposed options");

            // A disposed object as an argument: the other one must not be left held.
            using (SessionOptions others = party.Options())
            {
                Identity identity = Identity.Generate();
                identity.Dispose();
                Check.Throws<ObjectDisposedException>(() => others.Identity = identity, "a disposed identity");
                Check.Throws<ObjectDisposedException>(() => others.Port = ann.Port, "a disposed port");
                others.Set("relay", "127.0.0.1:1");
                using (Session another = Session.Start(others))
                    Check.Throws<ObjectDisposedException>(() => another.Bridge(ann.Port), "bridging a disposed port");
            }
        }
    }

    public static void BridgeAgain()
    {
        using (var party = new Party())
        using (Port spare = Port.NewVirtual())
        {
            party.Pair(out Attendee ann, out Attendee bob);
            Check.Fails(LanPartyStatus.PortInUse, () => bob.Session.Bridge(ann.Port), "a port that is in use");
            Check.That(ann.Port.Info.IsBridged, "bridged");
            Check.That(ann.Session.Unbridge(Party.Wait), "unbridge");
            Check.That(!ann.Port.Info.IsBridged, "not bridged");
            Check.That(ann.Session.Bridge(ann.Port, Party.Wait), "the same port again");
            ann.Reaches(bob, 1);

            // Another takes its place; the former is free for somebody else.
            Check.That(ann.Session.Bridge(spare, Party.Wait), "another port");
            Check.That(!ann.Port.Info.IsBridged && !ann.Port.Ended, "the former port is free");
            Check.That(bob.Session.Unbridge(Party.Wait), "unbridge");
            Check.That(bob.Session.Bridge(ann.Port, Party.Wait), "a port of another session");
            var buffer = new byte[2048];
            byte[] frame = Frames.Make(bob.Mac, ann.Mac, 60, 2);
            bool reached = false;
            for (int i = 0; i < 50 && !reached; i++)
            {
                spare.Send(frame);
                reached = ann.Port.TryReceive(buffer, out int length, 200) && Frames.Equal(frame, buffer, length);
            }
            Check.That(reached, "nothing came through the ports that changed hands");
        }
    }

    public static void AHundredSessions()
    {
        using (var party = new Party())
        {
            long before = Library.LiveHandles;
            for (int i = 0; i < 100; i++) OpenAndClose(party, i);
            Check.Equal(before, Library.LiveHandles, "live handles after a hundred, one after the other");
            for (int round = 0; round < 10; round++)
            {
                int first = round * 10;
                var failures = new ConcurrentQueue<Exception>();
                List<Thread> threads = Enumerable.Range(first, 10)
                    .Select(i => Start(() => OpenAndClose(party, i), failures.Enqueue)).ToList();
                foreach (Thread thread in threads) thread.Join();
                Check.That(failures.IsEmpty, string.Join("; ", failures));
            }
            Check.Equal(before, Library.LiveHandles, "live handles after a hundred, ten at a time");
        }
    }

    private static void OpenAndClose(Party party, int number)
    {
        using (SessionOptions options = party.Options())
        using (Port port = Port.NewVirtual())
        {
            options.Name = $"Player {number}";
            options.Port = port;
            using (Session session = Session.Join(options, Party.Wait)) Check.Equal(Phase.Joined, session.Phase, "phase");
        }
    }

    public static void ForgottenHandlesAreFreed()
    {
        using (var party = new Party())
        {
            long before = Library.LiveHandles;
            // In a method and on a thread of its own, so that no register or stack slot here keeps them.
            Exception failure = null;
            Start(() => Forget(party), e => failure = e).Join();
            Check.That(failure == null, $"{failure}");
            for (int i = 0; i < 50 && Library.LiveHandles != before; i++)
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }
            // Mono looks at stacks without knowing what is a reference, so that one round may be kept by a number that looks
            // like one. A handle that nobody frees would be left by all of them.
            long left = Library.LiveHandles - before;
            Check.That(left < 2 * HandlesOfARound, $"{left} live handles after finalizers");
        }
    }

    /// <summary>The session, its port, the identity and the options.</summary>
    private const int HandlesOfARound = 4;

    private static void Forget(Party party)
    {
        for (int i = 0; i < 5; i++)
        {
            SessionOptions options = party.Options();
            options.Identity = Identity.Generate();
            options.Port = Port.NewVirtual();
            Session.Join(options, Party.Wait);
            new FrameBatch().Clear();
        }
        // Memory that the conservative look at this stack may find is overwritten.
        var noise = new long[512];
        GC.KeepAlive(noise);
    }

    public static void TwoInstances()
    {
        using (var one = new Party())
        {
            using (var two = new Party())
            {
                one.Pair(out Attendee ann, out Attendee bob);
                two.Pair(out Attendee other, out Attendee another);
                ann.Port.Send(ann.Frame(MacAddress.Broadcast, 60, 1));
                bob.Receive("broadcast");
                other.ReceivesNothing("a broadcast of another relay");
                another.ReceivesNothing("a broadcast of another relay");
                Check.Equal(1, ann.Session.GetPeers().Count, "peers");
                other.Reaches(another, 2);
                two.Dispose();
                ann.Reaches(bob, 3);
                Check.Equal(Phase.Joined, ann.Session.Phase, "phase after the other party closed");
            }
        }
    }

    public static void Reinitialise()
    {
        long before = Library.LiveHandles;
        for (int i = 0; i < 3; i++)
        {
            using (var party = new Party())
            {
                party.Pair(out Attendee ann, out Attendee bob);
                ann.Reaches(bob, i);
            }
            Check.Equal(before, Library.LiveHandles, "live handles after everything was closed");
        }
    }
}
