/* What is not the same everywhere: Linux and the like in system_unix.c, Windows in system_windows.c. */
#ifndef SYSTEM_H
#define SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether a wait handle of the library is ready within this time. */
bool is_ready(int64_t handle, int timeout_ms);

/* Makes an empty folder and writes its path, of slashes only, which has 127 bytes at most. */
void temporary_folder(char path[128]);

/* How many threads this process has. */
size_t threads_now(void);

/* Calls `bites` unless it is called again within this time; 0 only stops it. */
void watchdog(unsigned seconds, void (*bites)(void));

/* Runs this program once more, with one argument, to its end. Gives its exit status, or -1 if it had none. */
int run_again(const char *argument);

#endif
