#include "state.h"

#include <string.h>

static struct line *find_address(struct state *state, const MIB_UNICASTIPADDRESS_ROW *row)
{
    ULONG64 luid = luid_of(state, &row->InterfaceLuid, row->InterfaceIndex);
    for (int i = 0; i < state->count; i++) {
        struct line *line = &state->lines[i];
        if (line->kind == ADDRESS && line->luid == luid && same_address(&line->prefix, &row->Address))
            return line;
    }
    return NULL;
}

static void fill(struct state *state, const struct line *line, MIB_UNICASTIPADDRESS_ROW *row)
{
    struct line *interface = find_interface(state, line->luid);
    memset(row, 0, sizeof *row);
    row->Address = line->prefix;
    row->InterfaceLuid.Value = line->luid;
    row->InterfaceIndex = interface ? interface->index : 0;
    row->OnLinkPrefixLength = (UINT8)line->prefix_len;
    row->ValidLifetime = row->PreferredLifetime = 0xffffffff;
    row->DadState = IpDadStatePreferred;
}

VOID WINAPI InitializeUnicastIpAddressEntry(PMIB_UNICASTIPADDRESS_ROW row)
{
    memset(row, 0, sizeof *row);
    row->ValidLifetime = row->PreferredLifetime = 0xffffffff;
    row->OnLinkPrefixLength = 255;
}

DWORD WINAPI GetUnicastIpAddressEntry(PMIB_UNICASTIPADDRESS_ROW row)
{
    struct state *state = state_open();
    if (!state)
        return ERROR_NOT_SUPPORTED;
    struct line *line = find_address(state, row);
    if (line)
        fill(state, line, row);
    return state_end(state, line ? NO_ERROR : ERROR_NOT_FOUND);
}

DWORD WINAPI CreateUnicastIpAddressEntry(const MIB_UNICASTIPADDRESS_ROW *row)
{
    struct state *state = state_open();
    ULONG fault = state_fault(state, "CreateUnicastIpAddressEntry");
    if (fault)
        return state_end(state, fault);
    ULONG64 luid = luid_of(state, &row->InterfaceLuid, row->InterfaceIndex);
    if (!find_interface(state, luid))
        return state_end(state, ERROR_FILE_NOT_FOUND);
    if (find_address(state, row))
        return state_end(state, ERROR_OBJECT_ALREADY_EXISTS);
    struct line *line = state_add(state, ADDRESS);
    if (!line)
        return state_end(state, ERROR_NOT_ENOUGH_MEMORY);
    line->luid = luid;
    line->prefix = row->Address;
    line->prefix_len = row->OnLinkPrefixLength;
    line->family = row->Address.si_family == AF_INET6 ? 6 : 4;
    return state_changed(state, "create", line);
}

DWORD WINAPI SetUnicastIpAddressEntry(const MIB_UNICASTIPADDRESS_ROW *row)
{
    struct state *state = state_open();
    if (!state)
        return ERROR_NOT_SUPPORTED;
    struct line *line = find_address(state, row);
    if (!line)
        return state_end(state, ERROR_NOT_FOUND);
    line->prefix_len = row->OnLinkPrefixLength;
    return state_changed(state, "set", line);
}

DWORD WINAPI DeleteUnicastIpAddressEntry(const MIB_UNICASTIPADDRESS_ROW *row)
{
    struct state *state = state_open();
    if (!state)
        return ERROR_NOT_SUPPORTED;
    struct line *line = find_address(state, row);
    return line ? state_changed(state, "delete", line) : state_end(state, ERROR_NOT_FOUND);
}

DWORD WINAPI GetUnicastIpAddressTable(ADDRESS_FAMILY family, PMIB_UNICASTIPADDRESS_TABLE *table)
{
    struct state *state = state_open();
    if (!state)
        return ERROR_NOT_SUPPORTED;
    *table = table_alloc(sizeof **table + MAX_LINES * sizeof(MIB_UNICASTIPADDRESS_ROW));
    for (int i = 0; i < state->count; i++) {
        struct line *line = &state->lines[i];
        if (line->kind == ADDRESS && (family == AF_UNSPEC || family == line->prefix.si_family))
            fill(state, line, &(*table)->Table[(*table)->NumEntries++]);
    }
    return state_end(state, NO_ERROR);
}
