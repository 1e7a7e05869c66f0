// SPDX-License-Identifier: Apache-2.0
#include "catalog/upload/digester.h"

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include "catalog/base/error.h"
#include "catalog/spool/spool_area.h"
#include "tests/unit/support/temporary_directory.h"

namespace glance {
namespace {

std::string digest_of(const std::vector<std::byte>& data, const EVP_MD* type) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> value{};
  unsigned int size = 0;
  EVP_Digest(data.data(), data.size(), value.data(), &size, type, nullptr);
  std::string hex;
  for (unsigned int i = 0; i < size; ++i) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    hex += kDigits[value[i] >> 4];
    hex += kDigits[value[i] & 15];
  }
  return hex;
}

class Digesting : public ::testing::Test {
 protected:
  Digesting() : spool_(SpoolArea(home_).create(ImageId::random())) {}

  std::vector<std::byte> random_bytes(std::size_t size) {
    std::vector<std::byte> data(size);
    std::ranges::generate(data, [&] { return std::byte(random_() & 0xff); });
    return data;
  }

  void write(Digester& digester, std::uint64_t offset, std::span<const std::byte> bytes) {
    spool_->write(offset, bytes);
    // Half of the writers have the bytes in memory, the others have them in the blob only.
    if (random_() % 2 == 0) {
      digester.written(offset, bytes);
    } else {
      digester.written(offset, offset + bytes.size());
    }
  }

  static void expect_digests(const Digests& digests, const std::vector<std::byte>& data) {
    EXPECT_EQ(digests.checksum, digest_of(data, EVP_md5()));
    EXPECT_EQ(digests.os_hash_value, digest_of(data, EVP_sha512()));
    EXPECT_EQ(digests.os_hash_algo, "sha512");
  }

  std::mt19937 random_{42};
  const test::TemporaryDirectory directory_;
  const HeldDirectory home_{directory_.path()};
  const std::unique_ptr<Spool> spool_;
};

TEST_F(Digesting, FollowsABlobOfManyBlocks) {
  const auto data = random_bytes(5'000'003);
  Digester digester(*spool_, "sha512");
  for (std::size_t at = 0; at < data.size(); at += 131072) {
    const auto size = std::min<std::size_t>(131072, data.size() - at);
    write(digester, at, std::span(data).subspan(at, size));
  }
  expect_digests(digester.finish(data.size()), data);
}

TEST_F(Digesting, HashesBlobsOfEverySmallSize) {
  for (const std::size_t size : {0UL, 1UL, 262143UL, 262144UL, 262145UL}) {
    const auto data = random_bytes(size);
    const auto blob = SpoolArea(home_).create(ImageId::random());
    Digester digester(*blob, "sha512");
    blob->write(0, data);
    digester.written(0, size);
    expect_digests(digester.finish(size), data);
  }
}

TEST_F(Digesting, ShuffledWritesGiveTheDigestOfTheResult) {
  const auto data = random_bytes(3'000'000);
  std::vector<std::size_t> offsets;
  for (std::size_t at = 0; at < data.size(); at += 100'000) offsets.push_back(at);
  std::shuffle(offsets.begin(), offsets.end(), random_);
  Digester digester(*spool_, "sha512");
  for (const auto at : offsets) write(digester, at, std::span(data).subspan(at, 100'000));
  expect_digests(digester.finish(data.size()), data);
}

TEST_F(Digesting, ARewrittenHeaderIsDigestedAnew) {
  auto data = random_bytes(2'000'000);
  Digester digester(*spool_, "sha512");
  write(digester, 0, data);
  static_cast<void>(digester.finish(data.size()));
  std::fill_n(data.begin(), 512, std::byte{7});
  write(digester, 0, std::span(data).first(512));
  expect_digests(digester.finish(data.size()), data);
}

TEST_F(Digesting, MoreBytesMayFollowTheFirstAnswer) {
  const auto data = random_bytes(1'000'000);
  Digester digester(*spool_, "sha512");
  write(digester, 0, std::span(data).first(400'000));
  static_cast<void>(digester.finish(400'000));
  write(digester, 400'000, std::span(data).subspan(400'000));
  expect_digests(digester.finish(data.size()), data);
}

TEST_F(Digesting, ATruncatedBlobIsDigestedAsItIs) {
  auto data = random_bytes(2'000'000);
  Digester digester(*spool_, "sha512");
  write(digester, 0, data);
  digester.truncated(700'000);
  spool_->truncate(700'000);
  data.resize(700'000);
  expect_digests(digester.finish(data.size()), data);
}

TEST_F(Digesting, KnowsOtherHashesAndRefusesUnknownOnes) {
  Digester digester(*spool_, "sha256");
  EXPECT_EQ(digester.finish(0).os_hash_value,
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_THROW(Digester(*spool_, "no-such-hash"), Error);
}

}  // namespace
}  // namespace glance
