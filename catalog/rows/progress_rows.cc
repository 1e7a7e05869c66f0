// SPDX-License-Identifier: Apache-2.0
#include "catalog/rows/progress_rows.h"

namespace glance::rows {

void record_progress(Session& sql, const ImageId& id, std::uint64_t size) {
  execute(sql,
          "INSERT OR REPLACE INTO glancefs_progress (image_id, size)"
          " SELECT id, :size FROM images WHERE id = :id AND deleted IS FALSE"
          " AND size IS NULL AND status IN ('saving', 'uploading', 'importing')",
          static_cast<long long>(size), id.text());
}

}  // namespace glance::rows
