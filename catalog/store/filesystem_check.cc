// SPDX-License-Identifier: Apache-2.0
#include "catalog/store/filesystem_check.h"

#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <utility>

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/sysmacros.h>

#include "catalog/base/error.h"
#include "catalog/model/image_id.h"

namespace glance {

namespace {

constexpr mode_t kMode = 0640;
constexpr mode_t kPermissions = 07777;

/// What /proc calls the filesystem of that device, e.g. "exfat"; "unknown" if it is not mounted
/// here (btrfs gives its subvolumes numbers of their own).
std::string filesystem_of(dev_t device) {
  std::ifstream mounts("/proc/self/mountinfo");
  const std::string wanted = std::to_string(major(device)) + ":" + std::to_string(minor(device));
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream words(line);
    std::string id;
    std::string parent;
    std::string number;
    words >> id >> parent >> number;
    const auto separator = line.find(" - ");
    if (number != wanted || separator == std::string::npos) continue;
    std::istringstream rest(line.substr(separator + 3));
    std::string type;
    rest >> type;
    return type;
  }
  return "unknown";
}

/// Two names for trials, which are gone at the end whatever happens.
class Trial {
 public:
  explicit Trial(const Directory& directory)
      : directory_(directory), name_(".glancefs-trial." + ImageId::random().text()) {}
  ~Trial() {
    for (const auto& name : {name_, second()}) {
      try {
        directory_.remove_file(name);
      } catch (const Error& error) {
        // A file of nothing, hidden, that nobody takes for an image.
        spdlog::debug("removing {}: {}", name, error.what());
      }
    }
  }
  Trial(const Trial&) = delete;
  Trial& operator=(const Trial&) = delete;

  /// Nothing where we may not write.
  [[nodiscard]] std::optional<File> make() const {
    try {
      return directory_.make_file(name_, kMode);
    } catch (const Error& error) {
      const bool closed = error.code() == Errc::read_only || error.code() == Errc::unavailable;
      if (closed) return std::nullopt;
      throw;
    }
  }

  [[nodiscard]] bool excludes(const File& first) const {
    try {
      const auto second = directory_.find_file(name_, O_RDWR);
      return first.lock() && second && !second->lock();
    } catch (const Error&) {
      return false;
    }
  }

  [[nodiscard]] bool links() const {
    try {
      // Not by its number: sshfs gives each name one.
      return directory_.link(name_, directory_, second()) && directory_.status_of(second());
    } catch (const Error& error) {
      if (error.code() == Errc::unsupported) return false;
      throw;
    }
  }

  [[nodiscard]] static bool keeps_modes(const File& file) {
    try {
      file.set_mode(kMode);
    } catch (const Error&) {
      return false;
    }
    return (status_of(file.fd(), file.name(), file.disk()).st_mode & kPermissions) == kMode;
  }

 private:
  [[nodiscard]] std::string second() const { return name_ + ".2"; }

  const Directory& directory_;
  const std::string name_;
};

std::string lacks(const Trial& trial, const File& file) {
  if (!trial.excludes(file)) return "flock(2)";
  if (!trial.links()) return "hard links";
  if (!Trial::keeps_modes(file)) return "modes of files";
  return {};
}

}  // namespace

void require_able_filesystem(const Directory& directory) {
  const Trial trial(directory);
  const auto file = trial.make();
  if (!file) return;
  const std::string lacking = lacks(trial, *file);
  if (lacking.empty()) return;
  throw Error(Errc::unsupported,
              "the filesystem of " + directory.path().string() + " (" +
                  filesystem_of(directory.status().st_dev) + ") cannot hold a store: it knows no " +
                  lacking +
                  "; allowed: one with flock(2), hard links and modes of files, such as ext4, xfs, "
                  "btrfs, tmpfs, NFS, CephFS, sshfs",
              Error::Words::foreign);
}

}  // namespace glance
