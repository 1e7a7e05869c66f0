// SPDX-License-Identifier: Apache-2.0
#include "catalog/upload/hash.h"

#include <string_view>

#include <gtest/gtest.h>

#include "tests/unit/support/catalog_fixture.h"

namespace glance {
namespace {

std::span<const std::byte> bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

TEST(Hash, HasAValueAtEveryMoment) {
  Hash hash("md5");
  EXPECT_EQ(hash.value(), "d41d8cd98f00b204e9800998ecf8427e");
  hash.update(bytes("hel"));
  EXPECT_EQ(hash.value(), "46356afe55fa3cea9cbe73ad442cad47");
  hash.update(bytes("lo"));
  EXPECT_EQ(hash.value(), "5d41402abc4b2a76b9719d911017c592");
  hash.restart();
  EXPECT_EQ(hash.value(), "d41d8cd98f00b204e9800998ecf8427e");
}

struct Named {
  const char* name;
  std::size_t digits;
  std::string_view begins;  // of the value of nothing
};

class HashNames : public ::testing::TestWithParam<Named> {};

// Glance's hashing_algorithm is a name of Python's hashlib.
INSTANTIATE_TEST_SUITE_P(
    Hashlib, HashNames,
    ::testing::Values(Named{"sha1", 40, "da39a3ee"}, Named{"sha256", 64, "e3b0c442"},
                      Named{"sha512", 128, "cf83e135"}, Named{"sha3_512", 128, "a69f73cc"},
                      Named{"blake2b", 128, "786a02f7"}, Named{"blake2s", 64, "69217a30"}));

TEST_P(HashNames, AreThoseOfPython) {
  const Hash hash(GetParam().name);
  EXPECT_EQ(hash.digits(), GetParam().digits);
  EXPECT_EQ(hash.value().size(), GetParam().digits);
  EXPECT_TRUE(hash.value().starts_with(GetParam().begins)) << hash.value();
}

TEST(Hash, RefusesANameThatNobodyKnows) {
  EXPECT_EQ(test::error_of([] { return Hash("sha513").digits(); }), Errc::invalid);
}

}  // namespace
}  // namespace glance
