// SPDX-License-Identifier: Apache-2.0
// db-sync, index, show.

#include <iostream>

#include <fmt/format.h>
#include <unistd.h>

#include "catalog/config/spec.h"
#include "catalog/model/image_json.h"
#include "catalog/text/one_line.h"
#include "catalog/tool/command.h"
#include "catalog/tool/images.h"
#include "catalog/tool/table.h"
#include "catalog/tool/text.h"

namespace glance::tool {

namespace po = boost::program_options;

namespace {

Format format_of(const Invocation& invocation) {
  const auto text = invocation.text("format").value_or("table");
  const auto format = parse_format(text);
  if (!format) throw UsageError("--format wants table, csv or json, not '" + text + "'");
  return *format;
}

/// Cells must be what they are for a program, and cannot be so on a terminal: ls(1) does the same.
Reader reader() {
  return ::isatty(STDOUT_FILENO) == 1 ? Reader::person : Reader::program;
}

void print(const Table& table, Format format) {
  format == Format::csv ? print_csv(table, reader(), std::cout) : print_table(table, std::cout);
}

ExitCode db_sync(const Invocation& invocation) {
  Catalog::open(read_spec(invocation.spec, true), true);
  return ExitCode::ok;
}

std::string size_text(const Image& image, bool human) {
  if (!image.size) return "";
  return human ? human_size(*image.size) : std::to_string(*image.size);
}

std::string json_of(const Image& image, const Config& config) {
  return printable_json(image_to_json(image, Caller::local_admin(), config));
}

void print_json(const std::vector<Image>& images, const Config& config) {
  std::cout << '[';
  for (std::size_t i = 0; i < images.size(); ++i) {
    std::cout << (i > 0 ? ",\n" : "\n") << json_of(images[i], config);
  }
  std::cout << "\n]\n";
}

ExitCode index(const Invocation& invocation) {
  const Format format = format_of(invocation);
  const auto catalog = open_catalog(invocation);
  ImageQuery query;
  if (invocation.has("all")) query.os_hidden = std::nullopt;
  const auto images = catalog->list(Caller::local_admin(), query);
  if (format == Format::json) {
    print_json(images, catalog->config());
    return ExitCode::ok;
  }
  Table table{.header = {"ID", "Name", "Disk Format", "Container Format", "Size"}, .rows = {}};
  for (const auto& image : images) {
    table.rows.push_back({image.id.text(), image.name.value_or(""), image.disk_format.value_or(""),
                          image.container_format.value_or(""),
                          size_text(image, invocation.has("human-readable"))});
  }
  print(table, format);
  return ExitCode::ok;
}

ExitCode show(const Invocation& invocation) {
  const Format format = format_of(invocation);
  const auto catalog = open_catalog(invocation);
  const auto image = resolve_image(*catalog, invocation.arguments.front());
  if (format == Format::json) {
    std::cout << json_of(image, catalog->config()) << '\n';
    return ExitCode::ok;
  }
  Table table{.header = {"Field", "Value"}, .rows = {}};
  for (const auto& attribute : core_attributes()) {
    if (auto text = attribute_text(image, attribute.name)) {
      table.rows.push_back({std::string(attribute.name), *text});
    }
  }
  for (const auto& [name, value] : image.properties) table.rows.push_back({name, value});
  for (const auto& location : image.locations) table.rows.push_back({"location", location.url});
  print(table, format);
  return ExitCode::ok;
}

constexpr const char* kFormatHelp = "table (for people; the default), csv or json";

}  // namespace

Command make_db_sync() {
  return {.name = "db-sync",
          .operands = "",
          .summary = "Make the catalog's tables and store; does nothing where they are.",
          .arguments = {0, 0},
          .options = {},
          .run = db_sync};
}

Command make_index() {
  Command command{.name = "index",
                  .operands = "",
                  .summary = "List the images.",
                  .arguments = {0, 0},
                  .options = {},
                  .run = index};
  command.options.add_options()                                                //
      ("all", "hidden images, too")                                            //
      ("format", po::value<std::string>()->value_name("FORMAT"), kFormatHelp)  //
      ("human-readable", "sizes with units, powers of 1000; json has them always in bytes");
  return command;
}

Command make_show() {
  Command command{.name = "show",
                  .operands = "NAME|ID",
                  .summary = "Show one image with all its attributes.",
                  .arguments = {1, 1},
                  .options = {},
                  .run = show};
  command.options.add_options()  //
      ("format", po::value<std::string>()->value_name("FORMAT"), kFormatHelp);
  return command;
}

}  // namespace glance::tool
