// gateway/prepared_upstreams.h - an upstream's address taken apart and its headers unsealed, ready
// to be sent.
//
//   KW_TRY(const PreparedUpstream* prepared,
//          upstreams.prepare(directory, {service.id.value, "service", service.upstream_url,
//                                        service.sealed_headers}));
//
// Each io thread keeps what it prepared for as long as the record says the same; nothing that
// decides is kept here.
//
// Errors: those of app/upstream.h and crypto/sealed.h.
// Threading: any io thread; what is returned is good until that thread's next suspension.
// Cost: a look-up; after a change of the record about 1 µs for each header.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/directory.h"
#include "base/secret.h"
#include "gateway/upstream_pool.h"

namespace keywright::gateway {

// Of a Service or an McpServer.
struct UpstreamRecord {
  const Uuid& id;
  std::string_view type;  // "service", "mcp_server": where its headers are sealed for
  const std::string& url;
  const domain::SealedHeaders& sealed_headers;
};

struct PreparedUpstream {
  std::shared_ptr<const UpstreamTarget> target;
  std::string path;  // of the address as registered, at least "/"
  std::vector<std::pair<std::string, Secret<std::string>>> headers;
  std::string url;  // these two: of the record it was prepared from
  domain::SealedHeaders sealed_headers;
  std::uint64_t epoch = 0;
};

class PreparedUpstreams {
 public:
  explicit PreparedUpstreams(std::vector<Cidr> allowed) : allowed_(std::move(allowed)) {}
  Result<const PreparedUpstream*> prepare(const app::Directory& directory,
                                          const UpstreamRecord& record) const;

 private:
  Result<PreparedUpstream> make(const app::Directory& directory,
                                const UpstreamRecord& record) const;

  const std::vector<Cidr> allowed_;
};

}  // namespace keywright::gateway
