using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using LanParty;

/// <summary>Events as C# has them.</summary>
internal static class PumpTests
{
    public static void PumpOnTheCallersThread()
    {
        using (var party = new Party())
        {
            Attendee ann = party.Begin("Ann");
            int own = Thread.CurrentThread.ManagedThreadId;
            var seen = new List<string>();
            Func<string, EventHandler<SessionEvent>> note = name => (sender, e) =>
            {
                Check.Equal(own, Thread.CurrentThread.ManagedThreadId, "thread of the handler");
                Check.That(sender == ann.Session, "the sender");
                seen.Add(name);
            };
            ann.Session.Connecting += note("Connecting");
            ann.Session.Joined += note("Joined");
            ann.Session.PeerJoined += note("PeerJoined");
            ann.Session.PeerLeft += note("PeerLeft");
            ann.Session.PeerPaused += note("PeerPaused");
            ann.Session.Paused += note("Paused");
            ann.Session.Ended += note("Ended");
            int all = 0;
            ann.Session.EventReceived += (sender, e) => all++;

            PumpUntil(ann.Session, () => seen.Contains("Joined"));
            Attendee bob = party.Join("Bob");
            PumpUntil(ann.Session, () => seen.Contains("PeerJoined"));
            bob.Session.SetPaused(true);
            ann.Session.SetPaused(true);
            PumpUntil(ann.Session, () => seen.Contains("PeerPaused") && seen.Contains("Paused"));
            bob.Session.Dispose();
            PumpUntil(ann.Session, () => seen.Contains("PeerLeft"));
            Check.Equal(0, ann.Session.Pump(), "events when nothing happened");
            ann.Session.Close(null, Party.Wait);
            PumpUntil(ann.Session, () => seen.Contains("Ended"));
            Check.Equal(0, ann.Session.Pump(Timeout.Infinite), "events after the last");
            Check.That(ann.Session.EventsEnded, "the end of the events");
            Check.That(all >= seen.Count, $"{all} events altogether, {seen.Count} by name");
        }
    }

    private static void PumpUntil(Session session, Func<bool> claim)
    {
        var watch = Stopwatch.StartNew();
        while (!claim())
        {
            Check.That(watch.ElapsedMilliseconds < Party.Wait, "the event did not come");
            session.Pump(100);
        }
    }

    public static void PumpThread()
    {
        using (var party = new Party())
        using (var joined = new ManualResetEventSlim())
        using (var failed = new ManualResetEventSlim())
        {
            Attendee ann = party.Begin("Ann");
            Thread raisedOn = null;
            ann.Session.Joined += (sender, e) =>
            {
                raisedOn = Thread.CurrentThread;
                joined.Set();
                throw new InvalidOperationException("a bug of the program");
            };
            Exception failure = null;
            ann.Session.CallbackFailed += (sender, e) =>
            {
                failure = e.Exception;
                failed.Set();
            };
            ann.Session.StartPump();
            Check.That(joined.Wait(Party.Wait), "the event did not come");
            Check.That(failed.Wait(Party.Wait) && failure is InvalidOperationException, "the failure of the handler");
            Check.That(raisedOn != Thread.CurrentThread && raisedOn.IsBackground, "the pump's thread");
            Check.Throws<InvalidOperationException>(() => ann.Session.StartPump(), "a second pump");
            Check.Throws<InvalidOperationException>(() => ann.Session.Pump(), "a pump beside the thread");
            ann.Session.Dispose();
            Check.That(!raisedOn.IsAlive, "the pump's thread outlives the session");
        }
    }

    public static void DisposeInsideAHandler()
    {
        using (var party = new Party())
        using (var done = new ManualResetEventSlim())
        {
            Attendee ann = party.Begin("Ann");
            Thread pump = null;
            ann.Session.Joined += (sender, e) =>
            {
                pump = Thread.CurrentThread;
                ann.Session.Dispose();
                done.Set();
            };
            ann.Session.StartPump();
            Check.That(done.Wait(Party.Wait), "the handler did not return");
            Check.That(pump.Join(Party.Wait), "the pump did not end");
        }
    }

    public static void WaitJoinedAsync()
    {
        using (var party = new Party())
        {
            Attendee ann = party.Begin("Ann");
            Task waiting = ann.Session.WaitJoinedAsync();
            Check.That(!waiting.IsCompleted, "done before anybody pumped");
            ann.Session.StartPump();
            Check.That(waiting.Wait(Party.Wait), "not done");
            Check.That(ann.Session.WaitJoinedAsync().Wait(Party.Wait), "asked again");

            party.Join("First", Role.Gateway);
            Attendee second = party.Begin("Second", Role.Gateway);
            second.Session.StartPump();
            AggregateException refused = Check.Throws<AggregateException>(
                () => second.Session.WaitJoinedAsync().Wait(Party.Wait), "a second gateway");
            var reason = refused.InnerException as LanPartyException;
            Check.That(reason != null && reason.Code == LanPartyStatus.GatewayPresent, $"why: {refused.InnerException}");
            Check.Equal(ErrorKind.Refused, reason.Kind, "kind");

            using (var source = new CancellationTokenSource())
            {
                Attendee never = party.Begin("Nobody");
                Task cancelled = never.Session.WaitJoinedAsync(source.Token);
                source.Cancel();
                AggregateException e = Check.Throws<AggregateException>(() => cancelled.Wait(Party.Wait), "cancelled");
                Check.That(e.InnerException is OperationCanceledException, $"{e.InnerException}");
                Task disposed = never.Session.WaitJoinedAsync();
                never.Dispose();
                e = Check.Throws<AggregateException>(() => disposed.Wait(Party.Wait), "disposed");
                Check.That(e.InnerException is ObjectDisposedException, $"{e.InnerException}");
            }
        }
    }

    public static void JoinTimesOut()
    {
        // Nobody listens there; a UDP port that is bound and silent answers nothing.
        using (var silent = new System.Net.Sockets.UdpClient(new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, 0)))
        using (var options = new SessionOptions(Role.Client, silent.Client.LocalEndPoint.ToString(), Party.Code))
        {
            options.DangerousAcceptAnyCertificate();
            var watch = Stopwatch.StartNew();
            Check.Throws<TimeoutException>(() => Session.Join(options, 300), "a silent relay");
            Check.That(watch.ElapsedMilliseconds < 10000, $"it took {watch.ElapsedMilliseconds} ms");
        }
    }
}
