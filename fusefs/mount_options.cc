// SPDX-License-Identifier: Apache-2.0
#include "fusefs/mount_options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include "catalog/error.h"

namespace glance::fs {

namespace {

// Flags that mount(2) and FUSE know themselves.
constexpr std::array<std::string_view, 16> kKernelFlags = {
    "suid", "nosuid", "dev",     "nodev",    "exec",       "noexec",   "atime",      "noatime",
    "sync", "async",  "dirsync", "diratime", "nodiratime", "relatime", "norelatime", "nonempty"};

constexpr const char* kAllowed =
    "allowed: create, ro, rw, allow_other, uid=, gid=, umask=, owner=, visibility=, and mount(8)'s "
    "nosuid, nodev, noexec, noatime, sync and their opposites";

template <typename Number>
Number parse_number(const std::string& option, std::string_view value, int base) {
  Number number{};
  const auto [end, error] =
      std::from_chars(value.data(), value.data() + value.size(), number, base);
  if (error != std::errc{} || end != value.data() + value.size() || value.empty()) {
    throw Error(Errc::invalid,
                "mount option '" + option + "' needs " +
                    (base == 8 ? "an octal mode, e.g. umask=022" : "a number, e.g. uid=1000"));
  }
  return number;
}

Visibility parse_visibility_option(const std::string& option, std::string_view value) {
  const auto visibility = parse_visibility(value);
  if (!visibility) {
    throw Error(Errc::invalid,
                "mount option '" + option + "': allowed are public, private, shared, community");
  }
  return *visibility;
}

}  // namespace

MountOptions default_options(uid_t uid, gid_t gid) {
  MountOptions options;
  options.uid = uid;
  options.gid = gid;
  options.allow_other = uid == 0;
  return options;
}

std::vector<std::string> split_options(const std::string& list) {
  std::vector<std::string> options(1);
  bool quoted = false;
  for (const char c : list) {
    if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      options.emplace_back();
    } else {
      options.back() += c;
    }
  }
  if (quoted) throw Error(Errc::invalid, "mount options: a quote is never closed: " + list);
  std::erase(options, "");
  return options;
}

namespace {

void apply_option(const std::string& option, MountOptions& options) {
  const auto equals = option.find('=');
  const std::string key = option.substr(0, equals);
  const std::string_view value = equals == std::string::npos
                                     ? std::string_view{}
                                     : std::string_view(option).substr(equals + 1);
  const bool is_flag = equals == std::string::npos;
  if (is_flag && key == "create") {
    options.create = true;
  } else if (is_flag && (key == "ro" || key == "rw")) {
    options.read_only = key == "ro";
  } else if (is_flag && key == "allow_other") {
    options.allow_other = true;
  } else if (is_flag && (key == "default_permissions" || key == "sloppy")) {
    // Always on: the kernel checks the modes that we report.
  } else if (is_flag && std::ranges::find(kKernelFlags, key) != kKernelFlags.end()) {
    options.kernel.push_back(key);
  } else if (key == "uid" && !is_flag) {
    options.uid = parse_number<uid_t>(option, value, 10);
  } else if (key == "gid" && !is_flag) {
    options.gid = parse_number<gid_t>(option, value, 10);
  } else if (key == "umask" && !is_flag) {
    options.umask = parse_number<mode_t>(option, value, 8) & 0777;
  } else if (key == "owner" && !is_flag) {
    options.owner = std::string(value);
  } else if (key == "visibility" && !is_flag) {
    options.visibility = parse_visibility_option(option, value);
  } else if (!options.sloppy) {
    throw Error(Errc::invalid, "unknown mount option '" + option + "'; " + kAllowed);
  }
}

}  // namespace

void apply_options(const std::vector<std::string>& list, MountOptions& options) {
  options.sloppy = options.sloppy || std::ranges::find(list, "sloppy") != list.end();
  for (const auto& option : list) apply_option(option, options);
}

}  // namespace glance::fs
