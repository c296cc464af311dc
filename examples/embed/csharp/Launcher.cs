// The smallest launcher: host or join a room, see who is there, and find games by a broadcast, with no driver and no root.
//   Launcher.exe host [--room CODE] [--listen ADDRESS] [--cert-out FILE] [--name NAME]
//   Launcher.exe join RELAY ROOM --cert FILE [--name NAME] [--server-name NAME]
//   both: [--seconds N] [--answers N]  leave after so long, or after so many answers
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text;
using LanParty;

internal static class Launcher
{
    private static readonly Dictionary<string, string> Options = new Dictionary<string, string>
    {
        ["--room"] = "PARTY", ["--listen"] = "127.0.0.1:0", ["--cert-out"] = null, ["--cert"] = null,
        ["--name"] = null, ["--server-name"] = "lanparty-relay.local", ["--seconds"] = "0", ["--answers"] = "0",
    };

    private static volatile bool leave;

    private static int Main(string[] args)
    {
        var words = new List<string>();
        for (int i = 0; i < args.Length; i++)
        {
            if (Options.ContainsKey(args[i]) && i + 1 < args.Length) Options[args[i]] = args[++i];
            else words.Add(args[i]);
        }
        Console.CancelKeyPress += (sender, e) => e.Cancel = leave = true;
        bool hosting = words.Count == 1 && words[0] == "host";
        if (Options["--name"] == null) Options["--name"] = hosting ? "Ann" : "Bob";
        try
        {
            if (hosting) return Host();
            if (words.Count == 3 && words[0] == "join" && Options["--cert"] != null)
                return Play(words[1], words[2], File.ReadAllBytes(Options["--cert"]));
            Console.Error.WriteLine("usage: Launcher.exe host [options] | join RELAY ROOM --cert FILE [options]");
            return 2;
        }
        catch (Exception e) when (e is LanPartyException || e is TimeoutException || e is IOException)
        {
            Console.Error.WriteLine(e.Message);
            return 1;
        }
    }

    private static int Host()
    {
        using (var options = new RelayOptions(Options["--listen"]))
        {
            // Kept there with its key beside it, so that the others know this host again.
            if (Options["--cert-out"] != null) options.Set("dev-cert-der-out", Options["--cert-out"]);
            using (Relay relay = Relay.Bind(options))
            {
                Console.WriteLine($"hosting {Options["--room"]} on {relay.Address}");
                return Play(relay.Address, Options["--room"], relay.Certificate);
            }
        }
    }

    private static int Play(string relay, string room, byte[] certificate)
    {
        int result;
        using (Identity identity = Identity.Generate())
        using (Port port = Port.NewVirtual())
        using (var options = new SessionOptions(Role.Client, relay, room))
        {
            options.ServerName = Options["--server-name"];
            options.TrustCertificates(certificate);
            options.Name = Options["--name"];
            options.Identity = identity;
            options.Port = port;
            using (Session session = Session.Join(options))
            {
                Console.WriteLine($"joined {room} as member {session.Room.SelfPeer} (MTU {session.Room.Mtu})");
                session.PeerJoined += (sender, e) => ShowPlayers(session);
                session.EventReceived += (sender, e) => Console.Write(e.Line.Length > 0 ? $"status: {e.Line}\n" : "");
                Look(session, port, identity.Mac);
                result = session.EventsEnded ? 1 : 0; // over, and not because the user wanted to leave
                ShowPlayers(session);
                foreach (UserLine line in session.GetUserLines()) Console.WriteLine($"status: {line}");
                session.Close($"{options.Name} goes home");
            }
        }
        Console.WriteLine("left");
        return result;
    }

    private static void ShowPlayers(Session session)
    {
        foreach (Peer peer in session.GetPeers())
        {
            string ping = peer.Ping?.TotalMilliseconds.ToString("0.0 'ms'", CultureInfo.InvariantCulture) ?? "-";
            Console.WriteLine($"player {peer.Name} ({(peer.Role == Role.Gateway ? "gateway" : "client")}) {ping}");
        }
    }

    /// <summary>Asks the room once a second who is there, answers others, and shows what comes.</summary>
    private static void Look(Session session, Port port, MacAddress own)
    {
        int seconds = int.Parse(Options["--seconds"]), wanted = int.Parse(Options["--answers"]), answers = 0, told = 0;
        Stopwatch running = Stopwatch.StartNew(), asked = null, enough = null;
        using (var batch = new FrameBatch())
        {
            while (!leave && !session.EventsEnded && (seconds == 0 || running.Elapsed.TotalSeconds < seconds))
            {
                session.Pump();
                // Enough were seen and told. What is still under way would be lost with the session, so stay a moment.
                if (wanted > 0 && answers >= wanted && told >= wanted && enough == null) enough = Stopwatch.StartNew();
                if (enough != null && enough.ElapsedMilliseconds > 1500) return;
                if (asked == null || asked.ElapsedMilliseconds >= 1000)
                {
                    asked = Stopwatch.StartNew();
                    port.TrySend(Frame(MacAddress.Broadcast, own, "LPQ?"));
                }
                port.Receive(batch, 100);
                for (int i = 0; i < batch.Count; i++)
                {
                    byte[] frame = batch[i].ToArray();
                    if (frame.Length < 18 || frame[12] != 0x88 || frame[13] != 0xb5) continue;
                    string text = Encoding.UTF8.GetString(frame, 14, frame.Length - 14);
                    if (text.StartsWith("LPQ?", StringComparison.Ordinal))
                    {
                        var asker = new MacAddress(new ArraySegment<byte>(frame, 6, 6));
                        if (port.TrySend(Frame(asker, own, "LPA!"))) told++;
                    }
                    if (!text.StartsWith("LPA!", StringComparison.Ordinal)) continue;
                    // Anybody may have sent it.
                    Console.WriteLine("answer from " + string.Concat(text.Skip(4).Select(c => char.IsControl(c) ? '?' : c)));
                    answers++;
                }
            }
        }
    }

    private static byte[] Frame(MacAddress to, MacAddress from, string question)
    {
        byte[] text = Encoding.UTF8.GetBytes(question + Options["--name"]);
        var frame = new byte[14 + text.Length];
        to.CopyTo(frame, 0);
        from.CopyTo(frame, 6);
        new byte[] { 0x88, 0xb5 }.CopyTo(frame, 12); // free for experiments
        text.CopyTo(frame, 14);
        return frame;
    }
}
