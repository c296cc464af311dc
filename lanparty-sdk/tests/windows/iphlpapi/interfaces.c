#include "state.h"

#include <string.h>

VOID WINAPI InitializeIpInterfaceEntry(PMIB_IPINTERFACE_ROW row)
{
    memset(row, 0, sizeof *row);
}

DWORD WINAPI GetIpInterfaceEntry(PMIB_IPINTERFACE_ROW row)
{
    struct state *state = state_open();
    ULONG fault = state_fault(state, "GetIpInterfaceEntry");
    if (fault)
        return state_end(state, fault);
    ULONG64 luid = luid_of(state, &row->InterfaceLuid, row->InterfaceIndex);
    struct line *interface = find_interface(state, luid);
    struct line *ip = find_ip(state, luid, row->Family == AF_INET6 ? 6 : 4);
    if (!interface)
        return state_end(state, ERROR_FILE_NOT_FOUND);
    if (!ip)
        return state_end(state, ERROR_NOT_FOUND);
    ADDRESS_FAMILY family = row->Family;
    memset(row, 0, sizeof *row);
    row->Family = family;
    row->InterfaceLuid.Value = luid;
    row->InterfaceIndex = interface->index;
    row->UseAutomaticMetric = ip->metric == AUTOMATIC;
    row->Metric = metric_of(ip);
    row->NlMtu = ip->mtu;
    row->Connected = ip->connected != 0;
    row->DisableDefaultRoutes = ip->ignore != 0;
    /* What Windows answers for IPv4 as well, and then does not take back. */
    row->SitePrefixLength = 64;
    return state_end(state, NO_ERROR);
}

DWORD WINAPI SetIpInterfaceEntry(PMIB_IPINTERFACE_ROW row)
{
    struct state *state = state_open();
    ULONG fault = state_fault(state, "SetIpInterfaceEntry");
    if (fault)
        return state_refused(state, "SetIpInterfaceEntry", fault);
    ULONG64 luid = luid_of(state, &row->InterfaceLuid, row->InterfaceIndex);
    struct line *ip = find_ip(state, luid, row->Family == AF_INET6 ? 6 : 4);
    if (!ip)
        return state_end(state, ERROR_FILE_NOT_FOUND);
    if (row->SitePrefixLength > (row->Family == AF_INET6 ? 128u : 32u) || row->NlMtu < 352)
        return state_end(state, ERROR_INVALID_PARAMETER);
    ip->metric = row->UseAutomaticMetric ? AUTOMATIC : row->Metric;
    ip->mtu = row->NlMtu;
    ip->ignore = row->DisableDefaultRoutes != 0;
    return state_changed(state, "set", ip);
}

DWORD WINAPI ConvertInterfaceGuidToLuid(const GUID *guid, NET_LUID *luid)
{
    struct state *state = state_open();
    if (!state)
        return ERROR_NOT_SUPPORTED;
    for (int i = 0; i < state->count; i++) {
        struct line *line = &state->lines[i];
        if (line->kind == INTERFACE && !memcmp(&line->guid, guid, sizeof *guid)) {
            luid->Value = line->luid;
            return state_end(state, NO_ERROR);
        }
    }
    return state_end(state, ERROR_FILE_NOT_FOUND);
}

DWORD WINAPI ConvertInterfaceIndexToLuid(NET_IFINDEX index, NET_LUID *luid)
{
    struct state *state = state_open();
    if (!state)
        return ERROR_NOT_SUPPORTED;
    struct line *line = find_index(state, index);
    if (line)
        luid->Value = line->luid;
    return state_end(state, line ? NO_ERROR : ERROR_FILE_NOT_FOUND);
}

DWORD WINAPI ConvertInterfaceLuidToAlias(const NET_LUID *luid, PWSTR alias, SIZE_T len)
{
    struct state *state = state_open();
    if (!state)
        return ERROR_NOT_SUPPORTED;
    struct line *line = find_interface(state, luid->Value);
    if (!line)
        return state_end(state, ERROR_FILE_NOT_FOUND);
    if (!MultiByteToWideChar(CP_UTF8, 0, line->alias, -1, alias, (int)len))
        return state_end(state, ERROR_NOT_ENOUGH_MEMORY);
    return state_end(state, NO_ERROR);
}

DWORD WINAPI ConvertInterfaceAliasToLuid(const WCHAR *alias, NET_LUID *luid)
{
    char name[MAX_LINE] = "";
    WideCharToMultiByte(CP_UTF8, 0, alias, -1, name, sizeof name, NULL, NULL);
    struct state *state = state_open();
    if (!state)
        return ERROR_NOT_SUPPORTED;
    for (int i = 0; i < state->count; i++) {
        struct line *line = &state->lines[i];
        if (line->kind == INTERFACE && !strcmp(line->alias, name)) {
            luid->Value = line->luid;
            return state_end(state, NO_ERROR);
        }
    }
    return state_end(state, ERROR_INVALID_PARAMETER);
}
