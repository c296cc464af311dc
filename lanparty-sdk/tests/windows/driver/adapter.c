/* Adapters: how they come, go, are yanked and plugged in again. */
#include "driver.h"

/* More than any test lets wait: the wire's end reads at once. */
#define WIRE_FRAMES 4096
/* Stricter than TAP-Windows6, which keeps 4 MiB and then holds Windows back; a limit of 0 keeps as many here. */
#define PROGRAM_FRAMES 64

static void append(WCHAR *text, const WCHAR *more)
{
    while (*text)
        text++;
    while ((*text++ = *more++)) {
    }
}

static void name(WCHAR *text, const WCHAR *before, const uint16_t *guid, const WCHAR *after)
{
    text[0] = 0;
    append(text, before);
    append(text, (const WCHAR *)guid);
    append(text, after);
}

static int digit(WCHAR c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Twelve hex digits, which NDIS lets stand with dashes too. */
static BOOLEAN parse_mac(const WCHAR *text, ULONG len, UCHAR mac[6])
{
    ULONG digits = 0, i;

    for (i = 0; i < len && text[i]; i++) {
        int value = digit(text[i]);

        if (text[i] == '-')
            continue;
        if (value < 0 || digits == 12)
            return FALSE;
        mac[digits / 2] = (UCHAR)(digits % 2 ? mac[digits / 2] | value : value << 4);
        digits++;
    }
    return digits == 12 && !(mac[0] & 1);
}

/* The MAC that the adapter has from its next start on: NetworkAddress of its class key, or the one it was made with. */
void load_mac(struct adapter *adapter)
{
    union {
        KEY_VALUE_PARTIAL_INFORMATION info;
        UCHAR room[128];
    } value;
    UCHAR mac[6];
    WCHAR path[200];
    UNICODE_STRING key_name, value_name;
    OBJECT_ATTRIBUTES attributes;
    HANDLE key;
    ULONG len;
    KIRQL irql;

    RtlCopyMemory(mac, adapter->config.permanent_mac, sizeof(mac));
    name(path, L"\\Registry\\Machine\\", adapter->config.class_key, L"");
    RtlInitUnicodeString(&key_name, path);
    InitializeObjectAttributes(&attributes, &key_name, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, NULL, NULL);
    if (NT_SUCCESS(ZwOpenKey(&key, KEY_READ, &attributes))) {
        RtlInitUnicodeString(&value_name, L"NetworkAddress");
        if (NT_SUCCESS(ZwQueryValueKey(key, &value_name, KeyValuePartialInformation, &value, sizeof(value), &len)) &&
            value.info.Type == REG_SZ) {
            UCHAR parsed[6];

            if (parse_mac((const WCHAR *)value.info.Data, value.info.DataLength / sizeof(WCHAR), parsed))
                RtlCopyMemory(mac, parsed, sizeof(mac));
        }
        ZwClose(key);
    }
    KeAcquireSpinLock(&adapter->lock, &irql);
    RtlCopyMemory(adapter->mac, mac, sizeof(mac));
    KeReleaseSpinLock(&adapter->lock, irql);
}

static NTSTATUS link_device(const WCHAR *link, const WCHAR *device)
{
    UNICODE_STRING from, to;

    RtlInitUnicodeString(&from, link);
    RtlInitUnicodeString(&to, device);
    return IoCreateSymbolicLink(&from, &to);
}

static void unlink_device(const WCHAR *link)
{
    UNICODE_STRING from;

    RtlInitUnicodeString(&from, link);
    (void)IoDeleteSymbolicLink(&from);
}

static NTSTATUS make_device(DRIVER_OBJECT *driver, struct adapter *adapter, enum role role, const WCHAR *text,
                            DEVICE_OBJECT **device)
{
    struct extension *extension;
    UNICODE_STRING device_name;
    NTSTATUS status;

    RtlInitUnicodeString(&device_name, text);
    status = IoCreateDevice(driver, sizeof(*extension), &device_name, FILE_DEVICE_UNKNOWN, 0, FALSE, device);
    if (!NT_SUCCESS(status))
        return status;
    extension = (*device)->DeviceExtension;
    extension->role = role;
    extension->adapter = adapter;
    (*device)->Flags |= DO_BUFFERED_IO;
    (*device)->Flags &= ~DO_DEVICE_INITIALIZING;
    return STATUS_SUCCESS;
}

static NTSTATUS plug(struct adapter *adapter)
{
    NTSTATUS status;
    KIRQL irql;

    load_mac(adapter);
    KeAcquireSpinLock(&adapter->lock, &irql);
    /* A handle of before is one of a device that is gone: it does not keep others out. */
    adapter->file = NULL;
    adapter->media = adapter->config.always_connected != 0;
    adapter->plugged = TRUE;
    KeReleaseSpinLock(&adapter->lock, irql);
    status = link_device(adapter->tap_link, adapter->tap_name);
    if (!NT_SUCCESS(status))
        adapter->plugged = FALSE;
    return status;
}

static void yank(struct adapter *adapter)
{
    KIRQL irql;

    unlink_device(adapter->tap_link);
    KeAcquireSpinLock(&adapter->lock, &irql);
    adapter->plugged = FALSE;
    adapter->media = FALSE;
    end_flush(&adapter->to_program, adapter->yank_status);
    KeReleaseSpinLock(&adapter->lock, irql);
}

NTSTATUS adapter_add(DRIVER_OBJECT *driver, const struct tap_test_add *config, struct adapter **made)
{
    struct adapter *adapter = ExAllocatePoolWithTag(NonPagedPool, sizeof(*adapter), TAG);
    NTSTATUS status;

    if (!adapter)
        return STATUS_INSUFFICIENT_RESOURCES;
    RtlZeroMemory(adapter, sizeof(*adapter));
    KeInitializeSpinLock(&adapter->lock);
    adapter->config = *config;
    adapter->config.guid[TAP_TEST_GUID_LEN] = 0;
    adapter->config.class_key[sizeof(config->class_key) / sizeof(config->class_key[0]) - 1] = 0;
    adapter->yank_status = STATUS_CANCELLED;
    end_init(&adapter->to_program, PROGRAM_FRAMES);
    end_init(&adapter->to_wire, WIRE_FRAMES);
    name(adapter->tap_name, L"\\Device\\", config->guid, L".tap");
    name(adapter->tap_link, L"\\DosDevices\\Global\\", config->guid, L".tap");
    name(adapter->wire_name, L"\\Device\\", config->guid, L".wire");
    name(adapter->wire_link, L"\\DosDevices\\Global\\", config->guid, L".wire");
    status = make_device(driver, adapter, ROLE_TAP, adapter->tap_name, &adapter->tap_device);
    if (NT_SUCCESS(status))
        status = make_device(driver, adapter, ROLE_WIRE, adapter->wire_name, &adapter->wire_device);
    if (NT_SUCCESS(status))
        status = link_device(adapter->wire_link, adapter->wire_name);
    if (NT_SUCCESS(status) && !config->disabled)
        status = plug(adapter);
    if (!NT_SUCCESS(status)) {
        adapter_delete(adapter);
        return status;
    }
    *made = adapter;
    return STATUS_SUCCESS;
}

void adapter_delete(struct adapter *adapter)
{
    KIRQL irql;

    yank(adapter);
    unlink_device(adapter->wire_link);
    KeAcquireSpinLock(&adapter->lock, &irql);
    end_flush(&adapter->to_wire, STATUS_CANCELLED);
    KeReleaseSpinLock(&adapter->lock, irql);
    if (adapter->tap_device)
        IoDeleteDevice(adapter->tap_device);
    if (adapter->wire_device)
        IoDeleteDevice(adapter->wire_device);
    ExFreePoolWithTag(adapter, TAG);
}

NTSTATUS adapter_set(struct adapter *adapter, ULONG what, ULONG value)
{
    NTSTATUS status = STATUS_SUCCESS;
    KIRQL irql;

    if (what == TAP_TEST_PLUGGED) {
        if (value && !adapter->plugged)
            return plug(adapter);
        if (!value && adapter->plugged)
            yank(adapter);
        return STATUS_SUCCESS;
    }
    KeAcquireSpinLock(&adapter->lock, &irql);
    switch (what) {
    case TAP_TEST_YANK_STATUS:
        adapter->yank_status = (NTSTATUS)value;
        break;
    case TAP_TEST_ASLEEP:
        adapter->asleep = value != 0;
        break;
    case TAP_TEST_RELOAD_AT_OPEN:
        adapter->reload_at_open = value != 0;
        break;
    case TAP_TEST_QUEUE_FRAMES:
        adapter->to_program.limit = value;
        break;
    case TAP_TEST_MTU:
        adapter->config.mtu = value;
        break;
    case TAP_TEST_VERSION_MAJOR:
        adapter->config.version[0] = value;
        break;
    case TAP_TEST_VERSION_MINOR:
        adapter->config.version[1] = value;
        break;
    case TAP_TEST_MAC_HIGH:
        adapter->mac[0] = (UCHAR)(value >> 8);
        adapter->mac[1] = (UCHAR)value;
        break;
    case TAP_TEST_MAC_LOW:
        adapter->mac[2] = (UCHAR)(value >> 24);
        adapter->mac[3] = (UCHAR)(value >> 16);
        adapter->mac[4] = (UCHAR)(value >> 8);
        adapter->mac[5] = (UCHAR)value;
        break;
    case TAP_TEST_CANCEL_ON_DISCONNECT:
        adapter->cancel_on_disconnect = value != 0;
        break;
    default:
        status = STATUS_INVALID_PARAMETER;
    }
    KeReleaseSpinLock(&adapter->lock, irql);
    return status;
}

void adapter_status(struct adapter *adapter, struct tap_test_status *status)
{
    KIRQL irql;

    RtlZeroMemory(status, sizeof(*status));
    KeAcquireSpinLock(&adapter->lock, &irql);
    status->plugged = adapter->plugged;
    status->open = adapter->plugged && adapter->file != NULL;
    status->media = adapter->media;
    status->asleep = adapter->asleep;
    RtlCopyMemory(status->mac, adapter->mac, sizeof(status->mac));
    RtlCopyMemory(status->version, adapter->config.version, sizeof(status->version));
    status->mtu = adapter->config.mtu;
    status->opens = adapter->opens;
    status->reads_waiting = adapter->to_program.read_count;
    status->reads_waiting_max = adapter->to_program.read_max;
    status->frames_queued_max = adapter->to_program.frame_max;
    status->to_program = adapter->to_program.read;
    status->to_program_dropped = adapter->to_program.dropped;
    status->to_nobody = adapter->to_nobody;
    status->from_program = adapter->to_wire.read + adapter->to_wire.frame_count;
    status->from_program_dropped = adapter->to_wire.dropped;
    status->refused = adapter->refused;
    status->too_short = adapter->too_short;
    status->cancelled = adapter->to_program.cancelled;
    KeReleaseSpinLock(&adapter->lock, irql);
}
