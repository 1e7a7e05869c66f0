// SPDX-License-Identifier: Apache-2.0
#include "catalog/base/error.h"

#include <cerrno>
#include <system_error>

namespace glance {

std::string_view to_string(Errc code) noexcept {
  switch (code) {
    case Errc::not_found:
      return "not_found";
    case Errc::exists:
      return "exists";
    case Errc::conflict:
      return "conflict";
    case Errc::ambiguous:
      return "ambiguous";
    case Errc::immutable:
      return "immutable";
    case Errc::forbidden:
      return "forbidden";
    case Errc::protected_:
      return "protected";
    case Errc::read_only_key:
      return "read_only_key";
    case Errc::deactivated:
      return "deactivated";
    case Errc::not_ready:
      return "not_ready";
    case Errc::invalid:
      return "invalid";
    case Errc::mismatch:
      return "mismatch";
    case Errc::unmet:
      return "unmet";
    case Errc::gone:
      return "gone";
    case Errc::read_only:
      return "read_only";
    case Errc::no_space:
      return "no_space";
    case Errc::over_quota:
      return "over_quota";
    case Errc::too_large:
      return "too_large";
    case Errc::unsupported:
      return "unsupported";
    case Errc::unavailable:
      return "unavailable";
    case Errc::busy:
      return "busy";
    case Errc::missing:
      return "missing";
    case Errc::corrupt:
      return "corrupt";
    case Errc::io:
      return "io";
  }
  return "unknown";
}

namespace {

Errc code_of_errno(int errno_value) noexcept {
  switch (errno_value) {
    case ENOENT:
      return Errc::not_found;
    case EEXIST:
      return Errc::exists;
    case EACCES:
    case EPERM:
      return Errc::forbidden;
    case EROFS:
      return Errc::read_only;
    case ENOSPC:
      return Errc::no_space;
    case EDQUOT:
      return Errc::over_quota;
    case EFBIG:
      return Errc::too_large;
    case EBUSY:
    case EMFILE:
    case ENFILE:
      return Errc::busy;
    default:
      return Errc::io;
  }
}

}  // namespace

void throw_errno(int errno_value, const std::string& what) {
  throw Error(code_of_errno(errno_value),
              what + ": " + std::generic_category().message(errno_value), Error::Words::foreign);
}

}  // namespace glance
