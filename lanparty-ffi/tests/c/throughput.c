/*
 * How many frames per second go through a virtual port, end to end: a relay and two sessions in this process, one
 * thread that sends batches of 32 and one that receives them. Prints one line of JSON for each size.
 *
 * lanparty-ffi/examples/throughput.rs does the same with the Rust API, so that the two compare.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lanparty.h"

enum { BATCH = 32, CAPACITY = 1024 };
#define NUL LANPARTY_NUL_TERMINATED

static lanparty_error *err;

static lanparty_status must(lanparty_status status) {
    if (status >= 0) return status;
    fprintf(stderr, "throughput: %s (%d)\n", lanparty_error_message(err), status);
    exit(1);
}

struct member {
    lanparty_session *session;
    lanparty_port *port;
    uint8_t mac[6];
};

static void join(struct member *member, const lanparty_relay *relay) {
    char address[64];
    uint8_t cert[4096];
    size_t len, needed;
    lanparty_identity *identity;
    lanparty_session_config *config;
    must(lanparty_relay_address(relay, address, sizeof address, &needed, &err));
    must(lanparty_relay_certificate(relay, cert, sizeof cert, &len, &err));
    must(lanparty_identity_generate(&identity, &err));
    must(lanparty_identity_mac(identity, member->mac, &err));
    must(lanparty_port_new_virtual(CAPACITY, 0, &member->port, &err));
    must(lanparty_session_config_new(LANPARTY_ROLE_CLIENT, address, NUL, "BENCH", NUL, &config, &err));
    must(lanparty_session_config_set(config, "server-name", NUL, "lanparty-relay.local", NUL, &err));
    must(lanparty_session_config_trust_certificates(config, cert, len, &err));
    must(lanparty_session_config_set_identity(config, identity, &err));
    must(lanparty_session_config_set_port(config, member->port, &err));
    must(lanparty_session_start(config, &member->session, &err));
    lanparty_session_config_free(config);
    lanparty_identity_free(identity);
    if (must(lanparty_session_wait_joined(member->session, 10000, &err)) != LANPARTY_OK) exit(1);
}

static void wait_for_the_other(const struct member *member) {
    lanparty_event event = {.struct_size = sizeof event};
    while (event.kind != LANPARTY_EVENT_PEER_JOINED)
        if (must(lanparty_session_next_event(member->session, 10000, &event, &err)) != LANPARTY_OK) exit(1);
}

static void leave(struct member *member) {
    must(lanparty_session_close(member->session, NULL, 0, 10000, &err));
    lanparty_session_free(member->session);
    lanparty_port_free(member->port);
}

struct course {
    struct member *from, *to;
    size_t bytes;
    atomic_bool stop;
    atomic_ullong sent;
};

static void *keep_sending(void *argument) {
    struct course *course = argument;
    uint8_t bytes[1514] = {0};
    memcpy(bytes, course->to->mac, 6);
    memcpy(bytes + 6, course->from->mac, 6);
    memcpy(bytes + 12, "\x88\xb5", 2);
    lanparty_frame frames[BATCH];
    for (size_t i = 0; i < BATCH; i++) frames[i] = (lanparty_frame){.data = bytes, .len = (uint32_t)course->bytes};
    while (!atomic_load(&course->stop)) {
        size_t sent = 0;
        lanparty_status status = must(lanparty_port_send(course->from->port, frames, BATCH, &sent, &err));
        atomic_fetch_add(&course->sent, sent);
        /* The queue is full: room comes when the session has sent some of it. */
        if (status == LANPARTY_WOULD_BLOCK) nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
    }
    return NULL;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void run(struct member *from, struct member *to, size_t bytes, double seconds) {
    static uint8_t buffer[BATCH * 1514];
    lanparty_frame frames[BATCH];
    struct course course = {.from = from, .to = to, .bytes = bytes};
    pthread_t sender;
    if (pthread_create(&sender, NULL, keep_sending, &course) != 0) exit(1);
    /* A tenth to get going, which does not count. */
    double start = now() + seconds / 10, end = start + seconds, at;
    unsigned long long received = 0, sent_before = 0;
    int counting = 0;
    while ((at = now()) < end) {
        size_t count = 0;
        if (!counting && at >= start) {
            counting = 1;
            start = at;
            sent_before = atomic_load(&course.sent);
        }
        must(lanparty_port_recv(to->port, buffer, sizeof buffer, frames, BATCH, &count, 100, &err));
        received += counting ? count : 0;
    }
    double elapsed = now() - start;
    unsigned long long sent = atomic_load(&course.sent) - sent_before;
    atomic_store(&course.stop, 1);
    pthread_join(sender, NULL);
    printf("{\"language\":\"c\",\"bytes\":%zu,\"frames_per_second\":%.0f,\"sent_per_second\":%.0f}\n", bytes,
           (double)received / elapsed, (double)sent / elapsed);
    fflush(stdout);
    lanparty_status more;
    do {
        size_t count = 0;
        more = must(lanparty_port_recv(to->port, buffer, sizeof buffer, frames, BATCH, &count, 200, &err));
    } while (more == LANPARTY_OK);
}

int main(int argc, char **argv) {
    double seconds = argc == 3 && strcmp(argv[1], "--seconds") == 0 ? atof(argv[2]) : 5;
    if (seconds <= 0) return fputs("usage: throughput [--seconds N]\n", stderr), 2;
    lanparty_relay_config *config;
    lanparty_relay *relay;
    must(lanparty_relay_config_new(&config, &err));
    const char *keys[][2] = {{"listen", "127.0.0.1:0"},
                             {"workers", "1"},
                             {"limit-client-bytes", "unlimited"},
                             {"limit-client-flood", "unlimited"},
                             {"limit-client-unknown-unicast", "unlimited"}};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        must(lanparty_relay_config_set(config, keys[i][0], NUL, keys[i][1], NUL, &err));
    must(lanparty_relay_bind(config, &relay, &err));
    lanparty_relay_config_free(config);
    struct member ann, bob;
    join(&ann, relay);
    join(&bob, relay);
    wait_for_the_other(&ann);
    wait_for_the_other(&bob);
    run(&ann, &bob, 64, seconds);
    run(&ann, &bob, 1400, seconds);
    leave(&ann);
    leave(&bob);
    must(lanparty_relay_close(relay, NULL, 0, 10000, &err));
    lanparty_relay_free(relay);
    return 0;
}
