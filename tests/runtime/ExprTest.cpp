// Size expressions: folding, checked evaluation, printing.
#include "runtime/Expr.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

using namespace heed::rt;

namespace {

const std::vector<std::string> symbols = {"batch", "seq"};

std::string print(const ExprPool &pool, ExprId id) { return printExpr(pool, id, {symbols, {}, {}}); }

TEST(Expr, EqualSizesHaveEqualIds) {
  ExprPool pool;
  ExprId a = pool.symbol(0), b = pool.symbol(1);
  EXPECT_EQ(pool.symbol(0), a);
  EXPECT_EQ(pool.add(a, b), pool.add(b, a));
  EXPECT_EQ(pool.mul(a, pool.constant(4)), pool.mul(pool.constant(4), a));
  EXPECT_NE(pool.sub(a, b), pool.sub(b, a));
}

TEST(Expr, FoldsWhatNeedsNoValue) {
  ExprPool pool;
  ExprId a = pool.symbol(0), zero = pool.constant(0), one = pool.constant(1);
  EXPECT_EQ(pool.add(a, zero), a);
  EXPECT_EQ(pool.mul(a, one), a);
  EXPECT_EQ(pool.mul(a, zero), zero);
  EXPECT_EQ(pool.ceilDiv(a, one), a);
  EXPECT_EQ(pool.mod(a, one), zero);
  EXPECT_EQ(pool.sub(a, a), zero);
  EXPECT_EQ(pool.max(a, a), a);
  EXPECT_EQ(pool.ceilDiv(pool.constant(7), pool.constant(2)), pool.constant(4));
  // What has no value is not folded: it is an error of the call that uses it.
  EXPECT_EQ(pool[pool.floorDiv(one, zero)].op, ExprOp::floorDiv);
  EXPECT_EQ(pool[pool.mul(pool.constant(INT64_MAX), pool.constant(2))].op, ExprOp::mul);
}

TEST(Expr, DivisionsRoundAsTheySay) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 10000; ++i) {
    int64_t a = static_cast<int64_t>(random() % 201) - 100, b = static_cast<int64_t>(random() % 21) - 10, value;
    if (b == 0)
      continue;
    ASSERT_EQ(evaluateBinary(ExprOp::floorDiv, a, b, value), EvalError::none);
    ASSERT_EQ(value, static_cast<int64_t>(std::floor(static_cast<double>(a) / static_cast<double>(b))));
    int64_t quotient = value;
    ASSERT_EQ(evaluateBinary(ExprOp::ceilDiv, a, b, value), EvalError::none);
    ASSERT_EQ(value, static_cast<int64_t>(std::ceil(static_cast<double>(a) / static_cast<double>(b))));
    ASSERT_EQ(evaluateBinary(ExprOp::mod, a, b, value), EvalError::none);
    ASSERT_EQ(value, a - b * quotient);
  }
}

TEST(Expr, OverflowAndDivisionByZeroAreErrors) {
  int64_t value;
  EXPECT_EQ(evaluateBinary(ExprOp::add, INT64_MAX, 1, value), EvalError::overflow);
  EXPECT_EQ(evaluateBinary(ExprOp::sub, INT64_MIN, 1, value), EvalError::overflow);
  EXPECT_EQ(evaluateBinary(ExprOp::mul, INT64_MIN, -1, value), EvalError::overflow);
  EXPECT_EQ(evaluateBinary(ExprOp::floorDiv, INT64_MIN, -1, value), EvalError::overflow);
  EXPECT_EQ(evaluateBinary(ExprOp::ceilDiv, INT64_MIN, -1, value), EvalError::overflow);
  EXPECT_EQ(evaluateBinary(ExprOp::mod, INT64_MIN, -1, value), EvalError::none);
  EXPECT_EQ(value, 0);
  for (ExprOp op : {ExprOp::floorDiv, ExprOp::ceilDiv, ExprOp::mod})
    EXPECT_EQ(evaluateBinary(op, 3, 0, value), EvalError::divisionByZero);
}

TEST(Expr, PrintsFormulas) {
  ExprPool pool;
  ExprId batch = pool.symbol(0), seq = pool.symbol(1);
  EXPECT_EQ(print(pool, pool.mul(batch, pool.ceilDiv(seq, pool.constant(64)))), "batch*ceildiv(seq, 64)");
  EXPECT_EQ(print(pool, pool.mul(pool.add(batch, seq), pool.constant(4))), "(batch + seq)*4");
  EXPECT_EQ(print(pool, pool.sub(batch, pool.sub(seq, pool.constant(1)))), "batch - (seq - 1)");
  EXPECT_EQ(print(pool, pool.inputStride(2, 1)), "stride(input2, 1)");
  EXPECT_EQ(print(pool, noExpr), "-");
}

TEST(Expr, PrintingSharedSubtreesEnds) {
  ExprPool pool;
  ExprId x = pool.symbol(0);
  for (int i = 0; i < 60; ++i) // written out, 2^60 leaves
    x = pool.append({ExprOp::mul, x, x});
  EXPECT_LT(print(pool, x).size(), 5000u);
}

} // namespace
