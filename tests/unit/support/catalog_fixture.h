// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "catalog/catalog.h"
#include "catalog/config/spec.h"
#include "catalog/known_store.h"
#include "tests/unit/support/temporary_directory.h"

namespace glance::test {

/// A real catalog, SQLite and files, in a directory of its own.
class CatalogFixture : public ::testing::Test {
 protected:
  CatalogFixture() : catalog_(open(true)) {}

  [[nodiscard]] std::unique_ptr<Catalog> open(bool create = false) const {
    return Catalog::open(read_spec(spec(), create), create);
  }
  [[nodiscard]] std::string spec() const { return directory_.path() / "catalog"; }
  [[nodiscard]] std::filesystem::path datadir() const {
    return directory_.path() / "catalog" / "images";
  }
  [[nodiscard]] std::string database_url() const {
    return "sqlite:///" + spec() + "/glance.sqlite";
  }

  static std::span<const std::byte> bytes(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
  }

  /// A queued image, ready for data.
  Image add(const std::string& name) const {
    return catalog_->add(caller_, {.name = name, .disk_format = "raw", .container_format = "bare"});
  }

  /// An active image with `data`.
  Image store(const std::string& name, std::string_view data) const {
    const auto upload = catalog_->upload(caller_, add(name).id, {});
    upload->write(0, bytes(data));
    return upload->publish();
  }

  [[nodiscard]] std::string data_of(const ImageId& id) const {
    const auto reader = catalog_->open_data(caller_, id);
    std::string data(reader->size(), '\0');
    reader->read(0, std::as_writable_bytes(std::span(data)));
    return data;
  }

  /// Files in the store, spools included, by name; not its marker.
  [[nodiscard]] std::vector<std::string> stored_files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(datadir())) {
      const std::string name = entry.path().filename();
      if (entry.is_regular_file() && name != kStoreMarker) names.push_back(name);
    }
    return names;
  }

  /// Lets a child process work on the catalog and die without any farewell: `work` must end it.
  void in_a_process_that_dies(const std::function<void(Catalog&)>& work) {
    catalog_.reset();  // SQLite's connections must not cross a fork
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      work(*open());
      ::_exit(1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_EQ(status, 0);
    catalog_ = open();
  }

  const Caller caller_ = Caller::local_admin();

 private:
  const TemporaryDirectory directory_;

 protected:
  std::unique_ptr<Catalog> catalog_;
};

/// The code of the Error that `call` throws; fails the test if it throws none.
template <typename Call>
Errc error_of(Call&& call) {
  try {
    static_cast<void>(call());
  } catch (const Error& error) {
    return error.code();
  }
  ADD_FAILURE() << "no error was thrown";
  return Errc::io;
}

}  // namespace glance::test
