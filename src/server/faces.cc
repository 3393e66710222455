#include "server/faces.h"

#include <utility>

namespace keywright::server {

Faces::Faces(app::App& app, const Config& config, rest::FaceOptions rest_options)
    : rest_(app, std::move(rest_options)) {
  static_cast<void>(config);
  front_.add(console::serves, console_);
}

}  // namespace keywright::server
