/* Functions that the library calls: sinks, and the log. */
#include "party.h"

#include <pthread.h>
#include <stdio.h>

/* A device that does as it is told, and notes what happens to it. */
struct device {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int32_t answer;
    void (*inside)(struct device *device); /* run once per frame, without the lock */
    struct player *owner;
    lanparty_relay *relay;
    unsigned frames, releases, late, links;
    uint8_t last[2048];
    size_t last_len;
};

static void device_init(struct device *device) {
    memset(device, 0, sizeof *device);
    pthread_mutex_init(&device->lock, NULL);
    pthread_cond_init(&device->changed, NULL);
}

static void device_drop(struct device *device) {
    pthread_cond_destroy(&device->changed);
    pthread_mutex_destroy(&device->lock);
}

static int32_t device_send(void *user_data, const uint8_t *frame, size_t len) {
    struct device *device = user_data;
    if (device->inside != NULL) device->inside(device);
    pthread_mutex_lock(&device->lock);
    device->late += device->releases;
    device->frames++;
    device->last_len = len < sizeof device->last ? len : sizeof device->last;
    memcpy(device->last, frame, device->last_len);
    int32_t answer = device->answer;
    pthread_cond_broadcast(&device->changed);
    pthread_mutex_unlock(&device->lock);
    return answer;
}

static void device_link(void *user_data, uint8_t up) {
    struct device *device = user_data;
    pthread_mutex_lock(&device->lock);
    device->late += device->releases;
    if (up) device->links++;
    pthread_mutex_unlock(&device->lock);
}

static void device_release(void *user_data) {
    struct device *device = user_data;
    pthread_mutex_lock(&device->lock);
    device->releases++;
    pthread_cond_broadcast(&device->changed);
    pthread_mutex_unlock(&device->lock);
}

static lanparty_port *device_port(struct device *device) {
    lanparty_frame_sink sink = {.struct_size = sizeof sink,
                                .user_data = device,
                                .send = device_send,
                                .set_link = device_link,
                                .release = device_release};
    lanparty_port *port = NULL;
    OK(lanparty_port_new_sink(&sink, &port, &err));
    return port;
}

static unsigned device_count(struct device *device, const unsigned *counter) {
    pthread_mutex_lock(&device->lock);
    unsigned count = *counter;
    pthread_mutex_unlock(&device->lock);
    return count;
}

static void device_answers(struct device *device, int32_t answer) {
    pthread_mutex_lock(&device->lock);
    device->answer = answer;
    pthread_mutex_unlock(&device->lock);
}

/* Ann behind a device of her own, Bob behind a virtual port. */
struct pair {
    struct venue venue;
    struct player ann, bob;
    struct device device;
};

static void pair_open(struct pair *pair) {
    device_init(&pair->device);
    venue_open(&pair->venue, NULL);
    player_join(&pair->ann, &pair->venue, LANPARTY_ROLE_CLIENT, ROOM, "Ann");
    player_join(&pair->bob, &pair->venue, LANPARTY_ROLE_CLIENT, ROOM, "Bob");
    lanparty_port *port = device_port(&pair->device);
    OK(lanparty_session_bridge(pair->ann.session, port, PATIENCE_MS, &err));
    lanparty_port_free(pair->ann.port);
    pair->ann.port = port;
    wait_peers(pair->ann.session, 1);
    wait_peers(pair->bob.session, 1);
}

static void pair_close(struct pair *pair) {
    player_leave(&pair->ann);
    player_leave(&pair->bob);
    venue_close(&pair->venue);
    WAIT_UNTIL(device_count(&pair->device, &pair->device.releases) == 1);
    CHECK_INT(0, pair->device.late);
    device_drop(&pair->device);
}

SCENARIO(panicking_callback) {
    struct pair pair;
    pair_open(&pair);
    struct device *device = &pair.device;
    const int32_t nonsense[] = {12345, LANPARTY_E_PANIC, INT32_MIN, LANPARTY_END};
    for (uint32_t i = 0; i < 4; i++) {
        device_answers(device, nonsense[i]);
        send_frame(&pair.bob, pair.ann.mac, 60, i);
        WAIT_UNTIL(drops_for(pair.ann.session, "port_error") == i + 1);
    }
    device_answers(device, LANPARTY_WOULD_BLOCK);
    send_frame(&pair.bob, pair.ann.mac, 60, 5);
    WAIT_UNTIL(drops_for(pair.ann.session, "port_full") == 1);
    CHECK_INT(4, drops_for(pair.ann.session, "port_error"));

    /* The session lives on, in both directions. */
    device_answers(device, LANPARTY_OK);
    unsigned frames = device_count(device, &device->frames);
    send_frame(&pair.bob, pair.ann.mac, 60, 6);
    WAIT_UNTIL(device_count(device, &device->frames) == frames + 1);
    uint8_t expected[60];
    craft(expected, pair.ann.mac, pair.bob.mac, 60, 6);
    CHECK_INT(60, device->last_len);
    CHECK_BYTES(expected, device->last, 60);
    send_frame(&pair.ann, pair.bob.mac, 60, 7);
    expect_frame(&pair.bob, pair.bob.mac, pair.ann.mac, 60, 7);

    /* A panic inside: this session is lost, the others are not. */
    STATUS(LANPARTY_E_PANIC, lanparty_test_panic(NULL, &err));
    struct player cat;
    player_join(&cat, &pair.venue, LANPARTY_ROLE_CLIENT, ROOM, "Cat");
    STATUS(LANPARTY_E_PANIC, lanparty_test_panic(cat.session, &err));
    uint32_t phase = 0;
    STATUS(LANPARTY_E_PANIC, lanparty_session_phase(cat.session, &phase, &err));
    lanparty_event event = {.struct_size = sizeof event};
    STATUS(LANPARTY_E_PANIC, lanparty_session_next_event(cat.session, LANPARTY_FOREVER, &event, &err));
    STATUS(LANPARTY_E_PANIC, lanparty_session_wait_joined(cat.session, LANPARTY_FOREVER, &err));
    STATUS(LANPARTY_E_PANIC, lanparty_session_close(cat.session, NULL, 0, PATIENCE_MS, &err));
    lanparty_session_free(cat.session);
    lanparty_port_free(cat.port);
    send_frame(&pair.ann, pair.bob.mac, 60, 8);
    expect_frame(&pair.bob, pair.bob.mac, pair.ann.mac, 60, 8);
    pair_close(&pair);
}

/* What a callback may call, and what it may not. */
static void call_everything(struct device *device) {
    const lanparty_session *session = device->owner->session;
    lanparty_event event = {.struct_size = sizeof event};
    STATUS(LANPARTY_E_REENTRANT, lanparty_session_next_event(session, LANPARTY_FOREVER, &event, &err));
    STATUS(LANPARTY_E_REENTRANT, lanparty_session_wait_joined(session, 1, &err));
    STATUS(LANPARTY_E_REENTRANT, lanparty_session_unbridge(session, 1, &err));
    STATUS(LANPARTY_E_REENTRANT, lanparty_session_close(session, NULL, 0, PATIENCE_MS, &err));
    STATUS(LANPARTY_E_REENTRANT, lanparty_session_close(session, NULL, 0, 0, &err));
    STATUS(LANPARTY_E_REENTRANT, lanparty_relay_next_event(device->relay, 1, &event, &err));
    STATUS(LANPARTY_E_REENTRANT, lanparty_relay_close(device->relay, NULL, 0, 0, &err));
    lanparty_port *port = virtual_port();
    STATUS(LANPARTY_E_REENTRANT, lanparty_session_bridge(session, port, 1, &err));
    uint8_t buffer[64];
    lanparty_frame frame = {0};
    size_t count = 0;
    STATUS(LANPARTY_E_REENTRANT,
           lanparty_port_recv(port, buffer, sizeof buffer, &frame, 1, &count, LANPARTY_FOREVER, &err));
    STATUS(LANPARTY_WOULD_BLOCK, lanparty_port_recv(port, buffer, sizeof buffer, &frame, 1, &count, 0, &err));
    OK(lanparty_port_close(port, &err)); /* a port has nobody to wait for */
    lanparty_port_free(port);

    lanparty_status status = lanparty_session_next_event(session, 0, &event, NULL);
    CHECK(status == LANPARTY_OK || status == LANPARTY_WOULD_BLOCK);
    OK(lanparty_session_wait_joined(session, 0, &err));
    lanparty_stats stats = {.struct_size = sizeof stats};
    OK(lanparty_session_stats(session, &stats, &err));
    lanparty_peer peer;
    OK(lanparty_session_peers(session, &peer, sizeof peer, 1, &count, &err));
    CHECK_INT(1, count);
    /* An answer from inside. */
    send_frame(device->owner, BROADCAST, 60, 42);
}

SCENARIO(reentrant_callback) {
    struct pair pair;
    pair_open(&pair);
    pair.device.owner = &pair.ann;
    pair.device.relay = pair.venue.relay;
    pair.device.inside = call_everything;
    send_frame(&pair.bob, pair.ann.mac, 60, 1);
    expect_frame(&pair.bob, BROADCAST, pair.ann.mac, 60, 42);
    WAIT_UNTIL(device_count(&pair.device, &pair.device.frames) == 1);
    pair_close(&pair);
}

enum order { PORT_FIRST, SESSION_FIRST, FREE_ONLY, UNBRIDGE, REPLACE, ORDERS };

SCENARIO(release_exactly_once) {
    struct device device;
    device_init(&device);
    /* Freed without ever having been used. */
    lanparty_port_free(device_port(&device));
    WAIT_UNTIL(device_count(&device, &device.releases) == 1);

    /* It could not be made: whose memory it is would be unclear otherwise. */
    device.releases = 0;
    lanparty_frame_sink sink = {
        .struct_size = sizeof sink, .user_data = &device, .mtu = 10, .send = device_send, .release = device_release};
    lanparty_port *port = NULL;
    STATUS(LANPARTY_E_INVALID_ARG, lanparty_port_new_sink(&sink, &port, &err));
    CHECK(port == NULL);
    WAIT_UNTIL(device_count(&device, &device.releases) == 1);
    device.releases = 0;
    sink.mtu = 0;
    STATUS(LANPARTY_E_NULL, lanparty_port_new_sink(&sink, NULL, &err));
    WAIT_UNTIL(device_count(&device, &device.releases) == 1);
    device_drop(&device);

    struct venue venue;
    venue_open(&venue, NULL);
    for (enum order order = 0; order < ORDERS; order++) {
        struct player ann, bob;
        device_init(&device);
        player_join(&ann, &venue, LANPARTY_ROLE_CLIENT, ROOM, "Ann");
        player_join(&bob, &venue, LANPARTY_ROLE_CLIENT, ROOM, "Bob");
        port = device_port(&device);
        OK(lanparty_session_bridge(ann.session, port, PATIENCE_MS, &err));
        wait_peers(ann.session, 1);
        wait_peers(bob.session, 1);
        send_frame(&bob, ann.mac, 60, 1);
        WAIT_UNTIL(device_count(&device, &device.frames) == 1);
        CHECK_INT(0, device_count(&device, &device.releases));
        /* More may be on their way while all this goes: none may come after the release. */
        for (uint32_t i = 0; i < 20; i++) send_frame(&bob, ann.mac, 60, i);
        switch (order) {
        case PORT_FIRST:
            OK(lanparty_port_close(port, &err));
            lanparty_port_free(port);
            session_end(ann.session);
            break;
        case SESSION_FIRST:
            session_end(ann.session);
            lanparty_port_free(port);
            break;
        case FREE_ONLY:
            lanparty_port_free(port);
            lanparty_session_free(ann.session);
            break;
        case UNBRIDGE:
            OK(lanparty_session_unbridge(ann.session, PATIENCE_MS, &err));
            CHECK_INT(0, device_count(&device, &device.releases));
            lanparty_port_free(port);
            WAIT_UNTIL(device_count(&device, &device.releases) == 1);
            session_end(ann.session);
            break;
        case REPLACE:
            lanparty_port_free(port);
            port = virtual_port();
            OK(lanparty_session_bridge(ann.session, port, PATIENCE_MS, &err));
            WAIT_UNTIL(device_count(&device, &device.releases) == 1);
            session_end(ann.session);
            lanparty_port_free(port);
            break;
        case ORDERS:
            break;
        }
        lanparty_port_free(ann.port);
        player_leave(&bob);
        WAIT_UNTIL(device_count(&device, &device.releases) == 1);
        WAIT_UNTIL(lanparty_relay_members(venue.relay, ROOM, NUL, NULL, sizeof(lanparty_member), 0, &(size_t){0},
                                          NULL) == LANPARTY_E_NOT_FOUND);
        CHECK_INT(1, device.releases);
        CHECK_INT(0, device.late);
        device_drop(&device);
    }
    venue_close(&venue);
}

struct log {
    pthread_mutex_t lock;
    unsigned lines, releases;
    uint32_t finest;
    bool odd;
};

static void log_line(void *user_data, uint32_t level, lanparty_str target, lanparty_str message) {
    struct log *log = user_data;
    pthread_mutex_lock(&log->lock);
    log->lines++;
    if (level > log->finest) log->finest = level;
    if (level < LANPARTY_LEVEL_ERROR || level > LANPARTY_LEVEL_TRACE || target.len == 0 || message.ptr == NULL)
        log->odd = true;
    log->odd = log->odd || log->releases > 0;
    pthread_mutex_unlock(&log->lock);
}

static void log_release(void *user_data) {
    struct log *log = user_data;
    pthread_mutex_lock(&log->lock);
    log->releases++;
    pthread_mutex_unlock(&log->lock);
}

static unsigned log_count(struct log *log, const unsigned *counter) {
    pthread_mutex_lock(&log->lock);
    unsigned count = *counter;
    pthread_mutex_unlock(&log->lock);
    return count;
}

static void a_short_party(void) {
    struct venue venue;
    venue_open(&venue, NULL);
    struct player ann;
    player_join(&ann, &venue, LANPARTY_ROLE_CLIENT, ROOM, "Ann");
    player_leave(&ann);
    venue_close(&venue);
}

SCENARIO(log_callback) {
    struct log fine = {.lock = PTHREAD_MUTEX_INITIALIZER}, coarse = {.lock = PTHREAD_MUTEX_INITIALIZER};
    a_short_party(); /* nobody listens, and nothing is written anywhere */
    STATUS(LANPARTY_E_INVALID_ARG, lanparty_log_set_callback(0, log_line, &fine, NULL, &err));
    STATUS(LANPARTY_E_INVALID_ARG, lanparty_log_set_callback(6, log_line, &fine, NULL, &err));
    OK(lanparty_log_set_callback(LANPARTY_LEVEL_DEBUG, log_line, &fine, log_release, &err));
    a_short_party();
    CHECK(log_count(&fine, &fine.lines) > 0);
    CHECK(fine.finest >= LANPARTY_LEVEL_INFO && fine.finest <= LANPARTY_LEVEL_DEBUG);
    CHECK_INT(0, log_count(&fine, &fine.releases));

    /* Another takes its place. */
    OK(lanparty_log_set_callback(LANPARTY_LEVEL_WARN, log_line, &coarse, log_release, &err));
    WAIT_UNTIL(log_count(&fine, &fine.releases) == 1);
    unsigned lines = log_count(&fine, &fine.lines);
    a_short_party();
    CHECK_INT(lines, log_count(&fine, &fine.lines));
    CHECK(coarse.finest <= LANPARTY_LEVEL_WARN);
    OK(lanparty_log_set_callback(LANPARTY_LEVEL_WARN, NULL, NULL, NULL, &err));
    WAIT_UNTIL(log_count(&coarse, &coarse.releases) == 1);
    lines = log_count(&coarse, &coarse.lines);
    a_short_party();
    CHECK_INT(lines, log_count(&coarse, &coarse.lines));

    /* And it can be had again. */
    coarse.releases = 0;
    OK(lanparty_log_set_callback(LANPARTY_LEVEL_TRACE, log_line, &coarse, log_release, &err));
    a_short_party();
    CHECK(log_count(&coarse, &coarse.lines) > lines);
    OK(lanparty_log_set_callback(LANPARTY_LEVEL_TRACE, NULL, NULL, NULL, &err));
    WAIT_UNTIL(log_count(&coarse, &coarse.releases) == 1);
    CHECK_INT(1, log_count(&fine, &fine.releases));
    CHECK(!fine.odd && !coarse.odd);
}
