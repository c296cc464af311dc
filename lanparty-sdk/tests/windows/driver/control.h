/*
 * What tests say to the test driver, in the terms of both sides.
 *
 * The driver has a control device, \\.\Global\LanpartyTapTest. Each of its adapters has two devices more:
 *   \\.\Global\{GUID}.tap    as TAP-Windows6 offers it, for the program under test
 *   \\.\Global\{GUID}.wire   the wire's other end: what Windows' own network stack is on a real machine. A frame
 *                            written to the one is read from the other.
 */
#ifndef LANPARTY_TAP_TEST_CONTROL_H
#define LANPARTY_TAP_TEST_CONTROL_H

#include <stdint.h>

#define TAP_TEST_DEVICE L"\\\\.\\Global\\LanpartyTapTest"
#define TAP_TEST_CODE(n) (0x22u << 16 | (0x800u + (n)) << 2)

/* In: tap_test_add. Makes an adapter. */
#define TAP_TEST_ADD TAP_TEST_CODE(1)
/* In: tap_test_set with only the name. Takes an adapter away; nothing may have it open. */
#define TAP_TEST_REMOVE TAP_TEST_CODE(2)
/* In: tap_test_set. */
#define TAP_TEST_SET TAP_TEST_CODE(3)
/* In: tap_test_set with only the name. Out: tap_test_status. */
#define TAP_TEST_STATUS TAP_TEST_CODE(4)

#define TAP_TEST_GUID_LEN 38 /* with its braces */

struct tap_test_add {
    uint16_t guid[TAP_TEST_GUID_LEN + 1];
    /* The adapter's class key, below HKLM, where NetworkAddress stands if anybody wrote one. */
    uint16_t class_key[160];
    uint8_t permanent_mac[6];
    uint32_t version[3];
    uint32_t mtu;
    uint32_t disabled;         /* no .tap device until TAP_TEST_PLUGGED is set */
    uint32_t always_connected; /* what MediaStatus = "1" makes of the driver */
};

enum tap_test_what {
    /* 0: as if the adapter had been removed or disabled: its name goes, what is pending ends with the yank status, and
     * an open handle is of no use any more. 1: it is back, started anew, with the MAC that the registry says. */
    TAP_TEST_PLUGGED = 1,
    /* The NTSTATUS that a yanked adapter answers with. STATUS_CANCELLED is what TAP-Windows6 gives. */
    TAP_TEST_YANK_STATUS,
    /* 1: the machine sleeps: reads and writes are cancelled at once. Those that wait go on waiting, as with the real
     * driver. */
    TAP_TEST_ASLEEP,
    /* 1: the registry's MAC is taken at each open, not only at a start of the adapter. */
    TAP_TEST_RELOAD_AT_OPEN,
    /* How many frames wait for a read of the program before more are dropped. 0: none is dropped up to 4 MiB. */
    TAP_TEST_QUEUE_FRAMES,
    TAP_TEST_MTU,
    TAP_TEST_VERSION_MAJOR,
    TAP_TEST_VERSION_MINOR,
    /* The first two and the last four bytes, most significant first. */
    TAP_TEST_MAC_HIGH,
    TAP_TEST_MAC_LOW,
    /* 1: setting the media status to disconnected ends waiting reads too. The real driver leaves them waiting. */
    TAP_TEST_CANCEL_ON_DISCONNECT,
};

struct tap_test_set {
    uint16_t guid[TAP_TEST_GUID_LEN + 1];
    uint16_t padding;
    uint32_t what;
    uint32_t value;
};

struct tap_test_status {
    uint32_t plugged;
    uint32_t open;
    uint32_t media;
    uint32_t asleep;
    uint8_t mac[6];
    uint16_t padding;
    uint32_t version[3];
    uint32_t mtu;
    uint32_t opens; /* so far */
    uint32_t reads_waiting;
    uint32_t reads_waiting_max;
    uint32_t frames_queued_max;
    uint32_t padding2;
    uint64_t to_program;         /* frames that the program has read */
    uint64_t to_program_dropped; /* the queue was full, or the program's buffer too small */
    uint64_t to_nobody;          /* frames from the wire while nobody could read them */
    uint64_t from_program;       /* frames that the program wrote and the wire's end took or queued */
    uint64_t from_program_dropped;
    uint64_t refused;   /* reads and writes while disconnected, asleep or yanked */
    uint64_t too_short; /* writes below an Ethernet header */
    uint64_t cancelled; /* reads that the program itself cancelled */
};

#endif
