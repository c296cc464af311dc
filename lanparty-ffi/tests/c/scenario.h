/*
 * The harness of the scenarios: who they are, how they check, and what ends one that hangs.
 *
 * A failed check prints where and what, and ends the program; the exit status is the verdict.
 */
#ifndef SCENARIO_H
#define SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lanparty.h"
#include "system.h"

#ifdef ONLY_ADAPTERS
/* Those of adapter_windows.c. */
#define SCENARIOS(X)                                                                                                   \
    X(no_adapter)                                                                                                      \
    X(the_only_adapter)                                                                                                \
    X(one_of_several)
#else
/* Every scenario, in the order in which they run. The names are the same in all languages. */
#define SCENARIOS(X)                                                                                                   \
    X(host_and_join)                                                                                                   \
    X(exchange_frames)                                                                                                 \
    X(broadcast)                                                                                                       \
    X(second_gateway_refused)                                                                                          \
    X(wrong_certificate)                                                                                               \
    X(relay_killed_and_back)                                                                                           \
    X(kick)                                                                                                            \
    X(close_while_waiting)                                                                                             \
    X(double_close)                                                                                                    \
    X(use_after_close)                                                                                                 \
    X(null_everywhere)                                                                                                 \
    X(wrong_struct_size)                                                                                               \
    X(non_utf8)                                                                                                        \
    X(tiny_buffers)                                                                                                    \
    X(bad_config)                                                                                                      \
    X(panicking_callback)                                                                                              \
    X(reentrant_callback)                                                                                              \
    X(release_exactly_once)                                                                                            \
    X(bridge_again)                                                                                                    \
    X(pause)                                                                                                           \
    X(wait_handles)                                                                                                    \
    X(a_hundred_sessions)                                                                                              \
    X(two_instances)                                                                                                   \
    X(reinitialise)                                                                                                    \
    X(log_callback)                                                                                                    \
    X(fork_is_refused)                                                                                                 \
    X(exit_with_open_session)                                                                                          \
    X(diagnostics)
#endif

#define SCENARIO(name) void scenario_##name(void)

#define DECLARE_SCENARIO(name) SCENARIO(name);
SCENARIOS(DECLARE_SCENARIO)

/* What `printf` understands is a matter of the C library. */
#ifdef __MINGW32__
#define PRINTF gnu_printf
#else
#define PRINTF printf
#endif

/* How long anything may take that must happen. Generous, since only a failure waits for it. */
#define PATIENCE_MS 30000

/* Prints and ends the program with status 1. */
_Noreturn void fail(const char *file, int line, const char *format, ...) __attribute__((format(PRINTF, 3, 4)));

/* Prints why the scenario that runs cannot be told on this system; it must end then. */
void skip(const char *why);

/* Remembers where the scenario is, for the watchdog. */
void here(const char *file, int line);

/* Gives a scenario of many equal steps the watchdog's time anew: what is slow does not hang. */
void goes_on(void);

void check_int(const char *file, int line, const char *what, long long expected, long long actual);
void check_text(const char *file, int line, const char *what, const char *expected, const char *actual);
void check_part(const char *file, int line, const char *what, const char *part, const char *whole);
void check_bytes(const char *file, int line, const char *what, const void *expected, const void *actual, size_t len);

/* Checks a status and the error that came with it, which it frees: there is one if and only if the status is negative,
 * and its words contain `part` unless that is NULL. */
void check_status(const char *file, int line, const char *call, int32_t expected, int32_t actual, const char *part,
                  lanparty_error *err);

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        here(__FILE__, __LINE__);                                                                                      \
        if (!(condition)) fail(__FILE__, __LINE__, "%s", #condition);                                                  \
    } while (0)
#define CHECK_INT(expected, actual) check_int(__FILE__, __LINE__, #actual, (long long)(expected), (long long)(actual))
#define CHECK_TEXT(expected, actual) check_text(__FILE__, __LINE__, #actual, expected, actual)
#define CHECK_PART(part, whole) check_part(__FILE__, __LINE__, #whole, part, whole)
#define CHECK_BYTES(expected, actual, len) check_bytes(__FILE__, __LINE__, #actual, expected, actual, len)

/* Calls that take `&err` as their last argument: STATUS(LANPARTY_END, lanparty_port_recv(..., &err)). */
#define STATUS(expected, call) STATUS_SAYS(expected, NULL, call)
#define STATUS_SAYS(expected, part, call)                                                                              \
    do {                                                                                                               \
        lanparty_error *err = NULL;                                                                                    \
        here(__FILE__, __LINE__);                                                                                      \
        int32_t status_ = (call);                                                                                      \
        check_status(__FILE__, __LINE__, #call, expected, status_, part, err);                                         \
    } while (0)
#define OK(call) STATUS(LANPARTY_OK, call)

/* For what no event announces: looks again and again, for as long as PATIENCE_MS. */
#define WAIT_UNTIL(condition)                                                                                          \
    do {                                                                                                               \
        here(__FILE__, __LINE__);                                                                                      \
        for (uint64_t deadline_ = now_ms() + PATIENCE_MS; !(condition); breathe())                                     \
            if (now_ms() > deadline_) fail(__FILE__, __LINE__, "never came true: %s", #condition);                     \
    } while (0)

uint64_t now_ms(void);
void breathe(void);

/* True where the program runs many times slower, so that a scenario may do the same with fewer. */
bool is_slow(void);

/* How this program was started. */
extern const char *program_name;

/* What the program does instead of running scenarios when it is started as a child of exit_with_open_session. */
int child_that_exits(void);
#define CHILD_THAT_EXITS "--child-that-exits"

#endif
