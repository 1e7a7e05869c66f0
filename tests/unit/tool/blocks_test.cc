// SPDX-License-Identifier: Apache-2.0
#include "catalog/tool/blocks.h"

#include <algorithm>
#include <utility>

#include <gmock/gmock.h>

#include "tests/unit/support/catalog_fixture.h"

namespace glance::tool {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr std::size_t kStep = std::size_t{64} * 1024;

using Runs = std::vector<std::pair<std::size_t, bool>>;

Runs runs_of(const std::vector<std::byte>& block) {
  Runs runs;
  each_run(block, [&](Bytes run, bool zeros) { runs.emplace_back(run.size(), zeros); });
  return runs;
}

TEST(Runs, AreCutWhereZerosBeginAndEnd) {
  std::vector<std::byte> block(8 * kStep);
  block[2 * kStep] = std::byte{1};
  block[4 * kStep - 1] = std::byte{1};
  EXPECT_THAT(runs_of(block),
              ElementsAre(Pair(2 * kStep, true), Pair(2 * kStep, false), Pair(4 * kStep, true)));
}

TEST(Runs, OneByteMakesItsStepData) {
  std::vector<std::byte> block(kStep);
  EXPECT_THAT(runs_of(block), ElementsAre(Pair(kStep, true)));
  for (const std::size_t at : {std::size_t{0}, kStep / 2, kStep - 1}) {
    block[at] = std::byte{1};
    EXPECT_THAT(runs_of(block), ElementsAre(Pair(kStep, false))) << at;
    block[at] = std::byte{0};
  }
}

TEST(Runs, CoverABlockOfAnySize) {
  EXPECT_THAT(runs_of({}), IsEmpty());
  EXPECT_THAT(runs_of(std::vector<std::byte>(1)), ElementsAre(Pair(1, true)));
  std::vector<std::byte> block(kStep + 3);
  block.back() = std::byte{1};
  EXPECT_THAT(runs_of(block), ElementsAre(Pair(kStep, true), Pair(3, false)));
}

class FakeBlob final : public BlobReader {
 public:
  FakeBlob(std::uint64_t claimed, std::vector<std::byte> data)
      : claimed_(claimed), data_(std::move(data)) {}

  [[nodiscard]] std::uint64_t size() const override { return claimed_; }
  std::size_t read(std::uint64_t offset, std::span<std::byte> into) const override {
    const auto rest = std::span(data_).subspan(std::min<std::size_t>(offset, data_.size()));
    const auto size = std::min(rest.size(), into.size());
    std::ranges::copy(rest.first(size), into.begin());
    return size;
  }

 private:
  const std::uint64_t claimed_;
  const std::vector<std::byte> data_;
};

TEST(Blocks, HoldAllOfTheBlobInOrder) {
  std::vector<std::byte> data(2 * kBlock + 5);
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = std::byte(i % 251);
  std::vector<std::byte> read;
  each_block(FakeBlob(data.size(), data), [&](std::uint64_t offset, Bytes block) {
    EXPECT_EQ(offset, read.size());
    read.insert(read.end(), block.begin(), block.end());
  });
  EXPECT_EQ(read, data);
}

TEST(Blocks, OfABlobThatEndsTooEarlyAreAnError) {
  const FakeBlob blob(kBlock + 10, std::vector<std::byte>(kBlock + 3));
  EXPECT_EQ(test::error_of([&] {
              each_block(blob, [](std::uint64_t, Bytes) {});
              return 0;
            }),
            Errc::corrupt);
}

}  // namespace
}  // namespace glance::tool
