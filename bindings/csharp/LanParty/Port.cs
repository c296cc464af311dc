using System;
#if LANPARTY_SPAN
using System.Runtime.InteropServices;
#endif

namespace LanParty
{
    /// <summary>
    /// What a session moves frames for: the program itself (<see cref="NewVirtual"/>), a device that the program writes
    /// (<see cref="NewSink"/>), a TAP adapter or a network interface.
    /// </summary>
    /// <remarks>
    /// A frame is Ethernet from the destination address to the payload, 14 bytes at least, without checksum. All
    /// methods may be called from any thread. The port ends with the session that uses it; disposing of it stays the
    /// caller's business.
    /// </remarks>
    public sealed unsafe class Port : IDisposable, IEndable
    {
        private readonly SinkState sink;
        private volatile bool ended;

        internal PortHandle Handle { get; }

        private Port(PortHandle handle, SinkState sink = null)
        {
            Handle = handle;
            this.sink = sink;
            OpenObjects.Add(this);
        }

        /// <summary>
        /// An exception came out of the sink. Raised on the thread of the session that called the sink, so that a
        /// handler has to return soon; never raised for other kinds of ports.
        /// </summary>
        public event EventHandler<CallbackFailedEventArgs> CallbackFailed
        {
            add { if (sink != null) sink.Failed += value; }
            remove { if (sink != null) sink.Failed -= value; }
        }

        /// <summary>The last exception that came out of the sink, or null.</summary>
        public Exception LastError => sink?.LastError;

        /// <summary>
        /// The program itself as a port: it sends and receives frames by calls. Needs no driver and no rights.
        /// </summary>
        /// <param name="capacity">Frames that wait in each direction; 0 for 256.</param>
        /// <param name="mtu">The largest payload in bytes; 0 for 1500.</param>
        public static Port NewVirtual(int capacity = 0, int mtu = 0)
        {
            if (capacity < 0) throw new ArgumentOutOfRangeException(nameof(capacity));
            if (mtu < 0) throw new ArgumentOutOfRangeException(nameof(mtu));
            Library.EnsureLoaded();
            int status = NativeMethods.lanparty_port_new_virtual(
                (uint)capacity, (uint)mtu, out PortHandle handle, out IntPtr error);
            LanPartyException.Check(status, error);
            return new Port(handle);
        }

        /// <summary>
        /// A device written by the program; the port holds it until <see cref="IFrameSink.Released"/>.
        /// </summary>
        public static Port NewSink(IFrameSink sink)
        {
            Native.NotNull(sink, nameof(sink));
            Library.EnsureLoaded();
            var state = new SinkState(sink);
            lanparty_frame_sink native = state.ToNative();
            int status = NativeMethods.lanparty_port_new_sink(&native, out PortHandle handle, out IntPtr error);
            LanPartyException.Check(status, error);
            return new Port(handle, state);
        }

        /// <summary>
        /// A TAP adapter: on Linux made when the port is bridged, on Windows one of TAP-Windows6 that is taken then. Needs
        /// rights.
        /// </summary>
        /// <param name="name">
        /// The adapter's name. On Windows its connection's, or its instance id in braces, or null for the only one.
        /// </param>
        /// <param name="address">Such as "10.0.0.5/24"; null for none, as with DHCP.</param>
        /// <param name="mtu">The largest payload in bytes; 0 for 1500.</param>
        public static Port NewTap(string name, string address = null, int mtu = 0)
        {
            byte[] nameBytes = Native.Bytes(Native.IsWindows ? name : Native.NotNull(name, nameof(name)));
            byte[] addressBytes = Native.Bytes(address);
            if (mtu < 0) throw new ArgumentOutOfRangeException(nameof(mtu));
            Library.EnsureLoaded();
            int status = NativeMethods.lanparty_port_new_tap(
                nameBytes, Native.Length(nameBytes), addressBytes, Native.Length(addressBytes), (uint)mtu,
                out PortHandle handle, out IntPtr error);
            LanPartyException.Check(status, error);
            return new Port(handle);
        }

        /// <summary>A wired Ethernet interface of this host, for a gateway. Needs rights; Linux only.</summary>
        public static Port NewAfPacket(string networkInterface)
        {
            byte[] bytes = Native.Bytes(Native.NotNull(networkInterface, nameof(networkInterface)));
            Library.EnsureLoaded();
            int status = NativeMethods.lanparty_port_new_af_packet(
                bytes, Native.Length(bytes), out PortHandle handle, out IntPtr error);
            LanPartyException.Check(status, error);
            return new Port(handle);
        }

        /// <summary>
        /// Whether a call has found the port closed: nothing will be received or sent any more. Tells a timeout from
        /// the end.
        /// </summary>
        public bool Ended => ended;

        /// <summary>What the port is.</summary>
        public PortInfo Info
        {
            get
            {
                var info = new lanparty_port_info { struct_size = (uint)sizeof(lanparty_port_info) };
                LanPartyException.Check(NativeMethods.lanparty_port_info_get(Handle, &info, out IntPtr error), error);
                return new PortInfo(&info);
            }
        }

        /// <summary>
        /// What the system can wait on until a frame can be received: a file descriptor on Linux, the handle of an
        /// event object on Windows. It belongs to the port.
        /// </summary>
        public long WaitHandle
        {
            get
            {
                int status = NativeMethods.lanparty_port_wait_handle(Handle, out long handle, out IntPtr error);
                LanPartyException.Check(status, error);
                return handle;
            }
        }

        /// <summary>
        /// The same as an object of .NET, for <c>WaitHandle.WaitAny</c> and the like. Windows only. It is of no use once
        /// the port is disposed of.
        /// </summary>
        /// <exception cref="PlatformNotSupportedException">This system has descriptors instead.</exception>
        public System.Threading.WaitHandle CreateWaitHandle() => Native.EventOf(WaitHandle);

        /// <summary>Sends a frame. False if the queue is full or the port has ended.</summary>
        public bool TrySend(ArraySegment<byte> frame)
        {
            Native.CheckSegment(frame, nameof(frame));
            fixed (byte* data = frame.Array) return SendOne(data + frame.Offset, frame.Count) == LanPartyStatus.Ok;
        }

        /// <summary>Sends a frame. False if the queue is full or the port has ended.</summary>
        public bool TrySend(byte[] frame) => TrySend(new ArraySegment<byte>(Native.NotNull(frame, nameof(frame))));

        /// <summary>Sends a frame, or throws if it cannot be sent now.</summary>
        /// <exception cref="LanPartyException">
        /// <see cref="LanPartyStatus.WouldBlock"/> if the queue is full, <see cref="LanPartyStatus.End"/> if the port
        /// has ended.
        /// </exception>
        public void Send(byte[] frame)
        {
            if (TrySend(frame)) return;
            throw ended
                ? new LanPartyException(LanPartyStatus.End, ErrorKind.Usage, "the port has ended", 0)
                : new LanPartyException(LanPartyStatus.WouldBlock, ErrorKind.Usage, "the port's queue is full", 0);
        }

        /// <summary>
        /// Sends the frames of a batch from <paramref name="first"/> on and says how many went. Fewer if the queue is
        /// full or the port has ended; a bad frame sends none.
        /// </summary>
        public int TrySend(FrameBatch batch, int first = 0)
        {
            Native.NotNull(batch, nameof(batch));
            if ((uint)first > (uint)batch.Count) throw new ArgumentOutOfRangeException(nameof(first));
            // The frames point into the other array, so both have to be kept until the call is over.
            bool bytesHeld = false, framesHeld = false;
            try
            {
                batch.Bytes.DangerousAddRef(ref bytesHeld);
                batch.Frames.DangerousAddRef(ref framesHeld);
                int status = NativeMethods.lanparty_port_send(
                    Handle, (lanparty_frame*)batch.Frames.Address + first, (UIntPtr)(batch.Count - first),
                    out UIntPtr sent, out IntPtr error);
                if (Check(status, error) == LanPartyStatus.End) return 0;
                return (int)sent;
            }
            finally
            {
                if (bytesHeld) batch.Bytes.DangerousRelease();
                if (framesHeld) batch.Frames.DangerousRelease();
            }
        }

        /// <summary>
        /// Waits for frames and takes as many as there are and the batch holds. 0 if none came in time, or if the port
        /// has ended (<see cref="Ended"/>).
        /// </summary>
        /// <param name="batch">Is emptied first.</param>
        /// <param name="timeoutMs">0 does not wait, -1 waits for ever.</param>
        /// <exception cref="BufferTooSmallException">The batch cannot hold even one frame. The frame stays.</exception>
        public int Receive(FrameBatch batch, int timeoutMs = 0)
        {
            uint timeout = Native.TimeoutOf(timeoutMs);
            Native.NotNull(batch, nameof(batch)).Clear();
            int status = NativeMethods.lanparty_port_recv(
                Handle, Native.Open(batch.Bytes), (UIntPtr)batch.ByteCapacity, Native.Open(batch.Frames),
                (UIntPtr)batch.Capacity, out UIntPtr count, timeout, out IntPtr error);
            if (Check(status, error, count) == LanPartyStatus.Ok) batch.Filled((int)count);
            return batch.Count;
        }

        /// <summary>
        /// Waits for a frame and copies it to the beginning of the buffer. False if none came in time, or if the port
        /// has ended (<see cref="Ended"/>).
        /// </summary>
        /// <exception cref="BufferTooSmallException">The buffer cannot hold the frame. The frame stays.</exception>
        public bool TryReceive(ArraySegment<byte> buffer, out int length, int timeoutMs = 0)
        {
            Native.CheckSegment(buffer, nameof(buffer));
            fixed (byte* start = buffer.Array)
                return ReceiveOne(start + buffer.Offset, buffer.Count, out length, timeoutMs);
        }

        /// <summary>As with a segment.</summary>
        public bool TryReceive(byte[] buffer, out int length, int timeoutMs = 0) =>
            TryReceive(new ArraySegment<byte>(Native.NotNull(buffer, nameof(buffer))), out length, timeoutMs);

#if LANPARTY_SPAN
        /// <summary>Sends a frame. False if the queue is full or the port has ended.</summary>
        public bool TrySend(ReadOnlySpan<byte> frame)
        {
            fixed (byte* data = &MemoryMarshal.GetReference(frame))
                return SendOne(data, frame.Length) == LanPartyStatus.Ok;
        }

        /// <summary>As with a segment.</summary>
        public bool TryReceive(Span<byte> buffer, out int length, int timeoutMs = 0)
        {
            fixed (byte* start = &MemoryMarshal.GetReference(buffer))
                return ReceiveOne(start, buffer.Length, out length, timeoutMs);
        }
#endif

        /// <summary>
        /// Ends the port: whoever waits in a call is woken. Frames that have come can still be received.
        /// </summary>
        public void Close()
        {
            int status = NativeMethods.lanparty_port_close(Handle, out IntPtr error);
            LanPartyException.Check(status, error);
        }

        /// <summary>Ends the port and frees it.</summary>
        public void Dispose()
        {
            if (Handle.IsClosed) return;
            // An error, as from inside a callback of this very port, changes nothing: freeing ends it too.
            NativeMethods.lanparty_port_close(Handle, out IntPtr error);
            if (error != IntPtr.Zero) new ErrorHandle(error).Dispose();
            OpenObjects.Remove(this);
            Handle.Dispose();
        }

        void IEndable.End(int timeoutMs) => Close();

        private LanPartyStatus SendOne(byte* data, int length)
        {
            var frame = new lanparty_frame { data = (IntPtr)data, len = (uint)length };
            int status = NativeMethods.lanparty_port_send(Handle, &frame, (UIntPtr)1, out _, out IntPtr error);
            return Check(status, error);
        }

        private bool ReceiveOne(byte* start, int size, out int length, int timeoutMs)
        {
            uint timeout = Native.TimeoutOf(timeoutMs);
            lanparty_frame frame = default;
            int status = NativeMethods.lanparty_port_recv(
                Handle, start, (UIntPtr)size, &frame, (UIntPtr)1, out UIntPtr count, timeout, out IntPtr error);
            bool received = Check(status, error, count) == LanPartyStatus.Ok;
            length = received ? (int)frame.len : 0;
            return received;
        }

        private LanPartyStatus Check(int status, IntPtr error, UIntPtr needed = default)
        {
            LanPartyStatus checkedStatus = LanPartyException.Check(status, error);
            if (checkedStatus == LanPartyStatus.End) ended = true;
            if (checkedStatus == LanPartyStatus.Truncated) throw new BufferTooSmallException((int)needed);
            return checkedStatus;
        }
    }
}
