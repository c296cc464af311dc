using System;
using System.Collections.Generic;

namespace LanParty
{
    /// <summary>
    /// A relay inside this process. Needs no rights beyond its UDP port. All methods may be called from any thread.
    /// </summary>
    public sealed unsafe class Relay : IDisposable, IEndable
    {
        private volatile bool ended;
        private int closeTimeoutMs = 3000;

        internal RelayHandle Handle { get; }

        private Relay(RelayHandle handle)
        {
            Handle = handle;
            OpenObjects.Add(this);
        }

        /// <summary>Opens the UDP port and begins to serve.</summary>
        public static Relay Bind(RelayOptions options)
        {
            Native.NotNull(options, nameof(options));
            int status = NativeMethods.lanparty_relay_bind(options.Handle, out RelayHandle handle, out IntPtr error);
            LanPartyException.Check(status, error);
            return new Relay(handle);
        }

        /// <summary>Every event, raised by <see cref="Pump"/>.</summary>
        public event EventHandler<RelayEvent> EventReceived;

        /// <summary>Where it listens, such as "127.0.0.1:4433".</summary>
        public string Address => Native.CopyText(
            (byte[] buffer, UIntPtr capacity, out UIntPtr needed, out IntPtr error) => NativeMethods.lanparty_relay_address(
                Handle, buffer, capacity, out needed, out error));

        /// <summary>Its certificate as DER, for members to trust.</summary>
        public byte[] Certificate => Native.Copy(
            (byte[] buffer, UIntPtr capacity, out UIntPtr needed, out IntPtr error) => NativeMethods.lanparty_relay_certificate(
                Handle, buffer, capacity, out needed, out error));

        /// <summary>How long <see cref="Dispose"/> waits for a clean end. 3000 ms unless set.</summary>
        public int CloseTimeoutMs
        {
            get => closeTimeoutMs;
            set
            {
                Native.TimeoutOf(value);
                closeTimeoutMs = value;
            }
        }

        /// <summary>Whether a call has found the queue of events at its end. Tells a timeout from the end.</summary>
        public bool EventsEnded => ended;

        /// <summary>Takes another certificate for connections from now on: chain and key, PEM in memory.</summary>
        public void SetCertificate(byte[] chainPem, byte[] keyPem)
        {
            Native.NotNull(chainPem, nameof(chainPem));
            Native.NotNull(keyPem, nameof(keyPem));
            int status = NativeMethods.lanparty_relay_set_certificate_pem(
                Handle, chainPem, Native.Size(chainPem), keyPem, Native.Size(keyPem), out IntPtr error);
            LanPartyException.Check(status, error);
        }

        /// <summary>The rooms that are open.</summary>
        public IReadOnlyList<Room> GetRooms() => Native.List(
            sizeof(lanparty_room),
            (IntPtr items, UIntPtr capacity, out UIntPtr count, out IntPtr error) => NativeMethods.lanparty_relay_rooms(
                Handle, (lanparty_room*)items, (UIntPtr)sizeof(lanparty_room), capacity, out count, out error),
            item => new Room((lanparty_room*)item));

        /// <summary>Who is in a room.</summary>
        /// <exception cref="LanPartyException"><see cref="LanPartyStatus.NotFound"/>: no such room.</exception>
        public IReadOnlyList<Member> GetMembers(string room)
        {
            byte[] bytes = Native.Bytes(Native.NotNull(room, nameof(room)));
            return Native.List(
                sizeof(lanparty_member),
                (IntPtr items, UIntPtr capacity, out UIntPtr count, out IntPtr error) =>
                    NativeMethods.lanparty_relay_members(
                        Handle, bytes, Native.Length(bytes), (lanparty_member*)items, (UIntPtr)sizeof(lanparty_member),
                        capacity, out count, out error),
                item => new Member((lanparty_member*)item));
        }

        /// <summary>Throws a member out.</summary>
        /// <param name="room">The room's code.</param>
        /// <param name="peer">The member's number.</param>
        /// <param name="text">Words for it; may be null.</param>
        /// <exception cref="LanPartyException"><see cref="LanPartyStatus.NotFound"/>: no such room or
        /// member.</exception>
        public void Kick(string room, long peer, string text = null)
        {
            byte[] roomBytes = Native.Bytes(Native.NotNull(room, nameof(room)));
            byte[] textBytes = Native.Bytes(text);
            int status = NativeMethods.lanparty_relay_kick(
                Handle, roomBytes, Native.Length(roomBytes), checked((uint)peer), textBytes, Native.Length(textBytes),
                out IntPtr error);
            LanPartyException.Check(status, error);
        }

        /// <summary>The counters.</summary>
        public RelayStats GetStats()
        {
            var stats = new lanparty_relay_stats { struct_size = (uint)sizeof(lanparty_relay_stats) };
            LanPartyException.Check(NativeMethods.lanparty_relay_stats_get(Handle, &stats, out IntPtr error), error);
            return new RelayStats(stats);
        }

        /// <summary>
        /// Takes the next event. False if none came in time, or if there will be no more (<see cref="EventsEnded"/>).
        /// </summary>
        /// <param name="timeoutMs">0 does not wait, -1 waits for ever.</param>
        /// <param name="e">The event, or null.</param>
        public bool TryNextEvent(int timeoutMs, out RelayEvent e)
        {
            e = null;
            var native = new lanparty_event { struct_size = (uint)sizeof(lanparty_event) };
            int status = NativeMethods.lanparty_relay_next_event(
                Handle, Native.TimeoutOf(timeoutMs), &native, out IntPtr error);
            LanPartyStatus taken = LanPartyException.Check(status, error);
            if (taken == LanPartyStatus.End) ended = true;
            if (taken != LanPartyStatus.Ok) return false;
            e = new RelayEvent(&native);
            return true;
        }

        /// <summary>
        /// Raises <see cref="EventReceived"/> for what has happened, on this thread, and says how often. Waits for the
        /// first for <paramref name="timeoutMs"/>, for the others not at all.
        /// </summary>
        public int Pump(int timeoutMs = 0)
        {
            int count = 0;
            while (count < 1024 && TryNextEvent(count == 0 ? timeoutMs : 0, out RelayEvent e))
            {
                count++;
                EventReceived?.Invoke(this, e);
            }
            return count;
        }

        /// <summary>
        /// What the system can wait on until there is an event: a file descriptor on Linux, the handle of an
        /// event object on Windows. It belongs to the relay.
        /// </summary>
        public long WaitHandle
        {
            get
            {
                int status = NativeMethods.lanparty_relay_wait_handle(Handle, out long handle, out IntPtr error);
                LanPartyException.Check(status, error);
                return handle;
            }
        }

        /// <summary>
        /// The same as an object of .NET, for <c>WaitHandle.WaitAny</c> and the like. Windows only. It is of no use once
        /// the relay is disposed of.
        /// </summary>
        /// <exception cref="PlatformNotSupportedException">This system has descriptors instead.</exception>
        public System.Threading.WaitHandle CreateWaitHandle() => Native.EventOf(WaitHandle);

        /// <summary>Tells everybody, and stops. False if it took longer; it goes on then.</summary>
        /// <param name="text">Words that the members see; may be null.</param>
        /// <param name="timeoutMs">How long to wait for the end.</param>
        public bool Close(string text = null, int timeoutMs = 3000)
        {
            byte[] bytes = Native.Bytes(text);
            int status = NativeMethods.lanparty_relay_close(
                Handle, bytes, Native.Length(bytes), Native.TimeoutOf(timeoutMs), out IntPtr error);
            return LanPartyException.Check(status, error) == LanPartyStatus.Ok;
        }

        /// <summary>Stops and frees the relay.</summary>
        public void Dispose()
        {
            if (Handle.IsClosed) return;
            // Disposing does not fail: what close could not do, freeing does without waiting.
            NativeMethods.lanparty_relay_close(
                Handle, null, UIntPtr.Zero, Native.TimeoutOf(CloseTimeoutMs), out IntPtr error);
            if (error != IntPtr.Zero) new ErrorHandle(error).Dispose();
            OpenObjects.Remove(this);
            Handle.Dispose();
        }

        void IEndable.End(int timeoutMs) => Close(null, timeoutMs);
    }
}
