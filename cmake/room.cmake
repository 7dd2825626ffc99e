# A room is a folder that is one library and exports only its public headers.
#
#   atelier_room(engine
#     PUBLIC engine.h probe.h            # others may include these, as "engine/engine.h"
#     SOURCES a.c b.c
#     ROOMS base image                   # the rooms whose public headers it may include
#     LIBRARIES PNG::PNG)
#
# Public headers are copied into <build>/rooms/<room>/<room>/, and only that folder is put before a user's
# compiler: an include that docs/ARCHITECTURE.md does not allow does not compile. Within a room, files include
# each other relative to the room's folder ("ops/pool.h").
function(atelier_room name)
  cmake_parse_arguments(room "" "" "PUBLIC;SOURCES;ROOMS;LIBRARIES" ${ARGN})
  set(export ${CMAKE_BINARY_DIR}/rooms/${name})
  foreach(header IN LISTS room_PUBLIC)
    configure_file(${CMAKE_CURRENT_SOURCE_DIR}/${header} ${export}/${name}/${header} COPYONLY)
  endforeach()
  add_library(atelier_${name} STATIC ${room_SOURCES})
  target_include_directories(atelier_${name} PUBLIC $<BUILD_INTERFACE:${export}> PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  foreach(other IN LISTS room_ROOMS)
    target_link_libraries(atelier_${name} PUBLIC atelier_${other})
  endforeach()
  target_link_libraries(atelier_${name} PRIVATE ${room_LIBRARIES})
  set_property(GLOBAL APPEND PROPERTY ATELIER_ROOMS ${name})
endfunction()
