// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace glance {

/// What went wrong, in the catalog's words. The set is closed: each door maps every value to its
/// own language (errno, HTTP status) in one exhaustive switch.
enum class Errc {
  not_found,      ///< no such image, or the caller may not know of it
  exists,         ///< the id or key is taken
  conflict,       ///< the image's status does not allow it, or someone else was first
  ambiguous,      ///< the name belongs to more than one image
  immutable,      ///< the data of an active image never change
  forbidden,      ///< visible, but not the caller's to change
  protected_,     ///< the image is protected against deletion
  read_only_key,  ///< the attribute is the server's to set
  deactivated,    ///< an administrator has closed the image's data
  not_ready,      ///< the image has no data yet
  invalid,        ///< a value outside of what is allowed
  mismatch,       ///< the data are not what their writer announced
  unmet,          ///< the image is not in the state that the caller made a condition
  gone,           ///< the image was deleted under the writer
  read_only,      ///< the store or database refuses writes
  no_space,       ///< the store or database is full
  over_quota,     ///< a configured quota, or the filesystem's
  too_large,      ///< over image_size_cap or a field's limit
  unsupported,    ///< this build or store cannot do it
  unavailable,    ///< the store cannot be got at: gone, or closed to us
  busy,           ///< a lock was not to be had in time; trying again may help
  missing,        ///< the store has lost the image's data
  corrupt,        ///< stored data contradict themselves
  io,             ///< the system failed underneath
};

/// The code's name as written above, for logs.
std::string_view to_string(Errc code) noexcept;

/// The one exception type of the catalog. `what()` is meant for the user: it names what is wrong
/// and what is allowed, and holds no secret.
class Error : public std::runtime_error {
 public:
  /// Whose words `what()` is. Foreign ones hold what the operating system or the database said,
  /// and paths of this machine: for logs and for who sits at it, not for clients of the network.
  enum class Words { own, foreign };

  Error(Errc code, const std::string& message, Words words = Words::own)
      : std::runtime_error(message), code_(code), words_(words) {}

  [[nodiscard]] Errc code() const noexcept { return code_; }
  [[nodiscard]] Words words() const noexcept { return words_; }

 private:
  Errc code_;
  Words words_;
};

/// Throws an Error for a failed system call: `errno_value` decides the code (ENOSPC → no_space,
/// EDQUOT → over_quota, EROFS → read_only, …), the text is "`what`: strerror", foreign words.
[[noreturn]] void throw_errno(int errno_value, const std::string& what);

}  // namespace glance
