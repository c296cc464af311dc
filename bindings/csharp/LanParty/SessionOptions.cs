using System;
using System.IO;

namespace LanParty
{
    /// <summary>
    /// How to join: the relay, the room, whom to trust, and everything that the programs take as options. May be used
    /// for several sessions. For one thread at a time.
    /// </summary>
    /// <remarks>
    /// Each setting is checked as it is made. The properties tell what was set through them, not what
    /// <see cref="LoadToml"/> or <see cref="Set"/> changed.
    /// </remarks>
    public sealed class SessionOptions : IDisposable
    {
        private string relay, room, name, serverName;
        private int mtu;
        private bool retry = true;
        private Identity identity;
        private Port port;

        internal SessionConfigHandle Handle { get; }

        /// <summary>For a role. Relay and room may come later.</summary>
        /// <param name="role">A remote player, or the one that bridges the LAN.</param>
        /// <param name="relay">Such as "relay.example", "192.0.2.1:4433"; null for later.</param>
        /// <param name="room">The room's code; null for later.</param>
        public SessionOptions(Role role, string relay = null, string room = null)
        {
            byte[] relayBytes = Native.Bytes(relay);
            byte[] roomBytes = Native.Bytes(room);
            Library.EnsureLoaded();
            int status = NativeMethods.lanparty_session_config_new(
                (uint)role, relayBytes, Native.Length(relayBytes), roomBytes, Native.Length(roomBytes),
                out SessionConfigHandle handle, out IntPtr error);
            LanPartyException.Check(status, error);
            Handle = handle;
            this.relay = relay;
            this.room = room;
        }

        /// <summary>The relay's address.</summary>
        public string Relay
        {
            get => relay;
            set { Set("relay", value); relay = value; }
        }

        /// <summary>The room's code.</summary>
        public string Room
        {
            get => room;
            set { Set("room", value); room = value; }
        }

        /// <summary>The name that others see.</summary>
        public string Name
        {
            get => name;
            set { Set("name", value); name = value; }
        }

        /// <summary>
        /// The name that the relay's certificate is for, if it is not the address: "lanparty-relay.local" for a
        /// self-made one.
        /// </summary>
        public string ServerName
        {
            get => serverName;
            set { Set("server-name", value); serverName = value; }
        }

        /// <summary>The largest payload of a frame in bytes; 0 if it was not set.</summary>
        public int Mtu
        {
            get => mtu;
            set { Set("mtu", value.ToString(System.Globalization.CultureInfo.InvariantCulture)); mtu = value; }
        }

        /// <summary>Whether to come back by itself when the connection breaks. It does unless told otherwise.</summary>
        public bool Retry
        {
            get => retry;
            set { Set("retry", value ? "true" : "false"); retry = value; }
        }

        /// <summary>Who to be; a new identity for every session unless set. Not disposed of here.</summary>
        public Identity Identity
        {
            get => identity;
            set
            {
                Native.NotNull(value, nameof(value));
                int status = NativeMethods.lanparty_session_config_set_identity(
                    Handle, Native.Open(value.Handle), out IntPtr error);
                LanPartyException.Check(status, error);
                identity = value;
            }
        }

        /// <summary>The port to bridge from the beginning. Not disposed of here.</summary>
        public Port Port
        {
            get => port;
            set
            {
                Native.NotNull(value, nameof(value));
                int status = NativeMethods.lanparty_session_config_set_port(
                    Handle, Native.Open(value.Handle), out IntPtr error);
                LanPartyException.Check(status, error);
                port = value;
            }
        }

        /// <summary>Makes any setting, by the name that the programs' long options have.</summary>
        /// <exception cref="LanPartyException">
        /// <see cref="LanPartyStatus.UnknownKey"/>, with the nearest name in the message, or
        /// <see cref="LanPartyStatus.BadValue"/>.
        /// </exception>
        public void Set(string key, string value)
        {
            byte[] keyBytes = Native.Bytes(Native.NotNull(key, nameof(key)));
            byte[] valueBytes = Native.Bytes(Native.NotNull(value, nameof(value)));
            int status = NativeMethods.lanparty_session_config_set(
                Handle, keyBytes, Native.Length(keyBytes), valueBytes, Native.Length(valueBytes), out IntPtr error);
            LanPartyException.Check(status, error);
        }

        /// <summary>Makes all settings of a TOML text, or none if there is a mistake in it.</summary>
        public void LoadToml(string toml)
        {
            byte[] bytes = Native.Bytes(Native.NotNull(toml, nameof(toml)));
            int status = NativeMethods.lanparty_session_config_load_toml(
                Handle, bytes, Native.Length(bytes), out IntPtr error);
            LanPartyException.Check(status, error);
        }

        /// <summary>
        /// Trusts these certificates instead of those of the public authorities: DER or PEM, in memory.
        /// </summary>
        public void TrustCertificates(byte[] derOrPem)
        {
            Native.NotNull(derOrPem, nameof(derOrPem));
            int status = NativeMethods.lanparty_session_config_trust_certificates(
                Handle, derOrPem, Native.Size(derOrPem), out IntPtr error);
            LanPartyException.Check(status, error);
        }

        /// <summary>As <see cref="TrustCertificates"/>, from a file that is read now.</summary>
        public void TrustCertificateFile(string path) => TrustCertificates(File.ReadAllBytes(path));

        /// <summary>
        /// Accepts any certificate. Whoever sits between can then be the relay: read and change every frame, and the
        /// room's code. For experiments only.
        /// </summary>
        public void DangerousAcceptAnyCertificate()
        {
            int status = NativeMethods.lanparty_session_config_dangerous_accept_any(Handle, out IntPtr error);
            LanPartyException.Check(status, error);
        }

        /// <summary>Frees the settings; sessions made of them live on.</summary>
        public void Dispose() => Handle.Dispose();
    }
}
