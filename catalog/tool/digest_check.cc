// SPDX-License-Identifier: Apache-2.0
#include "catalog/tool/digest_check.h"

#include <algorithm>
#include <future>

#include <fmt/format.h>

#include "catalog/base/error.h"
#include "catalog/text/ascii.h"

namespace glance::tool {

DigestCheck::DigestCheck(const Image& image) {
  if (image.checksum) expect("md5", *image.checksum);
  if (image.os_hash_algo && image.os_hash_value) expect(*image.os_hash_algo, *image.os_hash_value);
}

void DigestCheck::expect(const std::string& algorithm, const std::string& value) {
  if (value.empty()) return;
  try {
    // Rows that others have written may hold capitals.
    expected_.push_back({algorithm, lower_case(value), Hash(algorithm)});
  } catch (const Error& error) {
    // A hash that this OpenSSL does not have; the other digest may do.
    if (error.code() != Errc::invalid) throw;
  }
}

void DigestCheck::update(std::span<const std::byte> bytes) {
  if (expected_.empty()) return;
  std::vector<std::future<void>> others;
  for (std::size_t i = 1; i < expected_.size(); ++i) {
    others.push_back(std::async(std::launch::async,
                                [hash = &expected_[i].hash, bytes] { hash->update(bytes); }));
  }
  expected_.front().hash.update(bytes);
  for (auto& other : others) other.get();
}

std::optional<std::string> DigestCheck::mismatch() const {
  std::string text;
  for (const auto& [algorithm, value, hash] : expected_) {
    const std::string found = hash.value();
    if (found == value) continue;
    if (!text.empty()) text += "; ";
    text += fmt::format("{} {} recorded, {} found", algorithm, value, found);
  }
  if (text.empty()) return std::nullopt;
  return text;
}

}  // namespace glance::tool
