// SPDX-License-Identifier: Apache-2.0
#include "fusefs/tree/image_index.h"

#include <random>
#include <set>
#include <utility>

#include <gmock/gmock.h>

#include "fusefs/tree/names.h"
#include "tests/unit/support/catalog_fixture.h"

namespace glance::fs {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

class ADirectory : public test::CatalogFixture {
 protected:
  ImageIndex open_index() {
    return {*catalog_, caller_, [this](const std::vector<Invalidation>& changed) {
              for (const auto& each : changed) {
                if (each.parent == kRootInode) forgotten_.push_back(each.name);
                if (each.parent != 0) entries_.emplace_back(each.parent, each.name);
                if (each.inode != 0) attributes_.push_back(each.inode);
              }
            }};
  }

  static std::vector<std::string> shown(const ImageIndex& index) {
    std::vector<std::string> names;
    for (const auto& node : *index.listing()) {
      if (node->in_root()) names.push_back(node->file_name);
    }
    return names;
  }

  static std::string id8(const Image& image) { return image.id.text().substr(0, 8); }

  void rename(const Image& image, const std::string& name) const {
    const AttributeEdit edit{.name = "name", .value = name};
    catalog_->update(caller_, image.id, std::span(&edit, 1));
  }

  static std::vector<std::string> tags(const ImageIndex& index) {
    std::vector<std::string> names;
    for (const auto& tag : index.tags()) names.push_back(tag.file_name);
    return names;
  }

  static std::vector<std::string> tagged(const ImageIndex& index, std::string_view tag) {
    std::vector<std::string> names;
    for (const auto& node : index.tagged(index.find_tag(tag).value().inode)) {
      names.push_back(node->file_name);
    }
    return names;
  }

  void tag(const Image& image, const std::string& text) const {
    catalog_->add_tag(caller_, image.id, text);
  }

  std::vector<std::string> forgotten_;                  // names in the root
  std::vector<std::pair<Inode, std::string>> entries_;  // in any directory
  std::vector<Inode> attributes_;
};

TEST_F(ADirectory, TheOldestOfOneNameKeepsItBare) {
  const Image first = add("noble");
  const Image second = add("noble");
  const auto index = open_index();
  EXPECT_THAT(shown(index), UnorderedElementsAre("noble", "noble~" + id8(second)));
  EXPECT_EQ(index.find_name("noble")->image.id, first.id);
  EXPECT_EQ(index.find_name("noble~" + id8(second))->image.id, second.id);
  EXPECT_EQ(index.find_name("noble~" + id8(first))->image.id, first.id);
  EXPECT_EQ(index.find_name("noble~00000000"), nullptr);
}

TEST_F(ADirectory, ALaterNamesakeDoesNotTakeTheNameEvenByRenaming) {
  const Image old = add("other");
  const Image first = add("noble");
  auto index = open_index();
  rename(old, "noble");
  index.refresh();
  EXPECT_EQ(index.find_name("noble")->image.id, first.id);
  EXPECT_EQ(index.find_name("noble~" + id8(old))->image.id, old.id);
  EXPECT_EQ(index.find_name("other"), nullptr);
  EXPECT_THAT(forgotten_, UnorderedElementsAre("other"));
}

TEST_F(ADirectory, TheNextInLineTakesOverADeletedImagesName) {
  const Image first = add("noble");
  const Image second = add("noble");
  auto index = open_index();
  catalog_->remove(caller_, first.id);
  index.refresh();
  EXPECT_THAT(shown(index), UnorderedElementsAre("noble"));
  EXPECT_EQ(index.find_name("noble")->image.id, second.id);
  EXPECT_THAT(forgotten_, UnorderedElementsAre("noble", "noble~" + id8(second)));
}

TEST_F(ADirectory, HiddenImagesAreReachableButNotShown) {
  const Image image = catalog_->add(caller_, {.name = "old", .os_hidden = true});
  const auto index = open_index();
  EXPECT_TRUE(shown(index).empty());
  EXPECT_EQ(index.find_name("old"), nullptr);
  EXPECT_EQ(index.find_name("old~" + id8(image))->image.id, image.id);
  EXPECT_EQ(index.find_id(image.id)->file_name, "old~" + id8(image));
  EXPECT_EQ(index.find_id(image.id)->links(), 1U);
}

TEST_F(ADirectory, AnImageWithoutANameShowsUnderItsId) {
  const Image image = catalog_->add(caller_, {});
  const auto index = open_index();
  EXPECT_THAT(shown(index), UnorderedElementsAre(image.id.text()));
}

TEST_F(ADirectory, ABareNameWinsOverAnEqualQualifiedOne) {
  add("noble");
  const Image second = add("noble");
  auto index = open_index();
  const std::string clash = "noble~" + id8(second);
  const Image third = add(clash);
  index.refresh();
  EXPECT_EQ(index.find_name(clash)->image.id, third.id);
  EXPECT_EQ(shown(index).size(), 3U);
  catalog_->remove(caller_, third.id);
  index.refresh();
  EXPECT_EQ(index.find_name(clash)->image.id, second.id);
}

TEST_F(ADirectory, InodesAreTheSameOnEveryMount) {
  const Image image = add("x");
  EXPECT_EQ(open_index().find_id(image.id)->inode, open_index().find_id(image.id)->inode);
  const auto index = open_index();
  EXPECT_EQ(index.find(index.find_name("x")->inode)->image.id, image.id);
}

TEST_F(ADirectory, AnEndlessNameIsCutAndStillFound) {
  const Image image = add(std::string(255, 'x'));
  std::string wide;
  for (int i = 0; i < 255; ++i) wide += "é";
  const Image second = add(wide);
  const auto index = open_index();
  EXPECT_EQ(index.find_name(std::string(255, 'x'))->image.id, image.id);
  const auto name = index.find_id(second.id)->file_name;
  EXPECT_LE(name.size(), 255U);
  EXPECT_EQ(index.find_name(name)->image.id, second.id);
}

TEST_F(ADirectory, GroupsImagesByTag) {
  const Image one = add("one");
  const Image two = add("two");
  tag(one, "a");
  for (const char* text : {"a", "b"}) tag(two, text);
  const auto index = open_index();
  EXPECT_THAT(tags(index), ElementsAre("a", "b"));
  EXPECT_THAT(tagged(index, "a"), ElementsAre("one", "two"));
  EXPECT_THAT(tagged(index, "b"), ElementsAre("two"));
  EXPECT_EQ(index.find_id(two.id)->links(), 4U);
  EXPECT_EQ(index.find_tag(index.find_tag("a")->inode)->tag, "a");
  EXPECT_FALSE(index.find_tag("c").has_value());
  EXPECT_EQ(index.find_tag("a")->inode, open_index().find_tag("a")->inode);
}

TEST_F(ADirectory, ForgetsWhatATagNoLongerHolds) {
  const Image one = add("one");
  const Image two = add("two");
  for (const Image* image : {&one, &two}) tag(*image, "a");
  auto index = open_index();
  const Inode inode = index.find_tag("a")->inode;
  catalog_->remove_tag(caller_, one.id, "a");
  index.refresh();
  EXPECT_THAT(tagged(index, "a"), ElementsAre("two"));
  EXPECT_THAT(entries_, ElementsAre(std::pair(inode, "one")));
  EXPECT_THAT(attributes_, ElementsAre(index.find_id(one.id)->inode));
  entries_.clear();
  rename(two, "new");
  index.refresh();
  EXPECT_THAT(entries_,
              UnorderedElementsAre(std::pair(kRootInode, "two"), std::pair(inode, "two")));
  entries_.clear();
  catalog_->remove(caller_, two.id);
  index.refresh();
  EXPECT_TRUE(tags(index).empty());
  EXPECT_THAT(entries_, UnorderedElementsAre(std::pair(kRootInode, "new"), std::pair(inode, "new"),
                                             std::pair(kByIdInode, two.id.text()),
                                             std::pair(kByTagInode, "a")));
}

TEST_F(ADirectory, KeepsEmptyTagsUntilTheyAreDropped) {
  const Image image = add("x");
  auto index = open_index();
  index.keep_tag("a");
  tag(image, "a");
  index.refresh();
  EXPECT_FALSE(index.drop_tag(index.find_tag("a")->inode));
  catalog_->remove_tag(caller_, image.id, "a");
  index.refresh();
  EXPECT_TRUE(index.find_tag("a")->empty);
  EXPECT_TRUE(index.drop_tag(index.find_tag("a")->inode));
  EXPECT_TRUE(tags(index).empty());
}

TEST_F(ADirectory, DatesDirectoriesByTheirNames) {
  const Image image = add("x");
  tag(image, "a");
  auto index = open_index();
  const Inode inode = index.find_tag("a")->inode;
  const auto times = [&] {
    std::vector<Timestamp> all;
    for (const Inode place : {kRootInode, kByIdInode, kByTagInode, inode}) {
      all.push_back(index.changed(place).value());
    }
    return all;
  };
  const auto changed_since = [&](const std::vector<Timestamp>& before) {
    index.refresh();
    const auto after = times();
    std::vector<bool> changed;
    for (std::size_t i = 0; i < after.size(); ++i) changed.push_back(after[i] > before[i]);
    return changed;
  };
  auto before = times();
  catalog_->set_data_time(caller_, image.id, Timestamp{});
  EXPECT_THAT(changed_since(before), ElementsAre(false, false, false, false));
  rename(image, "y");
  EXPECT_THAT(changed_since(before), ElementsAre(true, false, false, true));
  before = times();
  tag(image, "b");
  EXPECT_THAT(changed_since(before), ElementsAre(false, false, true, false));
  before = times();
  catalog_->remove_tag(caller_, image.id, "b");
  EXPECT_THAT(changed_since(before), ElementsAre(false, false, true, false));
  before = times();
  add("z");
  EXPECT_THAT(changed_since(before), ElementsAre(true, true, false, false));
  EXPECT_EQ(index.changed(kSha512Inode + 1), std::nullopt);
}

TEST_F(ADirectory, KnowsWhetherACachedListingIsTrue) {
  auto index = open_index();
  EXPECT_FALSE(index.open(kRootInode));
  EXPECT_TRUE(index.open(kRootInode));
  const Image image = add("x");
  index.refresh();
  EXPECT_FALSE(index.open(kRootInode));
  EXPECT_TRUE(index.open(kRootInode));
  rename(image, "y");
  index.refresh();
  EXPECT_FALSE(index.open(kRootInode));
}

TEST_F(ADirectory, CountsTheBytesOfTheDigestFiles) {
  auto index = open_index();
  const auto sizes = [&] {
    index.refresh();
    return std::vector{index.sums_size(SumFile::md5), index.sums_size(SumFile::sha512)};
  };
  EXPECT_THAT(sizes(), ElementsAre(0, 0));
  const Image image = store("name", "data");
  add("queued");
  EXPECT_THAT(sizes(), ElementsAre(32 + 7, 128 + 7));
  rename(image, "new\nname");
  EXPECT_THAT(sizes(), ElementsAre(32 + 13, 128 + 13));
  catalog_->remove(caller_, image.id);
  EXPECT_THAT(sizes(), ElementsAre(0, 0));
}

TEST_F(ADirectory, TellsManyNamesakesApart) {
  constexpr int kCount = 60;
  for (int i = 0; i < kCount; ++i) add("twin");
  auto index = open_index();
  std::set<std::string> names;
  for (const auto& node : *index.listing()) names.insert(node->file_name);
  EXPECT_EQ(names.size(), kCount);
  EXPECT_TRUE(names.contains("twin"));
}

TEST_F(ADirectory, FindsLongNamesByTheirDigits) {
  const std::string name(255, 'x');
  const Image first = add(name);
  const Image second = add(name);
  const auto index = open_index();
  for (const Image* image : {&first, &second}) {
    for (const std::size_t count : {8U, 20U, 32U}) {
      const auto found = index.find_name(qualify(name, image->id.text(), count));
      ASSERT_NE(found, nullptr);
      EXPECT_EQ(found->image.id, image->id);
    }
  }
  EXPECT_EQ(index.find_name(std::string(246, 'y') + "~" + id8(first)), nullptr);
}

/// Everything that a directory shows, as one text.
std::string picture(const ImageIndex& index) {
  std::string text;
  for (const auto& node : *index.listing()) {
    text += node->file_name + (node->in_root() ? "" : " hidden") + '\n';
    const auto digits = node->image.id.text().substr(0, kMinIdDigits);
    const auto qualified = qualify(node->image.name.value_or(""), digits, kMinIdDigits);
    EXPECT_EQ(index.find_name(qualified), node);
    EXPECT_EQ(index.find_name(node->file_name), node);
    EXPECT_EQ(index.find_id(node->image.id), node);
  }
  for (const auto& tag : index.tags()) {
    text += tag.file_name + ':';
    for (const auto& node : index.tagged(tag.inode)) text += ' ' + node->file_name;
    text += '\n';
  }
  return text + std::to_string(index.sums_size(SumFile::md5));
}

TEST_F(ADirectory, FollowsRandomChangesAsIfItHadJustBeenOpened) {
  std::mt19937 random(3);
  auto index = open_index();
  std::vector<Image> images;
  const auto any = [&]() -> const Image& { return images[random() % images.size()]; };
  const auto number = [&](unsigned limit) { return std::to_string(random() % limit); };
  for (int i = 0; i < 150; ++i) {
    const auto step = random() % 8;
    if (step < 2 || images.empty()) {
      images.push_back(random() % 2 == 0 ? add("n" + number(3)) : store("n" + number(3), "data"));
    } else if (step < 3) {
      rename(any(), "n" + number(3));
    } else if (step < 4) {
      const AttributeEdit edit{.name = "os_hidden", .value = random() % 2 == 0};
      catalog_->update(caller_, any().id, std::span(&edit, 1));
    } else if (step < 7) {
      const AttributeEdit edit{.name = "tags",
                               .value = std::vector{"t" + number(3), "t" + number(3)}};
      catalog_->update(caller_, any().id, std::span(&edit, 1));
    } else {
      const auto victim = images.begin() + static_cast<std::ptrdiff_t>(random() % images.size());
      catalog_->remove(caller_, victim->id);
      images.erase(victim);
    }
    index.refresh();
    ASSERT_EQ(picture(index), picture(open_index())) << "after step " << i;
  }
}

}  // namespace
}  // namespace glance::fs
