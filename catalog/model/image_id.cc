// SPDX-License-Identifier: Apache-2.0
#include "catalog/model/image_id.h"

#include <array>
#include <cstddef>
#include <utility>

#include <openssl/rand.h>

#include "catalog/base/error.h"
#include "catalog/text/hex.h"

namespace glance {
namespace {

constexpr std::size_t kIdLength = 36;

constexpr bool is_hyphen_place(std::size_t index) noexcept {
  return index == 8 || index == 13 || index == 18 || index == 23;
}

}  // namespace

ImageId ImageId::random() {
  std::array<unsigned char, 16> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
    throw Error(Errc::io, "the system's random number generator failed");
  }
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0FU) | 0x40U);  // version 4: random
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3FU) | 0x80U);  // variant of RFC 9562
  std::string text = to_hex(bytes);
  for (std::size_t i = 0; i < kIdLength; ++i) {
    if (is_hyphen_place(i)) text.insert(i, 1, '-');
  }
  return ImageId(std::move(text));
}

std::optional<ImageId> ImageId::parse(std::string_view text) {
  if (text.size() != kIdLength) return std::nullopt;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_hyphen_place(i) ? text[i] != '-' : !is_hex_digit(text[i])) return std::nullopt;
  }
  return ImageId(std::string(text));
}

}  // namespace glance
