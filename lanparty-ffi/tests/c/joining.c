/* Coming in, and being refused. */
#include "party.h"

SCENARIO(host_and_join) {
    struct venue venue;
    venue_open(&venue, NULL);
    struct player ann, bob;
    player_join(&ann, &venue, LANPARTY_ROLE_CLIENT, ROOM, "Ann");
    player_join(&bob, &venue, LANPARTY_ROLE_GATEWAY, "party", "Bob"); /* a room's code knows no case */
    wait_peers(ann.session, 1);
    wait_peers(bob.session, 1);

    lanparty_event event;
    wait_event(ann.session, LANPARTY_EVENT_JOINED, &event);
    CHECK_INT(ann.peer, event.peer);
    CHECK(event.mtu >= 576 && event.room != 0);
    CHECK_INT(0, event.flags & (LANPARTY_FLAG_AGAIN | LANPARTY_FLAG_GATEWAY_PRESENT));
    wait_event(ann.session, LANPARTY_EVENT_PEER_JOINED, &event);
    CHECK_INT(bob.peer, event.peer);
    CHECK_INT(LANPARTY_ROLE_GATEWAY, event.role);
    CHECK_TEXT("Bob", event.name);
    CHECK(event.line[0] != '\0');

    lanparty_peer peer;
    size_t count = 0;
    OK(lanparty_session_peers(bob.session, &peer, sizeof peer, 1, &count, &err));
    CHECK_INT(1, count);
    CHECK_INT(ann.peer, peer.peer);
    CHECK_INT(LANPARTY_ROLE_CLIENT, peer.role);
    CHECK_INT(LANPARTY_FLAG_HAS_MAC, peer.flags & (LANPARTY_FLAG_HAS_MAC | LANPARTY_FLAG_PAUSED));
    CHECK_BYTES(ann.mac, peer.mac, 6);
    CHECK_TEXT("Ann", peer.name);

    struct player *both[] = {&ann, &bob};
    for (int i = 0; i < 2; i++) {
        uint32_t phase = 0;
        OK(lanparty_session_phase(both[i]->session, &phase, &err));
        CHECK_INT(LANPARTY_PHASE_JOINED, phase);
        lanparty_room room = {.struct_size = sizeof room};
        OK(lanparty_session_room(both[i]->session, &room, &err));
        CHECK_INT(sizeof room, room.struct_size);
        CHECK_TEXT(ROOM, room.code);
        CHECK_INT(both[i]->peer, room.self_peer);
        CHECK_INT(bob.peer, room.gateway_peer);
        CHECK_INT(2, room.members);
        CHECK_INT(event.room == 0 ? room.room : event.room, room.room);
    }

    lanparty_room rooms[2];
    OK(lanparty_relay_rooms(venue.relay, rooms, sizeof rooms[0], 2, &count, &err));
    CHECK_INT(1, count);
    CHECK_TEXT(ROOM, rooms[0].code);
    CHECK_INT(2, rooms[0].members);
    CHECK_INT(0, rooms[0].self_peer);
    CHECK_INT(bob.peer, rooms[0].gateway_peer);
    lanparty_member members[2];
    OK(lanparty_relay_members(venue.relay, ROOM, NUL, members, sizeof members[0], 2, &count, &err));
    CHECK_INT(2, count);
    const lanparty_member *first = &members[members[0].peer == ann.peer ? 0 : 1];
    CHECK_INT(ann.peer, first->peer);
    CHECK_TEXT("Ann", first->name);
    CHECK_BYTES(ann.mac, first->mac, 6);
    CHECK(first->budget > 0);
    lanparty_relay_stats stats = {.struct_size = sizeof stats};
    OK(lanparty_relay_stats_get(venue.relay, &stats, &err));
    CHECK_INT(2, stats.connections);

    wait_relay_event(venue.relay, LANPARTY_EVENT_ROOM_OPENED, &event);
    CHECK_TEXT(ROOM, event.code);
    wait_relay_event(venue.relay, LANPARTY_EVENT_MEMBER_JOINED, &event);
    CHECK_INT(ann.peer, event.peer);
    player_leave(&ann);
    player_leave(&bob);
    wait_relay_event(venue.relay, LANPARTY_EVENT_MEMBER_LEFT, &event);
    CHECK_INT(LANPARTY_REASON_NORMAL, event.reason);
    wait_relay_event(venue.relay, LANPARTY_EVENT_ROOM_CLOSED, &event);
    venue_close(&venue);
}

SCENARIO(second_gateway_refused) {
    struct venue venue;
    venue_open(&venue, NULL);
    struct player first, client;
    player_join(&first, &venue, LANPARTY_ROLE_GATEWAY, ROOM, NULL);
    lanparty_session *second = start_and_free(venue_config(&venue, LANPARTY_ROLE_GATEWAY, ROOM, NULL));
    STATUS_SAYS(LANPARTY_E_GATEWAY_PRESENT, "gateway", lanparty_session_wait_joined(second, PATIENCE_MS, &err));
    lanparty_event event;
    wait_event(second, LANPARTY_EVENT_ENDED, &event);
    CHECK_INT(LANPARTY_E_GATEWAY_PRESENT, event.status);
    CHECK(event.text[0] != '\0' && event.line[0] != '\0');
    STATUS(LANPARTY_END, lanparty_session_next_event(second, PATIENCE_MS, &event, &err));
    wait_relay_event(venue.relay, LANPARTY_EVENT_REJECTED, &event);
    CHECK_INT(LANPARTY_E_GATEWAY_PRESENT, event.status);
    CHECK_TEXT(ROOM, event.code);
    session_end(second);

    player_join(&client, &venue, LANPARTY_ROLE_CLIENT, ROOM, NULL);
    wait_peers(first.session, 1);
    wait_peers(client.session, 1);
    send_frame(&client, first.mac, 60, 1);
    send_frame(&client, BROADCAST, 60, 2);
    /* The gateway's own address is nobody's: what a client sends to the unknown goes to the gateway too. */
    expect_frame(&first, first.mac, client.mac, 60, 1);
    expect_frame(&first, BROADCAST, client.mac, 60, 2);
    player_leave(&client);
    player_leave(&first);
    venue_close(&venue);
}

/* A session that must fail, and how. */
static void refused(lanparty_session_config *config, int32_t status) {
    lanparty_session *session = start_and_free(config);
    STATUS(status, lanparty_session_wait_joined(session, PATIENCE_MS, &err));
    lanparty_event event;
    wait_event(session, LANPARTY_EVENT_ENDED, &event);
    CHECK_INT(status, event.status);
    uint32_t phase = 0;
    OK(lanparty_session_phase(session, &phase, &err));
    CHECK_INT(LANPARTY_PHASE_ENDED, phase);
    session_end(session);
}

SCENARIO(wrong_certificate) {
    struct venue ours, theirs;
    venue_open(&ours, NULL);
    venue_open(&theirs, NULL);
    struct venue mixed = ours;
    memcpy(mixed.certificate, theirs.certificate, theirs.certificate_len);
    mixed.certificate_len = theirs.certificate_len;
    refused(venue_config(&mixed, LANPARTY_ROLE_CLIENT, ROOM, NULL), LANPARTY_E_CERTIFICATE_UNKNOWN);

    lanparty_session_config *config = venue_config(&ours, LANPARTY_ROLE_CLIENT, ROOM, NULL);
    config_set(config, "server-name", "elsewhere.example");
    refused(config, LANPARTY_E_CERTIFICATE_NAME);

    /* With the right one, or without looking, the same relay lets them in. */
    struct player ann, bob;
    player_join(&ann, &ours, LANPARTY_ROLE_CLIENT, ROOM, NULL);
    config = venue_config(&mixed, LANPARTY_ROLE_CLIENT, ROOM, NULL);
    OK(lanparty_session_config_dangerous_accept_any(config, &err));
    player_join_with(&bob, config);
    player_leave(&ann);
    player_leave(&bob);
    venue_close(&ours);
    venue_close(&theirs);
}

SCENARIO(two_instances) {
    struct venue venues[2];
    struct player ann[2], bob[2];
    for (int i = 0; i < 2; i++) {
        venue_open(&venues[i], NULL);
        player_join(&ann[i], &venues[i], LANPARTY_ROLE_CLIENT, ROOM, "Ann");
        player_join(&bob[i], &venues[i], LANPARTY_ROLE_CLIENT, ROOM, "Bob");
        wait_peers(ann[i].session, 1);
        wait_peers(bob[i].session, 1);
    }
    for (uint32_t i = 0; i < 2; i++) send_frame(&ann[i], BROADCAST, 100, i);
    for (uint32_t i = 0; i < 2; i++) send_frame(&ann[i], bob[i].mac, 100, 10 + i);
    for (uint32_t i = 0; i < 2; i++) {
        /* Nothing from the other party lies before, between or behind. */
        expect_frame(&bob[i], BROADCAST, ann[i].mac, 100, i);
        expect_frame(&bob[i], bob[i].mac, ann[i].mac, 100, 10 + i);
        uint8_t buffer[2048];
        lanparty_frame frame;
        size_t count = 0;
        STATUS(LANPARTY_WOULD_BLOCK,
               lanparty_port_recv(bob[i].port, buffer, sizeof buffer, &frame, 1, &count, 0, &err));
    }
    player_leave(&ann[0]);
    player_leave(&bob[0]);
    venue_close(&venues[0]);
    send_frame(&ann[1], bob[1].mac, 100, 20);
    expect_frame(&bob[1], bob[1].mac, ann[1].mac, 100, 20);
    player_leave(&ann[1]);
    player_leave(&bob[1]);
    venue_close(&venues[1]);
}

SCENARIO(reinitialise) {
    uint64_t handles = lanparty_live_handles();
    for (uint32_t round = 0; round < 3; round++) {
        struct venue venue;
        venue_open(&venue, NULL);
        struct player ann, bob;
        player_join(&ann, &venue, LANPARTY_ROLE_CLIENT, ROOM, "Ann");
        player_join(&bob, &venue, LANPARTY_ROLE_CLIENT, ROOM, "Bob");
        wait_peers(ann.session, 1);
        wait_peers(bob.session, 1);
        send_frame(&bob, ann.mac, 200, round);
        expect_frame(&ann, ann.mac, bob.mac, 200, round);
        player_leave(&ann);
        player_leave(&bob);
        venue_close(&venue);
        CHECK_INT(handles, lanparty_live_handles());
    }
}
