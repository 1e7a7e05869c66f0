// SPDX-License-Identifier: Apache-2.0
#include "catalog/os/trusted_path.h"

#include <algorithm>
#include <cerrno>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

#include "catalog/base/error.h"
#include "catalog/os/disk_error.h"

namespace glance {

namespace {

namespace fs = std::filesystem;

constexpr mode_t kNewDirectoryMode = 0750;
constexpr int kMaxLinks = 40;  // as the kernel's

/// One way from the root to a directory.
class Walk {
 public:
  Walk(const fs::path& path, const Trust& trust, bool create, const Disk& disk)
      : goal_(path), trust_(trust), create_(create) {
    way_.emplace_back("/", disk);
    put_before(path);
  }

  Directory go() {
    while (!rest_.empty()) {
      require_way(way_.back());
      const std::string name = std::move(rest_.front());
      rest_.pop_front();
      step(name);
    }
    require_end(way_.back());
    return std::move(way_.back());
  }

 private:
  void step(const std::string& name) {
    if (name == "..") {
      if (way_.size() > 1) way_.pop_back();
      return;
    }
    const auto found = way_.back().status_of(name);
    if (found && S_ISLNK(found->st_mode)) return follow(name, *found);
    if (!found && !create_) throw_disk_errno(ENOENT, (way_.back().path() / name).string());
    auto next = found ? way_.back().find_directory(name)
                      : way_.back().make_directory(name, kNewDirectoryMode);
    if (!next) throw_disk_errno(ENOENT, (way_.back().path() / name).string());
    way_.push_back(*std::move(next));
  }

  void follow(const std::string& name, const struct stat& link) {
    const fs::path place = way_.back().path() / name;
    if (!is_trusted(link.st_uid)) refuse("the symbolic link " + place.string(), link.st_uid);
    if (++links_ > kMaxLinks) throw_disk_errno(ELOOP, place.string());
    const fs::path target = way_.back().read_link(name);
    if (target.is_absolute()) way_.erase(way_.begin() + 1, way_.end());
    put_before(target);
  }

  void put_before(const fs::path& path) {
    std::vector<std::string> names;
    for (const auto& part : path) {
      if (part != "/" && part != "." && !part.empty()) names.push_back(part.string());
    }
    rest_.insert(rest_.begin(), names.begin(), names.end());
  }

  [[nodiscard]] bool is_trusted(uid_t user) const {
    return user == 0 || user == ::geteuid() || user == trust_.owner;
  }

  void require_way(const Directory& directory) const {
    const struct stat status = directory.status();
    if (!is_trusted(status.st_uid))
      refuse("the directory " + directory.path().string(), status.st_uid);
    const bool open = (status.st_mode & S_IWOTH) != 0 && (status.st_mode & S_ISVTX) == 0;
    if (open) refuse_mode(directory);
  }

  void require_end(const Directory& directory) const {
    require_way(directory);
    const struct stat status = directory.status();
    const bool our_group =
        status.st_gid == 0 || status.st_gid == ::getegid() || status.st_gid == trust_.group;
    const bool open =
        (status.st_mode & S_IWOTH) != 0 || ((status.st_mode & S_IWGRP) != 0 && !our_group);
    if (open) refuse_mode(directory);
  }

  [[noreturn]] void refuse(const std::string& what, uid_t owner) const {
    throw Error(Errc::unavailable,
                "the directory " + goal_.string() + " is not used: " + what + " belongs to user " +
                    std::to_string(owner) + "; allowed: user " + std::to_string(::geteuid()) +
                    ", root" +
                    (trust_.owner ? ", user " + std::to_string(*trust_.owner) : std::string()),
                Error::Words::foreign);
  }

  [[noreturn]] void refuse_mode(const Directory& directory) const {
    throw Error(Errc::unavailable,
                "the directory " + goal_.string() + " is not used: others may write to " +
                    directory.path().string() + "; allowed: mode 0750 or less",
                Error::Words::foreign);
  }

  const fs::path goal_;
  const Trust trust_;
  const bool create_;
  std::vector<Directory> way_;  // from the root on
  std::deque<std::string> rest_;
  int links_ = 0;
};

}  // namespace

Directory open_trusted(const fs::path& path, const Trust& trust, bool create, const Disk& disk) {
  return Walk(path, trust, create, disk).go();
}

}  // namespace glance
