/* What handles answer once they are closed. */
#include "party.h"

static void after_session_close(const struct venue *venue, struct player *ann) {
    const lanparty_session *session = ann->session;
    lanparty_event event = {.struct_size = sizeof event};
    wait_event(session, LANPARTY_EVENT_ENDED, &event);
    CHECK_INT(LANPARTY_OK, event.status);
    STATUS(LANPARTY_END, lanparty_session_next_event(session, LANPARTY_FOREVER, &event, &err));
    STATUS(LANPARTY_END, lanparty_session_next_event(session, 0, &event, &err));
    OK(lanparty_session_wait_joined(session, LANPARTY_FOREVER, &err)); /* it has been in */
    int64_t handle = -1;
    OK(lanparty_session_wait_handle(session, &handle, &err));
    uint32_t phase = 0;
    OK(lanparty_session_phase(session, &phase, &err));
    CHECK_INT(LANPARTY_PHASE_ENDED, phase);
    lanparty_room room = {.struct_size = sizeof room};
    OK(lanparty_session_room(session, &room, &err));
    lanparty_stats stats = {.struct_size = sizeof stats};
    OK(lanparty_session_stats(session, &stats, &err));
    uint64_t value = 0;
    OK(lanparty_session_stat(session, LANPARTY_STAT_TX_FRAMES, &value, &err));
    lanparty_diagnostics diagnostics = {.struct_size = sizeof diagnostics};
    OK(lanparty_session_diagnostics(session, &diagnostics, &err));
    CHECK_INT(0, diagnostics.flags & LANPARTY_FLAG_JOINED);
    size_t count = 0;
    lanparty_peer peers[4];
    OK(lanparty_session_peers(session, peers, sizeof peers[0], 4, &count, &err));
    lanparty_drop drops[64];
    OK(lanparty_session_drops(session, drops, sizeof drops[0], 64, &count, &err));
    lanparty_user_line lines[16];
    OK(lanparty_session_user_lines(session, lines, sizeof lines[0], 16, &count, &err));
    STATUS(LANPARTY_E_CLOSED, lanparty_session_set_paused(session, 1, &err));
    lanparty_port *port = virtual_port();
    STATUS(LANPARTY_E_CLOSED, lanparty_session_bridge(session, port, PATIENCE_MS, &err));
    STATUS(LANPARTY_E_CLOSED, lanparty_session_unbridge(session, PATIENCE_MS, &err));
    lanparty_port_free(port);
    OK(lanparty_session_close(session, NULL, 0, 0, &err));
    (void)venue;
}

static void after_port_close(const struct venue *venue, lanparty_port *port) {
    uint8_t buffer[64] = {0};
    lanparty_frame frame = {.data = buffer, .len = sizeof buffer};
    size_t count = 0;
    STATUS(LANPARTY_END, lanparty_port_send(port, &frame, 1, &count, &err));
    STATUS(LANPARTY_END, lanparty_port_recv(port, buffer, sizeof buffer, &frame, 1, &count, LANPARTY_FOREVER, &err));
    STATUS(LANPARTY_END, lanparty_port_recv(port, buffer, sizeof buffer, &frame, 1, &count, 0, &err));
    int64_t handle = -1;
    OK(lanparty_port_wait_handle(port, &handle, &err));
    lanparty_port_info info = {.struct_size = sizeof info};
    OK(lanparty_port_info_get(port, &info, &err));
    CHECK_INT(LANPARTY_FLAG_CLOSED, info.flags & LANPARTY_FLAG_CLOSED);
    /* No session takes it: neither one that runs nor one that starts. */
    struct player bob;
    player_join(&bob, venue, LANPARTY_ROLE_CLIENT, ROOM, NULL);
    STATUS(LANPARTY_E_CLOSED, lanparty_session_bridge(bob.session, port, PATIENCE_MS, &err));
    lanparty_session_config *config = venue_config(venue, LANPARTY_ROLE_CLIENT, ROOM, NULL);
    lanparty_session *session = NULL;
    lanparty_status status = lanparty_session_config_set_port(config, port, NULL);
    if (status == LANPARTY_OK) status = lanparty_session_start(config, &session, NULL);
    CHECK_INT(LANPARTY_E_CLOSED, status);
    CHECK(session == NULL);
    lanparty_session_config_free(config);
    player_leave(&bob);
}

static void after_relay_close(const lanparty_relay *relay) {
    char text[64];
    uint8_t bytes[4096];
    size_t needed = 0;
    lanparty_event event = {.struct_size = sizeof event};
    lanparty_status status;
    while ((status = lanparty_relay_next_event(relay, 0, &event, NULL)) == LANPARTY_OK) {}
    CHECK_INT(LANPARTY_END, status);
    STATUS(LANPARTY_END, lanparty_relay_next_event(relay, LANPARTY_FOREVER, &event, &err));
    STATUS(LANPARTY_E_CLOSED, lanparty_relay_address(relay, text, sizeof text, &needed, &err));
    STATUS(LANPARTY_E_CLOSED, lanparty_relay_certificate(relay, bytes, sizeof bytes, &needed, &err));
    STATUS(LANPARTY_E_CLOSED,
           lanparty_relay_set_certificate_pem(relay, (const uint8_t *)"x", 1, (const uint8_t *)"y", 1, &err));
    lanparty_room rooms[2];
    STATUS(LANPARTY_E_CLOSED, lanparty_relay_rooms(relay, rooms, sizeof rooms[0], 2, &needed, &err));
    lanparty_member members[2];
    STATUS(LANPARTY_E_CLOSED, lanparty_relay_members(relay, ROOM, NUL, members, sizeof members[0], 2, &needed, &err));
    STATUS(LANPARTY_E_CLOSED, lanparty_relay_kick(relay, ROOM, NUL, 1, NULL, 0, &err));
    lanparty_relay_stats stats = {.struct_size = sizeof stats};
    STATUS(LANPARTY_E_CLOSED, lanparty_relay_stats_get(relay, &stats, &err));
    OK(lanparty_relay_close(relay, NULL, 0, 0, &err));
}

SCENARIO(use_after_close) {
    struct venue venue;
    venue_open(&venue, NULL);
    struct player ann;
    player_join(&ann, &venue, LANPARTY_ROLE_CLIENT, ROOM, "Ann");
    OK(lanparty_session_close(ann.session, NULL, 0, PATIENCE_MS, &err));
    after_session_close(&venue, &ann);
    /* Its port has ended with the session, before anybody closed it. */
    uint8_t buffer[64] = {0};
    lanparty_frame frame = {.data = buffer, .len = sizeof buffer};
    size_t count = 0;
    STATUS(LANPARTY_END, lanparty_port_send(ann.port, &frame, 1, &count, &err));
    STATUS(LANPARTY_END,
           lanparty_port_recv(ann.port, buffer, sizeof buffer, &frame, 1, &count, LANPARTY_FOREVER, &err));
    OK(lanparty_port_close(ann.port, &err));
    after_port_close(&venue, ann.port);
    player_leave(&ann);

    /* A port that no session ever had. */
    lanparty_port *port = virtual_port();
    OK(lanparty_port_close(port, &err));
    after_port_close(&venue, port);
    lanparty_port_free(port);

    OK(lanparty_relay_close(venue.relay, NULL, 0, PATIENCE_MS, &err));
    after_relay_close(venue.relay);
    venue_close(&venue);
}
