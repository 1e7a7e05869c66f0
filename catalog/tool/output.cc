// SPDX-License-Identifier: Apache-2.0
#include "catalog/tool/output.h"

#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalog/base/error.h"
#include "catalog/model/image.h"
#include "catalog/tool/exit_code.h"

namespace glance::tool {

namespace fs = std::filesystem;

namespace {

constexpr mode_t kNewFile = 0666;  // less the umask
constexpr mode_t kPermissions = 07777;

/// Calls `write_once(data, size)` until all is written.
template <typename WriteOnce>
void write_fully(std::span<const std::byte> bytes, const std::string& where,
                 WriteOnce&& write_once) {
  while (!bytes.empty()) {
    const ssize_t count = write_once(bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_errno(errno, "writing " + where);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

/// The file that a rename must go to: a link's target, not the link. Renaming over a device or
/// pipe would destroy it.
fs::path checked_target(const std::string& path) {
  std::error_code error;
  const auto type = fs::status(path, error).type();
  if (type == fs::file_type::not_found) {
    if (fs::path(path).filename().empty()) throw UsageError("'" + path + "' names no file");
    fs::path target = path;
    while (fs::is_symlink(target, error)) target = target.parent_path() / fs::read_symlink(target);
    return target;
  }
  if (type == fs::file_type::directory) throw UsageError(path + " is a directory; name a file");
  if (type == fs::file_type::none) throw_errno(error.value(), path);
  if (type != fs::file_type::regular) {
    throw UsageError(path + " is no regular file; without FILE the standard output is written");
  }
  return fs::canonical(path);
}

/// Makes the names in the file's directory durable: a rename is not by itself.
void sync_names_beside(const fs::path& file, int fd) {
  const fs::path directory = file.has_parent_path() ? file.parent_path() : ".";
  const UniqueFd opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // A directory that we may write to, but not read, is synced with all of its filesystem.
  const int result = opened ? ::fsync(opened.get()) : ::syncfs(fd);
  // EINVAL: a filesystem that knows no such thing.
  if (result != 0 && errno != EINVAL) throw_errno(errno, "fsync of " + directory.string());
}

fs::path temporary_beside(const fs::path& target) {
  return target.parent_path() / (".glance-catalog-" + ImageId::random().text() + ".part");
}

}  // namespace

StandardOutput::StandardOutput() {
  if (::isatty(STDOUT_FILENO) == 1) {
    throw UsageError("image data are not written to a terminal: name a FILE, or redirect");
  }
}

void StandardOutput::write(std::span<const std::byte> bytes) {
  write_fully(bytes, "the standard output", [](const std::byte* data, std::size_t size) {
    return ::write(STDOUT_FILENO, data, size);
  });
}

OutputFile::OutputFile(const std::string& path)
    : target_(checked_target(path)),
      temporary_(temporary_beside(target_)),
      fd_(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kNewFile)) {
  if (!fd_) throw_errno(errno, "making a file beside " + target_.string());
}

OutputFile::~OutputFile() {
  if (!committed_) ::unlink(temporary_.c_str());
}

void OutputFile::write(std::span<const std::byte> bytes) {
  write_fully(bytes, target_.string(), [this](const std::byte* data, std::size_t size) {
    const ssize_t count = ::pwrite(fd_.get(), data, size, static_cast<off_t>(size_));
    if (count > 0) size_ += static_cast<std::uint64_t>(count);
    return count;
  });
}

void OutputFile::commit() {
  struct ::stat before{};
  if (::stat(target_.c_str(), &before) == 0 &&
      ::fchmod(fd_.get(), before.st_mode & kPermissions) != 0) {
    throw_errno(errno, "chmod of " + temporary_.string());
  }
  // Zeros at the end have not been written.
  if (::ftruncate(fd_.get(), static_cast<off_t>(size_)) != 0) {
    throw_errno(errno, "writing " + target_.string());
  }
  if (::fsync(fd_.get()) != 0) throw_errno(errno, "fsync of " + target_.string());
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) {
    throw_errno(errno, "renaming to " + target_.string());
  }
  committed_ = true;
  sync_names_beside(target_, fd_.get());
}

}  // namespace glance::tool
