// SPDX-License-Identifier: Apache-2.0
#include "catalog/config/oslo_config.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

#include "catalog/base/error.h"
#include "catalog/text/ascii.h"

namespace glance {
namespace {

std::string_view without_quotes(std::string_view text) {
  if (text.empty() || text.front() != text.back()) return text;
  if (text.front() != '"' && text.front() != '\'') return text;
  return text.size() < 2 ? std::string_view() : text.substr(1, text.size() - 2);
}

/// Sections are found in any case, except that `[default]` is not `[DEFAULT]`.
std::string normalized_section(std::string_view name) {
  return name == "DEFAULT" ? std::string(name) : lower_case(name);
}

}  // namespace

/// Reads line by line into `config`. A value is stored once its last continuation line is known.
class OsloConfig::Parser {
 public:
  explicit Parser(OsloConfig& config) : config_(config) {}

  void line(std::string_view text) {
    ++line_;
    text = trim_right(text);
    if (text.empty()) {
      store();
    } else if (text.front() == ' ' || text.front() == '\t') {
      continuation(trim(text));
    } else {
      store();
      if (text.front() == '[') {
        section(text);
      } else if (text.front() != '#' && text.front() != ';') {
        assignment(text);
      }
    }
  }

  void store() {
    if (!key_) return;
    config_.values_.insert_or_assign({section_, *key_}, std::move(value_));
    key_.reset();
  }

 private:
  [[noreturn]] void refuse(std::string_view what) const {
    throw Error(Errc::invalid,
                config_.file_ + ":" + std::to_string(line_) + ": " + std::string(what));
  }

  void continuation(std::string_view text) {
    if (!key_) {
      refuse("the line begins with a blank, but there is no value above it that it could continue");
    }
    value_.text += '\n';
    value_.text += text;
  }

  void section(std::string_view text) {
    if (!text.ends_with(']')) refuse("a section begins with '[' but does not end with ']'");
    if (text.size() <= 2) refuse("the section has no name; allowed: [name]");
    section_ = normalized_section(text.substr(1, text.size() - 2));
  }

  void assignment(std::string_view text) {
    const std::size_t sign = text.find_first_of("=:");
    if (sign == std::string_view::npos) {
      refuse(
          "neither a section, an assignment nor a comment; allowed: [section], key = value, # …");
    }
    if (section_.empty()) refuse("a section such as [DEFAULT] must come before the first key");
    const std::string_view key = trim(text.substr(0, sign));
    if (key.empty()) refuse("there is no key before the '='; allowed: key = value");
    key_ = std::string(key);
    value_ = {.text = std::string(without_quotes(trim(text.substr(sign + 1)))), .line = line_};
  }

  OsloConfig& config_;
  std::size_t line_ = 0;
  std::string section_;
  std::optional<std::string> key_;  // whose value is being read
  Value value_;
};

OsloConfig OsloConfig::read(const std::filesystem::path& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) throw_errno(errno != 0 ? errno : EIO, "cannot open " + path.string());
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (file.bad()) throw_errno(EIO, "cannot read " + path.string());
  return parse(text, path.string());
}

OsloConfig OsloConfig::parse(std::string_view text, std::string file) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  OsloConfig config(std::move(file));
  Parser parser(config);
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    parser.line(line);
  }
  parser.store();
  return config;
}

const OsloConfig::Value* OsloConfig::find(std::string_view section, std::string_view key) const {
  const auto found = values_.find({normalized_section(section), std::string(key)});
  return found == values_.end() ? nullptr : &found->second;
}

std::map<std::string, OsloConfig::Value> OsloConfig::section(std::string_view name) const {
  const std::string wanted = normalized_section(name);
  std::map<std::string, Value> found;
  for (auto each = values_.lower_bound({wanted, ""});
       each != values_.end() && each->first.first == wanted; ++each) {
    found.emplace(each->first.second, each->second);
  }
  return found;
}

std::optional<bool> parse_oslo_boolean(std::string_view text) {
  const std::string word = lower_case(text);
  if (word == "true" || word == "1" || word == "on" || word == "yes") return true;
  if (word == "false" || word == "0" || word == "off" || word == "no") return false;
  return std::nullopt;
}

}  // namespace glance
