/* A relay and players, as most scenarios need them. Everything here fails the scenario if it does not succeed. */
#ifndef PARTY_H
#define PARTY_H

#include "scenario.h"

#define SERVER_NAME "lanparty-relay.local"
#define ROOM "PARTY"
#define ETHERTYPE 0x88b5
#define NUL LANPARTY_NUL_TERMINATED

/* A relay on loopback. */
struct venue {
    lanparty_relay *relay;
    char address[64];
    uint8_t certificate[4096];
    size_t certificate_len;
};

/* A member and its virtual port. */
struct player {
    lanparty_session *session;
    lanparty_port *port;
    uint32_t peer;
    uint8_t mac[6];
};

/* Frames as they came. */
struct inbox {
    uint8_t bytes[64 * 2048];
    lanparty_frame frames[64];
    size_t count;
};

extern const uint8_t BROADCAST[6];

/* Opens a relay on 127.0.0.1 that lets everything on loopback through; `text` is TOML on top of that, or NULL. */
void venue_open(struct venue *venue, const char *text);
/* The same on a given address. */
void venue_open_at(struct venue *venue, const char *listen, const char *text);
void venue_close(struct venue *venue);

/* How to get in: everything but an identity and a port. */
lanparty_session_config *venue_config(const struct venue *venue, uint32_t role, const char *room, const char *name);
void config_set(lanparty_session_config *config, const char *key, const char *value);

/* Starts a session with a port of its own and waits until it is in. */
void player_join(struct player *player, const struct venue *venue, uint32_t role, const char *room, const char *name);
/* The same with a configuration that is ready but for identity and port, which it frees. */
void player_join_with(struct player *player, lanparty_session_config *config);
/* Closes and frees both handles. */
void player_leave(struct player *player);

lanparty_port *virtual_port(void);
lanparty_session *start_and_free(lanparty_session_config *config);
void session_end(lanparty_session *session);

/* Waits until `count` others are in the room, without taking an event. */
void wait_peers(const lanparty_session *session, size_t count);
/* Takes events until one of this kind comes. */
void wait_event(const lanparty_session *session, uint32_t kind, lanparty_event *event);
void wait_relay_event(const lanparty_relay *relay, uint32_t kind, lanparty_event *event);
/* Takes what is queued. */
void drain_events(const lanparty_session *session);

/* A frame of `len` bytes whose contents follow from `number`. */
void craft(uint8_t *frame, const uint8_t to[6], const uint8_t from[6], size_t len, uint32_t number);
/* Crafts and sends one frame. */
void send_frame(const struct player *from, const uint8_t to[6], size_t len, uint32_t number);
/* Waits until `count` more frames have come. */
void receive(const lanparty_port *port, struct inbox *inbox, size_t count);
/* Waits for one frame, which must be the one that `craft` makes of this. */
void expect_frame(const struct player *at, const uint8_t to[6], const uint8_t from[6], size_t len, uint32_t number);
/* How often the session dropped something for this reason. */
uint64_t drops_for(const lanparty_session *session, const char *reason);

#endif
