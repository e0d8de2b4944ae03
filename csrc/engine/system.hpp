// Every standard header that the kernels use, included before a target is set: only our own code changes with it.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

#include "../platform.hpp"
#include "../reparam.h"
#include "../special/coefficients.hpp"
