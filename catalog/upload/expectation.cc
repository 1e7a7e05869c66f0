// SPDX-License-Identifier: Apache-2.0
#include "catalog/upload/expectation.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "catalog/base/error.h"
#include "catalog/text/ascii.h"
#include "catalog/text/hex.h"
#include "catalog/upload/digester.h"

namespace glance {

namespace {

// From MD5 to SHA-512.
constexpr std::array<std::size_t, 6> kDigits = {kMd5Digits, 40, 56, 64, 96, kSha512Digits};

std::string lower_hex(std::string_view what, std::string_view text, std::size_t digits) {
  if (!is_hex(text, digits)) {
    throw Error(Errc::invalid, fmt::format("{} must be {} hexadecimal digits", what, digits));
  }
  return lower_case(text);
}

void require_equal(std::string_view what, const std::string& expected, const std::string& found) {
  if (expected == found) return;
  throw Error(Errc::mismatch,
              fmt::format("the data's {} is {}, but {} was announced", what, found, expected));
}

}  // namespace

Expectation normalized(Expectation expected) {
  if (expected.checksum) {
    expected.checksum = lower_hex("checksum", *expected.checksum, kMd5Digits);
  }
  if (expected.os_hash_algo) {
    const std::size_t digits = digest_digits(*expected.os_hash_algo);
    if (expected.os_hash_value) {
      expected.os_hash_value =
          lower_hex("os_hash_value by " + *expected.os_hash_algo, *expected.os_hash_value, digits);
    }
  } else if (expected.os_hash_value) {
    // Its hash may be named later: tools that copy attributes do so in any order.
    const std::size_t digits = expected.os_hash_value->size();
    if (std::ranges::find(kDigits, digits) == kDigits.end()) {
      throw Error(Errc::invalid, fmt::format("os_hash_value has {} digits; allowed: {}", digits,
                                             fmt::join(kDigits, ", ")));
    }
    expected.os_hash_value = lower_hex("os_hash_value", *expected.os_hash_value, digits);
  }
  return expected;
}

Expectation replaced_by(Expectation before, const Expectation& later) {
  if (later.size) before.size = later.size;
  if (later.checksum) before.checksum = later.checksum;
  if (later.os_hash_algo && later.os_hash_algo != before.os_hash_algo) {
    // A value by another hash than the one it was announced for would be of no use.
    if (before.os_hash_algo) before.os_hash_value.reset();
    before.os_hash_algo = later.os_hash_algo;
  }
  if (later.os_hash_value) before.os_hash_value = later.os_hash_value;
  return normalized(std::move(before));
}

Expectation merged(Expectation first, const Expectation& second) {
  if (!first.size) first.size = second.size;
  if (!first.checksum) first.checksum = second.checksum;
  // A hash's value means nothing without its name, so they are taken together.
  if (!first.os_hash_value) {
    first.os_hash_algo = second.os_hash_algo;
    first.os_hash_value = second.os_hash_value;
  }
  return first;
}

void require_expected(const Expectation& expected, std::uint64_t size, const Digests& digests,
                      const std::function<std::string(const std::string& algo)>& digest_by) {
  if (expected.size) {
    require_equal("size", std::to_string(*expected.size), std::to_string(size));
  }
  if (expected.checksum) require_equal("MD5", *expected.checksum, digests.checksum);
  if (!expected.os_hash_value) return;
  const std::string algo = expected.os_hash_algo.value_or(digests.os_hash_algo);
  require_equal(algo, *expected.os_hash_value,
                algo == digests.os_hash_algo ? digests.os_hash_value : digest_by(algo));
}

}  // namespace glance
