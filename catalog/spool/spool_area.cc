// SPDX-License-Identifier: Apache-2.0
#include "catalog/spool/spool_area.h"

#include <optional>
#include <utility>

#include <fcntl.h>

#include "catalog/base/error.h"

namespace glance {

namespace {

constexpr const char* kName = ".uploads";
constexpr mode_t kDirectoryMode = 0750;
constexpr mode_t kFileMode = 0640;

/// A new file that is locked before it has its name: who finds it there unlocked may take its
/// writer for dead. Nothing if that name is taken, or if the filesystem knows no unnamed files.
std::optional<File> make_locked(const Directory& area, const std::string& name) {
  auto file = area.make_unnamed_file(kFileMode);
  if (!file) return std::nullopt;
  if (!file->lock()) throw Error(Errc::io, "a new file in " + area.path().string() + " is locked");
  if (!area.name_file(*file, name)) return std::nullopt;
  return file;
}

/// The file of that name, new or what a dead writer left; nothing if it was there and is gone by
/// now. Without unnamed files a new one has its name a moment before its lock.
std::optional<File> open_or_make(const Directory& area, const std::string& name) {
  if (auto file = area.find_file(name, O_RDWR)) return file;
  return area.make_file(name, kFileMode);
}

/// Locked, and still the file of that name: between open and flock another writer may have renamed
/// or removed it.
enum class LockResult { locked, held_by_another, moved_away };

LockResult lock_named(const Directory& area, const std::string& name, const File& file) {
  if (!file.lock()) return LockResult::held_by_another;
  return area.names(name, file) ? LockResult::locked : LockResult::moved_away;
}

File lock_spool(const Directory& area, const ImageId& id) {
  for (;;) {
    if (auto made = make_locked(area, id.text())) return *std::move(made);
    auto file = open_or_make(area, id.text());
    if (!file) continue;
    switch (lock_named(area, id.text(), *file)) {
      case LockResult::held_by_another:
        throw Error(Errc::conflict, "another upload of image " + id.text() + " is at work");
      case LockResult::moved_away:
        continue;
      case LockResult::locked:
        return *std::move(file);
    }
  }
}

}  // namespace

std::unique_ptr<Spool> SpoolArea::create(const ImageId& id) const {
  const DirectoryPtr parent = parent_.get();
  const auto area =
      std::make_shared<const Directory>(parent->make_directory(kName, kDirectoryMode));
  File file = lock_spool(*area, id);
  file.set_mode(kFileMode);
  const struct stat owner = parent->status();
  file.give(owner.st_uid, owner.st_gid);
  return std::make_unique<Spool>(area, std::move(file), id);
}

SpoolClaim SpoolArea::claim(const ImageId& id) const {
  auto found = parent_.get()->find_directory(kName);
  if (!found) return {};
  const auto area = std::make_shared<const Directory>(*std::move(found));
  for (;;) {
    auto file = area->find_file(id.text(), O_RDWR);
    if (!file) return {};
    switch (lock_named(*area, id.text(), *file)) {
      case LockResult::held_by_another:
        return {.alive = true, .spool = nullptr};
      case LockResult::moved_away:
        continue;
      case LockResult::locked:
        return {.alive = false, .spool = std::make_unique<Spool>(area, *std::move(file), id)};
    }
  }
}

std::vector<ImageId> SpoolArea::unfinished() const {
  const auto area = parent_.get()->find_directory(kName);
  return area ? images_in(*area) : std::vector<ImageId>();
}

std::vector<ImageId> images_in(const Directory& directory) {
  std::vector<ImageId> ids;
  directory.for_each([&](const std::string& name) {
    if (auto id = ImageId::parse(name)) ids.push_back(*std::move(id));
  });
  return ids;
}

}  // namespace glance
