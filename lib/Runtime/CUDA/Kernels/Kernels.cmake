# The runtime's own kernels: PTX that the program holds, for any GPU from sm_80 on, and
# a shared object of the same kernels for machines without a GPU.
set(kernels ${CMAKE_CURRENT_SOURCE_DIR}/CUDA/Kernels)
set(ptx ${CMAKE_CURRENT_BINARY_DIR}/own_kernels.ptx)
file(GLOB kernel_sources CONFIGURE_DEPENDS ${kernels}/*.inc ${kernels}/*.h)
# No CUDA is looked for: its headers and libraries are not used, and its version, if there is
# one, would decide which drivers can load the result. PTX 7.1 is what CUDA 11.1 knew.
add_custom_command(OUTPUT ${ptx}
  COMMAND ${CMAKE_CXX_COMPILER} -x cuda --cuda-device-only -nocudainc -nocudalib
          --cuda-path=/nonexistent -Xclang -target-feature -Xclang +ptx71
          --cuda-gpu-arch=sm_80 -std=c++20 -O3 -Wall -Wextra
          -I${PROJECT_SOURCE_DIR} -S ${kernels}/Kernels.cu -o ${ptx}
  DEPENDS ${kernels}/Kernels.cu ${kernel_sources} VERBATIM)
set(embedded ${CMAKE_CURRENT_BINARY_DIR}/own_kernels.s)
file(WRITE ${embedded}.in ".section .rodata\n.globl bitpipe_own_ptx\nbitpipe_own_ptx:\n"
  ".incbin \"${ptx}\"\n.byte 0\n.section .note.GNU-stack,\"\",@progbits\n")
configure_file(${embedded}.in ${embedded} COPYONLY)
enable_language(ASM)
add_library(PipeOwnKernels STATIC ${embedded})
set_source_files_properties(${embedded} PROPERTIES OBJECT_DEPENDS ${ptx}
  COMPILE_OPTIONS "-Wno-unused-command-line-argument")
target_link_libraries(PipeRuntime PUBLIC PipeOwnKernels)

add_library(bitpipe_emulated_kernels SHARED ${kernels}/Kernels.cu)
set_source_files_properties(${kernels}/Kernels.cu PROPERTIES LANGUAGE CXX
  COMPILE_OPTIONS "-xc++;-O2;-ffp-contract=off")
target_link_libraries(bitpipe_emulated_kernels PRIVATE bitpipe_base)
target_link_options(bitpipe_emulated_kernels PRIVATE LINKER:-z,undefs)
set_target_properties(bitpipe_emulated_kernels PROPERTIES
  LIBRARY_OUTPUT_DIRECTORY ${CMAKE_RUNTIME_OUTPUT_DIRECTORY})
