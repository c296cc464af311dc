using System;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace LanParty
{
    // One class per handle of the library. Releasing only frees: it never waits, so a finalizer may do it. Ending
    // (close) is the business of the public classes.

    internal sealed class ErrorHandle : SafeHandleZeroOrMinusOneIsInvalid
    {
        public ErrorHandle() : base(true) { }

        internal ErrorHandle(IntPtr error) : base(true) => SetHandle(error);

        protected override bool ReleaseHandle()
        {
            NativeMethods.lanparty_error_free(handle);
            return true;
        }
    }

    internal sealed class IdentityHandle : SafeHandleZeroOrMinusOneIsInvalid
    {
        public IdentityHandle() : base(true) { }

        protected override bool ReleaseHandle()
        {
            NativeMethods.lanparty_identity_free(handle);
            return true;
        }
    }

    internal sealed class PortHandle : SafeHandleZeroOrMinusOneIsInvalid
    {
        public PortHandle() : base(true) { }

        protected override bool ReleaseHandle()
        {
            NativeMethods.lanparty_port_free(handle);
            return true;
        }
    }

    internal sealed class RelayConfigHandle : SafeHandleZeroOrMinusOneIsInvalid
    {
        public RelayConfigHandle() : base(true) { }

        protected override bool ReleaseHandle()
        {
            NativeMethods.lanparty_relay_config_free(handle);
            return true;
        }
    }

    internal sealed class RelayHandle : SafeHandleZeroOrMinusOneIsInvalid
    {
        public RelayHandle() : base(true) { }

        protected override bool ReleaseHandle()
        {
            NativeMethods.lanparty_relay_free(handle);
            return true;
        }
    }

    internal sealed class SessionConfigHandle : SafeHandleZeroOrMinusOneIsInvalid
    {
        public SessionConfigHandle() : base(true) { }

        protected override bool ReleaseHandle()
        {
            NativeMethods.lanparty_session_config_free(handle);
            return true;
        }
    }

    internal sealed class SessionHandle : SafeHandleZeroOrMinusOneIsInvalid
    {
        public SessionHandle() : base(true) { }

        protected override bool ReleaseHandle()
        {
            NativeMethods.lanparty_session_free(handle);
            return true;
        }
    }

    /// <summary>
    /// An array that stays where it is; its handle is the address of the first element. As a safe handle, a call that
    /// uses the memory keeps it pinned even if somebody disposes of the owner meanwhile.
    /// </summary>
    internal sealed class PinnedMemory : SafeHandleZeroOrMinusOneIsInvalid
    {
        private GCHandle pin;

        public PinnedMemory() : base(true) { }

        internal PinnedMemory(Array array) : base(true)
        {
            pin = GCHandle.Alloc(array, GCHandleType.Pinned);
            SetHandle(pin.AddrOfPinnedObject());
        }

        internal IntPtr Address => handle;

        protected override bool ReleaseHandle()
        {
            pin.Free();
            return true;
        }
    }
}
