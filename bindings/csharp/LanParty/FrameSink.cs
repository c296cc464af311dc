using System;
using System.Runtime.InteropServices;

namespace LanParty
{
    /// <summary>A device of the program's own: where the room's frames go. See <see cref="Port.NewSink"/>.</summary>
    /// <remarks>
    /// The methods are called on threads of the session, one call at a time. They must return soon, for the session
    /// waits meanwhile; they may call whatever does not wait. An exception is caught, counted as a drop
    /// (<c>port_error</c>) and handed to <see cref="Port.CallbackFailed"/>. <see cref="FrameSink"/> is a base with the
    /// optional ones left empty.
    /// </remarks>
    public interface IFrameSink
    {
        /// <summary>The largest payload of a frame in bytes, asked once when the port is made; 0 for 1500.</summary>
        int Mtu { get; }

        /// <summary>
        /// Takes a frame. It is only lent: the bytes are valid until the method returns. False says that the queue of
        /// the device is full; that drop is counted as <c>port_full</c>.
        /// </summary>
        bool Send(ArraySegment<byte> frame);

        /// <summary>Tells the room's MTU in bytes, once it is known.</summary>
        void SetMtu(int mtu);

        /// <summary>Tells whether there is a room behind the port.</summary>
        void SetLink(bool up);

        /// <summary>Called exactly once, after the last call of the others.</summary>
        void Released();
    }

    /// <summary>A sink that only has to say what it does with a frame.</summary>
    public abstract class FrameSink : IFrameSink
    {
        /// <inheritdoc/>
        public virtual int Mtu => 0;

        /// <inheritdoc/>
        public abstract bool Send(ArraySegment<byte> frame);

        /// <inheritdoc/>
        public virtual void SetMtu(int mtu) { }

        /// <inheritdoc/>
        public virtual void SetLink(bool up) { }

        /// <inheritdoc/>
        public virtual void Released() { }
    }

    /// <summary>An exception that came out of a method or handler of the program.</summary>
    public sealed class CallbackFailedEventArgs : EventArgs
    {
        internal CallbackFailedEventArgs(Exception exception) => Exception = exception;

        /// <summary>What came out.</summary>
        public Exception Exception { get; }
    }

    /// <summary>
    /// What `user_data` of a sink stands for. The library holds it through a GCHandle from the making of the port to
    /// its release, so neither the sink nor its port has to be kept by the program.
    /// </summary>
    internal sealed class SinkState
    {
        // The library keeps pointers to these; static fields keep the delegates behind them for ever.
        private static readonly SendCallback SendBody = OnSend;
        private static readonly MtuCallback MtuBody = OnMtu;
        private static readonly LinkCallback LinkBody = OnLink;
        private static readonly ReleaseCallback ReleaseBody = OnRelease;

        private readonly IFrameSink sink;

        // One call at a time is promised, so one buffer does; it grows to the largest frame seen.
        private byte[] buffer = new byte[2048];
        private volatile Exception lastError;

        internal SinkState(IFrameSink sink) => this.sink = sink;

        internal event EventHandler<CallbackFailedEventArgs> Failed;

        internal Exception LastError => lastError;

        /// <summary>The C struct; from now on the library owns the GCHandle in it.</summary>
        internal unsafe lanparty_frame_sink ToNative()
        {
            int mtu = sink.Mtu;
            if (mtu < 0) throw new ArgumentOutOfRangeException(nameof(mtu), mtu, "the sink's MTU is negative");
            return new lanparty_frame_sink
            {
                struct_size = (uint)sizeof(lanparty_frame_sink),
                mtu = (uint)mtu,
                send = Marshal.GetFunctionPointerForDelegate(SendBody),
                set_mtu = Marshal.GetFunctionPointerForDelegate(MtuBody),
                set_link = Marshal.GetFunctionPointerForDelegate(LinkBody),
                release = Marshal.GetFunctionPointerForDelegate(ReleaseBody),
                user_data = GCHandle.ToIntPtr(GCHandle.Alloc(this)),
            };
        }

        private static SinkState Of(IntPtr userData) => (SinkState)GCHandle.FromIntPtr(userData).Target;

        // An exception that left one of these would end the process: nothing but native code is below it.

        [MonoPInvokeCallback(typeof(SendCallback))]
        private static int OnSend(IntPtr userData, IntPtr frame, UIntPtr len)
        {
            SinkState state = null;
            try
            {
                state = Of(userData);
                int length = checked((int)len);
                if (length > state.buffer.Length) state.buffer = new byte[length];
                Marshal.Copy(frame, state.buffer, 0, length);
                bool taken = state.sink.Send(new ArraySegment<byte>(state.buffer, 0, length));
                return (int)(taken ? LanPartyStatus.Ok : LanPartyStatus.WouldBlock);
            }
            catch (Exception e)
            {
                state?.Report(e);
                return (int)LanPartyStatus.InvalidArg;
            }
        }

        [MonoPInvokeCallback(typeof(MtuCallback))]
        private static void OnMtu(IntPtr userData, uint mtu)
        {
            SinkState state = null;
            try
            {
                state = Of(userData);
                state.sink.SetMtu((int)mtu);
            }
            catch (Exception e)
            {
                state?.Report(e);
            }
        }

        [MonoPInvokeCallback(typeof(LinkCallback))]
        private static void OnLink(IntPtr userData, byte up)
        {
            SinkState state = null;
            try
            {
                state = Of(userData);
                state.sink.SetLink(up != 0);
            }
            catch (Exception e)
            {
                state?.Report(e);
            }
        }

        [MonoPInvokeCallback(typeof(ReleaseCallback))]
        private static void OnRelease(IntPtr userData)
        {
            SinkState state = null;
            try
            {
                state = Of(userData);
                GCHandle.FromIntPtr(userData).Free();
                state.sink.Released();
            }
            catch (Exception e)
            {
                state?.Report(e);
            }
        }

        private void Report(Exception e)
        {
            lastError = e;
            try
            {
                Failed?.Invoke(this, new CallbackFailedEventArgs(e));
            }
            catch (Exception second)
            {
                lastError = second;
            }
        }
    }

    /// <summary>
    /// Marks what native code calls, for compilers ahead of time (Unity's IL2CPP); they know it by its name.
    /// </summary>
    [AttributeUsage(AttributeTargets.Method)]
    internal sealed class MonoPInvokeCallbackAttribute : Attribute
    {
        public MonoPInvokeCallbackAttribute(Type type) => Type = type;

        public Type Type { get; }
    }
}
