// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace glance {

/// Where a store keeps an image's data.
struct Location {
  std::string url;              ///< e.g. file:///var/lib/glance/images/<id>
  std::string metadata = "{}";  ///< a JSON object as Glance writes it, e.g. {"store": "file"}

  friend bool operator==(const Location&, const Location&) = default;
};

}  // namespace glance
