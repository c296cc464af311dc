#include "state.h"

#include <string.h>

static struct line *find_route(struct state *state, const MIB_IPFORWARD_ROW2 *row)
{
    ULONG64 luid = luid_of(state, &row->InterfaceLuid, row->InterfaceIndex);
    for (int i = 0; i < state->count; i++) {
        struct line *line = &state->lines[i];
        if (line->kind == ROUTE && line->luid == luid && line->prefix_len == row->DestinationPrefix.PrefixLength
            && same_address(&line->prefix, &row->DestinationPrefix.Prefix) && same_address(&line->hop, &row->NextHop))
            return line;
    }
    return NULL;
}

static void fill(struct state *state, const struct line *line, MIB_IPFORWARD_ROW2 *row)
{
    struct line *interface = find_interface(state, line->luid);
    memset(row, 0, sizeof *row);
    row->InterfaceLuid.Value = line->luid;
    row->InterfaceIndex = interface ? interface->index : 0;
    row->DestinationPrefix.Prefix = line->prefix;
    row->DestinationPrefix.PrefixLength = (UINT8)line->prefix_len;
    row->NextHop = line->hop;
    row->Metric = line->metric;
    row->Protocol = MIB_IPPROTO_NETMGMT;
    row->ValidLifetime = row->PreferredLifetime = 0xffffffff;
    row->Immortal = TRUE;
}

VOID WINAPI InitializeIpForwardEntry(PMIB_IPFORWARD_ROW2 row)
{
    memset(row, 0, sizeof *row);
    row->ValidLifetime = row->PreferredLifetime = 0xffffffff;
    row->Metric = 0xffffffff;
    row->Protocol = MIB_IPPROTO_NETMGMT;
    row->Immortal = TRUE;
}

DWORD WINAPI GetIpForwardEntry2(PMIB_IPFORWARD_ROW2 row)
{
    struct state *state = state_open();
    ULONG fault = state_fault(state, "GetIpForwardEntry2");
    if (fault)
        return state_end(state, fault);
    struct line *line = find_route(state, row);
    if (line)
        fill(state, line, row);
    return state_end(state, line ? NO_ERROR : ERROR_NOT_FOUND);
}

DWORD WINAPI CreateIpForwardEntry2(const MIB_IPFORWARD_ROW2 *row)
{
    struct state *state = state_open();
    ULONG fault = state_fault(state, "CreateIpForwardEntry2");
    if (fault)
        return state_refused(state, "CreateIpForwardEntry2", fault);
    ULONG64 luid = luid_of(state, &row->InterfaceLuid, row->InterfaceIndex);
    if (!find_interface(state, luid))
        return state_end(state, ERROR_FILE_NOT_FOUND);
    if (find_route(state, row))
        return state_end(state, ERROR_OBJECT_ALREADY_EXISTS);
    if (row->Metric == 0xffffffff || row->DestinationPrefix.Prefix.si_family != row->NextHop.si_family)
        return state_end(state, ERROR_INVALID_PARAMETER);
    struct line *line = state_add(state, ROUTE);
    if (!line)
        return state_end(state, ERROR_NOT_ENOUGH_MEMORY);
    line->luid = luid;
    line->prefix = row->DestinationPrefix.Prefix;
    line->prefix_len = row->DestinationPrefix.PrefixLength;
    line->family = line->prefix.si_family == AF_INET6 ? 6 : 4;
    line->hop = row->NextHop;
    line->metric = row->Metric;
    return state_changed(state, "create", line);
}

DWORD WINAPI SetIpForwardEntry2(const MIB_IPFORWARD_ROW2 *row)
{
    struct state *state = state_open();
    ULONG fault = state_fault(state, "SetIpForwardEntry2");
    if (fault)
        return state_refused(state, "SetIpForwardEntry2", fault);
    struct line *line = find_route(state, row);
    if (!line)
        return state_end(state, ERROR_NOT_FOUND);
    line->metric = row->Metric;
    return state_changed(state, "set", line);
}

DWORD WINAPI DeleteIpForwardEntry2(const MIB_IPFORWARD_ROW2 *row)
{
    struct state *state = state_open();
    ULONG fault = state_fault(state, "DeleteIpForwardEntry2");
    if (fault)
        return state_refused(state, "DeleteIpForwardEntry2", fault);
    struct line *line = find_route(state, row);
    return line ? state_changed(state, "delete", line) : state_end(state, ERROR_NOT_FOUND);
}

DWORD WINAPI GetIpForwardTable2(ADDRESS_FAMILY family, PMIB_IPFORWARD_TABLE2 *table)
{
    struct state *state = state_open();
    ULONG fault = state_fault(state, "GetIpForwardTable2");
    if (fault)
        return state_end(state, fault);
    *table = table_alloc(sizeof **table + MAX_LINES * sizeof(MIB_IPFORWARD_ROW2));
    for (int i = 0; i < state->count; i++) {
        struct line *line = &state->lines[i];
        if (line->kind == ROUTE && (family == AF_UNSPEC || family == line->prefix.si_family))
            fill(state, line, &(*table)->Table[(*table)->NumEntries++]);
    }
    return state_end(state, NO_ERROR);
}

DWORD WINAPI GetBestRoute2(NET_LUID *luid, NET_IFINDEX index, const SOCKADDR_INET *from, const SOCKADDR_INET *to,
                           ULONG options, PMIB_IPFORWARD_ROW2 best, SOCKADDR_INET *source)
{
    struct state *state = state_open();
    ULONG fault = state_fault(state, "GetBestRoute2"), best_metric = 0;
    struct line *chosen = NULL;
    (void)luid, (void)index, (void)from, (void)options;
    if (fault)
        return state_end(state, fault);
    for (int i = 0; i < state->count; i++) {
        struct line *line = &state->lines[i];
        if (line->kind != ROUTE || !same_prefix(&line->prefix, to, line->prefix_len))
            continue;
        struct line *ip = find_ip(state, line->luid, line->family);
        if (!ip || !ip->connected || (ip->ignore && !line->prefix_len))
            continue;
        ULONG metric = line->metric + metric_of(ip);
        if (!chosen || line->prefix_len > chosen->prefix_len
            || (line->prefix_len == chosen->prefix_len && metric < best_metric)) {
            chosen = line;
            best_metric = metric;
        }
    }
    if (!chosen)
        return state_end(state, ERROR_NETWORK_UNREACHABLE);
    fill(state, chosen, best);
    memset(source, 0, sizeof *source);
    source->si_family = to->si_family;
    for (int i = 0; i < state->count; i++) {
        struct line *line = &state->lines[i];
        if (line->kind == ADDRESS && line->luid == chosen->luid && line->prefix.si_family == to->si_family)
            *source = line->prefix;
    }
    return state_end(state, NO_ERROR);
}
