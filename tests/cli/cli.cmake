# The built program, run as a person runs it: tests/cli/<name>_test.sh is the ctest cli_<name>. Its arguments: the
# program, the sources' root, a directory of its own, the build's root, a reader of JSON, and the sanitizers.
include(${CMAKE_CURRENT_LIST_DIR}/layers.cmake)
add_executable(cli_json_get ${CMAKE_CURRENT_LIST_DIR}/json_get.c)
target_link_libraries(cli_json_get PRIVATE PkgConfig::jansson)
file(GLOB scripts CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_LIST_DIR} ${CMAKE_CURRENT_LIST_DIR}/*_test.sh)
foreach(script IN LISTS scripts)
  string(REPLACE "_test.sh" "" name ${script})
  add_test(NAME cli_${name} COMMAND bash ${CMAKE_CURRENT_LIST_DIR}/${script} $<TARGET_FILE:atelier>
    ${PROJECT_SOURCE_DIR} ${CMAKE_CURRENT_BINARY_DIR}/cli_${name} ${PROJECT_BINARY_DIR} $<TARGET_FILE:cli_json_get>
    "${ATELIER_SANITIZE}")
  set_tests_properties(cli_${name} PROPERTIES TIMEOUT 300 SKIP_RETURN_CODE 77)
endforeach()
