using System;

namespace LanParty
{
    /// <summary>
    /// How to host: where to listen, the certificate, and every limit that the relay program takes as an option. For
    /// one thread at a time.
    /// </summary>
    public sealed class RelayOptions : IDisposable
    {
        private string listen;

        internal RelayConfigHandle Handle { get; }

        /// <summary>The defaults: all addresses, port 443, a self-made certificate.</summary>
        public RelayOptions()
        {
            Library.EnsureLoaded();
            int status = NativeMethods.lanparty_relay_config_new(out RelayConfigHandle handle, out IntPtr error);
            LanPartyException.Check(status, error);
            Handle = handle;
        }

        /// <summary>As above, listening somewhere else, such as "127.0.0.1:0".</summary>
        public RelayOptions(string listen) : this() => Listen = listen;

        /// <summary>Where to listen; port 0 takes a free one. Null if it was not set.</summary>
        public string Listen
        {
            get => listen;
            set { Set("listen", value); listen = value; }
        }

        /// <summary>Makes any setting, by the name that the program's long option has.</summary>
        /// <exception cref="LanPartyException">
        /// <see cref="LanPartyStatus.UnknownKey"/>, with the nearest name in the message, or
        /// <see cref="LanPartyStatus.BadValue"/>.
        /// </exception>
        public void Set(string key, string value)
        {
            byte[] keyBytes = Native.Bytes(Native.NotNull(key, nameof(key)));
            byte[] valueBytes = Native.Bytes(Native.NotNull(value, nameof(value)));
            int status = NativeMethods.lanparty_relay_config_set(
                Handle, keyBytes, Native.Length(keyBytes), valueBytes, Native.Length(valueBytes), out IntPtr error);
            LanPartyException.Check(status, error);
        }

        /// <summary>Makes all settings of a TOML text, or none if there is a mistake in it.</summary>
        public void LoadToml(string toml)
        {
            byte[] bytes = Native.Bytes(Native.NotNull(toml, nameof(toml)));
            int status = NativeMethods.lanparty_relay_config_load_toml(
                Handle, bytes, Native.Length(bytes), out IntPtr error);
            LanPartyException.Check(status, error);
        }

        /// <summary>A certificate with its chain, and its key, both PEM in memory.</summary>
        public void SetCertificate(byte[] chainPem, byte[] keyPem)
        {
            Native.NotNull(chainPem, nameof(chainPem));
            Native.NotNull(keyPem, nameof(keyPem));
            int status = NativeMethods.lanparty_relay_config_set_certificate_pem(
                Handle, chainPem, Native.Size(chainPem), keyPem, Native.Size(keyPem), out IntPtr error);
            LanPartyException.Check(status, error);
        }

        /// <summary>Frees the settings; relays made of them live on.</summary>
        public void Dispose() => Handle.Dispose();
    }
}
