#include "party.h"

#include <stdio.h>

const uint8_t BROADCAST[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

/* Scenarios come and go faster than players do. */
static const char LIMITS[] = "limit-client-bytes = \"unlimited\"\n"
                             "limit-client-flood = \"unlimited\"\n"
                             "limit-client-unknown-unicast = \"unlimited\"\n"
                             "limit-handshakes-per-address = \"unlimited\"\n"
                             "limit-connections-per-address = 1000\n";

void venue_open(struct venue *venue, const char *text) {
    venue_open_at(venue, "127.0.0.1:0", text);
}

void venue_open_at(struct venue *venue, const char *listen, const char *text) {
    memset(venue, 0, sizeof *venue);
    lanparty_relay_config *config = NULL;
    OK(lanparty_relay_config_new(&config, &err));
    OK(lanparty_relay_config_set(config, "listen", NUL, listen, NUL, &err));
    OK(lanparty_relay_config_load_toml(config, LIMITS, NUL, &err));
    if (text != NULL) OK(lanparty_relay_config_load_toml(config, text, NUL, &err));
    OK(lanparty_relay_bind(config, &venue->relay, &err));
    lanparty_relay_config_free(config);
    size_t needed = 0;
    OK(lanparty_relay_address(venue->relay, venue->address, sizeof venue->address, &needed, &err));
    CHECK_INT(strlen(venue->address) + 1, needed);
    OK(lanparty_relay_certificate(venue->relay, venue->certificate, sizeof venue->certificate,
                                  &venue->certificate_len, &err));
}

void venue_close(struct venue *venue) {
    OK(lanparty_relay_close(venue->relay, "closing time", NUL, PATIENCE_MS, &err));
    lanparty_relay_free(venue->relay);
    venue->relay = NULL;
}

lanparty_session_config *venue_config(const struct venue *venue, uint32_t role, const char *room, const char *name) {
    lanparty_session_config *config = NULL;
    OK(lanparty_session_config_new(role, venue->address, NUL, room, NUL, &config, &err));
    OK(lanparty_session_config_trust_certificates(config, venue->certificate, venue->certificate_len, &err));
    config_set(config, "server-name", SERVER_NAME);
    if (name != NULL) config_set(config, "name", name);
    return config;
}

void config_set(lanparty_session_config *config, const char *key, const char *value) {
    OK(lanparty_session_config_set(config, key, NUL, value, NUL, &err));
}

void player_join(struct player *player, const struct venue *venue, uint32_t role, const char *room, const char *name) {
    player_join_with(player, venue_config(venue, role, room, name));
}

void player_join_with(struct player *player, lanparty_session_config *config) {
    memset(player, 0, sizeof *player);
    lanparty_identity *identity = NULL;
    OK(lanparty_identity_generate(&identity, &err));
    OK(lanparty_identity_mac(identity, player->mac, &err));
    OK(lanparty_session_config_set_identity(config, identity, &err));
    lanparty_identity_free(identity);
    player->port = virtual_port();
    OK(lanparty_session_config_set_port(config, player->port, &err));
    /* On a machine that is busy enough, even loopback does not answer in time. */
    if (is_slow()) config_set(config, "retry", "true");
    player->session = start_and_free(config);
    OK(lanparty_session_wait_joined(player->session, is_slow() ? 4 * PATIENCE_MS : PATIENCE_MS, &err));
    lanparty_room room = {.struct_size = sizeof room};
    OK(lanparty_session_room(player->session, &room, &err));
    CHECK(room.self_peer != 0);
    player->peer = room.self_peer;
}

void player_leave(struct player *player) {
    session_end(player->session);
    OK(lanparty_port_close(player->port, &err));
    lanparty_port_free(player->port);
    memset(player, 0, sizeof *player);
}

lanparty_port *virtual_port(void) {
    lanparty_port *port = NULL;
    OK(lanparty_port_new_virtual(0, 0, &port, &err));
    return port;
}

lanparty_session *start_and_free(lanparty_session_config *config) {
    lanparty_session *session = NULL;
    OK(lanparty_session_start(config, &session, &err));
    lanparty_session_config_free(config);
    return session;
}

void session_end(lanparty_session *session) {
    OK(lanparty_session_close(session, NULL, 0, PATIENCE_MS, &err));
    lanparty_session_free(session);
}

static size_t peers_of(const lanparty_session *session) {
    size_t count = 0;
    lanparty_peer peers[16];
    OK(lanparty_session_peers(session, peers, sizeof peers[0], 16, &count, &err));
    return count;
}

void wait_peers(const lanparty_session *session, size_t count) {
    WAIT_UNTIL(peers_of(session) == count);
}

void wait_event(const lanparty_session *session, uint32_t kind, lanparty_event *event) {
    uint64_t deadline = now_ms() + PATIENCE_MS;
    do {
        memset(event, 0, sizeof *event);
        event->struct_size = sizeof *event;
        uint64_t now = now_ms();
        OK(lanparty_session_next_event(session, now < deadline ? (uint32_t)(deadline - now) : 0, event, &err));
    } while (event->kind != kind);
}

void wait_relay_event(const lanparty_relay *relay, uint32_t kind, lanparty_event *event) {
    uint64_t deadline = now_ms() + PATIENCE_MS;
    do {
        memset(event, 0, sizeof *event);
        event->struct_size = sizeof *event;
        uint64_t now = now_ms();
        OK(lanparty_relay_next_event(relay, now < deadline ? (uint32_t)(deadline - now) : 0, event, &err));
    } while (event->kind != kind);
}

void drain_events(const lanparty_session *session) {
    lanparty_event event = {.struct_size = sizeof event};
    lanparty_status status;
    while ((status = lanparty_session_next_event(session, 0, &event, NULL)) == LANPARTY_OK) {}
    CHECK(status == LANPARTY_WOULD_BLOCK || status == LANPARTY_END);
}

void craft(uint8_t *frame, const uint8_t to[6], const uint8_t from[6], size_t len, uint32_t number) {
    CHECK(len >= 14);
    memcpy(frame, to, 6);
    memcpy(frame + 6, from, 6);
    frame[12] = ETHERTYPE >> 8;
    frame[13] = ETHERTYPE & 0xff;
    for (size_t i = 14; i < len; i++) frame[i] = (uint8_t)(number * 31 + i);
}

void send_frame(const struct player *from, const uint8_t to[6], size_t len, uint32_t number) {
    uint8_t bytes[2048];
    craft(bytes, to, from->mac, len, number);
    lanparty_frame frame = {.data = bytes, .len = (uint32_t)len};
    size_t sent = 0;
    OK(lanparty_port_send(from->port, &frame, 1, &sent, &err));
    CHECK_INT(1, sent);
}

void receive(const lanparty_port *port, struct inbox *inbox, size_t count) {
    inbox->count = 0;
    size_t used = 0;
    while (inbox->count < count) {
        size_t more = 0;
        OK(lanparty_port_recv(port, inbox->bytes + used, sizeof inbox->bytes - used, inbox->frames + inbox->count,
                              count - inbox->count, &more, PATIENCE_MS, &err));
        CHECK(more > 0 && more <= count - inbox->count);
        for (size_t i = 0; i < more; i++) {
            const lanparty_frame *frame = &inbox->frames[inbox->count + i];
            CHECK(frame->data >= inbox->bytes && frame->data + frame->len <= inbox->bytes + sizeof inbox->bytes);
            used += frame->len;
        }
        inbox->count += more;
    }
}

void expect_frame(const struct player *at, const uint8_t to[6], const uint8_t from[6], size_t len, uint32_t number) {
    uint8_t expected[2048], buffer[2048];
    craft(expected, to, from, len, number);
    lanparty_frame frame = {0};
    size_t count = 0;
    OK(lanparty_port_recv(at->port, buffer, sizeof buffer, &frame, 1, &count, PATIENCE_MS, &err));
    CHECK_INT(1, count);
    CHECK_INT(len, frame.len);
    CHECK_BYTES(expected, frame.data, len);
}

uint64_t drops_for(const lanparty_session *session, const char *reason) {
    lanparty_drop drops[64];
    size_t count = 0;
    OK(lanparty_session_drops(session, drops, sizeof drops[0], 64, &count, &err));
    for (size_t i = 0; i < count; i++)
        if (strcmp(drops[i].reason, reason) == 0) return drops[i].count;
    return 0;
}
