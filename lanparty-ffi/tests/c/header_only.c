#include "lanparty.h"
