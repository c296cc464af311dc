using System;
using System.Globalization;

namespace LanParty
{
    /// <summary>An Ethernet address.</summary>
    public readonly struct MacAddress : IEquatable<MacAddress>
    {
        private readonly ulong bits;

        /// <summary>ff:ff:ff:ff:ff:ff, everybody.</summary>
        public static readonly MacAddress Broadcast = new MacAddress(0xffff_ffff_ffff);

        private MacAddress(ulong bits) => this.bits = bits;

        /// <summary>From six bytes.</summary>
        public MacAddress(ArraySegment<byte> bytes)
        {
            Native.CheckSegment(bytes, nameof(bytes));
            if (bytes.Count != 6) throw new ArgumentException("a MAC address has six bytes", nameof(bytes));
            bits = 0;
            for (int i = 0; i < 6; i++) bits = bits << 8 | bytes.Array[bytes.Offset + i];
        }

        /// <summary>From six bytes.</summary>
        public MacAddress(byte[] bytes) : this(new ArraySegment<byte>(Native.NotNull(bytes, nameof(bytes)))) { }

        internal static unsafe MacAddress? From(byte* mac, uint flags)
        {
            if ((flags & (uint)Flag.HasMac) == 0) return null;
            ulong bits = 0;
            for (int i = 0; i < 6; i++) bits = bits << 8 | mac[i];
            return new MacAddress(bits);
        }

        /// <summary>Reads six pairs of hexadecimal digits with colons between, as in "02:1a:2b:3c:4d:5e".</summary>
        /// <exception cref="FormatException">It is none.</exception>
        public static MacAddress Parse(string text)
        {
            string[] parts = Native.NotNull(text, nameof(text)).Split(':');
            ulong bits = 0;
            bool good = parts.Length == 6;
            foreach (string part in parts)
            {
                good &= byte.TryParse(part, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte b)
                    && part.Length == 2;
                bits = bits << 8 | b;
            }
            if (!good) throw new FormatException($"'{text}' is no MAC address, as in 02:1a:2b:3c:4d:5e");
            return new MacAddress(bits);
        }

        /// <summary>The six bytes, newly allocated.</summary>
        public byte[] ToBytes()
        {
            var bytes = new byte[6];
            CopyTo(bytes, 0);
            return bytes;
        }

        /// <summary>Writes the six bytes, as into the head of a frame.</summary>
        public void CopyTo(byte[] target, int offset)
        {
            Native.NotNull(target, nameof(target));
            if (offset < 0 || target.Length - offset < 6) throw new ArgumentOutOfRangeException(nameof(offset));
            for (int i = 0; i < 6; i++) target[offset + i] = (byte)(bits >> (40 - 8 * i));
        }

        /// <inheritdoc/>
        public bool Equals(MacAddress other) => bits == other.bits;

        /// <inheritdoc/>
        public override bool Equals(object obj) => obj is MacAddress other && Equals(other);

        /// <inheritdoc/>
        public override int GetHashCode() => bits.GetHashCode();

        /// <summary>Whether both are the same address.</summary>
        public static bool operator ==(MacAddress a, MacAddress b) => a.bits == b.bits;

        /// <summary>Whether they differ.</summary>
        public static bool operator !=(MacAddress a, MacAddress b) => a.bits != b.bits;

        /// <summary>As in "02:1a:2b:3c:4d:5e".</summary>
        public override string ToString()
        {
            byte[] b = ToBytes();
            return $"{b[0]:x2}:{b[1]:x2}:{b[2]:x2}:{b[3]:x2}:{b[4]:x2}:{b[5]:x2}";
        }
    }
}
