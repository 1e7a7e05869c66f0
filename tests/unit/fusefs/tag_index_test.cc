// SPDX-License-Identifier: Apache-2.0
#include "fusefs/tree/tag_index.h"

#include <gmock/gmock.h>

#include "fusefs/tree/names.h"

namespace glance::fs {
namespace {

std::string repeat(const std::string& text, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all += text;
  return all;
}

TEST(TagIndex, FindsATagByEverythingThatItIs) {
  TagIndex tags;
  const Tag& tag = tags.at("a/b");
  EXPECT_EQ(&tags.at("a/b"), &tag);
  EXPECT_EQ(tags.size(), 1U);
  EXPECT_EQ(tag.file_name, "a%2Fb");
  EXPECT_EQ(tags.find_tag("a/b"), &tag);
  EXPECT_EQ(tags.find_name("a%2Fb"), &tag);
  EXPECT_EQ(std::as_const(tags).find(tag.inode), &tag);
  EXPECT_FALSE(is_image(tag.inode));
  tags.erase(tag);
  EXPECT_EQ(tags.size(), 0U);
  EXPECT_EQ(tags.find_tag("a/b"), nullptr);
  EXPECT_EQ(tags.find_name("a%2Fb"), nullptr);
}

TEST(TagIndex, ListsByFileName) {
  TagIndex tags;
  for (const char* tag : {"b", "c", "a"}) tags.at(tag);
  std::string names;
  for (const Tag* tag : tags.all()) names += tag->file_name;
  EXPECT_EQ(names, "abc");
}

TEST(TagIndex, GivesLongTagsNamesOfTheirOwn) {
  TagIndex tags;
  const Tag& one = tags.at(repeat("é", 254) + "1");
  const Tag& two = tags.at(repeat("é", 254) + "2");
  EXPECT_LE(one.file_name.size(), kMaxFileName);
  EXPECT_NE(one.file_name, two.file_name);
  EXPECT_TRUE(one.file_name.starts_with(repeat("é", 119)));
  // The same on every mount, whatever other tags there are.
  TagIndex others;
  EXPECT_EQ(others.at(two.tag).file_name, two.file_name);
}

TEST(TagIndex, TellsATagFromALongOnesName) {
  TagIndex tags;
  const std::string name = tags.at(repeat("é", 200)).file_name;
  const Tag& alike = tags.at(name);
  EXPECT_NE(alike.file_name, name);
  EXPECT_EQ(tags.find_name(alike.file_name), &alike);
}

}  // namespace
}  // namespace glance::fs
