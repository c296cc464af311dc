/*
 * A test driver that plays TAP-Windows6 under Wine. It is never shipped, and not meant for a real machine: whoever may
 * open its control device may do anything with its adapters.
 */
#include "driver.h"

static LIST_ENTRY adapters = {&adapters, &adapters};
/* Adapters come and go under it; what they do has locks of its own. */
static FAST_MUTEX adapters_mutex;
static DRIVER_OBJECT *the_driver;
static DEVICE_OBJECT *control_device;

NTSTATUS complete(IRP *irp, NTSTATUS status, ULONG_PTR information)
{
    irp->IoStatus.Status = status;
    irp->IoStatus.Information = information;
    IoCompleteRequest(irp, IO_NETWORK_INCREMENT);
    return status;
}

static struct adapter *find(const uint16_t *guid)
{
    LIST_ENTRY *entry;

    for (entry = adapters.Flink; entry != &adapters; entry = entry->Flink) {
        struct adapter *adapter = CONTAINING_RECORD(entry, struct adapter, entry);

        if (RtlCompareMemory(adapter->config.guid, guid, TAP_TEST_GUID_LEN * sizeof(*guid)) ==
            TAP_TEST_GUID_LEN * sizeof(*guid))
            return adapter;
    }
    return NULL;
}

static NTSTATUS add(const struct tap_test_add *config)
{
    struct adapter *adapter;
    NTSTATUS status;

    if (config->guid[TAP_TEST_GUID_LEN])
        return STATUS_INVALID_PARAMETER;
    if (find(config->guid))
        return STATUS_OBJECT_NAME_COLLISION;
    status = adapter_add(the_driver, config, &adapter);
    if (NT_SUCCESS(status))
        InsertTailList(&adapters, &adapter->entry);
    return status;
}

static NTSTATUS control(IRP *irp)
{
    IO_STACK_LOCATION *stack = IoGetCurrentIrpStackLocation(irp);
    ULONG code = stack->Parameters.DeviceIoControl.IoControlCode;
    ULONG in = stack->Parameters.DeviceIoControl.InputBufferLength;
    ULONG out = stack->Parameters.DeviceIoControl.OutputBufferLength;
    void *buffer = irp->AssociatedIrp.SystemBuffer;
    struct tap_test_set *set = buffer;
    struct adapter *adapter = NULL;
    NTSTATUS status = STATUS_SUCCESS;
    ULONG_PTR information = 0;

    if (in < (code == TAP_TEST_ADD ? sizeof(struct tap_test_add) : sizeof(*set)))
        return complete(irp, STATUS_BUFFER_TOO_SMALL, 0);
    ExAcquireFastMutex(&adapters_mutex);
    if (code != TAP_TEST_ADD && !(adapter = find(set->guid)))
        status = STATUS_NOT_FOUND;
    else
        switch (code) {
        case TAP_TEST_ADD:
            status = add(buffer);
            break;
        case TAP_TEST_REMOVE:
            if (adapter->file || adapter->wire_file) {
                status = STATUS_DEVICE_BUSY;
                break;
            }
            RemoveEntryList(&adapter->entry);
            adapter_delete(adapter);
            break;
        case TAP_TEST_SET:
            status = adapter_set(adapter, set->what, set->value);
            break;
        case TAP_TEST_STATUS:
            status = STATUS_BUFFER_TOO_SMALL;
            if (out >= sizeof(struct tap_test_status)) {
                adapter_status(adapter, buffer);
                information = sizeof(struct tap_test_status);
                status = STATUS_SUCCESS;
            }
            break;
        default:
            status = STATUS_INVALID_DEVICE_REQUEST;
        }
    ExReleaseFastMutex(&adapters_mutex);
    return complete(irp, status, information);
}

static NTSTATUS NTAPI dispatch(DEVICE_OBJECT *device, IRP *irp)
{
    struct extension *extension = device->DeviceExtension;

    switch (extension->role) {
    case ROLE_TAP:
        return tap_dispatch(extension->adapter, irp);
    case ROLE_WIRE:
        return wire_dispatch(extension->adapter, irp);
    default:
        if (IoGetCurrentIrpStackLocation(irp)->MajorFunction == IRP_MJ_DEVICE_CONTROL)
            return control(irp);
        return complete(irp, STATUS_SUCCESS, 0);
    }
}

static void NTAPI unload(DRIVER_OBJECT *driver)
{
    UNICODE_STRING link;

    UNREFERENCED_PARAMETER(driver);
    RtlInitUnicodeString(&link, L"\\DosDevices\\Global\\LanpartyTapTest");
    (void)IoDeleteSymbolicLink(&link);
    while (!IsListEmpty(&adapters))
        adapter_delete(CONTAINING_RECORD(RemoveHeadList(&adapters), struct adapter, entry));
    IoDeleteDevice(control_device);
}

NTSTATUS NTAPI DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *registry)
{
    static const UCHAR served[] = {IRP_MJ_CREATE, IRP_MJ_CLEANUP, IRP_MJ_CLOSE,
                                   IRP_MJ_READ,   IRP_MJ_WRITE,   IRP_MJ_DEVICE_CONTROL};
    struct extension *extension;
    UNICODE_STRING device, link;
    NTSTATUS status;
    ULONG i;

    UNREFERENCED_PARAMETER(registry);
    the_driver = driver;
    ExInitializeFastMutex(&adapters_mutex);
    RtlInitUnicodeString(&device, L"\\Device\\LanpartyTapTest");
    RtlInitUnicodeString(&link, L"\\DosDevices\\Global\\LanpartyTapTest");
    status = IoCreateDevice(driver, sizeof(*extension), &device, FILE_DEVICE_UNKNOWN, 0, FALSE, &control_device);
    if (!NT_SUCCESS(status))
        return status;
    extension = control_device->DeviceExtension;
    extension->role = ROLE_CONTROL;
    extension->adapter = NULL;
    status = IoCreateSymbolicLink(&link, &device);
    if (!NT_SUCCESS(status)) {
        IoDeleteDevice(control_device);
        return status;
    }
    for (i = 0; i < sizeof(served); i++)
        driver->MajorFunction[served[i]] = dispatch;
    driver->DriverUnload = unload;
    control_device->Flags |= DO_BUFFERED_IO;
    control_device->Flags &= ~DO_DEVICE_INITIALIZING;
    return STATUS_SUCCESS;
}
