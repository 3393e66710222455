# Third-party libraries, all from Debian 12. A room names what it uses in PRIVATE; tools/tidy.py
# keeps the list of which room may include which library's headers.
#
#   OpenSSL::Crypto OpenSSL::SSL  sodium::sodium  crypt::crypt  SQLite::SQLite3  ZLIB::ZLIB
#   simdjson::simdjson  nghttp2::nghttp2  pq::pq  Threads::Threads
#   fmt::fmt and tl::expected are linked into every room.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(fmt CONFIG REQUIRED)
find_package(tl-expected CONFIG REQUIRED)
find_package(simdjson CONFIG REQUIRED)

pkg_check_modules(sodium REQUIRED IMPORTED_TARGET libsodium)
add_library(sodium::sodium ALIAS PkgConfig::sodium)

pkg_check_modules(nghttp2 REQUIRED IMPORTED_TARGET libnghttp2)
add_library(nghttp2::nghttp2 ALIAS PkgConfig::nghttp2)

pkg_check_modules(zstd REQUIRED IMPORTED_TARGET libzstd)
add_library(zstd::zstd ALIAS PkgConfig::zstd)

pkg_check_modules(pq REQUIRED IMPORTED_TARGET libpq)
add_library(pq::pq ALIAS PkgConfig::pq)

find_library(crypt_library crypt REQUIRED)
add_library(crypt::crypt UNKNOWN IMPORTED)
set_target_properties(crypt::crypt PROPERTIES IMPORTED_LOCATION ${crypt_library})

if(KEYWRIGHT_TESTS)
  find_package(GTest CONFIG REQUIRED)
endif()
if(KEYWRIGHT_BENCHMARKS)
  find_package(benchmark CONFIG REQUIRED)
endif()
