// The kernels for any processor.
#define REPARAM_LEVEL baseline
#include "../engine/level.hpp"
