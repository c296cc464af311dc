/* The test driver's own types. */
#ifndef LANPARTY_TAP_TEST_DRIVER_H
#define LANPARTY_TAP_TEST_DRIVER_H

#include <ntddk.h>

#include "control.h"

#define TAG 0x5450414cu /* "LAPT" */
#define ETHERNET_HEADER 14
#define ETHERNET_MIN 60

/* A frame that waits for a read. */
struct frame {
    LIST_ENTRY entry;
    ULONG len;
    UCHAR bytes[];
};

/* One end of the wire: reads that wait for frames, or frames that wait for reads; never both. */
struct end {
    LIST_ENTRY reads;
    LIST_ENTRY frames;
    ULONG read_count;
    ULONG read_max;
    ULONG frame_count;
    ULONG frame_max;
    ULONG frame_bytes;
    ULONG limit;
    ULONG64 read;
    ULONG64 dropped;
    ULONG64 cancelled;
};

enum role { ROLE_CONTROL, ROLE_TAP, ROLE_WIRE };

struct adapter {
    LIST_ENTRY entry;
    KSPIN_LOCK lock;
    DEVICE_OBJECT *tap_device;
    DEVICE_OBJECT *wire_device;
    WCHAR tap_name[64], tap_link[80];
    WCHAR wire_name[64], wire_link[80];
    struct tap_test_add config;
    struct end to_program;
    struct end to_wire;
    FILE_OBJECT *file; /* of the one program that has it open */
    FILE_OBJECT *wire_file;
    BOOLEAN plugged;
    BOOLEAN media;
    BOOLEAN asleep;
    BOOLEAN reload_at_open;
    BOOLEAN cancel_on_disconnect;
    NTSTATUS yank_status;
    UCHAR mac[6];
    ULONG opens;
    ULONG64 to_nobody;
    ULONG64 refused;
    ULONG64 too_short;
};

/* What each device object carries. */
struct extension {
    enum role role;
    struct adapter *adapter;
};

/* end.c; the adapter's lock is held, except for end_init */
void end_init(struct end *end, ULONG limit);
NTSTATUS end_read(struct end *end, KSPIN_LOCK *lock, IRP *irp);
BOOLEAN end_deliver(struct end *end, const UCHAR *bytes, ULONG len);
void end_flush(struct end *end, NTSTATUS status);

/* adapter.c */
NTSTATUS adapter_add(DRIVER_OBJECT *driver, const struct tap_test_add *config, struct adapter **made);
void adapter_delete(struct adapter *adapter);
NTSTATUS adapter_set(struct adapter *adapter, ULONG what, ULONG value);
void adapter_status(struct adapter *adapter, struct tap_test_status *status);

/* tap.c and wire.c; each completes its IRP or keeps it */
NTSTATUS tap_dispatch(struct adapter *adapter, IRP *irp);
NTSTATUS wire_dispatch(struct adapter *adapter, IRP *irp);

NTSTATUS complete(IRP *irp, NTSTATUS status, ULONG_PTR information);
void load_mac(struct adapter *adapter);

#endif
