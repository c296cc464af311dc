using System;
using System.Runtime.InteropServices;

namespace LanParty
{
    /// <summary>
    /// Every function of include/lanparty.h under its own name, and nothing else. A test compares this table with the
    /// header.
    /// </summary>
    /// <remarks>
    /// Handles are passed as <see cref="SafeHandle"/>, so that each call holds a reference for as long as it lasts.
    /// Texts are bytes and a length: nothing here depends on how a runtime marshals strings. The last parameter
    /// receives an owned error or null; <see cref="LanPartyException.Check"/> takes it.
    /// </remarks>
    internal static unsafe class NativeMethods
    {
        private const string Lib = "lanparty";
        private const CallingConvention C = CallingConvention.Cdecl;

        // Versions, errors

        [DllImport(Lib, CallingConvention = C)]
        internal static extern uint lanparty_abi_version();

        [DllImport(Lib, CallingConvention = C)]
        internal static extern IntPtr lanparty_version();

        [DllImport(Lib, CallingConvention = C)]
        internal static extern ulong lanparty_live_handles();

        [DllImport(Lib, CallingConvention = C)]
        internal static extern IntPtr lanparty_status_str(int status);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_error_status(ErrorHandle error);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern uint lanparty_error_kind(ErrorHandle error);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_error_os_error(ErrorHandle error);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern IntPtr lanparty_error_message(ErrorHandle error);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern void lanparty_error_free(IntPtr error);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_test_panic(SessionHandle session, out IntPtr err);

        // Log

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_log_set_callback(
            uint level, LogCallback callback, IntPtr user_data, ReleaseCallback release, out IntPtr err);

        // Identity

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_identity_generate(out IdentityHandle identity, out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_identity_load_or_create(
            byte[] path, UIntPtr path_len, out IdentityHandle identity, out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_identity_with_mac(
            IdentityHandle identity, byte[] mac, out IdentityHandle changed, out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_identity_mac(IdentityHandle identity, [Out] byte[] mac, out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_identity_warning(
            IdentityHandle identity, [Out] byte[] buf, UIntPtr cap, out UIntPtr needed, out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern void lanparty_identity_free(IntPtr identity);

        // Ports

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_port_new_virtual(
            uint capacity, uint mtu, out PortHandle port, out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_port_new_sink(
            lanparty_frame_sink* sink, out PortHandle port, out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_port_new_tap(
            byte[] name, UIntPtr name_len, byte[] address, UIntPtr address_len, uint mtu, out PortHandle port,
            out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_port_new_af_packet(
            byte[] iface, UIntPtr iface_len, out PortHandle port, out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_port_send(
            PortHandle port, lanparty_frame* frames, UIntPtr count, out UIntPtr sent, out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_port_recv(
            PortHandle port, byte* buf, UIntPtr buf_len, lanparty_frame* frames, UIntPtr cap, out UIntPtr count,
            uint timeout_ms, out IntPtr err);

        // The same function for a batch, whose memory stays pinned and is kept alive by the call.
        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_port_recv(
            PortHandle port, PinnedMemory buf, UIntPtr buf_len, PinnedMemory frames, UIntPtr cap, out UIntPtr count,
            uint timeout_ms, out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_port_wait_handle(PortHandle port, out long handle, out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_port_info_get(PortHandle port, lanparty_port_info* info, out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_port_close(PortHandle port, out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern void lanparty_port_free(IntPtr port);

        // Session configuration

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_session_config_new(
            uint role, byte[] relay, UIntPtr relay_len, byte[] room, UIntPtr room_len, out SessionConfigHandle config,
            out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_session_config_set(
            SessionConfigHandle config, byte[] key, UIntPtr key_len, byte[] value, UIntPtr value_len, out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_session_config_load_toml(
            SessionConfigHandle config, byte[] text, UIntPtr text_len, out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_session_config_set_identity(
            SessionConfigHandle config, IdentityHandle identity, out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_session_config_set_port(
            SessionConfigHandle config, PortHandle port, out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_session_config_trust_certificates(
            SessionConfigHandle config, byte[] bytes, UIntPtr len, out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_session_config_dangerous_accept_any(
            SessionConfigHandle config, out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern void lanparty_session_config_free(IntPtr config);

        // Session

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_session_start(
            SessionConfigHandle config, out SessionHandle session, out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_session_wait_joined(
            SessionHandle session, uint timeout_ms, out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_session_next_event(
            SessionHandle session, uint timeout_ms, lanparty_event* @event, out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_session_wait_handle(
            SessionHandle session, out long handle, out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_session_phase(SessionHandle session, out uint phase, out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_session_room(SessionHandle session, lanparty_room* room, out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_session_peers(
            SessionHandle session, lanparty_peer* peers, UIntPtr peer_size, UIntPtr cap, out UIntPtr count,
            out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_session_bridge(
            SessionHandle session, PortHandle port, uint timeout_ms, out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_session_unbridge(SessionHandle session, uint timeout_ms, out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_session_set_paused(SessionHandle session, byte paused, out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_session_stats(
            SessionHandle session, lanparty_stats* stats, out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_session_stat(
            SessionHandle session, uint id, out ulong value, out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_session_drops(
            SessionHandle session, lanparty_drop* drops, UIntPtr drop_size, UIntPtr cap, out UIntPtr count,
            out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_session_diagnostics(
            SessionHandle session, lanparty_diagnostics* diagnostics, out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_session_user_lines(
            SessionHandle session, lanparty_user_line* lines, UIntPtr line_size, UIntPtr cap, out UIntPtr count,
            out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_session_close(
            SessionHandle session, byte[] text, UIntPtr text_len, uint timeout_ms, out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern void lanparty_session_free(IntPtr session);

        // Relay configuration

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_relay_config_new(out RelayConfigHandle config, out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_relay_config_set(
            RelayConfigHandle config, byte[] key, UIntPtr key_len, byte[] value, UIntPtr value_len, out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_relay_config_load_toml(
            RelayConfigHandle config, byte[] text, UIntPtr text_len, out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_relay_config_set_certificate_pem(
            RelayConfigHandle config, byte[] chain, UIntPtr chain_len, byte[] key, UIntPtr key_len, out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern void lanparty_relay_config_free(IntPtr config);

        // Relay

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_relay_bind(
            RelayConfigHandle config, out RelayHandle relay, out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_relay_address(
            RelayHandle relay, [Out] byte[] buf, UIntPtr cap, out UIntPtr needed, out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_relay_certificate(
            RelayHandle relay, [Out] byte[] buf, UIntPtr cap, out UIntPtr needed, out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_relay_set_certificate_pem(
            RelayHandle relay, byte[] chain, UIntPtr chain_len, byte[] key, UIntPtr key_len, out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_relay_rooms(
            RelayHandle relay, lanparty_room* rooms, UIntPtr room_size, UIntPtr cap, out UIntPtr count,
            out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_relay_members(
            RelayHandle relay, byte[] room, UIntPtr room_len, lanparty_member* members, UIntPtr member_size,
            UIntPtr cap, out UIntPtr count, out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_relay_kick(
            RelayHandle relay, byte[] room, UIntPtr room_len, uint peer, byte[] text, UIntPtr text_len,
            out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_relay_stats_get(
            RelayHandle relay, lanparty_relay_stats* stats, out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_relay_next_event(
            RelayHandle relay, uint timeout_ms, lanparty_event* @event, out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_relay_wait_handle(RelayHandle relay, out long handle, out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern int lanparty_relay_close(
            RelayHandle relay, byte[] text, UIntPtr text_len, uint timeout_ms, out IntPtr err);

        [DllImport(Lib, CallingConvention = C)]
        internal static extern void lanparty_relay_free(IntPtr relay);
    }
}
