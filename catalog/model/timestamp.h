// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace glance {

/// UTC with Glance's resolution, a microsecond.
using Timestamp = std::chrono::sys_time<std::chrono::microseconds>;

/// The clock that every stored timestamp comes from.
[[nodiscard]] Timestamp now() noexcept;

/// `YYYY-MM-DD HH:MM:SS.ffffff`, the text that SQLAlchemy keeps in Glance's SQLite columns: UTC,
/// always six digits, so that text order is time order. Times outside of the years 0000 to 9999
/// become the nearest one that the form can hold.
[[nodiscard]] std::string format_db_time(Timestamp time);

/// Reads that form, and what other writers of such columns and the Image API make of it: `T` for
/// the blank, a fraction of any number of digits (those after the sixth are dropped) or none, a
/// `Z` at the end. Nothing for any other text and for dates that no calendar has.
[[nodiscard]] std::optional<Timestamp> parse_time(std::string_view text) noexcept;

/// Reads what people write: ISO 8601 from a year alone (`2026`) to `2026-11-22T16:59:28.5+01:00`,
/// with or without separators, a blank for the `T`; without a zone it is UTC. Nothing for any
/// other text and for dates that no calendar has.
[[nodiscard]] std::optional<Timestamp> parse_iso_time(std::string_view text) noexcept;

/// `2026-11-22T16:59:28Z`, as the Image API prints it.
[[nodiscard]] std::string format_api_time(Timestamp time);

}  // namespace glance
