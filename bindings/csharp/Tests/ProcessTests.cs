using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading;
using LanParty;

/// <summary>What takes a process of its own.</summary>
internal static class ProcessTests
{
    public static void ExitWithOpenSession()
    {
        string said = Children.Start("exit-with-open-session", null).Finish(0);
        Check.Contains("leaving with everything open", said, "the child's words");
    }

    /// <summary>
    /// What Unity's editor does with every change of the code: the domain goes, the native threads would stay.
    /// </summary>
    public static void DomainUnload()
    {
        for (int i = 0; i < 3; i++)
        {
            AppDomain domain = AppDomain.CreateDomain("plug-in", null, AppDomain.CurrentDomain.SetupInformation);
            domain.DoCallBack(Children.OpenEverything);
            AppDomain.Unload(domain);
        }
    }

    /// <summary>The launcher of examples/embed, as its host and as its guest.</summary>
    public static void EmbedLauncher()
    {
        string launcher = Path.Combine(AppDomain.CurrentDomain.BaseDirectory, "Launcher.exe");
        Check.That(File.Exists(launcher), $"{launcher} was not built");
        const string Enough = "--answers 1 --seconds 30";
        const string Hosting = "hosting PARTY-42 on ";
        using (var folder = new TemporaryFolder())
        {
            string cert = folder.File("relay.der");
            Child host = Children.StartProgram(
                launcher, $"host --room PARTY-42 --listen 127.0.0.1:0 --cert-out \"{cert}\" --name Ann {Enough}");
            string address = host.WaitFor(Hosting).Substring(Hosting.Length).Trim();
            host.WaitFor("joined PARTY-42 as member ");
            Child guest = Children.StartProgram(
                launcher,
                $"join {address} PARTY-42 --cert \"{cert}\" --name Bob --server-name lanparty-relay.local {Enough}");
            string guestSaid = guest.Finish(0);
            string hostSaid = host.Finish(0);
            Check.Contains("joined PARTY-42 as member ", guestSaid, "guest");
            Check.Contains("(MTU ", guestSaid, "guest");
            Check.Contains("player Ann (client) ", guestSaid, "guest");
            Check.Contains("answer from Ann", guestSaid, "guest");
            Check.Contains("status: ", guestSaid, "guest");
            Check.Contains("left", guestSaid, "guest");
            Check.Contains("player Bob (client) ", hostSaid, "host");
            Check.Contains("answer from Bob", hostSaid, "host");
            Check.Contains("left", hostSaid, "host");
        }
    }
}

/// <summary>Processes that a test starts, and what they do.</summary>
internal static class Children
{
    internal static int Run(string what)
    {
        switch (what)
        {
            case "abi-mismatch": return AbiMismatch();
            case "exit-with-open-session": return ExitWithOpenSession();
            default: return 64;
        }
    }

    internal static Child Start(string what, string libraryFolder)
    {
        return new Child(typeof(Children).Assembly.Location, "--child " + what, libraryFolder);
    }

    internal static Child StartProgram(string path, string arguments) => new Child(path, arguments, null);

    private static int AbiMismatch()
    {
        try
        {
            Port.NewVirtual();
            Console.WriteLine("not refused");
            return 1;
        }
        catch (LanPartyException e)
        {
            Console.WriteLine($"refused: {e.Code}: {e.Message}");
        }
        catch (DllNotFoundException e)
        {
            Console.WriteLine(e.Message);
            return 0;
        }
        try
        {
            Identity.Generate();
            return 1;
        }
        catch (LanPartyException)
        {
            Console.WriteLine("still refused");
            return 0;
        }
    }

    private sealed class Nothing : FrameSink
    {
        internal readonly ManualResetEventSlim Called = new ManualResetEventSlim();

        public override bool Send(ArraySegment<byte> frame)
        {
            Called.Set();
            return true;
        }
    }

    private static int ExitWithOpenSession()
    {
        OpenEverything();
        Console.WriteLine("leaving with everything open");
        return 0;
    }

    /// <summary>A session with a sink that is being called, a log, a pump, and threads in waiting calls.</summary>
    internal static void OpenEverything()
    {
        var party = new Party();
        Attendee ann = party.Join("Ann");
        var sink = new Nothing();
        Attendee bob = party.Join("Bob", port: Port.NewSink(sink));
        Log.Start(LogLevel.Trace, (level, target, text) => { });
        ann.Session.StartPump();
        var waiting = new CountdownEvent(2);
        new Thread(() =>
        {
            waiting.Signal();
            ann.Port.TryReceive(new byte[2048], out _, Timeout.Infinite);
        }) { IsBackground = true }.Start();
        new Thread(() =>
        {
            waiting.Signal();
            // Frames keep coming while the runtime goes down.
            while (!ann.Port.Ended) ann.Port.TrySend(ann.Frame(bob.Mac, 60));
        }) { IsBackground = true }.Start();
        waiting.Wait();
        Check.That(sink.Called.Wait(Party.Wait), "the sink was not called");
        // Nobody else holds the relay.
        GC.KeepAlive(party);
    }
}

/// <summary>A running process whose lines are collected.</summary>
internal sealed class Child
{
    private const int Wait = 40000;

    private readonly Process process;
    private readonly StringBuilder output = new StringBuilder();

    internal Child(string program, string arguments, string libraryFolder)
    {
        var start = new ProcessStartInfo("mono", $"\"{program}\" {arguments}")
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        if (libraryFolder != null) start.EnvironmentVariables["LD_LIBRARY_PATH"] = libraryFolder;
        process = new Process { StartInfo = start };
        process.OutputDataReceived += (sender, e) => Add(e.Data);
        process.ErrorDataReceived += (sender, e) => Add(e.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    private void Add(string line)
    {
        lock (output)
        {
            if (line != null) output.Append(line).Append('\n');
            Monitor.PulseAll(output);
        }
    }

    /// <summary>The first line that begins so.</summary>
    internal string WaitFor(string beginning)
    {
        var watch = Stopwatch.StartNew();
        lock (output)
        {
            while (true)
            {
                string line = output.ToString().Split('\n').FirstOrDefault(l => l.StartsWith(beginning));
                if (line != null) return line;
                Monitor.Wait(output, 500);
                if (watch.ElapsedMilliseconds > Wait || process.HasExited) throw Fail($"never said '{beginning}'");
            }
        }
    }

    /// <summary>Waits for the end and says what was printed.</summary>
    internal string Finish(int exitCode)
    {
        if (!process.WaitForExit(Wait)) throw Fail("does not end");
        // Without a time, it also waits for the last lines.
        process.WaitForExit();
        if (process.ExitCode != exitCode) throw Fail($"ended with {process.ExitCode}");
        lock (output) return output.ToString();
    }

    private CheckFailed Fail(string what)
    {
        if (!process.HasExited) process.Kill();
        lock (output) return new CheckFailed($"{process.StartInfo.Arguments}: {what}; it said:\n{output}");
    }
}
