# Finds Debian's MLIR 22.1, defines the interface target heed_mlir (headers, libMLIR, libLLVM), the precompiled header
# every MLIR source shares, and heed_add_dialect.

execute_process(COMMAND llvm-config-22 --prefix OUTPUT_VARIABLE HEED_LLVM_PREFIX OUTPUT_STRIP_TRAILING_WHITESPACE
                COMMAND_ERROR_IS_FATAL ANY)
find_package(MLIR 22.1 REQUIRED CONFIG PATHS ${HEED_LLVM_PREFIX}/lib/cmake/mlir NO_DEFAULT_PATH)
list(APPEND CMAKE_MODULE_PATH ${MLIR_CMAKE_DIR} ${LLVM_CMAKE_DIR})
include(TableGen)
include(AddLLVM)
include(AddMLIR)

add_library(heed_mlir INTERFACE)
target_include_directories(heed_mlir SYSTEM INTERFACE ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
separate_arguments(HEED_LLVM_DEFINITIONS NATIVE_COMMAND "${LLVM_DEFINITIONS}")
# Without timestamps in it, one cached precompiled header serves every checkout (ccache compares contents).
target_compile_options(heed_mlir INTERFACE ${HEED_LLVM_DEFINITIONS} "SHELL:-Xclang -fno-pch-timestamp")
target_link_libraries(heed_mlir INTERFACE MLIR LLVM)

# One precompiled header for all sources that use MLIR. Editing it rebuilds them all, so it holds upstream headers only.
add_library(heed_mlir_pch STATIC ${CMAKE_SOURCE_DIR}/cmake/MLIRPrecompiled.cpp)
target_link_libraries(heed_mlir_pch PRIVATE heed_options heed_mlir)
set_target_properties(heed_mlir_pch PROPERTIES POSITION_INDEPENDENT_CODE OFF)
target_compile_options(heed_mlir_pch PRIVATE -fPIC)
target_precompile_headers(heed_mlir_pch PRIVATE ${CMAKE_SOURCE_DIR}/cmake/MLIRPrecompiled.h)

# heed_add_dialect(Attn attn): from <Name>.td and <Name>Ops.td in the current folder makes the usual .inc files and the
# target Heed<Name>IncGen.
function(heed_add_dialect name mnemonic)
  set(LLVM_TARGET_DEFINITIONS ${name}Ops.td)
  include_directories(${MLIR_INCLUDE_DIRS} ${CMAKE_SOURCE_DIR})
  mlir_tablegen(${name}Ops.h.inc -gen-op-decls)
  mlir_tablegen(${name}Ops.cpp.inc -gen-op-defs)
  mlir_tablegen(${name}Dialect.h.inc -gen-dialect-decls -dialect=${mnemonic})
  mlir_tablegen(${name}Dialect.cpp.inc -gen-dialect-defs -dialect=${mnemonic})
  mlir_tablegen(${name}Types.h.inc -gen-typedef-decls -typedefs-dialect=${mnemonic})
  mlir_tablegen(${name}Types.cpp.inc -gen-typedef-defs -typedefs-dialect=${mnemonic})
  mlir_tablegen(${name}Enums.h.inc -gen-enum-decls)
  mlir_tablegen(${name}Enums.cpp.inc -gen-enum-defs)
  mlir_tablegen(${name}Attrs.h.inc -gen-attrdef-decls -attrdefs-dialect=${mnemonic})
  mlir_tablegen(${name}Attrs.cpp.inc -gen-attrdef-defs -attrdefs-dialect=${mnemonic})
  add_public_tablegen_target(Heed${name}IncGen)
endfunction()
