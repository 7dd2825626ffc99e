# The checker of pictures against their prompts, and its smaller set as an ordinary test: Atelier paints 24 prompts with
# the model that comes with the program, and the pixels must show what was said. tools/train/judge.sh does it with 400.
add_executable(facts_judge ${CMAKE_CURRENT_LIST_DIR}/judge.c ${CMAKE_CURRENT_LIST_DIR}/score.c
  ${CMAKE_CURRENT_LIST_DIR}/eye.c ${CMAKE_CURRENT_LIST_DIR}/shapes.c ${CMAKE_CURRENT_LIST_DIR}/picture.c)
target_link_libraries(facts_judge PRIVATE PNG::PNG PkgConfig::jansson m)
if(ATELIER_SANITIZE) # fifty pictures take an hour there, and show nothing that the goldens do not
  return()
endif()
foreach(model pochade pochade-fast)
  add_test(NAME facts_${model} COMMAND sh ${CMAKE_CURRENT_LIST_DIR}/short.sh $<TARGET_FILE:atelier> $<TARGET_FILE:facts_judge>
    ${PROJECT_SOURCE_DIR} ${model} ${CMAKE_CURRENT_BINARY_DIR}/facts_${model})
  set_tests_properties(facts_${model} PROPERTIES TIMEOUT 600)
endforeach()
