# keywright_room(name SOURCES a.cc .. [TESTS a_test.cc ..] [DEPENDS room ..] [PRIVATE library ..]
#                [PUBLIC library ..] [TEST_DEPENDS room ..] [TEST_PRIVATE library ..] [TEST_ONLY])
#
# One library kw_<name> for one folder of src/, and one test executable bin/<name>_test. Paths are
# relative to the room's folder. DEPENDS may name only what src/rooms.txt allows this room;
# TEST_DEPENDS adds rooms for the tests alone. A TEST_ONLY room exists only when tests are built.
#
# Each room is published through an include root of its own, <build>/inc/<name>, which holds that
# room's headers and nothing else. An #include of a room that is not in DEPENDS, directly or through
# another room, finds no file. What DEPENDS lets through at second hand, tools/tidy.py refuses.

set_property(DIRECTORY ${CMAKE_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS src/rooms.txt)
file(STRINGS ${CMAKE_SOURCE_DIR}/src/rooms.txt room_lines REGEX "^[a-z]")
set(keywright_rooms "")
foreach(line IN LISTS room_lines)
  if(NOT line MATCHES "^([a-z_]+) +([a-z_/]+) *:(.*)$")
    message(FATAL_ERROR "src/rooms.txt: cannot read '${line}'")
  endif()
  set(room ${CMAKE_MATCH_1})
  list(APPEND keywright_rooms ${room})
  set(keywright_folder_${room} ${CMAKE_MATCH_2})
  separate_arguments(keywright_may_include_${room} UNIX_COMMAND "${CMAKE_MATCH_3}")
endforeach()

# A folder without a CMakeLists.txt is skipped, and looked at again by every build.
function(keywright_add_folder folder)
  file(GLOB lists CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/CMakeLists.txt)
  if(lists)
    add_subdirectory(${CMAKE_SOURCE_DIR}/${folder} ${CMAKE_BINARY_DIR}/${folder})
  endif()
endfunction()

# A macro, so that it runs in the top-level scope like the add_subdirectory() it stands for.
macro(keywright_add_rooms)
  foreach(room IN LISTS keywright_rooms)
    keywright_add_folder(src/${keywright_folder_${room}})
  endforeach()
endmacro()

# Links the headers of `folder` into the include root, without those of the rooms nested in it.
function(keywright_publish_headers root folder)
  set(source ${CMAKE_SOURCE_DIR}/src/${folder})
  file(REMOVE_RECURSE ${root})
  cmake_path(GET folder PARENT_PATH parent)
  file(MAKE_DIRECTORY ${root}/${parent})
  set(nested "")
  foreach(room IN LISTS keywright_rooms)
    if(keywright_folder_${room} MATCHES "^${folder}/(.*)$")
      list(APPEND nested ${CMAKE_MATCH_1})
    endif()
  endforeach()
  if(NOT nested)
    file(CREATE_LINK ${source} ${root}/${folder} SYMBOLIC)
    return()
  endif()
  file(MAKE_DIRECTORY ${root}/${folder})
  file(GLOB entries CONFIGURE_DEPENDS LIST_DIRECTORIES true RELATIVE ${source} ${source}/*)
  list(REMOVE_ITEM entries ${nested})
  foreach(entry IN LISTS entries)
    file(CREATE_LINK ${source}/${entry} ${root}/${folder}/${entry} SYMBOLIC)
  endforeach()
endfunction()

function(keywright_check_dependencies name)
  foreach(room IN LISTS ARGN)
    if(NOT room IN_LIST keywright_may_include_${name})
      message(FATAL_ERROR "room ${name} may not depend on ${room} (src/rooms.txt)")
    endif()
  endforeach()
endfunction()

function(keywright_room name)
  cmake_parse_arguments(ROOM "TEST_ONLY" "DIR"
    "SOURCES;TESTS;DEPENDS;PRIVATE;PUBLIC;TEST_DEPENDS;TEST_PRIVATE" ${ARGN})
  if(ROOM_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "room ${name}: unknown arguments ${ROOM_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT name IN_LIST keywright_rooms)
    message(FATAL_ERROR "room ${name} is not in src/rooms.txt")
  endif()
  if(ROOM_DIR AND NOT ROOM_DIR STREQUAL keywright_folder_${name})
    message(FATAL_ERROR "room ${name}: src/rooms.txt puts it in ${keywright_folder_${name}}")
  endif()
  if(ROOM_TEST_ONLY AND NOT KEYWRIGHT_TESTS)
    return()
  endif()
  keywright_check_dependencies(${name} ${ROOM_DEPENDS})

  set(root ${CMAKE_BINARY_DIR}/inc/${name})
  keywright_publish_headers(${root} ${keywright_folder_${name}})
  list(TRANSFORM ROOM_DEPENDS PREPEND kw_)
  if(ROOM_SOURCES)
    add_library(kw_${name} STATIC ${ROOM_SOURCES})
    target_include_directories(kw_${name} PUBLIC ${root})
    target_link_libraries(kw_${name} PUBLIC ${ROOM_DEPENDS} ${ROOM_PUBLIC} fmt::fmt tl::expected
                                     PRIVATE ${ROOM_PRIVATE})
  else()
    add_library(kw_${name} INTERFACE)
    target_include_directories(kw_${name} INTERFACE ${root})
    target_link_libraries(kw_${name} INTERFACE ${ROOM_DEPENDS} ${ROOM_PUBLIC} ${ROOM_PRIVATE}
                                               fmt::fmt tl::expected)
  endif()
  add_library(keywright::${name} ALIAS kw_${name})

  if(KEYWRIGHT_TESTS AND ROOM_TESTS)
    list(TRANSFORM ROOM_TEST_DEPENDS PREPEND kw_)
    keywright_unit_test(${name}_test SOURCES ${ROOM_TESTS}
      LIBRARIES kw_${name} ${ROOM_TEST_DEPENDS} ${ROOM_PRIVATE} ${ROOM_TEST_PRIVATE})
  endif()
endfunction()
