// SPDX-License-Identifier: Apache-2.0
#include "catalog/model/image.h"

#include <array>
#include <chrono>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace glance {
namespace {

using enum ImageStatus;

constexpr std::array<ImageStatus, 9> kStatuses = {
    queued, saving, uploading, importing, active, deactivated, killed, pending_delete, deleted};

TEST(ImageId, RandomOnesAreVersion4AndDiffer) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const ImageId id = ImageId::random();
    EXPECT_EQ(ImageId::parse(id.text()), id);
    EXPECT_EQ(id.text()[14], '4') << id.text();
    EXPECT_NE(std::string("89ab").find(id.text()[19]), std::string::npos) << id.text();
    EXPECT_TRUE(seen.insert(id.text()).second);
  }
}

TEST(ImageId, KeepsTheCaseThatItWasGiven) {
  const auto id = ImageId::parse("6D0F0920-4a9b-44ff-b19e-84DDBCE7b77b");
  ASSERT_TRUE(id);
  EXPECT_EQ(id->text(), "6D0F0920-4a9b-44ff-b19e-84DDBCE7b77b");
  EXPECT_NE(*id, *ImageId::parse("6d0f0920-4a9b-44ff-b19e-84ddbce7b77b"));
}

TEST(ImageId, RefusesWhatIsNoUuid) {
  for (const char* text : {
           "",
           "nope",
           "6d0f0920-4a9b-44ff-b19e-84ddbce7b77",
           "6d0f0920-4a9b-44ff-b19e-84ddbce7b77b0",
           "6d0f09204a9b44ffb19e84ddbce7b77b",
           "6d0f0920-4a9b-44ff-b19e084ddbce7b77b",
           "6d0f092-04a9b-44ff-b19e-84ddbce7b77b",
           "6g0f0920-4a9b-44ff-b19e-84ddbce7b77b",
           "../../../../../../../../../etc/passwd",
           "{6d0f0920-4a9b-44ff-b19e-84ddbce7b77}",
       }) {
    EXPECT_EQ(ImageId::parse(text), std::nullopt) << text;
  }
}

TEST(ImageStatus, NamesAreReadBack) {
  std::set<std::string_view> names;
  for (const ImageStatus status : kStatuses) {
    EXPECT_EQ(parse_image_status(to_string(status)), status);
    names.insert(to_string(status));
  }
  EXPECT_EQ(names.size(), kStatuses.size());
  EXPECT_EQ(to_string(pending_delete), "pending_delete");
  EXPECT_EQ(parse_image_status("Active"), std::nullopt);
  EXPECT_EQ(parse_image_status(""), std::nullopt);
}

TEST(ImageStatus, StepsAreGlancesStateMachine) {
  const std::map<ImageStatus, std::set<ImageStatus>> allowed = {
      {queued, {saving, uploading, importing, active, deleted}},
      {saving, {active, killed, deleted, queued}},
      {uploading, {importing, queued, deleted}},
      {importing, {active, deleted, queued}},
      {active, {pending_delete, deleted, deactivated}},
      {deactivated, {active, deleted}},
      {killed, {deleted}},
      {pending_delete, {deleted, active}},
      {deleted, {}},
  };
  for (const ImageStatus from : kStatuses) {
    for (const ImageStatus to : kStatuses) {
      EXPECT_EQ(can_transition(from, to), allowed.at(from).contains(to))
          << to_string(from) << " to " << to_string(to);
    }
  }
}

TEST(ImageStatus, NoOtherStepReachesADatabase) {
  EXPECT_NO_THROW(require_transition(ImageStatus::queued, ImageStatus::saving));
  EXPECT_NO_THROW(require_transition(ImageStatus::active, ImageStatus::active));
  EXPECT_THROW(require_transition(ImageStatus::active, ImageStatus::queued), std::logic_error);
}

TEST(Visibility, NamesAreReadBack) {
  for (const Visibility visibility :
       {Visibility::public_, Visibility::private_, Visibility::shared, Visibility::community}) {
    EXPECT_EQ(parse_visibility(to_string(visibility)), visibility);
  }
  EXPECT_EQ(to_string(Visibility::public_), "public");
  EXPECT_EQ(to_string(Visibility::private_), "private");
  EXPECT_EQ(parse_visibility("public_"), std::nullopt);
  EXPECT_EQ(parse_visibility(""), std::nullopt);
}

TEST(Now, IsTheSystemsClock) {
  const auto before =
      std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
  const Timestamp time = now();
  EXPECT_GE(time, before);
  EXPECT_LE(time, std::chrono::system_clock::now());
}

}  // namespace
}  // namespace glance
