/* The wire's other end: frames as Windows' own network stack would see and send them. */
#include "driver.h"

static NTSTATUS create(struct adapter *adapter, IRP *irp)
{
    KIRQL irql;

    KeAcquireSpinLock(&adapter->lock, &irql);
    /* A second one is not refused, for the reason in tap.c, but is of no use. */
    if (!adapter->wire_file)
        adapter->wire_file = IoGetCurrentIrpStackLocation(irp)->FileObject;
    KeReleaseSpinLock(&adapter->lock, irql);
    return complete(irp, STATUS_SUCCESS, 0);
}

static NTSTATUS close(struct adapter *adapter, IRP *irp)
{
    KIRQL irql;

    KeAcquireSpinLock(&adapter->lock, &irql);
    if (adapter->wire_file == IoGetCurrentIrpStackLocation(irp)->FileObject) {
        end_flush(&adapter->to_wire, STATUS_CANCELLED);
        adapter->wire_file = NULL;
    }
    KeReleaseSpinLock(&adapter->lock, irql);
    return complete(irp, STATUS_SUCCESS, 0);
}

static NTSTATUS read(struct adapter *adapter, IRP *irp)
{
    NTSTATUS status;
    KIRQL irql;

    if (adapter->wire_file != IoGetCurrentIrpStackLocation(irp)->FileObject)
        return complete(irp, STATUS_SHARING_VIOLATION, 0);
    KeAcquireSpinLock(&adapter->lock, &irql);
    status = end_read(&adapter->to_wire, &adapter->lock, irp);
    KeReleaseSpinLock(&adapter->lock, irql);
    return status;
}

/* Succeeds whatever becomes of the frame: so does sending on an interface without carrier. */
static NTSTATUS write(struct adapter *adapter, IRP *irp)
{
    ULONG len = IoGetCurrentIrpStackLocation(irp)->Parameters.Write.Length;
    KIRQL irql;

    if (len < ETHERNET_HEADER)
        return complete(irp, STATUS_BUFFER_TOO_SMALL, 0);
    KeAcquireSpinLock(&adapter->lock, &irql);
    if (adapter->plugged && adapter->file && adapter->media && !adapter->asleep)
        (void)end_deliver(&adapter->to_program, irp->AssociatedIrp.SystemBuffer, len);
    else
        adapter->to_nobody++;
    KeReleaseSpinLock(&adapter->lock, irql);
    return complete(irp, STATUS_SUCCESS, len);
}

NTSTATUS wire_dispatch(struct adapter *adapter, IRP *irp)
{
    switch (IoGetCurrentIrpStackLocation(irp)->MajorFunction) {
    case IRP_MJ_CREATE:
        return create(adapter, irp);
    case IRP_MJ_CLEANUP:
    case IRP_MJ_CLOSE:
        return close(adapter, irp);
    case IRP_MJ_READ:
        return read(adapter, irp);
    case IRP_MJ_WRITE:
        return write(adapter, irp);
    default:
        return complete(irp, STATUS_INVALID_DEVICE_REQUEST, 0);
    }
}
