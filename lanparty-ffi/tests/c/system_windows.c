#include "scenario.h"
#include "system.h"

#include <stdio.h>
#include <windows.h>

#include <tlhelp32.h>

bool is_ready(int64_t handle, int timeout_ms) {
    DWORD waited = WaitForSingleObject((HANDLE)(intptr_t)handle, (DWORD)timeout_ms);
    CHECK(waited == WAIT_OBJECT_0 || waited == WAIT_TIMEOUT);
    return waited == WAIT_OBJECT_0;
}

void temporary_folder(char path[128]) {
    static unsigned made;
    char folder[96];
    DWORD len = GetTempPathA(sizeof folder, folder);
    CHECK(len > 0 && len < sizeof folder);
    snprintf(path, 128, "%slanparty-%lx-%u", folder, GetCurrentProcessId(), made++);
    for (char *at = path; *at != '\0'; at++)
        if (*at == '\\') *at = '/';
    CHECK(CreateDirectoryA(path, NULL));
}

size_t threads_now(void) {
    HANDLE snapshot = CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0);
    CHECK(snapshot != INVALID_HANDLE_VALUE);
    size_t count = 0;
    THREADENTRY32 entry = {.dwSize = sizeof entry};
    for (BOOL more = Thread32First(snapshot, &entry); more; more = Thread32Next(snapshot, &entry))
        if (entry.th32OwnerProcessID == GetCurrentProcessId()) count++;
    CloseHandle(snapshot);
    CHECK(count > 0);
    return count;
}

/* One thread for all, made with the first call, so that it is counted before and after. */
static struct {
    HANDLE changed;
    CRITICAL_SECTION lock;
    ULONGLONG at; /* 0 while it sleeps */
    void (*bites)(void);
} dog;

static DWORD WINAPI watch(void *argument) {
    (void)argument;
    for (;;) {
        EnterCriticalSection(&dog.lock);
        ULONGLONG at = dog.at, now = GetTickCount64();
        void (*bites)(void) = dog.bites;
        LeaveCriticalSection(&dog.lock);
        if (at != 0 && now >= at) bites();
        WaitForSingleObject(dog.changed, at == 0 ? INFINITE : (DWORD)(at > now ? at - now : 0));
    }
    return 0;
}

void watchdog(unsigned seconds, void (*bites)(void)) {
    if (dog.changed == NULL) {
        InitializeCriticalSection(&dog.lock);
        dog.changed = CreateEventW(NULL, FALSE, FALSE, NULL);
        HANDLE thread = CreateThread(NULL, 0, watch, NULL, 0, NULL);
        CHECK(dog.changed != NULL && thread != NULL);
        CloseHandle(thread);
    }
    EnterCriticalSection(&dog.lock);
    dog.at = seconds == 0 ? 0 : GetTickCount64() + 1000ULL * seconds;
    dog.bites = bites;
    LeaveCriticalSection(&dog.lock);
    SetEvent(dog.changed);
}

int run_again(const char *argument) {
    char program[MAX_PATH], line[MAX_PATH + 64];
    DWORD len = GetModuleFileNameA(NULL, program, sizeof program);
    CHECK(len > 0 && len < sizeof program);
    snprintf(line, sizeof line, "\"%s\" %s", program, argument);
    fflush(NULL);
    STARTUPINFOA startup = {.cb = sizeof startup};
    PROCESS_INFORMATION child;
    CHECK(CreateProcessA(program, line, NULL, NULL, TRUE, 0, NULL, NULL, &startup, &child));
    DWORD status = 0;
    CHECK(WaitForSingleObject(child.hProcess, 2 * PATIENCE_MS) == WAIT_OBJECT_0);
    CHECK(GetExitCodeProcess(child.hProcess, &status));
    CloseHandle(child.hThread);
    CloseHandle(child.hProcess);
    return (int)status;
}
