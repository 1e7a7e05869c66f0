// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "catalog/model/image.h"

namespace glance {

/// What happened in the catalog since the last look, whoever did it: this process, another door,
/// a real Glance. The feed is kept by triggers (docs/catalog-format.md, "The feed"), so that no
/// writer can forget it.
struct Changes {
  bool everything = false;      ///< the feed does not reach back far enough: look at all again
  std::vector<ImageId> images;  ///< changed, added or removed; no duplicates
};

/// A reader of the change feed with a place of its own in it. One thread at a time.
class ChangeFeed {
 public:
  virtual ~ChangeFeed() = default;

  /// What was committed since the last call (or since the feed was opened). Costs some
  /// microseconds when nothing was. Errors: busy, io.
  [[nodiscard]] virtual Changes poll() = 0;
};

}  // namespace glance
