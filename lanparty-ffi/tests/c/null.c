/* NULL for every pointer of every function, one at a time. */
#include "party.h"

/* With and without an error to be told by. NULL is allowed for that, for a text that says why somebody leaves or is
 * thrown out, for a relay, a room or an address that need not be given, and for bytes of which there are none. */
#define NULLS(function, ...)                                                                                           \
    do {                                                                                                               \
        STATUS(LANPARTY_E_NULL, function(__VA_ARGS__, &err));                                                          \
        CHECK_INT(LANPARTY_E_NULL, function(__VA_ARGS__, NULL));                                                       \
    } while (0)

static const uint8_t BYTES[] = {1, 2, 3, 4};

static int32_t take_nothing(void *user_data, const uint8_t *frame, size_t len) {
    (void)user_data, (void)frame, (void)len;
    return LANPARTY_OK;
}

static void errors_and_log(void) {
    CHECK_INT(LANPARTY_E_NULL, lanparty_error_status(NULL));
    CHECK_INT(LANPARTY_KIND_USAGE, lanparty_error_kind(NULL));
    CHECK_INT(0, lanparty_error_os_error(NULL));
    CHECK_TEXT("", lanparty_error_message(NULL));
    lanparty_error_free(NULL);
    /* No session is meant here, and no callback takes away the one that is not there. */
    CHECK_INT(LANPARTY_E_PANIC, lanparty_test_panic(NULL, NULL));
    OK(lanparty_log_set_callback(LANPARTY_LEVEL_INFO, NULL, NULL, NULL, &err));
    CHECK_INT(LANPARTY_OK, lanparty_log_set_callback(LANPARTY_LEVEL_INFO, NULL, NULL, NULL, NULL));
}

static void identities(const lanparty_identity *identity) {
    lanparty_identity *other = NULL;
    uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
    char text[64];
    size_t needed = 0;
    STATUS(LANPARTY_E_NULL, lanparty_identity_generate(NULL, &err));
    CHECK_INT(LANPARTY_E_NULL, lanparty_identity_generate(NULL, NULL));
    NULLS(lanparty_identity_load_or_create, NULL, NUL, &other);
    NULLS(lanparty_identity_load_or_create, NULL, 4, &other);
    NULLS(lanparty_identity_load_or_create, "/nowhere/at/all", NUL, NULL);
    NULLS(lanparty_identity_with_mac, NULL, mac, &other);
    NULLS(lanparty_identity_with_mac, identity, NULL, &other);
    NULLS(lanparty_identity_with_mac, identity, mac, NULL);
    NULLS(lanparty_identity_mac, NULL, mac);
    NULLS(lanparty_identity_mac, identity, NULL);
    NULLS(lanparty_identity_warning, NULL, text, sizeof text, &needed);
    NULLS(lanparty_identity_warning, identity, NULL, sizeof text, &needed);
    NULLS(lanparty_identity_warning, identity, text, sizeof text, NULL);
    lanparty_identity_free(NULL);
    CHECK(other == NULL);
}

static void ports(const lanparty_port *port) {
    lanparty_port *other = NULL;
    STATUS(LANPARTY_E_NULL, lanparty_port_new_virtual(0, 0, NULL, &err));
    NULLS(lanparty_port_new_virtual, 0, 0, NULL);
    lanparty_frame_sink sink = {.struct_size = sizeof sink, .send = take_nothing};
    NULLS(lanparty_port_new_sink, NULL, &other);
    NULLS(lanparty_port_new_sink, &sink, NULL);
    sink.send = NULL;
    NULLS(lanparty_port_new_sink, &sink, &other);
#ifndef _WIN32 /* where it is the only adapter */
    NULLS(lanparty_port_new_tap, NULL, NUL, NULL, 0, 0, &other);
#endif
    NULLS(lanparty_port_new_tap, "lan0", NUL, "10.0.0.5/24", NUL, 0, NULL);
    NULLS(lanparty_port_new_af_packet, NULL, NUL, &other);
    NULLS(lanparty_port_new_af_packet, "lo", NUL, NULL);
    CHECK(other == NULL);

    uint8_t buffer[64] = {0};
    lanparty_frame frame = {.data = buffer, .len = sizeof buffer};
    size_t count = 0;
    NULLS(lanparty_port_send, NULL, &frame, 1, &count);
    NULLS(lanparty_port_send, port, NULL, 1, &count);
    NULLS(lanparty_port_send, port, &frame, 1, NULL);
    lanparty_frame empty = {.data = NULL, .len = 60};
    NULLS(lanparty_port_send, port, &empty, 1, &count);
    NULLS(lanparty_port_recv, NULL, buffer, sizeof buffer, &frame, 1, &count, 0);
    NULLS(lanparty_port_recv, port, NULL, sizeof buffer, &frame, 1, &count, 0);
    NULLS(lanparty_port_recv, port, buffer, sizeof buffer, NULL, 1, &count, 0);
    NULLS(lanparty_port_recv, port, buffer, sizeof buffer, &frame, 1, NULL, 0);
    int64_t handle = 0;
    NULLS(lanparty_port_wait_handle, NULL, &handle);
    NULLS(lanparty_port_wait_handle, port, NULL);
    lanparty_port_info info = {.struct_size = sizeof info};
    NULLS(lanparty_port_info_get, NULL, &info);
    NULLS(lanparty_port_info_get, port, NULL);
    STATUS(LANPARTY_E_NULL, lanparty_port_close(NULL, &err));
    CHECK_INT(LANPARTY_E_NULL, lanparty_port_close(NULL, NULL));
    lanparty_port_free(NULL);
}

static void session_configs(lanparty_session_config *config, const lanparty_identity *identity,
                            const lanparty_port *port) {
    lanparty_session_config *other = NULL;
    NULLS(lanparty_session_config_new, LANPARTY_ROLE_CLIENT, NULL, 0, NULL, 0, NULL);
    CHECK(other == NULL);
    NULLS(lanparty_session_config_set, NULL, "name", NUL, "Ann", NUL);
    NULLS(lanparty_session_config_set, config, NULL, NUL, "Ann", NUL);
    NULLS(lanparty_session_config_set, config, "name", NUL, NULL, NUL);
    NULLS(lanparty_session_config_load_toml, NULL, "", 0);
    NULLS(lanparty_session_config_load_toml, config, NULL, NUL);
    OK(lanparty_session_config_load_toml(config, NULL, 0, &err)); /* no text, no settings */
    NULLS(lanparty_session_config_set_identity, NULL, identity);
    NULLS(lanparty_session_config_set_identity, config, NULL);
    NULLS(lanparty_session_config_set_port, NULL, port);
    NULLS(lanparty_session_config_set_port, config, NULL);
    NULLS(lanparty_session_config_trust_certificates, NULL, BYTES, sizeof BYTES);
    NULLS(lanparty_session_config_trust_certificates, config, NULL, sizeof BYTES);
    STATUS(LANPARTY_E_NULL, lanparty_session_config_dangerous_accept_any(NULL, &err));
    CHECK_INT(LANPARTY_E_NULL, lanparty_session_config_dangerous_accept_any(NULL, NULL));
    lanparty_session_config_free(NULL);
    lanparty_session *session = NULL;
    NULLS(lanparty_session_start, NULL, &session);
    NULLS(lanparty_session_start, config, NULL);
    CHECK(session == NULL);
}

static void sessions(const lanparty_session *session, const lanparty_port *port) {
    lanparty_event event = {.struct_size = sizeof event};
    NULLS(lanparty_session_wait_joined, NULL, 0);
    NULLS(lanparty_session_next_event, NULL, 0, &event);
    NULLS(lanparty_session_next_event, session, 0, NULL);
    int64_t handle = 0;
    NULLS(lanparty_session_wait_handle, NULL, &handle);
    NULLS(lanparty_session_wait_handle, session, NULL);
    uint32_t phase = 0;
    NULLS(lanparty_session_phase, NULL, &phase);
    NULLS(lanparty_session_phase, session, NULL);
    lanparty_room room = {.struct_size = sizeof room};
    NULLS(lanparty_session_room, NULL, &room);
    NULLS(lanparty_session_room, session, NULL);
    size_t count = 0;
    lanparty_peer peer;
    NULLS(lanparty_session_peers, NULL, &peer, sizeof peer, 1, &count);
    NULLS(lanparty_session_peers, session, NULL, sizeof peer, 1, &count);
    NULLS(lanparty_session_peers, session, &peer, sizeof peer, 1, NULL);
    NULLS(lanparty_session_bridge, NULL, port, 0);
    NULLS(lanparty_session_bridge, session, NULL, 0);
    NULLS(lanparty_session_unbridge, NULL, 0);
    NULLS(lanparty_session_set_paused, NULL, 0);
    lanparty_stats stats = {.struct_size = sizeof stats};
    NULLS(lanparty_session_stats, NULL, &stats);
    NULLS(lanparty_session_stats, session, NULL);
    uint64_t value = 0;
    NULLS(lanparty_session_stat, NULL, LANPARTY_STAT_DROPS, &value);
    NULLS(lanparty_session_stat, session, LANPARTY_STAT_DROPS, NULL);
    lanparty_drop drop;
    NULLS(lanparty_session_drops, NULL, &drop, sizeof drop, 1, &count);
    NULLS(lanparty_session_drops, session, NULL, sizeof drop, 1, &count);
    NULLS(lanparty_session_drops, session, &drop, sizeof drop, 1, NULL);
    lanparty_diagnostics diagnostics = {.struct_size = sizeof diagnostics};
    NULLS(lanparty_session_diagnostics, NULL, &diagnostics);
    NULLS(lanparty_session_diagnostics, session, NULL);
    lanparty_user_line line;
    NULLS(lanparty_session_user_lines, NULL, &line, sizeof line, 1, &count);
    NULLS(lanparty_session_user_lines, session, NULL, sizeof line, 1, &count);
    NULLS(lanparty_session_user_lines, session, &line, sizeof line, 1, NULL);
    NULLS(lanparty_session_close, NULL, NULL, 0, 0);
    lanparty_session_free(NULL);
}

static void relay_configs(lanparty_relay_config *config) {
    STATUS(LANPARTY_E_NULL, lanparty_relay_config_new(NULL, &err));
    CHECK_INT(LANPARTY_E_NULL, lanparty_relay_config_new(NULL, NULL));
    NULLS(lanparty_relay_config_set, NULL, "listen", NUL, "127.0.0.1:0", NUL);
    NULLS(lanparty_relay_config_set, config, NULL, NUL, "127.0.0.1:0", NUL);
    NULLS(lanparty_relay_config_set, config, "listen", NUL, NULL, NUL);
    NULLS(lanparty_relay_config_load_toml, NULL, "", 0);
    NULLS(lanparty_relay_config_load_toml, config, NULL, NUL);
    NULLS(lanparty_relay_config_set_certificate_pem, NULL, BYTES, 4, BYTES, 4);
    NULLS(lanparty_relay_config_set_certificate_pem, config, NULL, 4, BYTES, 4);
    NULLS(lanparty_relay_config_set_certificate_pem, config, BYTES, 4, NULL, 4);
    lanparty_relay_config_free(NULL);
    lanparty_relay *relay = NULL;
    NULLS(lanparty_relay_bind, NULL, &relay);
    NULLS(lanparty_relay_bind, config, NULL);
    CHECK(relay == NULL);
}

static void relays(const lanparty_relay *relay) {
    char text[64];
    uint8_t bytes[64];
    size_t needed = 0;
    NULLS(lanparty_relay_address, NULL, text, sizeof text, &needed);
    NULLS(lanparty_relay_address, relay, NULL, sizeof text, &needed);
    NULLS(lanparty_relay_address, relay, text, sizeof text, NULL);
    NULLS(lanparty_relay_certificate, NULL, bytes, sizeof bytes, &needed);
    NULLS(lanparty_relay_certificate, relay, NULL, sizeof bytes, &needed);
    NULLS(lanparty_relay_certificate, relay, bytes, sizeof bytes, NULL);
    NULLS(lanparty_relay_set_certificate_pem, NULL, BYTES, 4, BYTES, 4);
    NULLS(lanparty_relay_set_certificate_pem, relay, NULL, 4, BYTES, 4);
    NULLS(lanparty_relay_set_certificate_pem, relay, BYTES, 4, NULL, 4);
    lanparty_room room;
    NULLS(lanparty_relay_rooms, NULL, &room, sizeof room, 1, &needed);
    NULLS(lanparty_relay_rooms, relay, NULL, sizeof room, 1, &needed);
    NULLS(lanparty_relay_rooms, relay, &room, sizeof room, 1, NULL);
    lanparty_member member;
    NULLS(lanparty_relay_members, NULL, ROOM, NUL, &member, sizeof member, 1, &needed);
    NULLS(lanparty_relay_members, relay, NULL, NUL, &member, sizeof member, 1, &needed);
    NULLS(lanparty_relay_members, relay, ROOM, NUL, NULL, sizeof member, 1, &needed);
    NULLS(lanparty_relay_members, relay, ROOM, NUL, &member, sizeof member, 1, NULL);
    NULLS(lanparty_relay_kick, NULL, ROOM, NUL, 1, NULL, 0);
    NULLS(lanparty_relay_kick, relay, NULL, NUL, 1, NULL, 0);
    lanparty_relay_stats stats = {.struct_size = sizeof stats};
    NULLS(lanparty_relay_stats_get, NULL, &stats);
    NULLS(lanparty_relay_stats_get, relay, NULL);
    lanparty_event event = {.struct_size = sizeof event};
    NULLS(lanparty_relay_next_event, NULL, 0, &event);
    NULLS(lanparty_relay_next_event, relay, 0, NULL);
    int64_t handle = 0;
    NULLS(lanparty_relay_wait_handle, NULL, &handle);
    NULLS(lanparty_relay_wait_handle, relay, NULL);
    NULLS(lanparty_relay_close, NULL, NULL, 0, 0);
    lanparty_relay_free(NULL);
}

SCENARIO(null_everywhere) {
    uint64_t handles = lanparty_live_handles();
    struct venue venue;
    venue_open(&venue, NULL);
    struct player ann;
    player_join(&ann, &venue, LANPARTY_ROLE_CLIENT, ROOM, "Ann");
    lanparty_identity *identity = NULL;
    OK(lanparty_identity_generate(&identity, &err));
    lanparty_relay_config *relay_config = NULL;
    OK(lanparty_relay_config_new(&relay_config, &err));
    OK(lanparty_relay_config_set(relay_config, "listen", NUL, "127.0.0.1:0", NUL, &err));
    lanparty_session_config *config = venue_config(&venue, LANPARTY_ROLE_CLIENT, ROOM, NULL);
    lanparty_port *port = virtual_port();

    errors_and_log();
    identities(identity);
    ports(port);
    session_configs(config, identity, port);
    sessions(ann.session, port);
    relay_configs(relay_config);
    relays(venue.relay);

    /* Nothing of all that was of consequence. */
    uint32_t phase = 0;
    OK(lanparty_session_phase(ann.session, &phase, &err));
    CHECK_INT(LANPARTY_PHASE_JOINED, phase);
    lanparty_port_free(port);
    lanparty_session_config_free(config);
    lanparty_relay_config_free(relay_config);
    lanparty_identity_free(identity);
    player_leave(&ann);
    venue_close(&venue);
    CHECK_INT(handles, lanparty_live_handles());
}
