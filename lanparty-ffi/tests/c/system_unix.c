#include "scenario.h"
#include "system.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

bool is_ready(int64_t handle, int timeout_ms) {
    struct pollfd fd = {.fd = (int)handle, .events = POLLIN};
    int ready = poll(&fd, 1, timeout_ms);
    CHECK(ready >= 0 && (ready == 0 || fd.revents == POLLIN));
    return ready == 1;
}

void temporary_folder(char path[128]) {
    snprintf(path, 128, "/tmp/lanparty-scenario-XXXXXX");
    CHECK(mkdtemp(path) != NULL);
}

size_t threads_now(void) {
    char line[128];
    unsigned count = 0;
    FILE *file = fopen("/proc/self/status", "r");
    CHECK(file != NULL);
    while (fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "Threads: %u", &count) == 1) break;
    fclose(file);
    CHECK(count > 0);
    return count;
}

static void (*bite)(void);

static void on_alarm(int signal_number) {
    (void)signal_number;
    bite();
}

void watchdog(unsigned seconds, void (*bites)(void)) {
    alarm(0);
    bite = bites;
    signal(SIGALRM, on_alarm);
    alarm(seconds);
}

int run_again(const char *argument) {
    fflush(NULL);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        /* Everything is in use when it ends, so nothing is a leak; and what the library has of drained buffers is
         * pointers just behind their ends, which a leak check takes for none. */
        setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
        execl(program_name, program_name, argument, (char *)NULL);
        _exit(127);
    }
    int status = 0;
    CHECK_INT(child, waitpid(child, &status, 0));
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
