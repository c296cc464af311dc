using System;

namespace LanParty
{
    /// <summary>
    /// What happened, at a session or at a relay. <see cref="EventKind"/> says which fields mean something.
    /// </summary>
    public abstract class LanPartyEvent : EventArgs
    {
        private readonly Flag flags;

        /// <summary>What happened.</summary>
        public EventKind Kind { get; }

        /// <summary>The room's number on the relay.</summary>
        public long Room { get; }

        /// <summary>A member's number in the room.</summary>
        public long Peer { get; }

        /// <summary>What that member is.</summary>
        public Role Role { get; }

        /// <summary>Why it left.</summary>
        public LeaveReason Reason { get; }

        /// <summary>Why it ended or was refused; <see cref="LanPartyStatus.Ok"/> if that was wanted.</summary>
        public LanPartyStatus Status { get; }

        /// <summary>The room's MTU in bytes.</summary>
        public int Mtu { get; }

        /// <summary>
        /// How many events were lost just before this one, because nobody took them: the queue holds 1024.
        /// </summary>
        public int Missed { get; }

        /// <summary>The member's address.</summary>
        public MacAddress? Mac { get; }

        /// <summary>The member's name.</summary>
        public string Name { get; }

        /// <summary>The room's code.</summary>
        public string Code { get; }

        /// <summary>The leaver's words, or the cause.</summary>
        public string Text { get; }

        /// <summary>A sentence for the user, as the programs print it; empty if there is none.</summary>
        public string Line { get; }

        /// <summary>Whether somebody is paused now.</summary>
        public bool IsPaused => Has(Flag.Paused);

        internal unsafe LanPartyEvent(lanparty_event* native)
        {
            flags = (Flag)native->flags;
            Kind = (EventKind)native->kind;
            Room = native->room;
            Peer = native->peer;
            Role = (Role)native->role;
            Reason = (LeaveReason)native->reason;
            Status = (LanPartyStatus)native->status;
            Mtu = (int)native->mtu;
            Missed = (int)native->missed;
            Mac = MacAddress.From(native->mac, native->flags);
            Name = Native.Text(native->name, 132);
            Code = Native.Text(native->code, 68);
            Text = Native.Text(native->text, 1024);
            Line = Native.Text(native->line, 1024);
        }

        internal bool Has(Flag flag) => (flags & flag) != 0;

        /// <summary>For a log: the kind and what there is of words.</summary>
        public override string ToString()
        {
            string words = Line.Length > 0 ? Line : Text;
            return words.Length > 0 ? $"{Kind}: {words}" : Kind.ToString();
        }
    }

    /// <summary>What happened at a session.</summary>
    public sealed class SessionEvent : LanPartyEvent
    {
        /// <summary>The how-manieth attempt to connect.</summary>
        public int Attempt { get; }

        /// <summary>How long until the next attempt.</summary>
        public TimeSpan RetryIn { get; }

        /// <summary>Whether the session was in before and came back.</summary>
        public bool Again => Has(Flag.Again);

        /// <summary>Whether the room has a gateway.</summary>
        public bool GatewayPresent => Has(Flag.GatewayPresent);

        internal unsafe SessionEvent(lanparty_event* native) : base(native)
        {
            Attempt = (int)native->attempt;
            RetryIn = TimeSpan.FromMilliseconds(native->retry_in_ms);
        }
    }

    /// <summary>What happened at a relay.</summary>
    public sealed class RelayEvent : LanPartyEvent
    {
        internal unsafe RelayEvent(lanparty_event* native) : base(native) { }
    }
}
