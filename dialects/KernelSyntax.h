/// The syntax of kernel ops, which is that of functions with the attributes of such.
#pragma once

#include "mlir/IR/Builders.h"
#include "mlir/Interfaces/FunctionImplementation.h"

namespace heed {

template <typename KernelOp> mlir::ParseResult parseKernel(mlir::OpAsmParser &parser, mlir::OperationState &result) {
  auto buildType = [](mlir::Builder &builder, llvm::ArrayRef<mlir::Type> inputs, llvm::ArrayRef<mlir::Type> results,
                      mlir::function_interface_impl::VariadicFlag,
                      std::string &) { return builder.getFunctionType(inputs, results); };
  return mlir::function_interface_impl::parseFunctionOp(
      parser, result, /*allowVariadic=*/false, KernelOp::getFunctionTypeAttrName(result.name), buildType,
      KernelOp::getArgAttrsAttrName(result.name), KernelOp::getResAttrsAttrName(result.name));
}

template <typename KernelOp> void printKernel(mlir::OpAsmPrinter &printer, KernelOp kernel) {
  mlir::function_interface_impl::printFunctionOp(printer, kernel, /*isVariadic=*/false,
                                                 kernel.getFunctionTypeAttrName(), kernel.getArgAttrsAttrName(),
                                                 kernel.getResAttrsAttrName());
}

} // namespace heed
