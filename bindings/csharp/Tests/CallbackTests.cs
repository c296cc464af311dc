using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using LanParty;

/// <summary>What native threads call.</summary>
internal static class CallbackTests
{
    private sealed class Recorder : FrameSink
    {
        internal readonly ManualResetEventSlim Received = new ManualResetEventSlim();
        internal readonly ManualResetEventSlim WasReleased = new ManualResetEventSlim();
        internal Func<byte[], bool> Body = frame => true;
        internal int Frames, Releases, AfterRelease, RoomMtu, SinkMtu;

        public override int Mtu => SinkMtu;

        public override bool Send(ArraySegment<byte> frame)
        {
            if (WasReleased.IsSet) Interlocked.Increment(ref AfterRelease);
            Interlocked.Increment(ref Frames);
            try
            {
                return Body(frame.ToArray());
            }
            finally
            {
                Received.Set();
            }
        }

        public override void SetMtu(int mtu) => RoomMtu = mtu;

        public override void Released()
        {
            Interlocked.Increment(ref Releases);
            WasReleased.Set();
        }
    }

    /// <summary>Sends until the sink was called: datagrams may be lost.</summary>
    private static void Reach(Attendee from, Attendee to, Recorder sink)
    {
        for (int i = 0; i < 50; i++)
        {
            from.Port.Send(from.Frame(to.Mac, 60, i));
            if (sink.Received.Wait(200)) return;
        }
        throw new CheckFailed("no frame reached the sink");
    }

    public static void FrameSinks()
    {
        using (var party = new Party())
        {
            var sink = new Recorder();
            byte[] last = null;
            sink.Body = frame =>
            {
                last = frame;
                return true;
            };
            Attendee bob = party.Join("Bob", port: Port.NewSink(sink));
            Attendee ann = party.Join("Ann");
            bob.SeesPeer("Ann");
            Reach(ann, bob, sink);
            Check.That(last.Take(6).SequenceEqual(bob.Mac.ToBytes()), "the destination");
            Check.Equal(60, last.Length, "length");
            Check.Equal(bob.Session.Room.Mtu, sink.RoomMtu, "the MTU that was told");
            Check.Equal(PortKind.Sink, bob.Port.Info.Kind, "kind");

            byte[] frame2 = bob.Frame(ann.Mac, 100, 9);
            bob.Port.Send(frame2);
            Check.That(frame2.SequenceEqual(ann.Receive("frame of a sink")), "the frame differs");
            Check.Fails(LanPartyStatus.WrongPort, () => bob.Port.TryReceive(new byte[60], out _), "receive from a sink");

            sink.Body = frame => false;
            sink.Received.Reset();
            Reach(ann, bob, sink);
            bob.Eventually(() => bob.Dropped("port_full") > 0, "a full sink is counted");
        }
    }

    public static void PanickingCallback()
    {
        using (var party = new Party())
        {
            var sink = new Recorder();
            sink.Body = frame => { throw new InvalidOperationException("a bug of the program"); };
            Port port = Port.NewSink(sink);
            Exception seen = null;
            port.CallbackFailed += (sender, e) => seen = e.Exception;
            Attendee bob = party.Join("Bob", port: port);
            Attendee ann = party.Join("Ann");
            bob.SeesPeer("Ann");
            Reach(ann, bob, sink);
            bob.Eventually(() => bob.Dropped("port_error") > 0, "the failure is counted");
            Check.That(seen is InvalidOperationException, $"the event had {seen}");
            Check.That(port.LastError is InvalidOperationException, $"the last error is {port.LastError}");

            // The session lives on, and so does the sink once it is mended.
            sink.Body = frame => true;
            sink.Received.Reset();
            Reach(ann, bob, sink);
            Check.Equal(Phase.Joined, bob.Session.Phase, "phase");

            int status = NativeMethods.lanparty_test_panic(bob.Session.Handle, out IntPtr error);
            LanPartyException e1 = Check.Fails(LanPartyStatus.Panic, () => LanPartyException.Check(status, error), "a panic");
            Check.Equal(ErrorKind.Internal, e1.Kind, "kind");
            Check.Fails(LanPartyStatus.Panic, () => bob.Session.GetStats(), "the poisoned session");
            Check.Fails(LanPartyStatus.Panic, () => bob.Session.TryNextEvent(0, out _), "the poisoned session's events");
            Check.Equal(Phase.Joined, ann.Session.Phase, "the other session");
            int alone = NativeMethods.lanparty_test_panic(new SessionHandle(), out IntPtr error2);
            Check.Fails(LanPartyStatus.Panic, () => LanPartyException.Check(alone, error2), "a panic without a session");
        }
    }

    public static void ReentrantCallback()
    {
        using (var party = new Party())
        {
            var sink = new Recorder();
            Attendee bob = party.Join("Bob", port: Port.NewSink(sink));
            Attendee ann = party.Join("Ann");
            bob.SeesPeer("Ann");
            var failures = new List<string>();
            int rounds = 0;
            sink.Body = frame =>
            {
                Inside(failures, () =>
                {
                    Check.Fails(LanPartyStatus.Reentrant, () => bob.Session.TryNextEvent(50, out _), "a waiting call");
                    Check.Fails(LanPartyStatus.Reentrant, () => ann.Session.WaitJoined(50), "a wait for another session");
                    Check.Fails(
                        LanPartyStatus.Reentrant, () => ann.Port.TryReceive(new byte[2048], out _, 50), "a wait for a frame");
                    Check.Fails(LanPartyStatus.Reentrant, () => bob.Session.Close(), "a close");
                    bob.Session.TryNextEvent(0, out _);
                    Check.Equal(Phase.Joined, bob.Session.Phase, "phase");
                    bob.Session.GetStats();
                    bob.Session.GetPeers();
                    bob.Port.TrySend(bob.Frame(ann.Mac, 60, 77));
                });
                rounds++;
                return true;
            };
            Reach(ann, bob, sink);
            Check.Equal("", string.Join("; ", failures), "inside the callback");
            Check.That(rounds > 0, "the callback did not come to its end");
            Check.Equal(60, ann.Receive("answer sent inside a callback").Length, "the answer");
        }
    }

    private static void Inside(List<string> failures, Action body)
    {
        try
        {
            body();
        }
        catch (Exception e)
        {
            failures.Add(e.Message);
        }
    }

    public static void DisposeInsideCallback()
    {
        using (var party = new Party())
        {
            var sink = new Recorder();
            Attendee bob = party.Join("Bob", port: Port.NewSink(sink));
            Attendee ann = party.Join("Ann");
            bob.SeesPeer("Ann");
            Exception failure = null;
            sink.Body = frame =>
            {
                try
                {
                    bob.Session.Dispose();
                    bob.Port.Dispose();
                }
                catch (Exception e)
                {
                    failure = e;
                }
                return true;
            };
            Reach(ann, bob, sink);
            Check.That(failure == null, $"{failure}");
            Check.That(sink.WasReleased.Wait(Party.Wait), "not released");
            ann.Until(EventKind.PeerLeft, "Bob");
        }
    }

    public static void ReleaseExactlyOnce()
    {
        using (var party = new Party())
        {
            Attendee ann = party.Join("Ann");
            Released("never bridged", sink => Port.NewSink(sink).Dispose());
            Released("port first", sink =>
            {
                Attendee bob = Bridged(party, ann, sink);
                bob.Port.Dispose();
                bob.Session.Dispose();
            });
            Released("session first", sink =>
            {
                Attendee bob = Bridged(party, ann, sink);
                bob.Session.Dispose();
                bob.Port.Dispose();
            });
            Released("unbridged first", sink =>
            {
                Attendee bob = Bridged(party, ann, sink);
                Check.That(bob.Session.Unbridge(Party.Wait), "unbridge");
                bob.Port.Dispose();
            });
            Released("handles freed without a close", sink =>
            {
                Attendee bob = Bridged(party, ann, sink);
                bob.Port.Handle.Dispose();
                bob.Session.Handle.Dispose();
            });
            Released("a port that could not be made", sink =>
            {
                sink.SinkMtu = 60000;
                Check.Fails(LanPartyStatus.InvalidArg, () => Port.NewSink(sink), "an MTU of 60000");
            });
        }
    }

    private static Attendee Bridged(Party party, Attendee ann, Recorder sink)
    {
        Attendee bob = party.Join("Bob", port: Port.NewSink(sink));
        ann.SeesPeer("Bob");
        Reach(ann, bob, sink);
        return bob;
    }

    private static void Released(string order, Action<Recorder> body)
    {
        var sink = new Recorder();
        body(sink);
        Check.That(sink.WasReleased.Wait(Party.Wait), $"{order}: not released");
        Check.Equal(1, sink.Releases, $"{order}: times released");
        Check.Equal(0, sink.AfterRelease, $"{order}: frames after the release");
    }

    public static void GcDuringCallbacks()
    {
        const int Frames = 1000;
        using (var party = new Party())
        {
            var garbage = new List<byte[]>();
            var sink = new Recorder();
            sink.Body = frame =>
            {
                garbage.Add(frame);
                if (garbage.Count > 50) garbage.Clear();
                return true;
            };
            int lines = 0;
            Log.Start(LogLevel.Trace, (level, target, text) => Interlocked.Add(ref lines, text.Length > 0 ? 1 : 0));
            int collections = 0;
            bool stop = false;
            var collector = new Thread(() =>
            {
                while (!Volatile.Read(ref stop))
                {
                    GC.Collect();
                    GC.WaitForPendingFinalizers();
                    collections++;
                }
            });
            try
            {
                Attendee bob = party.Join("Bob", port: Port.NewSink(sink));
                Attendee ann = party.Join("Ann");
                bob.SeesPeer("Ann");
                collector.Start();
                int sent = 0;
                while (Volatile.Read(ref sink.Frames) < Frames)
                {
                    Check.That(sent < 100 * Frames, $"only {sink.Frames} of {sent} frames came");
                    sink.Received.Reset();
                    for (int i = 0; i < 20; i++) ann.Port.TrySend(ann.Frame(bob.Mac, 60 + i, sent++));
                    sink.Received.Wait(200);
                    // Ports come and go meanwhile, so that finalizers and releases have work too.
                    Port.NewSink(new Recorder()).Dispose();
                }
            }
            finally
            {
                Volatile.Write(ref stop, true);
                if (collector.IsAlive) collector.Join();
                Log.Stop();
            }
            Check.That(collections > 10, $"only {collections} collections");
            Check.That(lines > 0, "the log said nothing");
        }
    }

    public static void LogCallback()
    {
        var lines = new List<LogLevel>();
        int released = 0;
        Action<LogLevel, string, string> receive = (level, target, text) =>
        {
            lock (lines) if (target.Length > 0 && text.Length > 0) lines.Add(level);
        };
        OnePartyLong();
        Log.Start(LogLevel.Debug, receive, () => Interlocked.Increment(ref released));
        OnePartyLong();
        lock (lines)
        {
            Check.That(lines.Count > 0, "no lines");
            Check.That(lines.All(l => l >= LogLevel.Error && l <= LogLevel.Debug), "a line of a level that was not asked for");
            Check.That(lines.Any(l => l > LogLevel.Warn), "nothing below a warning");
            lines.Clear();
        }
        Log.Start(LogLevel.Warn, receive, () => Interlocked.Increment(ref released));
        // On the log's own thread, once its last call is over.
        Check.That(SpinWait.SpinUntil(() => released == 1, 10000), "the first receiver is not released");
        OnePartyLong();
        lock (lines) Check.That(lines.All(l => l <= LogLevel.Warn), "a line below the level");
        Log.Stop();
        Check.That(SpinWait.SpinUntil(() => released == 2, 10000), "the second receiver is not released");
        lock (lines) lines.Clear();
        OnePartyLong();
        lock (lines) Check.Equal(0, lines.Count, "lines after the stop");

        // A receiver that throws loses its line and nothing else.
        int thrown = 0;
        Log.Start(LogLevel.Debug, (level, target, text) =>
        {
            Interlocked.Increment(ref thrown);
            throw new InvalidOperationException("a bug of the program");
        });
        OnePartyLong();
        Log.Stop();
        Log.Stop();
        Check.That(thrown > 0, "the receiver was not called");
        Check.Equal(2, released, "releases");
    }

    private static void OnePartyLong()
    {
        using (var party = new Party()) party.Join("Ann");
    }
}
