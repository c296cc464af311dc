/*
 * The device that the program under test opens. It answers as TAP-Windows6 9.26 does, as far as a client of it can
 * tell: what that driver says and does was read from its source.
 */
#include "driver.h"

#define TAP_CODE(n) (0x22u << 16 | (n) << 2)
#define GET_MAC TAP_CODE(1)
#define GET_VERSION TAP_CODE(2)
#define GET_MTU TAP_CODE(3)
#define SET_MEDIA_STATUS TAP_CODE(6)

#define VLAN_TAG 4

/* Whether a handle is of the adapter as it is now, and not of one that was yanked since. */
static BOOLEAN is_current(struct adapter *adapter, FILE_OBJECT *file)
{
    return adapter->plugged && adapter->file == file;
}

/* Wine lets an open succeed whatever the driver says. So a handle that should have been refused lives, and everything
 * on it is answered as the open should have been. */
static BOOLEAN is_refused(FILE_OBJECT *file)
{
    return file->FsContext2 != NULL;
}

/* What reads and writes are answered with when they cannot be served. */
static NTSTATUS readiness(struct adapter *adapter, FILE_OBJECT *file)
{
    if (is_refused(file))
        return STATUS_UNSUCCESSFUL;
    if (!is_current(adapter, file))
        return adapter->yank_status;
    if (!adapter->media || adapter->asleep)
        return STATUS_CANCELLED;
    return STATUS_SUCCESS;
}

static NTSTATUS create(struct adapter *adapter, IRP *irp)
{
    FILE_OBJECT *file = IoGetCurrentIrpStackLocation(irp)->FileObject;
    BOOLEAN reload = FALSE;
    KIRQL irql;

    KeAcquireSpinLock(&adapter->lock, &irql);
    if (!adapter->plugged || adapter->file) {
        file->FsContext2 = file; /* one at a time */
    } else {
        adapter->file = file;
        adapter->opens++;
        reload = adapter->reload_at_open;
    }
    KeReleaseSpinLock(&adapter->lock, irql);
    if (reload)
        load_mac(adapter);
    return complete(irp, STATUS_SUCCESS, 0);
}

static void set_media(struct adapter *adapter, BOOLEAN connected)
{
    if (adapter->config.always_connected)
        return;
    adapter->media = connected;
    if (!connected && adapter->cancel_on_disconnect)
        end_flush(&adapter->to_program, STATUS_CANCELLED);
}

static NTSTATUS close(struct adapter *adapter, IRP *irp)
{
    FILE_OBJECT *file = IoGetCurrentIrpStackLocation(irp)->FileObject;
    KIRQL irql;

    KeAcquireSpinLock(&adapter->lock, &irql);
    /* Otherwise it is a handle of before the adapter was yanked. Cleanup comes first, and only once does something. */
    if (adapter->file == file) {
        set_media(adapter, FALSE);
        end_flush(&adapter->to_program, STATUS_CANCELLED);
        adapter->file = NULL;
    }
    KeReleaseSpinLock(&adapter->lock, irql);
    return complete(irp, STATUS_SUCCESS, 0);
}

static NTSTATUS control(struct adapter *adapter, IRP *irp)
{
    IO_STACK_LOCATION *stack = IoGetCurrentIrpStackLocation(irp);
    ULONG in = stack->Parameters.DeviceIoControl.InputBufferLength;
    ULONG out = stack->Parameters.DeviceIoControl.OutputBufferLength;
    void *buffer = irp->AssociatedIrp.SystemBuffer;
    NTSTATUS status = STATUS_BUFFER_TOO_SMALL;
    ULONG_PTR information = 0;
    KIRQL irql;

    if (is_refused(stack->FileObject))
        return complete(irp, STATUS_UNSUCCESSFUL, 0);
    KeAcquireSpinLock(&adapter->lock, &irql);
    switch (stack->Parameters.DeviceIoControl.IoControlCode) {
    case GET_MAC:
        if (out >= sizeof(adapter->mac)) {
            RtlCopyMemory(buffer, adapter->mac, sizeof(adapter->mac));
            information = sizeof(adapter->mac);
            status = STATUS_SUCCESS;
        }
        break;
    case GET_VERSION:
        if (out >= sizeof(adapter->config.version)) {
            RtlCopyMemory(buffer, adapter->config.version, sizeof(adapter->config.version));
            information = sizeof(adapter->config.version);
            status = STATUS_SUCCESS;
        }
        break;
    case GET_MTU:
        if (out >= sizeof(adapter->config.mtu)) {
            RtlCopyMemory(buffer, &adapter->config.mtu, sizeof(adapter->config.mtu));
            information = sizeof(adapter->config.mtu);
            status = STATUS_SUCCESS;
        }
        break;
    case SET_MEDIA_STATUS:
        status = STATUS_INVALID_PARAMETER;
        if (in >= sizeof(ULONG)) {
            if (is_current(adapter, stack->FileObject))
                set_media(adapter, *(ULONG *)buffer != 0);
            information = out ? 1 : 0; /* a "true" of one byte */
            status = STATUS_SUCCESS;
        }
        break;
    default:
        status = STATUS_INVALID_DEVICE_REQUEST;
    }
    KeReleaseSpinLock(&adapter->lock, irql);
    return complete(irp, status, information);
}

static NTSTATUS read(struct adapter *adapter, IRP *irp)
{
    NTSTATUS status;
    KIRQL irql;

    KeAcquireSpinLock(&adapter->lock, &irql);
    status = readiness(adapter, IoGetCurrentIrpStackLocation(irp)->FileObject);
    if (NT_SUCCESS(status)) {
        status = end_read(&adapter->to_program, &adapter->lock, irp);
        KeReleaseSpinLock(&adapter->lock, irql);
        return status;
    }
    adapter->refused++;
    KeReleaseSpinLock(&adapter->lock, irql);
    return complete(irp, status, 0);
}

/* To Windows' network stack: tags are taken off, and short frames filled up. */
static void deliver(struct adapter *adapter, UCHAR *bytes, ULONG len)
{
    UCHAR padded[ETHERNET_MIN];

    if (len >= ETHERNET_HEADER + VLAN_TAG && bytes[12] == 0x81 && bytes[13] == 0x00) {
        RtlMoveMemory(bytes + VLAN_TAG, bytes, ETHERNET_HEADER - 2);
        bytes += VLAN_TAG;
        len -= VLAN_TAG;
    }
    if (len < ETHERNET_MIN) {
        RtlZeroMemory(padded, sizeof(padded));
        RtlCopyMemory(padded, bytes, len);
        bytes = padded;
        len = ETHERNET_MIN;
    }
    if (adapter->wire_file)
        (void)end_deliver(&adapter->to_wire, bytes, len);
    else
        adapter->to_wire.dropped++;
}

static NTSTATUS write(struct adapter *adapter, IRP *irp)
{
    IO_STACK_LOCATION *stack = IoGetCurrentIrpStackLocation(irp);
    ULONG len = stack->Parameters.Write.Length;
    NTSTATUS status;
    KIRQL irql;

    KeAcquireSpinLock(&adapter->lock, &irql);
    status = readiness(adapter, stack->FileObject);
    if (!NT_SUCCESS(status)) {
        adapter->refused++;
        len = 0;
    } else if (len < ETHERNET_HEADER) {
        adapter->too_short++;
        status = STATUS_BUFFER_TOO_SMALL;
        len = 0;
    } else
        deliver(adapter, irp->AssociatedIrp.SystemBuffer, len);
    KeReleaseSpinLock(&adapter->lock, irql);
    return complete(irp, status, len);
}

NTSTATUS tap_dispatch(struct adapter *adapter, IRP *irp)
{
    switch (IoGetCurrentIrpStackLocation(irp)->MajorFunction) {
    case IRP_MJ_CREATE:
        return create(adapter, irp);
    case IRP_MJ_CLEANUP:
    case IRP_MJ_CLOSE: /* not every system sends a cleanup first */
        return close(adapter, irp);
    case IRP_MJ_READ:
        return read(adapter, irp);
    case IRP_MJ_WRITE:
        return write(adapter, irp);
    case IRP_MJ_DEVICE_CONTROL:
        return control(adapter, irp);
    default:
        return complete(irp, STATUS_INVALID_DEVICE_REQUEST, 0);
    }
}
