using System;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading;
using Microsoft.Win32.SafeHandles;

namespace LanParty
{
    /// <summary>What every wrapper needs: texts as UTF-8 by hand, timeouts, copy-out with a size query.</summary>
    internal static unsafe class Native
    {
        internal delegate int CopyOut(byte[] buffer, UIntPtr capacity, out UIntPtr needed, out IntPtr error);

        internal delegate int Fill(IntPtr items, UIntPtr capacity, out UIntPtr count, out IntPtr error);

        private static readonly UTF8Encoding Strict = new UTF8Encoding(false, true);

        /// <summary>
        /// The text and a NUL behind it, so that even an empty text has an address. Null stays null.
        /// </summary>
        /// <exception cref="EncoderFallbackException">The text holds half a surrogate pair.</exception>
        internal static byte[] Bytes(string text)
        {
            if (text == null) return null;
            var bytes = new byte[Strict.GetByteCount(text) + 1];
            Strict.GetBytes(text, 0, text.Length, bytes, 0);
            return bytes;
        }

        /// <summary>How long the text of <see cref="Bytes"/> is, without its NUL.</summary>
        internal static UIntPtr Length(byte[] text) => text == null ? UIntPtr.Zero : (UIntPtr)(text.Length - 1);

        internal static UIntPtr Size(byte[] bytes) => bytes == null ? UIntPtr.Zero : (UIntPtr)bytes.Length;

        /// <summary>A text field of a struct, up to its NUL.</summary>
        internal static string Text(byte* field, int size)
        {
            int length = 0;
            while (length < size && field[length] != 0) length++;
            return length == 0 ? "" : Encoding.UTF8.GetString(field, length);
        }

        /// <summary>A NUL-terminated text that the library owns.</summary>
        internal static string Text(IntPtr text)
        {
            if (text == IntPtr.Zero) return "";
            return Text((byte*)text, int.MaxValue);
        }

        /// <summary>A borrowed text inside a callback.</summary>
        internal static string Text(lanparty_str text)
        {
            int length = checked((int)text.len);
            return length == 0 ? "" : Encoding.UTF8.GetString((byte*)text.ptr, length);
        }

        internal static uint TimeoutOf(int milliseconds)
        {
            if (milliseconds == Timeout.Infinite) return Constants.Forever;
            if (milliseconds < 0) throw new ArgumentOutOfRangeException(nameof(milliseconds));
            return (uint)milliseconds;
        }

        internal static T NotNull<T>(T value, string name) where T : class
        {
            if (value == null) throw new ArgumentNullException(name);
            return value;
        }

        /// <summary>Whether this is Windows, also for assemblies that ask nothing newer.</summary>
        internal static bool IsWindows => Environment.OSVersion.Platform == PlatformID.Win32NT;

        /// <summary>
        /// An event object of the library's, which stays the library's. It is signalled while there is something to take.
        /// </summary>
        /// <exception cref="PlatformNotSupportedException">This system has descriptors instead.</exception>
        internal static WaitHandle EventOf(long handle)
        {
            if (!IsWindows)
            {
                throw new PlatformNotSupportedException(
                    "only Windows has event objects: poll the descriptor that the property WaitHandle is here");
            }
            var waitable = new EventWaitHandle(false, EventResetMode.ManualReset);
            waitable.SafeWaitHandle.Dispose(); // an event of its own, which nobody needs
            waitable.SafeWaitHandle = new SafeWaitHandle((IntPtr)handle, ownsHandle: false);
            return waitable;
        }

        /// <summary>
        /// For a second handle of a call: Mono, finding it closed, would throw without letting go of the first.
        /// </summary>
        internal static T Open<T>(T handle) where T : SafeHandle
        {
            if (handle.IsClosed) throw new ObjectDisposedException(handle.GetType().Name);
            return handle;
        }

        internal static void CheckSegment(ArraySegment<byte> segment, string name)
        {
            if (segment.Array == null) throw new ArgumentNullException(name);
        }

        internal static byte[] Copy(CopyOut call)
        {
            var buffer = new byte[256];
            while (true)
            {
                int status = call(buffer, Size(buffer), out UIntPtr needed, out IntPtr error);
                LanPartyException.Check(status, error);
                int size = checked((int)needed);
                if (status != (int)LanPartyStatus.Truncated)
                {
                    Array.Resize(ref buffer, size);
                    return buffer;
                }
                buffer = new byte[size];
            }
        }

        /// <summary>A text copied out: its size counts the NUL.</summary>
        internal static string CopyText(CopyOut call)
        {
            byte[] bytes = Copy(call);
            return Encoding.UTF8.GetString(bytes, 0, Math.Max(0, bytes.Length - 1));
        }

        /// <summary>An array of structs, fetched again if it grew meanwhile.</summary>
        internal static T[] List<T>(int itemSize, Fill call, Func<IntPtr, T> read)
        {
            int capacity = 16;
            while (true)
            {
                // Longs, so that it is aligned for every field.
                var memory = new long[(capacity * itemSize + 7) / 8];
                fixed (long* items = memory)
                {
                    int status = call((IntPtr)items, (UIntPtr)capacity, out UIntPtr count, out IntPtr error);
                    LanPartyException.Check(status, error);
                    if (status != (int)LanPartyStatus.Truncated)
                    {
                        var list = new T[(int)count];
                        for (int i = 0; i < list.Length; i++) list[i] = read((IntPtr)((byte*)items + i * itemSize));
                        return list;
                    }
                    capacity = (int)count + 8;
                }
            }
        }
    }
}
