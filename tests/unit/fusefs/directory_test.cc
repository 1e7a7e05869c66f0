// SPDX-License-Identifier: Apache-2.0
#include "fusefs/directory.h"

#include <gmock/gmock.h>

#include "tests/unit/support/catalog_fixture.h"

namespace glance::fs {
namespace {

using ::testing::UnorderedElementsAre;

class ADirectory : public test::CatalogFixture {
 protected:
  Directory open_directory() {
    return {*catalog_, caller_, [this](const std::vector<Invalidation>& changed) {
              for (const auto& each : changed) {
                if (each.parent == kRootInode) forgotten_.push_back(each.name);
              }
            }};
  }

  static std::vector<std::string> shown(const Directory& directory) {
    std::vector<std::string> names;
    for (const auto& node : *directory.listing()) {
      if (node->in_root()) names.push_back(node->file_name);
    }
    return names;
  }

  static std::string id8(const Image& image) { return image.id.text().substr(0, 8); }

  void rename(const Image& image, const std::string& name) const {
    const AttributeEdit edit{.name = "name", .value = name};
    catalog_->update(caller_, image.id, std::span(&edit, 1));
  }

  std::vector<std::string> forgotten_;
};

TEST_F(ADirectory, TheOldestOfOneNameKeepsItBare) {
  const Image first = add("noble");
  const Image second = add("noble");
  const auto directory = open_directory();
  EXPECT_THAT(shown(directory), UnorderedElementsAre("noble", "noble~" + id8(second)));
  EXPECT_EQ(directory.find_name("noble")->image.id, first.id);
  EXPECT_EQ(directory.find_name("noble~" + id8(second))->image.id, second.id);
  EXPECT_EQ(directory.find_name("noble~" + id8(first))->image.id, first.id);
  EXPECT_EQ(directory.find_name("noble~00000000"), nullptr);
}

TEST_F(ADirectory, ALaterNamesakeDoesNotTakeTheNameEvenByRenaming) {
  const Image old = add("other");
  const Image first = add("noble");
  auto directory = open_directory();
  rename(old, "noble");
  directory.refresh();
  EXPECT_EQ(directory.find_name("noble")->image.id, first.id);
  EXPECT_EQ(directory.find_name("noble~" + id8(old))->image.id, old.id);
  EXPECT_EQ(directory.find_name("other"), nullptr);
  EXPECT_THAT(forgotten_, UnorderedElementsAre("other"));
}

TEST_F(ADirectory, TheNextInLineTakesOverADeletedImagesName) {
  const Image first = add("noble");
  const Image second = add("noble");
  auto directory = open_directory();
  catalog_->remove(caller_, first.id);
  directory.refresh();
  EXPECT_THAT(shown(directory), UnorderedElementsAre("noble"));
  EXPECT_EQ(directory.find_name("noble")->image.id, second.id);
  EXPECT_THAT(forgotten_, UnorderedElementsAre("noble", "noble~" + id8(second)));
}

TEST_F(ADirectory, HiddenImagesAreReachableButNotShown) {
  const Image image = catalog_->add(caller_, {.name = "old", .os_hidden = true});
  const auto directory = open_directory();
  EXPECT_TRUE(shown(directory).empty());
  EXPECT_EQ(directory.find_name("old"), nullptr);
  EXPECT_EQ(directory.find_name("old~" + id8(image))->image.id, image.id);
  EXPECT_EQ(directory.find_id(image.id)->links(), 1U);
}

TEST_F(ADirectory, AnImageWithoutANameShowsUnderItsId) {
  const Image image = catalog_->add(caller_, {});
  const auto directory = open_directory();
  EXPECT_THAT(shown(directory), UnorderedElementsAre(image.id.text()));
}

TEST_F(ADirectory, ABareNameWinsOverAnEqualQualifiedOne) {
  add("noble");
  const Image second = add("noble");
  auto directory = open_directory();
  const std::string clash = "noble~" + id8(second);
  const Image third = add(clash);
  directory.refresh();
  EXPECT_EQ(directory.find_name(clash)->image.id, third.id);
  EXPECT_EQ(shown(directory).size(), 3U);
  catalog_->remove(caller_, third.id);
  directory.refresh();
  EXPECT_EQ(directory.find_name(clash)->image.id, second.id);
}

TEST_F(ADirectory, InodesAreTheSameOnEveryMount) {
  const Image image = add("x");
  EXPECT_EQ(open_directory().find_id(image.id)->inode, open_directory().find_id(image.id)->inode);
  const auto directory = open_directory();
  EXPECT_EQ(directory.find(directory.find_name("x")->inode)->image.id, image.id);
}

TEST_F(ADirectory, AnEndlessNameIsCutAndStillFound) {
  const Image image = add(std::string(255, 'x'));
  std::string wide;
  for (int i = 0; i < 255; ++i) wide += "é";
  const Image second = add(wide);
  const auto directory = open_directory();
  EXPECT_EQ(directory.find_name(std::string(255, 'x'))->image.id, image.id);
  const auto name = directory.find_id(second.id)->file_name;
  EXPECT_LE(name.size(), 255U);
  EXPECT_EQ(directory.find_name(name)->image.id, second.id);
}

TEST_F(ADirectory, FollowsAHundredRandomChanges) {
  auto directory = open_directory();
  std::vector<Image> images;
  for (int i = 0; i < 100; ++i) {
    const auto step = static_cast<unsigned>(i * 7919 % 5);
    if (step < 3 || images.empty()) {
      images.push_back(add("n" + std::to_string(i % 4)));
    } else if (step == 3) {
      rename(images[static_cast<std::size_t>(i) % images.size()], "n" + std::to_string(i % 3));
    } else {
      catalog_->remove(caller_, images.back().id);
      images.pop_back();
    }
    directory.refresh();
    const Directory fresh = open_directory();
    auto expected = shown(fresh);
    std::ranges::sort(expected);
    auto actual = shown(directory);
    std::ranges::sort(actual);
    ASSERT_EQ(actual, expected);
  }
}

}  // namespace
}  // namespace glance::fs
