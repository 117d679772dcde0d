# nca_emulated: the whole program with the CUDA backend on an emulated device, and the tests of that
# backend. Never installed. Its own devices.c and backend come before those of the library.
add_library(nca_emulated_backend OBJECT ${PROJECT_SOURCE_DIR}/src/host/devices.c ${NCA_CUDA_HOST})
nca_emulate(nca_emulated_backend ${NCA_CUDA_KERNELS})
target_compile_definitions(nca_emulated_backend PRIVATE NCA_WITH_CUDA)
target_include_directories(nca_emulated_backend PRIVATE ${PROJECT_SOURCE_DIR}/include)

# Links a program of C sources with the emulated device.
function(nca_emulated_program name)
  add_executable(${name} ${ARGN} $<TARGET_OBJECTS:nca_emulated_backend>)
  set_target_properties(${name} PROPERTIES ENABLE_EXPORTS ON LINKER_LANGUAGE CXX)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/src/host
    ${PROJECT_SOURCE_DIR}/tests)
  # The backend looks cuBLAS up by name; nothing else names it.
  target_link_options(${name} PRIVATE -Wl,-u,cublasCreate -Wl,-u,cublasSgemm)
  target_link_libraries(${name} PRIVATE libnca nca_emulator ${CMAKE_DL_LIBS})
endfunction()

nca_emulated_program(nca_emulated ${PROJECT_SOURCE_DIR}/src/host/main.c)

nca_emulated_program(test_cuda ${PROJECT_SOURCE_DIR}/tests/cuda/test_cuda.c)
target_link_libraries(test_cuda PRIVATE PkgConfig::CMOCKA)
add_test(NAME test_cuda COMMAND test_cuda WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
set_tests_properties(test_cuda PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 900)
