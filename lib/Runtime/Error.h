//===- Error.h - What a user can get wrong --------------------------------===//

#ifndef BITPIPE_RUNTIME_ERROR_H
#define BITPIPE_RUNTIME_ERROR_H

#include "lib/Files/Error.h"

#endif // BITPIPE_RUNTIME_ERROR_H
