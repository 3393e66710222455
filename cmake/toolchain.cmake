# Language, warnings, sanitizers, linker and compiler cache: the same for every target.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)

set(flags -Wall -Wextra -Wpedantic -Wshadow -fno-omit-frame-pointer -fstack-protector-strong)
if(KEYWRIGHT_WERROR)
  list(APPEND flags -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  list(APPEND flags -Wthread-safety)
  # Lets ccache keep what is compiled with a precompiled header.
  list(APPEND flags "SHELL:-Xclang -fno-pch-timestamp")
endif()
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
  list(APPEND flags -march=x86-64-v2)
endif()
if(KEYWRIGHT_SANITIZE)
  list(APPEND flags -fsanitize=${KEYWRIGHT_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${KEYWRIGHT_SANITIZE})
elseif(CMAKE_BUILD_TYPE STREQUAL "Release")
  add_compile_definitions(_FORTIFY_SOURCE=2)
endif()
add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:${flags}>")  # not for the assembler

# Out-of-range subscripts of standard containers abort instead of reading on, in releases too.
add_compile_definitions(_GLIBCXX_ASSERTIONS)

find_program(mold_path mold)
if(mold_path)
  add_link_options(-fuse-ld=mold)
endif()
add_link_options(-Wl,-z,relro,-z,now -Wl,--as-needed)

# The cache is shared between build folders: paths below the repository are made relative first.
find_program(ccache_path ccache)
if(ccache_path AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 CCACHE_ABSSTDERR=1
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      ${ccache_path})
endif()
