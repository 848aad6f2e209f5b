#include "lib/Pch.h"
