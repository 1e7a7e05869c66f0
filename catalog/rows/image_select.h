// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "catalog/model/caller.h"
#include "catalog/model/image_query.h"

namespace glance {

/// A SELECT and the texts to bind to it, in order.
struct ImageSelect {
  std::string text;
  std::vector<std::string> bindings;
};

/// The sort values of a page's last image, in the order of full_sort(); nothing stands for NULL.
using MarkerValues = std::vector<std::optional<std::string>>;

/// A part of the query that alone may leave few images: where to find the ids of all that could
/// be in the list.
struct Lead {
  struct Source {
    std::string id;    ///< the column
    std::string from;  ///< what follows FROM; `?` stands for a binding
  };
  std::vector<Source> sources;
  std::vector<std::string> bindings;  ///< of all sources, in order
};

/// More candidates than this are not sorted: the list is then walked in its order.
inline constexpr std::size_t kFewCandidates = 1000;

/// The query's sort, completed as Glance does: created_at and id break ties. Nothing comes after
/// the id, which is unique.
[[nodiscard]] std::vector<ImageSort> full_sort(const ImageQuery& query);

/// SELECT of the values that a marker stands for; its binding is the marker's id.
[[nodiscard]] ImageSelect marker_select(const ImageQuery& query);

/// The leads that the query and the caller's rights give, each served by an index.
[[nodiscard]] std::vector<Lead> leads(const ImageQuery& query, const Caller& caller);

/// SELECT of a lead's number of candidates, counted up to one more than kFewCandidates.
[[nodiscard]] ImageSelect count_select(const Lead& lead);

/// The SELECTs (of rows::kImageColumns) whose results, one after another up to the query's limit,
/// are a page. Pure. The cost of a page does not grow with the catalog: pages are cut by the
/// marker's values, not by counting, and with a lead its few candidates are looked at and sorted;
/// without one an index that has the page's order is entered at the marker and walked. For that
/// walk, "after the marker" is taken apart into ranges: SQLite enters an index at
/// `a = ? AND b < ?`, but not at `a < ? OR (a = ? AND b < ?)`.
[[nodiscard]] std::vector<ImageSelect> page_selects(const ImageQuery& query, const Caller& caller,
                                                    const MarkerValues& marker,
                                                    const std::optional<Lead>& lead);

}  // namespace glance
