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

/// For people: each column as wide as its widest cell shows on a terminal; see one_line().
void print_table(const Table& table, std::ostream& out);

/// Who reads the output.
enum class Reader { person, program };

/// RFC 4180, but with `\n` line ends. For programs texts are not escaped, only quoted; for people
/// each is one_line().
void print_csv(const Table& table, Reader reader, std::ostream& out);

}  // namespace glance::tool
