# Runs emulated kernels: what loads them in C++ takes its objects in, Python the library.
add_library(BitpipeGrid OBJECT
  ${CMAKE_CURRENT_LIST_DIR}/Grid.cpp ${CMAKE_CURRENT_LIST_DIR}/Fiber.cpp ${CMAKE_CURRENT_LIST_DIR}/Races.cpp)
target_link_libraries(BitpipeGrid PUBLIC bitpipe_base)
set_target_properties(BitpipeGrid PROPERTIES POSITION_INDEPENDENT_CODE ON)
add_library(bitpipe_grid SHARED ${CMAKE_CURRENT_LIST_DIR}/GridLibrary.cpp)
target_link_libraries(bitpipe_grid PRIVATE BitpipeGrid)
set_target_properties(bitpipe_grid PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
