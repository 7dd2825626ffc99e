# Whole runs of the built program: tests/run/<name>_test.sh is the ctest run_<name>. Arguments as in tests/cli/cli.cmake.
add_library(run_shim SHARED ${CMAKE_CURRENT_LIST_DIR}/shim.c)
target_link_libraries(run_shim PRIVATE ${CMAKE_DL_LIBS})
add_executable(run_terminal ${CMAKE_CURRENT_LIST_DIR}/terminal.c)
target_link_libraries(run_terminal PRIVATE atelier_image atelier_base PkgConfig::sixel util)
file(GLOB run_scripts CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_LIST_DIR} ${CMAKE_CURRENT_LIST_DIR}/*_test.sh)
foreach(script IN LISTS run_scripts)
  string(REPLACE "_test.sh" "" name ${script})
  add_test(NAME run_${name} COMMAND bash ${CMAKE_CURRENT_LIST_DIR}/${script} $<TARGET_FILE:atelier>
    ${PROJECT_SOURCE_DIR} ${CMAKE_CURRENT_BINARY_DIR}/run_${name} ${PROJECT_BINARY_DIR} $<TARGET_FILE:cli_json_get>
    "${ATELIER_SANITIZE}")
  set_tests_properties(run_${name} PROPERTIES TIMEOUT 1500 SKIP_RETURN_CODE 77)
endforeach()
