// SPDX-License-Identifier: Apache-2.0
#include "catalog/model/tag_list.h"

#include <algorithm>

namespace glance {
namespace {

std::string unescape_tag(std::string_view text) {
  std::string tag;
  while (!text.empty()) {
    const bool comma = text.starts_with("%2C") || text.starts_with("%2c");
    const bool percent = text.starts_with("%25");
    tag += comma ? ',' : text.front();
    text.remove_prefix(comma || percent ? 3 : 1);
  }
  return tag;
}

}  // namespace

std::vector<std::string> as_set(std::vector<std::string> tags) {
  std::ranges::sort(tags);
  const auto rest = std::ranges::unique(tags);
  tags.erase(rest.begin(), rest.end());
  return tags;
}

std::string join_tags(const std::vector<std::string>& tags) {
  std::string text;
  for (std::size_t i = 0; i < tags.size(); ++i) {
    if (i > 0) text += ',';
    std::string_view rest = tags[i];
    for (; !rest.empty(); rest.remove_prefix(1)) {
      // A `%` is escaped only where it would otherwise be read as an escape: "100%" stays so.
      const bool like_escape =
          rest.starts_with("%2C") || rest.starts_with("%2c") || rest.starts_with("%25");
      if (rest.front() == ',') {
        text += "%2C";
      } else if (like_escape) {
        text += "%25";
      } else {
        text += rest.front();
      }
    }
  }
  return text;
}

std::vector<std::string> split_tags(std::string_view text) {
  std::vector<std::string> tags;
  while (!text.empty()) {
    const std::string_view tag = text.substr(0, text.find(','));
    text.remove_prefix(std::min(tag.size() + 1, text.size()));
    if (!tag.empty()) tags.push_back(unescape_tag(tag));
  }
  return as_set(std::move(tags));
}

}  // namespace glance
