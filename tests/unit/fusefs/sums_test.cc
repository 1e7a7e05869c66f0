// SPDX-License-Identifier: Apache-2.0
#include "fusefs/tree/sums.h"

#include <gtest/gtest.h>

#include "fusefs/tree/image_index.h"
#include "tests/unit/support/catalog_fixture.h"

namespace glance::fs {
namespace {

const std::string kMd5(32, '5');

TEST(SumLines, AreAsCoreutilsWritesThem) {
  EXPECT_EQ(sum_line(kMd5, "plain name"), kMd5 + "  plain name\n");
  EXPECT_EQ(sum_line(kMd5, "a\nb"), "\\" + kMd5 + "  a\\nb\n");
  EXPECT_EQ(sum_line(kMd5, "a\rb"), "\\" + kMd5 + "  a\\rb\n");
  EXPECT_EQ(sum_line(kMd5, "a\\b"), "\\" + kMd5 + "  a\\\\b\n");
  EXPECT_EQ(sum_line(kMd5, "-"), kMd5 + "  ./-\n");
}

TEST(SumLines, HaveTheSizeThatWasForetold) {
  const std::string sha512(128, '6');
  for (const char* name : {"plain", "a\nb\r\\", "-", "-rf", "\\", "\xc3\xa9"}) {
    EXPECT_EQ(sum_line(kMd5, name).size(), sum_line_size(SumFile::md5, name));
    EXPECT_EQ(sum_line(sha512, name).size(), sum_line_size(SumFile::sha512, name));
  }
}

class SumsReader : public test::CatalogFixture {
 protected:
  [[nodiscard]] std::unique_ptr<BlobReader> open(const ImageIndex& index, SumFile file) const {
    return open_sums(*catalog_, caller_, file, *index.listing());
  }

  static std::string read(const BlobReader& reader, std::uint64_t offset, std::size_t size) {
    std::string text(size, '?');
    text.resize(reader.read(offset, std::as_writable_bytes(std::span(text))));
    return text;
  }
};

TEST_F(SumsReader, GivesTheSameBytesInAnyPieces) {
  constexpr int kImages = 140;  // more than are read from the database at once
  for (int i = 0; i < kImages; ++i) store("image" + std::to_string(i), "data");
  const ImageIndex index(*catalog_, caller_, [](const auto&) {});
  const auto reader = open(index, SumFile::md5);
  EXPECT_EQ(reader->size(), index.sums_size(SumFile::md5));
  const std::string whole = read(*reader, 0, 1 << 20);
  EXPECT_EQ(whole.size(), reader->size());
  std::string expected;
  for (int i = 0; i < kImages; ++i) {
    expected += "8d777f385d3dfec8815d20f7496026dc  image" + std::to_string(i) + "\n";
  }
  EXPECT_EQ(whole, expected);
  for (const std::size_t size : {1U, 7U, 4096U}) {
    std::string pieces;
    for (std::string piece; !(piece = read(*reader, pieces.size(), size)).empty();) {
      pieces += piece;
    }
    EXPECT_EQ(pieces, whole);
  }
  EXPECT_EQ(read(*reader, 5000, 100), whole.substr(5000, 100));
  EXPECT_EQ(read(*reader, whole.size(), 1), "");
}

TEST_F(SumsReader, KeepsItsContentWhateverHappens) {
  const Image one = store("one", "data");
  const Image two = store("two", "data");
  ImageIndex index(*catalog_, caller_, [](const auto&) {});
  const auto reader = open(index, SumFile::sha512);
  catalog_->remove(caller_, one.id);
  index.refresh();
  const std::string text = read(*reader, 0, 1000);
  EXPECT_EQ(text, sum_line(one.os_hash_value.value(), "one") +
                      sum_line(two.os_hash_value.value(), "two"));
}

TEST_F(SumsReader, FailsForAnImageThatIsPurged) {
  std::vector<NodePtr> images;
  ImageEntry purged{.id = ImageId::random(), .name = "purged"};
  images.push_back(std::make_shared<const Node>(
      Node{.image = std::move(purged), .inode = 1, .file_name = "purged"}));
  const auto reader = open_sums(*catalog_, caller_, SumFile::md5, std::move(images));
  EXPECT_EQ(test::error_of([&] { return read(*reader, 0, 100); }), Errc::gone);
}

}  // namespace
}  // namespace glance::fs
