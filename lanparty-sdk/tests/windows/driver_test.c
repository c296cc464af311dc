/*
 * Shows that the test driver does what TAP-Windows6 does, as far as anything here relies on it. Adapter 90 must be
 * there, with the MAC address 021122334455, and nobody may have it open.
 */
#include <windows.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver/control.h"

#define GUID_TEXT L"{1A2B3C4D-0000-4000-8000-000000000090}"
#define TAP_CODE(n) (0x22u << 16 | (n) << 2)
#define FRAME 64
#define MANY 256
#define BOUND_MS 10000

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "%s:%d: %s (error %lu)\n", __FILE__, __LINE__, #condition, GetLastError()); \
            exit(1); \
        } \
    } while (0)

struct operation {
    OVERLAPPED overlapped;
    uint8_t bytes[2048];
};

static HANDLE tap, wire, control;

static HANDLE open_end(const wchar_t *path)
{
    return CreateFileW(path, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, FILE_FLAG_OVERLAPPED, NULL);
}

static void set(uint32_t what, uint32_t value)
{
    struct tap_test_set set = {{0}, 0, what, value};
    DWORD len;

    memcpy(set.guid, GUID_TEXT, sizeof(GUID_TEXT) - sizeof(wchar_t));
    CHECK(DeviceIoControl(control, TAP_TEST_SET, &set, sizeof(set), NULL, 0, &len, NULL));
}

static struct tap_test_status status(void)
{
    struct tap_test_set set = {{0}, 0, 0, 0};
    struct tap_test_status status;
    DWORD len;

    memcpy(set.guid, GUID_TEXT, sizeof(GUID_TEXT) - sizeof(wchar_t));
    CHECK(DeviceIoControl(control, TAP_TEST_STATUS, &set, sizeof(set), &status, sizeof(status), &len, NULL));
    return status;
}

static void start(HANDLE file, struct operation *operation, BOOL is_write, const void *bytes, DWORD len)
{
    BOOL done;

    if (!operation->overlapped.hEvent)
        operation->overlapped.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (is_write)
        memcpy(operation->bytes, bytes, len);
    done = is_write ? WriteFile(file, operation->bytes, len, NULL, &operation->overlapped)
                    : ReadFile(file, operation->bytes, len, NULL, &operation->overlapped);
    if (!done && GetLastError() != ERROR_IO_PENDING) {
        /* Failed at once: to be told by finish() all the same. */
        operation->overlapped.Offset = GetLastError();
        operation->overlapped.OffsetHigh = 1;
    } else
        operation->overlapped.OffsetHigh = 0;
}

/* The error of an operation, or 0 and its length. */
static DWORD finish(HANDLE file, struct operation *operation, DWORD *len)
{
    *len = 0;
    if (operation->overlapped.OffsetHigh) {
        operation->overlapped.OffsetHigh = 0;
        return operation->overlapped.Offset;
    }
    CHECK(WaitForSingleObject(operation->overlapped.hEvent, BOUND_MS) == WAIT_OBJECT_0);
    return GetOverlappedResult(file, &operation->overlapped, len, FALSE) ? 0 : GetLastError();
}

static DWORD put(HANDLE file, const void *bytes, DWORD len)
{
    static struct operation operation;
    DWORD written;

    start(file, &operation, TRUE, bytes, len);
    DWORD error = finish(file, &operation, &written);
    CHECK(error || written == len);
    return error;
}

static BOOL is_waiting(struct operation *operation)
{
    return !operation->overlapped.OffsetHigh && WaitForSingleObject(operation->overlapped.hEvent, 0) == WAIT_TIMEOUT;
}

static BOOL code(DWORD n, void *in, DWORD in_len, void *out, DWORD out_len, DWORD *len)
{
    static OVERLAPPED overlapped;

    if (!overlapped.hEvent)
        overlapped.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (!DeviceIoControl(tap, TAP_CODE(n), in, in_len, out, out_len, NULL, &overlapped) &&
        GetLastError() != ERROR_IO_PENDING)
        return FALSE;
    return GetOverlappedResult(tap, &overlapped, len, TRUE);
}

static void connect_media(uint32_t connected)
{
    uint32_t answer = 0;
    DWORD len;

    CHECK(code(6, &connected, 4, &answer, 4, &len) && len == 1);
    CHECK(status().media == connected);
}

static void open_tap(void)
{
    tap = open_end(L"\\\\.\\Global\\" GUID_TEXT L".tap");
    CHECK(tap != INVALID_HANDLE_VALUE);
}

static void make_frame(uint8_t *frame, uint32_t number)
{
    memset(frame, 0xa5, FRAME);
    memset(frame, 0xff, 6);
    memcpy(frame + 14, &number, 4);
}

static uint32_t number_of(const struct operation *operation)
{
    uint32_t number;

    memcpy(&number, operation->bytes + 14, 4);
    return number;
}

static void control_codes(void)
{
    uint8_t mac[6];
    uint32_t version[3], mtu;
    DWORD len;

    CHECK(code(1, NULL, 0, mac, 6, &len) && len == 6 && !memcmp(mac, "\x02\x11\x22\x33\x44\x55", 6));
    CHECK(code(2, NULL, 0, version, 12, &len) && len == 12 && version[0] == 9 && version[1] == 26);
    CHECK(code(3, NULL, 0, &mtu, 4, &len) && len == 4 && mtu == 1500);
    CHECK(!code(1, NULL, 0, mac, 5, &len) && GetLastError() == ERROR_INSUFFICIENT_BUFFER);
    CHECK(!code(99, NULL, 0, mac, 6, &len) && GetLastError() == ERROR_INVALID_FUNCTION);
    /* A second handle is of no use. */
    HANDLE first = tap;
    open_tap();
    CHECK(!code(1, NULL, 0, mac, 6, &len) && GetLastError() == ERROR_GEN_FAILURE);
    CloseHandle(tap);
    tap = first;
    CHECK(code(1, NULL, 0, mac, 6, &len));
}

static void media_state(struct operation *reads)
{
    uint8_t frame[FRAME];
    DWORD len;

    make_frame(frame, 1);
    CHECK(!status().media);
    CHECK(put(tap, frame, FRAME) == ERROR_OPERATION_ABORTED);
    start(tap, &reads[0], FALSE, NULL, 2048);
    CHECK(finish(tap, &reads[0], &len) == ERROR_OPERATION_ABORTED);
    CHECK(put(wire, frame, FRAME) == 0 && status().to_nobody == 1);
    connect_media(1);
    start(tap, &reads[0], FALSE, NULL, 2048);
    CHECK(is_waiting(&reads[0]));
    connect_media(0);
    CHECK(is_waiting(&reads[0]));
    connect_media(1);
    CHECK(CancelIoEx(tap, &reads[0].overlapped));
    CHECK(finish(tap, &reads[0], &len) == ERROR_OPERATION_ABORTED);
    CHECK(status().cancelled == 1 && status().reads_waiting == 0);
    set(TAP_TEST_ASLEEP, 1);
    CHECK(put(tap, frame, FRAME) == ERROR_OPERATION_ABORTED);
    set(TAP_TEST_ASLEEP, 0);
}

static void frames(struct operation *reads)
{
    uint8_t frame[FRAME];
    DWORD len;

    /* Reads first, then frames; both in order. */
    for (uint32_t i = 0; i < MANY; i++)
        start(tap, &reads[i], FALSE, NULL, 2048);
    CHECK(status().reads_waiting == MANY);
    for (uint32_t i = 0; i < MANY; i++) {
        make_frame(frame, i);
        CHECK(put(wire, frame, FRAME) == 0);
    }
    for (uint32_t i = 0; i < MANY; i++)
        CHECK(finish(tap, &reads[i], &len) == 0 && len == FRAME && number_of(&reads[i]) == i);
    /* Frames first: 64 wait, the others are dropped. */
    for (uint32_t i = 0; i < 80; i++) {
        make_frame(frame, i);
        CHECK(put(wire, frame, FRAME) == 0);
    }
    CHECK(status().to_program_dropped == 16);
    for (uint32_t i = 0; i < 64; i++) {
        start(tap, &reads[i], FALSE, NULL, 2048);
        CHECK(finish(tap, &reads[i], &len) == 0 && number_of(&reads[i]) == i);
    }
    start(tap, &reads[0], FALSE, NULL, 20);
    CHECK(put(wire, frame, FRAME) == 0);
    CHECK(finish(tap, &reads[0], &len) == ERROR_MORE_DATA && len == 0);
    /* The other way, written at once and read one after the other. */
    for (uint32_t i = 0; i < MANY; i++) {
        make_frame(frame, i);
        start(tap, &reads[i], TRUE, frame, FRAME);
    }
    for (uint32_t i = 0; i < MANY; i++)
        CHECK(finish(tap, &reads[i], &len) == 0);
    for (uint32_t i = 0; i < MANY; i++) {
        start(wire, &reads[i], FALSE, NULL, 2048);
        CHECK(finish(wire, &reads[i], &len) == 0 && len == FRAME && number_of(&reads[i]) == i);
    }
    /* What the driver changes and what it refuses. */
    CHECK(put(tap, frame, 13) == ERROR_INSUFFICIENT_BUFFER);
    CHECK(put(tap, frame, 14) == 0);
    start(wire, &reads[0], FALSE, NULL, 2048);
    CHECK(finish(wire, &reads[0], &len) == 0 && len == 60);
    memcpy(frame + 12, "\x81\x00\x00\x05\x08\x00", 6);
    CHECK(put(tap, frame, FRAME) == 0);
    start(wire, &reads[0], FALSE, NULL, 2048);
    CHECK(finish(wire, &reads[0], &len) == 0 && len == 60 && !memcmp(reads[0].bytes + 12, "\x08\x00", 2));
}

static void yanked(struct operation *reads)
{
    static const struct {
        uint32_t status, error;
    } ways[] = {
        {0xc0000120, ERROR_OPERATION_ABORTED},
        {0xc000000e, 433 /* ERROR_NO_SUCH_DEVICE */},
        {0xc000009d, ERROR_DEVICE_NOT_CONNECTED},
    };
    uint8_t frame[FRAME];
    DWORD len;

    make_frame(frame, 1);
    for (int way = 0; way < 3; way++) {
        set(TAP_TEST_YANK_STATUS, ways[way].status);
        start(tap, &reads[0], FALSE, NULL, 2048);
        CHECK(is_waiting(&reads[0]));
        set(TAP_TEST_PLUGGED, 0);
        CHECK(finish(tap, &reads[0], &len) == ways[way].error);
        CHECK(put(tap, frame, FRAME) == ways[way].error);
        HANDLE old = tap;
        CHECK(open_end(L"\\\\.\\Global\\" GUID_TEXT L".tap") == INVALID_HANDLE_VALUE);
        CHECK(GetLastError() == ERROR_FILE_NOT_FOUND);
        set(TAP_TEST_PLUGGED, 1);
        CHECK(put(tap, frame, FRAME) == ways[way].error);
        open_tap();
        connect_media(1);
        CloseHandle(old);
        CHECK(status().open && status().media);
    }
}

static void closing(struct operation *reads)
{
    DWORD len;

    start(tap, &reads[0], FALSE, NULL, 2048);
    CHECK(is_waiting(&reads[0]));
    CloseHandle(tap);
    CHECK(WaitForSingleObject(reads[0].overlapped.hEvent, BOUND_MS) == WAIT_OBJECT_0);
    CHECK((LONG)reads[0].overlapped.Internal == (LONG)0xc0000120);
    CHECK(!status().open && !status().media);
    open_tap();
    connect_media(1);
    start(tap, &reads[0], FALSE, NULL, 2048);
    uint8_t frame[FRAME];
    make_frame(frame, 7);
    CHECK(put(wire, frame, FRAME) == 0);
    CHECK(finish(tap, &reads[0], &len) == 0 && number_of(&reads[0]) == 7);
    CloseHandle(tap);
}

int main(void)
{
    static struct operation reads[MANY];

    control = CreateFileW(TAP_TEST_DEVICE, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
    CHECK(control != INVALID_HANDLE_VALUE);
    wire = open_end(L"\\\\.\\Global\\" GUID_TEXT L".wire");
    CHECK(wire != INVALID_HANDLE_VALUE);
    open_tap();
    control_codes();
    media_state(reads);
    frames(reads);
    yanked(reads);
    closing(reads);
    printf("the test driver does as it should\n");
    return 0;
}
