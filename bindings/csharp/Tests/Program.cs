using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Reflection;
using System.Text.RegularExpressions;
using System.Threading;
using LanParty;

/// <summary>
/// Runs the scenarios: every public static method of the classes here. A name is the scenario's name in Pascal case,
/// printed as the other languages write it.
/// </summary>
internal static class Program
{
    private static readonly Type[] Suites =
    {
        typeof(HeaderTests), typeof(PartyTests), typeof(LifetimeTests), typeof(ArgumentTests), typeof(CallbackTests),
        typeof(ReportTests), typeof(PumpTests), typeof(ProcessTests),
    };

    private static readonly TimeSpan PerTest = TimeSpan.FromSeconds(60);

    private static string running = "";
    private static long startedTicks;

    private static int Main(string[] args)
    {
        if (args.Length == 2 && args[0] == "--child") return Children.Run(args[1]);
        Settings.Root = Environment.GetEnvironmentVariable("LANPARTY_ROOT");
        string filter = "";
        for (int i = 0; i < args.Length; i++)
        {
            if (args[i] == "--root" && i + 1 < args.Length) Settings.Root = args[++i];
            else filter = args[i];
        }
        StartWatchdog();

        int failed = 0, ran = 0;
        foreach (MethodInfo test in Suites.SelectMany(Tests))
        {
            string name = SnakeCase(test.Name);
            if (!name.Contains(filter) && !test.Name.Contains(filter)) continue;
            ran++;
            if (!Run(name, test)) failed++;
        }
        if (ran == 0) Console.WriteLine($"FAILED: no test is named like '{filter}'");
        Console.WriteLine($"{ran - failed} passed, {failed} failed");
        return failed == 0 && ran > 0 ? 0 : 1;
    }

    private static IEnumerable<MethodInfo> Tests(Type suite) =>
        suite.GetMethods(BindingFlags.Static | BindingFlags.Public | BindingFlags.DeclaredOnly)
            .Where(m => m.GetParameters().Length == 0 && m.ReturnType == typeof(void))
            .OrderBy(m => m.MetadataToken);

    private static bool Run(string name, MethodInfo test)
    {
        Volatile.Write(ref running, name);
        Interlocked.Exchange(ref startedTicks, DateTime.UtcNow.Ticks);
        var watch = Stopwatch.StartNew();
        try
        {
            // What a test that failed left behind is not this one's.
            GC.Collect();
            GC.WaitForPendingFinalizers();
            long before = Library.LiveHandles;
            test.Invoke(null, null);
            // What a test made, it has freed; what it forgot, the finalizers would hide.
            Check.Equal(before, Library.LiveHandles, "live handles after the test");
            Console.WriteLine($"ok     {name} ({watch.ElapsedMilliseconds} ms)");
            return true;
        }
        catch (Exception e)
        {
            if (e is TargetInvocationException wrapped && wrapped.InnerException != null) e = wrapped.InnerException;
            string where = e is CheckFailed ? e.StackTrace : e.ToString();
            Console.WriteLine($"FAILED {name}: {e.Message}\n{where}");
            return false;
        }
        finally
        {
            Interlocked.Exchange(ref startedTicks, 0);
            Console.Out.Flush();
        }
    }

    private static string SnakeCase(string name) => Regex.Replace(name, "(?<!^)([A-Z])", "_$1").ToLowerInvariant();

    private static void StartWatchdog()
    {
        var thread = new Thread(() =>
        {
            while (true)
            {
                Thread.Sleep(500);
                long started = Interlocked.Read(ref startedTicks);
                if (started == 0 || DateTime.UtcNow.Ticks - started < PerTest.Ticks) continue;
                Console.WriteLine($"FAILED {Volatile.Read(ref running)}: still running after {PerTest.TotalSeconds} s");
                Console.Out.Flush();
                // Not Exit: that would wait for the very thread that hangs.
                Process.GetCurrentProcess().Kill();
            }
        });
        thread.IsBackground = true;
        thread.Start();
    }
}

internal static class Settings
{
    /// <summary>The root of the repository.</summary>
    internal static string Root;
}

internal sealed class CheckFailed : Exception
{
    internal CheckFailed(string message) : base(message) { }
}

/// <summary>What a test claims.</summary>
internal static class Check
{
    internal static void That(bool claim, string what)
    {
        if (!claim) throw new CheckFailed(what);
    }

    internal static void Equal<T>(T expected, T found, string what)
    {
        if (!EqualityComparer<T>.Default.Equals(expected, found))
            throw new CheckFailed($"{what}: {found} instead of {expected}");
    }

    internal static void Contains(string part, string text, string what) =>
        That(text != null && text.Contains(part), $"{what}: '{part}' is not in '{text}'");

    internal static T Throws<T>(Action action, string what) where T : Exception
    {
        try
        {
            action();
        }
        catch (T expected)
        {
            return expected;
        }
        catch (Exception other)
        {
            throw new CheckFailed($"{what}: {other.GetType().Name} ({other.Message}) instead of {typeof(T).Name}");
        }
        throw new CheckFailed($"{what}: nothing was thrown instead of {typeof(T).Name}");
    }

    /// <summary>The call fails with this status and says something about it.</summary>
    internal static LanPartyException Fails(LanPartyStatus status, Action action, string what)
    {
        LanPartyException e = Throws<LanPartyException>(action, what);
        Equal(status, e.Code, $"{what} ({e.Message})");
        That(e.Message.Length > 0, $"{what}: no message");
        That(e.Kind != 0, $"{what}: no kind");
        return e;
    }
}
