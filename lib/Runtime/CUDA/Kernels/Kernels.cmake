# The runtime's own kernels: PTX that the program holds, for any GPU from sm_80 on, with
# machine code beside it where NVIDIA's assembler is found, and a shared object of the same
# kernels for machines without a GPU.
set(kernels ${CMAKE_CURRENT_SOURCE_DIR}/CUDA/Kernels)
set(ptx ${CMAKE_CURRENT_BINARY_DIR}/own_kernels.ptx)
file(GLOB kernel_sources CONFIGURE_DEPENDS ${kernels}/*.inc ${kernels}/*.h)
# For the PTX no CUDA is looked for: its headers and libraries are not used, and its version, if there is
# one, would decide which drivers can load the result. PTX 7.1 is what CUDA 11.1 knew.
add_custom_command(OUTPUT ${ptx}
  COMMAND ${CMAKE_CXX_COMPILER} -x cuda --cuda-device-only -nocudainc -nocudalib
          --cuda-path=/nonexistent -Xclang -target-feature -Xclang +ptx71
          --cuda-gpu-arch=sm_80 -std=c++20 -O3 -Wall -Wextra
          -I${PROJECT_SOURCE_DIR} -S ${kernels}/Kernels.cu -o ${ptx}
  DEPENDS ${kernels}/Kernels.cu ${kernel_sources} VERBATIM)

# The driver assembles PTX at the first start on a machine, which takes it seconds. The assembler
# is looked for where bitpipe-opt does (FindAssembler.h), and in the environment of the tests.
file(GLOB packaged ${CMAKE_BINARY_DIR}/venv/lib/python3*/*-packages/nvidia/*/bin)
string(REPLACE ":" ";" folders "$ENV{PATH}")
foreach(folder ${folders})
  if(EXISTS ${folder}/python3)
    cmake_path(GET folder PARENT_PATH prefix)
    file(GLOB more ${prefix}/lib/python3*/*-packages/nvidia/*/bin)
    list(APPEND packaged ${more})
  endif()
endforeach()
if(DEFINED ENV{CUDA_HOME})
  set(cuda $ENV{CUDA_HOME})
else()
  set(cuda /usr/local/cuda)
endif()
find_program(BITPIPE_FATBINARY fatbinary PATHS ${cuda}/bin ${packaged})
cmake_path(GET BITPIPE_FATBINARY PARENT_PATH assembler)
find_program(BITPIPE_PTXAS ptxas PATHS "${assembler}" NO_DEFAULT_PATH)
set(code ${ptx})
if(BITPIPE_FATBINARY AND BITPIPE_PTXAS)
  set(code ${CMAKE_CURRENT_BINARY_DIR}/own_kernels.fatbin)
  set(images --image3=kind=ptx,sm=80,file=${ptx})
  foreach(arch 80 90 100)
    set(cubin ${CMAKE_CURRENT_BINARY_DIR}/own_kernels.sm_${arch})
    # What it says of registers is kept for the tests.
    set(command "'${BITPIPE_PTXAS}' -v -arch=sm_${arch} '${ptx}' -o '${cubin}.cubin' > '${cubin}.txt' 2>&1")
    add_custom_command(OUTPUT ${cubin}.cubin BYPRODUCTS ${cubin}.txt
      COMMAND sh -c "${command} || (cat '${cubin}.txt' && false)" DEPENDS ${ptx} VERBATIM)
    list(APPEND images --image3=kind=elf,sm=${arch},file=${cubin}.cubin)
    list(APPEND cubins ${cubin}.cubin)
  endforeach()
  # Not compressed: any driver knows how to read it.
  add_custom_command(OUTPUT ${code}
    COMMAND ${BITPIPE_FATBINARY} --64 --compress=false --create=${code} ${images}
    DEPENDS ${ptx} ${cubins} VERBATIM)
  execute_process(COMMAND ${BITPIPE_PTXAS} --version OUTPUT_VARIABLE version)
  string(REGEX MATCH "V([0-9.]+)" version "${version}")
  message(NOTICE "the runtime's own kernels are assembled for sm_80, sm_90 and sm_100 by ptxas ${CMAKE_MATCH_1}")
else()
  message(NOTICE "the runtime's own kernels are PTX, which the GPU's driver assembles at the first start: no ptxas and fatbinary were found")
endif()

set(embedded ${CMAKE_CURRENT_BINARY_DIR}/own_kernels.s)
file(WRITE ${embedded}.in ".section .rodata\n.balign 16\n"
  ".globl bitpipe_own_kernels\nbitpipe_own_kernels:\n.incbin \"${code}\"\n"
  ".globl bitpipe_own_kernels_end\nbitpipe_own_kernels_end:\n"
  ".section .note.GNU-stack,\"\",@progbits\n")
configure_file(${embedded}.in ${embedded} COPYONLY)
enable_language(ASM)
add_library(PipeOwnKernels STATIC ${embedded})
set_source_files_properties(${embedded} PROPERTIES OBJECT_DEPENDS ${code}
  COMPILE_OPTIONS "-Wno-unused-command-line-argument")
target_link_libraries(PipeRuntime PUBLIC PipeOwnKernels)

add_library(bitpipe_emulated_kernels SHARED ${kernels}/Kernels.cu)
set_source_files_properties(${kernels}/Kernels.cu PROPERTIES LANGUAGE CXX
  COMPILE_OPTIONS "-xc++;-O2;-ffp-contract=off")
target_link_libraries(bitpipe_emulated_kernels PRIVATE bitpipe_base)
target_link_options(bitpipe_emulated_kernels PRIVATE LINKER:-z,undefs)
set_target_properties(bitpipe_emulated_kernels PROPERTIES
  LIBRARY_OUTPUT_DIRECTORY ${CMAKE_RUNTIME_OUTPUT_DIRECTORY})
