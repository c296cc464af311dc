/* The computer that the library plays: read from its file at each call, and written back after each change. */
#ifndef STATE_H
#define STATE_H

#define _WIN32_WINNT 0x0A00
#define WIN32_LEAN_AND_MEAN
#include <winsock2.h>
#include <ws2tcpip.h>
#include <ws2ipdef.h>
#include <iphlpapi.h>
#include <netioapi.h>

/* The headers make a keyword of it. */
#undef interface

#define MAX_LINES 512
#define MAX_LINE 256

enum kind { GONE, OTHER, INTERFACE, IP, ROUTE, ADDRESS, FAIL, KILL };

struct line {
    enum kind kind;
    char text[MAX_LINE];        /* of OTHER, INTERFACE and FAIL: the line itself */
    ULONG64 luid;
    ULONG index;                /* INTERFACE */
    GUID guid;                  /* INTERFACE */
    char alias[MAX_LINE];       /* INTERFACE */
    int family;                 /* IP, ROUTE, ADDRESS */
    int connected, ignore;      /* IP */
    ULONG automatic, metric;    /* IP, ROUTE; AUTOMATIC if there is none of its own */
    ULONG mtu;                  /* IP */
    SOCKADDR_INET prefix, hop;  /* ROUTE, ADDRESS */
    ULONG prefix_len;           /* ROUTE, ADDRESS */
    char call[MAX_LINE];        /* FAIL */
    ULONG code;                 /* FAIL; KILL: how many changes are still made */
};

#define AUTOMATIC 0xffffffff

struct state {
    struct line lines[MAX_LINES];
    int count;
};

/* Locks the computer and reads it. NULL if there is none; the other functions answer ERROR_NOT_SUPPORTED then. */
struct state *state_open(void);
/* What `call` shall answer; 0 if it shall do its work. */
ULONG state_fault(struct state *state, const char *call);

/* One of these unlocks it. The first leaves it, and returns `result`. */
ULONG state_end(struct state *state, ULONG result);
/* This one writes `line` back, with `what` was done to it in the log. One that is deleted goes. */
ULONG state_changed(struct state *state, const char *what, struct line *line);
/* This one logs that a change was refused. */
ULONG state_refused(struct state *state, const char *call, ULONG fault);

struct line *state_add(struct state *state, enum kind kind);
struct line *find_interface(struct state *state, ULONG64 luid);
struct line *find_index(struct state *state, ULONG index);
struct line *find_ip(struct state *state, ULONG64 luid, int family);
ULONG metric_of(const struct line *ip);

/* The LUID that a row of the caller's names, by LUID or by index. */
ULONG64 luid_of(struct state *state, const NET_LUID *luid, ULONG index);
int same_address(const SOCKADDR_INET *a, const SOCKADDR_INET *b);
/* Whether the first `len` bits are the same. */
int same_prefix(const SOCKADDR_INET *a, const SOCKADDR_INET *b, ULONG len);
void *table_alloc(SIZE_T size);

/* Describes a line as it stands in the file. */
void line_text(const struct line *line, char *text, size_t size);

#endif
