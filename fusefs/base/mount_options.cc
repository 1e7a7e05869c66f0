// SPDX-License-Identifier: Apache-2.0
#include "fusefs/base/mount_options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>

#include "catalog/base/error.h"
#include "catalog/config/oslo_config.h"

namespace glance::fs {

namespace {

// Flags that libfuse passes on to mount(2).
constexpr std::array<std::string_view, 11> kKernelFlags = {"suid", "nosuid", "dev",    "nodev",
                                                           "exec", "noexec", "atime",  "noatime",
                                                           "sync", "async",  "dirsync"};

// Words that libfuse does not know and that change nothing here: there are no access times and no
// symbolic links, and any mount point will do. The last two are always on, or understood elsewhere.
constexpr std::array<std::string_view, 20> kWithoutEffect = {"diratime",
                                                             "nodiratime",
                                                             "relatime",
                                                             "norelatime",
                                                             "strictatime",
                                                             "nostrictatime",
                                                             "lazytime",
                                                             "nolazytime",
                                                             "iversion",
                                                             "noiversion",
                                                             "mand",
                                                             "nomand",
                                                             "silent",
                                                             "loud",
                                                             "symfollow",
                                                             "nosymfollow",
                                                             "nonempty",
                                                             "defaults",
                                                             "default_permissions",
                                                             "sloppy"};

constexpr std::string_view kAllowed =
    "create, ro, rw, allow_other, uid=, gid=, umask=, owner=, visibility=, overwrite=, replaced=, "
    "commit_linger=, drain=, show_views, log_level=, and mount(8)'s nosuid, nodev, noexec, "
    "noatime, "
    "sync and their opposites";

constexpr unsigned kMaxSeconds = 86400;
constexpr std::size_t kMaxOwner = 255;  // the column's width

template <typename Number>
std::optional<Number> parse_number(std::string_view text, Number max, int base = 10) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  const bool whole = end == text.data() + text.size();
  if (error != std::errc{} || !whole || number > max) return std::nullopt;
  return number;
}

// ── values ────────────────────────────────────────────────────────────────────────────────────
// Each reads one option's value; false if it is not understood.

bool set_uid(MountOptions& options, std::string_view text) {
  // The highest number means "no user" to chown(2) and its kin.
  auto uid = parse_number(text, std::numeric_limits<uid_t>::max() - 1);
  if (!uid) {
    const passwd* user = ::getpwnam(std::string(text).c_str());
    if (user == nullptr) return false;
    uid = user->pw_uid;
  }
  options.uid = *uid;
  return true;
}

bool set_gid(MountOptions& options, std::string_view text) {
  auto gid = parse_number(text, std::numeric_limits<gid_t>::max() - 1);
  if (!gid) {
    const group* found = ::getgrnam(std::string(text).c_str());
    if (found == nullptr) return false;
    gid = found->gr_gid;
  }
  options.gid = *gid;
  return true;
}

bool set_umask(MountOptions& options, std::string_view text) {
  const auto mode = parse_number<mode_t>(text, 0777, 8);
  if (mode) options.umask = *mode;
  return mode.has_value();
}

bool set_owner(MountOptions& options, std::string_view text) {
  if (text.empty() || text.size() > kMaxOwner) return false;
  options.owner = std::string(text);
  return true;
}

bool set_visibility(MountOptions& options, std::string_view text) {
  const auto visibility = parse_visibility(text);
  if (visibility) options.visibility = *visibility;
  return visibility.has_value();
}

template <typename Value, std::size_t N>
bool set_word(Value& target, std::string_view text,
              const std::array<std::pair<std::string_view, Value>, N>& words) {
  const auto found = std::ranges::find(words, text, [](const auto& each) { return each.first; });
  if (found == words.end()) return false;
  target = found->second;
  return true;
}

bool set_overwrite(MountOptions& options, std::string_view text) {
  constexpr std::array<std::pair<std::string_view, Overwrite>, 2> kWords = {
      {{"refuse", Overwrite::refuse}, {"replace", Overwrite::replace}}};
  return set_word(options.overwrite, text, kWords);
}

bool set_replaced(MountOptions& options, std::string_view text) {
  constexpr std::array<std::pair<std::string_view, Replaced>, 2> kWords = {
      {{"delete", Replaced::deleted}, {"hide", Replaced::hidden}}};
  return set_word(options.replaced, text, kWords);
}

bool set_seconds(std::chrono::seconds& target, std::string_view text) {
  const auto seconds = parse_number(text, kMaxSeconds);
  if (seconds) target = std::chrono::seconds(*seconds);
  return seconds.has_value();
}

bool set_commit_linger(MountOptions& options, std::string_view text) {
  return set_seconds(options.commit_linger, text);
}

bool set_drain(MountOptions& options, std::string_view text) {
  return set_seconds(options.drain, text);
}

bool set_log_level(MountOptions& options, std::string_view text) {
  constexpr std::array<std::pair<std::string_view, LogLevel>, 4> kWords = {
      {{"debug", LogLevel::debug},
       {"info", LogLevel::info},
       {"warning", LogLevel::warning},
       {"error", LogLevel::error}}};
  return set_word(options.log_level, text, kWords);
}

// ── the options ───────────────────────────────────────────────────────────────────────────────

/// `key=value`.
struct ValueOption {
  std::string_view key;
  bool (*set)(MountOptions&, std::string_view);
  std::string_view what;     // "'x' is not WHAT; …
  std::string_view allowed;  // … allowed: ALLOWED"
};

constexpr std::array<ValueOption, 10> kValueOptions = {{
    {"uid", set_uid, "a user of this system", "a name, or a number"},
    {"gid", set_gid, "a group of this system", "a name, or a number"},
    {"umask", set_umask, "an octal mode", "0 to 0777"},
    {"owner", set_owner, "a project's id", "1 to 255 characters"},
    {"visibility", set_visibility, "a visibility", "public, private, shared, community"},
    {"overwrite", set_overwrite, "a way to overwrite", "refuse, replace"},
    {"replaced", set_replaced, "a fate of replaced images", "delete, hide"},
    {"commit_linger", set_commit_linger, "a number of seconds", "0 to 86400"},
    {"drain", set_drain, "a number of seconds", "0 to 86400"},
    {"log_level", set_log_level, "a log level", "debug, info, warning, error"},
}};

const ValueOption* find_value_option(std::string_view key) noexcept {
  const auto* found = std::ranges::find(kValueOptions, key, &ValueOption::key);
  return found == kValueOptions.end() ? nullptr : found;
}

/// `key`, or `nokey` for the opposite.
struct FlagOption {
  std::string_view key;
  bool MountOptions::* target;
};

constexpr std::array<FlagOption, 3> kFlagOptions = {{
    {"create", &MountOptions::create},
    {"allow_other", &MountOptions::allow_other},
    {"show_views", &MountOptions::show_views},
}};

// `ro` has an opposite of its own.
constexpr FlagOption kReadOnly{"ro", &MountOptions::read_only};

const FlagOption* find_flag_option(std::string_view key) noexcept {
  const auto* found = std::ranges::find(kFlagOptions, key, &FlagOption::key);
  return found == kFlagOptions.end() ? nullptr : found;
}

bool apply_flag(std::string_view word, MountOptions& options) {
  if (word == "ro" || word == "rw") {
    options.read_only = word == "ro";
    return true;
  }
  if (std::ranges::find(kWithoutEffect, word) != kWithoutEffect.end()) return true;
  if (std::ranges::find(kKernelFlags, word) != kKernelFlags.end()) {
    options.kernel.emplace_back(word);
    return true;
  }
  if (const FlagOption* flag = find_flag_option(word)) {
    options.*flag->target = true;
    return true;
  }
  const FlagOption* negated = word.starts_with("no") ? find_flag_option(word.substr(2)) : nullptr;
  if (negated != nullptr) options.*negated->target = false;
  return negated != nullptr;
}

/// False for a key that is not known. Error: invalid (a value that is not allowed).
bool apply_value(const std::string& option, std::string_view key, std::string_view value,
                 MountOptions& options) {
  const ValueOption* found = find_value_option(key);
  if (found == nullptr) return false;
  if (!found->set(options, value)) {
    throw Error(Errc::invalid, fmt::format("mount option '{}': '{}' is not {}; allowed: {}", option,
                                           value, found->what, found->allowed));
  }
  return true;
}

void apply_option(const std::string& option, MountOptions& options) {
  const std::string_view word = option;
  const std::size_t equals = word.find('=');
  const bool known =
      equals == std::string_view::npos
          ? apply_flag(word, options)
          : apply_value(option, word.substr(0, equals), word.substr(equals + 1), options);
  if (!known && !options.sloppy) {
    throw Error(Errc::invalid,
                fmt::format("unknown mount option '{}'; allowed: {}", option, kAllowed));
  }
}

[[noreturn]] void refuse(const Setting& setting, std::string_view what, std::string_view allowed) {
  throw Error(Errc::invalid, fmt::format("{} '{}' is not {}; allowed: {}", setting.place,
                                         setting.text, what, allowed));
}

void apply_setting(const std::string& key, const Setting& setting, MountOptions& options) {
  if (const ValueOption* option = find_value_option(key)) {
    if (!option->set(options, setting.text)) refuse(setting, option->what, option->allowed);
    return;
  }
  const FlagOption* flag = key == kReadOnly.key ? &kReadOnly : find_flag_option(key);
  if (flag == nullptr) return;
  const auto value = parse_oslo_boolean(setting.text);
  if (!value) refuse(setting, "a boolean", "true, false, yes, no, on, off, 1, 0");
  options.*flag->target = *value;
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

void apply_options(const std::vector<std::string>& list, MountOptions& options) {
  options.sloppy = options.sloppy || std::ranges::find(list, "sloppy") != list.end();
  for (const auto& option : list) apply_option(option, options);
}

void apply_settings(const std::map<std::string, Setting>& settings, MountOptions& options) {
  for (const auto& [key, setting] : settings) apply_setting(key, setting, options);
}

}  // namespace glance::fs
