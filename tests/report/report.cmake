# The report of a study, as text and in a browser.
add_executable(report_make_study ${CMAKE_CURRENT_LIST_DIR}/make_study.c)
target_link_libraries(report_make_study PRIVATE atelier_results m)
target_include_directories(report_make_study PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
add_test(NAME report_page COMMAND bash ${CMAKE_CURRENT_LIST_DIR}/report_test.sh $<TARGET_FILE:atelier>
  $<TARGET_FILE:report_make_study> ${CMAKE_CURRENT_BINARY_DIR}/report_page)
set_tests_properties(report_page PROPERTIES TIMEOUT 700 SKIP_RETURN_CODE 77)
