// SPDX-License-Identifier: Apache-2.0
#include "fusefs/base/errno_table.h"

#include <cerrno>
#include <new>
#include <system_error>

#include <spdlog/spdlog.h>

namespace glance::fs {

int errno_of(Errc code) noexcept {
  switch (code) {
    case Errc::not_found:
      return ENOENT;
    case Errc::exists:
      return EEXIST;
    case Errc::conflict:
      return EBUSY;
    case Errc::ambiguous:
      return EINVAL;
    case Errc::immutable:
      return EACCES;
    case Errc::forbidden:
      return EACCES;
    case Errc::protected_:
      return EPERM;
    case Errc::read_only_key:
      return EPERM;
    case Errc::deactivated:
      return EACCES;
    case Errc::not_ready:
      return EBUSY;
    case Errc::invalid:
      return EINVAL;
    case Errc::mismatch:
      return EIO;
    case Errc::unmet:  // the mount makes no conditions
      return ECANCELED;
    case Errc::gone:
      return ESTALE;
    case Errc::read_only:
      return EROFS;
    case Errc::no_space:
      return ENOSPC;
    case Errc::over_quota:
      return EDQUOT;
    case Errc::too_large:
      return EFBIG;
    case Errc::unsupported:
      return EOPNOTSUPP;
    case Errc::unavailable:  // neither the caller's name nor their rights are at fault
      return EIO;
    case Errc::busy:
      return EBUSY;
    case Errc::missing:  // not ENOENT: tools would make the file anew
      return EIO;
    case Errc::corrupt:
      return EIO;
    case Errc::io:
      return EIO;
  }
  return EIO;
}

void fail(int error, const std::string& why) {
  throw std::system_error(error, std::generic_category(), why);
}

int errno_of_current_exception(const char* operation) noexcept {
  try {
    throw;
  } catch (const Error& error) {
    const int value = errno_of(error.code());
    if (value == EIO) {
      spdlog::error("{}: {}", operation, error.what());
    } else {
      spdlog::debug("{}: {}", operation, error.what());
    }
    return value;
  } catch (const std::system_error& error) {
    spdlog::debug("{}: {}", operation, error.what());
    return error.code().value();
  } catch (const std::bad_alloc&) {
    return ENOMEM;
  } catch (const std::exception& error) {
    spdlog::error("{}: unforeseen: {}", operation, error.what());
    return EIO;
  }
}

}  // namespace glance::fs
