/* Sizes, texts and buffers that are wrong: a status and a message, and an unchanged world. */
#include "party.h"

#include <stdio.h>
#include <stdlib.h>

/* A struct with more behind it than this version knows. */
#define WITH_TAIL(type)                                                                                                \
    struct {                                                                                                           \
        type known;                                                                                                    \
        uint8_t tail[64];                                                                                              \
    }

static void check_untouched(const uint8_t *bytes, size_t len) {
    for (size_t i = 0; i < len; i++) CHECK_INT(0xaa, bytes[i]);
}

/* A call that fills `s`, with every size that it may be told. */
#define SIZES(type, call)                                                                                              \
    do {                                                                                                               \
        WITH_TAIL(type) s;                                                                                             \
        const uint32_t small[] = {0, 4, sizeof(type) - 4};                                                             \
        for (size_t i = 0; i < sizeof small / sizeof small[0]; i++) {                                                  \
            memset(&s, 0xaa, sizeof s);                                                                                \
            s.known.struct_size = small[i];                                                                            \
            STATUS_SAYS(LANPARTY_E_STRUCT_SIZE, "size", call);                                                         \
            check_untouched((const uint8_t *)&s + 4, sizeof s - 4);                                                    \
        }                                                                                                              \
        memset(&s, 0xaa, sizeof s);                                                                                    \
        s.known.struct_size = sizeof s;                                                                                \
        OK(call);                                                                                                      \
        check_untouched(s.tail, sizeof s.tail);                                                                        \
        memset(&s, 0xaa, sizeof s);                                                                                    \
        s.known.struct_size = sizeof s.known;                                                                          \
        OK(call);                                                                                                      \
        check_untouched(s.tail, sizeof s.tail);                                                                        \
    } while (0)

static int32_t take_nothing(void *user_data, const uint8_t *frame, size_t len) {
    (void)user_data, (void)frame, (void)len;
    return LANPARTY_OK;
}

/* Elements may be larger than this version knows, too: what lies between them stays as it is. */
#define ELEMENTS(type, call)                                                                                           \
    do {                                                                                                               \
        WITH_TAIL(type) s[32];                                                                                         \
        const size_t small[] = {0, 1, sizeof(type) - 4};                                                               \
        size_t size = 0, count = 0;                                                                                    \
        for (size_t i = 0; i < sizeof small / sizeof small[0]; i++) {                                                  \
            memset(s, 0xaa, sizeof s);                                                                                 \
            size = small[i];                                                                                           \
            STATUS_SAYS(LANPARTY_E_STRUCT_SIZE, "size", call);                                                         \
            check_untouched((const uint8_t *)s, sizeof s);                                                             \
        }                                                                                                              \
        memset(s, 0xaa, sizeof s);                                                                                     \
        size = sizeof s[0];                                                                                            \
        OK(call);                                                                                                      \
        CHECK(count >= 1 && count < 32);                                                                               \
        for (size_t i = 0; i < 32; i++) {                                                                              \
            check_untouched(s[i].tail, sizeof s[i].tail);                                                              \
            if (i >= count) check_untouched((const uint8_t *)&s[i], sizeof s[i]);                                      \
        }                                                                                                              \
    } while (0)

SCENARIO(wrong_struct_size) {
    struct venue venue;
    venue_open(&venue, NULL);
    struct player ann, bob;
    player_join(&ann, &venue, LANPARTY_ROLE_CLIENT, ROOM, "Ann");
    player_join(&bob, &venue, LANPARTY_ROLE_CLIENT, ROOM, "Bob");
    wait_peers(ann.session, 1);
    wait_peers(bob.session, 1);

    SIZES(lanparty_event, lanparty_session_next_event(ann.session, PATIENCE_MS, &s.known, &err));
    SIZES(lanparty_event, lanparty_relay_next_event(venue.relay, PATIENCE_MS, &s.known, &err));
    SIZES(lanparty_room, lanparty_session_room(ann.session, &s.known, &err));
    SIZES(lanparty_stats, lanparty_session_stats(ann.session, &s.known, &err));
    SIZES(lanparty_diagnostics, lanparty_session_diagnostics(ann.session, &s.known, &err));
    SIZES(lanparty_port_info, lanparty_port_info_get(ann.port, &s.known, &err));
    SIZES(lanparty_relay_stats, lanparty_relay_stats_get(venue.relay, &s.known, &err));

    OK(lanparty_session_set_paused(bob.session, 1, &err));
    send_frame(&bob, ann.mac, 60, 1);
    WAIT_UNTIL(drops_for(bob.session, "paused") == 1);
    ELEMENTS(lanparty_peer, lanparty_session_peers(ann.session, &s[0].known, size, 32, &count, &err));
    ELEMENTS(lanparty_drop, lanparty_session_drops(bob.session, &s[0].known, size, 32, &count, &err));
    ELEMENTS(lanparty_user_line, lanparty_session_user_lines(ann.session, &s[0].known, size, 32, &count, &err));
    ELEMENTS(lanparty_room, lanparty_relay_rooms(venue.relay, &s[0].known, size, 32, &count, &err));
    ELEMENTS(lanparty_member, lanparty_relay_members(venue.relay, ROOM, NUL, &s[0].known, size, 32, &count, &err));

    struct {
        lanparty_frame_sink known;
        void *tail[4];
    } sink = {.known = {.send = take_nothing}};
    lanparty_port *port = NULL;
    const uint32_t small[] = {0, 8, sizeof sink.known - 8};
    for (size_t i = 0; i < sizeof small / sizeof small[0]; i++) {
        sink.known.struct_size = small[i];
        STATUS(LANPARTY_E_STRUCT_SIZE, lanparty_port_new_sink(&sink.known, &port, &err));
        CHECK(port == NULL);
    }
    sink.known.struct_size = sizeof sink;
    OK(lanparty_port_new_sink(&sink.known, &port, &err));
    lanparty_port_free(port);
    player_leave(&ann);
    player_leave(&bob);
    venue_close(&venue);
}

/* Not UTF-8: a byte that never occurs, a character that is cut off, and one that is written too long. */
static const struct {
    const char *text;
    size_t len;
} BAD_TEXTS[] = {{"\xff\xfe", NUL}, {"na\xc3\xafve", 3}, {"a\xc0\xaf", 3}};

#define EVERY_BAD_TEXT(call)                                                                                           \
    for (size_t i = 0; i < sizeof BAD_TEXTS / sizeof BAD_TEXTS[0]; i++) {                                              \
        const char *text = BAD_TEXTS[i].text;                                                                          \
        size_t len = BAD_TEXTS[i].len;                                                                                 \
        STATUS_SAYS(LANPARTY_E_NOT_UTF8, "UTF-8", call);                                                               \
    }

SCENARIO(non_utf8) {
    struct venue venue;
    venue_open(&venue, NULL);
    struct player ann;
    player_join(&ann, &venue, LANPARTY_ROLE_CLIENT, ROOM, "Ann");
    lanparty_session_config *none = NULL, *config = venue_config(&venue, LANPARTY_ROLE_CLIENT, ROOM, NULL);
    EVERY_BAD_TEXT(lanparty_session_config_new(LANPARTY_ROLE_CLIENT, text, len, ROOM, NUL, &none, &err));
    EVERY_BAD_TEXT(lanparty_session_config_new(LANPARTY_ROLE_CLIENT, "[::1]:4433", NUL, text, len, &none, &err));
    EVERY_BAD_TEXT(lanparty_session_config_set(config, text, len, "Ann", NUL, &err));
    EVERY_BAD_TEXT(lanparty_session_config_set(config, "name", NUL, text, len, &err));
    EVERY_BAD_TEXT(lanparty_session_config_load_toml(config, text, len, &err));
    EVERY_BAD_TEXT(lanparty_session_close(ann.session, text, len, 0, &err));
    CHECK(none == NULL);

    lanparty_identity *identity = NULL;
    EVERY_BAD_TEXT(lanparty_identity_load_or_create(text, len, &identity, &err));
    lanparty_port *port = NULL;
    EVERY_BAD_TEXT(lanparty_port_new_tap(text, len, NULL, 0, 0, &port, &err));
    EVERY_BAD_TEXT(lanparty_port_new_tap("lan0", NUL, text, len, 0, &port, &err));
    EVERY_BAD_TEXT(lanparty_port_new_af_packet(text, len, &port, &err));
    CHECK(identity == NULL && port == NULL);

    lanparty_relay_config *relay_config = NULL;
    OK(lanparty_relay_config_new(&relay_config, &err));
    EVERY_BAD_TEXT(lanparty_relay_config_set(relay_config, text, len, "1", NUL, &err));
    EVERY_BAD_TEXT(lanparty_relay_config_set(relay_config, "listen", NUL, text, len, &err));
    EVERY_BAD_TEXT(lanparty_relay_config_load_toml(relay_config, text, len, &err));
    lanparty_relay_config_free(relay_config);
    lanparty_member members[2];
    size_t count = 0;
    EVERY_BAD_TEXT(lanparty_relay_members(venue.relay, text, len, members, sizeof members[0], 2, &count, &err));
    EVERY_BAD_TEXT(lanparty_relay_kick(venue.relay, text, len, ann.peer, NULL, 0, &err));
    EVERY_BAD_TEXT(lanparty_relay_kick(venue.relay, ROOM, NUL, ann.peer, text, len, &err));
    EVERY_BAD_TEXT(lanparty_relay_close(venue.relay, text, len, 0, &err));

    /* Nobody was thrown out, nothing was closed, and the length counts bytes of what is UTF-8. */
    uint32_t phase = 0;
    OK(lanparty_session_phase(ann.session, &phase, &err));
    CHECK_INT(LANPARTY_PHASE_JOINED, phase);
    struct player bob;
    OK(lanparty_session_config_set(config, "name!", 4, "na\xc3\xafve", 4, &err));
    player_join_with(&bob, config);
    wait_peers(ann.session, 1);
    lanparty_peer peer;
    OK(lanparty_session_peers(ann.session, &peer, sizeof peer, 1, &count, &err));
    CHECK_TEXT("na\xc3\xaf", peer.name);
    player_leave(&bob);
    player_leave(&ann);
    venue_close(&venue);
}

SCENARIO(tiny_buffers) {
    struct venue venue;
    venue_open(&venue, NULL);
    struct player ann, bob;
    player_join(&ann, &venue, LANPARTY_ROLE_CLIENT, ROOM, "Ann");

    size_t needed = 0, len = strlen(venue.address) + 1;
    char text[64];
    STATUS(LANPARTY_TRUNCATED, lanparty_relay_address(venue.relay, NULL, 0, &needed, &err));
    CHECK_INT(len, needed);
    const size_t small[] = {0, 1, len - 1};
    for (size_t i = 0; i < 3; i++) {
        memset(text, 0xaa, sizeof text);
        needed = 0;
        STATUS(LANPARTY_TRUNCATED, lanparty_relay_address(venue.relay, text, small[i], &needed, &err));
        CHECK_INT(len, needed);
        check_untouched((const uint8_t *)text + small[i], sizeof text - small[i]);
    }
    OK(lanparty_relay_address(venue.relay, text, len, &needed, &err));
    CHECK_TEXT(venue.address, text);
    check_untouched((const uint8_t *)text + len, sizeof text - len);

    uint8_t *exact = malloc(venue.certificate_len);
    CHECK(exact != NULL);
    STATUS(LANPARTY_TRUNCATED, lanparty_relay_certificate(venue.relay, NULL, 0, &needed, &err));
    STATUS(LANPARTY_TRUNCATED, lanparty_relay_certificate(venue.relay, exact, 1, &needed, &err));
    STATUS(LANPARTY_TRUNCATED,
           lanparty_relay_certificate(venue.relay, exact, venue.certificate_len - 1, &needed, &err));
    CHECK_INT(venue.certificate_len, needed);
    OK(lanparty_relay_certificate(venue.relay, exact, venue.certificate_len, &needed, &err));
    CHECK_BYTES(venue.certificate, exact, venue.certificate_len);
    free(exact);

    lanparty_identity *identity = NULL;
    OK(lanparty_identity_generate(&identity, &err));
    STATUS(LANPARTY_TRUNCATED, lanparty_identity_warning(identity, text, 0, &needed, &err));
    CHECK_INT(1, needed);
    OK(lanparty_identity_warning(identity, text, 1, &needed, &err));
    CHECK_TEXT("", text);
    lanparty_identity_free(identity);

    size_t count = 99;
    OK(lanparty_session_peers(ann.session, NULL, sizeof(lanparty_peer), 0, &count, &err));
    CHECK_INT(0, count);
    player_join(&bob, &venue, LANPARTY_ROLE_CLIENT, ROOM, "Bob");
    wait_peers(bob.session, 1);
    wait_peers(ann.session, 1);
    STATUS(LANPARTY_TRUNCATED, lanparty_session_peers(ann.session, NULL, sizeof(lanparty_peer), 0, &count, &err));
    CHECK_INT(1, count);
    lanparty_member members[2];
    memset(members, 0xaa, sizeof members);
    STATUS(LANPARTY_TRUNCATED,
           lanparty_relay_members(venue.relay, ROOM, NUL, NULL, sizeof members[0], 0, &count, &err));
    CHECK_INT(2, count);
    STATUS(LANPARTY_TRUNCATED,
           lanparty_relay_members(venue.relay, ROOM, NUL, members, sizeof members[0], 1, &count, &err));
    CHECK_INT(2, count);
    CHECK(members[0].peer == ann.peer || members[0].peer == bob.peer);
    check_untouched((const uint8_t *)&members[1], sizeof members[1]);
    STATUS(LANPARTY_TRUNCATED, lanparty_relay_rooms(venue.relay, NULL, sizeof(lanparty_room), 0, &count, &err));
    CHECK_INT(1, count);
    STATUS(LANPARTY_TRUNCATED,
           lanparty_session_user_lines(ann.session, NULL, sizeof(lanparty_user_line), 0, &count, &err));
    CHECK(count >= 1);

    /* Frames: what does not fit waits, and none is lost or cut. */
    send_frame(&bob, ann.mac, 100, 1);
    send_frame(&bob, ann.mac, 200, 2);
    send_frame(&bob, ann.mac, 60, 3);
    uint64_t received = 0;
    WAIT_UNTIL(lanparty_session_stat(ann.session, LANPARTY_STAT_RX_FRAMES, &received, NULL) == 0 && received == 3);
    uint8_t expected[200], buffer[256];
    memset(buffer, 0xaa, sizeof buffer);
    lanparty_frame frames[4];
    const size_t too_small[] = {0, 1, 99};
    for (size_t i = 0; i < 3; i++) {
        STATUS(LANPARTY_TRUNCATED,
               lanparty_port_recv(ann.port, buffer, too_small[i], frames, 4, &count, PATIENCE_MS, &err));
        CHECK_INT(100, count);
        check_untouched(buffer, sizeof buffer);
    }
    OK(lanparty_port_recv(ann.port, buffer, 200, frames, 4, &count, PATIENCE_MS, &err));
    CHECK_INT(1, count);
    craft(expected, ann.mac, bob.mac, 100, 1);
    CHECK_INT(100, frames[0].len);
    CHECK_BYTES(expected, frames[0].data, 100);
    check_untouched(buffer + 100, sizeof buffer - 100);
    STATUS(LANPARTY_TRUNCATED, lanparty_port_recv(ann.port, buffer, 199, frames, 4, &count, PATIENCE_MS, &err));
    CHECK_INT(200, count);
    expect_frame(&ann, ann.mac, bob.mac, 200, 2);
    expect_frame(&ann, ann.mac, bob.mac, 60, 3);
    player_leave(&ann);
    player_leave(&bob);
    venue_close(&venue);
}

SCENARIO(bad_config) {
    struct venue venue;
    venue_open(&venue, NULL);
    lanparty_session_config *config = NULL;
    const uint32_t roles[] = {0, 3, UINT32_MAX};
    for (size_t i = 0; i < 3; i++)
        STATUS(LANPARTY_E_INVALID_ARG, lanparty_session_config_new(roles[i], NULL, 0, NULL, 0, &config, &err));
    CHECK(config == NULL);
    STATUS(LANPARTY_E_ADDRESS,
           lanparty_session_config_new(LANPARTY_ROLE_CLIENT, "not an address", NUL, ROOM, NUL, &config, &err));
    STATUS(LANPARTY_E_ROOM_CODE,
           lanparty_session_config_new(LANPARTY_ROLE_CLIENT, venue.address, NUL, "no room!", NUL, &config, &err));

    OK(lanparty_session_config_new(LANPARTY_ROLE_CLIENT, NULL, 0, NULL, 0, &config, &err));
    lanparty_session *session = NULL;
    STATUS_SAYS(LANPARTY_E_MISSING, "relay", lanparty_session_start(config, &session, &err));
    config_set(config, "relay", venue.address);
    STATUS_SAYS(LANPARTY_E_MISSING, "room", lanparty_session_start(config, &session, &err));

    STATUS_SAYS(LANPARTY_E_UNKNOWN_KEY, "name", lanparty_session_config_set(config, "nmae", NUL, "Ann", NUL, &err));
    STATUS(LANPARTY_E_UNKNOWN_KEY, lanparty_session_config_set(config, "", 0, "Ann", NUL, &err));
    STATUS(LANPARTY_E_BAD_VALUE, lanparty_session_config_set(config, "retry", NUL, "perhaps", NUL, &err));
    STATUS(LANPARTY_E_BAD_VALUE, lanparty_session_config_set(config, "idle-timeout", NUL, "soon", NUL, &err));
    STATUS(LANPARTY_E_BAD_VALUE, lanparty_session_config_set(config, "mtu", NUL, "tall", NUL, &err));

    /* A mistake anywhere leaves everything as it was: the room is still missing. */
    const char *toml = "room = \"PARTY\"\nname = \"Ann\"\nmtu = = 3\n";
    STATUS_SAYS(LANPARTY_E_BAD_VALUE, "line 3", lanparty_session_config_load_toml(config, toml, NUL, &err));
    STATUS_SAYS(LANPARTY_E_MISSING, "room", lanparty_session_start(config, &session, &err));
    toml = "room = \"PARTY\"\nroom-code = \"PARTY\"\n";
    STATUS_SAYS(LANPARTY_E_UNKNOWN_KEY, "room", lanparty_session_config_load_toml(config, toml, NUL, &err));
    toml = "room = \"PARTY\"\nretry = \"perhaps\"\n";
    STATUS_SAYS(LANPARTY_E_BAD_VALUE, "retry", lanparty_session_config_load_toml(config, toml, NUL, &err));
    STATUS_SAYS(LANPARTY_E_MISSING, "room", lanparty_session_start(config, &session, &err));
    CHECK(session == NULL);
    STATUS(LANPARTY_E_CERTIFICATE_FILE,
           lanparty_session_config_trust_certificates(config, (const uint8_t *)"no certificate", 14, &err));

    /* And it is of use still. */
    OK(lanparty_session_config_load_toml(config, "room = \"PARTY\"\nname = \"Ann\"\nretry = true\n", NUL, &err));
    OK(lanparty_session_config_trust_certificates(config, venue.certificate, venue.certificate_len, &err));
    config_set(config, "server-name", SERVER_NAME);
    struct player ann;
    player_join_with(&ann, config);
    player_leave(&ann);

    lanparty_relay_config *relay_config = NULL;
    OK(lanparty_relay_config_new(&relay_config, &err));
    STATUS_SAYS(LANPARTY_E_UNKNOWN_KEY, "listen",
                lanparty_relay_config_set(relay_config, "lisen", NUL, "1", NUL, &err));
    STATUS(LANPARTY_E_BAD_VALUE, lanparty_relay_config_set(relay_config, "limit-client-bytes", NUL, "lots", NUL, &err));
    STATUS(LANPARTY_E_BAD_VALUE, lanparty_relay_config_set(relay_config, "max-clients-per-room", NUL, "0", NUL, &err));
    toml = "listen = \"127.0.0.1:0\"\n\n[nonsense\n";
    STATUS_SAYS(LANPARTY_E_BAD_VALUE, "line 3", lanparty_relay_config_load_toml(relay_config, toml, NUL, &err));
    lanparty_relay *relay = NULL;
    OK(lanparty_relay_config_set(relay_config, "listen", NUL, venue.address, NUL, &err));
    STATUS(LANPARTY_E_ADDRESS_IN_USE, lanparty_relay_bind(relay_config, &relay, &err));
    const uint8_t letter[] = {'x'};
    STATUS(LANPARTY_E_CERTIFICATE_FILE,
           lanparty_relay_config_set_certificate_pem(relay_config, letter, 1, letter, 1, &err));
    OK(lanparty_relay_config_set(relay_config, "listen", NUL, "127.0.0.1:0", NUL, &err));
    OK(lanparty_relay_config_set(relay_config, "cert", NUL, "/nowhere/cert.pem", NUL, &err));
    STATUS_SAYS(LANPARTY_E_MISSING, "key", lanparty_relay_bind(relay_config, &relay, &err));
    OK(lanparty_relay_config_set(relay_config, "key", NUL, "/nowhere/key.pem", NUL, &err));
    STATUS_SAYS(LANPARTY_E_CERTIFICATE_FILE, "/nowhere", lanparty_relay_bind(relay_config, &relay, &err));
    CHECK(relay == NULL);
    lanparty_relay_config_free(relay_config);
    venue_close(&venue);
}
