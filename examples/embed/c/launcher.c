/* A small launcher: hosts or joins a LAN party, lists the players, and asks "who is there?" in raw Ethernet frames. */
#define _POSIX_C_SOURCE 200809L
#include <ctype.h>
#include <lanparty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef _WIN32
#include <windows.h>
#else
#include <poll.h>
#endif

#define NUL LANPARTY_NUL_TERMINATED
static const char USAGE[] = "usage: launcher host [--room CODE] [--listen ADDR] [--cert-out FILE]\n"
                            "       launcher join RELAY ROOM --cert FILE [--server-name NAME]\n"
                            "both:  [--name NAME] [--seconds N] [--answers N]\n";
static volatile sig_atomic_t stop;
static lanparty_error *err; /* of the last call that failed, for `must` */

static void on_signal(int number) { (void)number, stop = 1; }

static lanparty_status must(lanparty_status status) {
    if (status >= 0) return status; /* LANPARTY_WOULD_BLOCK and LANPARTY_END are no errors */
    fprintf(stderr, "launcher: %s (%d)\n", lanparty_error_message(err), status);
    exit(1);
}

static const char *option(char **argv, const char *name, const char *otherwise) {
    for (char **at = argv + 2; at[0] && at[1]; at++)
        if (strcmp(at[0], name) == 0) return at[1];
    return otherwise;
}

static void set(lanparty_session_config *config, const char *key, const char *value) {
    if (value) must(lanparty_session_config_set(config, key, NUL, value, NUL, &err));
}

static void list_players(const lanparty_session *session) {
    lanparty_peer peers[64];
    size_t count;
    must(lanparty_session_peers(session, peers, sizeof peers[0], 64, &count, &err));
    for (size_t i = 0; i < count && i < 64; i++) {
        printf("player %s (%s) ", peers[i].name, peers[i].role == LANPARTY_ROLE_GATEWAY ? "gateway" : "client");
        if (peers[i].flags & LANPARTY_FLAG_HAS_RTT) printf("%.1f ms\n", peers[i].rtt_us / 1000.0);
        else printf("-\n");
    }
}

/* One frame of the game: addresses, the EtherType that is free for experiments, a word, a name. */
static void say(const lanparty_port *port, const uint8_t *to, const uint8_t *from, const char *word, const char *name) {
    uint8_t bytes[14 + 4 + 64];
    size_t len = strlen(name) < 64 ? strlen(name) : 64, sent;
    memcpy(bytes, to, 6), memcpy(bytes + 6, from, 6), memcpy(bytes + 12, "\x88\xb5", 2), memcpy(bytes + 14, word, 4);
    memcpy(bytes + 18, name, len);
    lanparty_frame frame = {.data = bytes, .len = (uint32_t)(18 + len)};
    must(lanparty_port_send(port, &frame, 1, &sent, &err));
}

/* Answers queries and prints answers; returns how many those were. */
static int take_frames(const lanparty_port *port, const uint8_t *mac, const char *name) {
    static uint8_t buffer[64 * 1514];
    lanparty_frame frames[64];
    size_t count = 0;
    int answers = 0;
    must(lanparty_port_recv(port, buffer, sizeof buffer, frames, 64, &count, 0, &err));
    for (size_t i = 0; i < count; i++) {
        const uint8_t *data = frames[i].data;
        if (frames[i].len < 18 || memcmp(data + 12, "\x88\xb5", 2) != 0) continue;
        if (memcmp(data + 14, "LPQ?", 4) == 0) say(port, data + 6, mac, "LPA!", name);
        if (memcmp(data + 14, "LPA!", 4) != 0) continue;
        printf("answer from ");
        for (size_t at = 18; at < frames[i].len; at++) putchar(iscntrl(data[at]) ? '?' : data[at]);
        printf("\n");
        answers++;
    }
    return answers;
}

/* Until one of the two has something to take, or for a quarter of a second. */
static void wait_for_either(int64_t one, int64_t other) {
#ifdef _WIN32
    WaitForMultipleObjects(2, (HANDLE[]){(HANDLE)(intptr_t)one, (HANDLE)(intptr_t)other}, FALSE, 250);
#else
    poll((struct pollfd[]){{.fd = (int)one, .events = POLLIN}, {.fd = (int)other, .events = POLLIN}}, 2, 250);
#endif
}

int main(int argc, char **argv) {
    int hosting = argc >= 2 && strcmp(argv[1], "host") == 0, joining = argc >= 4 && strcmp(argv[1], "join") == 0;
    if (!hosting && !joining) return fputs(USAGE, stderr), 2;
    setvbuf(stdout, NULL, _IONBF, 0); /* whoever reads along sees it at once */
    signal(SIGINT, on_signal);
    const char *name = option(argv, "--name", hosting ? "Ann" : "Bob");
    const char *room = hosting ? option(argv, "--room", "PARTY") : argv[3];
    int seconds = atoi(option(argv, "--seconds", "0")), wanted = atoi(option(argv, "--answers", "0"));

    /* The relay, if this is the host. Without a certificate of its own it makes one, which the others must be given. */
    lanparty_relay *relay = NULL;
    char address[64] = "";
    uint8_t cert[4096], mac[6];
    size_t cert_len = 0, needed;
    if (hosting) {
        lanparty_relay_config *config;
        const char *listen = option(argv, "--listen", "127.0.0.1:0");
        must(lanparty_relay_config_new(&config, &err));
        must(lanparty_relay_config_set(config, "listen", NUL, listen, NUL, &err));
        const char *file = option(argv, "--cert-out", NULL); /* kept there, with its key beside it */
        if (file) must(lanparty_relay_config_set(config, "dev-cert-der-out", NUL, file, NUL, &err));
        must(lanparty_relay_bind(config, &relay, &err));
        lanparty_relay_config_free(config);
        must(lanparty_relay_address(relay, address, sizeof address, &needed, &err));
        must(lanparty_relay_certificate(relay, cert, sizeof cert, &cert_len, &err));
        printf("hosting %s on %s\n", room, address);
    }

    /* A member: where to, who it is, and what it plugs into the room: this program itself, not an adapter. */
    lanparty_identity *identity;
    lanparty_port *port;
    lanparty_session_config *config;
    lanparty_session *session;
    must(lanparty_identity_generate(&identity, &err)); /* to be somebody again: lanparty_identity_load_or_create */
    must(lanparty_identity_mac(identity, mac, &err));
    must(lanparty_port_new_virtual(0, 0, &port, &err));
    must(lanparty_session_config_new(LANPARTY_ROLE_CLIENT, hosting ? address : argv[2], NUL, room, NUL, &config, &err));
    set(config, "name", name);
    set(config, "server-name", option(argv, "--server-name", "lanparty-relay.local")); /* as in the certificate */
    set(config, "relay-ca-cert", hosting ? NULL : option(argv, "--cert", NULL));
    if (hosting) must(lanparty_session_config_trust_certificates(config, cert, cert_len, &err));
    must(lanparty_session_config_set_identity(config, identity, &err));
    must(lanparty_session_config_set_port(config, port, &err));
    must(lanparty_session_start(config, &session, &err)); /* from here on it comes in, and comes back, by itself */
    lanparty_session_config_free(config);
    lanparty_identity_free(identity);

    /* One thread for everything: both handles say when there is something to take. */
    int64_t events, frames;
    must(lanparty_session_wait_handle(session, &events, &err));
    must(lanparty_port_wait_handle(port, &frames, &err));
    int joined = 0, answers = 0, failed = 0;
    for (time_t start = time(NULL), asked = 0; !stop;) {
        wait_for_either(events, frames);
        lanparty_event event = {.struct_size = sizeof event};
        while (must(lanparty_session_next_event(session, 0, &event, &err)) == LANPARTY_OK) {
            if (event.line[0]) printf("status: %s\n", event.line);
            if (event.kind == LANPARTY_EVENT_JOINED)
                joined = 1, printf("joined %s as member %u (MTU %u)\n", room, event.peer, event.mtu);
            if (event.kind == LANPARTY_EVENT_PEER_JOINED) asked = 0, list_players(session);
            if (event.kind == LANPARTY_EVENT_ENDED) stop = 1, failed = event.status < 0;
        }
        if (joined && time(NULL) != asked) /* once a second */
            asked = time(NULL), say(port, (const uint8_t *)"\xff\xff\xff\xff\xff\xff", mac, "LPQ?", name);
        answers += take_frames(port, mac, name);
        if ((wanted && answers >= wanted) || (seconds && time(NULL) - start >= seconds)) stop = 1;
    }

    list_players(session);
    lanparty_user_line lines[16];
    must(lanparty_session_user_lines(session, lines, sizeof lines[0], 16, &needed, &err));
    for (size_t i = 0; i < needed && i < 16; i++) printf("status: %s\n", lines[i].text);
    must(lanparty_session_close(session, "see you", NUL, 5000, &err)); /* the others learn of it at once */
    lanparty_session_free(session);
    lanparty_port_free(port);
    if (hosting) must(lanparty_relay_close(relay, "closing time", NUL, 5000, &err));
    lanparty_relay_free(relay);
    puts("left");
    return failed;
}
