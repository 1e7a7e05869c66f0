// SPDX-License-Identifier: Apache-2.0
#include "catalog/upload/recovery.h"

#include <exception>
#include <set>

#include <spdlog/spdlog.h>

#include "catalog/database/database.h"
#include "catalog/rows/image_rows.h"
#include "catalog/rows/location_rows.h"
#include "catalog/rows/upload_rows.h"
#include "catalog/store/store.h"
#include "catalog/upload/digester.h"
#include "catalog/upload/examination.h"
#include "catalog/upload/garbage.h"
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

void require_bytes(const BlobWriter* blob, std::uint64_t size) {
  if (blob == nullptr) throw Error(Errc::corrupt, "its data are gone from the store");
  if (blob->size() != size) {
    throw Error(Errc::corrupt, "it was closed with " + std::to_string(size) + " bytes, but " +
                                   std::to_string(blob->size()) + " are in the store");
  }
}

/// What the seal of a closed upload would have recorded. False if the image is gone, or its data
/// are not what was announced: then nobody can be told any more, and nothing is published.
bool seal_closed(Database& database, const rows::UploadRow& upload, BlobWriter& blob,
                 const std::string& os_hash_algo) {
  const std::uint64_t size = *upload.closed_size;
  std::optional<Image> image;
  Expectation expected;
  database.read([&](Session& sql) {
    image = rows::select_image(sql, upload.id);
    expected = rows::select_expectation(sql, upload.id);
  });
  if (!image) return false;
  Digester digester(blob, os_hash_algo);
  const auto data = examine(*image, blob, size, digester.finish(size), upload.detect_format);
  try {
    require_expected(expected, blob, data);
  } catch (const Error& error) {
    if (error.code() != Errc::mismatch) throw;
    spdlog::error("recovery: image {} is not published: {}", upload.id.text(), error.what());
    return false;
  }
  return database.write(
      [&](Session& sql) { return rows::seal_upload(sql, upload.id, data, now()); });
}

void take_back(Database& database, BlobWriter* blob, const ImageId& id, RecoveryReport& report) {
  if (!discard_upload(database, blob, id)) return;
  ++report.discarded;
  spdlog::info("recovery: the unfinished upload of image {} is taken back", id.text());
}

/// Whether the image was deleted. Its row is then all that is left of an upload without data.
bool is_deleted(Database& database, const ImageId& id) {
  return !database.read([&](Session& sql) { return rows::select_image(sql, id).has_value(); });
}

void recover_upload(Database& database, Store& store, const std::string& os_hash_algo,
                    const ImageId& id, RecoveryReport& report) {
  const BlobClaim claim = store.claim(id);
  if (claim.alive) {
    ++report.left;
    return;
  }
  // Read only now: while the lock was not ours, its writer may have gone on.
  const auto upload = database.read([&](Session& sql) { return rows::select_upload(sql, id); });
  if (!upload) return discard_orphan(claim, id, report);
  if (upload->is_open()) return take_back(database, claim.writer.get(), id, report);
  if (!claim.writer && is_deleted(database, id)) {
    database.write([&](Session& sql) { rows::delete_upload(sql, id); });
    return;
  }
  require_bytes(claim.writer.get(),
                upload->sealed ? upload->sealed->size : upload->closed_size.value_or(0));
  if (upload->closed_size && !seal_closed(database, *upload, *claim.writer, os_hash_algo)) {
    static_cast<void>(
        database.write([&](Session& sql) { return rows::reopen_upload(sql, id, now()); }));
    return take_back(database, claim.writer.get(), id, report);
  }
  if (publish_sealed(database, store, *claim.writer, id)) {
    ++report.published;
    spdlog::info("recovery: image {} is published; its writer had died", id.text());
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

void remove_all_garbage(Database& database, Store& store, RecoveryReport& report) {
  const auto urls = database.read([](Session& sql) { return rows::select_garbage(sql); });
  report.removed += remove_garbage(database, store, urls, [](const Error& error) {
    spdlog::warn("recovery: data of a deleted image stay where they are: {}", error.what());
  });
}

}  // namespace

RecoveryReport recover_uploads(Database& database, Store& store, const std::string& os_hash_algo) {
  RecoveryReport report;
  for (const auto& id : candidates(database, store)) {
    try {
      recover_upload(database, store, os_hash_algo, id, report);
    } catch (const std::exception& error) {
      ++report.left;
      spdlog::error("recovery of the upload of image {}: {}", id.text(), error.what());
    }
  }
  try {
    remove_all_garbage(database, store, report);
  } catch (const std::exception& error) {
    spdlog::error("recovery: removing data of deleted images: {}", error.what());
  }
  return report;
}

}  // namespace glance
