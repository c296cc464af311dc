#include "state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char STATE[] = "LANPARTY_IPHLPAPI_STATE";

static HANDLE lock_all(void)
{
    HANDLE mutex = CreateMutexA(NULL, FALSE, "lanparty-test-iphlpapi");
    WaitForSingleObject(mutex, 10000);
    return mutex;
}

static HANDLE held;

static int parse_address(const char *text, SOCKADDR_INET *address)
{
    memset(address, 0, sizeof *address);
    address->si_family = strchr(text, ':') ? AF_INET6 : AF_INET;
    if (address->si_family == AF_INET6)
        return inet_pton(AF_INET6, text, &address->Ipv6.sin6_addr) == 1;
    return inet_pton(AF_INET, text, &address->Ipv4.sin_addr) == 1;
}

static void print_address(const SOCKADDR_INET *address, char *text)
{
    if (address->si_family == AF_INET6)
        inet_ntop(AF_INET6, (void *)&address->Ipv6.sin6_addr, text, INET6_ADDRSTRLEN);
    else
        inet_ntop(AF_INET, (void *)&address->Ipv4.sin_addr, text, INET6_ADDRSTRLEN);
}

static int parse_prefix(char *text, struct line *line)
{
    char *slash = strchr(text, '/');
    if (!slash)
        return 0;
    *slash = 0;
    line->prefix_len = strtoul(slash + 1, NULL, 10);
    line->family = strchr(text, ':') ? 6 : 4;
    return parse_address(text, &line->prefix);
}

static int parse_guid(const char *text, GUID *guid)
{
    unsigned b[8];
    unsigned long a;
    unsigned c, d;
    if (sscanf(text, "{%8lx-%4x-%4x-%2x%2x-%2x%2x%2x%2x%2x%2x}", &a, &c, &d, &b[0], &b[1], &b[2], &b[3], &b[4],
               &b[5], &b[6], &b[7]) != 11)
        return 0;
    guid->Data1 = a;
    guid->Data2 = (unsigned short)c;
    guid->Data3 = (unsigned short)d;
    for (int i = 0; i < 8; i++)
        guid->Data4[i] = (unsigned char)b[i];
    return 1;
}

static enum kind parse(struct line *line)
{
    char a[MAX_LINE], b[MAX_LINE], c[MAX_LINE];
    const char *text = line->text;
    if (sscanf(text, "interface %llx %lu %255s %255[^\n]", &line->luid, &line->index, a, line->alias) == 4)
        return parse_guid(a, &line->guid) ? INTERFACE : OTHER;
    if (sscanf(text, "ip %llx %d connected=%d automatic=%lu metric=%255s mtu=%lu ignore=%d", &line->luid,
               &line->family, &line->connected, &line->automatic, a, &line->mtu, &line->ignore) == 7) {
        line->metric = strcmp(a, "-") ? strtoul(a, NULL, 10) : AUTOMATIC;
        return IP;
    }
    if (sscanf(text, "route %llx %255s %255s metric=%lu", &line->luid, a, b, &line->metric) == 4)
        return parse_prefix(a, line) && parse_address(b, &line->hop) ? ROUTE : OTHER;
    if (sscanf(text, "address %llx %255s", &line->luid, a) == 2)
        return parse_prefix(a, line) ? ADDRESS : OTHER;
    if (sscanf(text, "fail %255s %lu", c, &line->code) == 2) {
        strcpy(line->call, c);
        return FAIL;
    }
    if (sscanf(text, "kill %lu", &line->code) == 1)
        return KILL;
    return OTHER;
}

void line_text(const struct line *line, char *text, size_t size)
{
    char prefix[INET6_ADDRSTRLEN], hop[INET6_ADDRSTRLEN], metric[16] = "-";
    switch (line->kind) {
    case IP:
        if (line->metric != AUTOMATIC)
            snprintf(metric, sizeof metric, "%lu", line->metric);
        snprintf(text, size, "ip %llx %d connected=%d automatic=%lu metric=%s mtu=%lu ignore=%d", line->luid,
                 line->family, line->connected, line->automatic, metric, line->mtu, line->ignore);
        break;
    case ROUTE:
        print_address(&line->prefix, prefix);
        print_address(&line->hop, hop);
        snprintf(text, size, "route %llx %s/%lu %s metric=%lu", line->luid, prefix, line->prefix_len, hop,
                 line->metric);
        break;
    case ADDRESS:
        print_address(&line->prefix, prefix);
        snprintf(text, size, "address %llx %s/%lu", line->luid, prefix, line->prefix_len);
        break;
    case KILL:
        snprintf(text, size, "kill %lu", line->code);
        break;
    default:
        snprintf(text, size, "%s", line->text);
    }
}

struct state *state_open(void)
{
    char path[MAX_PATH];
    DWORD len = GetEnvironmentVariableA(STATE, path, sizeof path);
    if (!len || len >= sizeof path)
        return NULL;
    HANDLE mutex = lock_all();
    FILE *file = fopen(path, "rb");
    if (!file) {
        ReleaseMutex(mutex);
        CloseHandle(mutex);
        return NULL;
    }
    held = mutex;
    struct state *state = calloc(1, sizeof *state);
    char text[MAX_LINE];
    while (state->count < MAX_LINES && fgets(text, sizeof text, file)) {
        struct line *line = &state->lines[state->count++];
        text[strcspn(text, "\r\n")] = 0;
        strcpy(line->text, text);
        line->kind = parse(line);
    }
    fclose(file);
    return state;
}

static void add_to_log(const char *text)
{
    char path[MAX_PATH], log[MAX_PATH + 8];
    GetEnvironmentVariableA(STATE, path, sizeof path);
    snprintf(log, sizeof log, "%s.log", path);
    FILE *file = fopen(log, "ab");
    if (!file)
        return;
    fprintf(file, "%s\n", text);
    fclose(file);
}

static void save(struct state *state)
{
    char path[MAX_PATH], other[MAX_PATH + 8], text[MAX_LINE + 32];
    GetEnvironmentVariableA(STATE, path, sizeof path);
    snprintf(other, sizeof other, "%s.new", path);
    FILE *file = fopen(other, "wb");
    if (!file)
        return;
    for (int i = 0; i < state->count; i++) {
        if (state->lines[i].kind == GONE)
            continue;
        line_text(&state->lines[i], text, sizeof text);
        fprintf(file, "%s\n", text);
    }
    fclose(file);
    /* A program that is killed here has changed nothing. */
    MoveFileExA(other, path, MOVEFILE_REPLACE_EXISTING);
}

ULONG state_end(struct state *state, ULONG result)
{
    if (!state)
        return ERROR_NOT_SUPPORTED;
    HANDLE mutex = held;
    free(state);
    ReleaseMutex(mutex);
    CloseHandle(mutex);
    return result;
}

ULONG state_changed(struct state *state, const char *what, struct line *line)
{
    char text[MAX_LINE + 16], log[MAX_LINE + 32];
    for (int i = 0; i < state->count; i++)
        if (state->lines[i].kind == KILL && !state->lines[i].code--)
            TerminateProcess(GetCurrentProcess(), 9);
    line_text(line, text, sizeof text);
    snprintf(log, sizeof log, "%s %s", what, text);
    if (!strcmp(what, "delete"))
        line->kind = GONE;
    save(state);
    add_to_log(log);
    return state_end(state, NO_ERROR);
}

ULONG state_refused(struct state *state, const char *call, ULONG fault)
{
    char log[MAX_LINE + 16];
    snprintf(log, sizeof log, "refuse %s", call);
    if (state)
        add_to_log(log);
    return state_end(state, fault);
}

ULONG state_fault(struct state *state, const char *call)
{
    if (!state)
        return ERROR_NOT_SUPPORTED;
    for (int i = 0; i < state->count; i++)
        if (state->lines[i].kind == FAIL && !strcmp(state->lines[i].call, call))
            return state->lines[i].code;
    return 0;
}

struct line *state_add(struct state *state, enum kind kind)
{
    if (state->count == MAX_LINES)
        return NULL;
    struct line *line = &state->lines[state->count++];
    memset(line, 0, sizeof *line);
    line->kind = kind;
    return line;
}

struct line *find_interface(struct state *state, ULONG64 luid)
{
    for (int i = 0; i < state->count; i++)
        if (state->lines[i].kind == INTERFACE && state->lines[i].luid == luid)
            return &state->lines[i];
    return NULL;
}

struct line *find_index(struct state *state, ULONG index)
{
    for (int i = 0; i < state->count; i++)
        if (state->lines[i].kind == INTERFACE && state->lines[i].index == index)
            return &state->lines[i];
    return NULL;
}

struct line *find_ip(struct state *state, ULONG64 luid, int family)
{
    for (int i = 0; i < state->count; i++)
        if (state->lines[i].kind == IP && state->lines[i].luid == luid && state->lines[i].family == family)
            return &state->lines[i];
    return NULL;
}

ULONG metric_of(const struct line *ip)
{
    return ip->metric == AUTOMATIC ? ip->automatic : ip->metric;
}

ULONG64 luid_of(struct state *state, const NET_LUID *luid, ULONG index)
{
    if (luid && luid->Value)
        return luid->Value;
    struct line *line = find_index(state, index);
    return line ? line->luid : 0;
}

static const UCHAR *octets(const SOCKADDR_INET *address, ULONG *len)
{
    *len = address->si_family == AF_INET6 ? 16 : 4;
    return address->si_family == AF_INET6 ? (const UCHAR *)&address->Ipv6.sin6_addr
                                          : (const UCHAR *)&address->Ipv4.sin_addr;
}

int same_prefix(const SOCKADDR_INET *a, const SOCKADDR_INET *b, ULONG len)
{
    ULONG size;
    const UCHAR *x = octets(a, &size), *y = octets(b, &size);
    if (a->si_family != b->si_family || len > size * 8)
        return 0;
    for (ULONG i = 0; i < len; i++)
        if ((x[i / 8] ^ y[i / 8]) & (0x80 >> i % 8))
            return 0;
    return 1;
}

int same_address(const SOCKADDR_INET *a, const SOCKADDR_INET *b)
{
    return same_prefix(a, b, a->si_family == AF_INET6 ? 128 : 32);
}

void *table_alloc(SIZE_T size)
{
    return HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, size);
}

/* Wine's library takes its tables from the same heap. */
VOID WINAPI FreeMibTable(PVOID table)
{
    HeapFree(GetProcessHeap(), 0, table);
}

/* Loads Wine's own library, which is beside this one: a program that was found elsewhere would not look there for it. */
BOOL WINAPI DllMain(HINSTANCE module, DWORD reason, LPVOID reserved)
{
    static const char name[] = "iphlpwine.dll";
    char path[MAX_PATH + sizeof name];
    (void)reserved;
    if (reason != DLL_PROCESS_ATTACH)
        return TRUE;
    DWORD len = GetModuleFileNameA(module, path, MAX_PATH);
    while (len && path[len - 1] != '\\')
        len--;
    strcpy(path + len, name);
    return LoadLibraryA(path) != NULL;
}
