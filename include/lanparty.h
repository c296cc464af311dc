/**
 * @file lanparty.h
 * LAN parties over the Internet, inside any program: relay, gateway and client.
 *
 * Generated from the crate lanparty-ffi; docs/abi.md explains the rules at length. In short:
 *
 * - Functions that can fail answer a lanparty_status: 0 when done, positive where nothing failed (LANPARTY_WOULD_BLOCK,
 *   LANPARTY_END, LANPARTY_TRUNCATED), negative for an error. Their last parameter may be NULL; if it is not, it receives
 *   on an error, and only then, an object that says what went wrong: free it with lanparty_error_free.
 * - Objects are made by functions that give them (out), and freed by lanparty_<noun>_free: NULL does nothing, it never
 *   waits, and it must be the last call on that object. Parameters are borrowed for the time of the call unless they say
 *   consumed. Results (out) are never written on an error. With a positive status only counts are.
 * - Closing is not freeing: lanparty_session_close and its like end what the object does, wake everybody who waits for it,
 *   and can be called by any thread any number of times. A freed object that was not closed ends in the background.
 * - All functions on ports, sessions and relays may be called by several threads at once. Configurations are for one
 *   thread at a time.
 * - A call waits no longer than its timeout in milliseconds: 0 does not wait, LANPARTY_FOREVER waits until it is done.
 * - Texts are UTF-8, given with their length in bytes or LANPARTY_NUL_TERMINATED. A struct that the library fills begins
 *   with struct_size, set by the caller to its sizeof.
 * - Callbacks run on the library's threads, may call every function that does not wait, and must not unwind.
 * - Nothing is global but the log's callback: no signal handler, no logger. After a fork the child must not use the
 *   parent's objects: calls answer LANPARTY_E_FORKED.
 */

#ifndef LANPARTY_H
#define LANPARTY_H

#include <stddef.h>
#include <stdint.h>
/** As the length of a text: it ends with a NUL instead. */
#define LANPARTY_NUL_TERMINATED SIZE_MAX


/**
 * The version of this interface: raised whenever something that was there changes or goes. Compare it with
 * lanparty_abi_version() before the first call if the library was not shipped together with the program.
 */
#define LANPARTY_ABI_VERSION 1

/**
 * The library's version, first number.
 */
#define LANPARTY_VERSION_MAJOR 0

/**
 * The library's version, second number.
 */
#define LANPARTY_VERSION_MINOR 1

/**
 * The library's version, third number.
 */
#define LANPARTY_VERSION_PATCH 0

/**
 * Done.
 */
#define LANPARTY_OK 0

/**
 * Nothing, or nothing more, could be done within the timeout. Try again.
 */
#define LANPARTY_WOULD_BLOCK 1

/**
 * There will never be more.
 */
#define LANPARTY_END 2

/**
 * The caller's buffer is too small; the count beside it says what it takes. Nothing is lost.
 */
#define LANPARTY_TRUNCATED 3

/**
 * A name that can be in no certificate.
 */
#define LANPARTY_E_SERVER_NAME -1

/**
 * The session was closed while it began.
 */
#define LANPARTY_E_CANCELLED -2

/**
 * The text is no address of a relay, or to listen on.
 */
#define LANPARTY_E_ADDRESS -3

/**
 * The text is no room code: 3 to 64 letters, digits, '-' and '_'.
 */
#define LANPARTY_E_ROOM_CODE -4

/**
 * The bytes or the text are no MAC address that could be used.
 */
#define LANPARTY_E_MAC_ADDRESS -5

/**
 * There is no tokio runtime; not seen through this interface.
 */
#define LANPARTY_E_NO_RUNTIME -6

/**
 * No interface may have this name.
 */
#define LANPARTY_E_INTERFACE_NAME -7

/**
 * A port or an MTU that the session cannot use.
 */
#define LANPARTY_E_MTU -8

/**
 * The session is over.
 */
#define LANPARTY_E_SESSION_OVER -9

/**
 * A pointer that must not be NULL is NULL.
 */
#define LANPARTY_E_NULL -50

/**
 * A number is out of range, or no value of its enumeration.
 */
#define LANPARTY_E_INVALID_ARG -51

/**
 * A text is not UTF-8.
 */
#define LANPARTY_E_NOT_UTF8 -52

/**
 * A struct_size or an element size is smaller than the first version's: set it to sizeof.
 */
#define LANPARTY_E_STRUCT_SIZE -53

/**
 * A call that may wait, from inside a callback.
 */
#define LANPARTY_E_REENTRANT -54

/**
 * The handle has been closed.
 */
#define LANPARTY_E_CLOSED -55

/**
 * A session uses the port already.
 */
#define LANPARTY_E_PORT_IN_USE -56

/**
 * The handle belongs to the process that this one was forked from.
 */
#define LANPARTY_E_FORKED -57

/**
 * There is no such configuration key.
 */
#define LANPARTY_E_UNKNOWN_KEY -58

/**
 * A configuration key has a value that it cannot have.
 */
#define LANPARTY_E_BAD_VALUE -59

/**
 * A required configuration key was not given.
 */
#define LANPARTY_E_MISSING -60

/**
 * There is no such room or member.
 */
#define LANPARTY_E_NOT_FOUND -61

/**
 * A frame is shorter than 14 bytes or longer than 65535.
 */
#define LANPARTY_E_FRAME_LENGTH -62

/**
 * Another kind of port can do that; this one cannot.
 */
#define LANPARTY_E_WRONG_PORT -63

/**
 * The process has a tracing subscriber of its own.
 */
#define LANPARTY_E_LOGGER -64

/**
 * No socket could be opened.
 */
#define LANPARTY_E_BIND -101

/**
 * The port failed.
 */
#define LANPARTY_E_PORT -102

/**
 * A host route could not be set.
 */
#define LANPARTY_E_ROUTE -103

/**
 * This process may not do that.
 */
#define LANPARTY_E_NOT_PERMITTED -104

/**
 * Another program has the UDP port.
 */
#define LANPARTY_E_ADDRESS_IN_USE -105

/**
 * There is no such interface, or it went away.
 */
#define LANPARTY_E_INTERFACE_MISSING -106

/**
 * A wireless interface cannot be bridged.
 */
#define LANPARTY_E_INTERFACE_WIRELESS -107

/**
 * The interface is down.
 */
#define LANPARTY_E_INTERFACE_DOWN -108

/**
 * The interface has no carrier.
 */
#define LANPARTY_E_INTERFACE_NO_CARRIER -109

/**
 * The interface is no Ethernet that could be bridged.
 */
#define LANPARTY_E_INTERFACE_NOT_ETHERNET -110

/**
 * The adapter is in use.
 */
#define LANPARTY_E_ADAPTER_BUSY -111

/**
 * The adapter's driver is missing.
 */
#define LANPARTY_E_DRIVER_MISSING -112

/**
 * A certificate or key could not be read, used, made or written.
 */
#define LANPARTY_E_CERTIFICATE_FILE -113

/**
 * The identity file could not be read, used, made or written.
 */
#define LANPARTY_E_IDENTITY_FILE -114

/**
 * The system refused for a reason without a number of its own.
 */
#define LANPARTY_E_SYSTEM -115

/**
 * This system cannot do that.
 */
#define LANPARTY_E_UNSUPPORTED -116

/**
 * There are several adapters, and none was chosen.
 */
#define LANPARTY_E_ADAPTER_AMBIGUOUS -117

/**
 * The adapter is switched off.
 */
#define LANPARTY_E_ADAPTER_DISABLED -118

/**
 * The adapter does not take the member's MAC address.
 */
#define LANPARTY_E_ADAPTER_MAC -119

/**
 * The adapter's driver is too old.
 */
#define LANPARTY_E_DRIVER_OLD -120

/**
 * A name has no address.
 */
#define LANPARTY_E_RESOLVE -201

/**
 * Nobody answered.
 */
#define LANPARTY_E_UNREACHABLE -202

/**
 * A connection did not come about for another reason.
 */
#define LANPARTY_E_CONNECT -203

/**
 * The relay closed the connection: kicked, replaced, or shut out.
 */
#define LANPARTY_E_PEER_CLOSED -204

/**
 * The other side broke the protocol.
 */
#define LANPARTY_E_PROTOCOL -205

/**
 * The certificate is for another name.
 */
#define LANPARTY_E_CERTIFICATE_NAME -301

/**
 * The certificate's issuer is not trusted.
 */
#define LANPARTY_E_CERTIFICATE_UNKNOWN -302

/**
 * The certificate is not valid now.
 */
#define LANPARTY_E_CERTIFICATE_EXPIRED -303

/**
 * The certificate cannot be used for another reason.
 */
#define LANPARTY_E_CERTIFICATE_BAD -304

/**
 * The other side speaks another protocol version.
 */
#define LANPARTY_E_VERSION_MISMATCH -305

/**
 * The other side has no QUIC datagrams.
 */
#define LANPARTY_E_NO_DATAGRAMS -306

/**
 * The room is full.
 */
#define LANPARTY_E_ROOM_FULL -401

/**
 * The room has a gateway.
 */
#define LANPARTY_E_GATEWAY_PRESENT -402

/**
 * Another member, or the LAN, has this address.
 */
#define LANPARTY_E_DUPLICATE_MAC -403

/**
 * The address may not be a member's.
 */
#define LANPARTY_E_BAD_MAC -404

/**
 * The port carries smaller frames than the room.
 */
#define LANPARTY_E_MTU_TOO_SMALL -405

/**
 * The connection's datagrams are too small.
 */
#define LANPARTY_E_BUDGET_TOO_SMALL -406

/**
 * The relay is full.
 */
#define LANPARTY_E_RELAY_FULL -407

/**
 * The relay refused for a reason that this version does not know.
 */
#define LANPARTY_E_REFUSED -499

/**
 * A bug inside the library. The handle answers nothing else any more.
 */
#define LANPARTY_E_PANIC -900

/**
 * The caller did something that cannot be done.
 */
#define LANPARTY_KIND_USAGE 1

/**
 * This host lacks something: a permission, a driver, a device, a file.
 */
#define LANPARTY_KIND_ENVIRONMENT 2

/**
 * The network did not carry.
 */
#define LANPARTY_KIND_NETWORK 3

/**
 * The relay's certificate is not to be trusted.
 */
#define LANPARTY_KIND_TRUST 4

/**
 * The two sides speak different versions.
 */
#define LANPARTY_KIND_INCOMPATIBLE 5

/**
 * The other side broke the protocol.
 */
#define LANPARTY_KIND_PROTOCOL 6

/**
 * The relay or the room did not want this member.
 */
#define LANPARTY_KIND_REFUSED 7

/**
 * It was stopped on purpose.
 */
#define LANPARTY_KIND_CANCELLED 8

/**
 * A bug inside the library.
 */
#define LANPARTY_KIND_INTERNAL 9

/**
 * Something failed.
 */
#define LANPARTY_LEVEL_ERROR 1

/**
 * Somebody should do something.
 */
#define LANPARTY_LEVEL_WARN 2

/**
 * Something happened that a user wants to know.
 */
#define LANPARTY_LEVEL_INFO 3

/**
 * For those who look for a mistake.
 */
#define LANPARTY_LEVEL_DEBUG 4

/**
 * Every frame.
 */
#define LANPARTY_LEVEL_TRACE 5

/**
 * The program itself is the port: it sends and receives raw frames. No driver, no special rights.
 */
#define LANPARTY_PORT_VIRTUAL 1

/**
 * A device of the program's own, by callbacks.
 */
#define LANPARTY_PORT_SINK 2

/**
 * A network adapter of this host.
 */
#define LANPARTY_PORT_TAP 3

/**
 * A wired interface of this host.
 */
#define LANPARTY_PORT_AF_PACKET 4

/**
 * A connection to the relay is being made; `attempt` is 0 at the very beginning.
 */
#define LANPARTY_EVENT_CONNECTING 1

/**
 * The room let the member in: `room`, `peer` (its own number), `mtu`, LANPARTY_FLAG_AGAIN, LANPARTY_FLAG_GATEWAY_PRESENT.
 */
#define LANPARTY_EVENT_JOINED 2

/**
 * Somebody joined, or was here already: `peer`, `role`, `mac`, `name`.
 */
#define LANPARTY_EVENT_PEER_JOINED 3

/**
 * Somebody left: as above, with `reason` and `text`, the leaver's own words.
 */
#define LANPARTY_EVENT_PEER_LEFT 4

/**
 * Somebody stopped or resumed its data plane: `peer`, LANPARTY_FLAG_PAUSED.
 */
#define LANPARTY_EVENT_PEER_PAUSED 5

/**
 * The member's own data plane stopped or resumed: LANPARTY_FLAG_PAUSED.
 */
#define LANPARTY_EVENT_PAUSED 6

/**
 * The relay is out of reach; the port stays as it is: `text` is the cause, `retry_in_ms` when the next attempt comes.
 */
#define LANPARTY_EVENT_DISCONNECTED 7

/**
 * The session, or the relay, is over: `status` is why (LANPARTY_OK if it was closed here), `text` says it for people.
 * Nothing comes after it.
 */
#define LANPARTY_EVENT_ENDED 8

/**
 * At a relay: the first member of a room came: `room`, `code`, `mtu`.
 */
#define LANPARTY_EVENT_ROOM_OPENED 20

/**
 * At a relay: the last member of a room left: `room`, `code`.
 */
#define LANPARTY_EVENT_ROOM_CLOSED 21

/**
 * At a relay: a member was let in: `room`, `code`, `peer`, `role`, `mac`, `name`.
 */
#define LANPARTY_EVENT_MEMBER_JOINED 22

/**
 * At a relay: a member is out: as above, with `reason` and `text`.
 */
#define LANPARTY_EVENT_MEMBER_LEFT 23

/**
 * At a relay: a newcomer was not let in: `code`, `status`, `text`.
 */
#define LANPARTY_EVENT_REJECTED 24

/**
 * At a relay: a connection that is in no room was closed: `text`.
 */
#define LANPARTY_EVENT_CONNECTION_CLOSED 25

/**
 * At a relay: a member stopped or resumed its data plane: `room`, `code`, `peer`, LANPARTY_FLAG_PAUSED.
 */
#define LANPARTY_EVENT_MEMBER_PAUSED 26

/**
 * A member left on purpose.
 */
#define LANPARTY_REASON_NORMAL 1

/**
 * Nothing was heard from it for too long.
 */
#define LANPARTY_REASON_TIMED_OUT 2

/**
 * Its connection broke.
 */
#define LANPARTY_REASON_LOST 3

/**
 * It broke the protocol.
 */
#define LANPARTY_REASON_PROTOCOL 4

/**
 * It sent too much of what it should not send.
 */
#define LANPARTY_REASON_ABUSE 5

/**
 * It was removed.
 */
#define LANPARTY_REASON_KICKED 6

/**
 * The same identity connected again.
 */
#define LANPARTY_REASON_REPLACED 7

/**
 * The relay, or the member's program, shuts down.
 */
#define LANPARTY_REASON_SHUTDOWN 8

/**
 * A reason that this version does not know.
 */
#define LANPARTY_REASON_OTHER 99

/**
 * A member that plays: one computer, or one virtual port.
 */
#define LANPARTY_ROLE_CLIENT 1

/**
 * The member that stands for the LAN behind its port. A room has one at most.
 */
#define LANPARTY_ROLE_GATEWAY 2

/**
 * `mac` holds an address.
 */
#define LANPARTY_FLAG_HAS_MAC 1

/**
 * The data plane is stopped.
 */
#define LANPARTY_FLAG_PAUSED 2

/**
 * The round-trip time is known.
 */
#define LANPARTY_FLAG_HAS_RTT 4

/**
 * The member had been in before and came back.
 */
#define LANPARTY_FLAG_AGAIN 8

/**
 * The room has a gateway.
 */
#define LANPARTY_FLAG_GATEWAY_PRESENT 16

/**
 * The relay answers.
 */
#define LANPARTY_FLAG_RELAY_REACHABLE 32

/**
 * The member is in its room.
 */
#define LANPARTY_FLAG_JOINED 64

/**
 * This member is the gateway itself.
 */
#define LANPARTY_FLAG_IS_GATEWAY 128

/**
 * A host route keeps the relay's traffic out of the tunnel.
 */
#define LANPARTY_FLAG_ROUTE_PINNED 256

/**
 * A host route should keep the relay's traffic out of the tunnel, and does not.
 */
#define LANPARTY_FLAG_ROUTE_UNPINNED 512

/**
 * A session uses the port, or the session has a port.
 */
#define LANPARTY_FLAG_BRIDGED 1024

/**
 * The port is closed.
 */
#define LANPARTY_FLAG_CLOSED 2048

/**
 * The round-trip time to the gateway is known.
 */
#define LANPARTY_FLAG_HAS_GATEWAY_RTT 4096

/**
 * A connection is being made.
 */
#define LANPARTY_PHASE_CONNECTING 1

/**
 * The relay's answer is awaited.
 */
#define LANPARTY_PHASE_GREETING 2

/**
 * The member is in its room.
 */
#define LANPARTY_PHASE_JOINED 3

/**
 * It waits before the next attempt.
 */
#define LANPARTY_PHASE_WAITING 4

/**
 * It is over.
 */
#define LANPARTY_PHASE_ENDED 5

/**
 * Frames written to the port.
 */
#define LANPARTY_STAT_RX_FRAMES 1

/**
 * Bytes of those frames.
 */
#define LANPARTY_STAT_RX_BYTES 2

/**
 * Of those frames, how many were broadcast or multicast.
 */
#define LANPARTY_STAT_RX_FLOOD_FRAMES 3

/**
 * Frames read from the port and sent into the room.
 */
#define LANPARTY_STAT_TX_FRAMES 4

/**
 * Bytes of those frames.
 */
#define LANPARTY_STAT_TX_BYTES 5

/**
 * Of those frames, how many were broadcast or multicast.
 */
#define LANPARTY_STAT_TX_FLOOD_FRAMES 6

/**
 * Datagrams received.
 */
#define LANPARTY_STAT_RX_DATAGRAMS 7

/**
 * Datagrams sent.
 */
#define LANPARTY_STAT_TX_DATAGRAMS 8

/**
 * Frames that came in two halves.
 */
#define LANPARTY_STAT_RX_REASSEMBLED 9

/**
 * Frames that left in two halves.
 */
#define LANPARTY_STAT_TX_FRAGMENTED 10

/**
 * TCP connections whose segment size was lowered so that a segment fits one datagram.
 */
#define LANPARTY_STAT_MSS_CLAMPED 11

/**
 * Times the session was taken up again.
 */
#define LANPARTY_STAT_RECONNECTS 12

/**
 * Everything that went no further.
 */
#define LANPARTY_STAT_DROPS 13

/**
 * As a timeout in milliseconds: for ever.
 */
#define LANPARTY_FOREVER UINT32_MAX



/**
 * Why a function failed. It belongs to the caller, who frees it with `lanparty_error_free`; any thread may do so.
 */
typedef struct lanparty_error lanparty_error;

/**
 * The Ethernet address and the secret by which a relay knows a member again. Made once and only read after that: any
 * number of threads may use it.
 */
typedef struct lanparty_identity lanparty_identity;

/**
 * A port of a room: where frames enter and leave. Made by one of the lanparty_port_new functions, used by one session at a
 * time, and freed with lanparty_port_free whether a session uses it or not: a session keeps what it uses alive by itself.
 *
 * A virtual port, or a sink, that a session uses ends together with that session, unless it was unbridged before. A TAP
 * adapter or an interface is opened when a session begins to use it and closed when the session stops; it can be used
 * again.
 *
 * All functions may be called by several threads at once; lanparty_port_free must be the last call.
 */
typedef struct lanparty_port lanparty_port;

/**
 * A relay on a UDP socket, with threads of its own.
 *
 * All functions may be called by several threads at once; lanparty_relay_free must be the last call.
 */
typedef struct lanparty_relay lanparty_relay;

/**
 * How a relay is to be: filled by its setters, used by lanparty_relay_bind any number of times, freed with
 * lanparty_relay_config_free. For one thread at a time.
 */
typedef struct lanparty_relay_config lanparty_relay_config;

/**
 * One member's life in a room, as a client or a gateway, with threads of its own. It survives the loss of its relay by
 * itself, keeps its port meanwhile, and says so through its events.
 *
 * All functions may be called by several threads at once; lanparty_session_free must be the last call.
 */
typedef struct lanparty_session lanparty_session;

/**
 * How a session is to be: filled by its setters, used by lanparty_session_start any number of times, freed with
 * lanparty_session_config_free. For one thread at a time.
 */
typedef struct lanparty_session_config lanparty_session_config;

/**
 * What a function answers: 0 when done, positive where nothing failed but something is worth knowing, negative for an
 * error.
 */
typedef int32_t lanparty_status;

/**
 * A text that is borrowed from the library for the time of a callback: UTF-8, without a NUL at its end.
 */
typedef struct lanparty_str {
    /**
     * Its bytes.
     */
    const char *ptr;
    /**
     * How many they are.
     */
    size_t len;
} lanparty_str;

/**
 * Receives a line. Called on a thread that the library has for this alone, one line at a time and in order, so that it may
 * call any function that does not wait; what these would log is lost. The texts are lent for the time of the call.
 */
typedef void (*lanparty_log_fn)(void *user_data, uint32_t level, struct lanparty_str target, struct lanparty_str message);

/**
 * Takes `user_data` back: called exactly once, when it is not used any more.
 */
typedef void (*lanparty_release_fn)(void *user_data);

/**
 * A device of the program's own: where the room's frames go.
 *
 * The functions are called on the session's threads, one call at a time, and never under a lock of the library. They must
 * return soon, for the session waits meanwhile; they may call any function of the library that does not wait; they must not
 * unwind or jump out.
 */
typedef struct lanparty_frame_sink {
    /**
     * sizeof(lanparty_frame_sink), set by the caller.
     */
    uint32_t struct_size;
    /**
     * The largest payload of a frame that the device carries, in bytes; 0 for 1500.
     */
    uint32_t mtu;
    /**
     * Handed to every function.
     */
    void *user_data;
    /**
     * Takes a frame, which is only lent. LANPARTY_OK if it was taken; LANPARTY_WOULD_BLOCK if the device's queue is full
     * (counted as port_full); LANPARTY_END if the device is gone; anything else if this one frame was refused. The last two
     * are counted as port_error. Required.
     */
    int32_t (*send)(void *user_data, const uint8_t *frame, size_t len);
    /**
     * Tells the room's layer-2 MTU in bytes, once it is known. May be NULL.
     */
    void (*set_mtu)(void *user_data, uint32_t mtu);
    /**
     * Tells whether there is a room behind the port: 1 or 0. May be NULL.
     */
    void (*set_link)(void *user_data, uint8_t up);
    /**
     * Called exactly once, after the last call of the others, so that `user_data` can be freed. May be NULL.
     */
    void (*release)(void *user_data);
} lanparty_frame_sink;

/**
 * One Ethernet frame: from the destination address to the end of the payload, without check sum.
 */
typedef struct lanparty_frame {
    /**
     * Where it begins.
     */
    const uint8_t *data;
    /**
     * How many bytes it has.
     */
    uint32_t len;
    /**
     * Zero.
     */
    uint32_t reserved;
} lanparty_frame;

/**
 * What a port is at the moment.
 */
typedef struct lanparty_port_info {
    /**
     * sizeof(lanparty_port_info), set by the caller.
     */
    uint32_t struct_size;
    /**
     * LANPARTY_PORT_*.
     */
    uint32_t kind;
    /**
     * LANPARTY_FLAG_HAS_MAC, LANPARTY_FLAG_BRIDGED, LANPARTY_FLAG_CLOSED.
     */
    uint32_t flags;
    /**
     * The largest payload of a frame that it carries, in bytes.
     */
    uint32_t mtu;
    /**
     * The device's own address, if LANPARTY_FLAG_HAS_MAC is set.
     */
    uint8_t mac[6];
    /**
     * Zero.
     */
    uint8_t reserved[2];
    /**
     * The device's name, as the system's tools show it.
     */
    char name[64];
} lanparty_port_info;

/**
 * Something happened. Which fields count depends on `kind`; the others are zero or empty. Texts are NUL-terminated UTF-8,
 * cut between two characters where they are too long.
 */
typedef struct lanparty_event {
    /**
     * sizeof(lanparty_event), set by the caller.
     */
    uint32_t struct_size;
    /**
     * LANPARTY_EVENT_*. More may come: pass over those that you do not know.
     */
    uint32_t kind;
    /**
     * The room's number on its relay.
     */
    uint32_t room;
    /**
     * The number of the member that it is about.
     */
    uint32_t peer;
    /**
     * LANPARTY_ROLE_* of that member.
     */
    uint32_t role;
    /**
     * LANPARTY_REASON_*: why it left.
     */
    uint32_t reason;
    /**
     * Why something ended: a status.
     */
    int32_t status;
    /**
     * LANPARTY_FLAG_*.
     */
    uint32_t flags;
    /**
     * The room's layer-2 MTU in bytes.
     */
    uint32_t mtu;
    /**
     * How many waits there were since the last success.
     */
    uint32_t attempt;
    /**
     * When the next attempt comes, in milliseconds.
     */
    uint32_t retry_in_ms;
    /**
     * How many events before this one were lost because nobody took them.
     */
    uint32_t missed;
    /**
     * The member's address, if LANPARTY_FLAG_HAS_MAC is set.
     */
    uint8_t mac[6];
    /**
     * Zero.
     */
    uint8_t reserved[2];
    /**
     * What the member is called; empty if it has no name.
     */
    char name[132];
    /**
     * The room's code.
     */
    char code[68];
    /**
     * The leaver's own words, the relay's, or what is known of a cause.
     */
    char text[1024];
    /**
     * A sentence about it for the user, the same as the programs print; empty if there is nothing to say.
     */
    char line[1024];
} lanparty_event;

/**
 * A room at one moment.
 */
typedef struct lanparty_room {
    /**
     * sizeof(lanparty_room): set by the caller, or, in a list, by the library.
     */
    uint32_t struct_size;
    /**
     * Its number on the relay; 0 while the member is not in it.
     */
    uint32_t room;
    /**
     * Its layer-2 MTU in bytes; 0 while it is not known.
     */
    uint32_t mtu;
    /**
     * The member's own number; 0 while it is not in the room, and at a relay.
     */
    uint32_t self_peer;
    /**
     * The gateway's number; 0 if there is none.
     */
    uint32_t gateway_peer;
    /**
     * How many members it has, this one included.
     */
    uint32_t members;
    /**
     * Its code.
     */
    char code[68];
} lanparty_room;

/**
 * A fellow member. An element of a list.
 */
typedef struct lanparty_peer {
    /**
     * Its number in the room.
     */
    uint32_t peer;
    /**
     * LANPARTY_ROLE_*.
     */
    uint32_t role;
    /**
     * LANPARTY_FLAG_HAS_MAC, LANPARTY_FLAG_PAUSED, LANPARTY_FLAG_HAS_RTT.
     */
    uint32_t flags;
    /**
     * Round-trip time to it through the relay, in microseconds, if LANPARTY_FLAG_HAS_RTT is set.
     */
    uint32_t rtt_us;
    /**
     * Its address, if LANPARTY_FLAG_HAS_MAC is set.
     */
    uint8_t mac[6];
    /**
     * Zero.
     */
    uint8_t reserved[2];
    /**
     * What it is called; empty if it has no name.
     */
    char name[132];
} lanparty_peer;

/**
 * What a session has moved since it began. rx came from the room to the port, tx went from the port into the room.
 */
typedef struct lanparty_stats {
    /**
     * sizeof(lanparty_stats), set by the caller.
     */
    uint32_t struct_size;
    /**
     * Zero.
     */
    uint32_t reserved;
    /**
     * Frames written to the port.
     */
    uint64_t rx_frames;
    /**
     * Bytes of those frames.
     */
    uint64_t rx_bytes;
    /**
     * Of those frames, how many were broadcast or multicast.
     */
    uint64_t rx_flood_frames;
    /**
     * Frames read from the port and sent into the room.
     */
    uint64_t tx_frames;
    /**
     * Bytes of those frames.
     */
    uint64_t tx_bytes;
    /**
     * Of those frames, how many were broadcast or multicast.
     */
    uint64_t tx_flood_frames;
    /**
     * Datagrams received.
     */
    uint64_t rx_datagrams;
    /**
     * Datagrams sent.
     */
    uint64_t tx_datagrams;
    /**
     * Frames that came in two halves.
     */
    uint64_t rx_reassembled;
    /**
     * Frames that left in two halves.
     */
    uint64_t tx_fragmented;
    /**
     * TCP connections whose segment size was lowered so that a segment fits one datagram.
     */
    uint64_t mss_clamped;
    /**
     * Times the session was taken up again.
     */
    uint64_t reconnects;
    /**
     * Everything that went no further; lanparty_session_drops tells why.
     */
    uint64_t drops;
} lanparty_stats;

/**
 * How often something was dropped for one reason. An element of a list.
 */
typedef struct lanparty_drop {
    /**
     * How often.
     */
    uint64_t count;
    /**
     * The reason, a stable word: "port_full", "flood_limit" and so on.
     */
    char reason[32];
} lanparty_drop;

/**
 * What a session knows about itself at one moment.
 */
typedef struct lanparty_diagnostics {
    /**
     * sizeof(lanparty_diagnostics), set by the caller.
     */
    uint32_t struct_size;
    /**
     * LANPARTY_FLAG_RELAY_REACHABLE, _JOINED, _IS_GATEWAY, _GATEWAY_PRESENT, _ROUTE_PINNED, _ROUTE_UNPINNED, _PAUSED,
     * _HAS_RTT, _HAS_GATEWAY_RTT, _BRIDGED, _HAS_MAC.
     */
    uint32_t flags;
    /**
     * The largest datagram that can be sent to the relay now, in bytes; 0 without a connection.
     */
    uint32_t datagram_budget;
    /**
     * Round-trip time to the relay in microseconds, if LANPARTY_FLAG_HAS_RTT is set.
     */
    uint32_t relay_rtt_us;
    /**
     * Round-trip time to the gateway through the relay in microseconds, if LANPARTY_FLAG_HAS_GATEWAY_RTT is set.
     */
    uint32_t gateway_rtt_us;
    /**
     * LANPARTY_PHASE_*.
     */
    uint32_t phase;
    /**
     * Where the relay is, as in "192.0.2.7:443"; empty without a connection.
     */
    char relay_address[64];
    /**
     * The port's name; empty without a port.
     */
    char port[64];
    /**
     * The port's first IP address, if it is an adapter of this host that has one.
     */
    char port_address[64];
    /**
     * The member's own address, if LANPARTY_FLAG_HAS_MAC is set: a client's frames must have it as their source.
     */
    uint8_t mac[6];
    /**
     * Zero.
     */
    uint8_t reserved[2];
} lanparty_diagnostics;

/**
 * A line for the user, the same as the programs print. An element of a list.
 */
typedef struct lanparty_user_line {
    /**
     * LANPARTY_LEVEL_INFO, or LANPARTY_LEVEL_WARN if somebody should do something.
     */
    uint32_t level;
    /**
     * What it says.
     */
    char text[508];
} lanparty_user_line;

/**
 * A member as the relay sees it. An element of a list.
 */
typedef struct lanparty_member {
    /**
     * Its number in the room.
     */
    uint32_t peer;
    /**
     * LANPARTY_ROLE_*.
     */
    uint32_t role;
    /**
     * LANPARTY_FLAG_HAS_MAC, LANPARTY_FLAG_PAUSED.
     */
    uint32_t flags;
    /**
     * How many malformed datagrams it sent.
     */
    uint32_t malformed;
    /**
     * Milliseconds since it joined.
     */
    uint64_t joined_ms;
    /**
     * Milliseconds since its last well-formed frame.
     */
    uint64_t last_seen_ms;
    /**
     * Datagrams it sent.
     */
    uint64_t sent_datagrams;
    /**
     * Bytes of those.
     */
    uint64_t sent_bytes;
    /**
     * Datagrams meant for it.
     */
    uint64_t received_datagrams;
    /**
     * Bytes of those.
     */
    uint64_t received_bytes;
    /**
     * How much of its sending went no further.
     */
    uint64_t drops;
    /**
     * Its address, if LANPARTY_FLAG_HAS_MAC is set.
     */
    uint8_t mac[6];
    /**
     * Zero.
     */
    uint8_t reserved[2];
    /**
     * What it is called; empty if it has no name.
     */
    char name[132];
    /**
     * The largest datagram that can be sent to it at the moment, in bytes.
     */
    uint32_t budget;
} lanparty_member;

/**
 * What a relay has done so far.
 */
typedef struct lanparty_relay_stats {
    /**
     * sizeof(lanparty_relay_stats), set by the caller.
     */
    uint32_t struct_size;
    /**
     * Zero.
     */
    uint32_t reserved;
    /**
     * Connections that are open now, members or not.
     */
    uint64_t connections;
    /**
     * Datagrams sent to members.
     */
    uint64_t sent_datagrams;
    /**
     * Bytes of those.
     */
    uint64_t sent_bytes;
    /**
     * Datagrams that did not leave: slow or vanished receivers.
     */
    uint64_t drops;
    /**
     * Strangers that had to prove their address.
     */
    uint64_t retries;
    /**
     * Strangers that were not answered because their address began too much.
     */
    uint64_t throttled;
    /**
     * Handshakes that began and did not end well.
     */
    uint64_t failed_handshakes;
    /**
     * Tasks of connections that panicked. Each took only its own connection down.
     */
    uint64_t panics;
} lanparty_relay_stats;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * LANPARTY_ABI_VERSION of the library that is loaded.
 */
uint32_t lanparty_abi_version(void);

/**
 * The version of the library that is loaded, as in "0.1.0": static, NUL-terminated.
 */
const char *lanparty_version(void);

/**
 * Panics inside on purpose, so that an embedder's tests can see what a bug in the library would look like: the answer is
 * LANPARTY_E_PANIC.
 *
 * @param session borrowed; if it is not NULL it is poisoned: every later call on it answers LANPARTY_E_PANIC, and all
 *     that can be done with it is to free it.
 * @param err out, or NULL.
 */
lanparty_status lanparty_test_panic(const struct lanparty_session *session,
                                    struct lanparty_error **err);

/**
 * A short text for any status, unknown ones included: static, never NULL.
 */
const char *lanparty_status_str(int32_t status);

/**
 * The status that the failed function answered.
 *
 * @param error borrowed; NULL gives LANPARTY_E_NULL.
 */
int32_t lanparty_error_status(const struct lanparty_error *error);

/**
 * What the failure is about, in one of a few words: `LANPARTY_KIND_*`. More may come.
 *
 * @param error borrowed; NULL gives LANPARTY_KIND_USAGE.
 */
uint32_t lanparty_error_kind(const struct lanparty_error *error);

/**
 * The operating system's number behind the failure (`errno`), or 0 if there is none.
 *
 * @param error borrowed; NULL gives 0.
 */
int32_t lanparty_error_os_error(const struct lanparty_error *error);

/**
 * What went wrong and what to do about it, for people: UTF-8, NUL-terminated.
 *
 * @param error borrowed; NULL gives an empty text.
 * @return borrowed from the error until it is freed; never NULL.
 */
const char *lanparty_error_message(const struct lanparty_error *error);

/**
 * Frees an error.
 *
 * @param error consumed; NULL does nothing.
 */
void lanparty_error_free(struct lanparty_error *error);

/**
 * How many handles of all types, errors included, exist in this process: for tests that look for leaks.
 */
uint64_t lanparty_live_handles(void);

/**
 * Has the log handed to a callback: opt-in, and for the whole process. Nothing is logged anywhere else.
 *
 * @param level the highest LANPARTY_LEVEL_* that is wanted.
 * @param callback receives the lines; NULL takes the former one away. Its last call is waited for, a second at most, unless
 *     this is called from inside it. See lanparty_log_fn.
 * @param user_data handed to both functions.
 * @param release called exactly once, when the callback has been taken away or replaced and its last call is over, also if
 *     this function fails; may be NULL.
 * @param err out, or NULL: LANPARTY_E_LOGGER if the program is written in Rust and has a tracing subscriber of its own.
 */
lanparty_status lanparty_log_set_callback(uint32_t level,
                                          lanparty_log_fn callback,
                                          void *user_data,
                                          lanparty_release_fn release,
                                          struct lanparty_error **err);

/**
 * Makes a new identity: a random address and a random secret. Kept nowhere.
 *
 * @param identity out: freed with lanparty_identity_free.
 * @param err out, or NULL.
 */
lanparty_status lanparty_identity_generate(struct lanparty_identity **identity, struct lanparty_error **err);

/**
 * Reads the identity from a file, or makes one and writes it there (mode 0600, folders included) if there is no such file,
 * so that a player is the same at every party. A file that cannot be used is never replaced.
 *
 * @param path borrowed: the file.
 * @param path_len its length in bytes, or LANPARTY_NUL_TERMINATED.
 * @param identity out: freed with lanparty_identity_free.
 * @param err out, or NULL: LANPARTY_E_IDENTITY_FILE names the file and what to do.
 */
lanparty_status lanparty_identity_load_or_create(const char *path,
                                                 size_t path_len,
                                                 struct lanparty_identity **identity,
                                                 struct lanparty_error **err);

/**
 * The same secret with another address, for one run.
 *
 * @param identity borrowed.
 * @param mac borrowed: 6 bytes, unicast and locally administered.
 * @param changed out: another identity, freed with lanparty_identity_free.
 * @param err out, or NULL.
 */
lanparty_status lanparty_identity_with_mac(const struct lanparty_identity *identity,
                                           const uint8_t *mac,
                                           struct lanparty_identity **changed,
                                           struct lanparty_error **err);

/**
 * The address that a client with this identity has in every room.
 *
 * @param identity borrowed.
 * @param mac out: 6 bytes.
 * @param err out, or NULL.
 */
lanparty_status lanparty_identity_mac(const struct lanparty_identity *identity,
                                      uint8_t *mac,
                                      struct lanparty_error **err);

/**
 * What the user should know about the file that the identity came from, although it could be read: an empty text if
 * nothing.
 *
 * @param identity borrowed.
 * @param buf out: the text with a NUL; may be NULL if `cap` is 0.
 * @param cap how many bytes `buf` has.
 * @param needed out: how many bytes it takes, the NUL included. LANPARTY_TRUNCATED if that is more than `cap`; nothing
 *     is written to `buf` then.
 * @param err out, or NULL.
 */
lanparty_status lanparty_identity_warning(const struct lanparty_identity *identity,
                                          char *buf,
                                          size_t cap,
                                          size_t *needed,
                                          struct lanparty_error **err);

/**
 * Frees an identity. Configurations that it was given to keep their own copy.
 *
 * @param identity consumed; NULL does nothing.
 */
void lanparty_identity_free(struct lanparty_identity *identity);

/**
 * Makes a virtual port: the program itself is the port of a switch. No driver, no special rights.
 *
 * @param capacity how many frames each direction holds; 0 for 256; 65536 at most. A full queue drops what comes from the
 *     room (counted as port_full), and makes lanparty_port_send answer LANPARTY_WOULD_BLOCK.
 * @param mtu the largest payload of a frame in bytes, 1280 to 1500; 0 for 1500.
 * @param port out: freed with lanparty_port_free.
 * @param err out, or NULL.
 */
lanparty_status lanparty_port_new_virtual(uint32_t capacity,
                                          uint32_t mtu,
                                          struct lanparty_port **port,
                                          struct lanparty_error **err);

/**
 * Makes a port of a device that is written in C. What the room sends goes to its `send` function; what the program wants
 * to send goes through lanparty_port_send.
 *
 * @param sink borrowed: the functions are copied. Its `release` is called exactly once, also if this function fails,
 *     unless `sink` is NULL or its struct_size is wrong.
 * @param port out: freed with lanparty_port_free.
 * @param err out, or NULL.
 */
lanparty_status lanparty_port_new_sink(const struct lanparty_frame_sink *sink,
                                       struct lanparty_port **port,
                                       struct lanparty_error **err);

/**
 * Describes a network adapter (TAP). On Linux it is made when a session begins to use the port, and vanishes when the session
 * stops; that needs CAP_NET_ADMIN. On Windows it is an adapter of the driver TAP-Windows6, taken meanwhile by an elevated
 * process; whatever is changed of it is put back. To begin and to stop using it may then take some seconds more than a timeout
 * allows: an adapter that gets another address is restarted.
 *
 * A client's adapter gets its identity's address. The way to the relay is kept out of it by a host route, unless the session's
 * key no-route-pin says otherwise.
 *
 * @param name borrowed: on Linux the adapter's name, 15 bytes at most. On Windows the connection's name as in "Ethernet 2", or
 *     the adapter's NetCfgInstanceId as in "{6AE5C2A0-...}"; NULL, or an empty text, for the only adapter that there is.
 * @param name_len its length in bytes, or LANPARTY_NUL_TERMINATED.
 * @param address borrowed: an IP address for it with its prefix, as in "10.0.0.5/24", or NULL for none.
 * @param address_len its length in bytes, or LANPARTY_NUL_TERMINATED.
 * @param mtu the largest payload of a frame in bytes, 1280 to 1500; 0 for 1500.
 * @param port out: freed with lanparty_port_free.
 * @param err out, or NULL.
 */
lanparty_status lanparty_port_new_tap(const char *name,
                                      size_t name_len,
                                      const char *address,
                                      size_t address_len,
                                      uint32_t mtu,
                                      struct lanparty_port **port,
                                      struct lanparty_error **err);

/**
 * Describes a wired interface of this host, for a gateway: it is opened when a session begins to use the port, and let
 * alone when it stops. Needs CAP_NET_RAW at that time; Linux only.
 *
 * @param iface borrowed: the interface's name.
 * @param iface_len its length in bytes, or LANPARTY_NUL_TERMINATED.
 * @param port out: freed with lanparty_port_free.
 * @param err out, or NULL.
 */
lanparty_status lanparty_port_new_af_packet(const char *iface,
                                            size_t iface_len,
                                            struct lanparty_port **port,
                                            struct lanparty_error **err);

/**
 * Sends frames into the room, through a virtual port or beside a sink. Never waits: what has no room in the queue stays
 * with the caller.
 *
 * Taken is not delivered. Frames that are sent before the member is in its room are dropped (not_joined), and so are a
 * client's frames whose source is not its own address (unauthorized_source_mac): that of its identity, see
 * lanparty_identity_mac and lanparty_diagnostics. lanparty_session_drops counts both.
 *
 * @param port borrowed.
 * @param frames borrowed: `count` Ethernet frames of 14 to 65535 bytes, from the destination address on, without check sum.
 *     They are copied.
 * @param count how many they are.
 * @param sent out: how many were taken, from the first on.
 * @param err out, or NULL.
 * @return LANPARTY_OK if all were taken, LANPARTY_WOULD_BLOCK if the queue was full before that, LANPARTY_END if the port
 *     is closed. LANPARTY_E_FRAME_LENGTH names the bad frame; none is sent then.
 */
lanparty_status lanparty_port_send(const struct lanparty_port *port,
                                   const struct lanparty_frame *frames,
                                   size_t count,
                                   size_t *sent,
                                   struct lanparty_error **err);

/**
 * Receives frames that the room has for a virtual port: as many as there are and as fit.
 *
 * @param port borrowed.
 * @param buf out: the frames, one behind the other.
 * @param buf_len how many bytes it has. 64 KiB hold any frame.
 * @param frames out: where each frame is in `buf`, and how long.
 * @param cap how many frames at most.
 * @param count out: how many there are; with LANPARTY_TRUNCATED, how many bytes the first one takes.
 * @param timeout_ms how long to wait for the first one: 0 does not wait, LANPARTY_FOREVER waits until there is one.
 * @param err out, or NULL.
 * @return LANPARTY_OK with one frame at least, LANPARTY_WOULD_BLOCK if none came in time, LANPARTY_TRUNCATED if the next
 *     frame is larger than `buf` (it stays where it is), LANPARTY_END if none will come any more.
 */
lanparty_status lanparty_port_recv(const struct lanparty_port *port,
                                   uint8_t *buf,
                                   size_t buf_len,
                                   struct lanparty_frame *frames,
                                   size_t cap,
                                   size_t *count,
                                   uint32_t timeout_ms,
                                   struct lanparty_error **err);

/**
 * What a loop of the program's own waits on: ready while lanparty_port_recv would answer at once. On Linux it is a file
 * descriptor, readable then, for poll, select, epoll and the like; on Windows the HANDLE of an event object, signalled then,
 * for WaitForMultipleObjects and the like. Now and then it is ready with nothing there; so receive with a timeout of 0. It must
 * not be read, written, set, reset or closed.
 *
 * @param port borrowed: a virtual port.
 * @param handle out: a file descriptor, or a HANDLE as a number; valid until the port is freed.
 * @param err out, or NULL.
 */
lanparty_status lanparty_port_wait_handle(const struct lanparty_port *port,
                                          int64_t *handle,
                                          struct lanparty_error **err);

/**
 * What the port is at the moment.
 *
 * @param port borrowed.
 * @param info out: its struct_size is set by the caller.
 * @param err out, or NULL.
 */
lanparty_status lanparty_port_info_get(const struct lanparty_port *port,
                                       struct lanparty_port_info *info,
                                       struct lanparty_error **err);

/**
 * Closes a port for good, in both directions, and wakes everybody who waits in lanparty_port_recv. A session that uses it
 * ends, as if a network card had been pulled out: unbridge it first if the session is to live on. A second call changes
 * nothing.
 *
 * @param port borrowed.
 * @param err out, or NULL.
 */
lanparty_status lanparty_port_close(const struct lanparty_port *port,
                                    struct lanparty_error **err);

/**
 * Frees a port. Never waits. A session that uses it, or a configuration that it was given to, keeps it alive by itself.
 *
 * @param port consumed; NULL does nothing.
 */
void lanparty_port_free(struct lanparty_port *port);

/**
 * Starts a session. Reads the files that are named in the configuration and opens its port, and does not wait for the
 * network: lanparty_session_wait_joined and the events tell how it goes.
 *
 * @param config borrowed: it may be changed, used again or freed afterwards.
 * @param session out: freed with lanparty_session_free.
 * @param err out, or NULL: LANPARTY_E_MISSING names what must be set, LANPARTY_E_PORT_IN_USE, or why the port could not be
 *     opened. Nothing half-open is left behind.
 */
lanparty_status lanparty_session_start(const struct lanparty_session_config *config,
                                       struct lanparty_session **session,
                                       struct lanparty_error **err);

/**
 * Waits until the member has been in its room once.
 *
 * @param session borrowed.
 * @param timeout_ms how long: 0 does not wait, LANPARTY_FOREVER waits until it is decided.
 * @param err out, or NULL.
 * @return LANPARTY_OK, LANPARTY_WOULD_BLOCK if it is not decided yet, or why the session ended before that:
 *     LANPARTY_E_UNREACHABLE, LANPARTY_E_CERTIFICATE_UNKNOWN, LANPARTY_E_GATEWAY_PRESENT and so on.
 */
lanparty_status lanparty_session_wait_joined(const struct lanparty_session *session,
                                             uint32_t timeout_ms,
                                             struct lanparty_error **err);

/**
 * Takes the next event. Of those that nobody takes the last 1024 are kept.
 *
 * @param session borrowed.
 * @param timeout_ms how long to wait for one: 0 does not wait, LANPARTY_FOREVER waits until there is one.
 * @param event out: its struct_size is set by the caller.
 * @param err out, or NULL.
 * @return LANPARTY_OK, LANPARTY_WOULD_BLOCK if none came in time, LANPARTY_END after LANPARTY_EVENT_ENDED was taken.
 */
lanparty_status lanparty_session_next_event(const struct lanparty_session *session,
                                            uint32_t timeout_ms,
                                            struct lanparty_event *event,
                                            struct lanparty_error **err);

/**
 * What a loop of the program's own waits on: ready while lanparty_session_next_event would answer at once. On Linux it is a
 * file descriptor, readable then, for poll, select, epoll and the like; on Windows the HANDLE of an event object, signalled
 * then, for WaitForMultipleObjects and the like. It must not be read, written, set, reset or closed.
 *
 * @param session borrowed.
 * @param handle out: a file descriptor, or a HANDLE as a number; valid until the session is freed.
 * @param err out, or NULL.
 */
lanparty_status lanparty_session_wait_handle(const struct lanparty_session *session,
                                             int64_t *handle,
                                             struct lanparty_error **err);

/**
 * How far the session has come.
 *
 * @param session borrowed.
 * @param phase out: LANPARTY_PHASE_*.
 * @param err out, or NULL.
 */
lanparty_status lanparty_session_phase(const struct lanparty_session *session,
                                       uint32_t *phase,
                                       struct lanparty_error **err);

/**
 * The room as this member sees it.
 *
 * @param session borrowed.
 * @param room out: its struct_size is set by the caller.
 * @param err out, or NULL.
 */
lanparty_status lanparty_session_room(const struct lanparty_session *session,
                                      struct lanparty_room *room,
                                      struct lanparty_error **err);

/**
 * The fellow members, by number; this one is not among them.
 *
 * @param session borrowed.
 * @param peers out: a list; may be NULL if `cap` is 0.
 * @param peer_size sizeof(lanparty_peer).
 * @param cap how many elements the list has.
 * @param count out: how many fellow members there are.
 * @param err out, or NULL.
 * @return LANPARTY_OK, or LANPARTY_TRUNCATED if there are more than `cap`: the first ones are written then.
 */
lanparty_status lanparty_session_peers(const struct lanparty_session *session,
                                       struct lanparty_peer *peers,
                                       size_t peer_size,
                                       size_t cap,
                                       size_t *count,
                                       struct lanparty_error **err);

/**
 * Connects a port with the room. It replaces the port that was there, if any, which can be used again then. An adapter of
 * this host (TAP) must be set in the configuration instead, because the way to the relay is kept out of it from the start,
 * and a gateway's interface should be, because the room learns its address then.
 *
 * @param session borrowed.
 * @param port borrowed: the session keeps it alive by itself.
 * @param timeout_ms how long to wait until it is done, which is soon; it is done in any case.
 * @param err out, or NULL: LANPARTY_E_PORT_IN_USE, LANPARTY_E_MTU if the port carries smaller frames than the session has
 *     promised, LANPARTY_E_WRONG_PORT for an adapter that was not set from the start, LANPARTY_E_CLOSED,
 *     LANPARTY_E_SESSION_OVER, or why the port could not be opened. Nothing has changed then; but if the session ends at
 *     that very moment, the port ends with it.
 */
lanparty_status lanparty_session_bridge(const struct lanparty_session *session,
                                        const struct lanparty_port *port,
                                        uint32_t timeout_ms,
                                        struct lanparty_error **err);

/**
 * Takes the port away, which can be used again then. Nothing happens if there is none.
 *
 * @param session borrowed.
 * @param timeout_ms how long to wait until it is done, which is soon; it is done in any case.
 * @param err out, or NULL.
 */
lanparty_status lanparty_session_unbridge(const struct lanparty_session *session,
                                          uint32_t timeout_ms,
                                          struct lanparty_error **err);

/**
 * Stops or resumes the data plane while the session stays up: frames are dropped on both sides, and counted. The others see
 * it.
 *
 * @param session borrowed.
 * @param paused 1 or 0.
 * @param err out, or NULL.
 */
lanparty_status lanparty_session_set_paused(const struct lanparty_session *session,
                                            uint8_t paused,
                                            struct lanparty_error **err);

/**
 * What has been moved so far.
 *
 * @param session borrowed.
 * @param stats out: its struct_size is set by the caller.
 * @param err out, or NULL.
 */
lanparty_status lanparty_session_stats(const struct lanparty_session *session,
                                       struct lanparty_stats *stats,
                                       struct lanparty_error **err);

/**
 * One counter, so that a binding never needs a larger struct.
 *
 * @param session borrowed.
 * @param id LANPARTY_STAT_*.
 * @param value out.
 * @param err out, or NULL: LANPARTY_E_INVALID_ARG for a number that this version does not know.
 */
lanparty_status lanparty_session_stat(const struct lanparty_session *session,
                                      uint32_t id,
                                      uint64_t *value,
                                      struct lanparty_error **err);

/**
 * What went no further and why: the reasons that happened at least once.
 *
 * @param session borrowed.
 * @param drops out: a list; may be NULL if `cap` is 0.
 * @param drop_size sizeof(lanparty_drop).
 * @param cap how many elements the list has.
 * @param count out: how many reasons there are.
 * @param err out, or NULL.
 * @return LANPARTY_OK, or LANPARTY_TRUNCATED if there are more than `cap`: the first ones are written then.
 */
lanparty_status lanparty_session_drops(const struct lanparty_session *session,
                                       struct lanparty_drop *drops,
                                       size_t drop_size,
                                       size_t cap,
                                       size_t *count,
                                       struct lanparty_error **err);

/**
 * What the session knows about itself now.
 *
 * @param session borrowed.
 * @param diagnostics out: its struct_size is set by the caller.
 * @param err out, or NULL.
 */
lanparty_status lanparty_session_diagnostics(const struct lanparty_session *session,
                                             struct lanparty_diagnostics *diagnostics,
                                             struct lanparty_error **err);

/**
 * The same as a few lines that a player understands, as the programs print them.
 *
 * @param session borrowed.
 * @param lines out: a list; may be NULL if `cap` is 0. Ten elements are enough.
 * @param line_size sizeof(lanparty_user_line).
 * @param cap how many elements the list has.
 * @param count out: how many lines there are.
 * @param err out, or NULL.
 * @return LANPARTY_OK, or LANPARTY_TRUNCATED if there are more than `cap`: the first ones are written then.
 */
lanparty_status lanparty_session_user_lines(const struct lanparty_session *session,
                                            struct lanparty_user_line *lines,
                                            size_t line_size,
                                            size_t cap,
                                            size_t *count,
                                            struct lanparty_error **err);

/**
 * Leaves the room, and waits until the relay knows and the session's threads have ended. Everybody who waits for the session
 * is woken. The first call decides; later ones only wait. What the session knows can still be asked afterwards, and its
 * events taken.
 *
 * @param session borrowed.
 * @param text borrowed: a word for the others, 200 characters at most; NULL for none.
 * @param text_len its length in bytes, or LANPARTY_NUL_TERMINATED.
 * @param timeout_ms how long to wait; a few seconds at most are needed. 0 only begins.
 * @param err out, or NULL: LANPARTY_E_REENTRANT inside a callback.
 * @return LANPARTY_OK once everything has stopped, LANPARTY_WOULD_BLOCK if that takes longer: it goes on by itself.
 */
lanparty_status lanparty_session_close(const struct lanparty_session *session,
                                       const char *text,
                                       size_t text_len,
                                       uint32_t timeout_ms,
                                       struct lanparty_error **err);

/**
 * Frees a session. Never waits: if it was not closed, it leaves in the background.
 *
 * @param session consumed; NULL does nothing.
 */
void lanparty_session_free(struct lanparty_session *session);

/**
 * Makes a configuration.
 *
 * @param role LANPARTY_ROLE_CLIENT or LANPARTY_ROLE_GATEWAY.
 * @param relay borrowed: HOST or HOST:PORT, 443 unless given; NULL if it comes later, by the key "relay".
 * @param relay_len its length in bytes, or LANPARTY_NUL_TERMINATED.
 * @param room borrowed: the room's code, 3 to 64 letters, digits, '-' and '_'; NULL if it comes later, by the key "room".
 * @param room_len its length in bytes, or LANPARTY_NUL_TERMINATED.
 * @param config out: freed with lanparty_session_config_free.
 * @param err out, or NULL.
 */
lanparty_status lanparty_session_config_new(uint32_t role,
                                            const char *relay,
                                            size_t relay_len,
                                            const char *room,
                                            size_t room_len,
                                            struct lanparty_session_config **config,
                                            struct lanparty_error **err);

/**
 * Sets one value by its key. The keys are those of the programs' long options and configuration files: relay, room,
 * server-name, relay-ca-cert (a file), name, agent, mtu, retry, identity (a file), workers, no-route-pin, idle-timeout,
 * keep-alive, limit-outbox-bytes and so on; docs/abi.md lists them all with their defaults.
 *
 * @param config borrowed; unchanged if this fails.
 * @param key borrowed.
 * @param key_len its length in bytes, or LANPARTY_NUL_TERMINATED.
 * @param value borrowed: as it would be written on a command line: 1500, true, 250ms, 256Ki.
 * @param value_len its length in bytes, or LANPARTY_NUL_TERMINATED.
 * @param err out, or NULL: LANPARTY_E_UNKNOWN_KEY names the nearest key, LANPARTY_E_BAD_VALUE what is wanted.
 */
lanparty_status lanparty_session_config_set(struct lanparty_session_config *config,
                                            const char *key,
                                            size_t key_len,
                                            const char *value,
                                            size_t value_len,
                                            struct lanparty_error **err);

/**
 * Sets any number of values from a TOML text with the keys of lanparty_session_config_set.
 *
 * @param config borrowed; unchanged if this fails.
 * @param toml borrowed.
 * @param toml_len its length in bytes, or LANPARTY_NUL_TERMINATED.
 * @param err out, or NULL: names the line.
 */
lanparty_status lanparty_session_config_load_toml(struct lanparty_session_config *config,
                                                  const char *toml,
                                                  size_t toml_len,
                                                  struct lanparty_error **err);

/**
 * Sets who the member is. Without it, and without the key "identity", every start makes a new identity.
 *
 * @param config borrowed.
 * @param identity borrowed: it is copied.
 * @param err out, or NULL.
 */
lanparty_status lanparty_session_config_set_identity(struct lanparty_session_config *config,
                                                     const struct lanparty_identity *identity,
                                                     struct lanparty_error **err);

/**
 * Sets the port that is bridged from the start. Without one the session sees who comes and goes, and no frames;
 * lanparty_session_bridge can bring one later.
 *
 * @param config borrowed.
 * @param port borrowed: the configuration keeps it alive by itself.
 * @param err out, or NULL.
 */
lanparty_status lanparty_session_config_set_port(struct lanparty_session_config *config,
                                                 const struct lanparty_port *port,
                                                 struct lanparty_error **err);

/**
 * Trusts these certificates and nothing else: the relay's own, or the authority's that signed it. Without it the key
 * "relay-ca-cert" counts, which names a file that is read at the start, and without that what the system trusts. The name in
 * the relay's certificate must be its host's, or that of the key "server-name".
 *
 * @param config borrowed; unchanged if this fails.
 * @param certificates borrowed: one certificate in DER, or any number in PEM. Copied.
 * @param len how many bytes.
 * @param err out, or NULL: LANPARTY_E_CERTIFICATE_FILE if there is no usable one.
 */
lanparty_status lanparty_session_config_trust_certificates(struct lanparty_session_config *config,
                                                           const uint8_t *certificates,
                                                           size_t len,
                                                           struct lanparty_error **err);

/**
 * Trusts anybody. Whoever sits between the member and the relay can then read and change everything: for tests only.
 *
 * @param config borrowed.
 * @param err out, or NULL.
 */
lanparty_status lanparty_session_config_dangerous_accept_any(struct lanparty_session_config *config,
                                                             struct lanparty_error **err);

/**
 * Frees a configuration. Sessions that were started from it live on.
 *
 * @param config consumed; NULL does nothing.
 */
void lanparty_session_config_free(struct lanparty_session_config *config);

/**
 * Opens the socket and serves it.
 *
 * @param config borrowed: it may be changed, used again or freed afterwards.
 * @param relay out: freed with lanparty_relay_free.
 * @param err out, or NULL: LANPARTY_E_ADDRESS_IN_USE, LANPARTY_E_NOT_PERMITTED, LANPARTY_E_CERTIFICATE_FILE and so on.
 */
lanparty_status lanparty_relay_bind(const struct lanparty_relay_config *config,
                                    struct lanparty_relay **relay,
                                    struct lanparty_error **err);

/**
 * Where the relay listens, as in `192.0.2.7:443` or `[2001:db8::7]:443`.
 *
 * @param relay borrowed.
 * @param buf out: the text with a NUL; may be NULL if `cap` is 0. 64 bytes are enough.
 * @param cap how many bytes `buf` has.
 * @param needed out: how many bytes it takes, the NUL included. LANPARTY_TRUNCATED if that is more than `cap`; nothing
 *     is written to `buf` then.
 * @param err out, or NULL.
 */
lanparty_status lanparty_relay_address(const struct lanparty_relay *relay,
                                       char *buf,
                                       size_t cap,
                                       size_t *needed,
                                       struct lanparty_error **err);

/**
 * The relay's own certificate in DER, for members to trust. A self-made one is for the name of the key dev-cert-name,
 * lanparty-relay.local unless set: members set their key server-name to it.
 *
 * @param relay borrowed.
 * @param buf out; may be NULL if `cap` is 0.
 * @param cap how many bytes `buf` has.
 * @param needed out: how many bytes it takes. LANPARTY_TRUNCATED if that is more than `cap`; nothing is written to `buf`
 *     then.
 * @param err out, or NULL.
 */
lanparty_status lanparty_relay_certificate(const struct lanparty_relay *relay,
                                           uint8_t *buf,
                                           size_t cap,
                                           size_t *needed,
                                           struct lanparty_error **err);

/**
 * Shows another certificate to whoever connects from now on, so that it can be renewed. Members that are in stay in.
 *
 * @param relay borrowed.
 * @param chain borrowed: the chain in PEM, the relay's own certificate first.
 * @param chain_len how many bytes.
 * @param key borrowed: the private key in PEM.
 * @param key_len how many bytes.
 * @param err out, or NULL: LANPARTY_E_CERTIFICATE_FILE; the former certificate stays then.
 */
lanparty_status lanparty_relay_set_certificate_pem(const struct lanparty_relay *relay,
                                                   const uint8_t *chain,
                                                   size_t chain_len,
                                                   const uint8_t *key,
                                                   size_t key_len,
                                                   struct lanparty_error **err);

/**
 * All rooms as they are now.
 *
 * @param relay borrowed.
 * @param rooms out: a list; may be NULL if `cap` is 0.
 * @param room_size sizeof(lanparty_room).
 * @param cap how many elements the list has.
 * @param count out: how many rooms there are.
 * @param err out, or NULL.
 * @return LANPARTY_OK, or LANPARTY_TRUNCATED if there are more than `cap`: the first ones are written then.
 */
lanparty_status lanparty_relay_rooms(const struct lanparty_relay *relay,
                                     struct lanparty_room *rooms,
                                     size_t room_size,
                                     size_t cap,
                                     size_t *count,
                                     struct lanparty_error **err);

/**
 * All members of a room as they are now.
 *
 * @param relay borrowed.
 * @param room borrowed: the room's code.
 * @param room_len its length in bytes, or LANPARTY_NUL_TERMINATED.
 * @param members out: a list; may be NULL if `cap` is 0.
 * @param member_size sizeof(lanparty_member).
 * @param cap how many elements the list has.
 * @param count out: how many members there are.
 * @param err out, or NULL: LANPARTY_E_NOT_FOUND if the room is not open.
 * @return LANPARTY_OK, or LANPARTY_TRUNCATED if there are more than `cap`: the first ones are written then.
 */
lanparty_status lanparty_relay_members(const struct lanparty_relay *relay,
                                       const char *room,
                                       size_t room_len,
                                       struct lanparty_member *members,
                                       size_t member_size,
                                       size_t cap,
                                       size_t *count,
                                       struct lanparty_error **err);

/**
 * Removes a member from a room. It will not come back by itself.
 *
 * @param relay borrowed.
 * @param room borrowed: the room's code.
 * @param room_len its length in bytes, or LANPARTY_NUL_TERMINATED.
 * @param peer the member's number.
 * @param text borrowed: a word for it and the others, 200 characters at most; NULL for none.
 * @param text_len its length in bytes, or LANPARTY_NUL_TERMINATED.
 * @param err out, or NULL: LANPARTY_E_NOT_FOUND if there is no such room or member.
 */
lanparty_status lanparty_relay_kick(const struct lanparty_relay *relay,
                                    const char *room,
                                    size_t room_len,
                                    uint32_t peer,
                                    const char *text,
                                    size_t text_len,
                                    struct lanparty_error **err);

/**
 * What the relay has done so far.
 *
 * @param relay borrowed.
 * @param stats out: its struct_size is set by the caller.
 * @param err out, or NULL.
 */
lanparty_status lanparty_relay_stats_get(const struct lanparty_relay *relay,
                                         struct lanparty_relay_stats *stats,
                                         struct lanparty_error **err);

/**
 * Takes the next event. Of those that nobody takes the last 1024 are kept.
 *
 * @param relay borrowed.
 * @param timeout_ms how long to wait for one: 0 does not wait, LANPARTY_FOREVER waits until there is one.
 * @param event out: its struct_size is set by the caller.
 * @param err out, or NULL.
 * @return LANPARTY_OK, LANPARTY_WOULD_BLOCK if none came in time, LANPARTY_END after LANPARTY_EVENT_ENDED was taken.
 */
lanparty_status lanparty_relay_next_event(const struct lanparty_relay *relay,
                                          uint32_t timeout_ms,
                                          struct lanparty_event *event,
                                          struct lanparty_error **err);

/**
 * What a loop of the program's own waits on: ready while lanparty_relay_next_event would answer at once. On Linux it is a
 * file descriptor, readable then, for poll, select, epoll and the like; on Windows the HANDLE of an event object, signalled
 * then, for WaitForMultipleObjects and the like. It must not be read, written, set, reset or closed.
 *
 * @param relay borrowed.
 * @param handle out: a file descriptor, or a HANDLE as a number; valid until the relay is freed.
 * @param err out, or NULL.
 */
lanparty_status lanparty_relay_wait_handle(const struct lanparty_relay *relay,
                                           int64_t *handle,
                                           struct lanparty_error **err);

/**
 * Tells every member that the relay goes away, and waits until its threads have ended. Members come back by themselves when
 * it does. The first call decides; later ones only wait.
 *
 * @param relay borrowed.
 * @param text borrowed: a word for the members, 200 characters at most; NULL for none.
 * @param text_len its length in bytes, or LANPARTY_NUL_TERMINATED.
 * @param timeout_ms how long to wait; a few seconds at most are needed. 0 only begins.
 * @param err out, or NULL: LANPARTY_E_REENTRANT inside a callback.
 * @return LANPARTY_OK once everything has stopped, LANPARTY_WOULD_BLOCK if that takes longer: it goes on by itself.
 */
lanparty_status lanparty_relay_close(const struct lanparty_relay *relay,
                                     const char *text,
                                     size_t text_len,
                                     uint32_t timeout_ms,
                                     struct lanparty_error **err);

/**
 * Frees a relay. Never waits: if it was not closed, it says goodbye in the background.
 *
 * @param relay consumed; NULL does nothing.
 */
void lanparty_relay_free(struct lanparty_relay *relay);

/**
 * Makes a configuration with all defaults: port 443 on every address, and a self-made certificate for lanparty-relay.local.
 *
 * @param config out: freed with lanparty_relay_config_free.
 * @param err out, or NULL.
 */
lanparty_status lanparty_relay_config_new(struct lanparty_relay_config **config,
                                          struct lanparty_error **err);

/**
 * Sets one value by its key. The keys are those of lanparty-relay's long options and configuration files: listen, cert, key
 * (files), dev-cert-name, dev-cert-der-out (a file), workers, max-clients-per-room, limit-client-bytes and so on;
 * docs/abi.md lists them all with their defaults.
 *
 * @param config borrowed; unchanged if this fails.
 * @param key borrowed.
 * @param key_len its length in bytes, or LANPARTY_NUL_TERMINATED.
 * @param value borrowed: as it would be written on a command line: 127.0.0.1:0, 64, 2Mi:4Mi, unlimited, 10s.
 * @param value_len its length in bytes, or LANPARTY_NUL_TERMINATED.
 * @param err out, or NULL: LANPARTY_E_UNKNOWN_KEY names the nearest key, LANPARTY_E_BAD_VALUE what is wanted.
 */
lanparty_status lanparty_relay_config_set(struct lanparty_relay_config *config,
                                          const char *key,
                                          size_t key_len,
                                          const char *value,
                                          size_t value_len,
                                          struct lanparty_error **err);

/**
 * Sets any number of values from a TOML text with the keys of lanparty_relay_config_set.
 *
 * @param config borrowed; unchanged if this fails.
 * @param toml borrowed.
 * @param toml_len its length in bytes, or LANPARTY_NUL_TERMINATED.
 * @param err out, or NULL: names the line.
 */
lanparty_status lanparty_relay_config_load_toml(struct lanparty_relay_config *config,
                                                const char *toml,
                                                size_t toml_len,
                                                struct lanparty_error **err);

/**
 * Sets the certificate from memory. Goes before all keys that name certificates.
 *
 * @param config borrowed; unchanged if this fails.
 * @param chain borrowed: the chain in PEM, the relay's own certificate first.
 * @param chain_len how many bytes.
 * @param key borrowed: the private key in PEM.
 * @param key_len how many bytes.
 * @param err out, or NULL: LANPARTY_E_CERTIFICATE_FILE.
 */
lanparty_status lanparty_relay_config_set_certificate_pem(struct lanparty_relay_config *config,
                                                          const uint8_t *chain,
                                                          size_t chain_len,
                                                          const uint8_t *key,
                                                          size_t key_len,
                                                          struct lanparty_error **err);

/**
 * Frees a configuration. Relays that were started from it live on.
 *
 * @param config consumed; NULL does nothing.
 */
void lanparty_relay_config_free(struct lanparty_relay_config *config);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* LANPARTY_H */
