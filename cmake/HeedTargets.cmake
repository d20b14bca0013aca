# How Heed's own targets are compiled: warnings, sanitizers, include root.
#
#   heed_add_library(NAME [SHARED] SOURCES... [LINK libs...] [MLIR])
#   heed_add_executable(NAME SOURCES... [LINK libs...] [MLIR])
#
# MLIR marks a target whose sources use MLIR: it gets the shared precompiled header and links libMLIR and libLLVM.

set(HEED_SANITIZE "" CACHE STRING "Value for -fsanitize=, empty for none")

add_library(heed_options INTERFACE)
target_include_directories(heed_options INTERFACE ${CMAKE_SOURCE_DIR})
# Generated headers are not ours to warn about.
target_include_directories(heed_options SYSTEM INTERFACE ${CMAKE_BINARY_DIR})
target_compile_options(heed_options INTERFACE -Wall -Wextra -Werror -fno-omit-frame-pointer)
if(HEED_SANITIZE)
  target_compile_options(heed_options INTERFACE -fsanitize=${HEED_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(heed_options INTERFACE -fsanitize=${HEED_SANITIZE})
endif()
if(HEED_FUZZ)
  # Coverage for libFuzzer everywhere; the fuzz targets themselves link its main.
  target_compile_options(heed_options INTERFACE -fsanitize=fuzzer-no-link)
  target_link_options(heed_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
add_link_options(-fuse-ld=lld)

function(heed_configure_target name uses_mlir)
  target_link_libraries(${name} PRIVATE heed_options)
  if(uses_mlir)
    target_link_libraries(${name} PRIVATE heed_mlir)
    # One precompiled header serves libraries and executables, so both are compiled as PIC, not PIE.
    set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    target_compile_options(${name} PRIVATE -fPIC)
    target_precompile_headers(${name} REUSE_FROM heed_mlir_pch)
  endif()
endfunction()

function(heed_add_library name)
  cmake_parse_arguments(ARG "MLIR;SHARED" "" "SOURCES;LINK;DEPENDS" ${ARGN})
  if(ARG_SHARED)
    add_library(${name} SHARED ${ARG_SOURCES})
  else()
    add_library(${name} STATIC ${ARG_SOURCES})
  endif()
  target_link_libraries(${name} PUBLIC ${ARG_LINK})
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
  heed_configure_target(${name} "${ARG_MLIR}")
endfunction()

function(heed_add_executable name)
  cmake_parse_arguments(ARG "MLIR" "" "SOURCES;LINK;DEPENDS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LINK})
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
  heed_configure_target(${name} "${ARG_MLIR}")
endfunction()
