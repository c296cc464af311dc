using System;
using System.Collections.Generic;
using System.Diagnostics;

namespace LanParty
{
    /// <summary>Something with native threads behind it, or with callers waiting in native code.</summary>
    internal interface IEndable
    {
        /// <summary>Closes it and waits for so long.</summary>
        void End(int timeoutMs);
    }

    /// <summary>What is open, so that it can be closed before the managed world goes away.</summary>
    /// <remarks>
    /// Mono does not end a process, nor unload a domain (Unity's editor does that with every reload), while a thread is
    /// in native code: one that waits there, or one of the library's own that has called a sink or a log receiver once.
    /// It would hang for ever, or call code that is gone.
    /// </remarks>
    internal static class OpenObjects
    {
        private const int DeadlineMs = 1500;

        private static readonly object Gate = new object();
        private static readonly List<WeakReference<IEndable>> Open = new List<WeakReference<IEndable>>();
        private static bool hooked;
        private static int pruneAt = 64;

        internal static void Hook()
        {
            lock (Gate)
            {
                if (hooked) return;
                hooked = true;
                AppDomain.CurrentDomain.ProcessExit += EndAll;
                AppDomain.CurrentDomain.DomainUnload += EndAll;
            }
        }

        /// <summary>Weakly: what is forgotten is still finalized.</summary>
        internal static void Add(IEndable endable)
        {
            Hook();
            lock (Gate)
            {
                if (Open.Count >= pruneAt)
                {
                    Open.RemoveAll(reference => !reference.TryGetTarget(out _));
                    pruneAt = Math.Max(64, 2 * Open.Count);
                }
                Open.Add(new WeakReference<IEndable>(endable));
            }
        }

        internal static void Remove(IEndable endable)
        {
            lock (Gate) Open.RemoveAll(reference => !reference.TryGetTarget(out IEndable other) || other == endable);
        }

        private static void EndAll(object sender, EventArgs e)
        {
            var all = new List<IEndable>();
            lock (Gate)
            {
                foreach (WeakReference<IEndable> reference in Open)
                    if (reference.TryGetTarget(out IEndable endable)) all.Add(endable);
            }
            // What was made last goes first: sessions leave before their ports and a relay of this process are closed.
            all.Reverse();
            Try(Log.StopIfStarted);
            // All at once to begin with, so that the waits overlap.
            foreach (IEndable endable in all) Try(() => endable.End(0));
            Stopwatch watch = Stopwatch.StartNew();
            foreach (IEndable endable in all)
                Try(() => endable.End((int)Math.Max(0, DeadlineMs - watch.ElapsedMilliseconds)));
        }

        private static void Try(Action action)
        {
            try
            {
                action();
            }
            catch (Exception)
            {
                // Nobody is left to tell.
            }
        }
    }
}
