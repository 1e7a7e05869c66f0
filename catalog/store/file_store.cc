// SPDX-License-Identifier: Apache-2.0
#include "catalog/store/file_store.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <system_error>

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "catalog/base/error.h"
#include "catalog/os/unique_fd.h"
#include "catalog/store/early_sync.h"

namespace glance {

namespace fs = std::filesystem;

namespace {

/// As throw_errno(); but that a path of the store's is missing or closed to us has nothing to do
/// with the names and rights of who asks: unavailable.
[[noreturn]] void throw_store_errno(int errno_value, const std::string& what) {
  constexpr std::array kOutOfReach = {EACCES, EPERM, ENOENT, ENOTDIR, ELOOP};
  if (std::ranges::find(kOutOfReach, errno_value) == kOutOfReach.end()) {
    throw_errno(errno_value, what);
  }
  throw Error(Errc::unavailable, what + ": " + std::generic_category().message(errno_value),
              Error::Words::foreign);
}

constexpr std::string_view kScheme = "file://";
constexpr const char* kSpoolDirectory = ".uploads";
constexpr mode_t kFileMode = 0640;
constexpr mode_t kDirectoryMode = 0750;

/// Calls `read_once(offset, data, size)` until `into` is full or the file ends.
template <typename ReadOnce>
std::size_t read_fully(std::uint64_t offset, std::span<std::byte> into, ReadOnce&& read_once) {
  std::size_t done = 0;
  while (done < into.size()) {
    const ssize_t count = read_once(offset + done, into.data() + done, into.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_store_errno(errno, "reading image data");
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return done;
}

std::size_t read_file(int fd, std::uint64_t offset, std::span<std::byte> into) {
  return read_fully(offset, into, [fd](std::uint64_t at, std::byte* data, std::size_t size) {
    return ::pread(fd, data, size, static_cast<off_t>(at));
  });
}

std::uint64_t file_size(int fd) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) throw_store_errno(errno, "fstat");
  return static_cast<std::uint64_t>(status.st_size);
}

std::optional<std::uint64_t> seek_file(int fd, std::uint64_t offset, bool hole) {
  // The descriptor's own position, which this moves, is used by nobody.
  const off_t at = ::lseek(fd, static_cast<off_t>(offset), hole ? SEEK_HOLE : SEEK_DATA);
  if (at >= 0) return static_cast<std::uint64_t>(at);
  if (errno == ENXIO) return std::nullopt;
  throw_store_errno(errno, "looking for holes");
}

void require_regular_file(int fd, const fs::path& path) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) throw_store_errno(errno, path.string());
  if (S_ISREG(status.st_mode)) return;
  throw Error(Errc::not_found, path.string() + " holds no image data", Error::Words::foreign);
}

void sync_directory(const fs::path& directory) {
  const UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) throw_store_errno(errno, "opening " + directory.string());
  if (::fsync(fd.get()) != 0) throw_store_errno(errno, "fsync of " + directory.string());
}

/// Gives a new file or directory the owner and group of the directory it lies in, as far as we
/// may: a Glance that runs as its own user must be able to read and delete it.
void adopt_owner(int fd, const fs::path& parent) {
  struct stat status{};
  if (::stat(parent.c_str(), &status) != 0) throw_store_errno(errno, parent.string());
  if (::fchown(fd, status.st_uid, status.st_gid) != 0 && errno != EPERM) {
    throw_store_errno(errno, "chown in " + parent.string());
  }
}

/// Whether `path` still names the file behind `fd`.
bool names_file(const fs::path& path, int fd) {
  struct stat by_name{};
  struct stat by_fd{};
  return ::lstat(path.c_str(), &by_name) == 0 && ::fstat(fd, &by_fd) == 0 &&
         by_name.st_dev == by_fd.st_dev && by_name.st_ino == by_fd.st_ino;
}

class FileReader final : public BlobReader {
 public:
  explicit FileReader(UniqueFd fd) : fd_(std::move(fd)), size_(file_size(fd_.get())) {}

  [[nodiscard]] std::uint64_t size() const override { return size_; }
  std::size_t read(std::uint64_t offset, std::span<std::byte> into) const override {
    return read_file(fd_.get(), offset, into);
  }
  [[nodiscard]] std::optional<std::uint64_t> seek(std::uint64_t offset, bool hole) const override {
    return seek_file(fd_.get(), offset, hole);
  }
  [[nodiscard]] bool is_whole() const noexcept override {
    struct stat now{};
    return ::fstat(fd_.get(), &now) == 0 && std::cmp_greater_equal(now.st_size, size_);
  }
  [[nodiscard]] int fd() const noexcept override { return fd_.get(); }

 private:
  const UniqueFd fd_;
  const std::uint64_t size_;
};

class FileWriter final : public BlobWriter {
 public:
  /// `fd` is locked. The file lies at `spool`, or already at `target` when `published`.
  FileWriter(UniqueFd fd, fs::path spool, fs::path target, Location location, bool published)
      : fd_(std::move(fd)),
        spool_(std::move(spool)),
        target_(std::move(target)),
        location_(std::move(location)),
        published_(published) {}

  void write(std::uint64_t offset, std::span<const std::byte> bytes) override {
    early_sync_.require_success();
    start_writeback(offset);
    const std::size_t size = bytes.size();
    while (!bytes.empty()) {
      const ssize_t count =
          ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) throw_store_errno(errno, "writing image data");
      bytes = bytes.subspan(static_cast<std::size_t>(count));
      offset += static_cast<std::uint64_t>(count);
    }
    early_sync_.written(size);
  }

  void truncate(std::uint64_t size) override {
    if (::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) {
      throw_store_errno(errno, "resizing image data");
    }
  }

  void allocate(std::uint64_t offset, std::uint64_t size, bool grow) override {
    const std::uint64_t before = file_size(fd_.get());
    if (::fallocate(fd_.get(), grow ? 0 : FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                    static_cast<off_t>(size)) == 0) {
      return;
    }
    const int error = errno;
    if (error == EOPNOTSUPP) throw Error(Errc::unsupported, "the store cannot set room aside");
    // ext4 keeps what it got before the room ran out, as a larger file.
    truncate(before);
    throw_store_errno(error, "setting room aside for image data");
  }

  void copy(const BlobReader& source, std::uint64_t from, std::uint64_t to,
            std::uint64_t size) override;

  [[nodiscard]] std::optional<std::uint64_t> seek(std::uint64_t offset, bool hole) const override {
    return seek_file(fd_.get(), offset, hole);
  }

  [[nodiscard]] std::uint64_t size() const override { return file_size(fd_.get()); }

  std::size_t read(std::uint64_t offset, std::span<std::byte> into) const override {
    return read_file(fd_.get(), offset, into);
  }

  void sync() override {
    if (::fsync(fd_.get()) != 0) throw_store_errno(errno, "fsync of image data");
    early_sync_.require_end_in_success();
    if (entry_synced_) return;
    sync_directory((published_ ? target_ : spool_).parent_path());
    entry_synced_ = true;
  }

  Location publish() override {
    if (!published_) {
      // Never over an existing file: whatever lies there, it is not ours to destroy.
      if (::renameat2(AT_FDCWD, spool_.c_str(), AT_FDCWD, target_.c_str(), RENAME_NOREPLACE) != 0) {
        throw_store_errno(errno, "renaming to " + target_.string());
      }
      published_ = true;
    }
    sync_directory(target_.parent_path());
    return location_;
  }

  [[nodiscard]] bool published() const noexcept override { return published_; }

  void discard() noexcept override {
    const fs::path& path = published_ ? target_ : spool_;
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
      spdlog::error("cannot remove {}: {}", path.string(), std::generic_category().message(errno));
    }
  }

 private:
  void start_writeback(std::uint64_t offset);
  [[nodiscard]] bool clone(int source, std::uint64_t from, std::uint64_t to, std::uint64_t size);

  const UniqueFd fd_;
  std::uint64_t unwritten_from_ = 0;  // up to here the disk has been told of
  const fs::path spool_;
  const fs::path target_;
  const Location location_;
  bool published_;
  bool entry_synced_ = false;
  EarlySync early_sync_{fd_.get()};  // last: its thread uses fd_
};

/// Has the disk begin with what is there, so that the sync at the end finds little to wait for, and
/// the kernel forget what is far behind: 40 GB that stream through must not push everything else
/// out of the page cache.
void FileWriter::start_writeback(std::uint64_t offset) {
  constexpr std::uint64_t kStep = std::uint64_t{8} * 1024 * 1024;
  constexpr std::uint64_t kCached = 32 * kStep;
  if (offset < unwritten_from_) {
    unwritten_from_ = offset;
  } else if (offset - unwritten_from_ >= kStep) {
    ::sync_file_range(fd_.get(), static_cast<off_t>(unwritten_from_),
                      static_cast<off_t>(offset - unwritten_from_), SYNC_FILE_RANGE_WRITE);
    if (unwritten_from_ >= kCached) {
      // What is not on the disk yet stays.
      ::posix_fadvise(fd_.get(), static_cast<off_t>(unwritten_from_ - kCached),
                      static_cast<off_t>(offset - unwritten_from_), POSIX_FADV_DONTNEED);
    }
    unwritten_from_ = offset;
  }
}

void FileWriter::copy(const BlobReader& source, std::uint64_t from, std::uint64_t to,
                      std::uint64_t size) {
  if (source.fd() >= 0 && clone(source.fd(), from, to, size)) return;
  constexpr std::size_t kChunk = std::size_t{1} << 20;
  std::vector<std::byte> buffer(kChunk);
  for (std::uint64_t done = 0; done < size;) {
    const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(kChunk, size - done));
    const std::size_t count = source.read(from + done, std::span(buffer).first(want));
    if (count == 0) throw Error(Errc::io, "image data end too early");
    write(to + done, std::span(buffer).first(count));
    done += count;
  }
}

/// copy_file_range(2) shares the blocks where the filesystem can, and else copies inside the
/// kernel. False where it knows neither for these files; then nothing was copied.
bool FileWriter::clone(int source, std::uint64_t from, std::uint64_t to, std::uint64_t size) {
  auto in = static_cast<off_t>(from);
  auto out = static_cast<off_t>(to);
  while (size > 0) {
    const ssize_t count = ::copy_file_range(source, &in, fd_.get(), &out, size, 0);
    if (count < 0 && errno == EINTR) continue;
    const bool unable = count < 0 && (errno == EXDEV || errno == EINVAL || errno == ENOSYS ||
                                      errno == EOPNOTSUPP || errno == EBADF);
    if (unable && out == static_cast<off_t>(to)) return false;
    if (count < 0) throw_store_errno(errno, "copying image data");
    if (count == 0) throw Error(Errc::io, "image data end too early");
    size -= static_cast<std::uint64_t>(count);
  }
  return true;
}

enum class LockResult { locked, held_by_another, moved_away };

/// Locks the file behind `fd` without waiting and makes sure that `path` still means it: between
/// open and flock another writer may have renamed or removed it.
LockResult lock_file(int fd, const fs::path& path) {
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return LockResult::held_by_another;
    throw_store_errno(errno, "locking " + path.string());
  }
  return names_file(path, fd) ? LockResult::locked : LockResult::moved_away;
}

/// A new file that is locked before it is named `path`: who finds it there unlocked may take its
/// writer for dead. Nothing if that name is taken, or if the filesystem knows no unnamed files.
UniqueFd make_locked_file(const fs::path& path) {
  UniqueFd fd(::open(path.parent_path().c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, kFileMode));
  if (!fd && errno == EOPNOTSUPP) return {};
  if (!fd) throw_store_errno(errno, "making a file in " + path.parent_path().string());
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) throw_store_errno(errno, "locking a new file");
  const std::string unnamed = "/proc/self/fd/" + std::to_string(fd.get());
  if (::linkat(AT_FDCWD, unnamed.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) == 0) {
    return fd;
  }
  if (errno == EEXIST) return {};
  throw_store_errno(errno, "naming " + path.string());
}

/// The image's spool, new or what a dead writer left. Without unnamed files a new one has its name
/// a moment before its lock.
UniqueFd lock_spool(const ImageId& id, const fs::path& spool) {
  for (;;) {
    if (UniqueFd made = make_locked_file(spool)) return made;
    UniqueFd fd(::open(spool.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, kFileMode));
    if (!fd) throw_store_errno(errno, "opening " + spool.string());
    switch (lock_file(fd.get(), spool)) {
      case LockResult::held_by_another:
        throw Error(Errc::conflict, "another upload of image " + id.text() + " is at work");
      case LockResult::moved_away:
        continue;
      case LockResult::locked:
        return fd;
    }
  }
}

fs::path without_trailing_slash(const fs::path& path) {
  return path.has_filename() ? path : path.parent_path();
}

void make_directory(const fs::path& path, const fs::path& parent) {
  if (::mkdir(path.c_str(), kDirectoryMode) != 0) {
    if (errno == EEXIST) return;
    throw_store_errno(errno, "making the directory " + path.string());
  }
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd) adopt_owner(fd.get(), parent);
  sync_directory(parent);
}

}  // namespace

FileStore::FileStore(const fs::path& datadir, std::string store_id, bool create)
    : datadir_(without_trailing_slash(fs::absolute(datadir).lexically_normal())),
      store_id_(std::move(store_id)) {
  if (create) {
    std::error_code error;
    fs::create_directories(datadir_, error);
    if (error) throw_errno(error.value(), "making the directory " + datadir_.string());
  }
  if (!fs::is_directory(datadir_)) {
    throw Error(Errc::not_found, "the store's directory " + datadir_.string() + " does not exist");
  }
}

fs::path FileStore::spool_path(const ImageId& id) const {
  return datadir_ / kSpoolDirectory / id.text();
}

fs::path FileStore::final_path(const ImageId& id) const {
  return datadir_ / id.text();
}

Location FileStore::location_of(const ImageId& id) const {
  return {.url = std::string(kScheme) + final_path(id).string(),
          .metadata = R"({"store": ")" + store_id_ + R"("})"};
}

/// Data that were renamed to their place, and whose record failed, are recovery's: a new spool
/// beside them would hide them from it. `fd` is the spool's, and locked.
void FileStore::require_no_data(const ImageId& id, const fs::path& spool, int fd) const {
  if (file_size(fd) > 0 || !fs::exists(final_path(id))) return;
  ::unlink(spool.c_str());
  throw Error(Errc::conflict, "the data of image " + id.text() + " are there already");
}

std::unique_ptr<BlobWriter> FileStore::create(const ImageId& id) {
  const fs::path spool = spool_path(id);
  make_directory(spool.parent_path(), datadir_);
  UniqueFd fd = lock_spool(id, spool);
  require_no_data(id, spool, fd.get());
  if (::fchmod(fd.get(), kFileMode) != 0) throw_store_errno(errno, "chmod of " + spool.string());
  adopt_owner(fd.get(), datadir_);
  return std::make_unique<FileWriter>(std::move(fd), spool, final_path(id), location_of(id), false);
}

BlobClaim FileStore::claim(const ImageId& id) {
  // The spool first: a living writer may rename it to the final place between the two looks,
  // never the other way.
  for (const bool published : {false, true}) {
    const fs::path path = published ? final_path(id) : spool_path(id);
    UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
    if (!fd && errno == ENOENT) continue;
    if (!fd) throw_store_errno(errno, "opening " + path.string());
    switch (lock_file(fd.get(), path)) {
      case LockResult::held_by_another:
        return {.alive = true, .writer = nullptr};
      case LockResult::moved_away:
        continue;
      case LockResult::locked:
        break;
    }
    return {.alive = false,
            .writer = std::make_unique<FileWriter>(std::move(fd), spool_path(id), final_path(id),
                                                   location_of(id), published)};
  }
  return {};
}

std::vector<ImageId> FileStore::unfinished() const {
  std::vector<ImageId> ids;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(datadir_ / kSpoolDirectory, error)) {
    if (auto id = ImageId::parse(entry.path().filename().string())) ids.push_back(std::move(*id));
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    throw_store_errno(error.value(), "listing " + (datadir_ / kSpoolDirectory).string());
  }
  return ids;
}

std::vector<std::string> FileStore::blobs() const {
  std::vector<std::string> urls;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(datadir_, error)) {
    const std::string name = entry.path().filename();
    // Directories and what hides itself are not images: .uploads, lost+found, NFS's .nfs….
    std::error_code ignored;
    const bool file = entry.is_regular_file(ignored) || entry.is_symlink(ignored);
    if (file && !name.starts_with('.')) {
      urls.push_back(std::string(kScheme) + entry.path().string());
    }
  }
  if (error) throw_store_errno(error.value(), "listing " + datadir_.string());
  return urls;
}

/// A location row must never make us read or delete a file that is not the store's.
std::optional<fs::path> FileStore::find_path(const std::string& url) const {
  if (!url.starts_with(kScheme)) return std::nullopt;
  // The system would read a name up to its first NUL: one more spelling.
  if (url.find('\0') != std::string::npos) return std::nullopt;
  fs::path path = fs::path(url.substr(kScheme.size())).lexically_normal();
  if (path.parent_path() != datadir_ || !path.has_filename()) return std::nullopt;
  return path;
}

std::optional<std::string> FileStore::canonical_url(const std::string& url) const {
  const auto path = find_path(url);
  if (!path) return std::nullopt;
  return std::string(kScheme) + path->string();
}

fs::path FileStore::path_in_datadir(const std::string& url) const {
  if (auto path = find_path(url)) return std::move(*path);
  if (!url.starts_with(kScheme)) {
    throw Error(Errc::unsupported, "no store is configured for the location's scheme '" +
                                       url.substr(0, url.find("://")) + "'");
  }
  throw Error(Errc::unsupported, "the location lies outside of the store's directory");
}

std::unique_ptr<BlobReader> FileStore::open(const Location& location) {
  const fs::path path = path_in_datadir(location.url);
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd && errno == ENOENT) throw_errno(errno, "opening image data " + path.string());
  if (!fd) throw_store_errno(errno, "opening image data " + path.string());
  require_regular_file(fd.get(), path);
  return std::make_unique<FileReader>(std::move(fd));
}

void FileStore::remove(const std::string& url) {
  const fs::path path = path_in_datadir(url);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    throw_store_errno(errno, "removing image data " + path.string());
  }
}

void FileStore::sync_removals() {
  sync_directory(datadir_);
}

Space FileStore::space() const {
  struct statvfs status{};
  if (::statvfs(datadir_.c_str(), &status) != 0)
    throw_store_errno(errno, "statvfs of " + datadir_.string());
  const std::uint64_t block = status.f_frsize;
  return {.total = status.f_blocks * block,
          .free = status.f_bfree * block,
          .available = status.f_bavail * block};
}

}  // namespace glance
