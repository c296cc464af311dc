/* What a session says about itself, and what it is known by. */
#include "party.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t stat_of(const lanparty_session *session, uint32_t id) {
    uint64_t value = 0;
    OK(lanparty_session_stat(session, id, &value, &err));
    return value;
}

static void traffic(const struct player *ann, const struct player *bob) {
    for (uint32_t i = 0; i < 5; i++) send_frame(ann, bob->mac, 100, i);
    send_frame(ann, BROADCAST, 200, 5);
    for (uint32_t i = 0; i < 5; i++) expect_frame(bob, bob->mac, ann->mac, 100, i);
    expect_frame(bob, BROADCAST, ann->mac, 200, 5);
    /* The pause makes all counters of frames stand still, the probes go on. */
    OK(lanparty_session_set_paused(ann->session, 1, &err));
    lanparty_stats stats = {.struct_size = sizeof stats};
    OK(lanparty_session_stats(ann->session, &stats, &err));
    CHECK_INT(6, stats.tx_frames);
    CHECK_INT(700, stats.tx_bytes);
    CHECK_INT(1, stats.tx_flood_frames);
    CHECK(stats.tx_datagrams >= 6);
    CHECK_INT(stats.tx_frames, stat_of(ann->session, LANPARTY_STAT_TX_FRAMES));
    CHECK_INT(stats.tx_bytes, stat_of(ann->session, LANPARTY_STAT_TX_BYTES));
    CHECK_INT(stats.tx_flood_frames, stat_of(ann->session, LANPARTY_STAT_TX_FLOOD_FRAMES));
    CHECK_INT(0, stat_of(ann->session, LANPARTY_STAT_RECONNECTS));
    OK(lanparty_session_stats(bob->session, &stats, &err));
    CHECK_INT(6, stats.rx_frames);
    CHECK_INT(700, stats.rx_bytes);
    CHECK_INT(1, stats.rx_flood_frames);
    for (uint32_t id = LANPARTY_STAT_RX_FRAMES; id <= LANPARTY_STAT_DROPS; id++) (void)stat_of(bob->session, id);
    uint64_t value = 0;
    STATUS(LANPARTY_E_INVALID_ARG, lanparty_session_stat(bob->session, 0, &value, &err));
    STATUS(LANPARTY_E_INVALID_ARG, lanparty_session_stat(bob->session, 1000, &value, &err));

    send_frame(ann, bob->mac, 100, 6);
    WAIT_UNTIL(drops_for(ann->session, "paused") == 1);
    uint64_t sum = 0;
    lanparty_drop drops[64];
    size_t count = 0;
    OK(lanparty_session_drops(ann->session, drops, sizeof drops[0], 64, &count, &err));
    for (size_t i = 0; i < count; i++) sum += drops[i].count;
    CHECK_INT(sum, stat_of(ann->session, LANPARTY_STAT_DROPS));
    OK(lanparty_session_set_paused(ann->session, 0, &err));
}

static void identity_file(void) {
    char folder[128], path[160], text[512];
    temporary_folder(folder);
    snprintf(path, sizeof path, "%s/identity.json", folder);
    lanparty_identity *made = NULL, *read = NULL, *changed = NULL;
    uint8_t first[6], second[6];
    size_t needed = 0;
    OK(lanparty_identity_load_or_create(path, NUL, &made, &err));
    OK(lanparty_identity_load_or_create(path, strlen(path), &read, &err));
    OK(lanparty_identity_mac(made, first, &err));
    OK(lanparty_identity_mac(read, second, &err));
    CHECK_BYTES(first, second, 6);
    CHECK_INT(2, first[0] & 3); /* unicast, locally administered */
    OK(lanparty_identity_warning(read, text, sizeof text, &needed, &err));
    CHECK_TEXT("", text);
    lanparty_identity_free(read);

#ifndef _WIN32
    /* A secret that others may read is worth a word. Windows has no modes. */
    CHECK_INT(0, chmod(path, 0644));
    OK(lanparty_identity_load_or_create(path, NUL, &read, &err));
    OK(lanparty_identity_warning(read, text, sizeof text, &needed, &err));
    CHECK_PART(path, text);
    CHECK_INT(strlen(text) + 1, needed);
    lanparty_identity_free(read);
#endif
    OK(lanparty_identity_load_or_create(path, NUL, &read, &err));

    const uint8_t own[6] = {2, 1, 2, 3, 4, 5}, global[6] = {0, 0x1b, 0x21, 1, 2, 3};
    OK(lanparty_identity_with_mac(read, own, &changed, &err));
    OK(lanparty_identity_mac(changed, second, &err));
    CHECK_BYTES(own, second, 6);
    OK(lanparty_identity_mac(read, second, &err));
    CHECK_BYTES(first, second, 6);
    lanparty_identity_free(changed);
    changed = NULL;
    STATUS(LANPARTY_E_BAD_MAC, lanparty_identity_with_mac(read, global, &changed, &err));
    CHECK(changed == NULL);
    lanparty_identity_free(made);
    lanparty_identity_free(read);

    FILE *file = fopen(path, "w");
    CHECK(file != NULL && fputs("scribble", file) >= 0 && fclose(file) == 0);
    read = NULL;
    STATUS_SAYS(LANPARTY_E_IDENTITY_FILE, path, lanparty_identity_load_or_create(path, NUL, &read, &err));
    CHECK(read == NULL);
    CHECK(unlink(path) == 0 && rmdir(folder) == 0);
}

static void versions(void) {
    char version[32];
    snprintf(version, sizeof version, "%d.%d.%d", LANPARTY_VERSION_MAJOR, LANPARTY_VERSION_MINOR,
             LANPARTY_VERSION_PATCH);
    CHECK_PART(version, lanparty_version());
    const int32_t statuses[] = {LANPARTY_OK, LANPARTY_END, LANPARTY_E_NULL, LANPARTY_E_ROOM_FULL, LANPARTY_E_PANIC,
                                4711, INT32_MIN, INT32_MAX};
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
        CHECK(lanparty_status_str(statuses[i])[0] != '\0');
    lanparty_error *error = NULL;
    lanparty_port *port = NULL;
    CHECK_INT(LANPARTY_E_INTERFACE_NAME, lanparty_port_new_af_packet("no/where", NUL, &port, &error));
    CHECK_INT(LANPARTY_KIND_USAGE, lanparty_error_kind(error));
    CHECK_PART("no/where", lanparty_error_message(error));
    lanparty_error_free(error);
}

SCENARIO(diagnostics) {
    versions();
    identity_file();
    struct venue venue;
    venue_open(&venue, NULL);
    struct player ann, bob;
    player_join(&ann, &venue, LANPARTY_ROLE_CLIENT, ROOM, "Ann");
    player_join(&bob, &venue, LANPARTY_ROLE_GATEWAY, ROOM, "Bob");
    wait_peers(ann.session, 1);
    wait_peers(bob.session, 1);
    const uint32_t expected = LANPARTY_FLAG_RELAY_REACHABLE | LANPARTY_FLAG_JOINED | LANPARTY_FLAG_GATEWAY_PRESENT |
                              LANPARTY_FLAG_BRIDGED;
    lanparty_diagnostics diagnostics = {.struct_size = sizeof diagnostics};
    OK(lanparty_session_diagnostics(ann.session, &diagnostics, &err));
    CHECK_INT(expected, diagnostics.flags & (expected | LANPARTY_FLAG_PAUSED | LANPARTY_FLAG_IS_GATEWAY));
    CHECK_TEXT(venue.address, diagnostics.relay_address);
    CHECK(diagnostics.datagram_budget > 1000);
    WAIT_UNTIL(lanparty_session_diagnostics(ann.session, &diagnostics, NULL) == LANPARTY_OK &&
               diagnostics.flags & LANPARTY_FLAG_HAS_GATEWAY_RTT);
    CHECK(diagnostics.flags & LANPARTY_FLAG_HAS_RTT && diagnostics.relay_rtt_us > 0);
    OK(lanparty_session_diagnostics(bob.session, &diagnostics, &err));
    CHECK(diagnostics.flags & LANPARTY_FLAG_IS_GATEWAY);

    lanparty_user_line lines[32];
    size_t count = 0;
    OK(lanparty_session_user_lines(ann.session, lines, sizeof lines[0], 32, &count, &err));
    CHECK(count > 0);
    for (size_t i = 0; i < count; i++) {
        CHECK(lines[i].level == LANPARTY_LEVEL_INFO || lines[i].level == LANPARTY_LEVEL_WARN);
        CHECK(lines[i].text[0] != '\0' && strlen(lines[i].text) < sizeof lines[i].text);
    }
    struct player cat;
    player_join(&cat, &venue, LANPARTY_ROLE_CLIENT, "ELSEWHERE", "Cat");
    struct player dan;
    player_join(&dan, &venue, LANPARTY_ROLE_CLIENT, "ELSEWHERE", "Dan");
    wait_peers(cat.session, 1);
    wait_peers(dan.session, 1);
    traffic(&cat, &dan);
    player_leave(&cat);
    player_leave(&dan);
    player_leave(&ann);
    player_leave(&bob);
    venue_close(&venue);
}
