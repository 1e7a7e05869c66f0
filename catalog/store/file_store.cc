// SPDX-License-Identifier: Apache-2.0
#include "catalog/store/file_store.h"

#include <cerrno>
#include <filesystem>
#include <string_view>
#include <utility>

#include <fcntl.h>

#include "catalog/base/error.h"

namespace glance {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kScheme = "file://";

class FileReader final : public BlobReader {
 public:
  explicit FileReader(File file) : file_(std::move(file)), size_(file_.size()) {}

  [[nodiscard]] std::uint64_t size() const override { return size_; }
  std::size_t read(std::uint64_t offset, std::span<std::byte> into) const override {
    return file_.read(offset, into);
  }
  [[nodiscard]] std::optional<std::uint64_t> seek(std::uint64_t offset, bool hole) const override {
    return file_.seek(offset, hole);
  }
  [[nodiscard]] bool is_whole() const noexcept override {
    struct stat now{};
    return file_.disk().status(file_.fd(), now) == 0 && std::cmp_greater_equal(now.st_size, size_);
  }
  [[nodiscard]] int fd() const noexcept override { return file_.fd(); }

 private:
  const File file_;
  const std::uint64_t size_;
};

}  // namespace

std::string FileStore::url_of(const std::string& name) const {
  return std::string(kScheme) + (datadir_.path() / name).string();
}

Location FileStore::location_of(const ImageId& id) const {
  return {.url = url_of(id.text()), .metadata = R"({"store": ")" + id_ + R"("})"};
}

Location FileStore::put(const Spool& spool, const Digests& /*digests*/) {
  spool.file().set_mode(file_mode_);
  spool.place_in(*datadir_.get());
  return location_of(spool.id());
}

std::optional<Location> FileStore::find(const ImageId& id, std::optional<std::uint64_t> size) {
  const auto found = datadir_.get()->status_of(id.text());
  const bool there = found && S_ISREG(found->st_mode);
  if (!there || (size && !std::cmp_equal(found->st_size, *size))) return std::nullopt;
  return location_of(id);
}

bool FileStore::holds(const ImageId& id) {
  return datadir_.get()->status_of(id.text()).has_value();
}

std::unique_ptr<BlobReader> FileStore::open(const Location& location) {
  const std::string name = name_of(location.url);
  auto file = datadir_.get()->find_file(name, O_RDONLY);
  if (!file) throw_errno(ENOENT, "opening image data " + (datadir_.path() / name).string());
  return std::make_unique<FileReader>(*std::move(file));
}

void FileStore::remove(const std::string& url) {
  const std::string name = name_of(url);
  datadir_.get()->remove_file(name);
}

void FileStore::sync_removals() {
  datadir_.get()->sync();
}

void FileStore::for_each(const std::function<void(const std::string& url)>& blob) {
  const DirectoryPtr datadir = datadir_.get();
  datadir->for_each([&](const std::string& name) {
    // Directories and what hides itself are not images: .uploads, lost+found, NFS's .nfs….
    if (name.starts_with('.')) return;
    const auto found = datadir->status_of(name);
    if (found && (S_ISREG(found->st_mode) || S_ISLNK(found->st_mode))) blob(url_of(name));
  });
}

/// Whether the directory of a location is ours, by whatever path it was reached when the location
/// was recorded; a path that leads nowhere by now may have led here before the catalog was moved.
bool FileStore::leads_here(const std::string& parent, const std::string& name) const {
  if (parent == datadir_.path()) return true;
  struct stat there{};
  const DirectoryPtr datadir = datadir_.get();
  if (datadir_.disk().status_at(AT_FDCWD, parent.c_str(), there, 0) == 0) {
    return FileIdentity{there.st_dev, there.st_ino} == datadir->identity();
  }
  const bool gone = errno == ENOENT || errno == ENOTDIR;
  return gone && ImageId::parse(name) && datadir->status_of(name);
}

/// A location row must never make us read or delete a file that is not the store's.
std::optional<std::string> FileStore::find_name(const std::string& url) const {
  if (!url.starts_with(kScheme)) return std::nullopt;
  // The system would read a name up to its first NUL: one more spelling.
  if (url.find('\0') != std::string::npos) return std::nullopt;
  const fs::path path = fs::path(url.substr(kScheme.size())).lexically_normal();
  if (!path.is_absolute() || !path.has_filename()) return std::nullopt;
  // What hides itself is the store's own: spools, its marker.
  if (path.filename().native().starts_with('.')) return std::nullopt;
  if (!leads_here(path.parent_path(), path.filename())) return std::nullopt;
  return path.filename();
}

std::optional<std::string> FileStore::canonical_url(const std::string& url) const {
  const auto name = find_name(url);
  if (!name) return std::nullopt;
  return url_of(*name);
}

std::string FileStore::name_of(const std::string& url) const {
  if (auto name = find_name(url)) return *std::move(name);
  if (!url.starts_with(kScheme)) {
    throw Error(Errc::unsupported, "no store is configured for the location's scheme '" +
                                       url.substr(0, url.find("://")) + "'");
  }
  throw Error(Errc::unsupported, "the location lies outside of the store's directory");
}

std::optional<Space> FileStore::space() {
  const struct statvfs status = datadir_.get()->space();
  const std::uint64_t block = status.f_frsize;
  return Space{.total = status.f_blocks * block,
               .free = status.f_bfree * block,
               .available = status.f_bavail * block};
}

}  // namespace glance
