/// PTX of a kernel under other registers of its roles.
#include "backends/cuda/RedividePtx.h"

#include <gtest/gtest.h>

using namespace heed::cuda;

namespace {

constexpr llvm::StringLiteral kernel = ".visible .entry attend_aligned(\n"
                                       "\t.param .u64 attend_aligned_param_0\n"
                                       ")\n"
                                       "{\n"
                                       "\tld.param.b64 \t%rd1, [attend_aligned_param_0];\n"
                                       "\tsetmaxnreg.inc.sync.aligned.u32 \t232;\n"
                                       "\tret;\n"
                                       "$L__BB0_4:\n"
                                       "\tsetmaxnreg.dec.sync.aligned.u32 \t40;\n"
                                       "\tadd.s32 \t%r1, %r1, 232;\n"
                                       "}\n",
                              roleless = ".visible .entry attend(\n)\n{\n\tret;\n}\n";

TEST(RedividePtxTest, NameAndNumbersChange) {
  EXPECT_EQ(redividePtx(kernel, {"attend_r56_aligned", 56, 224}),
            ".visible .entry attend_r56_aligned(\n"
            "\t.param .u64 attend_r56_aligned_param_0\n"
            ")\n"
            "{\n"
            "\tld.param.b64 \t%rd1, [attend_r56_aligned_param_0];\n"
            "\tsetmaxnreg.inc.sync.aligned.u32 \t224;\n"
            "\tret;\n"
            "$L__BB0_4:\n"
            "\tsetmaxnreg.dec.sync.aligned.u32 \t56;\n"
            "\tadd.s32 \t%r1, %r1, 232;\n"
            "}\n");
}

TEST(RedividePtxTest, TheSameDivisionIsTheSameText) {
  EXPECT_EQ(redividePtx(kernel, {"attend_aligned", 40, 232}), kernel);
}

TEST(RedividePtxTest, WithoutRolesThereIsNoOther) {
  EXPECT_TRUE(hasRoles(kernel));
  EXPECT_FALSE(hasRoles(roleless));
  EXPECT_EQ(redividePtx(roleless, {"attend_r56", 56, 224}), std::nullopt);
}

TEST(RedividePtxTest, OfSeveralKernelsNoneIsMeant) {
  EXPECT_EQ(redividePtx((kernel + roleless).str(), {"attend_r56", 56, 224}), std::nullopt);
}

} // namespace
