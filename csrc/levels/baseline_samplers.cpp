// The samplers for any processor.
#define REPARAM_LEVEL baseline
#include "../samplers/entries.hpp"
