/// heed-opt: runs passes on .mlir files, like mlir-opt.
#include "compiler/Registration.h"

#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  heed::registerDialects(registry);
  heed::registerPasses();
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "Heed's pass driver\n", registry));
}
