/* Ports that move from session to session. */
#include "party.h"

#ifdef _WIN32
#define NO_SUCH_INTERFACE LANPARTY_E_UNSUPPORTED
#else
#define NO_SUCH_INTERFACE LANPARTY_E_INTERFACE_MISSING
#endif

static uint32_t flags_of(const lanparty_port *port) {
    lanparty_port_info info = {.struct_size = sizeof info};
    OK(lanparty_port_info_get(port, &info, &err));
    return info.flags & (LANPARTY_FLAG_BRIDGED | LANPARTY_FLAG_CLOSED);
}

SCENARIO(bridge_again) {
    struct venue venue;
    venue_open(&venue, NULL);
    struct player ann, bob, cat;
    player_join(&ann, &venue, LANPARTY_ROLE_CLIENT, ROOM, "Ann");
    player_join(&bob, &venue, LANPARTY_ROLE_CLIENT, ROOM, "Bob");
    player_join(&cat, &venue, LANPARTY_ROLE_CLIENT, ROOM, "Cat");
    struct player *trio[] = {&ann, &bob, &cat};
    for (int i = 0; i < 3; i++) wait_peers(trio[i]->session, 2);
    lanparty_port *first = ann.port, *bobs = bob.port;
    CHECK_INT(LANPARTY_FLAG_BRIDGED, flags_of(first));

    /* In use is in use, however one asks. */
    STATUS(LANPARTY_E_PORT_IN_USE, lanparty_session_bridge(bob.session, first, PATIENCE_MS, &err));
    STATUS(LANPARTY_E_PORT_IN_USE, lanparty_session_bridge(ann.session, first, PATIENCE_MS, &err));
    lanparty_session_config *config = venue_config(&venue, LANPARTY_ROLE_CLIENT, ROOM, NULL);
    lanparty_session *session = NULL;
    lanparty_status status = lanparty_session_config_set_port(config, first, NULL);
    if (status == LANPARTY_OK) status = lanparty_session_start(config, &session, NULL);
    CHECK_INT(LANPARTY_E_PORT_IN_USE, status);
    CHECK(session == NULL);
    lanparty_session_config_free(config);
    send_frame(&cat, bob.mac, 60, 1);
    expect_frame(&bob, bob.mac, cat.mac, 60, 1);

    /* Away, and back to the same session. */
    OK(lanparty_session_unbridge(ann.session, PATIENCE_MS, &err));
    OK(lanparty_session_unbridge(ann.session, PATIENCE_MS, &err));
    CHECK_INT(0, flags_of(first));
    OK(lanparty_session_bridge(ann.session, first, PATIENCE_MS, &err));
    send_frame(&cat, ann.mac, 60, 2);
    expect_frame(&ann, ann.mac, cat.mac, 60, 2);
    send_frame(&ann, cat.mac, 60, 3);
    expect_frame(&cat, cat.mac, ann.mac, 60, 3);

    /* To another session: Bob's own port is replaced, and free again. */
    OK(lanparty_session_unbridge(ann.session, PATIENCE_MS, &err));
    OK(lanparty_session_bridge(bob.session, first, PATIENCE_MS, &err));
    bob.port = first;
    WAIT_UNTIL(flags_of(bobs) == 0);
    send_frame(&cat, bob.mac, 60, 4);
    expect_frame(&bob, bob.mac, cat.mac, 60, 4);
    OK(lanparty_session_bridge(ann.session, bobs, PATIENCE_MS, &err));
    ann.port = bobs;
    send_frame(&bob, ann.mac, 60, 5);
    expect_frame(&ann, ann.mac, bob.mac, 60, 5);

    /* What is sent while nobody has the port waits in it. */
    OK(lanparty_session_unbridge(ann.session, PATIENCE_MS, &err));
    send_frame(&ann, cat.mac, 60, 6);
    OK(lanparty_session_bridge(ann.session, ann.port, PATIENCE_MS, &err));
    expect_frame(&cat, cat.mac, ann.mac, 60, 6);

    /* Freed while it is bridged, a port goes on serving its session. */
    lanparty_port *again = virtual_port();
    OK(lanparty_session_unbridge(cat.session, PATIENCE_MS, &err));
    OK(lanparty_session_bridge(cat.session, again, PATIENCE_MS, &err));
    lanparty_port_free(again);
    uint32_t phase = 0;
    OK(lanparty_session_phase(cat.session, &phase, &err));
    CHECK_INT(LANPARTY_PHASE_JOINED, phase);
    OK(lanparty_session_bridge(cat.session, cat.port, PATIENCE_MS, &err));
    send_frame(&bob, cat.mac, 60, 7);
    expect_frame(&cat, cat.mac, bob.mac, 60, 7);
    /* Devices of the system are opened when they are bridged; their names are judged at once. */
    lanparty_port *tap = NULL;
    STATUS(LANPARTY_E_INTERFACE_NAME, lanparty_port_new_tap("lan\0", 4, NULL, 0, 0, &tap, &err));
#ifndef _WIN32 /* where names are those of connections */
    STATUS(LANPARTY_E_INTERFACE_NAME,
           lanparty_port_new_tap("a name that is much too long", NUL, NULL, 0, 0, &tap, &err));
#endif
    STATUS(LANPARTY_E_ADDRESS, lanparty_port_new_tap("lan0", NUL, "10.0.0.5/99", NUL, 0, &tap, &err));
    CHECK(tap == NULL);
    OK(lanparty_port_new_af_packet("nowhere0", NUL, &tap, &err));
    STATUS_SAYS(NO_SUCH_INTERFACE, "nowhere0",
                lanparty_session_bridge(cat.session, tap, PATIENCE_MS, &err));
    lanparty_port_free(tap);
    send_frame(&bob, cat.mac, 60, 8);
    expect_frame(&cat, cat.mac, bob.mac, 60, 8);
    OK(lanparty_port_new_tap("lan0", NUL, "10.0.0.5/24", NUL, 0, &tap, &err));
    uint8_t buffer[64] = {0};
    lanparty_frame frame = {.data = buffer, .len = sizeof buffer};
    size_t count = 0;
    STATUS(LANPARTY_E_WRONG_PORT, lanparty_port_recv(tap, buffer, sizeof buffer, &frame, 1, &count, 0, &err));
    STATUS(LANPARTY_E_WRONG_PORT, lanparty_port_send(tap, &frame, 1, &count, &err));
    int64_t handle = -1;
    STATUS(LANPARTY_E_WRONG_PORT, lanparty_port_wait_handle(tap, &handle, &err));
    lanparty_port_free(tap);
    for (int i = 0; i < 3; i++) player_leave(trio[i]);
    venue_close(&venue);
}
