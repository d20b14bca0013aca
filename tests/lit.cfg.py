# How lit runs the compiler tests: tests/dialects, tests/compiler and tests/backends mirror the source folders.
# `lit --param build=DIR` picks another build than build/release.
import os

import lit.formats

config.name = "heed"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test", ".textproto"]
config.excludes = ["Inputs"]
config.test_source_root = os.path.dirname(__file__)

repository = os.path.dirname(config.test_source_root)
build = os.path.abspath(lit_config.params.get("build", os.path.join(repository, "build", "release")))
if not os.path.isdir(os.path.join(build, "bin")):
    lit_config.fatal(f"no tools in {build}/bin: build first, or name the build folder with --param build=DIR")
config.test_exec_root = os.path.join(build, "tests")

llvm_tools = "/usr/lib/llvm-22/bin"
config.environment["PATH"] = os.pathsep.join([os.path.join(build, "bin"), llvm_tools, os.environ["PATH"]])
config.substitutions.append(("%python", os.path.join(repository, ".venv", "bin", "python")))
config.substitutions.append(("%libs", os.path.join(build, "lib")))
config.substitutions.append(("%examples", os.path.join(repository, "examples")))
# ONNX models of the import tests are protobuf text: %encode-onnx < %s > %t.onnx
config.substitutions.append(("%encode-onnx", "protoc --proto_path=/usr/include --encode=onnx.ModelProto onnx/onnx.proto"))
