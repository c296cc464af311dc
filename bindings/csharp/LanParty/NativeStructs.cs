using System;
using System.Runtime.InteropServices;

// Nobody assigns these fields in C#: the library does.
#pragma warning disable 0649

namespace LanParty
{
    // The structs of include/lanparty.h, field by field and under their own names; all of them blittable. A test
    // compares sizes and offsets with the header.

    [StructLayout(LayoutKind.Sequential)]
    internal struct lanparty_str
    {
        internal IntPtr ptr;
        internal UIntPtr len;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct lanparty_frame
    {
        internal IntPtr data;
        internal uint len;
        internal uint reserved;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct lanparty_event
    {
        internal uint struct_size;
        internal uint kind;
        internal uint room;
        internal uint peer;
        internal uint role;
        internal uint reason;
        internal int status;
        internal uint flags;
        internal uint mtu;
        internal uint attempt;
        internal uint retry_in_ms;
        internal uint missed;
        internal fixed byte mac[6];
        internal fixed byte reserved[2];
        internal fixed byte name[132];
        internal fixed byte code[68];
        internal fixed byte text[1024];
        internal fixed byte line[1024];
    }

    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct lanparty_peer
    {
        internal uint peer;
        internal uint role;
        internal uint flags;
        internal uint rtt_us;
        internal fixed byte mac[6];
        internal fixed byte reserved[2];
        internal fixed byte name[132];
    }

    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct lanparty_room
    {
        internal uint struct_size;
        internal uint room;
        internal uint mtu;
        internal uint self_peer;
        internal uint gateway_peer;
        internal uint members;
        internal fixed byte code[68];
    }

    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct lanparty_member
    {
        internal uint peer;
        internal uint role;
        internal uint flags;
        internal uint malformed;
        internal ulong joined_ms;
        internal ulong last_seen_ms;
        internal ulong sent_datagrams;
        internal ulong sent_bytes;
        internal ulong received_datagrams;
        internal ulong received_bytes;
        internal ulong drops;
        internal fixed byte mac[6];
        internal fixed byte reserved[2];
        internal fixed byte name[132];
        internal uint budget;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct lanparty_stats
    {
        internal uint struct_size;
        internal uint reserved;
        internal ulong rx_frames;
        internal ulong rx_bytes;
        internal ulong rx_flood_frames;
        internal ulong tx_frames;
        internal ulong tx_bytes;
        internal ulong tx_flood_frames;
        internal ulong rx_datagrams;
        internal ulong tx_datagrams;
        internal ulong rx_reassembled;
        internal ulong tx_fragmented;
        internal ulong mss_clamped;
        internal ulong reconnects;
        internal ulong drops;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct lanparty_relay_stats
    {
        internal uint struct_size;
        internal uint reserved;
        internal ulong connections;
        internal ulong sent_datagrams;
        internal ulong sent_bytes;
        internal ulong drops;
        internal ulong retries;
        internal ulong throttled;
        internal ulong failed_handshakes;
        internal ulong panics;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct lanparty_drop
    {
        internal ulong count;
        internal fixed byte reason[32];
    }

    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct lanparty_diagnostics
    {
        internal uint struct_size;
        internal uint flags;
        internal uint datagram_budget;
        internal uint relay_rtt_us;
        internal uint gateway_rtt_us;
        internal uint phase;
        internal fixed byte relay_address[64];
        internal fixed byte port[64];
        internal fixed byte port_address[64];
        internal fixed byte mac[6];
        internal fixed byte reserved[2];
    }

    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct lanparty_user_line
    {
        internal uint level;
        internal fixed byte text[508];
    }

    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct lanparty_port_info
    {
        internal uint struct_size;
        internal uint kind;
        internal uint flags;
        internal uint mtu;
        internal fixed byte mac[6];
        internal fixed byte reserved[2];
        internal fixed byte name[64];
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct lanparty_frame_sink
    {
        internal uint struct_size;
        internal uint mtu;
        internal IntPtr user_data;
        internal IntPtr send;
        internal IntPtr set_mtu;
        internal IntPtr set_link;
        internal IntPtr release;
    }

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal delegate int SendCallback(IntPtr userData, IntPtr frame, UIntPtr len);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal delegate void MtuCallback(IntPtr userData, uint mtu);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal delegate void LinkCallback(IntPtr userData, byte up);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal delegate void ReleaseCallback(IntPtr userData);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal delegate void LogCallback(IntPtr userData, uint level, lanparty_str target, lanparty_str message);
}
