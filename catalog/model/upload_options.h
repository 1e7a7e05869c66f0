// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "catalog/model/digests.h"
#include "catalog/model/image.h"
#include "catalog/model/image_draft.h"

namespace glance {

/// Which door an upload came through.
enum class UploadOrigin { mount, rest, tool };

/// The image whose place another one takes when it is published.
struct Replacement {
  ImageId image;
  std::string name;  ///< what the new one is called from then on
  Replaced how = Replaced::deleted;
};

struct UploadOptions {
  UploadOrigin origin = UploadOrigin::rest;
  /// The image was made for this upload and goes away with it, instead of back to `queued`.
  bool owns_image = false;
  /// Formats that are not set are found out (disk_format) or `bare` (container_format). Without
  /// it both must be set before the upload begins, as Glance demands: invalid.
  bool detect_format = false;
  /// What the data must turn out to be, beside what Catalog::expect() was told; else the seal
  /// fails with mismatch.
  Expectation expected = {};
  /// Done in the transaction that publishes the data, so that the name is never missing.
  std::optional<Replacement> replaces;
};

}  // namespace glance
