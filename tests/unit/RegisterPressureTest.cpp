/// What values of lanes take that are alive together.
#include "backends/simt/RegisterPressure.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <string>

using namespace mlir;
using namespace heed::simt;

namespace {

struct RegisterPressureTest : testing::Test {
  MLIRContext context;

  RegisterPressureTest() { context.loadDialect<SimtDialect, arith::ArithDialect, scf::SCFDialect>(); }

  LaneNeeds needsOf(const std::string &body) {
    OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(
        "simt.kernel @k(%a: i64, %b: i64, %c: i64) attributes {lanes = 32 : i64, num_bases = 0 : i64, "
        "shared_bytes = 0 : i64, threads = 256 : i64} {\n" +
            body + "  simt.return\n}\n",
        ParserConfig(&context));
    EXPECT_TRUE(module);
    return module ? needsOfLanes(*module->getOps<KernelOp>().begin()) : LaneNeeds();
  }
};

TEST_F(RegisterPressureTest, ArgumentsConstantsAndPredicatesTakeNone) {
  LaneNeeds needs = needsOf("%c1 = arith.constant 1 : i64\n"
                            "%less = arith.cmpi slt, %a, %c1 : i64\n"
                            "scf.if %less {\n  simt.barrier\n}\n");
  EXPECT_FALSE(needs.hasRoles);
  EXPECT_EQ(needs.others, 0);
}

TEST_F(RegisterPressureTest, WideValuesTakeTwo) {
  EXPECT_EQ(needsOf("%sum = arith.addi %a, %b : i64\n"
                    "%lane = simt.lane\n"
                    "%wide = arith.extui %lane : i32 to i64\n"
                    "%less = arith.cmpi slt, %sum, %wide : i64\n"
                    "scf.if %less {\n  simt.barrier\n}\n")
                .others,
            4);
}

TEST_F(RegisterPressureTest, WarpsThatMakeNumbersTakeNone) {
  const std::string body = "%x = arith.addi %a, %b : i64\n"
                           "%y = arith.addi %a, %c : i64\n"
                           "%less = arith.cmpi slt, %a, %b : i64\n"
                           "scf.if %less {\n"
                           "  %small = arith.cmpi slt, %x, %c : i64\n"
                           "  scf.if %small {\n    simt.barrier\n  }\n"
                           "} else {\n"
                           "  %sum = arith.addi %x, %y : i64\n"
                           "  %small = arith.cmpi slt, %sum, %c : i64\n"
                           "  scf.if %small {\n    simt.barrier\n  }\n"
                           "}";
  EXPECT_EQ(needsOf(body + "\n").others, 6);
  EXPECT_EQ(needsOf(body + " {heed.makes_numbers}\n").others, 2);
}

TEST_F(RegisterPressureTest, WhatIsNotUsedAnyMoreTakesNone) {
  EXPECT_EQ(needsOf("%x = arith.addi %a, %b : i64\n"
                    "%y = arith.addi %x, %b : i64\n"
                    "%z = arith.addi %y, %b : i64\n"
                    "%less = arith.cmpi slt, %z, %c : i64\n"
                    "scf.if %less {\n  simt.barrier\n}\n")
                .others,
            2);
}

TEST_F(RegisterPressureTest, WhatALoopUsesIsAliveThroughoutIt) {
  // The product lives beside the counter and all that is added in the loop.
  EXPECT_EQ(needsOf("%c0 = arith.constant 0 : i64\n"
                    "%c1 = arith.constant 1 : i64\n"
                    "%product = arith.muli %a, %b : i64\n"
                    "scf.for %i = %c0 to %c step %c1 : i64 {\n"
                    "  %early = arith.addi %product, %i : i64\n"
                    "  %less = arith.cmpi slt, %early, %c : i64\n"
                    "  scf.if %less {\n    simt.barrier\n  }\n"
                    "  %x = arith.addi %a, %i : i64\n"
                    "  %y = arith.addi %x, %x : i64\n"
                    "  %z = arith.addi %y, %x : i64\n"
                    "  %more = arith.cmpi sgt, %z, %c : i64\n"
                    "  scf.if %more {\n    simt.barrier\n  }\n"
                    "}\n")
                .others,
            6);
}

TEST_F(RegisterPressureTest, EachRoleHasItsOwn) {
  LaneNeeds needs = needsOf("%lane = simt.lane\n"
                            "%c0 = arith.constant 0 : i32\n"
                            "%copies = arith.cmpi eq, %lane, %c0 : i32\n"
                            "scf.if %copies {\n"
                            "  simt.set_registers decrease 40\n"
                            "  %x = arith.addi %a, %b : i64\n"
                            "  %less = arith.cmpi slt, %x, %c : i64\n"
                            "  scf.if %less {\n    simt.barrier\n  }\n"
                            "} else {\n"
                            "  simt.set_registers increase 232\n"
                            "  %x = arith.addi %a, %b : i64\n"
                            "  %y = arith.addi %a, %c : i64\n"
                            "  %less = arith.cmpi slt, %x, %y : i64\n"
                            "  scf.if %less {\n    simt.barrier\n  }\n"
                            "}\n");
  EXPECT_TRUE(needs.hasRoles);
  EXPECT_EQ(needs.copying, 2);
  EXPECT_EQ(needs.others, 4);
}

} // namespace
