// The special functions for any processor.
#define REPARAM_LEVEL baseline
#include "../engine/special_entries.hpp"
