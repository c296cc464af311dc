/* One of two translation units that include the header twice and are linked together; C11 and C++17 alike. */
#include "lanparty.h"
#include "lanparty.h"

uint32_t version_seen_by_b(void);

int main(void) {
    lanparty_session *none = NULL;
    lanparty_session_free(none);
    return lanparty_abi_version() == version_seen_by_b() ? 0 : 1;
}
