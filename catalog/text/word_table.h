// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

namespace glance {

/// The words that an enumeration's values have in databases, requests and options.
template <typename Value, std::size_t size>
using WordTable = std::array<std::pair<Value, std::string_view>, size>;

/// The value's word; "unknown" for one that the table has not.
template <typename Value, std::size_t size>
[[nodiscard]] constexpr std::string_view word_of(const WordTable<Value, size>& words,
                                                 Value value) noexcept {
  const auto* found =
      std::ranges::find(words, value, [](const auto& entry) { return entry.first; });
  return found == words.end() ? std::string_view("unknown") : found->second;
}

/// The value that the word stands for; nothing for any other text.
template <typename Value, std::size_t size>
[[nodiscard]] constexpr std::optional<Value> value_of(const WordTable<Value, size>& words,
                                                      std::string_view text) noexcept {
  const auto* found =
      std::ranges::find(words, text, [](const auto& entry) { return entry.second; });
  if (found == words.end()) return std::nullopt;
  return found->first;
}

}  // namespace glance
