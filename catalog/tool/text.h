// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace glance::tool {

/// Text as a terminal may be shown it, and how many columns it takes there.
struct Printable {
  std::string text;
  std::size_t width = 0;
};

/// Escapes what would move the cursor, hide or reorder text, or is no UTF-8: control and format
/// characters and stray bytes become `\n`, `\t`, `\xNN` or `\u{NNNN}`, a backslash `\\`. Wide
/// characters count two columns, combining ones none.
[[nodiscard]] Printable printable(std::string_view text);

/// `999 B`, `2.1 MB`: powers of 1000, as disks are sold and rates are told.
[[nodiscard]] std::string human_size(std::uint64_t bytes);

/// `0:07`, `12:34`, `3:00:00`.
[[nodiscard]] std::string human_duration(std::uint64_t seconds);

}  // namespace glance::tool
