# mpcc_library(DIR SOURCES a.cpp ... DEPS lib ... [PRIVATE_DEPS lib ...])
#
# One static library per folder, named after it (runtime/core -> mpcc_runtime_core).
# The folder's headers are reachable as "runtime/core/X.h" only through a link
# directory that belongs to the target, so a folder can include another one
# only where it lists it in DEPS: the include rules are enforced by the build.
find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

add_library(mpcc_flags INTERFACE)
target_compile_options(mpcc_flags INTERFACE -Wall -Wextra -Werror)
target_compile_definitions(mpcc_flags INTERFACE _GLIBCXX_ASSERTIONS)
if(MPCC_SANITIZE)
  target_compile_options(mpcc_flags INTERFACE -fsanitize=${MPCC_SANITIZE}
    -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(mpcc_flags INTERFACE -fsanitize=${MPCC_SANITIZE})
  # g++ 12 warns falsely about std::optional's storage when it instruments it.
  target_compile_options(mpcc_flags INTERFACE
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
endif()
if(MPCC_FUZZ) # coverage for libFuzzer in every library, its main in none
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES Clang)
    message(FATAL_ERROR "MPCC_FUZZ needs clang (-DCMAKE_CXX_COMPILER=clang++)")
  endif()
  target_compile_options(mpcc_flags INTERFACE -fsanitize=fuzzer-no-link)
  target_compile_definitions(mpcc_flags INTERFACE
    FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION) # the usual name: small limits
endif()

function(mpcc_library dir)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;PRIVATE_DEPS" ${ARGN})
  string(REPLACE "/" "_" name ${dir})
  set(lib mpcc_${name})
  set(inc ${PROJECT_BINARY_DIR}/include/${name})
  get_filename_component(parent ${dir} DIRECTORY)
  file(MAKE_DIRECTORY ${inc}/${parent})
  file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR} ${inc}/${dir} SYMBOLIC)
  if(ARG_SOURCES)
    add_library(${lib} STATIC ${ARG_SOURCES})
    target_include_directories(${lib} PUBLIC ${inc})
    target_link_libraries(${lib} PUBLIC ${ARG_DEPS} PRIVATE mpcc_flags ${ARG_PRIVATE_DEPS})
  else()
    add_library(${lib} INTERFACE)
    target_include_directories(${lib} INTERFACE ${inc})
    target_link_libraries(${lib} INTERFACE ${ARG_DEPS})
  endif()
endfunction()
