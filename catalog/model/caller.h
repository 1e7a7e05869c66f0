// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace glance {

/// Who asks. Both doors make one for every request; the catalog's policy reads it.
struct Caller {
  std::optional<std::string> user;
  std::optional<std::string> project;  ///< becomes the owner of what the caller adds
  std::vector<std::string> roles;      ///< lower case
  bool is_admin = false;
  bool sees_temporaries = false;  ///< files on their way to their name, see ImageDraft

  /// The operator of this machine: what a mount and an unauthenticated bridge act as.
  [[nodiscard]] static Caller local_admin() { return {.roles = {"admin"}, .is_admin = true}; }
};

}  // namespace glance
