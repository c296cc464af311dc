using System;

namespace LanParty
{
    // What the library says about a room, its members and itself at one moment. Copies: they do not change.

    /// <summary>A room, as a session or a relay sees it.</summary>
    public readonly struct Room
    {
        /// <summary>Its number on the relay; 0 while not joined.</summary>
        public long Number { get; }

        /// <summary>The code that members join by.</summary>
        public string Code { get; }

        /// <summary>The largest payload of a frame in bytes; 0 while unknown.</summary>
        public int Mtu { get; }

        /// <summary>The own number in the room; 0 at a relay, or while not joined.</summary>
        public long SelfPeer { get; }

        /// <summary>The gateway's number; 0 if there is none.</summary>
        public long GatewayPeer { get; }

        /// <summary>How many are in it, oneself included.</summary>
        public int Members { get; }

        /// <summary>Whether the room has a gateway.</summary>
        public bool HasGateway => GatewayPeer != 0;

        internal unsafe Room(lanparty_room* room)
        {
            Number = room->room;
            Code = Native.Text(room->code, 68);
            Mtu = (int)room->mtu;
            SelfPeer = room->self_peer;
            GatewayPeer = room->gateway_peer;
            Members = (int)room->members;
        }
    }

    /// <summary>Another member of the room.</summary>
    public readonly struct Peer
    {
        /// <summary>Its number in the room.</summary>
        public long Number { get; }

        /// <summary>What it is in the room.</summary>
        public Role Role { get; }

        /// <summary>The name it goes by; may be empty.</summary>
        public string Name { get; }

        /// <summary>Its address; a gateway has none of its own.</summary>
        public MacAddress? Mac { get; }

        /// <summary>Whether it has paused.</summary>
        public bool IsPaused { get; }

        /// <summary>The way there and back, once it was measured.</summary>
        public TimeSpan? Ping { get; }

        internal unsafe Peer(lanparty_peer* peer)
        {
            Number = peer->peer;
            Role = (Role)peer->role;
            Name = Native.Text(peer->name, 132);
            Mac = MacAddress.From(peer->mac, peer->flags);
            IsPaused = (peer->flags & (uint)Flag.Paused) != 0;
            Ping = Micros.Of(peer->rtt_us, peer->flags, Flag.HasRtt);
        }
    }

    /// <summary>A member of a room, as its relay sees it.</summary>
    public readonly struct Member
    {
        /// <summary>Its number in the room.</summary>
        public long Number { get; }

        /// <summary>What it is in the room.</summary>
        public Role Role { get; }

        /// <summary>The name it goes by; may be empty.</summary>
        public string Name { get; }

        /// <summary>Its address; a gateway has none of its own.</summary>
        public MacAddress? Mac { get; }

        /// <summary>Whether it has paused.</summary>
        public bool IsPaused { get; }

        /// <summary>The largest datagram to it in bytes.</summary>
        public int Budget { get; }

        /// <summary>How long ago it joined.</summary>
        public TimeSpan Joined { get; }

        /// <summary>How long ago its last frame came.</summary>
        public TimeSpan LastSeen { get; }

        /// <summary>Datagrams sent to it.</summary>
        public long SentDatagrams { get; }

        /// <summary>Bytes sent to it.</summary>
        public long SentBytes { get; }

        /// <summary>Datagrams received from it.</summary>
        public long ReceivedDatagrams { get; }

        /// <summary>Bytes received from it.</summary>
        public long ReceivedBytes { get; }

        /// <summary>What was dropped of it.</summary>
        public long Drops { get; }

        /// <summary>Datagrams of it that made no sense.</summary>
        public long Malformed { get; }

        internal unsafe Member(lanparty_member* member)
        {
            Number = member->peer;
            Role = (Role)member->role;
            Name = Native.Text(member->name, 132);
            Mac = MacAddress.From(member->mac, member->flags);
            IsPaused = (member->flags & (uint)Flag.Paused) != 0;
            Budget = (int)member->budget;
            Joined = TimeSpan.FromMilliseconds(member->joined_ms);
            LastSeen = TimeSpan.FromMilliseconds(member->last_seen_ms);
            SentDatagrams = (long)member->sent_datagrams;
            SentBytes = (long)member->sent_bytes;
            ReceivedDatagrams = (long)member->received_datagrams;
            ReceivedBytes = (long)member->received_bytes;
            Drops = (long)member->drops;
            Malformed = member->malformed;
        }
    }

    /// <summary>
    /// The counters of a session. Received is what was written to the port, sent what was read from it.
    /// </summary>
    public readonly struct Stats
    {
        private readonly lanparty_stats native;

        internal Stats(lanparty_stats native) => this.native = native;

        /// <summary>Frames written to the port.</summary>
        public long RxFrames => (long)native.rx_frames;

        /// <summary>Bytes written to the port.</summary>
        public long RxBytes => (long)native.rx_bytes;

        /// <summary>Of those frames: broadcast, multicast and unknown destinations.</summary>
        public long RxFloodFrames => (long)native.rx_flood_frames;

        /// <summary>Frames read from the port.</summary>
        public long TxFrames => (long)native.tx_frames;

        /// <summary>Bytes read from the port.</summary>
        public long TxBytes => (long)native.tx_bytes;

        /// <summary>Of those frames: broadcast, multicast and unknown destinations.</summary>
        public long TxFloodFrames => (long)native.tx_flood_frames;

        /// <summary>Datagrams received.</summary>
        public long RxDatagrams => (long)native.rx_datagrams;

        /// <summary>Datagrams sent.</summary>
        public long TxDatagrams => (long)native.tx_datagrams;

        /// <summary>Frames put together from two datagrams.</summary>
        public long RxReassembled => (long)native.rx_reassembled;

        /// <summary>Frames sent in two datagrams.</summary>
        public long TxFragmented => (long)native.tx_fragmented;

        /// <summary>TCP segment sizes lowered.</summary>
        public long MssClamped => (long)native.mss_clamped;

        /// <summary>How often the session came back.</summary>
        public long Reconnects => (long)native.reconnects;

        /// <summary>Frames dropped, for all reasons together.</summary>
        public long Drops => (long)native.drops;
    }

    /// <summary>The counters of a relay.</summary>
    public readonly struct RelayStats
    {
        private readonly lanparty_relay_stats native;

        internal RelayStats(lanparty_relay_stats native) => this.native = native;

        /// <summary>Connections that are open.</summary>
        public long Connections => (long)native.connections;

        /// <summary>Datagrams sent.</summary>
        public long SentDatagrams => (long)native.sent_datagrams;

        /// <summary>Bytes sent.</summary>
        public long SentBytes => (long)native.sent_bytes;

        /// <summary>Frames dropped, for all reasons together.</summary>
        public long Drops => (long)native.drops;

        /// <summary>Newcomers that were asked to prove their address first.</summary>
        public long Retries => (long)native.retries;

        /// <summary>Newcomers that were turned away because too many came at once.</summary>
        public long Throttled => (long)native.throttled;

        /// <summary>Handshakes that failed.</summary>
        public long FailedHandshakes => (long)native.failed_handshakes;

        /// <summary>Bugs that were caught.</summary>
        public long Panics => (long)native.panics;
    }

    /// <summary>How well a session is, in figures. For sentences see <see cref="Session.GetUserLines"/>.</summary>
    public readonly struct Diagnostics
    {
        private readonly Flag flags;

        /// <summary>Whether there is a connection to the relay.</summary>
        public bool RelayReachable => (flags & Flag.RelayReachable) != 0;

        /// <summary>Whether the session is in its room.</summary>
        public bool IsJoined => (flags & Flag.Joined) != 0;

        /// <summary>Whether the session is the room's gateway.</summary>
        public bool IsGateway => (flags & Flag.IsGateway) != 0;

        /// <summary>Whether the room has a gateway.</summary>
        public bool GatewayPresent => (flags & Flag.GatewayPresent) != 0;

        /// <summary>Whether the way to the relay is kept out of the tunnel.</summary>
        public bool RoutePinned => (flags & Flag.RoutePinned) != 0;

        /// <summary>Whether it should be, and is not.</summary>
        public bool RouteUnpinned => (flags & Flag.RouteUnpinned) != 0;

        /// <summary>Whether the session has paused.</summary>
        public bool IsPaused => (flags & Flag.Paused) != 0;

        /// <summary>Whether a port is bridged.</summary>
        public bool IsBridged => (flags & Flag.Bridged) != 0;

        /// <summary>The largest datagram in bytes; 0 without a connection.</summary>
        public int DatagramBudget { get; }

        /// <summary>The way to the relay and back, once measured.</summary>
        public TimeSpan? RelayPing { get; }

        /// <summary>The way to the gateway and back, once measured.</summary>
        public TimeSpan? GatewayPing { get; }

        /// <summary>The relay's address; empty if unknown.</summary>
        public string RelayAddress { get; }

        /// <summary>The port's name; empty without one.</summary>
        public string Port { get; }

        /// <summary>The first address of the port's adapter; empty if there is none.</summary>
        public string PortAddress { get; }

        /// <summary>How far the session has come.</summary>
        public Phase Phase { get; }

        /// <summary>The session's own address: a client's frames must have it as their source.</summary>
        public MacAddress? Mac { get; }

        internal unsafe Diagnostics(lanparty_diagnostics* native)
        {
            flags = (Flag)native->flags;
            DatagramBudget = (int)native->datagram_budget;
            RelayPing = Micros.Of(native->relay_rtt_us, native->flags, Flag.HasRtt);
            GatewayPing = Micros.Of(native->gateway_rtt_us, native->flags, Flag.HasGatewayRtt);
            RelayAddress = Native.Text(native->relay_address, 64);
            Port = Native.Text(native->port, 64);
            PortAddress = Native.Text(native->port_address, 64);
            Phase = (Phase)native->phase;
            Mac = MacAddress.From(native->mac, native->flags);
        }
    }

    /// <summary>A sentence for the user, as the programs print it.</summary>
    public readonly struct UserLine
    {
        /// <summary><see cref="LogLevel.Info"/> or <see cref="LogLevel.Warn"/>.</summary>
        public LogLevel Level { get; }

        /// <summary>The sentence.</summary>
        public string Text { get; }

        internal unsafe UserLine(lanparty_user_line* line)
        {
            Level = (LogLevel)line->level;
            Text = Native.Text(line->text, 508);
        }

        /// <summary>The sentence.</summary>
        public override string ToString() => Text;
    }

    /// <summary>What a port is.</summary>
    public readonly struct PortInfo
    {
        private readonly Flag flags;

        /// <summary>What it is made of.</summary>
        public PortKind Kind { get; }

        /// <summary>Its name.</summary>
        public string Name { get; }

        /// <summary>The largest payload in bytes.</summary>
        public int Mtu { get; }

        /// <summary>Its own address, if it has one.</summary>
        public MacAddress? Mac { get; }

        /// <summary>Whether a session uses it.</summary>
        public bool IsBridged => (flags & Flag.Bridged) != 0;

        /// <summary>Whether it has been closed.</summary>
        public bool IsClosed => (flags & Flag.Closed) != 0;

        internal unsafe PortInfo(lanparty_port_info* info)
        {
            flags = (Flag)info->flags;
            Kind = (PortKind)info->kind;
            Name = Native.Text(info->name, 64);
            Mtu = (int)info->mtu;
            Mac = MacAddress.From(info->mac, info->flags);
        }
    }

    internal static class Micros
    {
        internal static TimeSpan? Of(uint microseconds, uint flags, Flag flag)
        {
            if ((flags & (uint)flag) == 0) return null;
            return TimeSpan.FromTicks(microseconds * (TimeSpan.TicksPerMillisecond / 1000));
        }
    }
}
