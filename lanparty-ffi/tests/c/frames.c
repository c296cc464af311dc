/* Frames through virtual ports. */
#include "party.h"

SCENARIO(exchange_frames) {
    struct venue venue;
    venue_open(&venue, NULL);
    struct player ann, bob;
    player_join(&ann, &venue, LANPARTY_ROLE_CLIENT, ROOM, "Ann");
    player_join(&bob, &venue, LANPARTY_ROLE_CLIENT, ROOM, "Bob");
    wait_peers(ann.session, 1);
    wait_peers(bob.session, 1);

    enum { BATCH = 32 };
    static uint8_t out[BATCH][1514];
    static struct inbox inbox;
    /* What waits too long in a queue is dropped: many times slower, a burst is too long sooner. */
    const size_t burst = is_slow() ? 2 : BATCH;
    struct player *pair[] = {&ann, &bob};
    for (int turn = 0; turn < 2; turn++) {
        const struct player *from = pair[turn], *to = pair[1 - turn];
        lanparty_frame frames[BATCH];
        for (uint32_t i = 0; i < BATCH; i++) {
            /* From the smallest that is a frame at all to the largest of standard Ethernet. */
            size_t len = i == 0 ? 14 : i == BATCH - 1 ? 1514 : 60 + i * 40;
            craft(out[i], to->mac, from->mac, len, i);
            frames[i] = (lanparty_frame){.data = out[i], .len = (uint32_t)len};
        }
        for (size_t begin = 0; begin < BATCH; begin += burst) {
            size_t sent = 0;
            OK(lanparty_port_send(from->port, frames + begin, burst, &sent, &err));
            CHECK_INT(burst, sent);
            receive(to->port, &inbox, burst);
            for (size_t i = 0; i < burst; i++) {
                CHECK_INT(frames[begin + i].len, inbox.frames[i].len);
                CHECK_BYTES(frames[begin + i].data, inbox.frames[i].data, inbox.frames[i].len);
            }
        }
    }

    /* A frame that is none fails the whole call before anything is sent. */
    lanparty_frame frames[2] = {{.data = out[1], .len = 60}, {.data = out[1], .len = 13}};
    size_t sent = 99;
    STATUS(LANPARTY_E_FRAME_LENGTH, lanparty_port_send(ann.port, frames, 2, &sent, &err));
    frames[1].len = 65536;
    STATUS(LANPARTY_E_FRAME_LENGTH, lanparty_port_send(ann.port, frames, 2, &sent, &err));
    OK(lanparty_port_send(ann.port, NULL, 0, &sent, &err));
    CHECK_INT(0, sent);
    send_frame(&ann, bob.mac, 60, 77);
    expect_frame(&bob, bob.mac, ann.mac, 60, 77);
    player_leave(&ann);
    player_leave(&bob);

    /* Without a session nobody empties the queue: it takes as many as it holds. */
    lanparty_port *port = NULL;
    OK(lanparty_port_new_virtual(4, 1400, &port, &err));
    lanparty_frame six[6];
    for (int i = 0; i < 6; i++) six[i] = (lanparty_frame){.data = out[1], .len = 60};
    STATUS(LANPARTY_WOULD_BLOCK, lanparty_port_send(port, six, 6, &sent, &err));
    CHECK_INT(4, sent);
    lanparty_port_info info = {.struct_size = sizeof info};
    OK(lanparty_port_info_get(port, &info, &err));
    CHECK_INT(LANPARTY_PORT_VIRTUAL, info.kind);
    CHECK_INT(1400, info.mtu);
    CHECK_INT(0, info.flags & (LANPARTY_FLAG_BRIDGED | LANPARTY_FLAG_CLOSED));
    lanparty_port_free(port);
    venue_close(&venue);
}

SCENARIO(broadcast) {
    struct venue venue;
    venue_open(&venue, NULL);
    struct player trio[3];
    const char *names[] = {"Ann", "Bob", "Cat"};
    for (int i = 0; i < 3; i++) player_join(&trio[i], &venue, LANPARTY_ROLE_CLIENT, ROOM, names[i]);
    for (int i = 0; i < 3; i++) wait_peers(trio[i].session, 2);
    for (uint32_t i = 0; i < 3; i++) {
        struct player *sender = &trio[i], *next = &trio[(i + 1) % 3], *last = &trio[(i + 2) % 3];
        send_frame(sender, BROADCAST, 300, i);
        expect_frame(next, BROADCAST, sender->mac, 300, i);
        expect_frame(last, BROADCAST, sender->mac, 300, i);
        /* Had the sender got its own, it would lie before this one. */
        send_frame(next, sender->mac, 60, 50 + i);
        expect_frame(sender, sender->mac, next->mac, 60, 50 + i);
    }
    for (int i = 0; i < 3; i++) player_leave(&trio[i]);
    venue_close(&venue);
}

/* A member as the relay sees it. */
static lanparty_member relay_member(const lanparty_relay *relay, uint32_t peer) {
    lanparty_member members[4];
    size_t count = 0;
    OK(lanparty_relay_members(relay, ROOM, NUL, members, sizeof members[0], 4, &count, &err));
    for (size_t i = 0; i < count; i++)
        if (members[i].peer == peer) return members[i];
    fail(__FILE__, __LINE__, "the relay has no member %u", peer);
}

SCENARIO(pause) {
    struct venue venue;
    venue_open(&venue, NULL);
    struct player ann, bob;
    player_join(&ann, &venue, LANPARTY_ROLE_CLIENT, ROOM, "Ann");
    player_join(&bob, &venue, LANPARTY_ROLE_CLIENT, ROOM, "Bob");
    wait_peers(ann.session, 1);
    wait_peers(bob.session, 1);

    lanparty_event event;
    OK(lanparty_session_set_paused(ann.session, 1, &err));
    wait_event(ann.session, LANPARTY_EVENT_PAUSED, &event);
    CHECK_INT(LANPARTY_FLAG_PAUSED, event.flags & LANPARTY_FLAG_PAUSED);
    wait_event(bob.session, LANPARTY_EVENT_PEER_PAUSED, &event);
    CHECK_INT(ann.peer, event.peer);
    CHECK_INT(LANPARTY_FLAG_PAUSED, event.flags & LANPARTY_FLAG_PAUSED);
    lanparty_diagnostics diagnostics = {.struct_size = sizeof diagnostics};
    OK(lanparty_session_diagnostics(ann.session, &diagnostics, &err));
    CHECK(diagnostics.flags & LANPARTY_FLAG_PAUSED);

    CHECK_INT(0, drops_for(ann.session, "paused"));
    send_frame(&ann, bob.mac, 60, 1);
    WAIT_UNTIL(drops_for(ann.session, "paused") == 1);
    /* What is for somebody who has paused, the relay drops, and counts with the sender. It counts probes too, so that
       this one has come is told by its bytes. */
    enum { LARGE = 800 };
    lanparty_member before = relay_member(venue.relay, bob.peer);
    send_frame(&bob, ann.mac, LARGE, 2);
    WAIT_UNTIL(relay_member(venue.relay, bob.peer).sent_bytes >= before.sent_bytes + LARGE);
    CHECK(relay_member(venue.relay, bob.peer).drops > before.drops);

    OK(lanparty_session_set_paused(ann.session, 0, &err));
    wait_event(ann.session, LANPARTY_EVENT_PAUSED, &event);
    CHECK_INT(0, event.flags & LANPARTY_FLAG_PAUSED);
    wait_event(bob.session, LANPARTY_EVENT_PEER_PAUSED, &event);
    CHECK_INT(0, event.flags & LANPARTY_FLAG_PAUSED);
    send_frame(&ann, bob.mac, 60, 3);
    expect_frame(&bob, bob.mac, ann.mac, 60, 3);
    send_frame(&bob, ann.mac, 60, 4);
    expect_frame(&ann, ann.mac, bob.mac, 60, 4);
    player_leave(&ann);
    player_leave(&bob);
    venue_close(&venue);
}

SCENARIO(wait_handles) {
    struct venue venue;
    venue_open(&venue, NULL);
    struct player ann, bob;
    player_join(&ann, &venue, LANPARTY_ROLE_CLIENT, ROOM, "Ann");
    player_join(&bob, &venue, LANPARTY_ROLE_CLIENT, ROOM, "Bob");
    wait_peers(ann.session, 1);
    wait_peers(bob.session, 1);
    int64_t at_port = -1, at_session = -1, at_relay = -1, again = -1;
    OK(lanparty_port_wait_handle(ann.port, &at_port, &err));
    OK(lanparty_session_wait_handle(ann.session, &at_session, &err));
    OK(lanparty_relay_wait_handle(venue.relay, &at_relay, &err));
    CHECK(at_port > 0 && at_session > 0 && at_relay > 0);
    OK(lanparty_port_wait_handle(ann.port, &again, &err));
    CHECK_INT(at_port, again);

    CHECK(!is_ready(at_port, 0));
    for (uint32_t round = 0; round < 3; round++) {
        send_frame(&bob, ann.mac, 60, round);
        send_frame(&bob, ann.mac, 60, round + 100);
        CHECK(is_ready(at_port, PATIENCE_MS));
        expect_frame(&ann, ann.mac, bob.mac, 60, round);
        CHECK(is_ready(at_port, PATIENCE_MS));
        expect_frame(&ann, ann.mac, bob.mac, 60, round + 100);
        CHECK(!is_ready(at_port, 0));
    }

    CHECK(is_ready(at_session, PATIENCE_MS));
    drain_events(ann.session);
    CHECK(!is_ready(at_session, 0));
    OK(lanparty_session_set_paused(bob.session, 1, &err));
    CHECK(is_ready(at_session, PATIENCE_MS));
    lanparty_event event = {.struct_size = sizeof event};
    OK(lanparty_session_next_event(ann.session, 0, &event, &err));
    CHECK_INT(LANPARTY_EVENT_PEER_PAUSED, event.kind);
    CHECK(!is_ready(at_session, 0));

    CHECK(is_ready(at_relay, PATIENCE_MS));
    wait_relay_event(venue.relay, LANPARTY_EVENT_MEMBER_PAUSED, &event);
    CHECK_INT(bob.peer, event.peer);
    CHECK(!is_ready(at_relay, 0));

    /* The end is something to be read, and stays so. */
    OK(lanparty_session_close(ann.session, NULL, 0, PATIENCE_MS, &err));
    CHECK(is_ready(at_session, PATIENCE_MS));
    CHECK(is_ready(at_port, PATIENCE_MS));
    drain_events(ann.session);
    CHECK(is_ready(at_session, 0));
    uint8_t buffer[64];
    lanparty_frame frame;
    size_t count = 0;
    STATUS(LANPARTY_END, lanparty_port_recv(ann.port, buffer, sizeof buffer, &frame, 1, &count, 0, &err));
    CHECK(is_ready(at_port, 0));
    player_leave(&ann);
    player_leave(&bob);
    OK(lanparty_relay_close(venue.relay, NULL, 0, PATIENCE_MS, &err));
    CHECK(is_ready(at_relay, PATIENCE_MS));
    venue_close(&venue);
}
