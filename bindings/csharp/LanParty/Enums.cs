using System;

namespace LanParty
{
    // The numbers are those of include/lanparty.h. A number that is none of these is possible: a newer library may know
    // more.

    /// <summary>What a member is in its room.</summary>
    public enum Role
    {
        /// <summary>A remote player.</summary>
        Client = 1,
        /// <summary>The one that bridges the party's LAN.</summary>
        Gateway = 2,
    }

    /// <summary>Where a session is.</summary>
    public enum Phase
    {
        /// <summary>A connection is being made.</summary>
        Connecting = 1,
        /// <summary>The connection stands, the room has not answered yet.</summary>
        Greeting = 2,
        /// <summary>In the room.</summary>
        Joined = 3,
        /// <summary>Between two attempts.</summary>
        Waiting = 4,
        /// <summary>Over; see the last event.</summary>
        Ended = 5,
    }

    /// <summary>What a port is made of.</summary>
    public enum PortKind
    {
        /// <summary>The program itself: frames are sent and received by calls.</summary>
        Virtual = 1,
        /// <summary>A device written by the program: an <see cref="IFrameSink"/>.</summary>
        Sink = 2,
        /// <summary>A TAP adapter, made when the port is bridged.</summary>
        Tap = 3,
        /// <summary>A wired Ethernet interface.</summary>
        AfPacket = 4,
    }

    /// <summary>How much the log tells.</summary>
    public enum LogLevel
    {
        /// <summary>Something failed.</summary>
        Error = 1,
        /// <summary>Something is not as it should be.</summary>
        Warn = 2,
        /// <summary>What a user wants to know.</summary>
        Info = 3,
        /// <summary>What a developer wants to know.</summary>
        Debug = 4,
        /// <summary>Everything.</summary>
        Trace = 5,
    }

    /// <summary>What happened: below 20 at a session, from 20 on at a relay.</summary>
    public enum EventKind
    {
        /// <summary>A connection is being made: <c>Attempt</c>.</summary>
        Connecting = 1,
        /// <summary>
        /// In the room: <c>Room</c>, <c>Peer</c> (the own number), <c>Mtu</c>, <c>Again</c>, <c>GatewayPresent</c>.
        /// </summary>
        Joined = 2,
        /// <summary>Somebody came: <c>Peer</c>, <c>Role</c>, <c>Mac</c>, <c>Name</c>.</summary>
        PeerJoined = 3,
        /// <summary>Somebody left: as above, with <c>Reason</c> and <c>Text</c>, the leaver's words.</summary>
        PeerLeft = 4,
        /// <summary>Somebody paused or resumed: <c>Peer</c>, <c>IsPaused</c>.</summary>
        PeerPaused = 5,
        /// <summary>The own session paused or resumed: <c>IsPaused</c>.</summary>
        Paused = 6,
        /// <summary>The connection broke: <c>Text</c> is the cause, <c>RetryIn</c> the wait.</summary>
        Disconnected = 7,
        /// <summary>Over: <c>Status</c> and <c>Text</c> say why. The last event.</summary>
        Ended = 8,
        /// <summary>A room was opened: <c>Room</c>, <c>Code</c>, <c>Mtu</c>.</summary>
        RoomOpened = 20,
        /// <summary>A room was closed: <c>Room</c>, <c>Code</c>.</summary>
        RoomClosed = 21,
        /// <summary>
        /// A member came: <c>Room</c>, <c>Code</c>, <c>Peer</c>, <c>Role</c>, <c>Mac</c>, <c>Name</c>.
        /// </summary>
        MemberJoined = 22,
        /// <summary>A member left: as above, with <c>Reason</c> and <c>Text</c>.</summary>
        MemberLeft = 23,
        /// <summary>Somebody was not let in: <c>Code</c>, <c>Status</c>, <c>Text</c>.</summary>
        Rejected = 24,
        /// <summary>A connection ended: <c>Status</c>, <c>Text</c>.</summary>
        ConnectionClosed = 25,
        /// <summary>A member paused or resumed: <c>Room</c>, <c>Code</c>, <c>Peer</c>, <c>IsPaused</c>.</summary>
        MemberPaused = 26,
    }

    /// <summary>Why somebody left.</summary>
    public enum LeaveReason
    {
        /// <summary>On purpose.</summary>
        Normal = 1,
        /// <summary>Silent for too long.</summary>
        TimedOut = 2,
        /// <summary>The connection broke.</summary>
        Lost = 3,
        /// <summary>Broke the protocol.</summary>
        Protocol = 4,
        /// <summary>Abused the room.</summary>
        Abuse = 5,
        /// <summary>Thrown out.</summary>
        Kicked = 6,
        /// <summary>Came back over another connection.</summary>
        Replaced = 7,
        /// <summary>The relay shut down.</summary>
        Shutdown = 8,
        /// <summary>A reason that this version does not know.</summary>
        Other = 99,
    }

    /// <summary>A counter of a session, by number.</summary>
    public enum Stat
    {
        /// <summary>Frames written to the port.</summary>
        RxFrames = 1,
        /// <summary>Bytes written to the port.</summary>
        RxBytes = 2,
        /// <summary>Of those frames: broadcast, multicast and unknown destinations.</summary>
        RxFloodFrames = 3,
        /// <summary>Frames read from the port.</summary>
        TxFrames = 4,
        /// <summary>Bytes read from the port.</summary>
        TxBytes = 5,
        /// <summary>Of those frames: broadcast, multicast and unknown destinations.</summary>
        TxFloodFrames = 6,
        /// <summary>Datagrams received.</summary>
        RxDatagrams = 7,
        /// <summary>Datagrams sent.</summary>
        TxDatagrams = 8,
        /// <summary>Frames put together from two datagrams.</summary>
        RxReassembled = 9,
        /// <summary>Frames sent in two datagrams.</summary>
        TxFragmented = 10,
        /// <summary>TCP segment sizes lowered.</summary>
        MssClamped = 11,
        /// <summary>How often the session came back.</summary>
        Reconnects = 12,
        /// <summary>Frames dropped, for all reasons together.</summary>
        Drops = 13,
    }

    /// <summary>The same bits wherever a struct has flags.</summary>
    [Flags]
    internal enum Flag : uint
    {
        HasMac = 0x1,
        Paused = 0x2,
        HasRtt = 0x4,
        Again = 0x8,
        GatewayPresent = 0x10,
        RelayReachable = 0x20,
        Joined = 0x40,
        IsGateway = 0x80,
        RoutePinned = 0x100,
        RouteUnpinned = 0x200,
        Bridged = 0x400,
        Closed = 0x800,
        HasGatewayRtt = 0x1000,
    }
}
