using System;

namespace LanParty
{
    /// <summary>A call failed. <see cref="Code"/> says exactly how, <see cref="Kind"/> whom to blame.</summary>
    /// <remarks>
    /// There are no subclasses per code: catch this one and filter (<c>when (e.Code == ...)</c>). What .NET users
    /// expect under another name has it: null arguments are <see cref="ArgumentNullException"/>, disposed objects <see
    /// cref="ObjectDisposedException"/>, <see cref="Session.Join"/> out of time <see cref="TimeoutException"/>.
    /// </remarks>
    public class LanPartyException : Exception
    {
        /// <summary>What failed, as a stable number.</summary>
        public LanPartyStatus Code { get; }

        /// <summary>The coarse kind, for a program that only decides whose fault it is.</summary>
        public ErrorKind Kind { get; }

        /// <summary>The error number of the operating system behind it, or 0.</summary>
        public int OsError { get; }

        /// <summary>Made by the library; public so that tests of a launcher can make one.</summary>
        public LanPartyException(LanPartyStatus code, ErrorKind kind, string message, int osError) : base(message)
        {
            Code = code;
            Kind = kind;
            OsError = osError;
        }

        /// <summary>Takes the error and throws for a negative status; hands every other status back.</summary>
        internal static LanPartyStatus Check(int status, IntPtr error)
        {
            if (status >= 0 && error == IntPtr.Zero) return (LanPartyStatus)status;
            LanPartyException failure = From(status, error);
            if (status < 0) throw failure;
            return (LanPartyStatus)status;
        }

        /// <summary>Takes the error: what is left is an exception, not thrown.</summary>
        internal static LanPartyException From(int status, IntPtr error)
        {
            if (error == IntPtr.Zero)
            {
                string text = Native.Text(NativeMethods.lanparty_status_str(status));
                return new LanPartyException((LanPartyStatus)status, ErrorKind.Internal, text, 0);
            }
            using (var owned = new ErrorHandle(error))
            {
                return new LanPartyException(
                    (LanPartyStatus)NativeMethods.lanparty_error_status(owned),
                    (ErrorKind)NativeMethods.lanparty_error_kind(owned),
                    Native.Text(NativeMethods.lanparty_error_message(owned)),
                    NativeMethods.lanparty_error_os_error(owned));
            }
        }
    }

    /// <summary>The buffer cannot hold the next frame. The frame is not lost: receive it with a larger one.</summary>
    public sealed class BufferTooSmallException : LanPartyException
    {
        /// <summary>How many bytes it takes.</summary>
        public int Needed { get; }

        /// <summary>Made by <see cref="Port"/>.</summary>
        public BufferTooSmallException(int needed)
            : base(LanPartyStatus.Truncated, ErrorKind.Usage, $"the next frame needs {needed} bytes", 0)
        {
            Needed = needed;
        }
    }
}
