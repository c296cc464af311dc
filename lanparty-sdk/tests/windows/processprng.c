/* bcryptprimitives.dll, which Wine 8 lacks, as far as Rust's standard library needs it. */
#include <windows.h>

BOOLEAN NTAPI SystemFunction036(void *buffer, ULONG len);

__declspec(dllexport) BOOL WINAPI ProcessPrng(BYTE *buffer, SIZE_T len)
{
    return SystemFunction036(buffer, (ULONG)len);
}
