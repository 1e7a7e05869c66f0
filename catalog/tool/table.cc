// SPDX-License-Identifier: Apache-2.0
#include "catalog/tool/table.h"

#include <algorithm>

#include "catalog/text/one_line.h"

namespace glance::tool {

namespace {

using Row = std::vector<std::string>;

Row printable_row(const Row& row) {
  Row cells(row.size());
  std::ranges::transform(row, cells.begin(), [](const auto& cell) { return one_line(cell); });
  return cells;
}

void print_row(const Row& row, const std::vector<std::size_t>& widths, std::ostream& out) {
  std::size_t blanks = 0;
  for (std::size_t i = 0; i < row.size(); ++i) {
    // Blanks are written only when something follows: no line ends with them.
    if (!row[i].empty()) {
      out << std::string(blanks, ' ') << row[i];
      blanks = 0;
    }
    blanks += widths[i] + 1 - columns(row[i]);
  }
  out << '\n';
}

std::string quoted(const std::string& cell) {
  if (cell.find_first_of(",\"\r\n") == std::string::npos) return cell;
  std::string text = "\"";
  for (const char c : cell) {
    if (c == '"') text += '"';
    text += c;
  }
  return text + '"';
}

void print_csv_row(const Row& row, std::ostream& out) {
  for (std::size_t i = 0; i < row.size(); ++i) out << (i > 0 ? "," : "") << quoted(row[i]);
  out << '\n';
}

}  // namespace

std::optional<Format> parse_format(std::string_view text) noexcept {
  if (text == "table") return Format::table;
  if (text == "csv") return Format::csv;
  if (text == "json") return Format::json;
  return std::nullopt;
}

void print_table(const Table& table, std::ostream& out) {
  std::vector<Row> lines = {printable_row(table.header)};
  for (const auto& row : table.rows) lines.push_back(printable_row(row));
  std::vector<std::size_t> widths(table.header.size(), 0);
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], columns(line[i]));
  }
  Row rule;
  for (const auto width : widths) rule.emplace_back(width, '-');
  lines.insert(lines.begin() + 1, std::move(rule));
  for (const auto& line : lines) print_row(line, widths, out);
}

void print_csv(const Table& table, Reader reader, std::ostream& out) {
  print_csv_row(table.header, out);
  for (const auto& row : table.rows) {
    print_csv_row(reader == Reader::person ? printable_row(row) : row, out);
  }
}

}  // namespace glance::tool
