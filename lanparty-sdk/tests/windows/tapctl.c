/*
 * Prepares adapters for tests, and plays with them:
 *
 *   tapctl install DRIVER.sys | start | stop | uninstall
 *   tapctl add NUMBER [KEY=VALUE ...]      the registry of adapter NUMBER and, unless driver=0, its devices; prints the
 *                                          GUID
 *   tapctl remove NUMBER                   and both go
 *   tapctl status NUMBER                   what the driver knows, one KEY=VALUE a line
 *   tapctl set NUMBER KEY=VALUE ...        plugged, asleep, reload, queue, mtu, mac, version, cancel: see control.h
 *   tapctl yank NUMBER [cancelled|no-such-device|not-connected]
 *   tapctl wait NUMBER SECONDS KEY=VALUE ...   until the status says so; KEY>=VALUE too
 *   tapctl registry NUMBER                 the adapter's class key as it is now, one NAME=VALUE a line
 *   tapctl hold NUMBER                     has the adapter open until its standard input ends
 *
 * add knows: guid, name, component, description, driver-version, mac (NetworkAddress), permanent-mac, version (what the
 * device says), mtu, always-connected=1, disabled=1, driver=0.
 */
#include <windows.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

#include "driver/control.h"

#define SERVICE L"LanpartyTapTest"
/* TAP-Windows6's own request, which a handle that is of no use refuses. */
#define GET_MAC (0x22u << 16 | 1u << 2)
#define NET_CLASS L"{4D36E972-E325-11CE-BFC1-08002BE10318}"
#define CLASS_KEY L"SYSTEM\\CurrentControlSet\\Control\\Class\\" NET_CLASS
#define NETWORK_KEY L"SYSTEM\\CurrentControlSet\\Control\\Network\\" NET_CLASS
#define ENUM_KEY L"SYSTEM\\CurrentControlSet\\Enum\\ROOT\\NET"

static __attribute__((noreturn)) void fail(const char *what)
{
    fprintf(stderr, "tapctl: %s: error %lu\n", what, GetLastError());
    exit(1);
}

static __attribute__((noreturn)) void usage(const char *what)
{
    fprintf(stderr, "tapctl: %s\n", what);
    exit(2);
}

static void check(const char *what, LSTATUS status)
{
    if (status != ERROR_SUCCESS) {
        SetLastError(status);
        fail(what);
    }
}

/* --- adapters ---------------------------------------------------------------------------------------------------- */

struct adapter {
    unsigned number;
    wchar_t guid[64];
    wchar_t class_key[160];
    wchar_t network_key[200];
    wchar_t enum_key[100];
    wchar_t instance[32];
};

static void print_key(wchar_t *out, size_t size, const wchar_t *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    if (_vsnwprintf(out, size, format, arguments) < 0)
        usage("too long");
    va_end(arguments);
}

static void set_guid(struct adapter *adapter, const wchar_t *guid)
{
    if (wcslen(guid) != TAP_TEST_GUID_LEN)
        usage("a GUID has 38 characters with its braces");
    wcscpy(adapter->guid, guid);
    print_key(adapter->network_key, 200, NETWORK_KEY L"\\%ls", guid);
}

/* What is known of an adapter by its number; the GUID as the registry has it, if it does. */
static struct adapter adapter_of(const wchar_t *number)
{
    struct adapter adapter = {.number = wcstoul(number, NULL, 10)};
    wchar_t guid[64];
    DWORD size = sizeof(guid);

    print_key(adapter.class_key, 160, CLASS_KEY L"\\%04u", adapter.number);
    print_key(adapter.enum_key, 100, ENUM_KEY L"\\%04u", adapter.number);
    print_key(adapter.instance, 32, L"ROOT\\NET\\%04u", adapter.number);
    if (RegGetValueW(HKEY_LOCAL_MACHINE, adapter.class_key, L"NetCfgInstanceId", RRF_RT_REG_SZ, NULL, guid, &size) !=
        ERROR_SUCCESS)
        print_key(guid, 64, L"{1A2B3C4D-0000-4000-8000-%012u}", adapter.number);
    set_guid(&adapter, guid);
    return adapter;
}

/* --- the driver -------------------------------------------------------------------------------------------------- */

static HANDLE open_control(void)
{
    HANDLE device = CreateFileW(TAP_TEST_DEVICE, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL,
                                OPEN_EXISTING, 0, NULL);

    if (device == INVALID_HANDLE_VALUE)
        fail("the test driver");
    return device;
}

static struct tap_test_set request(const struct adapter *adapter)
{
    struct tap_test_set set = {{0}, 0, 0, 0};

    memcpy(set.guid, adapter->guid, TAP_TEST_GUID_LEN * sizeof(wchar_t));
    return set;
}

static BOOL set_value(HANDLE device, const struct adapter *adapter, uint32_t what, uint32_t value)
{
    struct tap_test_set set = request(adapter);
    DWORD len;

    set.what = what;
    set.value = value;
    return DeviceIoControl(device, TAP_TEST_SET, &set, sizeof(set), NULL, 0, &len, NULL);
}

static struct tap_test_status get_status(HANDLE device, const struct adapter *adapter)
{
    struct tap_test_set set = request(adapter);
    struct tap_test_status status;
    DWORD len;

    if (!DeviceIoControl(device, TAP_TEST_STATUS, &set, sizeof(set), &status, sizeof(status), &len, NULL))
        fail("status");
    return status;
}

static SC_HANDLE open_service(SC_HANDLE manager)
{
    SC_HANDLE service = OpenServiceW(manager, SERVICE, SERVICE_ALL_ACCESS);

    if (!service)
        fail("the service");
    return service;
}

static int driver_service(const wchar_t *command, const wchar_t *file)
{
    SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_ALL_ACCESS), service;
    SERVICE_STATUS status;
    wchar_t path[MAX_PATH];

    if (!manager)
        fail("the service manager");
    if (!wcscmp(command, L"install")) {
        if (!file || !GetFullPathNameW(file, MAX_PATH, path, NULL))
            usage("which driver?");
        if (!CreateServiceW(manager, SERVICE, SERVICE, SERVICE_ALL_ACCESS, SERVICE_KERNEL_DRIVER, SERVICE_DEMAND_START,
                            SERVICE_ERROR_NORMAL, path, NULL, NULL, NULL, NULL, NULL) &&
            GetLastError() != ERROR_SERVICE_EXISTS)
            fail("install");
    } else if (!wcscmp(command, L"start")) {
        service = open_service(manager);
        if (!StartServiceW(service, 0, NULL) && GetLastError() != ERROR_SERVICE_ALREADY_RUNNING)
            fail("start");
    } else if (!wcscmp(command, L"stop")) {
        service = open_service(manager);
        if (!ControlService(service, SERVICE_CONTROL_STOP, &status) && GetLastError() != ERROR_SERVICE_NOT_ACTIVE)
            fail("stop");
    } else {
        service = open_service(manager);
        if (!DeleteService(service))
            fail("uninstall");
    }
    return 0;
}

/* --- values ------------------------------------------------------------------------------------------------------ */

/* The value of an argument KEY=VALUE, if that is its key. */
static const wchar_t *value_of(const wchar_t *argument, const wchar_t *key)
{
    size_t len = wcslen(key);

    return !wcsncmp(argument, key, len) && argument[len] == '=' ? argument + len + 1 : NULL;
}

static const wchar_t *option(int argc, wchar_t **argv, const wchar_t *key, const wchar_t *otherwise)
{
    for (int i = 0; i < argc; i++) {
        const wchar_t *value = value_of(argv[i], key);

        if (value)
            return value;
    }
    return otherwise;
}

static BOOL is_set(int argc, wchar_t **argv, const wchar_t *key)
{
    return wcscmp(option(argc, argv, key, L"0"), L"0") != 0;
}

static void parse_version(const wchar_t *text, uint32_t version[3])
{
    version[0] = version[1] = version[2] = 0;
    for (int i = 0; i < 3 && *text; i++) {
        wchar_t *end;

        version[i] = wcstoul(text, &end, 10);
        text = *end ? end + 1 : end;
    }
}

static void parse_mac(const wchar_t *text, uint8_t mac[6])
{
    for (int i = 0; i < 6; i++) {
        wchar_t pair[3] = {text[0], text[0] ? text[1] : 0, 0};
        wchar_t *end;

        mac[i] = (uint8_t)wcstoul(pair, &end, 16);
        if (end != pair + 2)
            usage("a MAC has twelve hex digits");
        text += 2;
        if (*text == ':' || *text == '-')
            text++;
    }
    if (*text)
        usage("a MAC has twelve hex digits");
}

/* --- the registry ------------------------------------------------------------------------------------------------ */

static void put(const wchar_t *key, const wchar_t *name, DWORD type, const void *data, size_t size)
{
    check("registry", RegSetKeyValueW(HKEY_LOCAL_MACHINE, key, name, type, data, (DWORD)size));
}

static void put_text(const wchar_t *key, const wchar_t *name, const wchar_t *text)
{
    put(key, name, REG_SZ, text, (wcslen(text) + 1) * sizeof(*text));
}

static void put_number(const wchar_t *key, const wchar_t *name, DWORD number)
{
    put(key, name, REG_DWORD, &number, sizeof(number));
}

/* As the real installer leaves it, with what belongs to an interface that nobody has named yet. */
static void write_registry(const struct adapter *adapter, int argc, wchar_t **argv)
{
    const wchar_t *component = option(argc, argv, L"component", L"root\\tap0901");
    const wchar_t *description = option(argc, argv, L"description", L"TAP-Windows Adapter V9");
    const wchar_t *mac = option(argc, argv, L"mac", NULL);
    wchar_t name[64], text[300];
    int len;

    print_key(name, 64, L"Ethernet %u", adapter->number);
    put_text(adapter->class_key, L"ComponentId", component);
    put_text(adapter->class_key, L"NetCfgInstanceId", adapter->guid);
    put_text(adapter->class_key, L"DriverVersion", option(argc, argv, L"driver-version", L"9.26.0.0"));
    put_text(adapter->class_key, L"DriverDesc", description);
    put_text(adapter->class_key, L"DriverDate", L"9-27-2023");
    put_text(adapter->class_key, L"ProviderName", L"TAP-Windows Provider V9");
    put_text(adapter->class_key, L"InfSection", L"tap0901.ndi");
    put_text(adapter->class_key, L"MatchingDeviceId", component);
    put_text(adapter->class_key, L"DeviceInstanceID", adapter->instance);
    put_text(adapter->class_key, L"MTU", option(argc, argv, L"mtu", L"1500"));
    put_text(adapter->class_key, L"MediaStatus", is_set(argc, argv, L"always-connected") ? L"1" : L"0");
    put_text(adapter->class_key, L"AllowNonAdmin", L"1");
    put_number(adapter->class_key, L"Characteristics", 0x1);
    put_number(adapter->class_key, L"*IfType", 6);
    put_number(adapter->class_key, L"*MediaType", 0);
    put_number(adapter->class_key, L"*PhysicalMediaType", 0);
    if (mac)
        put_text(adapter->class_key, L"NetworkAddress", mac);
    print_key(text, 300, L"%ls\\Connection", adapter->network_key);
    put_text(text, L"Name", option(argc, argv, L"name", name));
    put_text(text, L"PnpInstanceID", adapter->instance);
    put_number(text, L"DefaultNameResourceId", 1803);
    put_text(adapter->enum_key, L"Class", L"Net");
    put_text(adapter->enum_key, L"ClassGUID", NET_CLASS);
    put_text(adapter->enum_key, L"DeviceDesc", description);
    put_text(adapter->enum_key, L"FriendlyName", description);
    put_text(adapter->enum_key, L"Service", L"tap0901");
    put_text(adapter->enum_key, L"Mfg", L"TAP-Windows Provider V9");
    len = _snwprintf(text, 300, L"%ls%lc", component, 0) + 1; /* a list of one */
    put(adapter->enum_key, L"HardwareID", REG_MULTI_SZ, text, len * sizeof(wchar_t));
    print_key(text, 300, NET_CLASS L"\\%04u", adapter->number);
    put_text(adapter->enum_key, L"Driver", text);
    put_number(adapter->enum_key, L"ConfigFlags", is_set(argc, argv, L"disabled"));
}

static int registry(const struct adapter *adapter)
{
    HKEY key;
    LSTATUS status;

    check("the class key", RegOpenKeyExW(HKEY_LOCAL_MACHINE, adapter->class_key, 0, KEY_READ, &key));
    for (DWORD i = 0;; i++) {
        wchar_t name[256];
        union {
            wchar_t text[256];
            DWORD number;
        } value = {{0}};
        DWORD name_len = 256, size = sizeof(value) - sizeof(*value.text), type;

        status = RegEnumValueW(key, i, name, &name_len, NULL, &type, (BYTE *)&value, &size);
        if (status == ERROR_NO_MORE_ITEMS)
            return 0;
        check("a value", status);
        if (type == REG_DWORD)
            printf("%ls=%lu\n", name, value.number);
        else
            printf("%ls=%ls\n", name, value.text);
    }
}

/* --- commands ---------------------------------------------------------------------------------------------------- */

static int add(struct adapter adapter, int argc, wchar_t **argv)
{
    struct tap_test_add add = {.mtu = wcstoul(option(argc, argv, L"mtu", L"1500"), NULL, 10)};
    wchar_t made_up[16];
    DWORD len;

    set_guid(&adapter, option(argc, argv, L"guid", adapter.guid));
    write_registry(&adapter, argc, argv);
    if (wcscmp(option(argc, argv, L"driver", L"1"), L"0")) {
        HANDLE device = open_control();

        memcpy(add.guid, adapter.guid, TAP_TEST_GUID_LEN * sizeof(wchar_t));
        memcpy(add.class_key, adapter.class_key, (wcslen(adapter.class_key) + 1) * sizeof(wchar_t));
        print_key(made_up, 16, L"00ff%08x", 0xab000000 + adapter.number);
        parse_mac(option(argc, argv, L"permanent-mac", made_up), add.permanent_mac);
        parse_version(option(argc, argv, L"version", L"9.26.0"), add.version);
        add.disabled = is_set(argc, argv, L"disabled");
        add.always_connected = is_set(argc, argv, L"always-connected");
        if (!DeviceIoControl(device, TAP_TEST_ADD, &add, sizeof(add), NULL, 0, &len, NULL))
            fail("add");
    }
    printf("%ls\n", adapter.guid);
    return 0;
}

static int take_away(const struct adapter *adapter)
{
    struct tap_test_set set = request(adapter);
    HANDLE device = CreateFileW(TAP_TEST_DEVICE, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
    DWORD len;

    if (device != INVALID_HANDLE_VALUE &&
        !DeviceIoControl(device, TAP_TEST_REMOVE, &set, sizeof(set), NULL, 0, &len, NULL) &&
        GetLastError() != ERROR_NOT_FOUND)
        fail("remove");
    RegDeleteTreeW(HKEY_LOCAL_MACHINE, adapter->class_key);
    RegDeleteTreeW(HKEY_LOCAL_MACHINE, adapter->network_key);
    RegDeleteTreeW(HKEY_LOCAL_MACHINE, adapter->enum_key);
    return 0;
}

static int set_all(const struct adapter *adapter, int argc, wchar_t **argv)
{
    static const struct {
        const wchar_t *key;
        uint32_t what;
    } numbers[] = {
        {L"plugged", TAP_TEST_PLUGGED},     {L"asleep", TAP_TEST_ASLEEP}, {L"reload", TAP_TEST_RELOAD_AT_OPEN},
        {L"queue", TAP_TEST_QUEUE_FRAMES},  {L"mtu", TAP_TEST_MTU},       {L"cancel", TAP_TEST_CANCEL_ON_DISCONNECT},
    };
    HANDLE device = open_control();

    for (int i = 0; i < argc; i++) {
        const wchar_t *value;
        BOOL known = FALSE, done = TRUE;

        for (size_t n = 0; n < sizeof(numbers) / sizeof(numbers[0]); n++)
            if ((value = value_of(argv[i], numbers[n].key))) {
                known = TRUE;
                done = set_value(device, adapter, numbers[n].what, wcstoul(value, NULL, 10));
            }
        if ((value = value_of(argv[i], L"version"))) {
            uint32_t version[3];

            parse_version(value, version);
            known = TRUE;
            done = set_value(device, adapter, TAP_TEST_VERSION_MAJOR, version[0]) &&
                   set_value(device, adapter, TAP_TEST_VERSION_MINOR, version[1]);
        } else if ((value = value_of(argv[i], L"mac"))) {
            uint8_t mac[6];
            uint32_t low;

            parse_mac(value, mac);
            low = (uint32_t)mac[2] << 24 | mac[3] << 16 | mac[4] << 8 | mac[5];
            known = TRUE;
            done = set_value(device, adapter, TAP_TEST_MAC_HIGH, mac[0] << 8 | mac[1]) &&
                   set_value(device, adapter, TAP_TEST_MAC_LOW, low);
        }
        if (!known)
            usage("what to set?");
        if (!done)
            fail("set");
    }
    return 0;
}

static int yank(const struct adapter *adapter, const wchar_t *how)
{
    HANDLE device = open_control();
    uint32_t status = 0xc0000120; /* STATUS_CANCELLED */

    if (!wcscmp(how, L"no-such-device"))
        status = 0xc000000e; /* STATUS_NO_SUCH_DEVICE */
    else if (!wcscmp(how, L"not-connected"))
        status = 0xc000009d; /* STATUS_DEVICE_NOT_CONNECTED */
    else if (wcscmp(how, L"cancelled"))
        usage("how to yank?");
    if (!set_value(device, adapter, TAP_TEST_YANK_STATUS, status) || !set_value(device, adapter, TAP_TEST_PLUGGED, 0))
        fail("yank");
    return 0;
}

/* Calls back with each key and number of a status. */
static void each(const struct tap_test_status *s, void (*call)(void *, const char *, uint64_t), void *context)
{
    call(context, "plugged", s->plugged);
    call(context, "open", s->open);
    call(context, "media", s->media);
    call(context, "asleep", s->asleep);
    call(context, "mtu", s->mtu);
    call(context, "opens", s->opens);
    call(context, "reads_waiting", s->reads_waiting);
    call(context, "reads_waiting_max", s->reads_waiting_max);
    call(context, "frames_queued_max", s->frames_queued_max);
    call(context, "to_program", s->to_program);
    call(context, "to_program_dropped", s->to_program_dropped);
    call(context, "to_nobody", s->to_nobody);
    call(context, "from_program", s->from_program);
    call(context, "from_program_dropped", s->from_program_dropped);
    call(context, "refused", s->refused);
    call(context, "too_short", s->too_short);
    call(context, "cancelled", s->cancelled);
}

static void print(void *context, const char *key, uint64_t value)
{
    (void)context;
    printf("%s=%llu\n", key, (unsigned long long)value);
}

static int status(const struct adapter *adapter)
{
    struct tap_test_status s = get_status(open_control(), adapter);

    printf("guid=%ls\n", adapter->guid);
    printf("mac=%02x:%02x:%02x:%02x:%02x:%02x\n", s.mac[0], s.mac[1], s.mac[2], s.mac[3], s.mac[4], s.mac[5]);
    printf("version=%u.%u\n", s.version[0], s.version[1]);
    each(&s, print, NULL);
    return 0;
}

struct wish {
    char key[32];
    uint64_t value;
    BOOL at_least, known, holds;
};

static void compare(void *context, const char *key, uint64_t value)
{
    struct wish *wish = context;

    if (strcmp(wish->key, key))
        return;
    wish->known = TRUE;
    wish->holds = wish->at_least ? value >= wish->value : value == wish->value;
}

static int wait_for(const struct adapter *adapter, double seconds, int argc, wchar_t **argv)
{
    HANDLE device = open_control();
    ULONGLONG start = GetTickCount64();

    do {
        struct tap_test_status s = get_status(device, adapter);
        BOOL all = TRUE;

        for (int i = 0; i < argc; i++) {
            struct wish wish = {.value = 0};
            wchar_t *sign = wcspbrk(argv[i], L">=");

            if (!sign || sign - argv[i] >= (int)sizeof(wish.key))
                usage("wait for what?");
            for (int n = 0; n < sign - argv[i]; n++)
                wish.key[n] = (char)argv[i][n];
            wish.at_least = *sign == '>';
            wish.value = _wcstoui64(sign + 1 + wish.at_least, NULL, 10);
            each(&s, compare, &wish);
            if (!wish.known)
                usage("wait for what?");
            all = all && wish.holds;
        }
        if (all)
            return 0;
        Sleep(5);
    } while (GetTickCount64() - start < seconds * 1000);
    fprintf(stderr, "tapctl: not within the time\n");
    status(adapter);
    return 1;
}

static int hold(const struct adapter *adapter)
{
    wchar_t path[80];
    uint8_t mac[6];
    HANDLE device;
    DWORD len;

    print_key(path, 80, L"\\\\.\\Global\\%ls.tap", adapter->guid);
    device = CreateFileW(path, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, FILE_ATTRIBUTE_SYSTEM, NULL);
    if (device == INVALID_HANDLE_VALUE || !DeviceIoControl(device, GET_MAC, NULL, 0, mac, sizeof(mac), &len, NULL))
        fail("the adapter");
    printf("held\n");
    fflush(stdout);
    while (getchar() != EOF) {
    }
    CloseHandle(device);
    return 0;
}

int wmain(int argc, wchar_t **argv)
{
    const wchar_t *command = argc > 1 ? argv[1] : L"";
    struct adapter adapter;

    if (!wcscmp(command, L"install") || !wcscmp(command, L"start") || !wcscmp(command, L"stop") ||
        !wcscmp(command, L"uninstall"))
        return driver_service(command, argc > 2 ? argv[2] : NULL);
    if (argc < 3)
        usage("install | start | stop | uninstall | add | remove | status | set | yank | wait | registry | hold");
    adapter = adapter_of(argv[2]);
    argc -= 3;
    argv += 3;
    if (!wcscmp(command, L"add"))
        return add(adapter, argc, argv);
    if (!wcscmp(command, L"remove"))
        return take_away(&adapter);
    if (!wcscmp(command, L"status"))
        return status(&adapter);
    if (!wcscmp(command, L"set"))
        return set_all(&adapter, argc, argv);
    if (!wcscmp(command, L"yank"))
        return yank(&adapter, argc ? argv[0] : L"cancelled");
    if (!wcscmp(command, L"wait") && argc)
        return wait_for(&adapter, wcstod(argv[0], NULL), argc - 1, argv + 1);
    if (!wcscmp(command, L"registry"))
        return registry(&adapter);
    if (!wcscmp(command, L"hold"))
        return hold(&adapter);
    usage("no such command");
}
