//===- Process.cpp - A process that can be trusted with files -------------===//

#include "lib/Files/Process.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <initializer_list>
#include <unistd.h>

void bitpipe::prepareForFiles() {
  // open() gives the lowest number that is free.
  for (int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (fcntl(number, F_GETFD) < 0 && errno == EBADF)
      if (open("/dev/null", number == STDOUT_FILENO ? O_RDONLY : O_WRONLY) != number)
        std::abort();
  std::signal(SIGXFSZ, SIG_IGN);
}
