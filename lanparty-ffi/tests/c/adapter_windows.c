/*
 * With adapters of TAP-Windows6, as the test driver plays them: a program of its own, because each of its scenarios wants
 * other adapters. The wire's other end is what Windows' own network stack is on a real computer.
 */
#include "party.h"

#include <stdio.h>
#include <windows.h>

#define NAME "LAN party"
#define GUID_TEXT "{1A2B3C4D-0000-4000-8000-000000000007}"
#define FRAME 100

static lanparty_port *tap_port(const char *name) {
    lanparty_port *port = NULL;
    OK(lanparty_port_new_tap(name, NUL, NULL, 0, 0, &port, &err));
    return port;
}

/* A configuration with an adapter, whose IP settings are left alone: Wine has none. */
static lanparty_session_config *tap_config(const struct venue *venue, const lanparty_port *port, uint8_t mac[6]) {
    lanparty_session_config *config = venue_config(venue, LANPARTY_ROLE_CLIENT, ROOM, "Ann");
    lanparty_identity *identity = NULL;
    OK(lanparty_identity_generate(&identity, &err));
    OK(lanparty_identity_mac(identity, mac, &err));
    OK(lanparty_session_config_set_identity(config, identity, &err));
    OK(lanparty_session_config_set_port(config, port, &err));
    config_set(config, "no-adapter-settings", "true");
    lanparty_identity_free(identity);
    return config;
}

/* Tries to begin a session with an adapter of this name; the answer must be this one, with this in its words. */
static void refused(const struct venue *venue, const char *name, lanparty_status status, const char *part) {
    uint8_t mac[6];
    lanparty_port *port = tap_port(name);
    lanparty_session_config *config = tap_config(venue, port, mac);
    lanparty_session *session = NULL;
    STATUS_SAYS(status, part, lanparty_session_start(config, &session, &err));
    CHECK(session == NULL);
    lanparty_session_config_free(config);
    lanparty_port_free(port);
}

SCENARIO(no_adapter) {
    struct venue venue;
    venue_open(&venue, NULL);
    refused(&venue, NULL, LANPARTY_E_DRIVER_MISSING, "TAP-Windows6");
    refused(&venue, NAME, LANPARTY_E_DRIVER_MISSING, "TAP-Windows6");
    venue_close(&venue);
}

struct wire {
    HANDLE file;
    OVERLAPPED reading, writing;
    uint8_t bytes[2048];
    bool pending;
};

static void wire_open(struct wire *wire) {
    memset(wire, 0, sizeof *wire);
    wire->file = CreateFileA("\\\\.\\Global\\" GUID_TEXT ".wire", GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING,
                             FILE_FLAG_OVERLAPPED, NULL);
    CHECK(wire->file != INVALID_HANDLE_VALUE);
    wire->reading.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL);
    wire->writing.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL);
}

static void wire_close(struct wire *wire) {
    DWORD len = 0;
    CancelIo(wire->file);
    if (wire->pending) GetOverlappedResult(wire->file, &wire->reading, &len, TRUE);
    CloseHandle(wire->file);
    CloseHandle(wire->reading.hEvent);
    CloseHandle(wire->writing.hEvent);
}

static void wire_send(struct wire *wire, const uint8_t to[6], const uint8_t from[6], uint32_t number) {
    uint8_t frame[FRAME];
    DWORD len = 0;
    craft(frame, to, from, sizeof frame, number);
    if (!WriteFile(wire->file, frame, sizeof frame, NULL, &wire->writing)) CHECK(GetLastError() == ERROR_IO_PENDING);
    CHECK(GetOverlappedResult(wire->file, &wire->writing, &len, TRUE));
}

/* Whether a frame that `craft` makes of this has come within a quarter of a second. Others are passed over. */
static bool wire_has(struct wire *wire, const uint8_t to[6], const uint8_t from[6], uint32_t number) {
    uint8_t expected[FRAME];
    DWORD len = 0;
    craft(expected, to, from, sizeof expected, number);
    for (;;) {
        if (!wire->pending) {
            BOOL done = ReadFile(wire->file, wire->bytes, sizeof wire->bytes, NULL, &wire->reading);
            CHECK(done || GetLastError() == ERROR_IO_PENDING);
            wire->pending = true;
        }
        if (WaitForSingleObject(wire->reading.hEvent, 250) != WAIT_OBJECT_0) return false;
        wire->pending = false;
        CHECK(GetOverlappedResult(wire->file, &wire->reading, &len, TRUE));
        if (len == sizeof expected && memcmp(wire->bytes, expected, len) == 0) return true;
    }
}

/* The cable is plugged in a moment after the member has joined, so that what comes first may be lost. */
static void both_ways(struct wire *wire, const uint8_t mac[6], const struct player *bob, uint32_t number) {
    uint8_t buffer[2048], expected[FRAME];
    lanparty_frame frame = {0};
    size_t count = 0;
    craft(expected, BROADCAST, mac, sizeof expected, number);
    for (uint64_t deadline = now_ms() + PATIENCE_MS;;) {
        CHECK(now_ms() < deadline);
        wire_send(wire, BROADCAST, mac, number);
        lanparty_status status = lanparty_port_recv(bob->port, buffer, sizeof buffer, &frame, 1, &count, 250, NULL);
        if (status == LANPARTY_OK && frame.len == FRAME && memcmp(frame.data, expected, FRAME) == 0) break;
    }
    for (uint64_t deadline = now_ms() + PATIENCE_MS;;) {
        CHECK(now_ms() < deadline);
        send_frame(bob, mac, FRAME, number + 1);
        if (wire_has(wire, mac, bob->mac, number + 1)) break;
    }
}

static void play(const char *name) {
    struct venue venue;
    struct player bob;
    struct wire wire;
    uint8_t mac[6];
    venue_open(&venue, NULL);
    player_join(&bob, &venue, LANPARTY_ROLE_CLIENT, ROOM, "Bob");
    lanparty_port *port = tap_port(name);
    lanparty_session *session = start_and_free(tap_config(&venue, port, mac));
    lanparty_port_info info = {.struct_size = sizeof info};
    OK(lanparty_port_info_get(port, &info, &err));
    CHECK_INT(LANPARTY_PORT_TAP, info.kind);
    CHECK_INT(LANPARTY_FLAG_BRIDGED | LANPARTY_FLAG_HAS_MAC, info.flags);
    CHECK_TEXT(NAME, info.name);
    CHECK_INT(1500, info.mtu);
    CHECK_BYTES(mac, info.mac, 6);
    refused(&venue, GUID_TEXT, LANPARTY_E_ADAPTER_BUSY, NAME);

    OK(lanparty_session_wait_joined(session, PATIENCE_MS, &err));
    wait_peers(session, 1);
    wait_peers(bob.session, 1);
    wire_open(&wire);
    both_ways(&wire, mac, &bob, 1);

    /* Let go of, it is free for others, and for this session again. */
    OK(lanparty_session_unbridge(session, PATIENCE_MS, &err));
    OK(lanparty_port_info_get(port, &info, &err));
    CHECK_INT(0, info.flags & LANPARTY_FLAG_BRIDGED);
    OK(lanparty_session_bridge(session, port, PATIENCE_MS, &err));
    both_ways(&wire, mac, &bob, 11);

    /* A port that its owner closes takes the session with it. */
    OK(lanparty_port_close(port, &err));
    lanparty_event event;
    wait_event(session, LANPARTY_EVENT_ENDED, &event);
    CHECK_INT(LANPARTY_E_PORT, event.status);
    wire_close(&wire);
    session_end(session);
    lanparty_port_free(port);
    player_leave(&bob);
    venue_close(&venue);
}

SCENARIO(the_only_adapter) {
    play(NULL);
    play("");
}

SCENARIO(one_of_several) {
    struct venue venue;
    venue_open(&venue, NULL);
    refused(&venue, NULL, LANPARTY_E_ADAPTER_AMBIGUOUS, NAME);
    refused(&venue, "Ethernet 99", LANPARTY_E_INTERFACE_MISSING, "Ethernet 99");
    venue_close(&venue);
    play(NAME);
    play(GUID_TEXT);
}
