// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace glance {

/// How many hex digits a digest by that hash has.
inline constexpr std::size_t kMd5Digits = 32;
inline constexpr std::size_t kSha512Digits = 128;

/// What an upload found out about its bytes; every part is lower-case hex or a hash's name.
struct Digests {
  std::string checksum;       ///< MD5
  std::string os_hash_algo;   ///< e.g. "sha512"
  std::string os_hash_value;  ///< by os_hash_algo

  friend bool operator==(const Digests&, const Digests&) = default;
};

/// What a writer announces about data to come. Absent parts may be anything.
struct Expectation {
  std::optional<std::uint64_t> size;         ///< bytes
  std::optional<std::string> checksum;       ///< MD5, in hex
  std::optional<std::string> os_hash_algo;   ///< absent: the catalog's own
  std::optional<std::string> os_hash_value;  ///< by os_hash_algo, in hex

  friend bool operator==(const Expectation&, const Expectation&) = default;
};

}  // namespace glance
