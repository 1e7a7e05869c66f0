// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "catalog/image_query.h"

namespace glance {

/// A SELECT and the texts to bind to it, in order.
struct ImageSelect {
  std::string text;
  std::vector<std::string> bindings;
};

/// The sort values of a page's last image, in the order of full_sort(); nothing stands for NULL.
using MarkerValues = std::vector<std::optional<std::string>>;

/// The query's sort, completed as Glance does: created_at and id break ties, newest first.
[[nodiscard]] std::vector<ImageSort> full_sort(const ImageQuery& query);

/// SELECT of the values that a marker stands for; its binding is the marker's id.
[[nodiscard]] ImageSelect marker_select(const ImageQuery& query);

/// SELECT of one page of images (rows::kImageColumns). Pages are cut by the marker's values, not
/// by counting, so the cost of a page does not grow with the catalog. Pure.
[[nodiscard]] ImageSelect page_select(const ImageQuery& query, const MarkerValues& marker);

}  // namespace glance
