// SPDX-License-Identifier: Apache-2.0
#include "catalog/known_store.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <span>

#include <fcntl.h>
#include <fmt/format.h>

#include "catalog/model/image_id.h"
#include "catalog/rows/store_rows.h"

namespace glance {

namespace {

constexpr mode_t kMarkerMode = 0640;
constexpr int kSomeLocations = 100;

std::optional<std::string> read_marker(const Directory& directory) {
  const auto file = directory.find_file(kStoreMarker, O_RDONLY);
  if (!file) return std::nullopt;
  std::array<char, 64> text{};  // a UUID and a line's end
  const auto size = file->read(0, std::as_writable_bytes(std::span(text)));
  std::string marker(text.data(), size);
  marker.erase(std::min(marker.find('\n'), marker.size()));
  return marker;
}

/// The marker that the directory has from now on, ours or that of somebody who was faster.
std::string make_marker(const Directory& directory) {
  const std::string marker = ImageId::random().text();
  const std::string line = marker + "\n";
  const std::string temporary = std::string(kStoreMarker) + "." + marker;
  const auto file = directory.make_file(temporary, kMarkerMode);
  if (!file) throw Error(Errc::io, "the name " + temporary + " is taken");
  const struct stat owner = directory.status();
  file->give(owner.st_uid, owner.st_gid);
  file->write(0, std::as_bytes(std::span(line)));
  file->sync();
  if (!directory.rename_new(temporary, directory, kStoreMarker)) directory.remove_file(temporary);
  directory.sync();
  return read_marker(directory).value_or("");
}

bool has_some_data(const Directory& directory, std::vector<std::string> urls) {
  std::erase_if(urls, [](const std::string& url) { return !url.starts_with("file://"); });
  return urls.empty() || std::ranges::any_of(urls, [&](const std::string& url) {
           const std::string name = url.substr(url.rfind('/') + 1);
           return !name.empty() && name.front() != '.' && directory.status_of(name);
         });
}

[[noreturn]] void refuse(const std::string& what, const Directory& directory,
                         const std::string& marker) {
  throw Error(
      Errc::unavailable,
      fmt::format("{} {}: is its filesystem mounted? If it is the store, write the line {} "
                  "to {}/{}",
                  directory.path().string(), what, marker, directory.path().string(), kStoreMarker),
      Error::Words::foreign);
}

/// Nothing where nothing may be written.
std::optional<std::string> adopt(const Directory& directory) {
  try {
    return make_marker(directory);
  } catch (const Error& error) {
    const bool closed = error.code() == Errc::read_only || error.code() == Errc::unavailable;
    if (closed) return std::nullopt;
    throw;
  }
}

}  // namespace

void require_known_store(Database& database, const std::string& store, const Directory& directory) {
  auto marker = read_marker(directory);
  const auto recorded =
      database.read([&](Session& sql) { return rows::select_store_marker(sql, store); });
  if (recorded) {
    if (marker == recorded) return;
    refuse(marker ? "is another store" : "is not the catalog's store", directory, *recorded);
  }
  const auto urls =
      database.read([&](Session& sql) { return rows::select_some_locations(sql, kSomeLocations); });
  if (!marker && !has_some_data(directory, urls)) {
    refuse("has the data of none of the catalog's images", directory, ImageId::random().text());
  }
  if (!marker) marker = adopt(directory);
  if (!marker) return;
  const auto kept = database.write([&](Session& sql) {
    rows::insert_store_marker(sql, store, *marker);
    return rows::select_store_marker(sql, store);
  });
  if (kept != marker) refuse("is another store", directory, kept.value_or(""));
}

}  // namespace glance
