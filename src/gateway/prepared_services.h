// gateway/prepared_services.h - a service's upstream address taken apart and its headers unsealed,
// ready to be sent.
//
//   KW_TRY(const PreparedService* prepared, services.prepare(directory, service));
//
// Each io thread keeps what it prepared for as long as the record says the same; nothing that
// decides is kept here.
//
// Errors: those of app/upstream.h and crypto/sealed.h.
// Threading: any io thread; what is returned is good until that thread's next suspension.
// Cost: a look-up; after a change of the service about 1 µs for each header.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "app/directory.h"
#include "base/secret.h"
#include "gateway/upstream_pool.h"

namespace keywright::gateway {

struct PreparedService {
  std::shared_ptr<const UpstreamTarget> target;
  std::vector<std::pair<std::string, Secret<std::string>>> headers;
  std::string upstream_url;  // these two: of the record it was prepared from
  domain::SealedHeaders sealed_headers;
  std::uint64_t epoch = 0;
};

class PreparedServices {
 public:
  explicit PreparedServices(std::vector<Cidr> allowed) : allowed_(std::move(allowed)) {}
  Result<const PreparedService*> prepare(const app::Directory& directory,
                                         const domain::Service& service) const;

 private:
  Result<PreparedService> make(const app::Directory& directory,
                               const domain::Service& service) const;

  const std::vector<Cidr> allowed_;
};

}  // namespace keywright::gateway
