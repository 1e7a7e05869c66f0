// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "catalog/model/image.h"
#include "catalog/upload/hash.h"

namespace glance::tool {

/// Compares bytes with the digests that an image's row records: MD5 and os_hash, each where it is
/// there and OpenSSL knows the hash.
class DigestCheck {
 public:
  explicit DigestCheck(const Image& image);

  /// False if there is nothing to compare with.
  [[nodiscard]] bool possible() const noexcept { return !expected_.empty(); }

  /// The next bytes. Every hash works on a thread of its own; returns when all have them.
  void update(std::span<const std::byte> bytes);

  /// Which digests differ, as one line; nothing if none does.
  [[nodiscard]] std::optional<std::string> mismatch() const;

 private:
  struct Expected {
    std::string algorithm;
    std::string value;
    Hash hash;
  };

  void expect(const std::string& algorithm, const std::string& value);

  std::vector<Expected> expected_;
};

}  // namespace glance::tool
