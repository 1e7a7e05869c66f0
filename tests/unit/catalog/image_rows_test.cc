// SPDX-License-Identifier: Apache-2.0
#include "catalog/rows/image_rows.h"

#include <stdexcept>

#include <gtest/gtest.h>

#include "catalog/database/database.h"
#include "tests/unit/support/catalog_fixture.h"

namespace glance {
namespace {

using ImageRows = test::CatalogFixture;

TEST_F(ImageRows, TakeNoStepThatTheStateMachineDoesNotKnow) {
  const Image image = store("a", "data");
  Image queued = image;
  queued.status = ImageStatus::queued;
  Database database(database_url(), false);
  database.write([&](Session& sql) {
    EXPECT_THROW(rows::update_image(sql, image, queued), std::logic_error);
    EXPECT_THROW((void)rows::move_status(sql, image.id, image.status, queued.status, now()),
                 std::logic_error);
  });
  EXPECT_EQ(catalog_->find(caller_, image.id)->status, ImageStatus::active);
}

}  // namespace
}  // namespace glance
