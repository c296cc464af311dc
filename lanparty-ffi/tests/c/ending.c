/* Leaving, losing the relay, being thrown out, and what is left afterwards. */
#include "party.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

SCENARIO(relay_killed_and_back) {
    char folder[128], text[256], certificate[160], key[192];
    temporary_folder(folder);
    snprintf(certificate, sizeof certificate, "%s/relay.der", folder);
    snprintf(key, sizeof key, "%s.key", certificate);
    snprintf(text, sizeof text, "dev-cert-der-out = \"%s\"\n", certificate);
    struct venue venue, back;
    venue_open(&venue, text);
    struct player ann, bob;
    player_join(&ann, &venue, LANPARTY_ROLE_CLIENT, ROOM, "Ann");
    player_join(&bob, &venue, LANPARTY_ROLE_CLIENT, ROOM, "Bob");
    wait_peers(ann.session, 1);
    wait_peers(bob.session, 1);

    /* Closed, so that the address is free at once. */
    venue_close(&venue);
    lanparty_event event;
    wait_event(ann.session, LANPARTY_EVENT_DISCONNECTED, &event);
    CHECK_PART("closing time", event.text);
    wait_event(bob.session, LANPARTY_EVENT_DISCONNECTED, &event);
    uint32_t phase = 0;
    OK(lanparty_session_phase(ann.session, &phase, &err));
    CHECK(phase != LANPARTY_PHASE_JOINED && phase != LANPARTY_PHASE_ENDED);

    venue_open_at(&back, venue.address, text);
    CHECK_TEXT(venue.address, back.address);
    CHECK_INT(venue.certificate_len, back.certificate_len);
    CHECK_BYTES(venue.certificate, back.certificate, back.certificate_len);
    struct player *both[] = {&ann, &bob};
    for (int i = 0; i < 2; i++) {
        wait_event(both[i]->session, LANPARTY_EVENT_JOINED, &event);
        CHECK_INT(LANPARTY_FLAG_AGAIN, event.flags & LANPARTY_FLAG_AGAIN);
    }
    wait_peers(ann.session, 1);
    wait_peers(bob.session, 1);
    send_frame(&ann, bob.mac, 60, 9);
    expect_frame(&bob, bob.mac, ann.mac, 60, 9);
    uint64_t reconnects = 0;
    OK(lanparty_session_stat(ann.session, LANPARTY_STAT_RECONNECTS, &reconnects, &err));
    CHECK_INT(1, reconnects);
    player_leave(&ann);
    player_leave(&bob);
    venue_close(&back);
    CHECK(unlink(certificate) == 0 && unlink(key) == 0 && rmdir(folder) == 0);
}

SCENARIO(kick) {
    struct venue venue;
    venue_open(&venue, NULL);
    struct player ann, bob;
    player_join(&ann, &venue, LANPARTY_ROLE_CLIENT, ROOM, "Ann");
    player_join(&bob, &venue, LANPARTY_ROLE_CLIENT, ROOM, "Bob");
    wait_peers(ann.session, 1);
    wait_peers(bob.session, 1);
    STATUS(LANPARTY_E_NOT_FOUND, lanparty_relay_kick(venue.relay, ROOM, NUL, 60000, NULL, 0, &err));
    STATUS(LANPARTY_E_NOT_FOUND, lanparty_relay_kick(venue.relay, "ELSEWHERE", NUL, ann.peer, NULL, 0, &err));
    OK(lanparty_relay_kick(venue.relay, ROOM, NUL, ann.peer, "no cheating", NUL, &err));

    lanparty_event event;
    wait_event(ann.session, LANPARTY_EVENT_ENDED, &event);
    CHECK_INT(LANPARTY_E_PEER_CLOSED, event.status);
    CHECK_PART("no cheating", event.text);
    uint8_t buffer[64];
    lanparty_frame frame;
    size_t count = 0;
    STATUS(LANPARTY_END, lanparty_port_recv(ann.port, buffer, sizeof buffer, &frame, 1, &count, PATIENCE_MS, &err));
    wait_event(bob.session, LANPARTY_EVENT_PEER_LEFT, &event);
    CHECK_INT(ann.peer, event.peer);
    CHECK_INT(LANPARTY_REASON_KICKED, event.reason);
    CHECK_TEXT("Ann", event.name);
    STATUS(LANPARTY_E_NOT_FOUND, lanparty_relay_kick(venue.relay, ROOM, NUL, ann.peer, "twice", NUL, &err));
    wait_relay_event(venue.relay, LANPARTY_EVENT_MEMBER_LEFT, &event);
    CHECK_INT(LANPARTY_REASON_KICKED, event.reason);
    player_leave(&ann);
    player_leave(&bob);
    venue_close(&venue);
}

struct waiter {
    pthread_barrier_t *ready;
    struct player *player;
    lanparty_relay *relay;
    bool ended;
};

static void *wait_for_events(void *argument) {
    struct waiter *waiter = argument;
    pthread_barrier_wait(waiter->ready);
    lanparty_event event = {.struct_size = sizeof event};
    lanparty_status status;
    const lanparty_session *session = waiter->player->session;
    while ((status = lanparty_session_next_event(session, LANPARTY_FOREVER, &event, NULL)) == LANPARTY_OK)
        waiter->ended = event.kind == LANPARTY_EVENT_ENDED && event.status == LANPARTY_OK;
    CHECK_INT(LANPARTY_END, status);
    return NULL;
}

static void *wait_for_frames(void *argument) {
    struct waiter *waiter = argument;
    pthread_barrier_wait(waiter->ready);
    uint8_t buffer[2048];
    lanparty_frame frame;
    size_t count = 0;
    STATUS(LANPARTY_END, lanparty_port_recv(waiter->player->port, buffer, sizeof buffer, &frame, 1, &count,
                                            LANPARTY_FOREVER, &err));
    return NULL;
}

static void *wait_for_relay(void *argument) {
    struct waiter *waiter = argument;
    pthread_barrier_wait(waiter->ready);
    lanparty_event event = {.struct_size = sizeof event};
    lanparty_status status;
    while ((status = lanparty_relay_next_event(waiter->relay, LANPARTY_FOREVER, &event, NULL)) == LANPARTY_OK) {}
    CHECK_INT(LANPARTY_END, status);
    return NULL;
}

static void *wait_to_join(void *argument) {
    struct waiter *waiter = argument;
    pthread_barrier_wait(waiter->ready);
    STATUS(LANPARTY_E_CANCELLED, lanparty_session_wait_joined(waiter->player->session, LANPARTY_FOREVER, &err));
    return NULL;
}

SCENARIO(close_while_waiting) {
    struct venue venue;
    venue_open(&venue, NULL);
    struct player ann, never = {0};
    player_join(&ann, &venue, LANPARTY_ROLE_CLIENT, ROOM, "Ann");
    /* Nobody listens on the discard port, and it tries for ever. */
    lanparty_session_config *config = venue_config(&venue, LANPARTY_ROLE_CLIENT, ROOM, NULL);
    config_set(config, "relay", "127.0.0.1:9");
    config_set(config, "retry", "true");
    never.session = start_and_free(config);

    pthread_barrier_t ready;
    CHECK_INT(0, pthread_barrier_init(&ready, NULL, 5));
    struct waiter at_ann = {&ready, &ann, NULL, false}, at_relay = {&ready, NULL, venue.relay, false};
    struct waiter at_never = {&ready, &never, NULL, false};
    pthread_t threads[4];
    CHECK_INT(0, pthread_create(&threads[0], NULL, wait_for_events, &at_ann));
    CHECK_INT(0, pthread_create(&threads[1], NULL, wait_for_frames, &at_ann));
    CHECK_INT(0, pthread_create(&threads[2], NULL, wait_for_relay, &at_relay));
    CHECK_INT(0, pthread_create(&threads[3], NULL, wait_to_join, &at_never));
    pthread_barrier_wait(&ready);
    OK(lanparty_session_close(ann.session, "bye", NUL, PATIENCE_MS, &err));
    OK(lanparty_session_close(never.session, NULL, 0, PATIENCE_MS, &err));
    OK(lanparty_relay_close(venue.relay, NULL, 0, PATIENCE_MS, &err));
    for (int i = 0; i < 4; i++) CHECK_INT(0, pthread_join(threads[i], NULL));
    CHECK(at_ann.ended);
    pthread_barrier_destroy(&ready);
    lanparty_session_free(never.session);
    player_leave(&ann);
    venue_close(&venue);
}

SCENARIO(double_close) {
    struct venue venue;
    venue_open(&venue, NULL);
    struct player ann;
    player_join(&ann, &venue, LANPARTY_ROLE_CLIENT, ROOM, "Ann");
    for (int i = 0; i < 3; i++) {
        OK(lanparty_port_close(ann.port, &err));
        if (i > 0) continue;
        /* A port that its owner closes takes the session with it. */
        lanparty_event event;
        wait_event(ann.session, LANPARTY_EVENT_ENDED, &event);
        CHECK_INT(LANPARTY_E_PORT, event.status);
    }
    for (int i = 0; i < 3; i++) OK(lanparty_session_close(ann.session, "bye", NUL, PATIENCE_MS, &err));
    for (int i = 0; i < 3; i++) OK(lanparty_relay_close(venue.relay, "bye", NUL, PATIENCE_MS, &err));
    player_leave(&ann);
    venue_close(&venue);

    /* A timeout of zero only asks: it goes on by itself. */
    venue_open(&venue, NULL);
    player_join(&ann, &venue, LANPARTY_ROLE_CLIENT, ROOM, "Ann");
    lanparty_status status = lanparty_session_close(ann.session, NULL, 0, 0, NULL);
    CHECK(status == LANPARTY_OK || status == LANPARTY_WOULD_BLOCK);
    player_leave(&ann);
    status = lanparty_relay_close(venue.relay, NULL, 0, 0, NULL);
    CHECK(status == LANPARTY_OK || status == LANPARTY_WOULD_BLOCK);
    venue_close(&venue);
}

SCENARIO(a_hundred_sessions) {
    const int hundred = is_slow() ? 4 : 100, crowd = is_slow() ? 2 : 10;
    struct venue venue;
    venue_open(&venue, NULL);
    uint64_t handles = lanparty_live_handles();
    struct player player, ten[10];
    player_join(&player, &venue, LANPARTY_ROLE_CLIENT, ROOM, NULL);
    player_leave(&player);
    size_t threads = threads_now();
    for (int i = 0; i < hundred; i++) {
        player_join(&player, &venue, LANPARTY_ROLE_CLIENT, ROOM, NULL);
        player_leave(&player);
        CHECK_INT(handles, lanparty_live_handles());
        goes_on();
    }
    /* A close that answered OK has taken its threads with it. */
    CHECK_INT(threads, threads_now());
    for (int round = 0; round < hundred / crowd; round++) {
        for (int i = 0; i < crowd; i++) player_join(&ten[i], &venue, LANPARTY_ROLE_CLIENT, ROOM, NULL);
        for (int i = 0; i < crowd; i++) player_leave(&ten[i]);
        goes_on();
    }
    CHECK_INT(handles, lanparty_live_handles());
    CHECK_INT(threads, threads_now());
    lanparty_relay_stats stats = {.struct_size = sizeof stats};
    WAIT_UNTIL(lanparty_relay_stats_get(venue.relay, &stats, NULL) == LANPARTY_OK && stats.connections == 0);

    /* Freed without a close they leave by themselves, and nobody waits for that. */
    for (int i = 0; i < crowd; i++) player_join(&ten[i], &venue, LANPARTY_ROLE_CLIENT, ROOM, NULL);
    for (int i = 0; i < crowd; i++) {
        lanparty_session_free(ten[i].session);
        lanparty_port_free(ten[i].port);
    }
    CHECK_INT(handles, lanparty_live_handles());
    WAIT_UNTIL(lanparty_relay_stats_get(venue.relay, &stats, NULL) == LANPARTY_OK && stats.connections == 0);
    WAIT_UNTIL(threads_now() == threads);
    venue_close(&venue);
}
