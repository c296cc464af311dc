using System;
using System.Diagnostics;
using System.Globalization;
using System.Threading;
using LanParty;

/// <summary>
/// Frames per second through a virtual port, from end to end: a relay and two sessions in this process, unicast in
/// batches of 32. One line of JSON per size.
/// </summary>
internal static class Throughput
{
    private const int Batch = 32;
    private const string Room = "PARTY-42";

    private static int Main(string[] args)
    {
        double seconds = 3;
        if (args.Length == 2 && args[0] == "--seconds") seconds = double.Parse(args[1], CultureInfo.InvariantCulture);
        else if (args.Length != 0)
        {
            Console.Error.WriteLine("usage: Throughput.exe [--seconds N]");
            return 2;
        }
        using (var options = new RelayOptions("127.0.0.1:0"))
        {
            foreach (string limit in new[] { "bytes", "flood", "unknown-unicast" }) options.Set($"limit-client-{limit}", "unlimited");
            using (Relay relay = Relay.Bind(options))
            using (var from = new Side(relay, "Ann"))
            using (var to = new Side(relay, "Bob"))
            {
                foreach (int size in new[] { 64, 1400 }) Measure(from, to, size, seconds);
            }
        }
        return 0;
    }

    private sealed class Side : IDisposable
    {
        private readonly Identity identity = Identity.Generate();

        internal readonly Port Port = Port.NewVirtual(1024);
        internal readonly MacAddress Mac;
        private readonly Session session;

        internal Side(Relay relay, string name)
        {
            Mac = identity.Mac;
            using (var options = new SessionOptions(Role.Client, relay.Address, Room))
            {
                options.ServerName = "lanparty-relay.local";
                options.TrustCertificates(relay.Certificate);
                options.Name = name;
                options.Identity = identity;
                options.Port = Port;
                session = Session.Join(options);
            }
        }

        public void Dispose()
        {
            session.Dispose();
            Port.Dispose();
            identity.Dispose();
        }
    }

    private static void Measure(Side from, Side to, int size, double seconds)
    {
        bool stop = false;
        long sent = 0, received = 0, receivedAtStart = 0, sentAtStart = 0;
        var sender = new Thread(() =>
        {
            using (var batch = new FrameBatch(Batch, Batch * size))
            {
                var frame = new byte[size];
                to.Mac.CopyTo(frame, 0);
                from.Mac.CopyTo(frame, 6);
                frame[12] = 0x88;
                frame[13] = 0xb5;
                while (batch.TryAdd(frame)) { }
                int first = 0;
                while (!Volatile.Read(ref stop))
                {
                    int count = from.Port.TrySend(batch, first);
                    Volatile.Write(ref sent, sent + count);
                    // A full queue: let somebody else have the core.
                    if (count == 0) Thread.Yield();
                    first = (first + count) % Batch;
                }
            }
        });
        var receiver = new Thread(() =>
        {
            using (var batch = new FrameBatch(Batch, 64 * 1024))
            {
                while (!Volatile.Read(ref stop))
                {
                    int count = to.Port.Receive(batch, 100);
                    for (int i = 0; i < count; i++)
                        if (batch[i].Count == size) Volatile.Write(ref received, received + 1);
                }
            }
        });
        var watch = new Stopwatch();
        sender.Start();
        receiver.Start();
        // The first second warms up: the compiler here, the congestion window there.
        Thread.Sleep(1000);
        watch.Start();
        receivedAtStart = Volatile.Read(ref received);
        sentAtStart = Volatile.Read(ref sent);
        Thread.Sleep(TimeSpan.FromSeconds(seconds));
        double elapsed = watch.Elapsed.TotalSeconds;
        long frames = Volatile.Read(ref received) - receivedAtStart;
        long offered = Volatile.Read(ref sent) - sentAtStart;
        Volatile.Write(ref stop, true);
        sender.Join();
        receiver.Join();
        Console.WriteLine(string.Format(
            CultureInfo.InvariantCulture,
            "{{\"language\":\"csharp\",\"bytes\":{0},\"frames_per_second\":{1},\"sent_per_second\":{2}}}",
            size, (long)(frames / elapsed), (long)(offered / elapsed)));
    }
}
