# nca_emulated: the whole program with the CUDA backend on an emulated device, and the tests of that
# backend. Never installed. Its own devices.c and backend come before those of the library.
add_library(nca_emulated_backend OBJECT ${PROJECT_SOURCE_DIR}/src/host/base/devices.c ${NCA_CUDA_HOST})
nca_emulate(nca_emulated_backend ${NCA_CUDA_KERNELS})
target_compile_definitions(nca_emulated_backend PRIVATE NCA_WITH_CUDA)
target_include_directories(nca_emulated_backend PRIVATE ${PROJECT_SOURCE_DIR}/include
  ${PROJECT_SOURCE_DIR}/src/host)

# Links a program of C sources with the emulated device.
function(nca_emulated_program name)
  add_executable(${name} ${ARGN} $<TARGET_OBJECTS:nca_emulated_backend>)
  set_target_properties(${name} PROPERTIES ENABLE_EXPORTS ON LINKER_LANGUAGE CXX)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/src/host
    ${PROJECT_SOURCE_DIR}/src/kernels ${PROJECT_SOURCE_DIR}/tests)
  # The backend looks cuBLAS up by name; nothing else names it.
  target_link_options(${name} PRIVATE -Wl,-u,cublasCreate -Wl,-u,cublasSgemm)
  target_link_libraries(${name} PRIVATE libnca nca_emulator ${CMAKE_DL_LIBS})
endfunction()

nca_emulated_program(nca_emulated ${PROJECT_SOURCE_DIR}/src/host/main.c)
nca_emulated_program(bench_kernels_emulated)
nca_timing_sources(bench_kernels_emulated ${NCA_BENCH_KERNELS})
target_compile_definitions(bench_kernels_emulated PRIVATE NCA_WITH_CUDA)
set_target_properties(bench_kernels_emulated PROPERTIES OUTPUT_NAME bench_kernels)

# A test on the emulated device, from its source.
function(nca_emulated_test name source)
  nca_emulated_program(${name} ${source})
  target_compile_definitions(${name} PRIVATE NCA_TEST_EMULATED)
  target_link_libraries(${name} PRIVATE PkgConfig::CMOCKA)
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 900 LABELS cuda)
endfunction()

# Every tests/kernels/cuda/test_*.c, and the tests of the seam that go through all backends of a
# program.
file(GLOB NCA_CUDA_TESTS CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/kernels/cuda/test_*.c)
foreach(source ${NCA_CUDA_TESTS})
  get_filename_component(name ${source} NAME_WE)
  nca_emulated_test(${name} ${source})
endforeach()
nca_emulate(test_mma ${PROJECT_SOURCE_DIR}/tests/kernels/cuda/mma_products.cu)
nca_emulate(test_neighbours ${PROJECT_SOURCE_DIR}/tests/kernels/cuda/neighbours.cu)
foreach(name seam_contract not_finite optimizer adversary)
  nca_emulated_test(test_${name}_cuda ${PROJECT_SOURCE_DIR}/tests/kernels/test_${name}.c)
endforeach()
nca_emulated_test(test_timers_cuda ${PROJECT_SOURCE_DIR}/tests/bench/test_timers.c)
nca_timing_sources(test_timers_cuda ${PROJECT_SOURCE_DIR}/bench/kernels/timers.c)
target_compile_definitions(test_timers_cuda PRIVATE NCA_WITH_CUDA)

# What is tested through that program. It is about numbers: with a sanitizer it would take minutes
# to find nothing that test_cuda does not.
if(NCA_SANITIZE)
  target_compile_definitions(test_cuda PRIVATE NCA_TEST_SANITIZED)
  target_compile_definitions(test_precision PRIVATE NCA_TEST_SANITIZED)
else()
  set(NCA_EMULATED_TESTS emulated emulated_precision emulated_verify gpu_check)
endif()
foreach(name ${NCA_EMULATED_TESTS})
  add_test(NAME ${name} COMMAND bash ${PROJECT_SOURCE_DIR}/tests/kernels/cuda/${name}.sh
    $<TARGET_FILE:nca_emulated> WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 900 LABELS cuda)
endforeach()

if(NCA_WITH_CUDA)
  # NVIDIA's cuRAND header beside the host's generator, without the emulator's headers.
  add_library(curand_on_host OBJECT ${PROJECT_SOURCE_DIR}/tests/kernels/cuda/curand_on_host.cpp)
  target_include_directories(curand_on_host SYSTEM PRIVATE ${CUDAToolkit_INCLUDE_DIRS})
  target_sources(test_fire PRIVATE $<TARGET_OBJECTS:curand_on_host>)
  target_compile_definitions(test_fire PRIVATE NCA_TEST_CURAND)

  # The same tests on a GPU; skipped where there is none.
  foreach(name cuda precision rules sessions)
    nca_test(test_${name}_gpu ${PROJECT_SOURCE_DIR}/tests/kernels/cuda/test_${name}.c)
    set_tests_properties(test_${name}_gpu PROPERTIES LABELS cuda)
  endforeach()
endif()
