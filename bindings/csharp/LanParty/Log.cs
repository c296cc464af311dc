using System;
using System.Runtime.InteropServices;

namespace LanParty
{
    /// <summary>The log of the native library. There is none unless asked for, and one per process.</summary>
    public static class Log
    {
        // The library keeps pointers to these; static fields keep the delegates behind them for ever.
        private static readonly LogCallback LineBody = OnLine;
        private static readonly ReleaseCallback ReleaseBody = OnRelease;

        private static volatile bool started;

        /// <summary>
        /// Hands every line up to a level to <paramref name="receiver"/>: level, where it comes from, text. Takes the
        /// place of a former receiver.
        /// </summary>
        /// <remarks>
        /// Called on any thread of the library, also on several at once; it must return soon and may not wait for the
        /// library. Its exceptions are swallowed: there is nobody to tell.
        /// </remarks>
        /// <exception cref="LanPartyException">
        /// <see cref="LanPartyStatus.Logger"/>: the process has a log of its own.
        /// </exception>
        public static void Start(LogLevel level, Action<LogLevel, string, string> receiver) =>
            Start(level, receiver, null);

        /// <summary>No more lines. One that another thread is handing out may still be on its way.</summary>
        public static void Stop()
        {
            Library.EnsureLoaded();
            int status = NativeMethods.lanparty_log_set_callback(
                (uint)LogLevel.Error, null, IntPtr.Zero, null, out IntPtr error);
            LanPartyException.Check(status, error);
        }

        internal static void StopIfStarted()
        {
            if (started) Stop();
        }

        internal static void Start(LogLevel level, Action<LogLevel, string, string> receiver, Action released)
        {
            Native.NotNull(receiver, nameof(receiver));
            Library.EnsureLoaded();
            OpenObjects.Hook();
            started = true;
            var state = new State { Receiver = receiver, Released = released };
            // Freed in OnRelease, which runs also if this fails.
            IntPtr userData = GCHandle.ToIntPtr(GCHandle.Alloc(state));
            int status = NativeMethods.lanparty_log_set_callback(
                (uint)level, LineBody, userData, ReleaseBody, out IntPtr error);
            LanPartyException.Check(status, error);
        }

        [MonoPInvokeCallback(typeof(LogCallback))]
        private static void OnLine(IntPtr userData, uint level, lanparty_str target, lanparty_str message)
        {
            try
            {
                var state = (State)GCHandle.FromIntPtr(userData).Target;
                state.Receiver((LogLevel)level, Native.Text(target), Native.Text(message));
            }
            catch (Exception)
            {
                // It would end the process: nothing but native code is below.
            }
        }

        [MonoPInvokeCallback(typeof(ReleaseCallback))]
        private static void OnRelease(IntPtr userData)
        {
            try
            {
                GCHandle handle = GCHandle.FromIntPtr(userData);
                var state = (State)handle.Target;
                handle.Free();
                state.Released?.Invoke();
            }
            catch (Exception)
            {
                // As above.
            }
        }

        private sealed class State
        {
            internal Action<LogLevel, string, string> Receiver;
            internal Action Released;
        }
    }
}
