// Preloaded into a run, stops the process (SIGSTOP) of rank STOP_RANK at its
// STOP_COUNT-th call of the function STOP_AT: at moments that no test could meet from
// outside.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static int is(const char *variable, const char *value) {
  const char *wanted = getenv(variable);
  return wanted && value && strcmp(wanted, value) == 0;
}

static void meet(const char *function) {
  static atomic_int calls;
  if (!is("STOP_AT", function) || !is("STOP_RANK", getenv("OMPI_COMM_WORLD_RANK")))
    return;
  if (++calls == atoi(getenv("STOP_COUNT")))
    raise(SIGSTOP);
}

int MPI_Init_thread(int *argc, char ***argv, int wanted, int *got) {
  meet("MPI_Init_thread");
  int (*real)(int *, char ***, int, int *) = dlsym(RTLD_NEXT, "MPI_Init_thread");
  return real(argc, argv, wanted, got);
}

int MPI_Finalize(void) {
  meet("MPI_Finalize");
  int (*real)(void) = dlsym(RTLD_NEXT, "MPI_Finalize");
  return real();
}

int rename(const char *from, const char *to) {
  meet("rename");
  int (*real)(const char *, const char *) = dlsym(RTLD_NEXT, "rename");
  return real(from, to);
}
