#include "scenario.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static const struct {
    const char *name;
    void (*run)(void);
} TABLE[] = {
#define ROW(name) {#name, scenario_##name},
    SCENARIOS(ROW)
#undef ROW
};
enum { COUNT = sizeof TABLE / sizeof TABLE[0] };

const char *program_name;
static const char *_Atomic running = "";
static const char *_Atomic last_file = "";
static atomic_int last_line;
static bool skipped;

void fail(const char *file, int line, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s:%d: %s: ", file, line, running);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    fflush(NULL);
    /* Other threads may still be inside the library: no exit handlers. */
    _Exit(1);
}

void skip(const char *why) {
    printf("skipped %s: %s\n", running, why);
    skipped = true;
}

void here(const char *file, int line) {
    last_file = file;
    last_line = line;
}

void check_int(const char *file, int line, const char *what, long long expected, long long actual) {
    here(file, line);
    if (expected != actual) fail(file, line, "%s is %lld, not %lld", what, actual, expected);
}

void check_text(const char *file, int line, const char *what, const char *expected, const char *actual) {
    here(file, line);
    if (strcmp(expected, actual) != 0) fail(file, line, "%s is \"%s\", not \"%s\"", what, actual, expected);
}

void check_part(const char *file, int line, const char *what, const char *part, const char *whole) {
    here(file, line);
    if (strstr(whole, part) == NULL) fail(file, line, "%s is \"%s\", without \"%s\"", what, whole, part);
}

void check_bytes(const char *file, int line, const char *what, const void *expected, const void *actual, size_t len) {
    here(file, line);
    const uint8_t *left = expected, *right = actual;
    for (size_t i = 0; i < len; i++)
        if (left[i] != right[i])
            fail(file, line, "%s differs at byte %zu: %02x, not %02x", what, i, right[i], left[i]);
}

void check_status(const char *file, int line, const char *call, int32_t expected, int32_t actual, const char *part,
                  lanparty_error *err) {
    const char *message = lanparty_error_message(err);
    if (actual != expected)
        fail(file, line, "%s\n  answers %d %s, not %d %s: %s", call, actual, lanparty_status_str(actual), expected,
             lanparty_status_str(expected), message);
    if ((err != NULL) != (actual < 0))
        fail(file, line, "%s\n  answers %d with%s an error object", call, actual, err == NULL ? "out" : "");
    if (err != NULL) {
        if (lanparty_error_status(err) != actual)
            fail(file, line, "%s\n  answers %d, its error says %d", call, actual, lanparty_error_status(err));
        if (message[0] == '\0') fail(file, line, "%s\n  answers %d without a word", call, actual);
        if (lanparty_error_kind(err) < LANPARTY_KIND_USAGE || lanparty_error_kind(err) > LANPARTY_KIND_INTERNAL)
            fail(file, line, "%s\n  has an error of kind %u", call, lanparty_error_kind(err));
    }
    if (part != NULL && strstr(message, part) == NULL)
        fail(file, line, "%s\n  says \"%s\", without \"%s\"", call, message, part);
    lanparty_error_free(err);
}

uint64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void breathe(void) {
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
}

bool is_slow(void) {
    return getenv("LANPARTY_SLOW") != NULL;
}

static void write_out(const char *text) {
    if (write(STDERR_FILENO, text, strlen(text)) < 0) _exit(4);
}

/* Only what a signal handler may call. */
static void hangs(void) {
    char digits[16] = {0};
    int at = (int)sizeof digits - 1;
    for (int line = last_line; line > 0 && at > 0; line /= 10) digits[--at] = (char)('0' + line % 10);
    write_out(running);
    write_out(": hangs; the last check begun is at ");
    write_out(last_file);
    write_out(":");
    write_out(digits + at);
    write_out("\n");
    _exit(3);
}

void goes_on(void) {
    watchdog(is_slow() ? 400 : 90, hangs);
}

static void run(const char *name, void (*scenario)(void)) {
    uint64_t handles = lanparty_live_handles();
    uint64_t start = now_ms();
    running = name;
    skipped = false;
    goes_on();
    scenario();
    watchdog(0, hangs);
    if (lanparty_live_handles() != handles)
        fail(__FILE__, __LINE__, "%llu handles were not freed",
             (unsigned long long)(lanparty_live_handles() - handles));
    if (!skipped) printf("ok %s (%llu ms)\n", name, (unsigned long long)(now_ms() - start));
    fflush(stdout);
}

int main(int argc, char **argv) {
    program_name = argv[0];
    if (argc == 2 && strcmp(argv[1], CHILD_THAT_EXITS) == 0) {
        watchdog(60, hangs);
        return child_that_exits();
    }
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (int i = 0; i < COUNT; i++) puts(TABLE[i].name);
        return 0;
    }
    if (lanparty_abi_version() != LANPARTY_ABI_VERSION) {
        fprintf(stderr, "the library has ABI %u, the header %d\n", lanparty_abi_version(), LANPARTY_ABI_VERSION);
        return 2;
    }
    for (int i = 0; argc == 1 && i < COUNT; i++) run(TABLE[i].name, TABLE[i].run);
    for (int wanted = 1; wanted < argc; wanted++) {
        int i = 0;
        while (i < COUNT && strcmp(argv[wanted], TABLE[i].name) != 0) i++;
        if (i == COUNT) {
            fprintf(stderr, "there is no scenario %s; see --list\n", argv[wanted]);
            return 2;
        }
        run(TABLE[i].name, TABLE[i].run);
    }
    return 0;
}
