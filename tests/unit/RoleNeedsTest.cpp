/// What is concluded from tries that did not fit.
#include "backends/simt/RoleNeeds.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/MLIRContext.h"

#include <gtest/gtest.h>

using namespace mlir;
using namespace heed::simt;

namespace {

struct RoleNeedsTest : testing::Test {
  MLIRContext context;
  Builder builder{&context};
  Attribute large = builder.getStringAttr("large"), small = builder.getStringAttr("small");
  RoleNeeds needs;

  RoleNeedsTest() {
    for (int64_t copyingRegisters : {40, 56, 24})
      needs.addDivision(copyingRegisters);
  }
};

TEST_F(RoleNeedsTest, OneTryShowsNothing) {
  needs.add({large, true, 40, 16});
  for (int64_t registers : {24, 40, 56}) {
    EXPECT_EQ(needs.isHopeless(small, registers), false);
    EXPECT_EQ(needs.isHopeless(large, registers), false);
  }
}

TEST_F(RoleNeedsTest, LanesThatCopyAreShortForAllBlocks) {
  needs.add({large, true, 40, 16});
  needs.add({large, true, 56, 8});
  EXPECT_TRUE(needs.isHopeless(large, 24));
  EXPECT_TRUE(needs.isHopeless(small, 24));
  EXPECT_TRUE(needs.isHopeless(small, 40));
  EXPECT_FALSE(needs.isHopeless(small, 56));
}

TEST_F(RoleNeedsTest, LanesThatMultiplyAreShortForTheirBlocks) {
  needs.add({large, true, 56, 16});
  needs.add({large, true, 40, 8});
  EXPECT_FALSE(needs.isHopeless(large, 24));
  EXPECT_TRUE(needs.isHopeless(large, 56));
  EXPECT_FALSE(needs.isHopeless(small, 56));
}

TEST_F(RoleNeedsTest, BothMayBeShort) {
  needs.add({large, true, 40, 16});
  needs.add({large, true, 56, 16});
  EXPECT_FALSE(needs.isHopeless(large, 24));
}

TEST_F(RoleNeedsTest, OtherBlocksAreNotCompared) {
  needs.add({large, true, 40, 16});
  needs.add({small, true, 56, 8});
  EXPECT_FALSE(needs.isHopeless(small, 24));
}

TEST_F(RoleNeedsTest, WithoutRolesDivisionsAreEqual) {
  needs.add({large, false, 40, 16});
  EXPECT_TRUE(needs.isHopeless(large, 24));
  EXPECT_FALSE(needs.isHopeless(small, 24));
}

TEST_F(RoleNeedsTest, LanesThatCopyFarMoreValuesThanRegistersAreShortForAllBlocks) {
  needs.expect(large, {.hasRoles = true, .copying = 60, .others = 200});
  EXPECT_TRUE(needs.isHopeless(small, 24));
  EXPECT_FALSE(needs.isHopeless(small, 40));
  needs.expect(large, {.hasRoles = true, .copying = 61, .others = 200});
  EXPECT_TRUE(needs.isHopeless(small, 40));
  EXPECT_TRUE(needs.isHopeless(large, 40));
}

TEST_F(RoleNeedsTest, TheLargestShareIsTriedHoweverManyValuesThereAre) {
  needs.expect(large, {.hasRoles = true, .copying = 500, .others = 200});
  EXPECT_FALSE(needs.isHopeless(large, 56));
}

TEST_F(RoleNeedsTest, LanesWithOneRoleDoWithFewerValuesThanThoseThatOnlyMultiply) {
  EXPECT_FALSE(RoleNeeds::exceedAll(339, 255));
  EXPECT_TRUE(RoleNeeds::exceedAll(340, 255));
  EXPECT_FALSE(RoleNeeds::exceed(348, 232));
  EXPECT_TRUE(RoleNeeds::exceed(464, 232));
}

TEST_F(RoleNeedsTest, ValuesWithoutRolesShowNothingOfThem) {
  needs.expect(large, {.hasRoles = false, .copying = 0, .others = 500});
  EXPECT_FALSE(needs.isHopeless(small, 24));
}

TEST_F(RoleNeedsTest, WhereLanesThatCopyFitTheOthersAreShort) {
  needs.expect(large, {.hasRoles = true, .copying = 36, .others = 200});
  needs.add({large, true, 40, 8});
  EXPECT_TRUE(needs.isHopeless(large, 56));
  EXPECT_FALSE(needs.isHopeless(large, 24));
  EXPECT_FALSE(needs.isHopeless(small, 56));
}

TEST_F(RoleNeedsTest, WhereLanesThatCopyMayNotFitOneTryShowsNothing) {
  needs.expect(large, {.hasRoles = true, .copying = 41, .others = 200});
  needs.add({large, true, 40, 8});
  EXPECT_FALSE(needs.isHopeless(large, 56));
}

TEST_F(RoleNeedsTest, WhatFitsShowsNoShortage) {
  needs.expect(large, {.hasRoles = true, .copying = 20, .others = 200});
  needs.add({large, true, 40, 0});
  EXPECT_FALSE(needs.isHopeless(large, 56));
}

} // namespace
