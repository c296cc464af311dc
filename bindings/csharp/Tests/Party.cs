using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using LanParty;

/// <summary>A relay on the loopback and whoever joins it.</summary>
internal sealed class Party : IDisposable
{
    internal const int Wait = 15000;
    internal const string Code = "PARTY-42";
    internal const string CertName = "lanparty-relay.local";

    private readonly List<Attendee> attendees = new List<Attendee>();

    internal Relay Relay { get; set; }

    internal byte[] Certificate { get; }

    internal string Address { get; }

    internal Party(string certFile = null)
    {
        Relay = Open("127.0.0.1:0", certFile);
        Address = Relay.Address;
        Certificate = Relay.Certificate;
    }

    internal static Relay Open(string listen, string certFile = null)
    {
        using (var options = new RelayOptions(listen))
        {
            // All members come from one address, and some tests make many of them.
            options.Set("limit-handshakes-per-address", "unlimited");
            if (certFile != null) options.Set("dev-cert-der-out", certFile);
            return Relay.Bind(options);
        }
    }

    internal SessionOptions Options(Role role = Role.Client, string room = Code)
    {
        var options = new SessionOptions(role, Address, room) { ServerName = CertName };
        options.TrustCertificates(Certificate);
        return options;
    }

    /// <summary>Joins with a virtual port of its own, or with the one given.</summary>
    internal Attendee Join(string name, Role role = Role.Client, Port port = null, string room = Code)
    {
        var attendee = Begin(name, role, port, room);
        Check.That(attendee.Session.WaitJoined(Wait), $"{name} is not in");
        return attendee;
    }

    internal Attendee Begin(string name, Role role = Role.Client, Port port = null, string room = Code)
    {
        using (SessionOptions options = Options(role, room))
        {
            var attendee = new Attendee(name, options, port ?? Port.NewVirtual());
            attendees.Add(attendee);
            return attendee;
        }
    }

    /// <summary>Two clients that know of each other.</summary>
    internal void Pair(out Attendee ann, out Attendee bob)
    {
        ann = Join("Ann");
        bob = Join("Bob");
        ann.SeesPeer("Bob");
        bob.SeesPeer("Ann");
    }

    public void Dispose()
    {
        foreach (Attendee attendee in attendees) attendee.Dispose();
        Relay?.Dispose();
    }
}

/// <summary>A session, its port and its address.</summary>
internal sealed class Attendee : IDisposable
{
    private readonly Identity identity = Identity.Generate();

    internal readonly string Name;
    internal readonly Port Port;
    internal readonly Session Session;
    internal readonly MacAddress Mac;

    internal Attendee(string name, SessionOptions options, Port port)
    {
        Name = name;
        Port = port;
        Mac = identity.Mac;
        options.Name = name;
        options.Identity = identity;
        options.Port = port;
        Session = Session.Start(options);
    }

    /// <summary>Takes events up to the one wanted.</summary>
    internal SessionEvent Until(EventKind kind, string who = null)
    {
        var watch = Stopwatch.StartNew();
        var seen = new List<string>();
        while (watch.ElapsedMilliseconds < Party.Wait)
        {
            if (!Session.TryNextEvent(Party.Wait, out SessionEvent e)) break;
            if (e.Kind == kind && (who == null || e.Name == who)) return e;
            seen.Add(e.ToString());
        }
        throw new CheckFailed($"{Name} saw no {kind} {who}, but: {string.Join("; ", seen)}");
    }

    internal SessionEvent SeesPeer(string who) => Until(EventKind.PeerJoined, who);

    /// <summary>Waits, by the session's own clock, until something holds.</summary>
    internal void Eventually(Func<bool> claim, string what)
    {
        var watch = Stopwatch.StartNew();
        while (!claim())
        {
            Check.That(watch.ElapsedMilliseconds < Party.Wait, $"{what}: not within {Party.Wait} ms");
            Session.TryNextEvent(20, out _);
        }
    }

    internal long Dropped(string reason) => Session.GetDrops().TryGetValue(reason, out long count) ? count : 0;

    /// <summary>A frame from here, as long as wanted.</summary>
    internal byte[] Frame(MacAddress to, int length, int number = 0) => Frames.Make(to, Mac, length, number);

    /// <summary>
    /// Sends it and waits for it at the other's port: the datagrams of QUIC may be lost, so it is sent again.
    /// </summary>
    internal void Reaches(Attendee other, int number)
    {
        byte[] frame = Frame(other.Mac, 60, number);
        var buffer = new byte[2048];
        for (int i = 0; i < 50; i++)
        {
            Port.TrySend(frame);
            if (other.Port.TryReceive(buffer, out int length, 200) && Frames.Equal(frame, buffer, length)) return;
        }
        throw new CheckFailed($"no frame of {Name} reached {other.Name}");
    }

    internal byte[] Receive(string what)
    {
        var buffer = new byte[2048];
        Check.That(Port.TryReceive(buffer, out int length, Party.Wait), $"{Name} received no {what}");
        return buffer.Take(length).ToArray();
    }

    internal void ReceivesNothing(string what)
    {
        Check.That(!Port.TryReceive(new byte[2048], out int length, 200), $"{Name} received {what}: {length} bytes");
    }

    public void Dispose()
    {
        Session.Dispose();
        Port.Dispose();
        identity.Dispose();
    }
}

internal static class Frames
{
    /// <summary>An Ethernet frame of the type for local experiments, its payload counting up from a number.</summary>
    internal static byte[] Make(MacAddress to, MacAddress from, int length, int number)
    {
        var frame = new byte[length];
        to.CopyTo(frame, 0);
        from.CopyTo(frame, 6);
        frame[12] = 0x88;
        frame[13] = 0xb5;
        for (int i = 14; i < length; i++) frame[i] = (byte)(number + i);
        return frame;
    }

    internal static bool Equal(byte[] expected, byte[] buffer, int length) =>
        expected.Length == length && expected.SequenceEqual(buffer.Take(length));
}

internal sealed class TemporaryFolder : IDisposable
{
    private readonly string path = Path.Combine(Path.GetTempPath(), "lanparty-" + Guid.NewGuid().ToString("N"));

    internal TemporaryFolder() => Directory.CreateDirectory(path);

    internal string File(string name) => Path.Combine(path, name);

    public void Dispose() => Directory.Delete(path, true);
}
