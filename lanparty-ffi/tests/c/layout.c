/*
 * The ABI's layouts, as numbers. A change here breaks every program that was compiled before it: structs that begin
 * with struct_size may only grow at their end, the others not at all.
 */
#include <assert.h>

#include "lanparty.h"

#define SIZE(type, bytes) static_assert(sizeof(type) == (bytes), #type " has changed its size")
#define AT(type, field, offset) static_assert(offsetof(type, field) == (offset), #type "." #field " has moved")

static_assert(sizeof(void *) == 8 && sizeof(size_t) == 8, "the numbers below are those of a 64-bit system");

SIZE(lanparty_status, 4);

SIZE(lanparty_str, 16);
AT(lanparty_str, ptr, 0);
AT(lanparty_str, len, 8);

SIZE(lanparty_frame, 16);
AT(lanparty_frame, data, 0);
AT(lanparty_frame, len, 8);
AT(lanparty_frame, reserved, 12);

SIZE(lanparty_event, 2304);
AT(lanparty_event, struct_size, 0);
AT(lanparty_event, kind, 4);
AT(lanparty_event, room, 8);
AT(lanparty_event, peer, 12);
AT(lanparty_event, role, 16);
AT(lanparty_event, reason, 20);
AT(lanparty_event, status, 24);
AT(lanparty_event, flags, 28);
AT(lanparty_event, mtu, 32);
AT(lanparty_event, attempt, 36);
AT(lanparty_event, retry_in_ms, 40);
AT(lanparty_event, missed, 44);
AT(lanparty_event, mac, 48);
AT(lanparty_event, reserved, 54);
AT(lanparty_event, name, 56);
AT(lanparty_event, code, 188);
AT(lanparty_event, text, 256);
AT(lanparty_event, line, 1280);

SIZE(lanparty_peer, 156);
AT(lanparty_peer, peer, 0);
AT(lanparty_peer, role, 4);
AT(lanparty_peer, flags, 8);
AT(lanparty_peer, rtt_us, 12);
AT(lanparty_peer, mac, 16);
AT(lanparty_peer, reserved, 22);
AT(lanparty_peer, name, 24);

SIZE(lanparty_room, 92);
AT(lanparty_room, struct_size, 0);
AT(lanparty_room, room, 4);
AT(lanparty_room, mtu, 8);
AT(lanparty_room, self_peer, 12);
AT(lanparty_room, gateway_peer, 16);
AT(lanparty_room, members, 20);
AT(lanparty_room, code, 24);

SIZE(lanparty_member, 216);
AT(lanparty_member, peer, 0);
AT(lanparty_member, role, 4);
AT(lanparty_member, flags, 8);
AT(lanparty_member, malformed, 12);
AT(lanparty_member, joined_ms, 16);
AT(lanparty_member, last_seen_ms, 24);
AT(lanparty_member, sent_datagrams, 32);
AT(lanparty_member, sent_bytes, 40);
AT(lanparty_member, received_datagrams, 48);
AT(lanparty_member, received_bytes, 56);
AT(lanparty_member, drops, 64);
AT(lanparty_member, mac, 72);
AT(lanparty_member, reserved, 78);
AT(lanparty_member, name, 80);
AT(lanparty_member, budget, 212);

SIZE(lanparty_stats, 112);
AT(lanparty_stats, struct_size, 0);
AT(lanparty_stats, reserved, 4);
AT(lanparty_stats, rx_frames, 8);
AT(lanparty_stats, rx_bytes, 16);
AT(lanparty_stats, rx_flood_frames, 24);
AT(lanparty_stats, tx_frames, 32);
AT(lanparty_stats, tx_bytes, 40);
AT(lanparty_stats, tx_flood_frames, 48);
AT(lanparty_stats, rx_datagrams, 56);
AT(lanparty_stats, tx_datagrams, 64);
AT(lanparty_stats, rx_reassembled, 72);
AT(lanparty_stats, tx_fragmented, 80);
AT(lanparty_stats, mss_clamped, 88);
AT(lanparty_stats, reconnects, 96);
AT(lanparty_stats, drops, 104);

SIZE(lanparty_relay_stats, 72);
AT(lanparty_relay_stats, struct_size, 0);
AT(lanparty_relay_stats, reserved, 4);
AT(lanparty_relay_stats, connections, 8);
AT(lanparty_relay_stats, sent_datagrams, 16);
AT(lanparty_relay_stats, sent_bytes, 24);
AT(lanparty_relay_stats, drops, 32);
AT(lanparty_relay_stats, retries, 40);
AT(lanparty_relay_stats, throttled, 48);
AT(lanparty_relay_stats, failed_handshakes, 56);
AT(lanparty_relay_stats, panics, 64);

SIZE(lanparty_drop, 40);
AT(lanparty_drop, count, 0);
AT(lanparty_drop, reason, 8);

SIZE(lanparty_diagnostics, 224);
AT(lanparty_diagnostics, struct_size, 0);
AT(lanparty_diagnostics, flags, 4);
AT(lanparty_diagnostics, datagram_budget, 8);
AT(lanparty_diagnostics, relay_rtt_us, 12);
AT(lanparty_diagnostics, gateway_rtt_us, 16);
AT(lanparty_diagnostics, phase, 20);
AT(lanparty_diagnostics, relay_address, 24);
AT(lanparty_diagnostics, port, 88);
AT(lanparty_diagnostics, port_address, 152);
AT(lanparty_diagnostics, mac, 216);
AT(lanparty_diagnostics, reserved, 222);

SIZE(lanparty_user_line, 512);
AT(lanparty_user_line, level, 0);
AT(lanparty_user_line, text, 4);

SIZE(lanparty_port_info, 88);
AT(lanparty_port_info, struct_size, 0);
AT(lanparty_port_info, kind, 4);
AT(lanparty_port_info, flags, 8);
AT(lanparty_port_info, mtu, 12);
AT(lanparty_port_info, mac, 16);
AT(lanparty_port_info, reserved, 22);
AT(lanparty_port_info, name, 24);

SIZE(lanparty_frame_sink, 48);
AT(lanparty_frame_sink, struct_size, 0);
AT(lanparty_frame_sink, mtu, 4);
AT(lanparty_frame_sink, user_data, 8);
AT(lanparty_frame_sink, send, 16);
AT(lanparty_frame_sink, set_mtu, 24);
AT(lanparty_frame_sink, set_link, 32);
AT(lanparty_frame_sink, release, 40);
