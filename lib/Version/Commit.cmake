# Writes the commit of SOURCE into OUTPUT, with a + if files differ from it;
# "unknown" where there is no git or no repository of ours.
cmake_minimum_required(VERSION 3.25)
find_program(GIT git)
set(commit "")
if(GIT AND EXISTS ${SOURCE}/.git)
  execute_process(COMMAND ${GIT} -C ${SOURCE} describe --always --abbrev=12 --exclude=* --dirty=+
                  OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
if(NOT commit)
  set(commit unknown)
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "#define BITPIPE_COMMIT \"${commit}\"\n")
