// SPDX-License-Identifier: Apache-2.0
#include "catalog/upload/recovery.h"

#include <set>

#include <spdlog/spdlog.h>

#include "catalog/database/database.h"
#include "catalog/database/image_rows.h"
#include "catalog/database/upload_rows.h"
#include "catalog/store/store.h"
#include "catalog/upload/publication.h"

namespace glance {

namespace {

/// Bytes that no row tells of: their writer died before it had one, or after it had lost it.
void discard_orphan(const BlobClaim& claim, const ImageId& id, RecoveryReport& report) {
  if (!claim.writer || claim.writer->published()) return;
  claim.writer->discard();
  ++report.discarded;
  spdlog::info("recovery: bytes of image {} that nobody owns are removed", id.text());
}

void recover_upload(Database& database, Store& store, const ImageId& id, RecoveryReport& report) {
  const BlobClaim claim = store.claim(id);
  if (claim.alive) return;
  // Read only now: while the lock was not ours, its writer may have gone on.
  const auto upload = database.read([&](Session& sql) { return rows::select_upload(sql, id); });
  if (!upload) return discard_orphan(claim, id, report);
  if (upload->sealed && claim.writer) {
    if (claim.writer->size() != upload->sealed->size) {
      throw Error(Errc::corrupt, "sealed with " + std::to_string(upload->sealed->size) +
                                     " bytes, but " + std::to_string(claim.writer->size()) +
                                     " are in the store");
    }
    if (publish_sealed(database, *claim.writer, id)) {
      ++report.published;
      spdlog::info("recovery: image {} is published; its writer had died", id.text());
    }
    return;
  }
  if (upload->sealed) throw Error(Errc::corrupt, "sealed, but its data are gone from the store");
  if (discard_upload(database, claim.writer.get(), id)) {
    ++report.discarded;
    spdlog::info("recovery: the unfinished upload of image {} is taken back", id.text());
  }
}

/// This host's uploads, and bytes in the store without any row.
std::set<ImageId> candidates(Database& database, Store& store) {
  // The store first: an upload has its bytes before its row.
  const auto unfinished = store.unfinished();
  return database.read([&](Session& sql) {
    const auto here = rows::select_uploads_of_this_host(sql);
    std::set<ImageId> ids(here.begin(), here.end());
    for (const auto& id : unfinished) {
      if (!rows::select_upload(sql, id)) ids.insert(id);
    }
    return ids;
  });
}

void remove_garbage(Database& database, Store& store, RecoveryReport& report) {
  const auto urls = database.read([](Session& sql) { return rows::select_garbage(sql); });
  for (const auto& url : urls) {
    try {
      store.remove(url);
      ++report.removed;
    } catch (const Error& error) {
      spdlog::warn("recovery: data of a deleted image stay where they are: {}", error.what());
      if (error.code() != Errc::unsupported) continue;
      // Another store's; nobody here will ever be able to remove them.
    }
    database.write([&](Session& sql) { rows::forget_garbage(sql, url); });
  }
}

}  // namespace

RecoveryReport recover_uploads(Database& database, Store& store) {
  RecoveryReport report;
  for (const auto& id : candidates(database, store)) {
    try {
      recover_upload(database, store, id, report);
    } catch (const Error& error) {
      spdlog::error("recovery of the upload of image {}: {}", id.text(), error.what());
    }
  }
  try {
    remove_garbage(database, store, report);
  } catch (const Error& error) {
    spdlog::error("recovery: removing data of deleted images: {}", error.what());
  }
  return report;
}

}  // namespace glance
