// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace glance::tool {

/// How lists are written.
enum class Format { table, csv, json };

[[nodiscard]] std::optional<Format> parse_format(std::string_view text) noexcept;

/// Rows of texts under a header, all of one length.
struct Table {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
};

/// For people: each column as wide as its widest cell shows on a terminal; see printable().
void print_table(const Table& table, std::ostream& out);

/// For programs: RFC 4180, but with `\n` line ends; texts are not escaped, only quoted.
void print_csv(const Table& table, std::ostream& out);

}  // namespace glance::tool
