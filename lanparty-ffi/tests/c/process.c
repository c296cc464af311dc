/* What processes do: fork, and end. */
#include "party.h"

#include <pthread.h>
#ifdef _WIN32

SCENARIO(fork_is_refused) {
    skip("Windows cannot fork");
}

#else

#include <signal.h>
#include <stdio.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/* In a forked child there are no threads but this one: every call must be refused at once, and wait for nobody. */
#define FORKED(call) STATUS_SAYS(LANPARTY_E_FORKED, "fork", call)

static uint8_t bytes[4096], mac[6] = {2};
static char text[64];
static size_t count;
static int64_t handle;

static void session_in_the_child(const lanparty_session *session, const lanparty_port *port) {
    uint32_t phase = 0;
    uint64_t value = 0;
    lanparty_event event = {.struct_size = sizeof event};
    lanparty_room room = {.struct_size = sizeof room};
    lanparty_stats stats = {.struct_size = sizeof stats};
    lanparty_diagnostics diagnostics = {.struct_size = sizeof diagnostics};
    lanparty_peer peer;
    lanparty_drop drop;
    lanparty_user_line line;
    FORKED(lanparty_test_panic(session, &err));
    FORKED(lanparty_session_wait_joined(session, LANPARTY_FOREVER, &err));
    FORKED(lanparty_session_next_event(session, LANPARTY_FOREVER, &event, &err));
    FORKED(lanparty_session_wait_handle(session, &handle, &err));
    FORKED(lanparty_session_phase(session, &phase, &err));
    FORKED(lanparty_session_room(session, &room, &err));
    FORKED(lanparty_session_peers(session, &peer, sizeof peer, 1, &count, &err));
    FORKED(lanparty_session_bridge(session, port, LANPARTY_FOREVER, &err));
    FORKED(lanparty_session_unbridge(session, LANPARTY_FOREVER, &err));
    FORKED(lanparty_session_set_paused(session, 1, &err));
    FORKED(lanparty_session_stats(session, &stats, &err));
    FORKED(lanparty_session_stat(session, LANPARTY_STAT_DROPS, &value, &err));
    FORKED(lanparty_session_drops(session, &drop, sizeof drop, 1, &count, &err));
    FORKED(lanparty_session_diagnostics(session, &diagnostics, &err));
    FORKED(lanparty_session_user_lines(session, &line, sizeof line, 1, &count, &err));
    FORKED(lanparty_session_close(session, NULL, 0, LANPARTY_FOREVER, &err));

    lanparty_frame frame = {.data = bytes, .len = 64};
    lanparty_port_info info = {.struct_size = sizeof info};
    FORKED(lanparty_port_send(port, &frame, 1, &count, &err));
    FORKED(lanparty_port_recv(port, bytes, sizeof bytes, &frame, 1, &count, LANPARTY_FOREVER, &err));
    FORKED(lanparty_port_wait_handle(port, &handle, &err));
    FORKED(lanparty_port_info_get(port, &info, &err));
    FORKED(lanparty_port_close(port, &err));
}

static void relay_in_the_child(const lanparty_relay *relay, uint32_t peer) {
    lanparty_event event = {.struct_size = sizeof event};
    lanparty_relay_stats stats = {.struct_size = sizeof stats};
    lanparty_room room;
    lanparty_member member;
    FORKED(lanparty_relay_address(relay, text, sizeof text, &count, &err));
    FORKED(lanparty_relay_certificate(relay, bytes, sizeof bytes, &count, &err));
    FORKED(lanparty_relay_set_certificate_pem(relay, bytes, 1, bytes, 1, &err));
    FORKED(lanparty_relay_rooms(relay, &room, sizeof room, 1, &count, &err));
    FORKED(lanparty_relay_members(relay, ROOM, NUL, &member, sizeof member, 1, &count, &err));
    FORKED(lanparty_relay_kick(relay, ROOM, NUL, peer, NULL, 0, &err));
    FORKED(lanparty_relay_stats_get(relay, &stats, &err));
    FORKED(lanparty_relay_next_event(relay, LANPARTY_FOREVER, &event, &err));
    FORKED(lanparty_relay_wait_handle(relay, &handle, &err));
    FORKED(lanparty_relay_close(relay, NULL, 0, LANPARTY_FOREVER, &err));
}

static void configs_in_the_child(lanparty_session_config *config, lanparty_relay_config *relay_config,
                                 const lanparty_identity *identity, const lanparty_port *port) {
    lanparty_identity *changed = NULL;
    lanparty_session *session = NULL;
    lanparty_relay *relay = NULL;
    FORKED(lanparty_identity_mac(identity, mac, &err));
    FORKED(lanparty_identity_with_mac(identity, mac, &changed, &err));
    FORKED(lanparty_identity_warning(identity, text, sizeof text, &count, &err));
    FORKED(lanparty_session_config_set(config, "name", NUL, "Bob", NUL, &err));
    FORKED(lanparty_session_config_load_toml(config, "name = \"Bob\"", NUL, &err));
    FORKED(lanparty_session_config_set_identity(config, identity, &err));
    FORKED(lanparty_session_config_set_port(config, port, &err));
    FORKED(lanparty_session_config_trust_certificates(config, bytes, 1, &err));
    FORKED(lanparty_session_config_dangerous_accept_any(config, &err));
    FORKED(lanparty_session_start(config, &session, &err));
    FORKED(lanparty_relay_config_set(relay_config, "listen", NUL, "127.0.0.1:0", NUL, &err));
    FORKED(lanparty_relay_config_load_toml(relay_config, "workers = 1", NUL, &err));
    FORKED(lanparty_relay_config_set_certificate_pem(relay_config, bytes, 1, bytes, 1, &err));
    FORKED(lanparty_relay_bind(relay_config, &relay, &err));
    CHECK(changed == NULL && session == NULL && relay == NULL);
}

static void in_the_child(struct venue *venue, struct player *ann, lanparty_session_config *config,
                         lanparty_relay_config *relay_config, lanparty_identity *identity) {
    session_in_the_child(ann->session, ann->port);
    relay_in_the_child(venue->relay, ann->peer);
    configs_in_the_child(config, relay_config, identity, ann->port);
    lanparty_session_free(ann->session);
    lanparty_port_free(ann->port);
    lanparty_relay_free(venue->relay);
    lanparty_session_config_free(config);
    lanparty_relay_config_free(relay_config);
    lanparty_identity_free(identity);

    /* What the child makes is its own. */
    lanparty_identity *own = NULL;
    OK(lanparty_identity_generate(&own, &err));
    OK(lanparty_identity_mac(own, mac, &err));
    lanparty_identity_free(own);
}

SCENARIO(fork_is_refused) {
    struct venue venue;
    venue_open(&venue, NULL);
    struct player ann, bob;
    player_join(&ann, &venue, LANPARTY_ROLE_CLIENT, ROOM, "Ann");
    player_join(&bob, &venue, LANPARTY_ROLE_CLIENT, ROOM, "Bob");
    wait_peers(ann.session, 1);
    wait_peers(bob.session, 1);
    lanparty_identity *identity = NULL;
    OK(lanparty_identity_generate(&identity, &err));
    lanparty_relay_config *relay_config = NULL;
    OK(lanparty_relay_config_new(&relay_config, &err));
    lanparty_session_config *config = venue_config(&venue, LANPARTY_ROLE_CLIENT, ROOM, NULL);
    uint64_t handles = lanparty_live_handles();

    int verdict[2];
    CHECK_INT(0, pipe(verdict));
    fflush(NULL);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(30);
        in_the_child(&venue, &ann, config, relay_config, identity);
        ssize_t written = write(verdict[1], "k", 1);
        /* Without exit handlers, and without a leak check of memory that is the parent's. */
        raise(written == 1 ? SIGKILL : SIGTERM);
    }
    close(verdict[1]);
    char said = 0;
    ssize_t got = read(verdict[0], &said, 1);
    int status = 0;
    CHECK_INT(child, waitpid(child, &status, 0));
    CHECK(got == 1 && said == 'k'); /* otherwise the child has said on stderr what went wrong */
    close(verdict[0]);

    /* The parent has lost nothing by it. */
    CHECK_INT(handles, lanparty_live_handles());
    send_frame(&ann, bob.mac, 60, 1);
    expect_frame(&bob, bob.mac, ann.mac, 60, 1);
    lanparty_session_config_free(config);
    lanparty_relay_config_free(relay_config);
    lanparty_identity_free(identity);
    player_leave(&ann);
    player_leave(&bob);
    venue_close(&venue);
}

#endif

static struct venue left_open;
static struct player left_in;

static void *wait_for_ever(void *argument) {
    pthread_barrier_t *ready = argument;
    lanparty_event event = {.struct_size = sizeof event};
    pthread_barrier_wait(ready);
    while (lanparty_session_next_event(left_in.session, LANPARTY_FOREVER, &event, NULL) == LANPARTY_OK) {}
    return NULL;
}

int child_that_exits(void) {
    static pthread_barrier_t ready;
    pthread_t thread;
    venue_open(&left_open, NULL);
    player_join(&left_in, &left_open, LANPARTY_ROLE_CLIENT, ROOM, "Ann");
    CHECK_INT(0, pthread_barrier_init(&ready, NULL, 2));
    CHECK_INT(0, pthread_create(&thread, NULL, wait_for_ever, &ready));
    pthread_barrier_wait(&ready);
    return 0;
}

SCENARIO(exit_with_open_session) {
    /* A process of its own, so that it may return from main while all is open. */
    uint64_t start = now_ms();
    CHECK_INT(0, run_again(CHILD_THAT_EXITS));
    CHECK(now_ms() - start < PATIENCE_MS);
}
