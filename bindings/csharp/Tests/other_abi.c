/* A library of another ABI version, for the bindings to refuse. It has nothing else: a call that got past the check fails. */
#include <stdint.h>

uint32_t lanparty_abi_version(void);

uint32_t lanparty_abi_version(void)
{
    return 99;
}
