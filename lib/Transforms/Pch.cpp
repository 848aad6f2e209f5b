#include "lib/Transforms/Pch.h"
