// SPDX-License-Identifier: Apache-2.0
#include "catalog/rows/image_select.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "catalog/rows/image_rows.h"

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
    case ImageColumn::owner:
      return "owner";
    case ImageColumn::disk_format:
      return "disk_format";
    case ImageColumn::container_format:
      return "container_format";
    case ImageColumn::checksum:
      return "checksum";
    case ImageColumn::os_hash_algo:
      return "os_hash_algo";
    case ImageColumn::os_hash_value:
      return "os_hash_value";
    case ImageColumn::size:
      return "size";
    case ImageColumn::virtual_size:
      return "virtual_size";
    case ImageColumn::min_disk:
      return "min_disk";
    case ImageColumn::min_ram:
      return "min_ram";
    case ImageColumn::is_protected:
      return "protected";
    case ImageColumn::created_at:
      return "created_at";
    case ImageColumn::updated_at:
      return "updated_at";
  }
  throw Error(Errc::invalid, "unknown column");
}

/// How rows are found by a column.
enum class Index {
  none,
  own,   ///< one of Glance's, on the column alone
  page,  ///< one of ours, on (deleted, column, created_at, id): found rows are in the default order
};

Index index_of(ImageColumn column) {
  switch (column) {
    case ImageColumn::id:
    case ImageColumn::name:
    case ImageColumn::status:
    case ImageColumn::disk_format:
    case ImageColumn::container_format:
    case ImageColumn::size:
    case ImageColumn::created_at:
    case ImageColumn::updated_at:
      return Index::page;
    case ImageColumn::owner:
    case ImageColumn::checksum:
    case ImageColumn::os_hash_value:
      return Index::own;
    case ImageColumn::os_hash_algo:
    case ImageColumn::virtual_size:
    case ImageColumn::min_disk:
    case ImageColumn::min_ram:
    case ImageColumn::is_protected:
      return Index::none;
  }
  return Index::none;
}

bool is_nullable(ImageColumn column) {
  return column != ImageColumn::id && column != ImageColumn::status &&
         column != ImageColumn::created_at && column != ImageColumn::min_disk &&
         column != ImageColumn::min_ram && column != ImageColumn::is_protected;
}

std::string_view operator_of(Comparison comparison) {
  switch (comparison) {
    case Comparison::equal:
      return " = ";
    case Comparison::not_equal:
      return " <> ";
    case Comparison::less:
      return " < ";
    case Comparison::less_or_equal:
      return " <= ";
    case Comparison::greater:
      return " > ";
    case Comparison::greater_or_equal:
      return " >= ";
  }
  throw Error(Errc::invalid, "unknown comparison");
}

/// A condition with its bindings; `?` stands for each of them. They have no names: SQLite looks a
/// name up among all that came before it, which takes a list of thousands quadratic time.
struct Condition {
  std::string text;
  std::vector<std::string> bindings;
};

Condition condition_of(const ImageFilter& filter) {
  const auto column = column_name(filter.column);
  if (filter.comparison != Comparison::equal || filter.values.size() == 1) {
    return {column + std::string(operator_of(filter.comparison)) + "?", {filter.values.front()}};
  }
  if (filter.values.empty()) return {"1 = 0", {}};
  std::string list;
  for (std::size_t i = 0; i < filter.values.size(); ++i) list += i == 0 ? "?" : ", ?";
  return {column + " IN (" + list + ")", filter.values};
}

/// The same condition, out of sight of SQLite's planner, which would otherwise take any index for
/// better than the one that has the page's order (docs/catalog-format.md, "Indexes").
std::string hidden(const std::string& condition) {
  return "(" + condition + ") IS TRUE";
}

/// Grows a WHERE clause and its bindings.
class Where {
 public:
  void require(const std::string& condition, std::vector<std::string> bindings = {}) {
    text_ += text_.empty() ? " WHERE " : " AND ";
    text_ += condition;
    std::ranges::move(bindings, std::back_inserter(bindings_));
  }
  void require(Condition condition) { require(condition.text, std::move(condition.bindings)); }
  void require_hidden(Condition condition) {
    require(hidden(condition.text), std::move(condition.bindings));
  }
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] std::vector<std::string> take_bindings() { return std::move(bindings_); }

 private:
  std::string text_;
  std::vector<std::string> bindings_;
};

std::string order_by(std::span<const ImageSort> sort) {
  std::string text;
  for (const auto& each : sort) {
    text += text.empty() ? " ORDER BY " : ", ";
    text += column_name(each.column) + (each.descending ? " DESC" : " ASC");
  }
  return text;
}

// ── who sees what ─────────────────────────────────────────────────────────────────────────────

Condition membership_of(const std::string& project, std::optional<MemberStatus> status) {
  Condition condition{"member = ? AND deleted IS FALSE", {project}};
  if (status) {
    condition.text += " AND status = ?";
    condition.bindings.emplace_back(to_string(*status));
  }
  return condition;
}

/// What a list may show to a caller who is no administrator.
Condition visible_to(const Caller& caller, std::optional<MemberStatus> status) {
  Condition condition{"visibility = 'public' OR visibility = 'community'", {}};
  if (!caller.project) return condition;
  auto membership = membership_of(*caller.project, status);
  condition.text +=
      " OR owner = ? OR (visibility = 'shared' AND EXISTS (SELECT 1 FROM image_members m"
      " WHERE m.image_id = images.id AND " +
      membership.text + "))";
  condition.bindings.push_back(*caller.project);
  std::ranges::move(membership.bindings, std::back_inserter(condition.bindings));
  return condition;
}

void require_visibility(const ImageQuery& query, const Caller& caller, Where& where) {
  if (!caller.is_admin) where.require_hidden(visible_to(caller, query.membership));
  if (query.visibility) {
    where.require_hidden({"visibility = ?", {std::string(to_string(*query.visibility))}});
  }
  if (query.foreign_community) return;
  Condition condition{"visibility <> 'community'", {}};
  if (caller.project) condition = {condition.text + " OR owner = ?", {*caller.project}};
  where.require_hidden(std::move(condition));
}

/// Where the images that a caller sees are to be found, if he does not see all.
Lead visibility_lead(const std::string& project, const ImageQuery& query) {
  auto membership = membership_of(project, query.membership);
  Lead lead{.sources = {{"id", "images WHERE owner = ?"},
                        {"image_id", "image_members WHERE " + membership.text},
                        {"id", "images WHERE visibility = 'public'"}},
            .bindings = {project}};
  std::ranges::move(membership.bindings, std::back_inserter(lead.bindings));
  if (query.foreign_community) {
    lead.sources.push_back({"id", "images WHERE visibility = 'community'"});
  }
  return lead;
}

// ── leads ─────────────────────────────────────────────────────────────────────────────────────

/// Glance's indexes know nothing of `deleted`; asked for it the planner would read every row, or
/// take the index on that column alone. What is deleted is left out when the candidates are read.
Lead column_lead(Condition condition, Index index) {
  const std::string_view table =
      index == Index::page ? "images WHERE deleted = false AND " : "images WHERE ";
  return {.sources = {{"id", std::string(table) + condition.text}},
          .bindings = std::move(condition.bindings)};
}

Lead tag_lead(const std::string& tag) {
  return {.sources = {{"image_id", "image_tags WHERE value = ? AND deleted IS FALSE"}},
          .bindings = {tag}};
}

Lead property_lead(const PropertyFilter& property) {
  return {.sources = {{"image_id",
                       "image_properties WHERE name = ? AND value = ? AND deleted IS FALSE"}},
          .bindings = {property.name, property.value}};
}

std::string lead_text(const Lead& lead, std::string_view column = {}) {
  std::string text;
  for (const auto& [id, from] : lead.sources) {
    if (!text.empty()) text += " UNION ALL ";
    text += "SELECT " + (column.empty() ? id : std::string(column)) + " FROM " + from;
  }
  return text;
}

// ── pages ─────────────────────────────────────────────────────────────────────────────────────

/// Whether the walk's index can be entered by the filter, and still be walked in order.
bool serves_walk(const ImageFilter& filter, ImageColumn first) {
  if (filter.column == first) return true;
  return first == ImageColumn::created_at && index_of(filter.column) == Index::page &&
         filter.comparison == Comparison::equal && filter.values.size() == 1;
}

void require_filters(const ImageQuery& query, std::optional<ImageColumn> walked, Where& where) {
  for (const auto& filter : query.filters) {
    auto condition = condition_of(filter);
    if (walked && serves_walk(filter, *walked)) {
      where.require(std::move(condition));
    } else {
      where.require_hidden(std::move(condition));
    }
  }
  for (const auto& tag : query.tags) {
    // The few tags of one image are looked at, and not all images that have this tag.
    where.require("EXISTS (SELECT 1 FROM image_tags t WHERE t.image_id = images.id AND " +
                      hidden("t.value = ?") + " AND t.deleted IS FALSE)",
                  {tag});
  }
  for (const auto& property : query.properties) {
    where.require(
        "EXISTS (SELECT 1 FROM image_properties p WHERE p.image_id = images.id AND p.name = ?"
        " AND p.value = ? AND p.deleted IS FALSE)",
        {property.name, property.value});
  }
  if (query.os_hidden) {
    where.require(hidden(*query.os_hidden ? "os_hidden = true" : "os_hidden = false"));
  }
}

/// A stretch of the sorted images: the first `fixed` sort values are the marker's.
struct Stretch {
  std::vector<Condition> conditions;
  std::size_t fixed = 0;
};

Condition same_as(ImageColumn column, const std::optional<std::string>& value) {
  if (!value) return {column_name(column) + " IS NULL", {}};
  return {column_name(column) + " = ?", {*value}};
}

/// What comes after `value` in one column's order, where SQLite sorts NULL first.
std::vector<Condition> after(const ImageSort& sort, const std::optional<std::string>& value) {
  const std::string column = column_name(sort.column);
  if (!value) {
    if (sort.descending) return {};
    return {{column + " IS NOT NULL", {}}};
  }
  if (!sort.descending) return {{column + " > ?", {*value}}};
  std::vector<Condition> ranges = {{column + " < ?", {*value}}};
  if (is_nullable(sort.column)) ranges.push_back({column + " IS NULL", {}});
  return ranges;
}

/// All that follows the marker, the nearest stretch first.
std::vector<Stretch> stretches_after(std::span<const ImageSort> sort, const MarkerValues& marker) {
  std::vector<Stretch> stretches;
  for (std::size_t fixed = sort.size(); fixed-- > 0;) {
    std::vector<Condition> same;
    for (std::size_t i = 0; i < fixed; ++i) same.push_back(same_as(sort[i].column, marker[i]));
    for (auto& range : after(sort[fixed], marker[fixed])) {
      auto conditions = same;
      conditions.push_back(std::move(range));
      stretches.push_back({.conditions = std::move(conditions), .fixed = fixed});
    }
  }
  return stretches;
}

/// The same in one condition, for candidates that are looked at one by one.
Condition anywhere_after(std::span<const ImageSort> sort, const MarkerValues& marker) {
  Condition any;
  for (auto& stretch : stretches_after(sort, marker)) {
    std::string all;
    for (auto& [text, bindings] : stretch.conditions) {
      all += (all.empty() ? "" : " AND ") + text;
      std::ranges::move(bindings, std::back_inserter(any.bindings));
    }
    any.text += (any.text.empty() ? "(" : " OR (") + all + ")";
  }
  if (any.text.empty()) any.text = "1 = 0";
  return any;
}

ImageSelect finish(Where& where, std::span<const ImageSort> sort) {
  auto text =
      std::string("SELECT ") + rows::kImageColumns + " FROM images" + where.text() + order_by(sort);
  return {.text = std::move(text), .bindings = where.take_bindings()};
}

/// What no list shows. Glance lists neither killed nor deleted images; pending_delete ones wait for
/// its scrubber. A state that nobody knows would make the page shorter than its limit, and so seem
/// the last.
void require_listed(const Caller& caller, Where& where) {
  where.require(
      hidden("status IN ('queued', 'saving', 'uploading', 'importing', 'active', 'deactivated')"));
  if (!caller.sees_temporaries) {
    where.require("id NOT IN (SELECT image_id FROM glancefs_temporaries)");
  }
}

ImageSelect select_among(const Lead& lead, const ImageQuery& query, const Caller& caller,
                         const MarkerValues& marker) {
  const auto sort = full_sort(query);
  Where where;
  where.require("id IN (" + lead_text(lead) + ")", lead.bindings);
  where.require("deleted IS FALSE");
  require_listed(caller, where);
  require_visibility(query, caller, where);
  require_filters(query, std::nullopt, where);
  if (query.marker) where.require_hidden(anywhere_after(sort, marker));
  return finish(where, sort);
}

ImageSelect select_along(Stretch stretch, const ImageQuery& query, const Caller& caller,
                         std::span<const ImageSort> sort) {
  Where where;
  where.require("deleted = false");
  for (auto& condition : stretch.conditions) where.require(std::move(condition));
  require_listed(caller, where);
  require_visibility(query, caller, where);
  require_filters(query, sort.front().column, where);
  return finish(where, sort.subspan(stretch.fixed));
}

}  // namespace

std::vector<ImageSort> full_sort(const ImageQuery& query) {
  auto sort = query.sort;
  for (const auto column : {ImageColumn::created_at, ImageColumn::id}) {
    sort.push_back({.column = column, .descending = query.ties_descending});
  }
  // Of a repeated column only the first place counts, and nothing after the id.
  std::vector<ImageSort> full;
  for (const auto& each : sort) {
    const bool named = std::ranges::find(full, each.column, &ImageSort::column) != full.end();
    if (!named) full.push_back(each);
    if (each.column == ImageColumn::id) break;
  }
  return full;
}

ImageSelect marker_select(const ImageQuery& query) {
  std::string columns;
  for (const auto& each : full_sort(query)) {
    // As text: the values travel back into a comparison, where the column's type rules again.
    columns += (columns.empty() ? "CAST(" : ", CAST(") + column_name(each.column) + " AS TEXT)";
  }
  // One that was deleted keeps its place.
  return {.text = "SELECT " + columns + " FROM images WHERE id = ?",
          .bindings = {query.marker->text()}};
}

std::vector<Lead> leads(const ImageQuery& query, const Caller& caller) {
  std::vector<Lead> leads;
  for (const auto& filter : query.filters) {
    const auto index = index_of(filter.column);
    if (index == Index::none || filter.comparison == Comparison::not_equal) continue;
    leads.push_back(column_lead(condition_of(filter), index));
  }
  for (const auto& tag : query.tags) leads.push_back(tag_lead(tag));
  for (const auto& property : query.properties) leads.push_back(property_lead(property));
  if (query.os_hidden == true) leads.push_back(column_lead({"os_hidden = true", {}}, Index::own));
  if (query.visibility) {
    const std::string text(to_string(*query.visibility));
    leads.push_back(column_lead({"visibility = ?", {text}}, Index::own));
  }
  if (!caller.is_admin && caller.project) leads.push_back(visibility_lead(*caller.project, query));
  return leads;
}

ImageSelect count_select(const Lead& lead) {
  return {.text = "SELECT COUNT(*) FROM (" + lead_text(lead, "1") + " LIMIT " +
                  std::to_string(kFewCandidates + 1) + ")",
          .bindings = lead.bindings};
}

std::vector<ImageSelect> page_selects(const ImageQuery& query, const Caller& caller,
                                      const MarkerValues& marker, const std::optional<Lead>& lead) {
  if (lead) return {select_among(*lead, query, caller, marker)};
  const auto sort = full_sort(query);
  const auto stretches = query.marker ? stretches_after(sort, marker) : std::vector<Stretch>(1);
  std::vector<ImageSelect> selects;
  selects.reserve(stretches.size());
  for (const auto& stretch : stretches) {
    selects.push_back(select_along(stretch, query, caller, sort));
  }
  return selects;
}

}  // namespace glance
