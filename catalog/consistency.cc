// SPDX-License-Identifier: Apache-2.0
#include "catalog/consistency.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include <fmt/format.h>

#include "catalog/database/database.h"
#include "catalog/rows/consistency_rows.h"
#include "catalog/rows/image_rows.h"
#include "catalog/rows/location_rows.h"
#include "catalog/rows/upload_rows.h"
#include "catalog/spool/spool_area.h"
#include "catalog/store/stores.h"
#include "catalog/upload/instance_watch.h"

namespace glance {

namespace {

Fault fault_of_open(Errc code) {
  if (code == Errc::not_found) return Fault::missing;
  return code == Errc::unsupported ? Fault::unverifiable : Fault::unreadable;
}

void check_database(Database& database, const FindingSink& report) {
  std::vector<std::string> faults;
  try {
    faults = database.read([](Session& sql) { return rows::integrity_faults(sql); });
  } catch (const Error& error) {
    // A file that is damaged enough stops its own examination.
    if (error.code() != Errc::corrupt) throw;
    faults.emplace_back(error.what());
  }
  for (const auto& fault : faults) report({Fault::database, "database", fault, {}});
}

void check_images(Database& database, const Stores& stores, const FindingSink& report) {
  const auto ids = database.read([](Session& sql) { return rows::select_stored_ids(sql); });
  for (const auto& id : ids) {
    const auto select = [&](Session& sql) { return rows::select_image(sql, id); };
    auto image = database.read(select);
    if (!image || !has_data(image->status)) continue;
    const auto finding = check_data(stores, *image);
    if (!finding) continue;
    // The row goes before the data: who is deleted between our two looks has lost nothing.
    image = database.read(select);
    if (image && has_data(image->status)) report(*finding);
  }
}

/// What is the matter with the data of an upload that was acknowledged; empty if nothing is.
std::string describe_data(const rows::UploadRow& upload, const Spool* spool) {
  if (spool == nullptr) return "; its data are gone from the store";
  const std::uint64_t size = upload.sealed ? upload.sealed->size : upload.closed_size.value_or(0);
  if (spool->size() == size) return {};
  return fmt::format("; {} bytes recorded, {} in the store", size, spool->size());
}

/// As recovery does, the row is read only when the lock is ours: until then its writer may live.
std::optional<Finding> check_upload(Database& database, const SpoolArea& spools,
                                    InstanceWatch& watch, const ImageId& id) {
  const SpoolClaim claim = spools.claim(id);
  if (claim.alive) return std::nullopt;
  const auto row = database.read([&](Session& sql) { return rows::select_upload(sql, id); });
  if (!row && !claim.spool) return std::nullopt;
  const Life life = row ? watch.look(database, row->instance) : Life::gone;
  if (life == Life::alive) return std::nullopt;
  std::string text = "bytes of an upload that no row tells of";
  std::string data;
  if (row) text = row->is_open() ? "unfinished" : "acknowledged, but not published";
  if (row && !row->is_open()) data = describe_data(*row, claim.spool.get());
  if (life == Life::unknown) {
    text += "; waiting until it is clear whether its writer, " +
            describe_instance(database, *row->instance) + ", lives";
  } else {
    text += data + "; its writer is dead";
  }
  // Nobody can mend that; who has the data elsewhere adds them anew.
  if (life == Life::gone && !data.empty()) text += "; `glance-catalog rm` gives it up";
  return Finding{Fault::upload, id.text(), text, {}};
}

void check_uploads(Database& database, const SpoolArea& spools, InstanceWatch& watch,
                   const FindingSink& report) {
  const auto rows = database.read([](Session& sql) { return rows::select_uploads(sql); });
  std::set<ImageId> ids(rows.begin(), rows.end());
  for (const auto& id : spools.unfinished()) {
    const bool known =
        database.read([&](Session& sql) { return rows::select_upload(sql, id).has_value(); });
    if (!known) ids.insert(id);
  }
  for (const auto& id : ids) {
    try {
      if (const auto finding = check_upload(database, spools, watch, id)) report(*finding);
    } catch (const Error& error) {
      // A spool that cannot even be opened must not end the examination.
      report({Fault::upload, id.text(), error.what(), {}});
    }
  }
}

/// What is still there after a while: whoever deletes an image removes its data within moments.
std::set<std::string> lasting_garbage(Database& database) {
  constexpr auto kWhile = std::chrono::seconds(1);
  constexpr auto kPoll = std::chrono::milliseconds(20);
  const auto look = [&] {
    const auto urls = database.read([](Session& sql) { return rows::select_garbage(sql); });
    return std::set<std::string>(urls.begin(), urls.end());
  };
  auto lasting = look();
  const auto end = std::chrono::steady_clock::now() + kWhile;
  while (!lasting.empty() && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(kPoll);
    const auto present = look();
    std::erase_if(lasting, [&](const std::string& url) { return !present.contains(url); });
  }
  return lasting;
}

void check_garbage(Database& database, const FindingSink& report) {
  for (const auto& url : lasting_garbage(database)) {
    report({Fault::garbage, url, "data of a deleted image that wait to be removed", {}});
  }
}

/// The last part of a location, which is the image's id where Glance or we have stored it.
std::string name_in(const std::string& url) {
  return url.substr(url.rfind('/') + 1);
}

}  // namespace

std::string_view to_string(Fault fault) noexcept {
  switch (fault) {
    case Fault::database:
      return "database";
    case Fault::missing:
      return "missing";
    case Fault::unreadable:
      return "unreadable";
    case Fault::size:
      return "size";
    case Fault::changed:
      return "changed";
    case Fault::upload:
      return "upload";
    case Fault::garbage:
      return "garbage";
    case Fault::orphan:
      return "orphan";
    case Fault::unverifiable:
      return "unverifiable";
  }
  return "unknown";
}

std::optional<Finding> check_data(const Stores& stores, const Image& image) {
  const std::string& id = image.id.text();
  if (image.locations.empty()) {
    return Finding{Fault::missing, id, "the image is active but has no location", image.name};
  }
  try {
    const auto stored = stores.open(image.locations.front())->size();
    if (image.size == stored) return std::nullopt;
    const std::string recorded = image.size ? std::to_string(*image.size) : "no size";
    return Finding{Fault::size, id,
                   fmt::format("{} recorded, {} in the store (bytes)", recorded, stored),
                   image.name};
  } catch (const Error& error) {
    return Finding{fault_of_open(error.code()), id, error.what(), image.name};
  }
}

void find_orphans(Database& database, const Stores& stores, const FindingSink& report) {
  // The store first: data appear there before the row that owns them turns into a location.
  std::vector<std::string> urls;
  stores.for_each([&](const std::string& url) { urls.push_back(url); });
  std::vector<std::string> spellings;
  std::unordered_set<std::string> in_work;
  database.read([&](Session& sql) {
    spellings = rows::select_owned_urls(sql);
    for (auto& id : rows::select_ids_in_work(sql)) in_work.insert(std::move(id));
  });
  std::unordered_set<std::string> owned;
  for (const auto& url : spellings) {
    if (auto canonical = stores.canonical_url(url)) owned.insert(std::move(*canonical));
  }
  for (const auto& url : urls) {
    if (owned.contains(url) || in_work.contains(name_in(url))) continue;
    try {
      const auto size = stores.open({.url = url})->size();
      report({Fault::orphan, url, fmt::format("{} bytes that no image owns", size), {}});
    } catch (const Error& error) {
      if (error.code() == Errc::not_found) continue;  // deleted since the listing
      report({Fault::orphan, url, std::string("no image owns it; ") + error.what(), {}});
    }
  }
}

void check_consistency(Database& database, const SpoolArea& spools, const Stores& stores,
                       InstanceWatch& watch, const FindingSink& report) {
  check_database(database, report);
  check_images(database, stores, report);
  check_uploads(database, spools, watch, report);
  check_garbage(database, report);
  find_orphans(database, stores, report);
}

}  // namespace glance
