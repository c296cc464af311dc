/* Reads that wait for frames, and frames that wait for reads. */
#include "driver.h"

/* Frames may wait up to this many bytes whatever the limit. */
#define MAX_BYTES (4u << 20)

void end_init(struct end *end, ULONG limit)
{
    InitializeListHead(&end->reads);
    InitializeListHead(&end->frames);
    end->limit = limit;
}

/* The I/O manager calls it with the cancel lock held, when a program ends its read or ends itself. */
static void NTAPI cancel_read(DEVICE_OBJECT *device, IRP *irp)
{
    struct end *end = irp->Tail.Overlay.DriverContext[0];
    KSPIN_LOCK *lock = irp->Tail.Overlay.DriverContext[1];
    KIRQL irql;

    UNREFERENCED_PARAMETER(device);
    IoReleaseCancelSpinLock(irp->CancelIrql);
    KeAcquireSpinLock(lock, &irql);
    /* Harmless if somebody took it out already: then it points to itself. */
    if (!IsListEmpty(&irp->Tail.Overlay.ListEntry)) {
        RemoveEntryList(&irp->Tail.Overlay.ListEntry);
        end->read_count--;
    }
    end->cancelled++;
    KeReleaseSpinLock(lock, irql);
    complete(irp, STATUS_CANCELLED, 0);
}

/* The first read that waits and that nobody cancels at this moment. */
static IRP *take_read(struct end *end)
{
    while (!IsListEmpty(&end->reads)) {
        LIST_ENTRY *entry = RemoveHeadList(&end->reads);
        IRP *irp = CONTAINING_RECORD(entry, IRP, Tail.Overlay.ListEntry);

        end->read_count--;
        if (IoSetCancelRoutine(irp, NULL))
            return irp;
        InitializeListHead(entry); /* cancel_read completes it */
    }
    return NULL;
}

/* A buffer that is too small loses the frame, as with the real driver. */
static void fill(struct end *end, IRP *irp, const UCHAR *bytes, ULONG len)
{
    ULONG room = IoGetCurrentIrpStackLocation(irp)->Parameters.Read.Length;

    if (room < len) {
        end->dropped++;
        complete(irp, STATUS_BUFFER_OVERFLOW, 0);
        return;
    }
    RtlCopyMemory(irp->AssociatedIrp.SystemBuffer, bytes, len);
    end->read++;
    complete(irp, STATUS_SUCCESS, len);
}

/* Keeps the read, or answers it with the frame that has waited longest. */
NTSTATUS end_read(struct end *end, KSPIN_LOCK *lock, IRP *irp)
{
    IoMarkIrpPending(irp);
    if (!IsListEmpty(&end->frames)) {
        struct frame *frame = CONTAINING_RECORD(RemoveHeadList(&end->frames), struct frame, entry);

        end->frame_count--;
        end->frame_bytes -= frame->len;
        fill(end, irp, frame->bytes, frame->len);
        ExFreePoolWithTag(frame, TAG);
        return STATUS_PENDING;
    }
    irp->Tail.Overlay.DriverContext[0] = end;
    irp->Tail.Overlay.DriverContext[1] = lock;
    InsertTailList(&end->reads, &irp->Tail.Overlay.ListEntry);
    if (++end->read_count > end->read_max)
        end->read_max = end->read_count;
    (void)IoSetCancelRoutine(irp, cancel_read);
    /* Cancelled before there was a routine to call: then nobody else will complete it. */
    if (irp->Cancel && IoSetCancelRoutine(irp, NULL)) {
        RemoveEntryList(&irp->Tail.Overlay.ListEntry);
        end->read_count--;
        end->cancelled++;
        complete(irp, STATUS_CANCELLED, 0);
    }
    return STATUS_PENDING;
}

/* Hands a frame to the read that has waited longest, or keeps it for the next. FALSE: dropped. The lock is held over
 * the completion, so that frames cannot overtake each other. */
BOOLEAN end_deliver(struct end *end, const UCHAR *bytes, ULONG len)
{
    struct frame *frame;
    IRP *irp = take_read(end);

    if (irp) {
        fill(end, irp, bytes, len);
        return TRUE;
    }
    if ((end->limit && end->frame_count >= end->limit) || end->frame_bytes + len > MAX_BYTES) {
        end->dropped++;
        return FALSE;
    }
    frame = ExAllocatePoolWithTag(NonPagedPool, sizeof(*frame) + len, TAG);
    if (!frame) {
        end->dropped++;
        return FALSE;
    }
    frame->len = len;
    RtlCopyMemory(frame->bytes, bytes, len);
    InsertTailList(&end->frames, &frame->entry);
    end->frame_bytes += len;
    if (++end->frame_count > end->frame_max)
        end->frame_max = end->frame_count;
    return TRUE;
}

/* Ends what waits. */
void end_flush(struct end *end, NTSTATUS status)
{
    IRP *irp;

    while ((irp = take_read(end)))
        complete(irp, status, 0);
    while (!IsListEmpty(&end->frames))
        ExFreePoolWithTag(CONTAINING_RECORD(RemoveHeadList(&end->frames), struct frame, entry), TAG);
    end->frame_count = 0;
    end->frame_bytes = 0;
}
