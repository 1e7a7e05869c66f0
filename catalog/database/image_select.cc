// SPDX-License-Identifier: Apache-2.0
#include "catalog/database/image_select.h"

#include <algorithm>

#include "catalog/database/image_rows.h"

namespace glance {

namespace {

std::string column_name(ImageColumn column) {
  switch (column) {
    case ImageColumn::id:
      return "id";
    case ImageColumn::name:
      return "name";
    case ImageColumn::status:
      return "status";
    case ImageColumn::visibility:
      return "visibility";
    case ImageColumn::owner:
      return "owner";
    case ImageColumn::disk_format:
      return "disk_format";
    case ImageColumn::container_format:
      return "container_format";
    case ImageColumn::checksum:
      return "checksum";
    case ImageColumn::os_hash_value:
      return "os_hash_value";
    case ImageColumn::size:
      return "size";
    case ImageColumn::created_at:
      return "created_at";
    case ImageColumn::updated_at:
      return "updated_at";
  }
  throw Error(Errc::invalid, "unknown column");
}

/// Grows a WHERE clause; every placeholder gets a name of its own.
class Where {
 public:
  std::string bind(const std::string& value) {
    bindings_.push_back(value);
    return ":b" + std::to_string(bindings_.size());
  }
  void require(const std::string& condition) {
    text_ += text_.empty() ? " WHERE " : " AND ";
    text_ += condition;
  }
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] std::vector<std::string> take_bindings() { return std::move(bindings_); }

 private:
  std::string text_;
  std::vector<std::string> bindings_;
};

std::string same_as(const std::string& column, const std::optional<std::string>& value,
                    Where& where) {
  return value ? column + " = " + where.bind(*value) : column + " IS NULL";
}

/// Rows that come after `value` in one column's order, where SQLite sorts NULL first.
std::string after(const ImageSort& sort, const std::optional<std::string>& value, Where& where) {
  const std::string column = column_name(sort.column);
  if (sort.descending) {
    if (!value) return "1 = 0";
    return "(" + column + " < " + where.bind(*value) + " OR " + column + " IS NULL)";
  }
  if (!value) return column + " IS NOT NULL";
  return column + " > " + where.bind(*value);
}

/// (k0 after v0) OR (k0 = v0 AND k1 after v1) OR …
void require_after_marker(const std::vector<ImageSort>& sort, const MarkerValues& marker,
                          Where& where) {
  // Implied by the rest, but a single range is what an index can start from.
  if (sort.front().column == ImageColumn::created_at && marker.front()) {
    const std::string bound = sort.front().descending ? "created_at <= " : "created_at >= ";
    where.require(bound + where.bind(*marker.front()));
  }
  std::string any;
  for (std::size_t i = 0; i < sort.size(); ++i) {
    // Bound anew for every alternative: placeholders are matched by their order in the text.
    std::string alternative;
    for (std::size_t j = 0; j < i; ++j) {
      alternative += same_as(column_name(sort[j].column), marker[j], where) + " AND ";
    }
    alternative += after(sort[i], marker[i], where);
    any += (any.empty() ? "(" : " OR (") + alternative + ")";
  }
  where.require("(" + any + ")");
}

void require_filters(const ImageQuery& query, Where& where) {
  for (const auto& filter : query.filters) {
    where.require(column_name(filter.column) + " = " + where.bind(filter.value));
  }
  for (const auto& tag : query.tags) {
    where.require(
        "EXISTS (SELECT 1 FROM image_tags t WHERE t.image_id = images.id"
        " AND t.deleted IS FALSE AND t.value = " +
        where.bind(tag) + ")");
  }
  if (query.os_hidden) where.require(*query.os_hidden ? "os_hidden = true" : "os_hidden = false");
}

std::string order_by(const std::vector<ImageSort>& sort) {
  std::string text;
  for (const auto& each : sort) {
    text += text.empty() ? " ORDER BY " : ", ";
    text += column_name(each.column) + (each.descending ? " DESC" : " ASC");
  }
  return text;
}

}  // namespace

std::vector<ImageSort> full_sort(const ImageQuery& query) {
  auto sort = query.sort;
  for (const auto column : {ImageColumn::created_at, ImageColumn::id}) {
    const bool named =
        std::ranges::any_of(sort, [&](const ImageSort& each) { return each.column == column; });
    if (!named) sort.push_back({.column = column, .descending = true});
  }
  return sort;
}

ImageSelect marker_select(const ImageQuery& query) {
  std::string columns;
  for (const auto& each : full_sort(query)) {
    // As text: the values travel back into a comparison, where the column's type rules again.
    columns += (columns.empty() ? "CAST(" : ", CAST(") + column_name(each.column) + " AS TEXT)";
  }
  return {.text = "SELECT " + columns + " FROM images WHERE id = :id AND deleted IS FALSE",
          .bindings = {query.marker->text()}};
}

ImageSelect page_select(const ImageQuery& query, const MarkerValues& marker) {
  const auto sort = full_sort(query);
  Where where;
  where.require("deleted = false");
  where.require("status NOT IN ('killed', 'deleted', 'pending_delete')");
  if (!query.temporaries) where.require("id NOT IN (SELECT image_id FROM glancefs_temporaries)");
  require_filters(query, where);
  if (query.marker) require_after_marker(sort, marker, where);
  std::string text =
      std::string("SELECT ") + rows::kImageColumns + " FROM images" + where.text() + order_by(sort);
  if (query.limit) text += " LIMIT " + std::to_string(*query.limit);
  return {.text = std::move(text), .bindings = where.take_bindings()};
}

}  // namespace glance
