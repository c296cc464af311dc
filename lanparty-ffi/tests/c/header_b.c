/* See header_a.c. */
#include "lanparty.h"
#include "lanparty.h"

uint32_t version_seen_by_b(void);

uint32_t version_seen_by_b(void) {
    return LANPARTY_ABI_VERSION;
}
