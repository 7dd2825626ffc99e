# The built program, run as a person runs it: tests/cli/<name>.sh is the ctest cli_<name>, with the program's path, the
# sources' root and an empty directory of its own as arguments.
include(${CMAKE_CURRENT_LIST_DIR}/layers.cmake)
file(GLOB scripts CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_LIST_DIR} ${CMAKE_CURRENT_LIST_DIR}/*_test.sh)
foreach(script IN LISTS scripts)
  string(REPLACE "_test.sh" "" name ${script})
  add_test(NAME cli_${name} COMMAND bash ${CMAKE_CURRENT_LIST_DIR}/${script} $<TARGET_FILE:atelier>
    ${PROJECT_SOURCE_DIR} ${CMAKE_CURRENT_BINARY_DIR}/cli_${name} ${PROJECT_BINARY_DIR})
  set_tests_properties(cli_${name} PROPERTIES TIMEOUT 300)
endforeach()
