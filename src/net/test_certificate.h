// net/test_certificate.h - for tests: a self-signed certificate and its key, made on the spot.
//
//   TestCertificate certificate("localhost");
//   TlsServer::load({certificate.certificate_file(), certificate.key_file()});
//
// Valid for the given name and for 127.0.0.1. The files go with the object.
#pragma once

#include <filesystem>
#include <string>

namespace keywright::net {

class TestCertificate {
 public:
  explicit TestCertificate(const std::string& common_name);
  ~TestCertificate();
  TestCertificate(const TestCertificate&) = delete;
  TestCertificate& operator=(const TestCertificate&) = delete;

  std::string certificate_file() const { return (folder_ / "certificate.pem").string(); }
  std::string key_file() const { return (folder_ / "key.pem").string(); }
  // Takes the files of another one, as a renewal does.
  void replace_by(const TestCertificate& other) const;

 private:
  std::filesystem::path folder_;
};

}  // namespace keywright::net
