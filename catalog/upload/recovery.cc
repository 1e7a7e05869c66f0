// SPDX-License-Identifier: Apache-2.0
#include "catalog/upload/recovery.h"

#include <exception>
#include <set>

#include <spdlog/spdlog.h>

#include "catalog/database/database.h"
#include "catalog/rows/image_rows.h"
#include "catalog/rows/instance_rows.h"
#include "catalog/rows/location_rows.h"
#include "catalog/rows/upload_rows.h"
#include "catalog/spool/spool_area.h"
#include "catalog/store/stores.h"
#include "catalog/upload/digester.h"
#include "catalog/upload/examination.h"
#include "catalog/upload/garbage.h"
#include "catalog/upload/instance_watch.h"
#include "catalog/upload/publication.h"

namespace glance {

namespace {

/// Bytes that no upload's row tells of: their writer died before it had one, or after it had lost
/// it. What belongs to no image of this catalog may be another one's.
void discard_orphan(Database& database, const SpoolClaim& claim, const ImageId& id,
                    RecoveryReport& report) {
  if (!claim.spool) return;
  const bool ours = database.read([&](Session& sql) { return rows::id_exists(sql, id); });
  if (!ours) return;
  claim.spool->discard();
  ++report.discarded;
  spdlog::info("recovery: bytes of image {} that nobody owns are removed", id.text());
}

void require_bytes(const Spool& spool, std::uint64_t size) {
  if (spool.size() != size) {
    throw Error(Errc::corrupt, "it was closed with " + std::to_string(size) + " bytes, but " +
                                   std::to_string(spool.size()) + " are there");
  }
}

/// What the seal of a closed upload would have recorded. False if the image is gone, or its data
/// are not what was announced: then nobody can be told any more, and nothing is published.
bool seal_closed(Database& database, const rows::UploadRow& upload, Spool& spool,
                 const std::string& os_hash_algo) {
  const std::uint64_t size = *upload.closed_size;
  std::optional<Image> image;
  Expectation expected;
  database.read([&](Session& sql) {
    image = rows::select_image(sql, upload.id);
    expected = rows::select_expectation(sql, upload.id);
  });
  if (!image) return false;
  Digester digester(spool, os_hash_algo);
  const auto data = examine(*image, spool, size, digester.finish(size), upload.detect_format);
  try {
    require_verifiable(*image);
    require_expected(expected, spool, data);
  } catch (const Error& error) {
    if (error.code() != Errc::mismatch) throw;
    spdlog::error("recovery: image {} is not published: {}", upload.id.text(), error.what());
    return false;
  }
  return database.write(
      [&](Session& sql) { return rows::seal_upload(sql, upload.id, data, now()); });
}

void take_back(Database& database, Spool* spool, const ImageId& id, RecoveryReport& report) {
  if (!discard_upload(database, spool, id)) return;
  ++report.discarded;
  spdlog::info("recovery: the unfinished upload of image {} is taken back", id.text());
}

bool is_deleted(Database& database, const ImageId& id) {
  return !database.read([&](Session& sql) { return rows::select_image(sql, id).has_value(); });
}

/// What is left of the acknowledged upload of an image that was deleted: nobody waits for it.
void forget_deleted(Database& database, const Stores& stores, Spool* spool,
                    const rows::UploadRow& upload, RecoveryReport& report) {
  // Its writer may have died after it had brought the data to the store.
  const auto place =
      upload.sealed ? stores.default_store().find(upload.id, std::nullopt) : std::nullopt;
  if (place) {
    static_cast<void>(record_publication(database, stores, spool, upload.id, *place));
  } else {
    database.write([&](Session& sql) { rows::delete_upload(sql, upload.id); });
    if (spool != nullptr) spool->discard();
  }
  ++report.discarded;
  spdlog::info("recovery: the upload of image {}, which was deleted, is removed", upload.id.text());
}

/// Counts an upload whose lock is free, but whose writer may live on another machine.
bool may_live(Database& database, InstanceWatch& watch, const rows::UploadRow& upload,
              RecoveryReport& report) {
  const Life life = watch.look(database, upload.instance);
  if (life == Life::gone) return false;
  ++report.left;
  if (life == Life::unknown) {
    ++report.undecided;
    spdlog::info("recovery: the upload of image {} waits until it is clear whether {}, lives",
                 upload.id.text(), describe_instance(database, *upload.instance));
  }
  return true;
}

/// Where sealed data are in the store, or are brought now. An earlier version of us moved the spool
/// there before the row was written.
std::optional<Location> place_of(const Stores& stores, const Spool* spool,
                                 const rows::SealedData& sealed, const ImageId& id) {
  if (spool == nullptr) return stores.default_store().find(id, sealed.size);
  return stores.default_store().put(*spool, sealed.digests);
}

Error lost_data() {
  return {Errc::corrupt, "its data are gone"};
}

/// Publishes a sealed upload; `spool` may be null.
void publish(Database& database, const Stores& stores, Spool* spool, const ImageId& id,
             RecoveryReport& report) {
  const auto upload = database.read([&](Session& sql) { return rows::select_upload(sql, id); });
  if (!upload || !upload->sealed) return;
  const auto location = place_of(stores, spool, *upload->sealed, id);
  if (!location) throw lost_data();
  if (!record_publication(database, stores, spool, id, *location)) return;
  ++report.published;
  spdlog::info("recovery: image {} is published; its writer had died", id.text());
}

void recover_upload(Database& database, const SpoolArea& spools, const Stores& stores,
                    InstanceWatch& watch, const std::string& os_hash_algo, const ImageId& id,
                    RecoveryReport& report) {
  const SpoolClaim claim = spools.claim(id);
  if (claim.alive) {
    ++report.left;
    return;
  }
  Spool* const spool = claim.spool.get();
  // Read only now: while the lock was not ours, its writer may have gone on.
  const auto upload = database.read([&](Session& sql) { return rows::select_upload(sql, id); });
  if (!upload) return discard_orphan(database, claim, id, report);
  if (may_live(database, watch, *upload, report)) return;
  if (upload->is_open()) return take_back(database, spool, id, report);
  if (is_deleted(database, id)) return forget_deleted(database, stores, spool, *upload, report);
  if (spool == nullptr && upload->closed_size) throw lost_data();
  if (spool != nullptr) {
    require_bytes(*spool, upload->sealed ? upload->sealed->size : upload->closed_size.value_or(0));
  }
  if (upload->closed_size && !seal_closed(database, *upload, *spool, os_hash_algo)) {
    static_cast<void>(
        database.write([&](Session& sql) { return rows::reopen_upload(sql, id, now()); }));
    return take_back(database, spool, id, report);
  }
  publish(database, stores, spool, id, report);
}

/// All uploads, and bytes in the spools without any row.
std::set<ImageId> candidates(Database& database, const SpoolArea& spools) {
  // The store first: an upload has its bytes before its row.
  const auto unfinished = spools.unfinished();
  return database.read([&](Session& sql) {
    const auto uploads = rows::select_uploads(sql);
    std::set<ImageId> ids(uploads.begin(), uploads.end());
    for (const auto& id : unfinished) {
      if (!rows::select_upload(sql, id)) ids.insert(id);
    }
    return ids;
  });
}

/// None while the spools cannot be reached: a disk that is not mounted may come.
std::set<ImageId> find_candidates(Database& database, const SpoolArea& spools) {
  try {
    return candidates(database, spools);
  } catch (const Error& error) {
    if (error.code() != Errc::unavailable) throw;
    spdlog::error("recovery waits: {}", error.what());
    return {};
  }
}

void remove_all_garbage(Database& database, const Stores& stores, RecoveryReport& report) {
  const auto urls = database.read([](Session& sql) { return rows::select_garbage(sql); });
  report.removed += remove_garbage(database, stores, urls, [](const Error& error) {
    spdlog::warn("recovery: data of a deleted image stay where they are: {}", error.what());
  });
}

/// Killed processes leave theirs.
void remove_idle_instances(Database& database) {
  if (!database.read([](Session& sql) { return rows::has_idle_instances(sql); })) return;
  database.write([](Session& sql) { rows::delete_idle_instances(sql); });
}

}  // namespace

RecoveryReport recover_uploads(Database& database, const SpoolArea& spools, const Stores& stores,
                               InstanceWatch& watch, const std::string& os_hash_algo) {
  RecoveryReport report;
  for (const auto& id : find_candidates(database, spools)) {
    try {
      recover_upload(database, spools, stores, watch, os_hash_algo, id, report);
    } catch (const std::exception& error) {
      ++report.left;
      spdlog::error("recovery of the upload of image {}: {}", id.text(), error.what());
    }
  }
  try {
    remove_all_garbage(database, stores, report);
    remove_idle_instances(database);
  } catch (const std::exception& error) {
    spdlog::error("recovery: removing what deleted images and dead programs left: {}",
                  error.what());
  }
  return report;
}

}  // namespace glance
