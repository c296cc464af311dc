using System;

namespace LanParty
{
    /// <summary>
    /// Who a member is towards the relay and the room: a secret and a MAC address. Kept in a file, a player has the
    /// same address, and with it the same DHCP lease, every evening.
    /// </summary>
    public sealed class Identity : IDisposable
    {
        internal IdentityHandle Handle { get; }

        private Identity(IdentityHandle handle) => Handle = handle;

        /// <summary>A new one, in memory only.</summary>
        public static Identity Generate()
        {
            Library.EnsureLoaded();
            int status = NativeMethods.lanparty_identity_generate(out IdentityHandle handle, out IntPtr error);
            LanPartyException.Check(status, error);
            return new Identity(handle);
        }

        /// <summary>The one in the file, or a new one that is put there.</summary>
        public static Identity LoadOrCreate(string path)
        {
            byte[] bytes = Native.Bytes(Native.NotNull(path, nameof(path)));
            Library.EnsureLoaded();
            int status = NativeMethods.lanparty_identity_load_or_create(
                bytes, Native.Length(bytes), out IdentityHandle handle, out IntPtr error);
            LanPartyException.Check(status, error);
            return new Identity(handle);
        }

        /// <summary>The same identity with another MAC address.</summary>
        public Identity WithMac(MacAddress mac)
        {
            int status = NativeMethods.lanparty_identity_with_mac(
                Handle, mac.ToBytes(), out IdentityHandle changed, out IntPtr error);
            LanPartyException.Check(status, error);
            return new Identity(changed);
        }

        /// <summary>The address that frames of this member come from.</summary>
        public MacAddress Mac
        {
            get
            {
                var mac = new byte[6];
                LanPartyException.Check(NativeMethods.lanparty_identity_mac(Handle, mac, out IntPtr error), error);
                return new MacAddress(mac);
            }
        }

        /// <summary>
        /// What a user should know about the file, such as that others can read it; empty if nothing.
        /// </summary>
        public string Warning => Native.CopyText(
            (byte[] buffer, UIntPtr capacity, out UIntPtr needed, out IntPtr error) => NativeMethods.lanparty_identity_warning(
                Handle, buffer, capacity, out needed, out error));

        /// <summary>Forgets the secret in memory; the file stays.</summary>
        public void Dispose() => Handle.Dispose();
    }
}
