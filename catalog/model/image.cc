// SPDX-License-Identifier: Apache-2.0
#include "catalog/model/image.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <initializer_list>
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

constexpr std::array<std::pair<ImageStatus, std::string_view>, 9> kStatusNames = {{
    {ImageStatus::queued, "queued"},
    {ImageStatus::saving, "saving"},
    {ImageStatus::uploading, "uploading"},
    {ImageStatus::importing, "importing"},
    {ImageStatus::active, "active"},
    {ImageStatus::deactivated, "deactivated"},
    {ImageStatus::killed, "killed"},
    {ImageStatus::pending_delete, "pending_delete"},
    {ImageStatus::deleted, "deleted"},
}};

constexpr std::array<std::pair<Visibility, std::string_view>, 4> kVisibilityNames = {{
    {Visibility::public_, "public"},
    {Visibility::private_, "private"},
    {Visibility::shared, "shared"},
    {Visibility::community, "community"},
}};

template <typename Names, typename Value>
constexpr std::string_view name_of(const Names& names, Value value) noexcept {
  const auto* found =
      std::ranges::find(names, value, [](const auto& entry) { return entry.first; });
  return found == names.end() ? std::string_view("unknown") : found->second;
}

template <typename Value, std::size_t size>
constexpr std::optional<Value> value_of(
    const std::array<std::pair<Value, std::string_view>, size>& names,
    std::string_view text) noexcept {
  const auto* found =
      std::ranges::find(names, text, [](const auto& entry) { return entry.second; });
  if (found == names.end()) return std::nullopt;
  return found->first;
}

/// A set of statuses, one bit for each.
using StatusSet = unsigned;

constexpr StatusSet set_of(std::initializer_list<ImageStatus> statuses) noexcept {
  StatusSet set = 0;
  for (const ImageStatus status : statuses) set |= 1U << static_cast<unsigned>(status);
  return set;
}

/// The targets that each status has, in the order of the enumeration.
constexpr std::array<StatusSet, kStatusNames.size()> make_transitions() noexcept {
  using enum ImageStatus;
  std::array<StatusSet, kStatusNames.size()> table{};
  const auto allow = [&table](ImageStatus from, std::initializer_list<ImageStatus> targets) {
    table[static_cast<std::size_t>(from)] = set_of(targets);
  };
  allow(queued, {saving, uploading, importing, active, deleted});
  allow(saving, {active, killed, deleted, queued});
  allow(uploading, {importing, queued, deleted});
  allow(importing, {active, deleted, queued});
  allow(active, {pending_delete, deleted, deactivated});
  allow(deactivated, {active, deleted});
  allow(killed, {deleted});
  allow(pending_delete, {deleted, active});
  return table;
}

constexpr auto kTransitions = make_transitions();

}  // namespace

Timestamp now() noexcept {
  return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
}

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

std::string_view to_string(ImageStatus status) noexcept {
  return name_of(kStatusNames, status);
}

std::optional<ImageStatus> parse_image_status(std::string_view text) noexcept {
  return value_of(kStatusNames, text);
}

bool is_being_filled(ImageStatus status) noexcept {
  return status == ImageStatus::saving || status == ImageStatus::uploading ||
         status == ImageStatus::importing;
}

bool has_data(ImageStatus status) noexcept {
  return status == ImageStatus::active || status == ImageStatus::deactivated;
}

bool can_transition(ImageStatus from, ImageStatus to) noexcept {
  return (kTransitions[static_cast<std::size_t>(from)] & set_of({to})) != 0;
}

std::string_view to_string(Visibility visibility) noexcept {
  return name_of(kVisibilityNames, visibility);
}

std::optional<Visibility> parse_visibility(std::string_view text) noexcept {
  return value_of(kVisibilityNames, text);
}

}  // namespace glance
