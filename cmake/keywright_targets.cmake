# Executables beside the rooms: unit tests, fuzz targets, benchmarks.

# The precompiled gtest/gtest.h that every unit test reuses.
function(keywright_test_support)
  file(WRITE ${CMAKE_BINARY_DIR}/gtest_pch.cc "int main() {}\n")
  add_executable(gtest_pch EXCLUDE_FROM_ALL ${CMAKE_BINARY_DIR}/gtest_pch.cc)
  target_link_libraries(gtest_pch PRIVATE GTest::gtest fmt::fmt tl::expected)
  target_precompile_headers(gtest_pch PRIVATE <gtest/gtest.h>)
endfunction()

# keywright_unit_test(name SOURCES .. LIBRARIES ..): bin/<name>, run by ctest in the root folder.
function(keywright_unit_test name)
  cmake_parse_arguments(TEST "" "" "SOURCES;LIBRARIES" ${ARGN})
  add_executable(${name} ${TEST_SOURCES})
  target_link_libraries(${name} PRIVATE ${TEST_LIBRARIES} GTest::gtest_main GTest::gtest)
  target_precompile_headers(${name} REUSE_FROM gtest_pch)
  add_test(NAME ${name} COMMAND ${name} --gtest_brief=1 WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
endfunction()

# keywright_fuzz(name SOURCE f.cc DEPENDS room .. [CORPUS folder])
#
# f.cc defines LLVMFuzzerTestOneInput. With KEYWRIGHT_FUZZ this is a libFuzzer executable; otherwise
# a plain one that feeds it every file of the corpus (default: corpus/<name> beside f.cc) and the
# empty input, registered with ctest.
function(keywright_fuzz name)
  cmake_parse_arguments(FUZZ "" "SOURCE;CORPUS" "DEPENDS" ${ARGN})
  if(NOT KEYWRIGHT_TESTS)
    return()
  endif()
  if(NOT FUZZ_CORPUS)
    set(FUZZ_CORPUS corpus/${name})
  endif()
  cmake_path(ABSOLUTE_PATH FUZZ_CORPUS)
  list(TRANSFORM FUZZ_DEPENDS PREPEND kw_)
  add_executable(${name} ${FUZZ_SOURCE})
  target_link_libraries(${name} PRIVATE ${FUZZ_DEPENDS})
  if(KEYWRIGHT_FUZZ)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    if(NOT TARGET fuzz_targets)
      add_custom_target(fuzz_targets)
    endif()
    add_dependencies(fuzz_targets ${name})
    add_custom_target(run_${name}
      COMMAND ${CMAKE_SOURCE_DIR}/tools/fuzz.sh $<TARGET_FILE:${name}> ${FUZZ_CORPUS}
      DEPENDS ${name} USES_TERMINAL)
  else()
    target_sources(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests/support/replay_main.cc)
    add_test(NAME ${name}_replay COMMAND ${name} ${FUZZ_CORPUS}
             WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  endif()
endfunction()

# keywright_bench(name SOURCES .. DEPENDS room .. [PRIVATE library ..]): bin/<name>.
function(keywright_bench name)
  cmake_parse_arguments(BENCH "" "" "SOURCES;DEPENDS;PRIVATE" ${ARGN})
  if(NOT KEYWRIGHT_BENCHMARKS)
    return()
  endif()
  list(TRANSFORM BENCH_DEPENDS PREPEND kw_)
  add_executable(${name} ${BENCH_SOURCES})
  target_link_libraries(${name} PRIVATE ${BENCH_DEPENDS} ${BENCH_PRIVATE} benchmark::benchmark)
endfunction()
